//! The queries of the reports.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Error as SqlError, Params, Row};
use uuid::Uuid;

use super::columns::{micros, read_duration, read_time, read_uuid, str_at};
use super::filter::{Filter, Patterns};
use super::{BuildCounts, BuildRow, EmergeRow, Error, PackageRow, Result, Store, Sums, TimedSums};
use crate::text::printable;

/// What identifies the group of a build.
struct BuildNames<'a> {
    package: &'a str,
    version: &'a str,
    host: &'a str,
}

impl PackageRow {
    /// Returns a row without builds.
    fn new(package: &str, host: Option<&str>, first: &TimedSums) -> Self {
        Self {
            package: package.to_string(),
            host: host.map(str::to_string),
            sums: Sums::default(),
            first_at: first.started_at,
            last_at: first.started_at,
            last_version: String::new(),
            last_hits: None,
            last_misses: None,
        }
    }

    /// Adds a build that is newer than those before.
    fn add(&mut self, version: &str, build: &TimedSums) {
        self.sums.add(&build.sums);
        self.last_at = build.started_at;
        version.clone_into(&mut self.last_version);
        (self.last_hits, self.last_misses) = (build.sums.hits, build.sums.misses);
    }
}

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

    /// Returns what the index `build_by_package` has of each build of a package, the newest last. For
    /// thousands of builds, this is much faster than [`Store::builds`].
    pub fn build_counts(&self, filter: &Filter) -> Result<Vec<BuildCounts>> {
        let query = filter.query(
            "SELECT id, host, version, started_at_us, hits, misses, time_saved_us
             FROM matching ORDER BY started_at_us, version, host, hits, misses, time_saved_us",
        );
        self.query(&query.sql, &*query.params(), |row| {
            Ok(BuildCounts {
                id: row.get(0)?,
                host: row.get(1)?,
                version: row.get(2)?,
                started_at: read_time(row, 3)?,
                hits: row.get(4)?,
                misses: row.get(5)?,
                time_saved: read_duration(row, 6)?,
            })
        })
    }

    /// Returns a row per package, sorted by name.
    pub fn packages(&self, filter: &Filter) -> Result<Vec<PackageRow>> {
        if let Some(rows) = self.whole_packages(filter)? {
            return Ok(rows);
        }
        let mut packages: BTreeMap<String, PackageRow> = BTreeMap::new();
        self.each_build(filter, |build, moment| {
            if !packages.contains_key(build.package) {
                let new = PackageRow::new(build.package, None, &moment);
                packages.insert(build.package.to_string(), new);
            }
            if let Some(known) = packages.get_mut(build.package) {
                known.add(build.version, &moment);
            }
        })?;
        Ok(packages.into_values().collect())
    }

    /// Returns a row per package and host, sorted by their names.
    pub fn packages_by_host(&self, filter: &Filter) -> Result<Vec<PackageRow>> {
        let mut packages: BTreeMap<(String, String), PackageRow> = BTreeMap::new();
        self.each_build(filter, |build, moment| {
            let names = (build.package.to_string(), build.host.to_string());
            let new = || PackageRow::new(build.package, Some(build.host), &moment);
            let known = packages.entry(names).or_insert_with(new);
            known.add(build.version, &moment);
        })?;
        Ok(packages.into_values().collect())
    }

    /// Returns the names of the hosts that have builds, sorted.
    pub fn host_names(&self) -> Result<Vec<String>> {
        let sql = "SELECT name FROM host WHERE builds > 0 ORDER BY name";
        self.query(sql, (), |row| row.get(0))
    }

    /// Returns a row per emerge command that has builds, the newest last.
    pub fn emerges(&self, filter: &Filter) -> Result<Vec<EmergeRow>> {
        self.read_emerges(filter, None)
    }

    /// Returns the emerge command of the newest build that has one. It doesn't read the others.
    pub fn last_emerge(&self, filter: &Filter) -> Result<Option<EmergeRow>> {
        let query = filter.query(
            "SELECT emerge_id FROM matching WHERE emerge_id IS NOT NULL
             ORDER BY started_at_us DESC, uuid DESC LIMIT 1",
        );
        let newest = self.query(&query.sql, &*query.params(), |row| row.get(0))?;
        let Some(emerge_id) = newest.into_iter().next() else {
            return Ok(None);
        };
        Ok(self.read_emerges(filter, Some(emerge_id))?.pop())
    }

    /// Returns the rows of [`Store::emerges`], or only the one with this row id.
    fn read_emerges(&self, filter: &Filter, emerge_id: Option<i64>) -> Result<Vec<EmergeRow>> {
        let query = filter.query(&format!(
            "SELECT emerge.uuid, emerge.host, emerge.command, emerge.started_at_us, {}
             FROM matching JOIN emerge ON emerge.id = matching.emerge_id
             WHERE :emerge_id IS NULL OR matching.emerge_id = :emerge_id
             GROUP BY emerge.id ORDER BY emerge.started_at_us, emerge.uuid",
            Sums::of_group()
        ));
        let mut params = query.params();
        params.push((":emerge_id", &emerge_id));
        self.query(&query.sql, &*params, |row| {
            Ok(EmergeRow {
                id: read_uuid(row, 0)?,
                host: row.get(1)?,
                command: row.get(2)?,
                started_at: read_time(row, 3)?,
                sums: Sums::read(row, 4)?,
            })
        })
    }

    /// Returns what each build adds to sums over time, the oldest first.
    pub fn moments(&self, filter: &Filter) -> Result<Vec<TimedSums>> {
        let mut moments = Vec::new();
        self.each_build(filter, |_, moment| moments.push(moment))?;
        Ok(moments)
    }

    /// Calls `handle` with the names and the sums of each build, the oldest first.
    fn each_build(
        &self,
        filter: &Filter,
        mut handle: impl FnMut(BuildNames<'_>, TimedSums),
    ) -> Result<()> {
        let query = filter.query(&format!(
            "SELECT {}, started_at_us, package, version, host
             FROM matching ORDER BY started_at_us, uuid",
            Sums::COLUMNS.join(", ")
        ));
        self.each_row(&query.sql, &*query.params(), |row| {
            let next = Sums::COLUMNS.len();
            let (started_at, sums) = (read_time(row, next)?, Sums::read(row, 0)?);
            let text = |index| str_at(row, index).map(Option::unwrap_or_default);
            let names = BuildNames {
                package: text(next + 1)?,
                version: text(next + 2)?,
                host: text(next + 3)?,
            };
            handle(names, TimedSums { started_at, sums });
            Ok(())
        })
    }

    /// Returns when the oldest and the newest build started.
    pub fn period(&self, filter: &Filter) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
        let query = filter.query(
            "SELECT min(started_at_us), max(started_at_us) FROM matching HAVING count(*) > 0",
        );
        let period = self.query(&query.sql, &*query.params(), |row| {
            Ok((read_time(row, 0)?, read_time(row, 1)?))
        })?;
        Ok(period.into_iter().next())
    }

    /// Returns when the newest build started.
    pub fn newest(&self, filter: &Filter) -> Result<Option<DateTime<Utc>>> {
        // Without the id, the index has this order: with it, SQLite 3.53 sorts all builds.
        let sql = "SELECT started_at_us FROM matching ORDER BY started_at_us DESC LIMIT 1";
        let query = filter.query(sql);
        let newest = self.query(&query.sql, &*query.params(), |row| read_time(row, 0))?;
        Ok(newest.into_iter().next())
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

    /// Returns at most `limit` builds whose id begins with the text: at least 8 hexadecimal digits
    /// and hyphens.
    pub fn builds_with_id(&self, prefix: &str, limit: u32) -> Result<Vec<Uuid>> {
        let is_digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        if prefix.len() < 8 || !prefix.bytes().all(is_digit) {
            return Ok(Vec::new());
        }
        let prefix = prefix.to_ascii_lowercase();
        // The first text after those that begin with the prefix.
        let end = format!("{prefix}~");
        let sql = "SELECT uuid FROM build WHERE uuid >= ? AND uuid < ? ORDER BY uuid LIMIT ?";
        self.query(sql, (prefix, end, limit), |row| read_uuid(row, 0))
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

    /// Returns the rows of a query.
    pub(super) fn query<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each_row(sql, params, |row| {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Calls `handle` with each row of a query.
    pub(super) fn each_row(
        &self,
        sql: &str,
        params: impl Params,
        mut handle: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let failed = |error| self.error(error);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(params).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            handle(row).map_err(|error| self.row_error(row, error))?;
        }
        Ok(())
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
