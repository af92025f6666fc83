//! Whether the database is whole.

use super::{Result, Store, bad_row};

/// So many faults are told.
const TOLD: u32 = 3;

impl Store {
    /// What is wrong with the file, as SQLite and as reports see it, the first few faults; nothing
    /// where it is whole. It reads all of the file.
    ///
    /// # Errors
    /// Where the file can't be read that far: [`crate::Error::Damaged`].
    pub fn faults(&self) -> Result<Vec<String>> {
        let ask = || -> rusqlite::Result<Vec<String>> {
            let mut found: Vec<String> = self
                .connection
                .prepare(&format!("PRAGMA integrity_check({TOLD})"))?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            found.retain(|line| line != "ok");
            // They say more than SQLite does of a check that failed; a broken file has no rows to say.
            if let Ok(rows) = bad_row::find(&self.connection, TOLD as usize) {
                found.splice(..0, rows);
            }
            let mut orphans = self.connection.prepare("PRAGMA foreign_key_check")?;
            let orphans = orphans.query_map([], |row| {
                let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
                Ok(format!(
                    "a row of {table} refers to a row of {parent} that isn't there"
                ))
            })?;
            found.extend(
                orphans
                    .take(TOLD as usize)
                    .collect::<rusqlite::Result<Vec<_>>>()?,
            );
            Ok(found)
        };
        ask().map_err(|error| self.error(error))
    }
}
