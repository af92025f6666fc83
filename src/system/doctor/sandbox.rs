//! Gentoo's sandbox: whether its rules let builds write the cache.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::{Machine, shell};
use super::Finding;
use crate::portage::make_conf;
use crate::portage::user::READ;

const CHECK: &str = "sandbox";
const WRITE: &str = "SANDBOX_WRITE";

/// A path that one of SANDBOX_WRITE is above of may be written.
pub(super) fn finding(machine: &Machine, folder: &Path) -> Finding {
    let has = |name| machine.settings.has_feature(name);
    let is_on = [has("sandbox"), has("usersandbox")];
    if is_on == [Some(false), Some(false)] {
        return Finding::green(CHECK, "FEATURES has no sandbox");
    }
    let shown = folder.display();
    if let Some(rule) = allowed_by(machine, folder) {
        if let Some(finding) = closed(machine, &rule) {
            return finding;
        }
        let message = format!("{} lets builds write {shown}", rule.display());
        return Finding::green(CHECK, message);
    }
    let mut message = match is_on.contains(&Some(true)) {
        true => {
            format!("sandbox keeps builds from writing {shown}: they fail, or all of it misses")
        }
        false => format!("if FEATURES has sandbox, it keeps builds from writing {shown}"),
    };
    if let Some(set) = machine.settings.get(WRITE) {
        let value = format!("{set}:{}", rule(folder));
        message +=
            ". Of sandbox.d it reads nothing, for make.conf or the profile sets SANDBOX_WRITE";
        return Finding::red(CHECK, message).set(machine, WRITE, &value);
    }
    let rules = folder_of_rules(machine);
    let line = format!("{WRITE}=\"{}\"", rule(folder));
    Finding::red(CHECK, message)
        .cure(format!("mkdir -p {}", shell::path(&rules)))
        .cure(shell::append(&line, &rules.join("20sccache")))
}

/// What stands in a rule that allows this folder and all in it.
pub(in crate::system) fn rule(folder: &Path) -> String {
    format!("{}/", folder.to_string_lossy().trim_end_matches('/'))
}

fn folder_of_rules(machine: &Machine) -> PathBuf {
    machine.settings.below("etc/sandbox.d")
}

/// It is who builds that sandbox runs as.
fn closed(machine: &Machine, file: &Path) -> Option<Finding> {
    let builder = machine.builder.as_ref()?;
    let is_read_by_it = file.starts_with(folder_of_rules(machine)) || file == conf(machine);
    let obstacles = builder.kept_from(READ, file);
    if !is_read_by_it || obstacles.is_empty() {
        return None;
    }
    let message = format!(
        "user {} can't read the rule in {}: {} it out",
        builder.name,
        file.display(),
        shell::keep(&obstacles)
    );
    let rules = folder_of_rules(machine);
    let open = obstacles.iter().map(|at| {
        // Of the folders on the way only that of the rules is listed.
        let right = match at.is_dir() {
            true if *at == rules => "a+rx",
            true => "a+x",
            false => "a+r",
        };
        format!("chmod {right} {}", shell::path(at))
    });
    Some(open.fold(Finding::red(CHECK, message), Finding::cure))
}

fn conf(machine: &Machine) -> PathBuf {
    machine.settings.below("etc/sandbox.conf")
}

/// The file with the rule that allows it, if there is one. As sandbox 3.1 has it: sandbox.conf counts
/// always, sandbox.d only where nothing set the variable before (`setup_access_var` in src/environ.c).
pub(in crate::system) fn allowed_by(machine: &Machine, folder: &Path) -> Option<PathBuf> {
    let settings = &machine.settings;
    let set = settings.get(WRITE);
    if set.is_some_and(|value| allows(value, folder)) {
        return Some(settings.make_conf());
    }
    let rules = set.is_none().then(|| folder_of_rules(machine));
    let files = [conf(machine)].into_iter().chain(rules);
    let mut assigned = files.flat_map(|path| make_conf::assignments(&path));
    let allowing = |value: &String| allows(value, folder);
    let found = assigned.find(|one| one.name == WRITE && one.value.as_ref().is_some_and(allowing));
    if let Some(found) = found {
        return Some(found.file);
    }
    let bashrc = settings.config().join("bashrc");
    let text = fs::read_to_string(&bashrc).unwrap_or_default();
    let adds = |line: &str| {
        let rest = line.trim_start().strip_prefix("addwrite ");
        let word = rest.and_then(|rest| rest.split_whitespace().next());
        word.is_some_and(|word| allows(word.trim_matches(['"', '\'', ';']), folder))
    };
    text.lines().any(adds).then_some(bashrc)
}

/// Whole names are compared (`check_prefixes` in libsandbox.c).
fn allows(value: &str, folder: &Path) -> bool {
    let mut rules = value.split(':').filter(|rule| !rule.is_empty());
    rules.any(|rule| folder.starts_with(rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_for_a_folder_and_what_is_in_it() {
        let folder = Path::new("/var/cache/sccache");
        for value in ["/var/cache/sccache", "/var/cache/sccache/", "/x:/var/"] {
            assert!(allows(value, folder), "{value}");
        }
        for value in ["/var/cache/scc", "/var/cache/sccache/x", "/x /var/", ""] {
            assert!(!allows(value, folder), "{value}");
        }
    }
}
