//! The questions that reports ask.

use std::collections::HashMap;

use rusqlite::Row;
use uuid::Uuid;

use super::columns::time;
use super::filter::{Filter, Picked};
use super::rows::id;
use super::{BuildRow, EmergeRow, Moment, PackageRow, Result, Store, Sums};

impl Store {
    /// The builds, the newest last.
    ///
    /// # Errors
    /// This and the other queries: [`super::Error::Damaged`], [`super::Error::Busy`].
    pub fn builds(&self, filter: &Filter) -> Result<Vec<BuildRow>> {
        let picked = filter.sql("id");
        let sql = format!(
            "SELECT {} FROM ({}) AS picked CROSS JOIN build ON build.id = picked.id \
             LEFT JOIN emerge ON emerge.id = build.emerge \
             ORDER BY build.started_at, build.id",
            BuildRow::COLUMNS,
            picked.text
        );
        self.rows(&sql, &picked, BuildRow::read)
    }

    /// The sums over all of them.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn sums(&self, filter: &Filter) -> Result<Sums> {
        if let Some(packages) = self.whole_packages(filter)? {
            let mut sums = Sums::default();
            packages.iter().for_each(|package| sums.add(&package.sums));
            return Ok(sums);
        }
        let picked = filter.sql("*");
        let sql = format!("SELECT {} FROM ({})", Sums::COLUMNS, picked.text);
        let rows = self.rows(&sql, &picked, |row| Sums::read(row, 0))?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// A row per package, sorted by name.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn packages(&self, filter: &Filter) -> Result<Vec<PackageRow>> {
        if let Some(rows) = self.whole_packages(filter)? {
            return Ok(rows);
        }
        let picked = filter.sql("*");
        // SQLite takes the other columns from the row that has the maximum.
        let sql = format!(
            "SELECT package, version, hits, misses, max(started_at) FROM ({}) GROUP BY package",
            picked.text
        );
        let lasts = self.rows(&sql, &picked, |row| {
            let last = (row.get::<_, String>(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get::<_, String>(0)?, last))
        })?;
        let mut lasts: HashMap<String, (String, Option<i64>, Option<i64>)> =
            lasts.into_iter().collect();
        let sql = format!(
            "SELECT package, min(started_at), max(started_at), {} FROM ({}) \
             GROUP BY package ORDER BY package",
            Sums::COLUMNS,
            picked.text
        );
        self.rows(&sql, &picked, |row| {
            let package: String = row.get(0)?;
            let (last_version, hits, misses) = lasts.remove(&package).unwrap_or_default();
            Ok(PackageRow {
                first_at: time(row.get(1)?),
                last_at: time(row.get(2)?),
                sums: Sums::read(row, 3)?,
                last_version,
                last_hits: hits.map(|n| n.max(0) as u64),
                last_misses: misses.map(|n| n.max(0) as u64),
                package,
            })
        })
    }

    /// A row per emerge command that has builds, the newest last.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn emerges(&self, filter: &Filter) -> Result<Vec<EmergeRow>> {
        let picked = filter.sql("*");
        let sql = format!(
            "SELECT emerge.uid, emerge.host, emerge.command, emerge.started_at, {} \
             FROM ({}) AS build JOIN emerge ON emerge.id = build.emerge \
             GROUP BY emerge.id ORDER BY emerge.started_at, emerge.id",
            Sums::COLUMNS,
            picked.text
        );
        self.rows(&sql, &picked, |row| {
            Ok(EmergeRow {
                id: id(row, 0)?,
                host: row.get(1)?,
                command: row.get(2)?,
                started_at: time(row.get(3)?),
                sums: Sums::read(row, 4)?,
            })
        })
    }

    /// Every moment at which builds began, with their numbers, the oldest first: for what goes by the calendar,
    /// which the caller's time zone divides.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn moments(&self, filter: &Filter) -> Result<Vec<Moment>> {
        let picked = filter.sql("*");
        let sql = format!(
            "SELECT started_at, {} FROM ({}) GROUP BY started_at",
            Sums::COLUMNS,
            picked.text
        );
        let mut moments = self.rows(&sql, &picked, |row| {
            Ok(Moment {
                started_at: time(row.get(0)?),
                sums: Sums::read(row, 1)?,
            })
        })?;
        // Not by the query: over `--last`'s ORDER BY ... DESC LIMIT, the bundled SQLite leaves the groups
        // in that order whatever ORDER BY stands here (3.40.1 does not).
        moments.sort_by_key(|moment| moment.started_at);
        Ok(moments)
    }

    /// The builds whose id begins so (hexadecimal, as printed), at most `limit`.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn builds_with_id(&self, prefix: &str, limit: u32) -> Result<Vec<Uuid>> {
        let prefix = prefix.to_ascii_lowercase();
        // The end of the range is the first text that no longer begins so.
        let end = format!("{prefix}~");
        let read = || -> rusqlite::Result<Vec<Uuid>> {
            self.connection
                .prepare("SELECT uid FROM build WHERE uid >= ? AND uid < ? ORDER BY uid LIMIT ?")?
                .query_map((prefix, end, limit), |row| id(row, 0))?
                .collect()
        };
        read().map_err(|error| self.error(error))
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        picked: &Picked,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let fetch = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare(sql)?;
            statement
                .query_map(picked.params().as_slice(), read)?
                .collect()
        };
        fetch().map_err(|error| self.error(error))
    }
}
