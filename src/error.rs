//! The error type of the library.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rustix::io::Errno;

/// The result of an operation that fails with [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

const FREE_SPACE: &str = "free some disk space";

/// Why a command failed, or why its output is empty. The text is the cause in one line, and
/// [`Error::hint`] is the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An empty report. The text says why it is empty.
    #[error("{0}")]
    NoMatch(String),
    /// An invalid request, such as contradictory options.
    #[error("{message}")]
    Usage {
        /// The first line.
        message: String,
        /// The next step.
        hint: String,
    },
    /// Reading or writing failed. If this ends a command, its output could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Invalid input from Portage or a build, such as a variable, a snapshot or a number.
    #[error("{0}")]
    Invalid(String),

    /// The database doesn't exist.
    #[error("there is no database at {}", .0.display())]
    MissingDatabase(PathBuf),
    /// The folder of the database is missing, and creating it failed.
    #[error("can't create the directory {}: {}", .0.display(), .1)]
    CreateFolder(PathBuf, io::Error),
    /// A file can't be read.
    #[error("can't read {}: {}", .0.display(), .1)]
    NotReadable(PathBuf, io::Error),
    /// The database or its folder can't be written.
    #[error("can't write {}: {}", .0.display(), .1)]
    NotWritable(PathBuf, String),
    /// The file that a report is written to can't be written.
    #[error("can't write {}: {}", .0.display(), .1)]
    OutputFile(PathBuf, io::Error),
    /// The file system is full.
    #[error("no space left to write {}", .0.display())]
    DiskFull(PathBuf),
    /// A folder, a FIFO, a socket or a device.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// Other users can change the database, or a folder above it (the second path).
    #[error("{} is not safe to write: other users can change {}", .0.display(), .1.display())]
    Untrusted(PathBuf, PathBuf),
    /// The rollback journal names another file, which SQLite would delete.
    #[error("{} has a forged journal that makes SQLite delete another file", .0.display())]
    ForgedJournal(PathBuf),
    /// A query was interrupted at its deadline.
    #[error("the query on {} took too long", .0.display())]
    QueryTimeout(PathBuf),
    /// Not an SQLite file.
    #[error("{} is not a database", .0.display())]
    NotADatabase(PathBuf),
    /// An SQLite database without the marks of this program.
    #[error("{} is the database of another program", .0.display())]
    ForeignDatabase(PathBuf),
    /// SQLite found a broken file structure.
    #[error("{} is damaged: {}", .0.display(), .1)]
    Damaged(PathBuf, String),
    /// A row has a value that no report can read. The text names the row and the value.
    #[error("{} has a row that can't be read: {}", .0.display(), .1)]
    BadRow(PathBuf, String),
    /// A newer version of this program wrote it: its schema, and the newest supported one.
    #[error("{} has schema {}, but this version supports only up to {}", .0.display(), .1, .2)]
    NewerSchema(PathBuf, i64, i64),
    /// A database file without a schema: nothing was recorded yet.
    #[error("{} is empty: nothing is recorded yet", .0.display())]
    EmptyDatabase(PathBuf),
    /// An older version of this program wrote it: its schema, and the one needed.
    #[error("{} has schema {}, but this version needs {}", .0.display(), .1, .2)]
    OlderSchema(PathBuf, i64, i64),
    /// Another process held a lock for longer than the time limit.
    #[error("{} is locked by another process", .0.display())]
    Locked(PathBuf),
    /// Any other error of SQLite.
    #[error("{}: {}", .0.display(), .1)]
    Sqlite(PathBuf, rusqlite::Error),
}

