//! What else may be left of a build beside the snapshots: the logs of phases that never told their end,
//! and the snapshots of builds that could not be kept anywhere.
//!
//! Names only, since user portage writes into `${T}`: nothing of it is opened.

use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Result;
use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, Dir};
use uuid::Uuid;

use super::phase::check_time;
use super::snapshot::{FOLDER, open_t};
use super::{Attribution, Outcome, PHASES, Phase};
use crate::sccache::NotMeasuredReason;

/// No more of either are looked at; an honest build leaves one or two.
const MAX: usize = 16;

/// A phase whose servers' log is still there: nobody took its numbers.
#[derive(Debug)]
pub struct Unfinished {
    name: String,
    /// The same for the same log.
    pub id: Uuid,
    /// The phase, not measured.
    pub phase: Phase,
}

/// The phases that never reported their end, by the logs that the hook has servers write:
/// `.sccache-report.PHASE.STARTED.NUMBER.log`. The hook creates them empty, and one that stayed so
/// is of a phase in which no server started.
///
/// # Errors
/// Where `${T}` can't be read.
pub fn unfinished(t: &Path) -> Result<Vec<Unfinished>> {
    let folder = open_t(t)?;
    let unfinished = |name: String| {
        let (phase, started) = phase_of(&name)?;
        let stat = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if stat.st_size == 0 {
            return None;
        }
        // Last written to when its server last heard of a client.
        let ended = DateTime::from_timestamp(stat.st_mtime, stat.st_mtime_nsec as u32);
        let ended = ended.filter(|time| check_time(*time).is_ok());
        let ended = ended.map_or_else(Utc::now, |time| time.min(Utc::now()));
        let phase = Phase {
            name: phase.into(),
            started_at: started.min(ended),
            finished_at: ended,
            attribution: Attribution::Exact,
            read_only: false,
            stats: Err(NotMeasuredReason::ShellKilled.into()),
        };
        Some(Unfinished {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            name,
            phase,
        })
    };
    Ok(names(&folder)?.filter_map(unfinished).take(MAX).collect())
}

/// Forgets an unfinished phase, once its snapshot is there.
pub fn forget(t: &Path, unfinished: &Unfinished) {
    if let Ok(folder) = open_t(t) {
        let _ = rustix::fs::unlinkat(&folder, &unfinished.name, AtFlags::empty());
    }
}

/// The folders in `${T}` with the snapshots of builds that were set aside, and what came of those:
/// `.sccache-report.OUTCOME.UUID`.
///
/// # Errors
/// Where `${T}` can't be read.
pub fn set_aside(t: &Path) -> Result<Vec<(String, Outcome)>> {
    let folder = open_t(t)?;
    let outcome = |name: String| outcome_of(&name).map(|outcome| (name, outcome));
    Ok(names(&folder)?.filter_map(outcome).take(MAX).collect())
}

fn outcome_of(name: &str) -> Option<Outcome> {
    let (word, id) = name
        .strip_prefix(FOLDER)?
        .strip_prefix('.')?
        .split_once('.')?;
    Uuid::try_parse(id).ok()?;
    word.parse().ok()
}

fn phase_of(name: &str) -> Option<(&'static str, DateTime<Utc>)> {
    let name = name.strip_prefix(FOLDER)?.strip_prefix('.')?;
    let mut parts = name.strip_suffix(".log")?.splitn(3, '.');
    let (phase, started, number) = (parts.next()?, parts.next()?, parts.next()?);
    let started = DateTime::from_timestamp(started.parse().ok()?, 0)?;
    check_time(started).ok()?;
    let digits = number.len() < 32 && number.bytes().all(|byte| byte.is_ascii_digit());
    let phase = PHASES.into_iter().find(|name| digits && *name == phase)?;
    Some((phase, started))
}

fn names(folder: &OwnedFd) -> Result<impl Iterator<Item = String>> {
    let entries = Dir::read_from(folder)?.flatten();
    Ok(entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::name_aside;
    use super::*;

    #[test]
    fn names_tell_what_it_is() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome_of(&name_aside(outcome)), Some(outcome));
        }
        let log = ".sccache-report.compile.1700000000.12345.log";
        let phase = |name| phase_of(name).map(|(phase, started)| (phase, started.timestamp()));
        assert_eq!(phase(log), Some(("compile", 1_700_000_000)));
        for other in [
            ".sccache-report",
            ".sccache-report.sock",
            ".sccache-report.preinst.1700000000.1.log",
            ".sccache-report.compile.1700000000.x.log",
            ".sccache-report.compile.9999999999999.1.log",
            ".sccache-report.compile.1.log",
            ".sccache-report.failed.x",
        ] {
            assert_eq!((phase(other), outcome_of(other)), (None, None), "{other}");
        }
    }
}
