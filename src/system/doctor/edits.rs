//! Cures that edit the files which source the hook.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::shell;
use crate::portage::bashrc::Sourcing;

/// Commands that put others in the place of these.
pub(super) fn edits(all: &[(&Sourcing, &str)]) -> impl Iterator<Item = String> {
    let mut scripts = Scripts::default();
    all.iter().for_each(|(one, to)| scripts.replace(one, to));
    scripts.commands()
}

/// What is done to which file: each is edited once, so that the copy which is kept is the original.
#[derive(Default)]
pub(super) struct Scripts {
    edited: BTreeMap<PathBuf, Vec<String>>,
    /// Those that are the hook themselves.
    removed: Vec<PathBuf>,
}

impl Scripts {
    pub(super) fn add(&mut self, file: &Path, script: String) {
        self.edited
            .entry(file.to_path_buf())
            .or_default()
            .push(script);
    }

    /// The command alone goes, and leaves one that does nothing: it may be all that an `if` has. Of several
    /// in a line the last goes first, and those before it keep their number.
    pub(super) fn replace(&mut self, one: &Sourcing, to: &str) {
        match &one.command {
            None => self.removed.push(one.by.clone()),
            Some(command) if command.text.contains('\n') => {}
            Some(command) => {
                let script = shell::replace_in_line(command.line, &command.text, to);
                let scripts = self.edited.entry(one.by.clone()).or_default();
                scripts.insert(0, format!("{script}{}", command.nth));
            }
        }
    }

    pub(super) fn commands(self) -> impl Iterator<Item = String> {
        let removed = { self.removed.into_iter() }.map(|file| format!("rm {}", shell::path(&file)));
        let edited = self.edited.into_iter();
        removed.chain(edited.map(|(file, scripts)| shell::edit(&scripts.join(";"), &file)))
    }
}
