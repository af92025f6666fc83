//! What an overview asks, beside what every report does.

use super::columns::time;
use super::filter::Filter;
use super::rows::id;
use super::{EmergeRow, Result, Store, Sums};

impl Store {
    /// The emerge command of the newest of these builds that had one, with all its builds.
    ///
    /// # Errors
    /// Those of reading: [`super::Error::Damaged`], [`super::Error::Busy`].
    pub fn last_emerge(&self, filter: &Filter) -> Result<Option<EmergeRow>> {
        let picked = filter.sql("emerge, started_at");
        let sql = format!(
            "SELECT emerge.uid, emerge.host, emerge.command, emerge.started_at, {} \
             FROM build JOIN emerge ON emerge.id = build.emerge \
             WHERE build.emerge = (SELECT emerge FROM ({}) WHERE emerge IS NOT NULL \
                                   ORDER BY started_at DESC LIMIT 1) \
             GROUP BY emerge.id",
            Sums::COLUMNS,
            picked.text
        );
        let read = || -> rusqlite::Result<Option<EmergeRow>> {
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query(picked.params().as_slice())?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            Ok(Some(EmergeRow {
                id: id(row, 0)?,
                host: row.get(1)?,
                command: row.get(2)?,
                started_at: time(row.get(3)?),
                sums: Sums::read(row, 4)?,
            }))
        };
        read().map_err(|error| self.error(error))
    }
}
