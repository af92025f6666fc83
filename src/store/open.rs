//! Opening the database, for recording (which creates and upgrades it) or for reading.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::location::{check_trusted, create, open_readable};
use super::private_copy::PrivateCopy;
use super::{Error, Result};
use crate::config::KEPT_BUILDS;

/// How long recording waits for another process's lock.
pub const RECORD_WAIT: Duration = Duration::from_secs(3);

/// How long a reader waits for the end of a commit before it reads a private copy instead.
const READ_WAIT: Duration = Duration::from_secs(1);

/// How long all queries on a database of another user may take. SQL in its schema can be endless.
const FOREIGN_TIME: Duration = Duration::from_secs(60);

/// How many instructions of SQLite's virtual machine run between two checks of the time limit: some
/// milliseconds.
const INSTRUCTIONS: i32 = 100_000;

/// A reader's page cache, in the unit of `PRAGMA cache_size`: 16 MiB.
const READ_CACHE: i64 = -16 * 1024;

/// How many pages one step of a backup copies: about 10 ms.
const PAGES_PER_STEP: i32 = 4096;

/// The number of statements that stay prepared.
const STATEMENTS: usize = 100;

/// How many problems of each kind an integrity check reports.
const MAX_PROBLEMS: usize = 3;

/// The versions of the schema, oldest first.
const MIGRATIONS: &[M<'_>] = &[M::up(include_str!("../../migrations/0001_initial.sql"))];

/// `PRAGMA application_id` of our files, which the first migration sets.
const APPLICATION_ID: i64 = 0x7363_6372;

/// An open database.
pub struct Store {
    // Boxed, because with its hooks it is large.
    pub(super) connection: Box<Connection>,
    pub(super) path: PathBuf,
    /// Until when recording waits for locks. `None`: up to [`RECORD_WAIT`] for each.
    pub(super) deadline: Option<Instant>,
    /// The number of builds of a package whose compilations recording keeps.
    pub(super) kept_builds: usize,
    /// The versions of the schema, up to the one of this database.
    pub(super) migrations: Vec<M<'static>>,
    /// The file that is open instead of `path`, if any. Dropping it deletes the file.
    _copy: Option<PrivateCopy>,
}

impl Store {
    /// Opens the database for recording. Creates the folder (0755) and the file (0644, whatever the
    /// umask) if they are missing, and upgrades an older schema. Waits for locks up to
    /// [`RECORD_WAIT`].
    ///
    /// # Errors
    /// The file can't be created, written or upgraded; the file is another program's, or its place
    /// isn't safe ([`Error::Untrusted`]). The file is unchanged then.
    pub fn open_for_recording(path: &Path) -> Result<Store> {
        Self::open_and_migrate(path, MIGRATIONS, None)
    }

    /// As [`Store::open_for_recording`], but this and later operations wait for locks until `deadline`.
    ///
    /// # Errors
    /// As [`Store::open_for_recording`].
    pub fn open_for_recording_until(path: &Path, deadline: Instant) -> Result<Store> {
        Self::open_and_migrate(path, MIGRATIONS, Some(deadline))
    }

    /// Opens the database as a later version of the program that has `more` migrations, for tests.
    ///
    /// # Errors
    /// As [`Store::open_for_recording`].
    #[doc(hidden)]
    pub fn open_for_recording_with(path: &Path, more: &[&'static str]) -> Result<Store> {
        let more: Vec<M<'static>> = more.iter().map(|sql| M::up(sql)).collect();
        Self::open_and_migrate(path, &[MIGRATIONS, &more].concat(), None)
    }

    /// Opens a private copy of the database, or a new one if it is missing, for recording. The file at `path`
    /// never changes.
    ///
    /// # Errors
    /// As [`Store::open_for_reading`] and [`Store::open_for_recording`].
    pub fn open_scratch_copy(path: &Path) -> Result<Store> {
        let copy = PrivateCopy::new()?;
        if path.exists() {
            match Self::back_up(path, &copy) {
                Err(Error::EmptyDatabase(_)) => {}
                copied => copied?,
            }
        }
        let mut store = Self::open_and_migrate(&copy.path(), MIGRATIONS, None)?;
        store.path = path.to_path_buf();
        store._copy = Some(copy);
        Ok(store)
    }

    fn open_and_migrate(
        path: &Path,
        migrations: &[M<'static>],
        deadline: Option<Instant>,
    ) -> Result<Store> {
        create(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|error| Error::from_sqlite(path, error))?;
        // Recording a build uses more statements than the cache has by default.
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let mut store = Store {
            connection: Box::new(connection),
            path: path.to_path_buf(),
            deadline,
            kept_builds: KEPT_BUILDS,
            migrations: migrations.to_vec(),
            _copy: None,
        };
        store.limit_lock_wait()?;
        let (version, latest) = (store.schema_version()?, migrations.len() as i64);
        if version > latest {
            return Err(Error::NewerSchema(store.path, version, latest));
        }
        store.set_pragmas().map_err(|e| store.error(e))?;
        store.limit_lock_wait()?;
        // `import` upgrades a large old database: it has no deadline.
        store.set_time_limit(deadline)?;
        store.migrate(migrations)?;
        store.set_time_limit(None)?;
        let enforced = store.connection.pragma_update(None, "foreign_keys", true);
        enforced.map_err(|e| store.error(e))?;
        Ok(store)
    }

    /// Makes the next operation wait for locks until `deadline`.
    ///
    /// # Errors
    /// SQLite documents none.
    pub fn wait_until(&mut self, deadline: Instant) -> Result<()> {
        self.deadline = Some(deadline);
        self.limit_lock_wait()
    }

    /// Keeps the compilations of this many builds of each package, instead of [`KEPT_BUILDS`].
    pub fn keep_compilations(&mut self, builds: usize) {
        self.kept_builds = builds;
    }

    fn limit_lock_wait(&self) -> Result<()> {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        let wait = self.deadline.map_or(RECORD_WAIT, left);
        let set = self.connection.busy_timeout(wait);
        set.map_err(|e| self.error(e))
    }

    /// Makes statements fail with [`Error::QueryTimeout`] from `limit` on.
    pub(super) fn set_time_limit(&self, limit: Option<Instant>) -> Result<()> {
        let is_over = limit.map(|limit| move || Instant::now() >= limit);
        let set = self.connection.progress_handler(INSTRUCTIONS, is_over);
        set.map_err(|e| self.error(e))
    }

    /// Opens the database for reading. Every query sees the state that was committed last. Writes
    /// nothing and needs no permission to write.
    ///
    /// Reads a private copy if other users can change the file or its folder, or if the file can't
    /// be read in place: see the module's documentation. Queries on a file of other users fail with
    /// [`Error::QueryTimeout`] after a minute.
    ///
    /// A commit waits for open readers: fetch the rows, drop the store, and then print.
    ///
    /// # Errors
    /// The file is missing, not readable, damaged, locked, or another program's, or it has another
    /// version of the schema.
    pub fn open_for_reading(path: &Path) -> Result<Store> {
        let store = Self::open_any_version(path)?;
        let latest = MIGRATIONS.len() as i64;
        match store.schema_version()? {
            0 => Err(Error::EmptyDatabase(store.path)),
            version if version < latest => Err(Error::OlderSchema(store.path, version, latest)),
            version if version > latest => Err(Error::NewerSchema(store.path, version, latest)),
            _ => Ok(store),
        }
    }

    /// As [`Store::open_for_reading`], but the database may have any version of the schema, or none.
    fn open_any_version(path: &Path) -> Result<Store> {
        let is_wal = is_wal(&mut open_readable(path)?);
        let is_foreign = check_trusted(path).is_err();
        // SQLite would make files beside a database in WAL mode.
        let store = if is_foreign || is_wal {
            Self::open_copy(path)?
        } else {
            match Self::open_read_only(path, None) {
                Err(Error::Locked(_) | Error::NotWritable(..)) => Self::open_copy(path)?,
                opened => opened?,
            }
        };
        if is_foreign {
            store.limit_query_time()?;
        }
        Ok(store)
    }

    /// Copies the database at `path` to `copy`, as SQLite's backup does: consistently, also while another
    /// process writes it.
    ///
    /// # Errors
    /// As [`Store::open_for_reading`], except that any version of the schema can be copied.
    fn back_up(path: &Path, copy: &PrivateCopy) -> Result<()> {
        let target = Connection::open(copy.path());
        let mut target = target.map_err(|error| Error::from_sqlite(path, error))?;
        Self::open_any_version(path)?.copy_to(&mut target)
    }

    /// Copies this database, in short steps: its writers only wait for one step.
    fn copy_to(&self, target: &mut Connection) -> Result<()> {
        if self.schema_version()? == 0 {
            return Err(Error::EmptyDatabase(self.path.clone()));
        }
        let mut copy = || -> rusqlite::Result<bool> {
            self.connection.execute_batch("ROLLBACK")?;
            let backup = Backup::new(&self.connection, target)?;
            loop {
                match backup.step(PAGES_PER_STEP)? {
                    StepResult::More => {}
                    StepResult::Done => return Ok(true),
                    _ => return Ok(false),
                }
            }
        };
        match copy() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Locked(self.path.clone())),
            Err(error) => Err(copy_error(self.error(error))),
        }
    }

    /// Opens a private copy of the database at `path`, upgraded to the schema of these migrations, for reading.
    /// Nothing is left of the copy if this process is killed, because its file has no name.
    ///
    /// # Errors
    /// As [`Store::open_for_reading`], except that older schemas are upgraded.
    pub(super) fn open_upgraded_copy(path: &Path, migrations: &[M<'static>]) -> Result<Store> {
        let failed = |error| copy_error(Error::from_sqlite(path, error));
        let copy = PrivateCopy::new()?;
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(copy.path())?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            // A journal would need the file's name.
            connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "OFF")?;
            // Bundled SQLite (SQLITE_ENABLE_MEMORY_MANAGEMENT) has one page cache for all connections. Pages of this one
            // would push out those of a database that is written, again and again. SQLite maps at most 2 GiB of it,
            // unless it was built with another limit.
            connection.pragma_update_and_check(None, "mmap_size", i64::MAX, |_| Ok(()))?;
            connection.pragma_update(None, "foreign_keys", false)?;
            Ok(connection)
        };
        let mut connection = open().map_err(failed)?;
        drop(copy);
        Self::open_any_version(path)?.copy_to(&mut connection)?;
        distrust_content(&connection).map_err(failed)?;
        let mut store = Store {
            connection: Box::new(connection),
            path: path.to_path_buf(),
            deadline: None,
            kept_builds: KEPT_BUILDS,
            migrations: migrations.to_vec(),
            _copy: None,
        };
        store.limit_query_time()?;
        store.migrate(migrations).map_err(copy_error)?;
        // In one transaction, queries don't lock the file again and again.
        let read_only = "PRAGMA query_only = TRUE; BEGIN";
        store.connection.execute_batch(read_only).map_err(failed)?;
        Ok(store)
    }

    /// Makes statements fail with [`Error::QueryTimeout`] after as long as those on a database of another user
    /// may take.
    pub(super) fn limit_query_time(&self) -> Result<()> {
        self.set_time_limit(Some(Instant::now() + FOREIGN_TIME))
    }

    fn open_copy(path: &Path) -> Result<Store> {
        let copy = PrivateCopy::create(path)?;
        Self::open_read_only(path, Some(copy)).map_err(copy_error)
    }

    /// Opens the file at `path` or its copy, and begins the only transaction.
    fn open_read_only(path: &Path, copy: Option<PrivateCopy>) -> Result<Store> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = match &copy {
                // SQLite may have to undo half a transaction.
                Some(copy) => Connection::open_with_flags(
                    copy.path(),
                    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
                ),
                None => Connection::open_with_flags(
                    path,
                    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
                ),
            }?;
            connection.busy_timeout(READ_WAIT)?;
            distrust_content(&connection)?;
            if copy.is_some() {
                // A copy of this one must need no file beside it.
                connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
            }
            connection.pragma_update(None, "query_only", true)?;
            // The phases of a package are scattered over the file, and several queries read them.
            connection.pragma_update(None, "cache_size", READ_CACHE)?;
            connection.execute_batch("BEGIN")?;
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        Ok(Store {
            connection: Box::new(open().map_err(|error| Error::from_sqlite(path, error))?),
            path: path.to_path_buf(),
            deadline: None,
            kept_builds: KEPT_BUILDS,
            migrations: MIGRATIONS.to_vec(),
            _copy: copy,
        })
    }

    /// Returns the version of the schema: 0 for an empty file.
    ///
    /// # Errors
    /// [`Error::ForeignDatabase`], or the file can't be read.
    pub fn schema_version(&self) -> Result<i64> {
        // One statement, because another process may be creating the schema right now.
        let sql = "SELECT application_id, user_version, schema_version FROM \
                   pragma_application_id, pragma_user_version, pragma_schema_version";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (application, version, changes): (i64, i64, i64) = self
            .connection
            .query_row(sql, [], read)
            .map_err(|e| self.error(e))?;
        let is_empty = application == 0 && changes == 0;
        if application != APPLICATION_ID && !is_empty {
            return Err(Error::ForeignDatabase(self.path.clone()));
        }
        Ok(version)
    }

    /// Sets what recording needs. The module's documentation explains it.
    fn set_pragmas(&mut self) -> rusqlite::Result<()> {
        let connection = &mut self.connection;
        // Off until the schema is up to date: a migration may replace a table, and dropping the old
        // one must not delete the rows that refer to it.
        connection.pragma_update(None, "foreign_keys", false)?;
        distrust_schema(connection)?;
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        connection.pragma_update(None, "cache_spill", false)?;
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        Ok(())
    }

    /// Upgrades the schema. Another process may do the same at the same time: the one that gets the
    /// lock second fails, because the schema is already upgraded.
    fn migrate(&mut self, migrations: &[M<'_>]) -> Result<()> {
        let latest = migrations.len() as i64;
        loop {
            let before = self.schema_version()?;
            if before > latest {
                return Err(Error::NewerSchema(self.path.clone(), before, latest));
            }
            if before == latest {
                return Ok(());
            }
            if let Err(error) = Migrations::from_slice(migrations).to_latest(&mut self.connection)
                && self.schema_version()? == before
            {
                return Err(match error {
                    rusqlite_migration::Error::RusqliteError { err, .. } => self.error(err),
                    other => Error::Damaged(self.path.clone(), other.to_string()),
                });
            }
        }
    }

    /// Reads the whole file, and returns the first problems that SQLite finds in it.
    ///
    /// # Errors
    /// The file is too damaged to be checked.
    pub fn check_integrity(&self) -> Result<Vec<String>> {
        let check = || -> rusqlite::Result<Vec<String>> {
            let sql = format!("PRAGMA integrity_check({MAX_PROBLEMS})");
            let mut statement = self.connection.prepare(&sql)?;
            let lines = statement.query_map([], |row| row.get(0))?;
            let mut problems = lines.collect::<rusqlite::Result<Vec<String>>>()?;
            problems.retain(|line| line != "ok");
            let mut statement = self.connection.prepare("PRAGMA foreign_key_check")?;
            let orphans = statement.query_map([], |row| {
                let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
                Ok(format!(
                    "a row of {table} refers to a missing row of {parent}"
                ))
            })?;
            for orphan in orphans.take(MAX_PROBLEMS) {
                problems.push(orphan?);
            }
            let sql = "SELECT count(*) <> (SELECT total(builds) FROM package_sum)
                    OR count(*) <> (SELECT total(builds) FROM hour_sum)
                    OR count(*) <> (SELECT total(builds) FROM host) FROM build";
            if self.connection.query_row(sql, (), |row| row.get(0))? {
                problems.push("the stored sums are not those of the builds".into());
            }
            Ok(problems)
        };
        check().map_err(|error| self.error(error))
    }

    pub(super) fn error(&self, error: rusqlite::Error) -> Error {
        Error::from_sqlite(&self.path, error)
    }
}

