//! Whether builds of Rust packages use stable paths, and why not.

use chrono::TimeDelta;

use super::{Context, Finding, green, quoted, unknown, yellow};
use crate::error::Error;
use crate::portage::StablePaths;
use crate::store::{BuildRow, Filter, Store};
use crate::text::plural;

const VARIABLE: &str = "SCCACHE_REPORT_STABLE_PATHS";

/// The number of days before now that are considered.
const DAYS: i64 = 30;

/// The most builds that kept their own paths and are listed, the newest first.
const LISTED: usize = 3;

pub(super) fn check(context: &Context) -> Finding {
    let builds = match read_builds(context) {
        Ok(builds) => builds,
        Err(Error::MissingDatabase(_)) => Vec::new(),
        Err(error) => return unknown(error.to_string()),
    };
    // Without those of the last build, which package.env may have changed.
    let is_on = match context.machine.settings.get(VARIABLE) {
        Some("yes") => true,
        Some("no" | "") | None => false,
        Some(value) => {
            let value = quoted(value);
            return yellow(format!(
                "{VARIABLE} is {value}. Only \"yes\" turns stable paths on"
            ));
        }
    };
    let count = builds.len() as u64;
    if count == 0 {
        let unused = format!("no Rust package was built with {VARIABLE}=yes in {DAYS} days");
        if is_on {
            return green(format!("turned on, but {unused}"));
        }
        return green(match context.files.find_text(VARIABLE) {
            Some(file) => format!("{} names {VARIABLE}, but {unused}", file.display()),
            None => format!("off: {unused}"),
        });
    }
    let in_use = builds.iter().filter(|(_, state)| state.is_in_use()).count();
    let now = if is_on { "on" } else { "off" };
    let mut message = format!(
        "{now} for packages without a setting of their own; used by {in_use} of {count} Rust {} that had \
         {VARIABLE}=yes in {DAYS} days",
        plural(count, "build")
    );
    let kept = builds.iter().filter(|(_, state)| !state.is_in_use());
    for (build, state) in kept.clone().take(LISTED) {
        let name = quoted(&format!("{}-{}", build.package, build.version));
        let age = context.age(build.finished_at);
        message.push_str(&format!("; {name} kept its own paths {age}: {state}"));
    }
    // What the newest builds had may have been changed since.
    match builds.first() {
        Some((_, state)) if is_setting(*state) => yellow(format!(
            "{message}. Change that setting (docs/stable-paths.md lists what stable paths need), or set \
             {VARIABLE}=\"no\""
        )),
        Some((_, StablePaths::Unavailable)) => yellow(format!(
            "{message}. The log of the newest of these builds has the reason"
        )),
        _ => green(message),
    }
}

/// Whether a setting of the machine keeps all builds from using stable paths.
fn is_setting(state: StablePaths) -> bool {
    matches!(
        state,
        StablePaths::SharedServer | StablePaths::InstallSources | StablePaths::NoAuto
    )
}

/// Returns the builds in which stable paths were turned on, the newest first.
fn read_builds(context: &Context) -> Result<Vec<(BuildRow, StablePaths)>, Error> {
    let filter = Filter {
        since: Some(context.now - TimeDelta::days(DAYS)),
        // A build with a future date proves nothing.
        until: Some(context.now + TimeDelta::days(1)),
        ..Filter::default()
    };
    let store = Store::open_for_reading(&context.machine.database)?;
    let effects = store.stable_path_effects(&filter)?;
    let state = |build: &BuildRow| effects.get(&build.id)?.state;
    let builds = store.builds(&filter)?.into_iter().rev();
    Ok(builds
        .filter_map(|build| state(&build).map(|state| (build, state)))
        .collect())
}
