//! Whether the database is whole.

use super::{Result, Store};

/// So many faults are told.
const TOLD: u32 = 3;

impl Store {
    /// What SQLite finds wrong with the file, the first few faults; nothing where it is whole. It
    /// reads all of the file.
    ///
    /// # Errors
    /// Where the file can't be read that far: [`super::Error::Damaged`].
    pub fn faults(&self) -> Result<Vec<String>> {
        let ask = || -> rusqlite::Result<Vec<String>> {
            let mut found: Vec<String> = self
                .connection
                .prepare(&format!("PRAGMA integrity_check({TOLD})"))?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            found.retain(|line| line != "ok");
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
