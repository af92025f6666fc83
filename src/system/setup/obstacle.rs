//! What stands where something of ours is to be.

use std::path::{Path, PathBuf};

use super::super::{doctor, shell};
use super::Refusal;
use super::refusal::dangling;
use crate::portage::bashrc::{Bashrc, Reach, Way};

/// A folder, or nothing: neither a file nor a link to nothing.
pub(super) fn insist_on_folder(path: &Path) -> Result<(), Refusal> {
    let (shown, word) = (path.display(), shell::path(path));
    if let Some(target) = dangling(path) {
        let target = path.parent().unwrap_or(path).join(target);
        return Err(Refusal::new(
            format!(
                "{shown} is a link to {}, which is not there",
                target.display()
            ),
            format!(
                "make that folder: `mkdir -p {}`, or remove the link: `rm {word}`",
                shell::path(&target)
            ),
        ));
    }
    match path.exists() && !path.is_dir() {
        false => Ok(()),
        true => Err(Refusal::new(
            format!("{shown} is no folder"),
            format!("move it away: `mv -i {word} {word}~`"),
        )),
    }
}

/// Where the link leads that may give way to one to the hook: one to a hook that was moved. `None`
/// where there is nothing.
pub(super) fn replaceable(path: &Path, hook: &Path) -> Result<Option<PathBuf>, Refusal> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    match dangling(path) {
        Some(target) if target.file_name() == hook.file_name() => Ok(Some(target)),
        _ => {
            let word = shell::path(path);
            Err(Refusal::new(
                format!("{} is there and is not the hook", path.display()),
                format!("move it away: `mv -i {word} {word}~`, and run it again"),
            ))
        }
    }
}

/// A line at the end of bashrc is one that bash gets to.
pub(super) fn insist_on_end(bashrc: &Bashrc, file: &Path, line: &str) -> Result<(), Refusal> {
    if let Some(said) = doctor::syntax_error(file) {
        return Err(Refusal::new(
            format!("bash doesn't get to a line at the end: {said}"),
            "mend that by hand, and run setup again",
        ));
    }
    let Way {
        reach: Reach::Never,
        obstacle: Some((at, obstacle)),
    } = &bashrc.end
    else {
        return Ok(());
    };
    let (shown, word, number) = (at.display(), &obstacle.word, obstacle.line);
    let command = doctor::add_line(bashrc, line, at);
    Err(Refusal::new(
        format!("bash never gets to the end of {shown}: `{word}` in line {number} is in the way"),
        format!("put the hook's line before it, and run setup again: `{command}`"),
    ))
}
