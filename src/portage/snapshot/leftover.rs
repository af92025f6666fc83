//! Finds what killed or unrecorded builds left in `${T}` besides the snapshots. User `portage` can
//! write there, so only names are read, and no file is opened.

use std::os::fd::OwnedFd;
use std::path::Path;

use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, Dir};
use uuid::Uuid;

use super::{FOLDER, open_t};
use crate::error::Result;
use crate::portage::check::{check_time, parse_start};
use crate::portage::{Attribution, Outcome, PHASES, Phase};
use crate::sccache::NotMeasuredReason;

/// The most files and folders that are read. A normal build leaves one or two.
const MAX: usize = 16;

/// A phase whose shell was killed before the hook read the statistics. Its servers left a log.
#[derive(Debug)]
pub struct Unfinished {
    name: String,
    /// The id for its snapshot, the same for the same log.
    pub id: Uuid,
    /// The phase, not measured.
    pub phase: Phase,
}

impl Unfinished {
    fn new(folder: &OwnedFd, name: String) -> Option<Self> {
        let (phase, started) = parse_log_name(&name)?;
        let stat = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        // The hook creates the log empty, so no server started in this phase.
        if stat.st_size == 0 {
            return None;
        }
        // The log was last written when its server last heard from a client.
        let ended = DateTime::from_timestamp(stat.st_mtime, stat.st_mtime_nsec as u32);
        let ended = ended.filter(|time| check_time(*time).is_ok());
        let ended = ended.map_or_else(Utc::now, |time| time.min(Utc::now()));
        Some(Self {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            phase: Phase {
                name: phase.into(),
                started_at: started.min(ended),
                finished_at: ended,
                attribution: Attribution::Exact,
                read_only: false,
                shell_seconds: None,
                stable_paths: None,
                compilations: None,
                stats: Err(NotMeasuredReason::ShellKilled.into()),
            },
            name,
        })
    }

    /// Removes the log, after its snapshot is written.
    pub fn remove(&self, t: &Path) {
        if let Ok(folder) = open_t(t) {
            let _ = rustix::fs::unlinkat(&folder, &self.name, AtFlags::empty());
        }
    }
}

/// Returns the phases that were killed, identified by the logs of their servers:
/// `.sccache-report.PHASE.STARTED.NUMBER.log`.
///
/// # Errors
/// Returns an error if `${T}` can't be read.
pub fn find_unfinished(t: &Path) -> Result<Vec<Unfinished>> {
    let folder = open_t(t)?;
    let found = names(&folder)?.filter_map(|name| Unfinished::new(&folder, name));
    Ok(found.take(MAX).collect())
}

/// Returns the folders in `${T}` with the snapshots of builds that were set aside, and the outcomes of
/// those: `.sccache-report.OUTCOME.UUID`.
///
/// # Errors
/// Returns an error if `${T}` can't be read.
pub fn find_set_aside(t: &Path) -> Result<Vec<(String, Outcome)>> {
    let folder = open_t(t)?;
    let found = names(&folder)?.filter_map(|name| Some((name.clone(), parse_folder_name(&name)?)));
    Ok(found.take(MAX).collect())
}

/// Returns a name for a folder of snapshots that are set aside.
pub(super) fn new_folder_name(outcome: Outcome) -> String {
    format!("{FOLDER}.{}.{}", outcome.word(), Uuid::new_v4())
}

fn parse_folder_name(name: &str) -> Option<Outcome> {
    let name = name.strip_prefix(FOLDER)?.strip_prefix('.')?;
    let (outcome, id) = name.split_once('.')?;
    Uuid::try_parse(id).ok()?;
    outcome.parse().ok()
}

fn parse_log_name(name: &str) -> Option<(&'static str, DateTime<Utc>)> {
    let name = name.strip_prefix(FOLDER)?.strip_prefix('.')?;
    let (phase, rest) = name.strip_suffix(".log")?.split_once('.')?;
    let (started, number) = rest.rsplit_once('.')?;
    number.parse::<u64>().ok()?;
    let started = parse_start(started)?;
    check_time(started).ok()?;
    let phase = PHASES.into_iter().find(|name| *name == phase)?;
    Some((phase, started))
}

fn names(folder: &OwnedFd) -> Result<impl Iterator<Item = String>> {
    let entries = Dir::read_from(folder)?.flatten();
    Ok(entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed() {
        for outcome in Outcome::ALL {
            assert_eq!(parse_folder_name(&new_folder_name(outcome)), Some(outcome));
        }
        let phase = |name: &str| {
            parse_log_name(name).map(|(phase, started)| (phase, started.timestamp_micros()))
        };
        for (start, expected) in [
            ("1700000000", 1_700_000_000_000_000),
            ("1700000000.000042", 1_700_000_000_000_042),
            ("1700000000.999999", 1_700_000_000_999_999),
        ] {
            let log = format!(".sccache-report.compile.{start}.12345.log");
            assert_eq!(phase(&log), Some(("compile", expected)));
        }
        for other in [
            ".sccache-report",
            ".sccache-report.sock",
            ".sccache-report.preinst.1700000000.1.log",
            ".sccache-report.compile.1700000000.x.log",
            ".sccache-report.compile.1700000000.1.1.log",
            ".sccache-report.compile.1700000000.-00001.1.log",
            ".sccache-report.compile.9999999999999.1.log",
            ".sccache-report.compile.1.log",
            ".sccache-report.failed.x",
        ] {
            assert_eq!(
                (phase(other), parse_folder_name(other)),
                (None, None),
                "{other}"
            );
        }
    }
}
