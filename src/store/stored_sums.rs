//! Reports from the sums that the database keeps beside the builds: over the builds of a package, and over those
//! of a host and an hour. With them, reports on many years take only slightly longer than reports on a few builds.
//! Triggers of the schema keep them equal to the sums over the builds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::Error as SqlError;

use super::columns::{micros, read_time, time_from_micros};
use super::filter::Filter;
use super::{HostRow, PackageRow, Result, Store, Sums, TimedSums};
use crate::sccache::Level;

/// An hour in microseconds.
pub(super) const HOUR: i64 = 3_600_000_000;

/// The columns that [`Sums::read`] reads, of a group of rows of `hour_sum`.
const GROUP: &str =
    "sum(builds), sum(failed_builds), sum(interrupted_builds), sum(complete_builds),
    sum(shared_builds), iif(sum(measured_builds) > 0, sum(hits), NULL),
    iif(sum(measured_builds) > 0, sum(misses), NULL), sum(answered_calls),
    iif(sum(counted_builds) > 0, sum(calls), NULL),
    iif(sum(estimated_builds) > 0, sum(time_saved_us), NULL), sum(estimated_hits),
    iif(sum(metered_builds) > 0, sum(processor_us), NULL),
    iif(sum(metered_builds) > 0, sum(metered_saved_us), NULL),
    iif(sum(costed_builds) > 0, sum(hit_cost_us), NULL),
    iif(sum(costed_builds) > 0, sum(miss_cost_us), NULL),
    iif(sum(costed_builds) > 0, sum(exact_cost_us), NULL),
    iif(sum(costed_builds) > 0, sum(evicted_misses), NULL)";

/// A period as whole hours, and the builds in hours that are partly in the period.
struct Hours {
    /// The builds before the whole hours.
    before: Option<Filter>,
    /// The first whole hour, the one after the last, and the hosts as JSON.
    whole: (i64, i64, Option<String>),
    /// The builds after the whole hours.
    after: Option<Filter>,
}

impl Hours {
    /// Splits the period of a filter. `None` if it selects anything else than a period and hosts.
    fn new(filter: &Filter) -> Option<Self> {
        let period = Filter {
            since: filter.since,
            until: filter.until,
            hosts: filter.hosts.clone(),
            ..Filter::default()
        };
        if *filter != period {
            return None;
        }
        let first = filter.since.map(|since| -(-micros(since)).div_euclid(HOUR));
        let end = filter.until.map(|until| micros(until).div_euclid(HOUR));
        if first.zip(end).is_some_and(|(first, end)| first >= end) {
            return Some(Self {
                before: Some(period),
                whole: (0, 0, None),
                after: None,
            });
        }
        let before = first.map(|first| Filter {
            until: start_of(first),
            ..period.clone()
        });
        let after = end.map(|end| Filter {
            since: start_of(end),
            ..period.clone()
        });
        let hosts = filter.hosts.as_slice();
        let hosts = (!hosts.is_empty()).then(|| serde_json::Value::from(hosts).to_string());
        let whole = (first.unwrap_or(i64::MIN), end.unwrap_or(i64::MAX), hosts);
        Some(Self {
            before,
            whole,
            after,
        })
    }

    fn partial(&self) -> impl Iterator<Item = &Filter> {
        self.before.iter().chain(&self.after)
    }
}

/// Returns the start of an hour.
fn start_of(hour: i64) -> Option<DateTime<Utc>> {
    time_from_micros(hour.saturating_mul(HOUR))
}

