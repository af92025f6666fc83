//! `sccache-report doctor`: checks whether the next build will be cached and recorded.
//!
//! The checks use observations: the hook's records of the most recent builds, a test compilation as
//! the build user, and the content of the database.

mod build_settings;
mod build_user;
mod cache;
mod configuration;
mod database;
mod hook;
mod programs;
mod remote_cache;
mod servers;
mod settings;
mod stable_paths;
mod trial;

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};

use crate::machine::Machine;
use crate::portage::{HookRecord, User};
use crate::text::{plural, printable};
use build_settings::BuildSettings;
use build_user::build_user;
use configuration::ConfigurationFiles;

/// The outcome of a check, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Fine.
    Green,
    /// Not checked: this user isn't allowed to, or something that the check needs is missing.
    Unknown,
    /// Builds are cached and recorded, but something needs attention.
    Yellow,
    /// Builds aren't cached or aren't recorded, or other users can change their results.
    Red,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's name, the same in all versions; set by [`run_checks`].
    pub check: &'static str,
    /// The outcome.
    pub state: State,
    /// What was found, and why it matters.
    pub message: String,
    /// Commands that fix it, for root's shell.
    pub fix: Vec<String>,
}

impl Finding {
    /// Creates a finding without a fix.
    pub fn new(state: State, message: impl Into<String>) -> Self {
        Self {
            check: "",
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

    /// Merges several results of one check. Green ones are only mentioned if all are green.
    fn merge(parts: impl IntoIterator<Item = Finding>) -> Finding {
        let mut parts: Vec<Finding> = parts.into_iter().collect();
        let states = parts.iter().map(|part| part.state);
        let state = states.max().unwrap_or(State::Green);
        parts.retain(|part| state == State::Green || part.state != State::Green);
        let messages: Vec<&str> = parts.iter().map(|part| part.message.as_str()).collect();
        let mut merged = Finding::new(state, messages.join("; "));
        merged.fix = parts.into_iter().flat_map(|part| part.fix).collect();
        merged.fix.dedup();
        merged
    }
}

fn green(message: impl Into<String>) -> Finding {
    Finding::new(State::Green, message)
}

fn unknown(message: impl Into<String>) -> Finding {
    Finding::new(State::Unknown, message)
}

fn yellow(message: impl Into<String>) -> Finding {
    Finding::new(State::Yellow, message)
}

fn red(message: impl Into<String>) -> Finding {
    Finding::new(State::Red, message)
}

/// The command that completes the configuration.
const SETUP: &str = "sccache-report setup";

/// What all checks share.
struct Context {
    machine: Machine,
    files: ConfigurationFiles,
    settings: BuildSettings,
    last_merge: Option<HookRecord>,
    last_cached: Option<HookRecord>,
    /// The user that compiles, or the reason why this process can't run programs as that user.
    user: Result<User, String>,
    now: DateTime<Utc>,
}

impl Context {
    fn new(database: Option<PathBuf>) -> Self {
        let machine = Machine::detect(database);
        let files = ConfigurationFiles::find(&machine.settings);
        let owner = machine.system_owner().0;
        let [last_merge, last_cached] =
            HookRecord::files(&machine.database).map(|file| HookRecord::read(&file, owner));
        // Both are whole seconds. A build that ends in the second of a change began before it.
        let current = last_cached.clone();
        let current = current.filter(|record| record.time > files.settings_changed_at);
        Self {
            settings: BuildSettings::new(machine.settings.clone(), current),
            user: build_user(&machine),
            files,
            last_merge,
            last_cached,
            machine,
            now: Utc::now(),
        }
    }

    /// Describes how long ago something happened: `2 hours ago`.
    fn age(&self, time: DateTime<Utc>) -> String {
        format_age(self.now - time)
    }
}

/// Runs all checks, causes before their effects.
pub fn run_checks(database: Option<PathBuf>) -> Vec<Finding> {
    let context = Context::new(database);
    let reason_unknown = settings::reason_unknown(&context);
    let cache = match &reason_unknown {
        Some(reason) => Err(unknown(reason)),
        None => cache::locate(&context),
    };
    let remote_cache = remote_cache::check(&context);
    let (compile_c, compile_rust, cache_size) =
        trial::run(&context, &cache, remote_cache.is_disabled);
    // The result of a check that depends on the settings of builds.
    let or_unknown = |finding| reason_unknown.as_ref().map_or(finding, unknown);
    let findings = [
        ("portage", settings::check_portage(&context)),
        ("hook", hook::check(&context)),
        ("programs", programs::check(&context)),
        ("settings", or_unknown(settings::check(&context))),
        ("compile-c", or_unknown(compile_c)),
        ("compile-rust", or_unknown(compile_rust)),
        ("cache", cache::check(&context, cache, cache_size)),
        ("remote-cache", or_unknown(remote_cache.finding)),
        ("temp-dir", or_unknown(settings::check_temp_dir(&context))),
        ("servers", or_unknown(servers::check(&context))),
        ("stable-paths", stable_paths::check(&context)),
        ("database", database::check(&context)),
        ("recorded", database::check_recorded(&context)),
        ("pending", database::check_pending(&context)),
    ];
    let named = findings.map(|(check, finding)| Finding { check, ..finding });
    named.into()
}

/// Escapes untrusted text for a terminal, and truncates it to 80 bytes.
fn quoted(text: &str) -> String {
    printable(text, 80)
}

fn format_age(age: TimeDelta) -> String {
    let (number, unit) = match age.num_minutes() {
        ..1 => return "just now".to_owned(),
        minutes @ 1..60 => (minutes, "minute"),
        minutes @ 60..2880 => (minutes / 60, "hour"),
        minutes => (minutes / 1440, "day"),
    };
    format!("{number} {} ago", plural(number.unsigned_abs(), unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_finding_is_as_bad_as_its_worst_part() {
        let merged = Finding::merge([green("a"), red("b").fix("f"), yellow("c").fix("f")]);
        assert_eq!((merged.state, &*merged.message), (State::Red, "b; c"));
        assert_eq!(merged.fix, ["f"]);
        assert_eq!(Finding::merge([green("a"), green("b")]).message, "a; b");
    }

    #[test]
    fn ages_are_in_the_largest_whole_unit() {
        let shown = |minutes| format_age(TimeDelta::minutes(minutes));
        assert_eq!(shown(0), "just now");
        assert_eq!(shown(1), "1 minute ago");
        assert_eq!(shown(125), "2 hours ago");
        assert_eq!(shown(2880), "2 days ago");
    }
}
