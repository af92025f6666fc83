//! Opening the database: to record (made and upgraded if need be), or only to read.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::place::{check_readable, check_trusted, create};
use super::snapshot::{self, Snapshot};
use super::{Error, Result, bad_row};

/// How long recording waits for another process's lock: a merge never hangs longer.
pub const RECORD_WAIT: Duration = Duration::from_secs(3);

/// How long a reader waits for a commit to end before it reads a copy instead.
const READ_WAIT: Duration = Duration::from_secs(1);

/// How long the queries on a database of another user may take in all. An endless one can be
/// written in SQL.
const FOREIGN_TIME: Duration = Duration::from_secs(60);

/// How many instructions of SQLite's virtual machine run between two looks at the clock: some
/// milliseconds.
const INSTRUCTIONS: i32 = 100_000;

/// What a reader keeps of the file at most, as SQLite takes it: 16 MiB.
const READ_CACHE: i64 = -16 * 1024;

/// The schema's versions, oldest first.
fn migrations() -> Vec<M<'static>> {
    vec![M::up(include_str!("../../migrations/0001_initial.sql"))]
}

/// `PRAGMA application_id` of our files, set by the first migration.
const APPLICATION_ID: i64 = 0x7363_6372;

/// The database, open.
pub struct Store {
    // Boxed, because with its hooks it is large.
    pub(super) connection: Box<Connection>,
    pub(super) path: PathBuf,
    /// Until when recording waits for locks; `None`: up to [`RECORD_WAIT`] for each.
    pub(super) deadline: Option<Instant>,
    /// Present where a copy is read: the copy goes when the store does.
    _snapshot: Option<Snapshot>,
}

impl Store {
    /// Opens the database for recording. Makes the folder (0755) and the file (0644,
    /// whatever the umask) where missing, and upgrades an older schema. Waits for
    /// locks up to [`RECORD_WAIT`].
    ///
    /// # Errors
    /// [`Error::Untrusted`], [`Error::NewerSchema`], [`Error::ForeignDatabase`], [`Error::NotADatabase`] leave
    /// the file untouched; [`Error::CreateFolder`], [`Error::NotWritable`], [`Error::DiskFull`],
    /// [`Error::Locked`], [`Error::Damaged`] say what they are called.
    pub fn open_for_recording(path: &Path) -> Result<Store> {
        Self::open_knowing(path, &migrations(), None)
    }

    /// As [`Store::open_for_recording`]; waits for locks until `deadline`, while opening and later.
    ///
    /// # Errors
    /// As [`Store::open_for_recording`].
    pub fn open_for_recording_until(path: &Path, deadline: Instant) -> Result<Store> {
        Self::open_knowing(path, &migrations(), Some(deadline))
    }

