//! What the queries return.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Row;
use uuid::Uuid;

use super::columns::time;
use crate::sccache;

/// A build in brief: what a package's history is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Brief {
    /// Unique in this database only.
    pub number: i64,
    /// The machine.
    pub host: String,
    /// `PVR`.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// The latest version that any of its phases named.
    pub sccache_version: Option<String>,
    /// Answered from the cache; `None` where nothing was measured.
    pub hits: Option<u64>,
    /// Not found in the cache.
    pub misses: Option<u64>,
    /// An estimate: see [`crate::portage::saving`].
    pub time_saved: Option<TimeDelta>,
}

impl Brief {
    /// The columns of [`Brief::read`], which the index `build_by_package` has all.
    pub(super) const COLUMNS: &'static str =
        "id, host, version, started_at_us, sccache_version, hits, misses, time_saved_us";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Brief> {
        Ok(Brief {
            number: row.get(0)?,
            host: row.get(1)?,
            version: row.get(2)?,
            started_at: time(row, 3)?,
            sccache_version: row.get(4)?,
            hits: row.get(5)?,
            misses: row.get(6)?,
            time_saved: duration(row, 7)?,
        })
    }
}

/// Sums over several builds; unmeasured builds count, and add nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many builds.
    pub builds: u64,
    /// Builds with outcome `failed`.
    pub failed: u64,
    /// Builds with outcome `interrupted`.
    pub interrupted: u64,
    /// Builds in which every phase was measured.
    pub measured: u64,
    /// Builds with attribution `shared`.
    pub shared: u64,
    /// `None` where no build was measured.
    pub hits: Option<u64>,
    /// Not found in the cache.
    pub misses: Option<u64>,
    /// hits + misses of the builds for which the calls are known.
    pub answered: u64,
    /// executed + non-cacheable calls of those builds.
    pub calls: Option<u64>,
    /// The sum of the estimates there are, see [`crate::portage::saving`]; `None` without any.
    pub time_saved: Option<TimeDelta>,
    /// Hits of the builds that have an estimate: what of `hits` the time saved is about.
    pub estimated_hits: u64,
}

impl Sums {
    /// What a row of `build` adds to each sum, in the order of [`Sums::read`].
    const PARTS: [&'static str; 11] = [
        "1",
        "outcome = 'failed'",
        "phases > 0 AND measured_phases = phases",
        "attribution = 'shared'",
        "outcome = 'interrupted'",
        "hits",
        "misses",
        "iif(executed + non_cacheable IS NULL, 0, hits + misses)",
        "executed + non_cacheable",
        "time_saved_us",
        "iif(time_saved_us IS NULL, 0, hits)",
    ];

    /// The columns of [`Sums::read`] of a row of kept sums (the schema's package_sum).
    pub(super) const KEPT: &'static str = "builds, failed_builds, complete_builds, shared_builds, \
        interrupted_builds, iif(measured_builds > 0, hits, NULL), \
        iif(measured_builds > 0, misses, NULL), answered_calls, iif(counted_builds > 0, calls, NULL), \
        iif(estimated_builds > 0, time_saved_us, NULL), estimated_hits";

    /// The columns of [`Sums::read`] of a single build.
    pub(super) fn of_one() -> String {
        Self::PARTS.join(", ")
    }

    /// The columns of [`Sums::read`]: aggregates over rows of `build`.
    pub(super) fn of_all() -> String {
        Self::PARTS.map(|part| format!("sum({part})")).join(", ")
    }

    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Sums> {
        let or_zero = |index: usize| -> rusqlite::Result<u64> {
            Ok(row.get::<_, Option<u64>>(first + index)?.unwrap_or(0))
        };
        Ok(Sums {
            builds: or_zero(0)?,
            failed: or_zero(1)?,
            measured: or_zero(2)?,
            shared: or_zero(3)?,
            interrupted: or_zero(4)?,
            hits: row.get(first + 5)?,
            misses: row.get(first + 6)?,
            answered: or_zero(7)?,
            calls: row.get(first + 8)?,
            time_saved: duration(row, first + 9)?,
            estimated_hits: or_zero(10)?,
        })
    }

