//! Builds into the database, or where that can't be, to where they are not lost: the folder of
//! those that wait, and at last the merge log.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Said;
use crate::portage::{Build, HookRecord};
use crate::store::{Error, Pending, RECORD_WAIT, Recorded, Store};

/// How long one merge records builds that waited, before its own.
const TAKE_UP_TIME: Duration = Duration::from_secs(2);

/// Records builds in one database, and waits for its locks no longer than [`RECORD_WAIT`] in all.
/// Once it was locked for too long, the builds that follow are kept without another attempt.
pub(super) struct Recorder {
    path: PathBuf,
    pending: Pending,
    begun: Instant,
    store: Option<Store>,
    is_busy: bool,
}

impl Recorder {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            pending: Pending::of(path),
            begun: Instant::now(),
            store: None,
            is_busy: false,
        }
    }

    /// Records `build`, after those that wait.
    ///
    /// Whatever goes wrong, there is one warning, and the build is kept: beside the database, or
    /// as a line of the merge log. Returns whether the build is where it will be recorded from.
    pub(super) fn keep(&mut self, build: &Build, said: &mut Said) -> bool {
        if self.path.is_relative() {
            // Relative to the build's own directory, which goes when the build does.
            said.warnings.push(format!(
                "{} is not an absolute path. {}",
                self.path.display(),
                into_the_log(build, &mut said.info)
            ));
            return false;
        }
        let error = match self.record(build, said) {
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
        let kept = self.pending.keep(build);
        said.warnings.push(match &kept {
            // Nothing is to be done about a lock: the next build is recorded without it.
            Ok(file) if matches!(error, Error::Locked(_)) => {
                format!("{error}. {}", waits_in(file))
            }
            Ok(file) => format!("{error}. {}.{}", waits_in(file), hint(&error)),
            Err(why) => format!(
                "{error}, and {} can't be written ({why}). {}{}",
                self.pending.folder().display(),
                into_the_log(build, &mut said.info),
                hint(&error)
            ),
        });
        kept.is_ok()
    }

    /// Keeps a build that is in a log already, without a warning where that still can't be done.
    pub(super) fn retry(&mut self, build: &Build, said: &mut Said) -> bool {
        if self.path.is_relative() {
            return false;
        }
        match self.record(build, said) {
            Ok(recorded) => {
                if recorded == Recorded::New {
                    said.info.push(waited(1));
                }
                true
            }
            Err(_) => self.pending.keep(build).is_ok(),
        }
    }

    fn record(&mut self, build: &Build, said: &mut Said) -> Result<Recorded, Error> {
        if self.is_busy {
            return Err(Error::Locked(self.path.clone()));
        }
        let recorded = self.try_record(build, said);
        self.is_busy = matches!(recorded, Err(Error::Locked(_)));
        recorded
    }

    fn try_record(&mut self, build: &Build, said: &mut Said) -> Result<Recorded, Error> {
        let deadline = self.begun + RECORD_WAIT;
        let store = match &mut self.store {
            Some(store) => store,
            None => {
                let mut store = Store::open_for_recording_until(&self.path, deadline)?;
                make_hook_folder(&self.path);
                let until = self.begun + TAKE_UP_TIME;
                take_up(&self.pending, &mut store, until, said)?;
                self.store.insert(store)
            }
        };
        store.wait_until(deadline)?;
        store.record(build)
    }
}

fn take_up(
    pending: &Pending,
    store: &mut Store,
    until: Instant,
    said: &mut Said,
) -> Result<(), Error> {
    let taken = pending.take_up(store, until)?;
    if taken.recorded > 0 {
        said.info.push(waited(taken.recorded));
    }
    if !taken.broken.is_empty() {
        said.warnings.push(format!(
            "renamed to *.bad because they contain no valid build: {}",
            taken.broken.join("; ")
        ));
    }
    Ok(())
}

/// The folder in which the hook leaves its record, which the hook itself never creates. Where that
/// fails, doctor says that there is no record.
fn make_hook_folder(database: &Path) {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let folder = HookRecord::folder(database);
    let made = std::fs::DirBuilder::new().mode(0o755).create(&folder);
    if made.is_ok() {
        let mode = std::fs::Permissions::from_mode(0o755);
        let _ = std::fs::set_permissions(&folder, mode);
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

fn hint(error: &Error) -> String {
    error
        .hint()
        .map_or_else(String::new, |hint| format!(" Hint: {hint}"))
}

fn waits_in(file: &Path) -> String {
    format!(
        "The build waits in {}, to be recorded later",
        file.display()
    )
}