    /// As a later version of the program would open it, which knows `more` migrations: for
    /// tests of two versions on one database.
    ///
    /// # Errors
    /// As [`Store::open_for_recording`].
    #[doc(hidden)]
    pub fn open_for_recording_with(path: &Path, more: &[&'static str]) -> Result<Store> {
        let more = more.iter().map(|sql| M::up(sql));
        let all: Vec<M<'static>> = migrations().into_iter().chain(more).collect();
        Self::open_knowing(path, &all, None)
    }

    fn open_knowing(
        path: &Path,
        migrations: &[M<'static>],
        deadline: Option<Instant>,
    ) -> Result<Store> {
        create(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|error| Error::from_sqlite(path, error))?;
        let mut store = Store {
            connection: Box::new(connection),
            path: path.to_path_buf(),
            deadline: None,
            _snapshot: None,
        };
        store.set_wait(deadline)?;
        let (version, known) = (store.schema()?, migrations.len() as i64);
        if version > known {
            return Err(Error::NewerSchema(store.path, version, known));
        }
        store.set_wait(deadline)?;
        store.prepare().map_err(|e| store.error(e))?;
        store.set_wait(deadline)?;
        // A large old database is upgraded by a person's `import`, which has no deadline.
        store.stop_at(deadline)?;
        store.migrate(migrations)?;
        store.stop_at(None)?;
        store.enforce_references(true).map_err(|e| store.error(e))?;
        Ok(store)
    }

    /// Has the next operation wait for locks until `deadline`.
    ///
    /// # Errors
    /// None that SQLite documents.
    pub fn wait_until(&mut self, deadline: Instant) -> Result<()> {
        self.set_wait(Some(deadline))
    }

    fn set_wait(&mut self, deadline: Option<Instant>) -> Result<()> {
        self.deadline = deadline;
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.connection
            .busy_timeout(deadline.map_or(RECORD_WAIT, left))
            .map_err(|e| self.error(e))
    }

    /// Has statements fail with [`Error::QueryTimeout`] from `deadline` on.
    pub(super) fn stop_at(&self, deadline: Option<Instant>) -> Result<()> {
        let is_over = deadline.map(|deadline| move || Instant::now() >= deadline);
        self.connection
            .progress_handler(INSTRUCTIONS, is_over)
            .map_err(|e| self.error(e))
    }

    /// Opens the database for reading: writes nothing, needs no right to write, and
    /// reads what was committed when it was opened until it is dropped. Where a crash
    /// left half a transaction, or a writer keeps everybody out, it reads a private
    /// copy (see the module's page); likewise where others can change what lies beside the
    /// file. Queries on such a file fail with [`Error::QueryTimeout`] after a minute.
    ///
    /// Recording waits for readers in its last moment: fetch, drop, then print.
    ///
    /// # Errors
    /// [`Error::MissingDatabase`], [`Error::NotReadable`], [`Error::NotAFile`], [`Error::ForgedJournal`],
    /// [`Error::NotADatabase`], [`Error::ForeignDatabase`], [`Error::NewerSchema`], [`Error::OlderSchema`],
    /// [`Error::Damaged`], [`Error::Locked`].
    pub fn open_for_reading(path: &Path) -> Result<Store> {
        check_readable(path)?;
        let foreign = check_trusted(path).is_err();
        let copy = || -> Result<Store> {
            let copy = snapshot::take(path)?;
            let copied = copy.path().to_path_buf();
            read_only(path, &copied, Some(copy))
        };
        let store = if foreign {
            copy()?
        } else {
            match read_only(path, path, None) {
                Err(Error::Locked(_) | Error::NotWritable(..)) => copy()?,
                other => other?,
            }
        };
        if foreign {
            store.stop_at(Some(Instant::now() + FOREIGN_TIME))?;
        }
        let version = store.schema()?;
        match version {
            v if v > known() => Err(Error::NewerSchema(store.path, v, known())),
            0 if known() > 0 => Err(Error::EmptyDatabase(store.path)),
            v if v < known() => Err(Error::OlderSchema(store.path, v, known())),
            _ => Ok(store),
        }
    }

    /// The schema's version; refuses a database that isn't ours.
    fn schema(&self) -> Result<i64> {
        // In one transaction, as a reader is already: another process may be making the database
        // right now, and its mark and its version appear together.
        let _together = match self.connection.is_autocommit() {
            true => Some(
                Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)
                    .map_err(|e| self.error(e))?,
            ),
            false => None,
        };
        let number = |name| {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .map_err(|e| self.error(e))
        };
        let id = number("application_id")?;
        let version = number("user_version")?;
        let empty = number("schema_version")? == 0;
        let unmarked = id == 0 && (empty || version > known());
        if id != APPLICATION_ID && !unmarked {
            return Err(Error::ForeignDatabase(self.path.clone()));
        }
        Ok(version)
    }

    /// The connection's settings for recording; each is explained on the module's page.
    fn prepare(&mut self) -> rusqlite::Result<()> {
        let c = &self.connection;
        self.enforce_references(false)?;
        distrust_schema(c)?;
        c.pragma_update(None, "synchronous", "EXTRA")?;
        c.pragma_update(None, "cache_spill", false)?;
        let mode: String = c.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if mode == "wal" {
            c.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
        }
        self.connection
            .set_transaction_behavior(TransactionBehavior::Immediate);
        Ok(())
    }

    /// Not during a migration: it may make a table anew, and dropping the old one must not take
    /// along the rows that refer to it.
    fn enforce_references(&self, on: bool) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "foreign_keys", on)
    }

    /// Brings the schema up to date. Several collectors may start at the same time:
    /// one that was overtaken finds the work done.
    fn migrate(&mut self, migrations: &[M<'_>]) -> Result<()> {
        let known = migrations.len() as i64;
        let to_do = Migrations::from_slice(migrations);
        for _ in 0..known {
            if self.schema()? >= known {
                break;
            }
            let before = self.schema()?;
            if let Err(error) = to_do.to_latest(&mut self.connection)
                && self.schema()? == before
            {
                return Err(match error {
                    rusqlite_migration::Error::RusqliteError { err, .. } => self.error(err),
                    other => Error::Damaged(self.path.clone(), other.to_string()),
                });
            }
        }
        match self.schema()? {
            version if version > known => {
                Err(Error::NewerSchema(self.path.clone(), version, known))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn error(&self, error: rusqlite::Error) -> Error {
        // A merge doesn't wait for a search through all of the database.
        let query_only = self
            .connection
            .pragma_query_value(None, "query_only", |row| row.get(0));
        if bad_row::may_cause(&error)
            && query_only.unwrap_or(false)
            && let Ok(mut rows) = bad_row::find(&self.connection, 1)
            && let Some(row) = rows.pop()
        {
            return Error::BadRow(self.path.clone(), row);
        }
        Error::from_sqlite(&self.path, error)
    }
}

fn known() -> i64 {
    migrations().len() as i64
}

/// What a schema of unknown origin could misuse is off.
fn distrust_schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(())
}

/// Opens `file` for reading under the name `path`, and begins the one read
/// transaction, so that every query sees the same state.
fn read_only(path: &Path, file: &Path, copy: Option<Snapshot>) -> Result<Store> {
    let access = match copy {
        Some(_) => OpenFlags::SQLITE_OPEN_READ_WRITE,
        None => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let open = || -> rusqlite::Result<Connection> {
        let connection =
            Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(READ_WAIT)?;
        distrust_schema(&connection)?;
        // Reports use neither, and each is code of whoever made the file.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        connection.pragma_update(None, "query_only", true)?;
        // The phases of a package lie all over the file, and several queries look at them.
        connection.pragma_update(None, "cache_size", READ_CACHE)?;
        connection.execute_batch("BEGIN")?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    Ok(Store {
        connection: Box::new(open().map_err(|error| Error::from_sqlite(path, error))?),
        path: path.to_path_buf(),
        deadline: None,
        _snapshot: copy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_statement_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_for_recording(&folder.path().join("stats.db")).unwrap();
        store.stop_at(Some(Instant::now())).unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";
        let run = |sql| store.connection.query_row(sql, [], |_| Ok(()));
        let error = store.error(run(endless).unwrap_err());
        assert!(matches!(error, Error::QueryTimeout(_)), "{error:?}");
        store.stop_at(None).unwrap();
        run("SELECT count(*) FROM build").unwrap();
    }
}
