//! What else may be left in `${T}` beside the snapshots: the logs of phases that never told their end,
//! and the snapshots of builds that could not be kept anywhere.
//!
//! Names only, since user portage writes there: nothing of it is opened.

use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Result;
use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, Dir};
use uuid::Uuid;

use super::phase::check_time;
use super::snapshot::{FOLDER, open_t};
use super::{Attribution, Outcome, PHASES, Phase};

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

/// The phases in `${T}` that never told their end, by the logs that the hook has servers write:
/// `.sccache-report.PHASE.NUMBER.log`.
///
/// # Errors
/// Where `${T}` can't be read.
pub fn unfinished(t: &Path) -> Result<Vec<Unfinished>> {
    let folder = open_t(t)?;
    let unfinished = |name: String| {
        let phase = phase_of(&name)?;
        // Last written to when its server last heard of a client.
        let stat = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let ended = DateTime::from_timestamp(stat.st_mtime, stat.st_mtime_nsec as u32);
        let ended = ended.filter(|time| check_time(*time).is_ok());
        let ended = ended.map_or_else(Utc::now, |time| time.min(Utc::now()));
        let phase = Phase {
            name: phase.into(),
            started_at: ended,
            finished_at: ended,
            attribution: Attribution::Exact,
            stats: Err("it was killed before its numbers could be taken".into()),
        };
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        Some(Unfinished { name, id, phase })
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

/// The name of such a folder.
pub(super) fn name_aside(outcome: Outcome) -> String {
    format!("{FOLDER}.{}.{}", outcome.word(), Uuid::new_v4())
}

fn outcome_of(name: &str) -> Option<Outcome> {
    let (word, id) = name
        .strip_prefix(FOLDER)?
        .strip_prefix('.')?
        .split_once('.')?;
    Uuid::try_parse(id).ok()?;
    word.parse().ok()
}

fn phase_of(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix(FOLDER)?.strip_prefix('.')?;
    let (phase, number) = name.strip_suffix(".log")?.split_once('.')?;
    let digits = number.len() < 32 && number.bytes().all(|byte| byte.is_ascii_digit());
    PHASES.into_iter().find(|name| digits && *name == phase)
}

fn names(folder: &OwnedFd) -> Result<impl Iterator<Item = String>> {
    let entries = Dir::read_from(folder)?.flatten();
    Ok(entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_it_is() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome_of(&name_aside(outcome)), Some(outcome));
        }
        assert_eq!(
            phase_of(".sccache-report.compile.12345.log"),
            Some("compile")
        );
        for other in [
            ".sccache-report",
            ".sccache-report.sock",
            ".sccache-report.preinst.1.log",
            ".sccache-report.compile.x.log",
            ".sccache-report.compile.log",
            ".sccache-report.failed.x",
        ] {
            assert_eq!(
                (phase_of(other), outcome_of(other)),
                (None, None),
                "{other}"
            );
        }
    }
}
