//! Merging the databases of other hosts.
//!
//! A private copy of the other database is read by the queries of the reports, its builds are checked like those
//! that the hook records, and inserted by the same code. Reports are the same whatever the order and the number
//! of merges: a build has the same id in every database, imported builds and objects that differ are chosen by
//! their content, and everything that recording compares a build with belongs to a host.
//!
//! A recorder waits [`super::RECORD_WAIT`] for a lock. So no transaction is long, and before each one,
//! [`Merger::write`] lets other processes go first.

mod builds;
mod lists;
mod objects;
mod source;

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Transaction;

use self::source::Source;
use super::turn::Turns;
use super::{Error, RECORD_WAIT, Result, Store};

/// How long merging waits for a lock. A recorder holds one for milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// After this time, a transaction ends, so that others don't wait longer.
const TRANSACTION_TIME: Duration = Duration::from_millis(250);

/// The page cache, in the unit of `PRAGMA cache_size`: 64 MiB. The ids of builds are scattered over their index.
const CACHE: i64 = -64 * 1024;

/// What merging a database did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeResult {
    /// Builds that were added.
    pub added: u64,
    /// Builds that were in the database already.
    pub recorded: u64,
    /// Builds that [`Store::forget`] removed from the database, and that stay away.
    pub forgotten: u64,
    /// Builds and other rows that were skipped, because no collector can have written them.
    pub invalid: u64,
    /// What is wrong with the first of these.
    pub problem: Option<String>,
}

/// Which of the two databases failed.
#[derive(Debug)]
pub enum MergeError {
    /// The other database can't be read, or is damaged.
    Source(Error),
    /// This one can't be written.
    Target(Error),
}

impl Store {
    /// Adds the builds of another database that aren't in this one, with their emerges, and the costs of
    /// objects. The other database doesn't change, and may be in use, or of an older version.
    ///
    /// # Errors
    /// One of the databases fails. Builds of earlier transactions are added then, each of them whole.
    pub fn merge(&mut self, source: &Path) -> Result<MergeResult, MergeError> {
        let source = Source::open(source, &self.migrations).map_err(MergeError::Source)?;
        self.wait_for_locks(LOCK_WAIT)?;
        let cached = self.connection.pragma_update(None, "cache_size", CACHE);
        cached.map_err(|error| MergeError::Target(self.error(error)))?;
        let mut merger = Merger {
            turns: self.turns(),
            store: self,
            source: &source,
            result: MergeResult::default(),
        };
        let merged = merger.merge();
        let result = merger.result;
        self.wait_for_locks(RECORD_WAIT)?;
        merged.map(|()| result)
    }

    fn wait_for_locks(&self, time: Duration) -> Result<(), MergeError> {
        let set = self.connection.busy_timeout(time);
        set.map_err(|error| MergeError::Target(self.error(error)))
    }
}

/// Writes what is missing, in short transactions.
struct Merger<'a> {
    store: &'a mut Store,
    source: &'a Source,
    turns: Turns,
    result: MergeResult,
}

impl Merger<'_> {
    fn merge(&mut self) -> Result<(), MergeError> {
        self.check_totals()?;
        self.merge_builds()?;
        self.merge_lists()?;
        self.merge_former_units()?;
        self.merge_objects()
    }

    /// Writes items, as many in each transaction as its time allows.
    fn write_all<T>(
        &mut self,
        mut items: &[T],
        mut write: impl FnMut(&Transaction<'_>, &T) -> rusqlite::Result<()>,
    ) -> Result<(), MergeError> {
        while !items.is_empty() {
            let count = self.write(|transaction, end| {
                let mut count = 0;
                while let Some(item) = items.get(count) {
                    write(transaction, item)?;
                    count += 1;
                    if Instant::now() >= end {
                        break;
                    }
                }
                Ok(count)
            })?;
            items = &items[count..];
        }
        Ok(())
    }

    /// Runs one transaction, which should end at the given time.
    fn write<T>(
        &mut self,
        write: impl FnOnce(&Transaction<'_>, Instant) -> rusqlite::Result<T>,
    ) -> Result<T, MergeError> {
        self.turns.let_others_go_first();
        let run = || -> rusqlite::Result<T> {
            let transaction = self.store.begin()?;
            let value = write(&transaction, Instant::now() + TRANSACTION_TIME)?;
            transaction.commit()?;
            Ok(value)
        };
        let written = run();
        written.map_err(|error| MergeError::Target(self.store.error(error)))
    }

    /// Returns an error of a query on this database.
    fn failed(&self, error: rusqlite::Error) -> MergeError {
        MergeError::Target(self.store.error(error))
    }

    /// Skips a row of the source.
    fn skip(&mut self, problem: impl FnOnce() -> String) {
        self.result.invalid += 1;
        self.result.problem.get_or_insert_with(problem);
    }
}
