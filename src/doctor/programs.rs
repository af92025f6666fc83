//! sccache, the collector and the hook: found by builds, and of one version.

use std::path::{Path, PathBuf};

use super::{Context, Finding, State};

const CHECK: &str = "programs";

/// The hook that belongs to this program.
const HOOK: &str = include_str!("../../hooks/sccache-report.sh");

pub(super) fn check(context: &Context) -> Finding {
    Finding::merge(vec![
        check_sccache(context),
        check_collector(context),
        check_hook(context),
    ])
}

/// Returns the sccache that the hook would query.
pub(super) fn sccache(context: &Context) -> Option<PathBuf> {
    let in_effect = &context.in_effect;
    let wrapper = in_effect.value("RUSTC_WRAPPER").map(PathBuf::from);
    let wrapper = wrapper.filter(|it| it.is_absolute() && it.ends_with("sccache") && it.is_file());
    wrapper.or_else(|| in_effect.find_program("sccache"))
}

/// Whether a version is older than `0.MINOR`.
pub(super) fn is_before(version: &str, minor: u32) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, own) = (parts.next().flatten(), parts.next().flatten());
    major == Some(0) && own.is_some_and(|own| own < minor)
}

fn check_sccache(context: &Context) -> Finding {
    let Some(program) = sccache(context) else {
        let message = "sccache isn't in the search path of builds";
        return Finding::new(CHECK, State::Red, message).fix("emerge -1 dev-util/sccache");
    };
    let shown = program.display();
    let user = match &context.user {
        Ok(user) => user,
        Err(reason) => return Finding::new(CHECK, State::Unknown, format!("{shown}: {reason}")),
    };
    let Some(version) = user.version(&program, &context.in_effect.path()) else {
        let message = format!("user {} can't run {shown}", user.name);
        return Finding::new(CHECK, State::Red, message).fix("emerge -1 dev-util/sccache");
    };
    if !is_before(&version, 9) {
        return Finding::new(CHECK, State::Green, format!("sccache {version}"));
    }
    let mut message = format!(
        "sccache {version} listens on a TCP port: before 0.9 only builds with a private network \
         (FEATURES=network-sandbox) are recorded"
    );
    if is_before(&version, 7) {
        message += ". Before 0.7 what root compiles in src_install becomes root's in the cache";
    }
    Finding::new(CHECK, State::Yellow, message)
}

/// The hook takes the collector beside itself, or else the one in the search path.
fn check_collector(context: &Context) -> Finding {
    let machine = &context.machine;
    let hook = machine.hook();
    let beside = hook.ancestors().nth(3).unwrap_or(Path::new("/usr"));
    let beside = beside.join("bin/sccache-collect");
    let program = Some(beside)
        .filter(|program| program.is_file())
        .or_else(|| context.in_effect.find_program("sccache-collect"));
    let Some(program) = program else {
        let message = "sccache-collect, which the hook runs, isn't installed";
        return Finding::new(CHECK, State::Red, message).fix(machine.reinstall_command());
    };
    let Ok(user) = &context.user else {
        return Finding::new(CHECK, State::Green, "sccache-collect");
    };
    let ours = env!("CARGO_PKG_VERSION");
    let message = match user.version(&program, &context.in_effect.path()) {
        Some(version) if version == ours => {
            return Finding::new(CHECK, State::Green, format!("sccache-collect {version}"));
        }
        Some(version) => format!("{} is {version}, this program {ours}", program.display()),
        None => format!("user {} can't run {}", user.name, program.display()),
    };
    Finding::new(CHECK, State::Red, message).fix(machine.reinstall_command())
}

fn check_hook(context: &Context) -> Finding {
    let machine = &context.machine;
    let linked = context.files.naming_hook().into_iter();
    let mut linked = linked.filter(|file| file.is_symlink());
    let hook = linked.next().unwrap_or_else(|| machine.hook());
    match std::fs::read_to_string(&hook) {
        Ok(text) if text == HOOK => {
            let message = concat!("hook ", env!("CARGO_PKG_VERSION"));
            Finding::new(CHECK, State::Green, message)
        }
        Ok(_) => {
            let message = format!("{} is of another version than this program", hook.display());
            Finding::new(CHECK, State::Red, message).fix(machine.reinstall_command())
        }
        Err(error) => {
            let message = format!("{} can't be read: {error}", hook.display());
            Finding::new(CHECK, State::Unknown, message)
        }
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
