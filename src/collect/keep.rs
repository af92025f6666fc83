//! A build into the database, or where that can't be, to where it is not lost: the folder
//! of those that wait, and at last the merge log.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Said;
use crate::portage::Build;
use crate::store::{Error, Pending, RECORD_WAIT, Recorded, Store};

/// How long one merge records builds that waited, before its own.
pub const TAKE_UP_TIME: Duration = Duration::from_secs(2);

/// What is left of [`RECORD_WAIT`] for the merge's own build, however long the others took.
const OWN_WAIT: Duration = Duration::from_secs(1);

/// Records `build` in the database at `path`, after those that wait there.
///
/// Whatever goes wrong, one warning is said, and the build is kept: beside the database, or
/// as a line of the merge log. Never takes much longer than [`RECORD_WAIT`] and
/// [`TAKE_UP_TIME`]. Returns whether the build is where it will be recorded from.
pub(super) fn keep(build: &Build, path: &Path, said: &mut Said) -> bool {
    if path.is_relative() {
        // Relative to the build's own directory, which goes when the build does.
        said.warnings.push(format!(
            "{} is not an absolute path. {}",
            path.display(),
            into_the_log(build, &mut said.info)
        ));
        return false;
    }
    let pending = Pending::of(path);
    let error = match record(build, path, &pending, said) {
        Ok(Recorded::New) => return true,
        Ok(Recorded::AlreadyThere) => {
            said.warnings.push(format!(
                "build {} is in the database already, and was not recorded again",
                build.id
            ));
            return true;
        }
        Err(error) => error,
    };
    let kept = pending.keep(build);
    said.warnings.push(match &kept {
        // Nothing is to be done about a lock: the next build is recorded without it.
        Ok(file) if matches!(error, Error::Busy(_)) => {
            format!("{error}. {}", waits_in(file))
        }
        Ok(file) => format!("{error}. {}. To do: {}", waits_in(file), error.hint()),
        Err(why) => format!(
            "{error}, nor can {} be written ({why}). {} To do: {}",
            pending.folder().display(),
            into_the_log(build, &mut said.info),
            error.hint()
        ),
    });
    kept.is_ok()
}

/// Keeps a build that is in a log already, without a word where that can't be now either.
pub(super) fn retry(build: &Build, path: &Path, said: &mut Said) -> bool {
    if path.is_relative() {
        return false;
    }
    let pending = Pending::of(path);
    match record(build, path, &pending, said) {
        Ok(recorded) => {
            if recorded == Recorded::New {
                said.info.push(waited(1));
            }
            true
        }
        Err(_) => pending.keep(build).is_ok(),
    }
}

fn waited(count: usize) -> String {
    let builds = if count == 1 { "build" } else { "builds" };
    format!("sccache-report: {count} {builds} that waited recorded")
}

fn into_the_log(build: &Build, info: &mut Vec<String>) -> String {
    match build.to_log_line() {
        Ok(line) => {
            info.push(line);
            "The build is in this log, as a line for `sccache-collect import`.".into()
        }
        Err(why) => format!("{why}: the build is lost."),
    }
}

fn waits_in(file: &Path) -> String {
    format!(
        "The build waits in {}, to be recorded later",
        file.display()
    )
}

fn record(
    build: &Build,
    path: &Path,
    pending: &Pending,
    said: &mut Said,
) -> Result<Recorded, Error> {
    let begun = Instant::now();
    let mut store = Store::open_for_recording(path)?;
    // The waits add up: for the migration, for those that waited, for this one.
    store.wait_at_most(RECORD_WAIT.saturating_sub(begun.elapsed()).max(OWN_WAIT))?;
    let taken = pending.take_up(&mut store, begun + TAKE_UP_TIME)?;
    if taken.recorded > 0 {
        said.info.push(waited(taken.recorded));
    }
    if !taken.broken.is_empty() {
        said.warnings.push(format!(
            "set aside as *.bad, for they hold no build that can be recorded: {}",
            taken.broken.join("; ")
        ));
    }
    store.wait_at_most(RECORD_WAIT.saturating_sub(begun.elapsed()).max(OWN_WAIT))?;
    store.record(build)
}
