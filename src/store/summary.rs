//! The sums that the database keeps beside the builds: over the builds of a package, and over those
//! of an hour. With them, reports on many years take only slightly longer than reports on a few builds.
//! Triggers of the schema keep them equal to the sums over the builds.

use chrono::{DateTime, Utc};

use super::columns::{micros, time, time_of};
use super::{Filter, Moment, PackageRow, Result, Store, Sums};

/// An hour in microseconds.
const HOUR: i64 = 3_600_000_000;

impl Store {
    /// Returns the rows of [`Store::packages`] if the filter selects whole packages.
    pub(super) fn whole_packages(&self, filter: &Filter) -> Result<Option<Vec<PackageRow>>> {
        let packages = filter.packages.clone();
        let names = packages
            .as_ref()
            .map(|names| serde_json::Value::from(names.as_slice()));
        let whole_packages = Filter {
            packages,
            ..Filter::default()
        };
        if *filter != whole_packages {
            return Ok(None);
        }
        let sql = format!(
            "WITH stored AS (SELECT package, {} FROM package_sum WHERE builds > 0 \
               AND (?1 IS NULL OR package IN (SELECT value FROM json_each(?1)))) \
             SELECT stored.*, \
               (SELECT min(started_at_us) FROM build AS first WHERE first.package = stored.package), \
               last.started_at_us, last.version, last.hits, last.misses \
             FROM stored JOIN build AS last ON last.id = \
               (SELECT id FROM build AS later WHERE later.package = stored.package \
                ORDER BY started_at_us DESC, id DESC LIMIT 1) ORDER BY stored.package",
            Sums::stored()
        );
        let names = names.map(|names| names.to_string());
        let rows = self.query(&sql, [names], |row| {
            Ok(PackageRow {
                package: row.get(0)?,
                sums: Sums::read(row, 1)?,
                first_at: time(row, 12)?,
                last_at: time(row, 13)?,
                last_version: row.get(14)?,
                last_hits: row.get(15)?,
                last_misses: row.get(16)?,
            })
        })?;
        Ok(Some(rows))
    }

    /// Returns the sums of the builds of every hour, the oldest first, if the filter selects nothing
    /// but a period of whole hours.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn hours(&self, filter: &Filter) -> Result<Option<Vec<Moment>>> {
        let period = Filter {
            since: filter.since,
            until: filter.until,
            ..Filter::default()
        };
        let number = |time: Option<DateTime<Utc>>, open| match time.map(micros) {
            None => Some(open),
            Some(micros) => (micros % HOUR == 0).then_some(micros / HOUR),
        };
        let (first, end) = (
            number(filter.since, i64::MIN),
            number(filter.until, i64::MAX),
        );
        let (true, Some(period)) = (*filter == period, first.zip(end)) else {
            return Ok(None);
        };
        let sql = format!(
            "SELECT hour, {} FROM hour_sum WHERE hour >= ? AND hour < ? AND builds > 0 \
             ORDER BY hour",
            Sums::stored()
        );
        let hours = self.query(&sql, period, |row| {
            Ok(Moment {
                started_at: read_hour(row)?,
                sums: Sums::read(row, 1)?,
            })
        })?;
        Ok(Some(hours))
    }
}

fn read_hour(row: &rusqlite::Row<'_>) -> rusqlite::Result<DateTime<Utc>> {
    let number = row.get(0)?;
    hour(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number))
}

/// Returns the start of the hour with this number.
pub(super) fn hour(number: i64) -> Option<DateTime<Utc>> {
    time_of(number.checked_mul(HOUR)?)
}
