//! Merging the databases of other hosts.
//!
//! A source is copied, the copy is attached as `source`, and SQL copies what is missing here. Reports are the
//! same whatever the order and the number of merges: builds are identified by their uuids, what differs for a
//! reason (imported builds, objects) is decided by content, and everything that recording compares a build
//! with belongs to a host. Only the builds that a host records itself can add to that.
//!
//! A recorder waits [`super::RECORD_WAIT`] for a lock and tries at least every 100 ms. So no transaction is
//! long, and [`Merger::write`] pauses between them.

mod builds;
mod costs;
mod source;

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Transaction, TransactionBehavior};

use super::{Result, Store};

/// How long merging waits for a lock. A recorder holds one for milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// After writing for this long, merging pauses.
const BUSY_TIME: Duration = Duration::from_millis(500);

/// Longer than the time between two attempts of another process to get a lock (`sqliteDefaultBusyCallback` in
/// SQLite's `main.c`).
const PAUSE: Duration = Duration::from_millis(150);

/// The number of rows of which a transaction writes those that are missing: builds, or the lists and units of
/// phases.
const PIECE: i64 = 1000;

/// What merging a database did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeResult {
    /// Builds that were added.
    pub added: u64,
    /// Builds that were in the database already.
    pub recorded: u64,
    /// Builds that [`Store::forget`] removed from the database, and that stay away.
    pub forgotten: u64,
}

impl Store {
    /// Adds the builds of another database that aren't in this one, with their emerges, and the costs of
    /// objects. The other database doesn't change, and may be in use, or of an older version.
    ///
    /// # Errors
    /// The other database can't be read, is damaged or has impossible values, or this one can't be written.
    /// Builds of earlier transactions are added then, each of them whole.
    pub fn merge(&mut self, source: &Path) -> Result<MergeResult> {
        source::attach(self, source)?;
        let merged = self.merge_attached(source);
        let detached = source::detach(self);
        let result = merged?;
        detached?;
        Ok(result)
    }

    fn merge_attached(&mut self, source: &Path) -> Result<MergeResult> {
        source::check_schema(self, source)?;
        let set = self.connection.busy_timeout(LOCK_WAIT);
        set.map_err(|error| self.error(error))?;
        let mut merger = Merger {
            store: self,
            busy: Duration::ZERO,
        };
        let merge = merger.builds(source).and_then(|result| {
            merger.lists()?;
            merger.former_units()?;
            merger.objects()?;
            Ok(result)
        });
        merge.map_err(|error| source::blame(self, source, error))
    }
}

/// Writes what is missing, in short transactions.
struct Merger<'a> {
    store: &'a mut Store,
    /// The time that was spent in transactions since the last pause.
    busy: Duration,
}

impl Merger<'_> {
    /// Runs one transaction.
    fn write<T>(&mut self, write: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        if self.busy >= BUSY_TIME {
            sleep(PAUSE);
            self.busy = Duration::ZERO;
        }
        let path = &self.store.path;
        let failed = |error| super::Error::from_sqlite(path, error);
        let connection = &mut self.store.connection;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let begun = Instant::now();
        let value = write(&transaction)?;
        transaction.commit().map_err(failed)?;
        self.busy += begun.elapsed();
        Ok(value)
    }
}
