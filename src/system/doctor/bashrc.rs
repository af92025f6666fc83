//! Whether who builds, and bash, can read the files that lead to the hook.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::super::{Machine, shell};
use super::Finding;
use super::edits::edits;
use super::hook::{CHECK, is_recorded, source};
use crate::portage::bashrc::Sourcing;
use crate::portage::printable;
use crate::portage::user::READ;
use crate::process::child;

/// What bash itself finds wrong in a file: from there on it does nothing. With `-n` it runs nothing; extglob
/// is what a bashrc may turn on by itself. Of a here-document without an end it only warns, but a
/// line that is added after it is part of it.
pub(in crate::system) fn syntax_error(file: &Path) -> Option<String> {
    let mut command = Command::new("bash");
    // What these turn on may print the script.
    for name in ["BASH_ENV", "SHELLOPTS", "BASHOPTS"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C");
    command.args(["-O", "extglob", "-n", "--"]).arg(file);
    let output = child::run(&mut command, Duration::from_secs(5)).ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().filter(|_| file.is_file())?;
    Some(printable(first, 200))
}

/// What keeps bash from the end of the files that lead to the hook.
pub(super) fn broken(machine: &Machine, one: &Sourcing) -> Option<Finding> {
    let bashrc = machine.settings.config().join("bashrc");
    let mut files = vec![bashrc.as_path(), &one.by];
    files.dedup();
    let wrong = files.into_iter().find_map(syntax_error)?;
    if is_recorded(machine, one) {
        return None;
    }
    // Yellow: what stands before the error is done, and only bash knows where it begins.
    let message = format!(
        "bash does not get to the end of it: {wrong}. Mend that by hand. If the next build is \
         recorded, it got to the hook"
    );
    Some(Finding::yellow(CHECK, message))
}

/// What keeps who builds from reading it: then `source` fails in all phases but root's.
pub(super) fn closed(machine: &Machine, one: &Sourcing) -> Option<Finding> {
    let builder = machine.builder.as_ref()?;
    let bashrc = machine.settings.config().join("bashrc");
    let mut files = vec![bashrc.as_path(), &one.by, &one.hook];
    files.dedup();
    let (at, obstacles) = { files.into_iter() }
        .filter(|file| file.exists())
        .map(|file| (file, builder.kept_from(READ, file)))
        .find(|(_, obstacles)| !obstacles.is_empty())?;
    let message = format!(
        "user {} can't read {}: {} it out, and phases that it runs are not recorded",
        builder.name,
        at.display(),
        shell::keep(&obstacles)
    );
    let finding = Finding::red(CHECK, message);
    if obstacles.iter().any(|at| machine.is_private(at)) {
        let to = source(machine);
        return Some(edits(&[(one, &to)]).fold(finding, Finding::cure));
    }
    let open = obstacles.iter().map(|at| {
        let right = if at.is_dir() { "a+x" } else { "a+r" };
        format!("chmod {right} {}", shell::path(at))
    });
    Some(open.fold(finding, Finding::cure))
}
