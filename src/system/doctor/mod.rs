//! What is wrong with how sccache, Portage and the hook work together, check by check, each with the
//! commands that cure it. Everything is only looked at.

mod bashrc;
mod cache;
mod database;
mod edits;
mod hook;
mod launchers;
mod programs;
mod recorded;
mod room;
mod sandbox;
mod servers;
mod settings;

use std::path::{Path, PathBuf};

use super::{Machine, shell};
use crate::sccache::cache_size_setting;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Fine.
    Green,
    /// It works, but not as well as it could.
    Yellow,
    /// Builds aren't cached, aren't recorded, or reports are wrong.
    Red,
    /// It could not be seen.
    Unknown,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's name, the same in all versions.
    pub check: &'static str,
    /// How it came out.
    pub state: State,
    /// What was found, for people.
    pub message: String,
    /// What to do, a command each, for root's shell.
    pub cure: Vec<String>,
    /// The variables of make.conf that the cure sets: no other check's cure is to touch them.
    sets: Vec<&'static str>,
}

impl Finding {
    fn new(check: &'static str, state: State, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            check,
            state,
            message,
            cure: Vec::new(),
            sets: Vec::new(),
        }
    }

    /// One with a command, as if it had been found.
    #[cfg(test)]
    pub(crate) fn of(check: &'static str, state: State, message: &str, command: &str) -> Self {
        Self::new(check, state, message).cure(command)
    }

    fn green(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, State::Green, message)
    }

    fn yellow(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, State::Yellow, message)
    }

    fn red(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, State::Red, message)
    }

    fn unknown(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, State::Unknown, message)
    }

    fn cure(mut self, command: impl Into<String>) -> Self {
        self.cure.push(command.into());
        self
    }

    fn cures(self, commands: Vec<String>) -> Self {
        commands.into_iter().fold(self, Self::cure)
    }

    /// What no command can do for a person.
    fn note(mut self, sentence: &str) -> Self {
        self.message = format!("{}. {sentence}", self.message);
        self
    }

    /// Cures it by a variable in make.conf, `value` as it is to stand between double quotes.
    fn set(mut self, machine: &Machine, name: &'static str, value: &str) -> Self {
        self.sets.push(name);
        // One of the two has sccache forget both in its configuration file.
        if let Some((_, file)) = machine.configuration_in_use() {
            let folder = file.folder.as_deref().map(Path::to_string_lossy);
            let size = file.size.map(|bytes| cache_size_setting(bytes).0);
            for (one, other, value) in [
                ("SCCACHE_CACHE_SIZE", "SCCACHE_DIR", folder.as_deref()),
                ("SCCACHE_DIR", "SCCACHE_CACHE_SIZE", size.as_deref()),
            ] {
                if let Some(value) = value.filter(|_| name == one && !self.sets.contains(&other)) {
                    self = self.set(machine, other, value);
                }
            }
        }
        let line = format!("{name}=\"{value}\"");
        self.cure(shell::append(&line, &machine.make_conf_for(name)))
    }
}

/// `1 build`, `2 builds`.
fn count(number: impl TryInto<u64>, noun: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

/// Makes all checks, in the order in which things build on each other.
pub fn examine(database: Option<PathBuf>) -> Vec<Finding> {
    let machine = Machine::look(database);
    let mut found = vec![settings::portage(&machine)];
    found.extend(hook::findings(&machine));
    found.extend(programs::findings(&machine));
    found.push(launchers::wrapper(&machine));
    found.extend(cache::findings(&machine));
    let place = found.len();
    found.push(settings::features(&machine));
    found.extend(servers::findings(&machine));
    found.extend(database::findings(&machine));
    found.extend(recorded::findings(&machine));
    let set: Vec<&str> = { found.iter() }
        .flat_map(|finding| finding.sets.iter().copied())
        .collect();
    found.insert(place, settings::variables(&machine, &set));
    if let Some(why) = settings_are_unknown(&machine) {
        for finding in &mut found {
            if FROM_SETTINGS.contains(&finding.check) {
                *finding = Finding::unknown(finding.check, why.clone());
            }
        }
    }
    found
}

/// Why, if so. A line that Portage only passes over leaves the others as they are.
fn settings_are_unknown(machine: &Machine) -> Option<String> {
    let settings = &machine.settings;
    if let Some(file) = &settings.unread {
        return Some(format!("{} can't be read: root can", file.display()));
    }
    let said = settings.complaint.as_ref()?;
    settings.without_portageq.as_ref()?;
    Some(format!(
        "not known until Portage can read {}",
        said.file.display()
    ))
}

/// The checks that say nothing where make.conf can't be read: a cure could add to a text that is not
/// ended.
const FROM_SETTINGS: &[&str] = &[
    "wrapper",
    "cache-folder",
    "sandbox",
    "variables",
    "features",
    "servers",
    "remote-cache",
];