impl Error {
    /// Creates [`Error::Usage`].
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        let (message, hint) = (message.into(), hint.into());
        Error::Usage { message, hint }
    }

    /// Creates [`Error::Invalid`].
    pub fn invalid(reason: impl Into<String>) -> Self {
        Error::Invalid(reason.into())
    }

    /// Creates [`Error::Invalid`] from a lower-level error.
    pub fn failed(action: impl Display, error: impl Display) -> Self {
        Error::Invalid(format!("{action}: {error}"))
    }

    /// Classifies an error of SQLite for the file at `path`.
    pub fn from_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Error::NotADatabase(path),
            Some(ErrorCode::DatabaseCorrupt) => Error::Damaged(path, error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Locked(path),
            Some(ErrorCode::DiskFull) => Error::DiskFull(path),
            Some(ErrorCode::OperationInterrupted) => Error::QueryTimeout(path),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Error::NotWritable(path, error.to_string())
            }
            Some(ErrorCode::ConstraintViolation) => invalid_value(&error),
            // A count beyond 2^63, or a time that is not a number.
            None if matches!(error, rusqlite::Error::ToSqlConversionFailure(_)) => {
                invalid_value(&error)
            }
            _ => Error::Sqlite(path, error),
        }
    }

    /// Returns the text of an error that ends a command.
    pub fn message(&self) -> String {
        match self {
            Error::Io(error) => format!("can't write the output: {error}"),
            error => error.to_string(),
        }
    }

    /// Returns the next step for the person who reads the error.
    pub fn hint(&self) -> Option<&str> {
        Some(match self {
            Error::NoMatch(_) | Error::Io(_) | Error::Invalid(_) => return None,
            Error::Usage { hint, .. } => hint,
            Error::MissingDatabase(_) => {
                "install the hook (`sccache-report setup`) and build something with sccache, \
                 or name another file with --db or SCCACHE_REPORT_DB"
            }
            Error::CreateFolder(..) => {
                "create the directory as root with mode 0755, or name another file"
            }
            Error::NotReadable(..) => "make the file readable (mode 0644, its directories 0755)",
            Error::NotWritable(path, _) if path.is_dir() => {
                "it is a directory: name a file in it with --db or SCCACHE_REPORT_DB"
            }
            Error::NotWritable(..) => {
                "only root can record: check the owner and mode of the file and its directory"
            }
            Error::OutputFile(_, error) => match error.kind() {
                io::ErrorKind::NotFound => "create its directory, or name another file",
                io::ErrorKind::IsADirectory => "it is a directory: name a file in it",
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FREE_SPACE,
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "name a file in a directory that you can write"
                }
                _ => "name another file",
            },
            Error::DiskFull(_) => FREE_SPACE,
            Error::NotAFile(_) => "name the database file; the default name is stats.db",
            Error::Untrusted(..) => {
                "use a directory that only root can write to, such as /var/lib/sccache-report"
            }
            Error::ForgedJournal(_) => {
                "don't use this file, and find out who can write to its directory"
            }
            Error::QueryTimeout(_) => {
                "narrow the query, or if you trust the file's owner, copy it into a directory of \
                 your own"
            }
            Error::NotADatabase(_) | Error::ForeignDatabase(_) => {
                "check the path; to start a new database there, move the file away"
            }
            Error::Damaged(..) => {
                "run `sccache-report doctor --db FILE` for details; restore a backup, or save the remaining \
                 data with `sqlite3 FILE .recover`"
            }
            Error::BadRow(..) => {
                "run `sccache-report doctor --db FILE` to find more such rows; restore a backup, or correct \
                 or delete the row (as root, with sqlite3)"
            }
            Error::NewerSchema(..) => "upgrade sccache-report; the file was not changed",
            Error::EmptyDatabase(_) => {
                "emerge a package that is built with sccache; `sccache-report doctor` checks \
                 whether it can be recorded"
            }
            Error::OlderSchema(..) => {
                "the next recorded build upgrades it (sccache-collect, run by the hook)"
            }
            Error::Locked(_) => "try again when the other process has finished",
            Error::Sqlite(..) => "check the file with `sqlite3 FILE 'PRAGMA integrity_check'`",
        })
    }

    /// Returns the exit status of the program: 1 if nothing matched, 2 for an error.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::NoMatch(_) => 1,
            _ => 2,
        }
    }
}

fn invalid_value(error: &rusqlite::Error) -> Error {
    Error::Invalid(format!("invalid value: {error}"))
}

impl From<Errno> for Error {
    fn from(error: Errno) -> Self {
        Error::Io(error.into())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Error::Invalid(error.to_string())
    }
}

/// Returns [`Error::Invalid`] with a formatted reason, unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::Error::Invalid(format!($($reason)+)));
        }
    };
}
pub(crate) use ensure;