    /// Adds the sums of other builds.
    pub fn add(&mut self, other: &Sums) {
        fn either<T>(a: Option<T>, b: Option<T>, add: impl Fn(T, T) -> T) -> Option<T> {
            match (a, b) {
                (Some(a), Some(b)) => Some(add(a, b)),
                (known, None) | (None, known) => known,
            }
        }
        self.builds += other.builds;
        self.failed += other.failed;
        self.interrupted += other.interrupted;
        self.measured += other.measured;
        self.shared += other.shared;
        self.hits = either(self.hits, other.hits, u64::saturating_add);
        self.misses = either(self.misses, other.misses, u64::saturating_add);
        self.answered = self.answered.saturating_add(other.answered);
        self.calls = either(self.calls, other.calls, u64::saturating_add);
        let add = |a: TimeDelta, b| a.checked_add(&b).unwrap_or(a);
        self.time_saved = either(self.time_saved, other.time_saved, add);
        self.estimated_hits = self.estimated_hits.saturating_add(other.estimated_hits);
    }

    /// Of the sums, so that large builds weigh more: see [`sccache::hit_rate`].
    pub fn hit_rate(&self) -> Option<f64> {
        sccache::hit_rate(self.hits?, self.misses?)
    }

    /// Of the sums over the builds for which it is known: see [`sccache::coverage`].
    pub fn coverage(&self) -> Option<f64> {
        sccache::coverage(self.answered, 0, self.calls, Some(0))
    }
}

/// One package with all its builds that passed the filter.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageRow {
    /// `CATEGORY/PN`.
    pub package: String,
    /// Over these builds.
    pub sums: Sums,
    /// When the first of these builds started.
    pub first_at: DateTime<Utc>,
    /// When the last of these builds started.
    pub last_at: DateTime<Utc>,
    /// Of the last build.
    pub last_version: String,
    /// The last build's hits.
    pub last_hits: Option<u64>,
    /// The last build's misses.
    pub last_misses: Option<u64>,
}

impl PackageRow {
    /// The last build's alone.
    pub fn last_hit_rate(&self) -> Option<f64> {
        sccache::hit_rate(self.last_hits?, self.last_misses?)
    }

    /// Of all builds but the last; `None` where there are none, or where the last build's part
    /// in the sums is unknown.
    pub fn earlier_hit_rate(&self) -> Option<f64> {
        let hits = self.sums.hits?.checked_sub(self.last_hits?)?;
        let misses = self.sums.misses?.checked_sub(self.last_misses?)?;
        sccache::hit_rate(hits, misses)
    }
}

/// One emerge command with its builds that passed the filter.
#[derive(Clone, Debug, PartialEq)]
pub struct EmergeRow {
    /// Globally unique.
    pub id: Uuid,
    /// The machine.
    pub host: String,
    /// The command line, as it was.
    pub command: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Over these builds.
    pub sums: Sums,
}

impl EmergeRow {
    /// The columns of [`EmergeRow::read`], of `build` joined with `emerge` and grouped by it.
    pub(super) fn columns() -> String {
        let sums = Sums::of_all();
        format!("emerge.uuid, emerge.host, emerge.command, emerge.started_at_us, {sums}")
    }

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<EmergeRow> {
        Ok(EmergeRow {
            id: id(row, 0)?,
            host: row.get(1)?,
            command: row.get(2)?,
            started_at: time(row, 3)?,
            sums: Sums::read(row, 4)?,
        })
    }
}

/// One build's part in what goes over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Of this build alone.
    pub sums: Sums,
}

/// An id column, which holds a UUID.
pub(super) fn id(row: &Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    let text = row.get_ref(index)?.as_str()?;
    Uuid::parse_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error.into())
    })
}

/// Microseconds, as the schema keeps durations.
pub(super) fn duration(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<TimeDelta>> {
    Ok(row
        .get::<_, Option<i64>>(index)?
        .map(TimeDelta::microseconds))
}
