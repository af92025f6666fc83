//! The rows that queries return, except builds.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Row;
use uuid::Uuid;

use super::columns::read_duration;
use crate::sccache;

/// Sums over several builds. Unmeasured builds only add to the numbers of builds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Number of builds.
    pub builds: u64,
    /// Builds with outcome `failed`.
    pub failed: u64,
    /// Builds with outcome `interrupted`.
    pub interrupted: u64,
    /// Builds in which every phase was measured.
    pub measured: u64,
    /// Builds with attribution `shared`.
    pub shared: u64,
    /// Compilations answered from the cache; `None` if no build was measured.
    pub hits: Option<u64>,
    /// Compilations not found in the cache; `None` if no build was measured.
    pub misses: Option<u64>,
    /// hits + misses of the builds whose number of calls is known.
    pub answered: u64,
    /// executed + non-cacheable calls of these builds.
    pub calls: Option<u64>,
    /// The sum of the estimates, see [`crate::savings`]; `None` if there are none.
    pub time_saved: Option<TimeDelta>,
    /// Hits of the builds that have an estimate.
    pub estimated_hits: u64,
    /// Processor time of the phases with sccache, in the builds for which it, the time saved and the costs
    /// are known. `None` if there are none.
    pub processor_time: Option<TimeDelta>,
    /// The time saved in these builds.
    pub metered_time_saved: Option<TimeDelta>,
    /// What compiling the hits would have cost, in the builds with known costs.
    pub hit_cost: Option<TimeDelta>,
    /// What compiling the misses of these builds cost.
    pub miss_cost: Option<TimeDelta>,
    /// The part of `hit_cost` that is known from compiling exactly these objects.
    pub exact_cost: Option<TimeDelta>,
    /// Misses of these builds whose objects the cache lost.
    pub evicted_misses: Option<u64>,
}

impl Sums {
    /// What a build adds to each field, in SQL, in the order of the fields.
    pub(super) const COLUMNS: [&str; 17] = [
        "1",
        "outcome = 'failed'",
        "outcome = 'interrupted'",
        "phases > 0 AND measured_phases = phases",
        "attribution = 'shared'",
        "hits",
        "misses",
        "iif(executed + non_cacheable IS NULL, 0, hits + misses)",
        "executed + non_cacheable",
        "time_saved_us",
        "iif(time_saved_us IS NULL, 0, hits)",
        "iif(time_saved_us + hit_cost_us IS NULL, NULL, processor_us)",
        "iif(processor_us + hit_cost_us IS NULL, NULL, time_saved_us)",
        "hit_cost_us",
        "miss_cost_us",
        "exact_cost_us",
        "evicted_misses",
    ];

    /// Returns the columns that [`Sums::read`] reads, of a group of builds.
    pub(super) fn of_group() -> String {
        Self::COLUMNS
            .map(|column| format!("sum({column})"))
            .join(", ")
    }

    /// Reads the sums from the columns from `first` on: [`Sums::COLUMNS`], or [`Sums::of_group`].
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Sums> {
        let number = |index: usize| row.get::<_, Option<u64>>(first + index);
        let count = |index: usize| number(index).map(Option::unwrap_or_default);
        Ok(Sums {
            builds: count(0)?,
            failed: count(1)?,
            interrupted: count(2)?,
            measured: count(3)?,
            shared: count(4)?,
            hits: number(5)?,
            misses: number(6)?,
            answered: count(7)?,
            calls: number(8)?,
            time_saved: read_duration(row, first + 9)?,
            estimated_hits: count(10)?,
            processor_time: read_duration(row, first + 11)?,
            metered_time_saved: read_duration(row, first + 12)?,
            hit_cost: read_duration(row, first + 13)?,
            miss_cost: read_duration(row, first + 14)?,
            exact_cost: read_duration(row, first + 15)?,
            evicted_misses: number(16)?,
        })
    }

    /// Adds the sums of other builds.
    pub fn add(&mut self, other: &Sums) {
        fn add_known<T: Copy>(sum: &mut Option<T>, other: Option<T>, add: impl Fn(T, T) -> T) {
            *sum = match (*sum, other) {
                (Some(a), Some(b)) => Some(add(a, b)),
                (a, b) => a.or(b),
            };
        }
        self.builds += other.builds;
        self.failed += other.failed;
        self.interrupted += other.interrupted;
        self.measured += other.measured;
        self.shared += other.shared;
        add_known(&mut self.hits, other.hits, u64::saturating_add);
        add_known(&mut self.misses, other.misses, u64::saturating_add);
        self.answered = self.answered.saturating_add(other.answered);
        add_known(&mut self.calls, other.calls, u64::saturating_add);
        let add_time = |a: TimeDelta, b| a.checked_add(&b).unwrap_or(a);
        for (sum, other) in [
            (&mut self.time_saved, other.time_saved),
            (&mut self.processor_time, other.processor_time),
            (&mut self.metered_time_saved, other.metered_time_saved),
            (&mut self.hit_cost, other.hit_cost),
            (&mut self.miss_cost, other.miss_cost),
            (&mut self.exact_cost, other.exact_cost),
        ] {
            add_known(sum, other, add_time);
        }
        let (evicted, other_evicted) = (&mut self.evicted_misses, other.evicted_misses);
        add_known(evicted, other_evicted, u64::saturating_add);
        self.estimated_hits = self.estimated_hits.saturating_add(other.estimated_hits);
    }

