//! The questions that reports ask.

use std::collections::HashMap;

use rusqlite::Row;
use uuid::Uuid;

use super::build_row::EmergeIds;
use super::columns::time;
use super::filter::{Filter, Picked};
use super::rows::id;
use super::{Brief, BuildRow, EmergeRow, Moment, PackageRow, Result, Store, Sums};

impl Store {
    /// The builds, the newest last.
    ///
    /// # Errors
    /// This and the other queries: [`crate::Error::Damaged`], [`crate::Error::Locked`].
    pub fn builds(&self, filter: &Filter) -> Result<Vec<BuildRow>> {
        let mut builds = Vec::new();
        self.for_each_build(filter, |build| builds.push(build.clone()))?;
        Ok(builds)
    }

    /// Calls with each build, the newest last: for all of many, which needn't be there at once. The
    /// next is read into the memory of the one before, or of what `take` leaves in its place.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn for_each_build(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&mut BuildRow),
    ) -> Result<()> {
        let picked = filter.sql(&format!("{}, id", BuildRow::COLUMNS));
        // Of all, SQLite would rather sort whole rows than follow the index that has the order.
        let sql = format!("SELECT * FROM ({}) ORDER BY started_at_us, id", picked.text);
        let mut build = BuildRow::unread();
        let mut emerges = EmergeIds::new(&self.connection).map_err(|error| self.error(error))?;
        self.each_row(&sql, &picked, |row| {
            build.read(row, &mut emerges)?;
            take(&mut build);
            Ok(())
        })
    }

    /// The builds in brief, the newest last.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn briefs(&self, filter: &Filter) -> Result<Vec<Brief>> {
        let picked = filter.sql("*");
        let sql = format!("SELECT {} FROM ({})", Brief::COLUMNS, picked.text);
        let mut briefs = self.rows(&sql, &picked, Brief::read)?;
        briefs.sort_by_key(|build| (build.started_at, build.number));
        Ok(briefs)
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
        let sql = format!("SELECT {} FROM ({})", Sums::of_all(), picked.text);
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
        let mut packages = Packages::default();
        self.each_build(filter, |row| packages.add(row).map(drop))?;
        Ok(packages.rows())
    }

    /// [`Store::packages`] and [`Store::moments`] at once, from one look at each build.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn packages_and_moments(&self, filter: &Filter) -> Result<(Vec<PackageRow>, Vec<Moment>)> {
        let (mut packages, mut moments) = (Packages::default(), Vec::new());
        self.each_build(filter, |row| {
            moments.push(packages.add(row)?);
            Ok(())
        })?;
        moments.sort_by_key(|moment| moment.started_at);
        Ok((packages.rows(), moments))
    }

    /// A row per emerge command that has builds, the newest last.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn emerges(&self, filter: &Filter) -> Result<Vec<EmergeRow>> {
        let picked = filter.sql("*");
        let sql = format!(
            "SELECT {} FROM ({}) AS build JOIN emerge ON emerge.id = build.emerge_id \
             GROUP BY emerge.id ORDER BY emerge.started_at_us, emerge.id",
            EmergeRow::columns(),
            picked.text
        );
        self.rows(&sql, &picked, EmergeRow::read)
    }

    /// Every build's moment, the oldest first: for what goes by the calendar, which the caller's time
    /// zone divides.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn moments(&self, filter: &Filter) -> Result<Vec<Moment>> {
        let mut moments = Vec::new();
        self.each_build(filter, |row| {
            moments.push(moment(row)?);
            Ok(())
        })?;
        moments.sort_by_key(|moment| moment.started_at);
        Ok(moments)
    }

    /// Calls with each build's part in sums: the columns of [`moment`] and [`Packages`], in any order.
    fn each_build(
        &self,
        filter: &Filter,
        take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let picked = filter.sql("*");
        let sql = format!(
            "SELECT {}, started_at_us, package, id, version FROM ({})",
            Sums::of_one(),
            picked.text
        );
        self.each_row(&sql, &picked, take)
    }

    /// Calls with each row of a query of these builds.
    pub(super) fn each_row(
        &self,
        sql: &str,
        picked: &Picked,
        mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query(picked.params().as_slice())?;
            while let Some(row) = rows.next()? {
                take(row)?;
            }
            Ok(())
        };
        read().map_err(|error| self.error(error))
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
                .prepare(
                    "SELECT uuid FROM build WHERE uuid >= ? AND uuid < ? ORDER BY uuid LIMIT ?",
                )?
                .query_map((prefix, end, limit), |row| id(row, 0))?
                .collect()
        };
        read().map_err(|error| self.error(error))
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        picked: &Picked,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.each_row(sql, picked, |row| {
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }
}

fn moment(row: &Row<'_>) -> rusqlite::Result<Moment> {
    Ok(Moment {
        started_at: time(row, 11)?,
        sums: Sums::read(row, 0)?,
    })
}

/// Packages, with the row id of each one's last build, while their builds come in.
#[derive(Default)]
struct Packages(HashMap<String, (i64, PackageRow)>);

impl Packages {
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<Moment> {
        let moment = moment(row)?;
        let package = row.get_ref(12)?.as_str()?;
        let id: i64 = row.get(13)?;
        let last = |version| PackageRow {
            package: package.to_string(),
            sums: moment.sums,
            first_at: moment.started_at,
            last_at: moment.started_at,
            last_version: version,
            last_hits: moment.sums.hits,
            last_misses: moment.sums.misses,
        };
        let Some((last_id, known)) = self.0.get_mut(package) else {
            let new = (id, last(row.get(14)?));
            self.0.insert(package.to_string(), new);
            return Ok(moment);
        };
        let mut sums = known.sums;
        sums.add(&moment.sums);
        let first_at = known.first_at.min(moment.started_at);
        if (moment.started_at, id) > (known.last_at, *last_id) {
            (*last_id, *known) = (id, last(row.get(14)?));
        }
        (known.sums, known.first_at) = (sums, first_at);
        Ok(moment)
    }

    /// Sorted by name.
    fn rows(self) -> Vec<PackageRow> {
        let mut rows: Vec<PackageRow> = self.0.into_values().map(|(_, row)| row).collect();
        rows.sort_by(|a, b| a.package.cmp(&b.package));
        rows
    }
}
