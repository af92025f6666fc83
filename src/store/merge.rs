//! Merging the databases of other hosts.
//!
//! A private copy of the other database is read by the queries of the reports, its builds are checked like those
//! that the hook records, and inserted by the same code. Reports are the same whatever the order and the number
//! of merges: a build has the same id in every database, imported builds and objects that differ are chosen by
//! their content, and everything that recording compares a build with belongs to a host.
//!
//! A recorder waits [`super::RECORD_WAIT`] for a lock. So a transaction ends early if another process waits, and before each
//! one, [`Merger::write`] lets others go first.

mod builds;
mod found;
mod lists;
mod objects;
mod source;

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Row, Transaction};

use self::source::Source;
use super::turn::Turns;
use super::{Error, RECORD_WAIT, Result, Store};

/// How long merging waits for a lock. A recorder holds one for milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// After this time, a transaction is committed if another process waits.
const YIELD_AFTER: Duration = Duration::from_millis(100);

/// After this time, a transaction is committed. What it wrote is in memory, and lost if it is interrupted.
const COMMIT_AFTER: Duration = Duration::from_secs(1);

/// About how many bytes of lists or of former units are read before they are written. Each transaction takes five calls of
/// fsync(2), so few are better, but a recorder waits until all are on the disk.
const BATCH: usize = 4 * 1024 * 1024;

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
    /// The other database can't be read, or is damaged: why, and what was merged before.
    Source(Error, Box<MergeResult>),
    /// This one can't be written.
    Target(Error),
}

impl MergeError {
    fn source(error: Error) -> Self {
        Self::Source(error, Box::default())
    }
}

impl Store {
    /// Adds the builds of another database that aren't in this one, with their emerges, and the costs of
    /// objects. The other database doesn't change, and may be in use, or of an older version.
    ///
    /// # Errors
    /// One of the databases fails. Builds of earlier transactions are added then, each of them whole.
    pub fn merge(&mut self, source: &Path) -> Result<MergeResult, MergeError> {
        let source = Source::open(source, &self.migrations).map_err(MergeError::source)?;
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
        match merged {
            Ok(()) => Ok(result),
            Err(MergeError::Source(error, _)) => Err(MergeError::Source(error, Box::new(result))),
            Err(error) => Err(error),
        }
    }

    fn wait_for_locks(&self, time: Duration) -> Result<(), MergeError> {
        let set = self.connection.busy_timeout(time);
        set.map_err(|error| MergeError::Target(self.error(error)))
    }
}

/// When a transaction is committed.
struct TransactionLimit<'a> {
    begun: Instant,
    turns: &'a Turns,
}

impl TransactionLimit<'_> {
    fn is_reached(&self) -> bool {
        let time = self.begun.elapsed();
        time >= COMMIT_AFTER || time >= YIELD_AFTER && self.turns.is_requested()
    }
}

/// Writes what is missing, in transactions that are short if another process waits.
struct Merger<'a> {
    store: &'a mut Store,
    source: &'a Source,
    turns: Turns,
    result: MergeResult,
}

impl Merger<'_> {
    fn merge(&mut self) -> Result<(), MergeError> {
        let steps = [
            Self::merge_builds,
            Self::merge_lists,
            Self::merge_former_units,
            Self::merge_objects,
        ];
        let mut first = Ok(());
        for step in steps {
            match step(self) {
                // The other tables may be intact.
                Err(error @ MergeError::Source(..)) => first = first.and(Err(error)),
                result => result?,
            }
        }
        first
    }

    /// Writes items, as many in each transaction as its limit allows.
    fn write_all<T>(
        &mut self,
        mut items: &[T],
        mut write: impl FnMut(&Transaction<'_>, &T) -> rusqlite::Result<()>,
    ) -> Result<(), MergeError> {
        while !items.is_empty() {
            let count = self.write(|transaction, limit| {
                let mut count = 0;
                while let Some(item) = items.get(count) {
                    write(transaction, item)?;
                    count += 1;
                    if limit.is_reached() {
                        break;
                    }
                }
                Ok(count)
            })?;
            items = &items[count..];
        }
        Ok(())
    }

    /// Reads what is new of each item, and its length in bytes, and writes it in batches.
    fn write_batches<T, R>(
        &mut self,
        items: &[T],
        read: impl Fn(&mut Self, &T) -> Result<Option<(R, usize)>, MergeError>,
        write: impl Fn(&Transaction<'_>, &T, &R) -> rusqlite::Result<()>,
    ) -> Result<(), MergeError> {
        let write =
            |transaction: &Transaction<'_>, (item, new): &(&T, R)| write(transaction, item, new);
        let (mut batch, mut length) = (Vec::new(), 0);
        for item in items {
            if let Some((new, bytes)) = read(self, item)? {
                batch.push((item, new));
                length += bytes;
            }
            if length >= BATCH {
                self.write_all(&batch, write)?;
                (batch, length) = (Vec::new(), 0);
            }
        }
        self.write_all(&batch, write)
    }

    /// Runs one transaction, which should end at its limit.
    fn write<T>(
        &mut self,
        write: impl FnOnce(&Transaction<'_>, &TransactionLimit<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, MergeError> {
        self.turns.let_others_go_first();
        let run = || -> rusqlite::Result<T> {
            let transaction = self.store.begin()?;
            let limit = TransactionLimit {
                begun: Instant::now(),
                turns: &self.turns,
            };
            let value = write(&transaction, &limit)?;
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

    /// Returns the rows of a query on the source. Skips those whose names aren't UTF-8.
    fn readable_rows<T>(
        &mut self,
        sql: &str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, MergeError> {
        let rows = self.source.query(sql, (), |row| Ok(read(row).ok()));
        let rows = rows.map_err(MergeError::source)?;
        for _ in rows.iter().filter(|row| row.is_none()) {
            self.skip(|| "a name is not UTF-8".to_owned());
        }
        Ok(rows.into_iter().flatten().collect())
    }

    /// Skips a row of the source.
    fn skip(&mut self, problem: impl FnOnce() -> String) {
        self.result.invalid += 1;
        self.result.problem.get_or_insert_with(problem);
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{FlockOperation, flock};

    use super::*;

    #[test]
    fn a_transaction_is_short_if_somebody_waits() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_for_recording(&folder.path().join("stats.db")).unwrap();
        let turns = store.turns();
        let is_reached = |time| {
            let begun = Instant::now().checked_sub(time).unwrap();
            let turns = &turns;
            TransactionLimit { begun, turns }.is_reached()
        };
        assert!(!is_reached(YIELD_AFTER) && is_reached(COMMIT_AFTER));
        let folder = std::fs::File::open(folder.path()).unwrap();
        flock(&folder, FlockOperation::NonBlockingLockShared).unwrap();
        assert!(is_reached(YIELD_AFTER) && !is_reached(Duration::ZERO));
    }
}
