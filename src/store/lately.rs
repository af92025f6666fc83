//! What an overview asks, beside what every report does.

use chrono::{DateTime, Utc};

use super::columns::time;
use super::filter::Filter;
use super::{EmergeRow, Result, Store};

impl Store {
    /// When the newest of these builds started.
    ///
    /// # Errors
    /// As [`Store::last_emerge`].
    pub fn newest(&self, filter: &Filter) -> Result<Option<DateTime<Utc>>> {
        let one = Filter {
            last: Some(1),
            ..filter.clone()
        };
        let picked = one.sql("started_at");
        let newest = self.rows(&picked.text, &picked, |row| Ok(time(row.get(0)?)))?;
        Ok(newest.into_iter().next())
    }

    /// The emerge command of the newest of these builds that had one, with all its builds.
    ///
    /// # Errors
    /// Those of reading: [`super::Error::Damaged`], [`super::Error::Busy`].
    pub fn last_emerge(&self, filter: &Filter) -> Result<Option<EmergeRow>> {
        let picked = filter.sql("emerge, started_at");
        let sql = format!(
            "SELECT {} FROM build JOIN emerge ON emerge.id = build.emerge \
             WHERE build.emerge = (SELECT emerge FROM ({}) WHERE emerge IS NOT NULL \
                                   ORDER BY started_at DESC LIMIT 1) \
             GROUP BY emerge.id",
            EmergeRow::columns(),
            picked.text
        );
        Ok(self.rows(&sql, &picked, EmergeRow::read)?.pop())
    }
}
