//! Checks that builds find sccache, the collector, and the hook, in matching versions.

use std::path::PathBuf;

use super::build_settings::BuildSettings;
use super::{Context, Finding, green, hook, red, unknown, yellow};
use crate::machine::REINSTALL;

/// The hook that belongs to this program.
const HOOK: &str = include_str!("../../hooks/sccache-report.sh");

const COLLECTOR: &str = "sccache-collect";

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) const INSTALL_SCCACHE: &str = "emerge -1 dev-util/sccache";

pub(super) fn check(context: &Context) -> Finding {
    Finding::merge([
        check_sccache(context),
        check_collector(context),
        check_hook(context),
    ])
}

/// Returns the sccache that the hook queries.
pub(super) fn find_sccache(settings: &BuildSettings) -> Option<PathBuf> {
    let wrapper = settings.value("RUSTC_WRAPPER").map(PathBuf::from);
    let wrapper = wrapper.filter(|it| it.is_absolute() && it.ends_with("sccache") && it.is_file());
    wrapper.or_else(|| settings.find_program("sccache"))
}

/// Whether a version is older than `0.MINOR`.
pub(super) fn is_before(version: &str, minor: u32) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, own) = (parts.next().flatten(), parts.next().flatten());
    major == Some(0) && own.is_some_and(|own| own < minor)
}

fn check_sccache(context: &Context) -> Finding {
    let Some(program) = find_sccache(&context.settings) else {
        let message = "sccache isn't in the search path of builds, so nothing is cached";
        return red(message).fix(INSTALL_SCCACHE);
    };
    let user = match &context.user {
        Ok(user) => user,
        Err(reason) => return unknown(reason),
    };
    let Some(version) = user.version(&program, &context.settings.path()) else {
        let (name, program) = (&user.name, program.display());
        let message = format!("user {name} can't run {program}, so nothing is cached");
        return red(message).fix(INSTALL_SCCACHE);
    };
    if !is_before(&version, 9) {
        return green(format!("sccache {version}"));
    }
    let reason = if is_before(&version, 7) {
        "other users can't use the objects that root writes. Update sccache"
    } else {
        "before 0.9, builds are only recorded with FEATURES=network-sandbox"
    };
    yellow(format!("sccache {version}: {reason}")).fix(INSTALL_SCCACHE)
}

/// Returns the collector that was installed with the hook, or else the one in the search path.
pub(super) fn find_collector(settings: &BuildSettings) -> Option<PathBuf> {
    let beside = std::env::current_exe().map(|program| program.with_file_name(COLLECTOR));
    let beside = beside.ok().filter(|program| program.is_file());
    beside.or_else(|| settings.find_program(COLLECTOR))
}

fn check_collector(context: &Context) -> Finding {
    let Some(program) = find_collector(&context.settings) else {
        return red(format!("{COLLECTOR} isn't installed")).fix(REINSTALL);
    };
    let Ok(user) = &context.user else {
        return green(COLLECTOR);
    };
    match user.version(&program, &context.settings.path()) {
        Some(version) if version == VERSION => green(format!("{COLLECTOR} {version}")),
        Some(version) => {
            red(format!("{COLLECTOR} has version {version}, not {VERSION}")).fix(REINSTALL)
        }
        None => {
            let (name, program) = (&user.name, program.display());
            red(format!(
                "user {name} can't run {program}, so nothing is recorded"
            ))
        }
    }
}

fn check_hook(context: &Context) -> Finding {
    let hook = hook::installed_hook(context);
    let shown = hook.display();
    match std::fs::read(&hook) {
        Ok(text) if text == HOOK.as_bytes() => green(format!("hook {VERSION}")),
        Ok(_) => {
            let message = format!("{shown} differs from the hook of version {VERSION}");
            red(message).fix(REINSTALL)
        }
        Err(error) => unknown(format!("{shown} can't be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let old = ["0.8.2", "0.2.15"];
        let new = ["0.9.0", "0.10.0", "1.0.0", "x"];
        assert!(old.iter().all(|version| is_before(version, 9)));
        assert!(!new.iter().any(|version| is_before(version, 9)));
    }
}