/// # Errors
/// As [`Store::builds`].
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
        let sql = "WITH stored AS (
                SELECT package, builds, failed_builds, interrupted_builds, complete_builds,
                    shared_builds, iif(measured_builds > 0, hits, NULL),
                    iif(measured_builds > 0, misses, NULL), answered_calls,
                    iif(counted_builds > 0, calls, NULL),
                    iif(estimated_builds > 0, time_saved_us, NULL), estimated_hits,
                    iif(metered_builds > 0, processor_us, NULL),
                    iif(metered_builds > 0, metered_saved_us, NULL),
                    iif(costed_builds > 0, hit_cost_us, NULL),
                    iif(costed_builds > 0, miss_cost_us, NULL),
                    iif(costed_builds > 0, exact_cost_us, NULL),
                    iif(costed_builds > 0, evicted_misses, NULL)
                FROM package_sum WHERE builds > 0
                    AND (?1 IS NULL OR package IN (SELECT value FROM json_each(?1))))
             SELECT stored.*,
                (SELECT min(started_at_us) FROM build AS first WHERE first.package = stored.package),
                last.started_at_us, last.version, last.hits, last.misses
             FROM stored JOIN build AS last ON last.id =
                (SELECT id FROM build AS later WHERE later.package = stored.package
                 ORDER BY started_at_us DESC, uuid DESC LIMIT 1) ORDER BY stored.package";
        let names = names.map(|names| names.to_string());
        let rows = self.query(sql, [names], |row| {
            let next = 1 + Sums::COLUMNS.len();
            Ok(PackageRow {
                package: row.get(0)?,
                host: None,
                sums: Sums::read(row, 1)?,
                first_at: read_time(row, next)?,
                last_at: read_time(row, next + 1)?,
                last_version: row.get(next + 2)?,
                last_hits: row.get(next + 3)?,
                last_misses: row.get(next + 4)?,
            })
        })?;
        Ok(Some(rows))
    }

    /// Returns the sums of the builds of every hour, the oldest first, if the filter selects nothing
    /// but a period and hosts. An hour that is partly in the period has a row per build.
    pub fn hours(&self, filter: &Filter) -> Result<Option<Vec<TimedSums>>> {
        let Some(hours) = Hours::new(filter) else {
            return Ok(None);
        };
        let moments = |filter: &Option<Filter>| match filter {
            Some(filter) => self.moments(filter),
            None => Ok(Vec::new()),
        };
        let mut rows = moments(&hours.before)?;
        let sql = format!(
            "SELECT hour, {GROUP} FROM hour_sum
             WHERE hour >= ?1 AND hour < ?2
                AND (?3 IS NULL OR host IN (SELECT value FROM json_each(?3)))
             GROUP BY hour HAVING sum(builds) > 0 ORDER BY hour"
        );
        rows.extend(self.query(&sql, hours.whole.clone(), |row| {
            let hour: i64 = row.get(0)?;
            Ok(TimedSums {
                started_at: start_of(hour).ok_or(SqlError::IntegralValueOutOfRange(0, hour))?,
                sums: Sums::read(row, 1)?,
            })
        })?);
        rows.extend(moments(&hours.after)?);
        Ok(Some(rows))
    }

    /// Returns a row per host, sorted by name.
    pub fn hosts(&self, filter: &Filter) -> Result<Vec<HostRow>> {
        let Some(hours) = Hours::new(filter) else {
            return self.sum_hosts(filter);
        };
        let sql = format!(
            "SELECT host, (SELECT max(started_at_us) FROM build
                    WHERE build.host = hour_sum.host AND started_at_us < ?2 * {HOUR}), {GROUP}
             FROM hour_sum WHERE hour >= ?1 AND hour < ?2
                AND (?3 IS NULL OR host IN (SELECT value FROM json_each(?3)))
             GROUP BY host HAVING sum(builds) > 0"
        );
        let mut rows = self.query(&sql, hours.whole.clone(), read_host)?;
        for filter in hours.partial() {
            rows.extend(self.sum_hosts(filter)?);
        }
        let mut hosts: BTreeMap<String, HostRow> = BTreeMap::new();
        for row in rows {
            match hosts.get_mut(&row.host) {
                None => {
                    hosts.insert(row.host.clone(), row);
                }
                Some(host) => {
                    host.sums.add(&row.sums);
                    host.last_at = host.last_at.max(row.last_at);
                }
            }
        }
        Ok(hosts.into_values().collect())
    }

    fn sum_hosts(&self, filter: &Filter) -> Result<Vec<HostRow>> {
        let query = filter.query(&format!(
            "SELECT host, max(started_at_us), {} FROM matching GROUP BY host ORDER BY host",
            Sums::of_group()
        ));
        self.query(&query.sql, &*query.params(), read_host)
    }

    /// Returns what each level of multi-level caches did in the builds that pass the filter, the first
    /// level first, with its location in the newest build.
    pub fn cache_levels(&self, filter: &Filter) -> Result<Vec<Level>> {
        let sql = "SELECT 1 FROM level_sum LIMIT 1";
        if self.query(sql, (), |_| Ok(()))?.is_empty() {
            return Ok(Vec::new());
        }
        let Some(hours) = Hours::new(filter) else {
            return self.sum_levels(filter);
        };
        let sql = "SELECT level, sum(hits), sum(misses), sum(writes), sum(write_failures),
                sum(backfills_from), sum(backfills_to), max(iif(phases > 0, hour, NULL))
             FROM level_sum WHERE hour >= ?1 AND hour < ?2
                AND (?3 IS NULL OR host IN (SELECT value FROM json_each(?3)))
             GROUP BY level HAVING sum(phases) > 0";
        let mut newest_hours = BTreeMap::new();
        let mut levels = self.query(sql, hours.whole.clone(), |row| {
            let level = Level {
                name: row.get(0)?,
                location: None,
                hits: row.get(1)?,
                misses: row.get(2)?,
                writes: row.get(3)?,
                write_failures: row.get(4)?,
                backfills_from: row.get(5)?,
                backfills_to: row.get(6)?,
            };
            newest_hours.insert(level.name.clone(), row.get::<_, i64>(7)?);
            Ok(level)
        })?;
        for level in &mut levels {
            if let Some(hour) = newest_hours.get(&level.name) {
                level.location = self.newest_location(&level.name, *hour, filter)?;
            }
        }
        let mut sum = Vec::new();
        if let Some(before) = &hours.before {
            sum = self.sum_levels(before)?;
        }
        Level::add_all(&mut sum, &levels);
        if let Some(after) = &hours.after {
            Level::add_all(&mut sum, &self.sum_levels(after)?);
        }
        sum.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(sum)
    }

    /// Returns the location of a level in the newest build of an hour that has one.
    fn newest_location(&self, level: &str, hour: i64, filter: &Filter) -> Result<Option<String>> {
        let filter = Filter {
            since: start_of(hour),
            until: start_of(hour + 1),
            hosts: filter.hosts.clone(),
            ..Filter::default()
        };
        let query = filter.query(
            "SELECT json_extract(value, '$.location')
             FROM (SELECT id, uuid, started_at_us FROM matching) AS newest
             CROSS JOIN phase INDEXED BY phase_with_cache_levels ON phase.build_id = newest.id
             CROSS JOIN json_each(phase.cache_levels)
             WHERE phase.cache_levels IS NOT NULL AND json_extract(value, '$.name') = :level
                AND json_extract(value, '$.location') IS NOT NULL
             ORDER BY newest.started_at_us DESC, newest.uuid DESC, phase.position DESC LIMIT 1",
        );
        let mut params = query.params();
        params.push((":level", &level));
        let found = self.query(&query.sql, &*params, |row| row.get(0))?;
        Ok(found.into_iter().next())
    }

    fn sum_levels(&self, filter: &Filter) -> Result<Vec<Level>> {
        // In a query with one max(), SQLite takes the columns outside of aggregates from the row with
        // the maximum.
        let query = filter.query(
            "SELECT json_extract(value, '$.name') AS level, json_extract(value, '$.location'),
                sum(json_extract(value, '$.hits')), sum(json_extract(value, '$.misses')),
                sum(json_extract(value, '$.writes')), sum(json_extract(value, '$.write_failures')),
                sum(json_extract(value, '$.backfills_from')),
                sum(json_extract(value, '$.backfills_to')),
                max(iif(json_extract(value, '$.location') IS NULL, '',
                    printf('%020d %s %05d', newest.started_at_us, newest.uuid, position)))
             FROM (SELECT id, uuid, started_at_us FROM matching) AS newest
             CROSS JOIN phase INDEXED BY phase_with_cache_levels ON phase.build_id = newest.id
             CROSS JOIN json_each(phase.cache_levels)
             WHERE phase.cache_levels IS NOT NULL
             GROUP BY level ORDER BY level",
        );
        self.query(&query.sql, &*query.params(), |row| {
            Ok(Level {
                name: row.get(0)?,
                location: row.get(1)?,
                hits: row.get(2)?,
                misses: row.get(3)?,
                writes: row.get(4)?,
                write_failures: row.get(5)?,
                backfills_from: row.get(6)?,
                backfills_to: row.get(7)?,
            })
        })
    }
}

fn read_host(row: &rusqlite::Row<'_>) -> rusqlite::Result<HostRow> {
    Ok(HostRow {
        host: row.get(0)?,
        last_at: read_time(row, 1)?,
        sums: Sums::read(row, 2)?,
    })
}
