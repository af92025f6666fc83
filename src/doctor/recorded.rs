//! Whether builds that called sccache are in the database.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Context, Finding, State, ago, quoted};
use crate::portage::HookRecord;
use crate::portage::compiles_rust;
use crate::portage::emerge_log::{Merge, merges};
use crate::store::{BuildRow, Error, Filter, Pending, Store};

const CHECK: &str = "recorded";

/// How far back merges are compared.
const DAYS: i64 = 30;

/// The clocks of emerge.log and of the hook's record have whole seconds.
const SLACK: TimeDelta = TimeDelta::seconds(2);

/// How many packages are named.
const NAMED: usize = 5;

pub(super) fn check(context: &Context) -> Finding {
    let builds = match recent_builds(context) {
        Ok(builds) => builds,
        Err(reason) => return Finding::new(CHECK, State::Unknown, reason),
    };
    if let Some(finding) = lost(context, &builds) {
        return finding;
    }
    let Some(newest) = builds.iter().max_by_key(|build| build.finished_at) else {
        let message = format!("no build was recorded in the last {DAYS} days");
        return Finding::new(CHECK, State::Unknown, message);
    };
    let missing = missing(context, &builds);
    let age = ago(context.now - newest.finished_at);
    let package = format!("{}-{}", newest.package, newest.version);
    let message = format!("{} was recorded {age}", quoted(&package));
    if missing.is_empty() {
        return Finding::new(CHECK, State::Green, message);
    }
    let mut names: Vec<String> = missing
        .iter()
        .map(|merge| quoted(&format!("{}-{}", merge.package, merge.version)))
        .collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    // Recording works, so these didn't call sccache; that may be intended.
    let message = format!(
        "{message}. Compiled Rust since the first record and didn't call sccache: {}",
        names.join(", ")
    );
    Finding::new(CHECK, State::Yellow, message)
}

fn recent_builds(context: &Context) -> Result<Vec<BuildRow>, String> {
    let filter = Filter {
        since: Some(context.now - TimeDelta::days(DAYS)),
        // What claims to come from later proves nothing.
        until: Some(context.now + TimeDelta::days(1)),
        ..Filter::default()
    };
    let store = match Store::open_for_reading(&context.machine.database) {
        Ok(store) => store,
        Err(Error::Missing(_)) => return Ok(Vec::new()),
        Err(_) => return Err("the database can't be read".to_owned()),
    };
    store.builds(&filter).map_err(|error| error.to_string())
}

/// The hook saw a build call sccache, and the database doesn't have it.
fn lost(context: &Context, builds: &[BuildRow]) -> Option<Finding> {
    let machine = &context.machine;
    let seen = HookRecord::last_cached(&machine.database, machine.keeper().0)?;
    let is_old = seen.time < context.now - TimeDelta::days(DAYS - 1);
    // The collector writes it after the hook: a build may be on its way.
    let is_fresh = seen.time > context.now - TimeDelta::seconds(60);
    let has = |build: &BuildRow| {
        let name = format!("{}-{}", build.package, build.version);
        name == seen.package && build.finished_at >= seen.time - TimeDelta::minutes(10)
    };
    let waits = Pending::of(&machine.database).count() > 0;
    if is_old || is_fresh || waits || builds.iter().any(has) {
        return None;
    }
    // Yellow, for it may have been removed.
    let message = format!(
        "{} called sccache {}, and the build isn't in the database",
        quoted(&seen.package),
        ago(context.now - seen.time)
    );
    Some(Finding::new(CHECK, State::Yellow, message))
}

/// Returns the last merge of each Rust package without a record, while the hook was there.
fn missing(context: &Context, builds: &[BuildRow]) -> Vec<Merge> {
    let settings = &context.machine.settings;
    let Some(first) = first_seen(context, builds) else {
        return Vec::new();
    };
    let installed = settings.installed();
    let merged = merges(&settings.emerge_log(), first).unwrap_or_default();
    let mut last = BTreeMap::new();
    for merge in merged {
        let is_rust = compiles_rust(&installed, &merge.package, &merge.version) == Some(true);
        if is_rust && merge.started_at > first {
            last.insert(merge.package.clone(), merge);
        }
    }
    let is_missing = |merge: &Merge| {
        let mut of_package = builds.iter().filter(|it| it.package == merge.package);
        !of_package.any(|build| {
            build.version == merge.version
                && build.finished_at >= merge.started_at - SLACK
                && build.finished_at <= merge.finished_at + SLACK
        })
    };
    last.into_values().filter(is_missing).collect()
}

/// Returns when the hook certainly was there: its first record, or the last change of what leads to it.
fn first_seen(context: &Context, builds: &[BuildRow]) -> Option<DateTime<Utc>> {
    let recorded = builds.iter().filter(|build| build.emerge.is_some());
    let first = recorded.map(|build| build.finished_at).min()?;
    Some(first.max(context.files.hook_changed_at))
}