    /// Returns the hit rate of the sums, so that large builds weigh more.
    pub fn hit_rate(&self) -> Option<f64> {
        sccache::hit_rate(self.hits?, self.misses?)
    }

    /// Returns the hit rate weighted by cost. `None` if no cost is known.
    pub fn hit_rate_by_cost(&self) -> Option<f64> {
        hit_rate_by_cost(self.hit_cost?, self.miss_cost?)
    }

    /// Returns the share of [`Sums::hit_cost`] that is known from compiling exactly these objects. `None`
    /// if no cost is known.
    pub fn exact_share(&self) -> Option<f64> {
        Some(exact_share(self.exact_cost?, self.hit_cost?))
    }

    /// Returns the coverage over the builds whose number of calls is known.
    pub fn coverage(&self) -> Option<f64> {
        sccache::coverage(self.answered, 0, self.calls, Some(0))
    }
}

/// Returns the share of the hits in the cost of hits and misses. `None` if both cost nothing.
pub(super) fn hit_rate_by_cost(hits: TimeDelta, misses: TimeDelta) -> Option<f64> {
    let [hits, misses] = [hits, misses].map(TimeDelta::as_seconds_f64);
    (hits + misses > 0.0).then(|| hits / (hits + misses))
}

/// Returns the share of the exact cost in that of the hits: 1 without hits, because nothing is estimated
/// then.
pub(super) fn exact_share(exact: TimeDelta, hits: TimeDelta) -> f64 {
    let [exact, hits] = [exact, hits].map(TimeDelta::as_seconds_f64);
    if hits > 0.0 { exact / hits } else { 1.0 }
}

/// A package and the sums of its matching builds.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageRow {
    /// `CATEGORY/PN`.
    pub package: String,
    /// The host, if the row has only its builds.
    pub host: Option<String>,
    /// The sums of the matching builds.
    pub sums: Sums,
    /// Start of the oldest build.
    pub first_at: DateTime<Utc>,
    /// Start of the newest build.
    pub last_at: DateTime<Utc>,
    /// Version of the newest build.
    pub last_version: String,
    /// Hits of the newest build.
    pub last_hits: Option<u64>,
    /// Misses of the newest build.
    pub last_misses: Option<u64>,
}

impl PackageRow {
    /// Returns the hit rate of the newest build.
    pub fn last_hit_rate(&self) -> Option<f64> {
        sccache::hit_rate(self.last_hits?, self.last_misses?)
    }

    /// Returns the hit rate of all builds except the newest, if there are any.
    pub fn earlier_hit_rate(&self) -> Option<f64> {
        let hits = self.sums.hits?.checked_sub(self.last_hits?)?;
        let misses = self.sums.misses?.checked_sub(self.last_misses?)?;
        sccache::hit_rate(hits, misses)
    }
}

/// An emerge command and the sums of its matching builds.
#[derive(Clone, Debug, PartialEq)]
pub struct EmergeRow {
    /// Globally unique.
    pub id: Uuid,
    /// The host that ran the command.
    pub host: String,
    /// The command line.
    pub command: String,
    /// The start of the command.
    pub started_at: DateTime<Utc>,
    /// The sums of the matching builds.
    pub sums: Sums,
}

/// A host and the sums of its matching builds.
#[derive(Clone, Debug, PartialEq)]
pub struct HostRow {
    /// Its name.
    pub host: String,
    /// The sums of the matching builds.
    pub sums: Sums,
    /// Start of the newest build.
    pub last_at: DateTime<Utc>,
}

/// The counts of a build, to compare the versions of a package. They are `None` if unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuildCounts {
    /// The row id.
    pub id: i64,
    /// The name of the host.
    pub host: String,
    /// `PVR`.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Compilations answered from the cache.
    pub hits: Option<u64>,
    /// Compilations not found in the cache.
    pub misses: Option<u64>,
    /// An estimate, as [`super::BuildRow::time_saved`].
    pub time_saved: Option<TimeDelta>,
}

/// The sums of one build, or of the builds of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedSums {
    /// Start of the build or of the hour.
    pub started_at: DateTime<Utc>,
    /// The sums of the matching builds.
    pub sums: Sums,
}
