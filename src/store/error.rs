//! What can go wrong with the database: each kind says what happened, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A failed operation on the database. Its text is the cause in one line;
/// [`Error::hint`] is what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no file at the path.
    #[error("there is no database at {}", .0.display())]
    Missing(PathBuf),
    /// The database's folder isn't there and can't be made.
    #[error("can't create the folder {}: {}", .0.display(), .1)]
    Folder(PathBuf, io::Error),
    /// The file can't be opened for reading.
    #[error("can't read {}: {}", .0.display(), .1)]
    NotReadable(PathBuf, io::Error),
    /// The file or its folder can't be written.
    #[error("can't write {}: {}", .0.display(), .1)]
    NotWritable(PathBuf, String),
    /// The file system has no room left.
    #[error("no space left to write {}", .0.display())]
    Full(PathBuf),
    /// A folder, a FIFO, a socket or a device.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// Somebody else can change the file or a folder that it lies in: (path, which).
    #[error("{} is not safe to write: other users can change {}", .0.display(), .1.display())]
    Untrusted(PathBuf, PathBuf),
    /// The file's rollback journal has SQLite delete another file.
    #[error("{} has a forged journal, which would have another file deleted", .0.display())]
    ForgedJournal(PathBuf),
    /// A query was stopped because it took too long.
    #[error("reading {} took too long", .0.display())]
    TooSlow(PathBuf),
    /// The file isn't an SQLite database.
    #[error("{} is not a database", .0.display())]
    NotADatabase(PathBuf),
    /// It is a database of another program.
    #[error("{} is a database of another program", .0.display())]
    NotOurs(PathBuf),
    /// SQLite found the file's structure broken.
    #[error("{} is damaged: {}", .0.display(), .1)]
    Damaged(PathBuf, String),
    /// A row holds what no report can read: (path, which row and why).
    #[error("{} has a row that can't be read: {}", .0.display(), .1)]
    BadRow(PathBuf, String),
    /// A newer version of this program wrote it: (path, its schema, the newest known).
    #[error("{} has schema {}, and this version knows only up to {}", .0.display(), .1, .2)]
    Newer(PathBuf, i64, i64),
    /// An older version wrote it: (path, its schema, the one needed).
    #[error("{} {}", .0.display(), older(*.1, *.2))]
    Older(PathBuf, i64, i64),
    /// Another process kept it locked for longer than we wait.
    #[error("{} is locked by another process", .0.display())]
    Busy(PathBuf),
    /// A value that no build can have.
    #[error("impossible value: {0}")]
    Impossible(String),
    /// Anything else that SQLite reports.
    #[error("{}: {}", .0.display(), .1)]
    Sqlite(PathBuf, rusqlite::Error),
}

impl Error {
    /// What to do about it, as one sentence for the person who sees the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Missing(_) => {
                "install the hook (`sccache-report setup`) and build something with sccache, \
                 or name another file with --db or SCCACHE_REPORT_DB"
            }
            Error::Folder(..) => "create the folder as root, mode 0755, or name another file",
            Error::NotReadable(..) => {
                "any user may read it by default: make the file 0644 and its folders 0755"
            }
            Error::NotWritable(path, _) if path.is_dir() => {
                "it is a folder: name a file in it, with --db or SCCACHE_REPORT_DB"
            }
            Error::NotWritable(..) => "only root records: check the file's and folder's rights",
            Error::Full(_) => "make room; what was to be recorded is kept and recorded later",
            Error::NotAFile(_) => "name the database itself: stats.db, if the hook made it",
            Error::Untrusted(..) => {
                "record into a folder that only root can write, such as /var/lib/sccache-report"
            }
            Error::ForgedJournal(_) => {
                "do not use this file, and find out who wrote into its folder"
            }
            Error::TooSlow(_) => {
                "if you trust who wrote it, copy it into a folder of your own; else narrow the query"
            }
            Error::NotADatabase(_) | Error::NotOurs(_) => {
                "check the path; move the file away if a new database is to start there"
            }
            Error::Damaged(..) => {
                "`sccache-report doctor` says what is broken; restore a backup, or save what is \
                 left with `sqlite3 FILE .recover`"
            }
            Error::BadRow(..) => {
                "`sccache-report doctor` says whether there are more; restore a backup, or correct \
                 or delete the row (as root, with sqlite3)"
            }
            Error::Newer(..) => "upgrade sccache-report; the file was left as it is",
            Error::Older(_, 0, _) => {
                "emerge a package that is built with sccache (`sccache-report doctor` says whether it can be recorded)"
            }
            Error::Older(..) => {
                "the next recorded build upgrades it (sccache-collect, run by the hook)"
            }
            Error::Busy(_) => "try again when the other process is done",
            Error::Impossible(_) => "the numbers come from a broken snapshot: report it as a bug",
            Error::Sqlite(..) => "check the file with `sqlite3 FILE 'PRAGMA integrity_check'`",
        }
    }

    /// Sorts SQLite's error for the file at `path` into one of the kinds.
    pub(super) fn from_sqlite(path: &Path, error: rusqlite::Error) -> Error {
        let path = path.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Error::NotADatabase(path),
            Some(ErrorCode::DatabaseCorrupt) => Error::Damaged(path, error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy(path),
            Some(ErrorCode::DiskFull) => Error::Full(path),
            Some(ErrorCode::OperationInterrupted) => Error::TooSlow(path),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Error::NotWritable(path, error.to_string())
            }
            Some(ErrorCode::ConstraintViolation) => Error::Impossible(error.to_string()),
            // A count beyond 2^63, or a time that is no number.
            None if matches!(error, rusqlite::Error::ToSqlConversionFailure(_)) => {
                Error::Impossible(error.to_string())
            }
            _ => Error::Sqlite(path, error),
        }
    }
}

/// What every operation of the store returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A file without a schema is one that nobody has written to.
fn older(schema: i64, read: i64) -> String {
    match schema {
        0 => "is empty: nothing is recorded yet".into(),
        schema => format!("has schema {schema}, and this version reads {read}"),
    }
}
