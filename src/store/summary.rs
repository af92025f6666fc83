//! The sums that the database keeps beside the builds (the schema says why and how): over
//! the builds of a package, and over those of an hour. They answer what is asked of all
//! builds, or of all in a period, in a time that hardly grows with their number.
//!
//! Triggers keep them at every INSERT, UPDATE and DELETE of a build, but not where `INSERT OR REPLACE`
//! or `UPDATE OR REPLACE`, typed by hand, takes another build's place: SQLite calls no trigger for a
//! row that it replaces (unless `recursive_triggers` is on). This program uses neither.

use chrono::{DateTime, Utc};

use super::columns::{micros, time, time_of};
use super::{Filter, Moment, PackageRow, Result, Store, Sums};

/// An hour in microseconds, as the schema divides time.
const HOUR: i64 = 3_600_000_000;

impl Store {
    /// As [`Store::packages`], where the filter asks for whole packages.
    pub(super) fn whole_packages(&self, filter: &Filter) -> Result<Option<Vec<PackageRow>>> {
        let whole = Filter {
            packages: filter.packages.clone(),
            ..Filter::default()
        };
        if *filter != whole {
            return Ok(None);
        }
        let wanted = match filter.packages.as_deref() {
            Some([_]) => "AND package_sum.package = :packages",
            Some(_) => "AND package_sum.package IN (SELECT value FROM json_each(:packages))",
            None => "",
        };
        let kept = Sums::KEPT;
        let sql = format!(
            "WITH kept AS (SELECT package, {kept} FROM package_sum WHERE builds > 0 {wanted}) \
             SELECT kept.*, \
             (SELECT min(started_at_us) FROM build AS first WHERE first.package = kept.package), \
             last.started_at_us, last.version, last.hits, last.misses \
             FROM kept JOIN build AS last ON last.id = \
             (SELECT id FROM build AS later WHERE later.package = kept.package \
              ORDER BY started_at_us DESC, id DESC LIMIT 1) ORDER BY kept.package"
        );
        let rows = self.rows(&sql, &filter.sql("1"), |row| {
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

    /// The sums of the builds of every hour, the oldest first, where the filter asks for
    /// nothing but a period. What is cut off an hour at either end of it is a moment of its
    /// own. An hour's moment is when it began.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn hours(&self, filter: &Filter) -> Result<Option<Vec<Moment>>> {
        let period = Filter {
            since: filter.since,
            until: filter.until,
            ..Filter::default()
        };
        if *filter != period {
            return Ok(None);
        }
        // The whole hours within the period, and the period's ends outside of them.
        let first = filter.since.map(|since| -(-micros(since)).div_euclid(HOUR));
        let end = filter.until.map(|until| micros(until).div_euclid(HOUR));
        if let (Some(first), Some(end)) = (first, end)
            && first >= end
        {
            return self.moments(filter).map(Some);
        }
        let at = |number: Option<i64>| number.and_then(hour);
        let mut moments = match first {
            Some(_) => self.moments(&Filter {
                until: at(first),
                ..period.clone()
            })?,
            None => Vec::new(),
        };
        let whole = Filter {
            since: at(first),
            until: at(end),
            ..Filter::default()
        };
        moments.extend(self.whole_hours(&whole)?);
        if end.is_some() {
            moments.extend(self.moments(&Filter {
                since: at(end),
                ..period
            })?);
        }
        Ok(Some(moments))
    }

    fn whole_hours(&self, filter: &Filter) -> Result<Vec<Moment>> {
        let number = |at: Option<DateTime<Utc>>, open| at.map_or(open, |at| micros(at) / HOUR);
        let (first, end) = (
            number(filter.since, i64::MIN),
            number(filter.until, i64::MAX),
        );
        let kept = Sums::KEPT;
        let sql = format!(
            "SELECT hour, {kept} FROM hour_sum WHERE hour >= ? AND hour < ? AND builds > 0 \
             ORDER BY hour"
        );
        let read = || -> rusqlite::Result<Vec<Moment>> {
            let mut statement = self.connection.prepare(&sql)?;
            let moment = |row: &rusqlite::Row<'_>| {
                Ok(Moment {
                    started_at: hour(row.get(0)?).ok_or(rusqlite::Error::InvalidQuery)?,
                    sums: Sums::read(row, 1)?,
                })
            };
            statement.query_map([first, end], moment)?.collect()
        };
        read().map_err(|error| self.error(error))
    }
}

/// When the hour with this number began.
pub(super) fn hour(number: i64) -> Option<DateTime<Utc>> {
    time_of(number.checked_mul(HOUR)?)
}
