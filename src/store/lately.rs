//! What an overview asks, beside what every report does.

use chrono::{DateTime, Utc};

use super::columns::{micros, time};
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
        let picked = one.sql("started_at_us");
        let newest = self.rows(&picked.text, &picked, |row| time(row, 0))?;
        Ok(newest.into_iter().next())
    }

    /// When the oldest of these builds started.
    ///
    /// # Errors
    /// As [`Store::last_emerge`].
    pub fn oldest(&self, filter: &Filter) -> Result<Option<DateTime<Utc>>> {
        let picked = filter.sql("min(started_at_us)");
        let oldest = self.rows(&picked.text, &picked, |row| {
            let known: Option<i64> = row.get(0)?;
            known.map(|_| time(row, 0)).transpose()
        })?;
        Ok(oldest.into_iter().next().flatten())
    }

    /// The emerge command of the newest of these builds that had one, over those of its builds that
    /// the filter picks, and how many it has in all.
    ///
    /// # Errors
    /// Those of reading: [`crate::Error::Damaged`], [`crate::Error::Locked`].
    pub fn last_emerge(&self, filter: &Filter) -> Result<Option<(EmergeRow, u64)>> {
        let picked = filter.sql("*");
        let sql = format!(
            "SELECT {}, (SELECT count(*) FROM build AS whole WHERE whole.emerge_id = emerge.id) AS whole \
             FROM ({picks}) AS build JOIN emerge ON emerge.id = build.emerge_id \
             WHERE build.emerge_id = (SELECT emerge_id FROM ({picks}) WHERE emerge_id IS NOT NULL \
                                   ORDER BY started_at_us DESC LIMIT 1) \
             GROUP BY emerge.id",
            EmergeRow::columns(),
            picks = picked.text
        );
        let read = |row: &rusqlite::Row<'_>| {
            let all = row.get_ref("whole")?.as_i64()?;
            Ok((EmergeRow::read(row)?, all.max(0) as u64))
        };
        Ok(self.rows(&sql, &picked, read)?.pop())
    }

    /// Those of these packages that have two measured builds or more before `until`, whatever else a
    /// filter asks of builds. It reads two builds of a package, however many there are.
    ///
    /// # Errors
    /// As [`Store::last_emerge`].
    pub fn built_again(
        &self,
        packages: &[&str],
        until: Option<DateTime<Utc>>,
    ) -> Result<Vec<String>> {
        let sql = "SELECT value FROM json_each(?) WHERE 2 = (SELECT count(*) FROM \
                   (SELECT 1 FROM build WHERE package = value AND started_at_us < ? \
                    AND hits IS NOT NULL LIMIT 2))";
        let packages = serde_json::Value::from(packages).to_string();
        let until = until.map_or(i64::MAX, micros);
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare(sql)?;
            statement
                .query_map((packages, until), |row| row.get(0))?
                .collect()
        };
        read().map_err(|error| self.error(error))
    }
}
