//! Records builds in the database, or else in the pending folder or the merge log.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Messages, kept_builds};
use crate::error::{Error, Result};
use crate::portage::{Build, HookRecord};
use crate::store::{BuildRow, Filter, Pending, RECORD_WAIT, Recorded, Store, make_folder};
use crate::text::plural;

/// How long one merge records pending builds before its own.
const PENDING_WAIT: Duration = Duration::from_secs(2);

/// Records builds in one database, and waits for its locks no longer than [`RECORD_WAIT`] in total.
pub(super) struct Recorder {
    path: PathBuf,
    pending: Pending,
    /// When the database was first opened.
    started: Option<Instant>,
    store: Option<Store>,
}

impl Recorder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            pending: Pending::for_database(&path),
            path,
            started: None,
            store: None,
        }
    }

    /// Records the pending builds, and then `build`. On an error, warns once and keeps the build in
    /// the pending folder, or else as a line in the merge log. Returns whether it is in the database
    /// or the folder.
    pub(super) fn record(&mut self, build: &Build, messages: &mut Messages) -> bool {
        if self.path.is_relative() {
            // It would be relative to the build's own directory, which is temporary.
            let problem = format!("{} is not an absolute path", self.path.display());
            let place = print_build(build, messages);
            messages.warn(format!("{problem}. {place}"));
            return false;
        }
        let error = match self.open(messages).and_then(|store| store.record(build)) {
            Ok(Recorded::New) => return true,
            Ok(Recorded::AlreadyRecorded) => {
                let id = build.id;
                messages.warn(format!("build {id} was already in the database"));
                return true;
            }
            Err(error) => error,
        };
        // Neither a lock nor a slow disk needs an action: the next merge records the build.
        let hint = match &error {
            Error::Locked(_) | Error::QueryTimeout(_) => None,
            error => error.hint(),
        };
        let hint = hint.map_or_else(String::new, |hint| format!(". Hint: {hint}"));
        match self.pending.save(build) {
            Ok(file) => {
                let file = file.display();
                messages.warn(format!(
                    "{error}. The build is kept in {file} and will be recorded later{hint}"
                ));
                true
            }
            Err(pending_error) => {
                let folder = self.pending.folder().display();
                let problem = format!("{error}, and {folder} can't be written ({pending_error})");
                let place = print_build(build, messages);
                messages.warn(format!("{problem}. {place}{hint}"));
                false
            }
        }
    }

    /// Records a build that is already in a log. Returns the same as [`Recorder::record`], without a
    /// warning.
    pub(super) fn retry(&mut self, build: &Build, messages: &mut Messages) -> bool {
        if self.path.is_relative() {
            return false;
        }
        match self.open(messages).and_then(|store| store.record(build)) {
            Ok(Recorded::New) => messages.info.push(pending_message(1)),
            Ok(Recorded::AlreadyRecorded) => {}
            Err(_) => return self.pending.save(build).is_ok(),
        }
        true
    }

    /// Returns the row of a recorded build. `None` if it can't be read: it only adds to a summary.
    pub(super) fn recorded_row(&self, id: Uuid) -> Option<BuildRow> {
        let build = Filter {
            build: Some(id),
            ..Filter::default()
        };
        self.store.as_ref()?.builds(&build).ok()?.pop()
    }

    /// Opens the database, and records the pending builds.
    fn open(&mut self, messages: &mut Messages) -> Result<&mut Store> {
        let started = *self.started.get_or_insert_with(Instant::now);
        let deadline = started + RECORD_WAIT;
        if self.store.is_none() {
            let mut store = Store::open_for_recording_until(&self.path, deadline)?;
            store.keep_compilations(kept_builds(|problem| messages.warn(problem)));
            // The hook never creates this folder. doctor reports if there is no record in it.
            let _ = make_folder(&HookRecord::folder(&self.path));
            let until = started + PENDING_WAIT;
            let pending = self.pending.record(&mut store, until)?;
            if pending.recorded > 0 {
                messages.info.push(pending_message(pending.recorded));
            }
            if !pending.broken.is_empty() {
                let files = pending.broken.join("; ");
                messages.warn(format!(
                    "renamed to *.bad because they contain no valid build: {files}"
                ));
            }
            self.store = Some(store);
        }
        let store = self.store.as_mut().expect("opened above");
        store.wait_until(deadline)?;
        Ok(store)
    }
}

fn pending_message(count: usize) -> String {
    let builds = plural(count as u64, "build");
    format!("sccache-report: recorded {count} pending {builds}")
}

/// Adds the build to the log as a line, and returns a sentence about that.
fn print_build(build: &Build, messages: &mut Messages) -> String {
    match build.to_log_line() {
        Ok(line) => {
            messages.info.push(line);
            "This log contains the build as a line for `sccache-collect import`".into()
        }
        Err(error) => format!("The build is lost: {error}"),
    }
}
