//! What else may be left of a build beside the snapshots: the logs of phases that never told their end,
//! and the snapshots of builds that could not be kept anywhere.
//!
//! Names only, since user portage writes into `${T}`: nothing of it is opened.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::Result;
use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, Dir, FileType, Stat};
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
    folder: PathBuf,
    name: String,
    /// Root's: it may have written into the cache.
    pub of_root: bool,
    /// The same for the same log.
    pub id: Uuid,
    /// The phase, not measured.
    pub phase: Phase,
}

/// Where the hook has root's servers log: only root's own files count there.
const ROOTS: &str = "/tmp";

/// The phases that never told their end, by the logs that the hook has servers write:
/// `.sccache-report.PHASE.STARTED.NUMBER.log` in `${T}`; in `/tmp`, for root's, `.sccache-report`
/// is followed by `${T}` with `%` for its slashes.
///
/// # Errors
/// Where `${T}` can't be read.
pub fn unfinished(t: &Path) -> Result<Vec<Unfinished>> {
    let mut all = unfinished_in(open_t(t)?, t, FOLDER, false)?;
    let roots = format!("{FOLDER}{}", t.to_string_lossy().replace('/', "%"));
    if let Ok(folder) = open_t(Path::new(ROOTS)) {
        all.extend(unfinished_in(folder, Path::new(ROOTS), &roots, true)?);
    }
    Ok(all)
}

fn unfinished_in(
    folder: OwnedFd,
    path: &Path,
    prefix: &str,
    of_root: bool,
) -> Result<Vec<Unfinished>> {
    let is_roots = |stat: &Stat| {
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        regular && stat.st_uid == 0 && stat.st_nlink == 1
    };
    let unfinished = |name: String| {
        let (phase, started) = phase_of(&name, prefix)?;
        let stat = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if of_root && !is_roots(&stat) {
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
            stats: Err(NotMeasuredReason::ShellKilled.into()),
        };
        Some(Unfinished {
            folder: path.into(),
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            name,
            of_root,
            phase,
        })
    };
    Ok(names(&folder)?.filter_map(unfinished).take(MAX).collect())
}

/// Forgets an unfinished phase, once its snapshot is there.
pub fn forget(unfinished: &Unfinished) {
    if let Ok(folder) = open_t(&unfinished.folder) {
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

fn phase_of(name: &str, prefix: &str) -> Option<(&'static str, DateTime<Utc>)> {
    let name = name.strip_prefix(prefix)?.strip_prefix('.')?;
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
        let phase =
            |name| phase_of(name, FOLDER).map(|(phase, started)| (phase, started.timestamp()));
        assert_eq!(phase(log), Some(("compile", 1_700_000_000)));
        for other in [
            ".sccache-report",
            ".sccache-report.sock",
            ".sccache-report.preinst.1700000000.1.log",
            ".sccache-report.compile.1700000000.x.log",
            ".sccache-report.compile.9999999999999.1.log",
            ".sccache-report.compile.1.log",
            ".sccache-report.failed.x",
            ".sccache-report%var%tmp.compile.1700000000.1.log",
        ] {
            assert_eq!((phase(other), outcome_of(other)), (None, None), "{other}");
        }
    }
}
