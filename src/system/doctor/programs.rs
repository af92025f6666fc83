//! The collector and sccache, as user portage finds them in a build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::super::{Machine, shell};
use super::Finding;
use crate::portage::printable;
use crate::portage::user::EXECUTE;
use crate::process::child;

pub(super) fn findings(machine: &Machine) -> [Finding; 2] {
    [collector(machine), sccache(machine)]
}

/// As the hook looks for it: beside itself, or else in PATH.
fn collector(machine: &Machine) -> Finding {
    const CHECK: &str = "collector";
    let sourced = machine
        .bashrc
        .as_ref()
        .ok()
        .and_then(|bashrc| bashrc.sourcings.first());
    let hook = sourced.map_or_else(|| machine.hook(), |one| one.hook.clone());
    let hook = hook.to_string_lossy().into_owned();
    // By its name as it is sourced, which in bashrc.d is a link's: then it is only PATH.
    let prefix = hook
        .rsplit_once("/share/sccache-report/")
        .map(|(prefix, _)| Path::new(prefix));
    let beside = prefix.map(|prefix| prefix.join("bin/sccache-collect"));
    let program = beside
        .filter(|program| program.is_file())
        .or_else(|| in_path(machine, "sccache-collect"));
    let Some(program) = program else {
        let message = "there is no sccache-collect, which the hook runs";
        return Finding::red(CHECK, message).cure(machine.install_again());
    };
    usable(machine, CHECK, &program).unwrap_or_else(|| {
        let ours = env!("CARGO_PKG_VERSION");
        match version(&program, "sccache-collect") {
            Some(version) if version == ours => {
                Finding::green(CHECK, format!("{} {version}", program.display()))
            }
            Some(version) => {
                let message = format!("{} is {version}, this program {ours}", program.display());
                Finding::red(CHECK, message).cure(machine.install_again())
            }
            None => {
                let message = format!("{} doesn't run", program.display());
                Finding::red(CHECK, message).cure(machine.install_again())
            }
        }
    })
}

fn sccache(machine: &Machine) -> Finding {
    const CHECK: &str = "sccache";
    if let Some(finding) = named_in_vain(machine, CHECK) {
        return finding;
    }
    let wrapper = machine.settings.get("RUSTC_WRAPPER").map(Path::new);
    let wrapper = wrapper.filter(|path| path.is_absolute() && path.ends_with("sccache"));
    let Some(program) = wrapper
        .map(Path::to_path_buf)
        .or_else(|| in_path(machine, "sccache"))
    else {
        let message = "there is no program sccache where a build looks for it (PATH)";
        return Finding::red(CHECK, message).cure("emerge -1 dev-util/sccache");
    };
    usable(machine, CHECK, &program).unwrap_or_else(|| match version(&program, "sccache") {
        Some(version) => Finding::green(CHECK, format!("{} {version}", program.display())),
        None => {
            let message = format!("{} doesn't say that it is sccache", program.display());
            Finding::red(CHECK, message).cure("emerge -1 dev-util/sccache")
        }
    })
}

/// A variable with the path of an sccache that is not there: the build fails.
fn named_in_vain(machine: &Machine, check: &'static str) -> Option<Finding> {
    let names = [
        "RUSTC_WRAPPER",
        "CARGO_BUILD_RUSTC_WRAPPER",
        "CC",
        "CXX",
        "BUILD_CC",
    ];
    names.into_iter().find_map(|name| {
        let value = machine.settings.get(name)?;
        let program = value.split_whitespace().next().map(Path::new)?;
        let is_gone = program.is_absolute()
            && program.ends_with("sccache")
            && program.try_exists().is_ok_and(|there| !there);
        is_gone.then(|| {
            let message = format!("{name} names {}, which is not there", program.display());
            let value = value.replacen(&*program.to_string_lossy(), "sccache", 1);
            Finding::red(check, message).set(machine, name, &value)
        })
    })
}

/// The first program of this name in the PATH of builds (`_doebuild_path` in Portage 3.0.83 takes the
/// configured one, or else that of the shell that emerge is called from).
pub(super) fn in_path(machine: &Machine, name: &str) -> Option<PathBuf> {
    let path = machine.settings.get("PATH").map(Into::into);
    let path = path.or_else(|| std::env::var_os("PATH"))?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// What keeps the builder from running it, if anything.
fn usable(machine: &Machine, check: &'static str, program: &Path) -> Option<Finding> {
    let Some(builder) = &machine.builder else {
        let message = format!("there is no user {}", machine.settings.builder().0);
        return Some(Finding::unknown(check, message));
    };
    let real = program
        .canonicalize()
        .unwrap_or_else(|_| program.to_path_buf());
    let obstacles = builder.kept_from(EXECUTE, program);
    let (user, shown) = (&builder.name, program.display());
    if obstacles.is_empty() {
        return None;
    }
    if obstacles.iter().any(|at| machine.is_private(at)) {
        let message = format!("{shown} is in a private home, where user {user} can't run it");
        let target = machine
            .settings
            .below("usr/local/bin")
            .join(program.file_name()?);
        let finding = Finding::red(check, message);
        if target == program {
            return Some(finding);
        }
        let (real, target) = (shell::path(&real), shell::path(&target));
        return Some(finding.cure(format!("install -m 755 {real} {target}")));
    }
    let message = format!(
        "user {user} can't run {shown}: {} it out",
        shell::keep(&obstacles)
    );
    let open = obstacles.iter().map(|at| {
        let right = if at.is_dir() { "a+x" } else { "a+rx" };
        format!("chmod {right} {}", shell::path(at))
    });
    Some(open.fold(Finding::red(check, message), Finding::cure))
}

/// `NAME VERSION`, as it answers to `--version`.
fn version(program: &Path, name: &str) -> Option<String> {
    let output = child::run(
        Command::new(program).arg("--version"),
        Duration::from_secs(5),
    )
    .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().next()?.strip_prefix(name)?.trim();
    (output.status.success() && !version.is_empty()).then(|| printable(version, 40))
}
