//! `sccache-report doctor`: will the next build be cached and recorded?
//!
//! Each check rests on something observed: what the hook saw in the most recent builds, what a
//! compilation as the build user does now, what the database has.

mod attempt;
mod build_user;
mod cache;
mod compile;
mod configuration;
mod database;
mod hook;
mod in_effect;
mod interrupt;
mod programs;
mod recorded;
mod scratch;
mod servers;
mod settings;
mod temp_dir;

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};

use crate::machine::Machine;
use crate::portage::{HookRecord, printable};
use attempt::attempt;
use build_user::BuildUser;
use configuration::ConfigurationFiles;
use in_effect::InEffect;

/// The outcome of a check, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Fine.
    Green,
    /// Not checked: this user can't, or the machine doesn't have what it takes.
    Unknown,
    /// Builds are cached and recorded, but something needs attention.
    Yellow,
    /// Builds aren't cached or aren't recorded, or the database isn't safe.
    Red,
}

impl State {
    /// The state's name in every output format.
    pub fn name(self) -> &'static str {
        match self {
            State::Green => "green",
            State::Unknown => "unknown",
            State::Yellow => "yellow",
            State::Red => "red",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's name, the same in all versions.
    pub check: &'static str,
    /// The outcome.
    pub state: State,
    /// What was found, for people.
    pub message: String,
    /// Commands for root's shell, one per entry.
    pub fix: Vec<String>,
}

impl Finding {
    /// Creates a finding without a fix.
    pub fn new(check: &'static str, state: State, message: impl Into<String>) -> Self {
        Self {
            check,
            state,
            message: message.into(),
            fix: Vec::new(),
        }
    }

    /// Adds a command.
    #[must_use]
    pub fn fix(mut self, command: impl Into<String>) -> Self {
        self.fix.push(command.into());
        self
    }

    /// Merges several results of one check: the worst state, and the messages and fixes of all
    /// results that aren't green, or of all if all are green.
    fn merge(parts: Vec<Finding>) -> Finding {
        let state = parts.iter().map(|part| part.state).max();
        let state = state.unwrap_or(State::Green);
        let check = parts.first().map_or("", |part| part.check);
        let mut merged = Finding::new(check, state, "");
        let matters = |part: &Finding| state == State::Green || part.state != State::Green;
        let mut messages = Vec::new();
        for part in parts.into_iter().filter(matters) {
            messages.push(part.message);
            for command in part.fix {
                if !merged.fix.contains(&command) {
                    merged.fix.push(command);
                }
            }
        }
        merged.message = messages.join("; ");
        merged
    }
}

/// The command that repairs an installation.
const SETUP: &str = "sccache-report setup";

/// What all checks share.
struct Context {
    machine: Machine,
    files: ConfigurationFiles,
    last_merge: Option<HookRecord>,
    last_cached: Option<HookRecord>,
    in_effect: InEffect,
    /// Why nothing can be run as the build user, if so.
    user: Result<BuildUser, String>,
    now: DateTime<Utc>,
}

impl Context {
    fn new(database: Option<PathBuf>) -> Self {
        let machine = Machine::detect(database);
        let files = ConfigurationFiles::read(&machine.settings);
        let owner = machine.system_owner().0;
        let last_merge = HookRecord::last_merge(&machine.database, owner);
        let last_cached = HookRecord::last_cached(&machine.database, owner);
        let in_effect = InEffect::new(
            &machine.settings,
            last_cached.clone().or_else(|| last_merge.clone()),
            files.settings_changed_at,
        );
        Self {
            user: BuildUser::new(&machine),
            files,
            last_merge,
            last_cached,
            in_effect,
            machine,
            now: Utc::now(),
        }
    }
}

/// The checks that say nothing about a configuration that can't be read.
const FROM_SETTINGS: [&str; 6] = [
    "settings",
    "compile-c",
    "compile-rust",
    "cache",
    "temp-dir",
    "servers",
];

/// Runs all checks, in the order in which they build on each other.
pub fn examine(database: Option<PathBuf>) -> Vec<Finding> {
    let context = Context::new(database);
    let folder = cache::Folder::inspect(&context);
    let unknown = settings::unknown(&context);
    let attempt = match &unknown {
        None => attempt(&context, &folder),
        Some(reason) => Err(reason.clone()),
    };
    let [database, pending] = database::check(&context);
    let mut findings = vec![
        settings::portage(&context),
        hook::check(&context),
        programs::check(&context),
        settings::check(&context),
        compile::c(&attempt),
        compile::rust(&attempt),
        cache::check(&context, &folder, attempt.as_ref().ok()),
        temp_dir::check(&context),
        servers::check(&context),
        database,
        recorded::check(&context),
        pending,
    ];
    if let Some(reason) = unknown {
        for finding in &mut findings {
            if FROM_SETTINGS.contains(&finding.check) {
                *finding = Finding::new(finding.check, State::Unknown, reason.clone());
            }
        }
    }
    findings
}

/// Quotes text that others wrote: 80 bytes at most, nothing that a terminal obeys.
fn quoted(text: &str) -> String {
    printable(text, 80)
}

/// `2 hours ago`.
fn ago(age: TimeDelta) -> String {
    let (number, unit) = match age.num_minutes() {
        ..1 => return "just now".to_owned(),
        minutes @ 1..60 => (minutes, "minute"),
        minutes @ 60..2880 => (minutes / 60, "hour"),
        minutes => (minutes / 1440, "day"),
    };
    format!("{} ago", count(number.unsigned_abs(), unit))
}

/// `1 build`, `2 builds`.
fn count(number: u64, noun: &str) -> String {
    format!("{number} {}", crate::text::plural(number, noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_finding_is_as_bad_as_its_worst_part() {
        let part = |state, message| Finding::new("x", state, message).fix("f");
        let merged = Finding::merge(vec![
            part(State::Green, "a"),
            part(State::Red, "b"),
            part(State::Yellow, "c"),
        ]);
        assert_eq!((merged.state, &*merged.message), (State::Red, "b; c"));
        assert_eq!(merged.fix, ["f"]);
        let green = Finding::merge(vec![part(State::Green, "a"), part(State::Green, "b")]);
        assert_eq!(green.message, "a; b");
    }

    #[test]
    fn ages_are_in_the_largest_whole_unit() {
        let shown = |minutes| ago(TimeDelta::minutes(minutes));
        assert_eq!(shown(0), "just now");
        assert_eq!(shown(1), "1 minute ago");
        assert_eq!(shown(125), "2 hours ago");
        assert_eq!(shown(2880), "2 days ago");
    }
}