/// Whether the header of the database says that readers need a write-ahead log
/// (<https://sqlite.org/fileformat2.html#file_format_version_numbers>). Recording sets another mode, so another program
/// changed it.
fn is_wal(database: &mut File) -> bool {
    let mut header = [0; 20];
    database.read_exact(&mut header).is_ok() && header[19] == 2
}

/// Returns the error of a copy, which is in the directory for temporary files.
fn copy_error(error: Error) -> Error {
    match error {
        Error::DiskFull(_) => Error::DiskFull(env::temp_dir()),
        error => error,
    }
}

/// Turns off what a schema of unknown origin could misuse.
fn distrust_schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(())
}

/// Also turns off triggers and views: reports use neither, and in a file of other users both are other users'
/// code.
fn distrust_content(connection: &Connection) -> rusqlite::Result<()> {
    distrust_schema(connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_statement_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_for_recording(&folder.path().join("stats.db")).unwrap();
        store.set_time_limit(Some(Instant::now())).unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";
        let run = |sql| store.connection.query_row(sql, [], |_| Ok(()));
        let error = store.error(run(endless).unwrap_err());
        assert!(matches!(error, Error::QueryTimeout(_)), "{error:?}");
        store.set_time_limit(None).unwrap();
        run("SELECT count(*) FROM build").unwrap();
    }
}
