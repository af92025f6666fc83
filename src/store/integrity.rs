//! Values that can't be read. The schema prevents them, but not after a disk error or a manual
//! change with disabled checks.

use rusqlite::types::ValueRef;
use rusqlite::{Error as SqlError, Row};

use super::{Error, Result, Store};
use crate::text::printable;

/// How many problems of each kind are reported.
const MAX_PROBLEMS: usize = 3;

impl Store {
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
            Ok(problems)
        };
        check().map_err(|error| self.error(error))
    }

    /// Returns the error for a row that can't be read, with the column and the row's first value.
    pub(super) fn row_error(&self, row: &Row<'_>, error: SqlError) -> Error {
        let index = match &error {
            SqlError::FromSqlConversionFailure(index, ..)
            | SqlError::IntegralValueOutOfRange(index, _)
            | SqlError::InvalidColumnType(index, ..)
            | SqlError::Utf8Error(index, _) => *index,
            _ => return self.error(error),
        };
        let column = row.as_ref().column_name(index).unwrap_or("a column");
        let first = match row.get_ref(0) {
            Ok(ValueRef::Integer(number)) => number.to_string(),
            Ok(ValueRef::Text(text)) => printable(&String::from_utf8_lossy(text), 100),
            _ => String::new(),
        };
        let message = format!("{column} of the row that begins with {first}: {error}");
        Error::BadRow(self.path.clone(), message)
    }
}
