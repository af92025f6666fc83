//! Whether builds that called sccache are in the database.

use chrono::TimeDelta;

use super::{Context, Finding, State, ago, quoted};
use crate::store::{BuildRow, Error, Filter, Pending, Store};

const CHECK: &str = "recorded";

/// How far back builds count.
const DAYS: i64 = 30;

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
    let package = format!("{}-{}", newest.package, newest.version);
    let age = ago(context.now - newest.finished_at);
    let message = format!("{} was recorded {age}", quoted(&package));
    Finding::new(CHECK, State::Green, message)
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
        Err(Error::MissingDatabase(_)) => return Ok(Vec::new()),
        Err(_) => return Err("the database can't be read".to_owned()),
    };
    store.builds(&filter).map_err(|error| error.to_string())
}

/// The hook saw a build call sccache, and the database doesn't have it.
fn lost(context: &Context, builds: &[BuildRow]) -> Option<Finding> {
    let machine = &context.machine;
    let seen = context.last_cached.as_ref()?;
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
