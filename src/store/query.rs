//! The queries of the reports.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::{Params, Row};
use uuid::Uuid;

use super::build_row::EmergeIds;
use super::columns::{micros, time, uuid};
use super::filter::{Filter, Patterns, Picked};
use super::{BuildRow, EmergeRow, Moment, PackageRow, Result, Store, Sums};

/// # Errors
/// Every query can fail with [`crate::Error::Damaged`], [`crate::Error::BadRow`] or
/// [`crate::Error::Locked`].
impl Store {
    /// Returns the builds, the newest last.
    pub fn builds(&self, filter: &Filter) -> Result<Vec<BuildRow>> {
        let mut builds = Vec::new();
        self.for_each_build(filter, |build| builds.push(build.clone()))?;
        Ok(builds)
    }

    /// Calls `take` with each build, the newest last. Every row is read into the same memory, which
    /// is much faster for very many builds.
    pub fn for_each_build(&self, filter: &Filter, mut take: impl FnMut(&BuildRow)) -> Result<()> {
        let picked = filter.sql(&format!("{}, id", BuildRow::COLUMNS));
        // Sorting in an outer query is faster: SQLite sorts whole rows instead of following the
        // index.
        let sql = format!("SELECT * FROM ({}) ORDER BY started_at_us, id", picked.text);
        let mut build = BuildRow::default();
        let mut emerges = EmergeIds::new(&self.connection).map_err(|error| self.error(error))?;
        self.each_row(&sql, &picked, |row| {
            build.read(row, &mut emerges)?;
            take(&build);
            Ok(())
        })
    }

    /// Returns a row per package, sorted by name.
    pub fn packages(&self, filter: &Filter) -> Result<Vec<PackageRow>> {
        if let Some(rows) = self.whole_packages(filter)? {
            return Ok(rows);
        }
        let mut packages: BTreeMap<String, PackageRow> = BTreeMap::new();
        self.each_build(filter, |row, Moment { started_at, sums }| {
            let package = row.get_ref(12)?.as_str()?;
            if !packages.contains_key(package) {
                let new = PackageRow {
                    package: package.to_string(),
                    sums: Sums::default(),
                    first_at: started_at,
                    last_at: started_at,
                    last_version: String::new(),
                    last_hits: None,
                    last_misses: None,
                };
                packages.insert(package.to_string(), new);
            }
            if let Some(known) = packages.get_mut(package) {
                known.sums.add(&sums);
                known.last_at = started_at;
                known.last_version = row.get(13)?;
                (known.last_hits, known.last_misses) = (sums.hits, sums.misses);
            }
            Ok(())
        })?;
        Ok(packages.into_values().collect())
    }

    /// Returns a row per emerge command that has builds, the newest last.
    pub fn emerges(&self, filter: &Filter) -> Result<Vec<EmergeRow>> {
        let picked = filter.sql("*");
        let sql = format!(
            "SELECT emerge.uuid, emerge.host, emerge.command, emerge.started_at_us, {} \
             FROM ({}) AS build JOIN emerge ON emerge.id = build.emerge_id \
             GROUP BY emerge.id ORDER BY emerge.started_at_us, emerge.id",
            Sums::of_builds(),
            picked.text
        );
        self.rows(&sql, &picked, |row| {
            Ok(EmergeRow {
                id: uuid(row, 0)?,
                host: row.get(1)?,
                command: row.get(2)?,
                started_at: time(row, 3)?,
                sums: Sums::read(row, 4)?,
            })
        })
    }

    /// Returns what each build adds to sums over time, the oldest first.
    pub fn moments(&self, filter: &Filter) -> Result<Vec<Moment>> {
        let mut moments = Vec::new();
        self.each_build(filter, |_, moment| {
            moments.push(moment);
            Ok(())
        })?;
        Ok(moments)
    }

    /// Calls `take` with each build's package (column 12), version (column 13) and moment, the
    /// oldest first.
    fn each_build(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Row<'_>, Moment) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let picked = filter.sql("*");
        let sql = format!(
            "SELECT {}, started_at_us, package, version FROM ({}) ORDER BY started_at_us, id",
            Sums::of_build(),
            picked.text
        );
        self.each_row(&sql, &picked, |row| {
            let (started_at, sums) = (time(row, 11)?, Sums::read(row, 0)?);
            take(row, Moment { started_at, sums })
        })
    }

    /// Returns when the oldest and the newest build started.
    pub fn period(&self, filter: &Filter) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
        let picked = filter.sql("started_at_us");
        let sql = format!(
            "SELECT min(started_at_us), max(started_at_us) FROM ({}) HAVING count(*) > 0",
            picked.text
        );
        let period = self.rows(&sql, &picked, |row| Ok((time(row, 0)?, time(row, 1)?)))?;
        Ok(period.into_iter().next())
    }

    /// Returns when the newest build started.
    pub fn newest(&self, filter: &Filter) -> Result<Option<DateTime<Utc>>> {
        let last = Some(1);
        let filter = filter.clone();
        let period = self.period(&Filter { last, ..filter })?;
        Ok(period.map(|(_, newest)| newest))
    }

    /// Returns those of the packages that have two or more measured builds before `until`.
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
        self.query(sql, (packages, until), |row| row.get(0))
    }

    /// Returns at most `limit` builds whose id begins with the hexadecimal text.
    pub fn builds_with_id(&self, prefix: &str, limit: u32) -> Result<Vec<Uuid>> {
        let prefix = prefix.to_ascii_lowercase();
        // The first text after those that begin with the prefix.
        let end = format!("{prefix}~");
        let sql = "SELECT uuid FROM build WHERE uuid >= ? AND uuid < ? ORDER BY uuid LIMIT ?";
        self.query(sql, (prefix, end, limit), |row| uuid(row, 0))
    }

    /// Returns all packages that have a build, sorted by name.
    pub fn package_names(&self) -> Result<Vec<String>> {
        // From one name to the next in the index: one search per package, not per build.
        let sql = "WITH RECURSIVE name (package) AS ( \
                     SELECT min(package) FROM build \
                     UNION ALL \
                     SELECT (SELECT min(package) FROM build WHERE package > name.package) \
                     FROM name WHERE name.package IS NOT NULL) \
                   SELECT package FROM name WHERE package IS NOT NULL";
        self.query(sql, (), |row| row.get(0))
    }

    /// Returns the packages that match, sorted by name.
    pub fn matching_packages(&self, patterns: &Patterns) -> Result<Vec<String>> {
        let mut names = self.package_names()?;
        names.retain(|name| patterns.matches(name));
        Ok(names)
    }

    /// Calls `take` with each row of a query of the picked builds.
    pub(super) fn each_row(
        &self,
        sql: &str,
        picked: &Picked,
        take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        self.each_row_of(sql, picked.params().as_slice(), take)
    }

    /// Returns the rows of a query of the picked builds.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        picked: &Picked,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.query(sql, picked.params().as_slice(), read)
    }

    /// Returns the rows of a query.
    pub(super) fn query<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.each_row_of(sql, params, |row| {
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    fn each_row_of(
        &self,
        sql: &str,
        params: impl Params,
        mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let failed = |error| self.error(error);
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let mut rows = statement.query(params).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(row).map_err(|error| self.row_error(row, error))?;
        }
        Ok(())
    }
}
