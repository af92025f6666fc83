//! What Prometheus gets: counters that never decrease, and sums over the most recent hours.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::columns::{micros, read_duration, read_time};
use super::stored_sums::HOUR;
use super::{CacheState, Result, Store};
use crate::portage::Outcome;

/// How many of the newest builds are searched for the size of the cache, and for the latest end.
const NEWEST_BUILDS: u32 = 1000;

/// A counter of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CounterName {
    /// Builds, by outcome.
    Builds,
    /// Hits and misses, by language, and over all languages.
    Lookups,
    /// Hits, as lookups.
    Hits,
    /// Errors of lookups, as lookups.
    LookupErrors,
    /// Executed and non-cacheable calls, where both are known.
    CompilerCalls,
    /// Hits and misses among these calls.
    CompilerCallsCacheable,
    /// Phases, by whether they were measured.
    Phases,
    /// Errors of the cache, by operation.
    CacheErrors,
    /// Misses, by reason.
    Misses,
    /// Microseconds of processor time of compiling, by result.
    LookupCost,
}

impl CounterName {
    /// Every counter.
    pub const ALL: [Self; 10] = [
        Self::Builds,
        Self::Lookups,
        Self::Hits,
        Self::LookupErrors,
        Self::CompilerCalls,
        Self::CompilerCallsCacheable,
        Self::Phases,
        Self::CacheErrors,
        Self::Misses,
        Self::LookupCost,
    ];

    /// Returns the name in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Builds => "builds",
            Self::Lookups => "lookups",
            Self::Hits => "hits",
            Self::LookupErrors => "lookup_errors",
            Self::CompilerCalls => "compiler_calls",
            Self::CompilerCallsCacheable => "compiler_calls_cacheable",
            Self::Phases => "phases",
            Self::CacheErrors => "cache_errors",
            Self::Misses => "misses",
            Self::LookupCost => "lookup_cost_us",
        }
    }
}

/// Counts of everything that was ever recorded or merged, also of builds that were removed, but not of imported ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, BTreeMap<String, u64>>);

impl Counters {
    /// Returns a counter. A label that was never recorded counts 0.
    pub fn get(&self, name: CounterName, label: &str) -> u64 {
        let labels = self.0.get(name.word());
        labels.and_then(|it| it.get(label)).copied().unwrap_or(0)
    }

    /// Returns the labels of a counter, sorted, without the one of its sum.
    pub fn labels(&self, name: CounterName) -> impl Iterator<Item = &str> {
        let labels = self.0.get(name.word()).into_iter().flatten();
        labels
            .map(|(label, _)| label.as_str())
            .filter(|label| !label.is_empty())
    }
}

/// A package, or several: counts as [`Counters`], and the time saved by the builds
/// that are in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageCounters {
    /// Number of builds.
    pub builds: u64,
    /// Hits and misses.
    pub lookups: u64,
    /// Compilations answered from the cache.
    pub hits: u64,
    /// The sum of the estimates; `None` if builds are there, but no estimate.
    pub time_saved: Option<TimeDelta>,
}

impl PackageCounters {
    /// Adds the counters of another package.
    pub fn add(&mut self, other: &Self) {
        self.builds += other.builds;
        self.lookups += other.lookups;
        self.hits += other.hits;
        self.time_saved = match (self.time_saved, other.time_saved) {
            (Some(a), Some(b)) => a.checked_add(&b),
            (a, b) => a.or(b),
        };
    }
}

/// The sums of the builds that started within some hours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentSums {
    /// The number of builds with each outcome.
    pub builds: [(Outcome, u64); 4],
    /// Compilations answered from the cache.
    pub hits: u64,
    /// Hits and misses.
    pub lookups: u64,
    /// The sum of the estimates; `None` if builds are there, but no estimate.
    pub time_saved: Option<TimeDelta>,
}

impl Store {
    /// Returns the counters.
    ///
    /// # Errors
    /// [`crate::Error::Damaged`], [`crate::Error::Locked`].
    pub fn counters(&self) -> Result<Counters> {
        let mut counters = Counters::default();
        self.each_row("SELECT name, label, total FROM counter", (), |row| {
            let labels = counters.0.entry(row.get(0)?).or_default();
            labels.insert(row.get(1)?, row.get(2)?);
            Ok(())
        })?;
        Ok(counters)
    }

    /// Returns the counters of each package.
    ///
    /// # Errors
    /// As [`Store::counters`].
    pub fn package_counters(&self) -> Result<BTreeMap<String, PackageCounters>> {
        let sql = "SELECT package, package_counter.builds, package_counter.lookups,
                package_counter.hits,
                CASE WHEN estimated_builds > 0 THEN time_saved_us
                    WHEN ifnull(package_sum.builds, 0) = 0 THEN 0 END
             FROM package_counter LEFT JOIN package_sum USING (package)";
        let rows = self.query(sql, (), |row| {
            let counters = PackageCounters {
                builds: row.get(1)?,
                lookups: row.get(2)?,
                hits: row.get(3)?,
                time_saved: read_duration(row, 4)?,
            };
            Ok((row.get(0)?, counters))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// Returns the time that the builds in the database saved; `None` if there are builds, but no estimate.
    ///
    /// # Errors
    /// As [`Store::counters`].
    pub fn time_saved(&self) -> Result<Option<TimeDelta>> {
        let sql = "SELECT CASE WHEN total(estimated_builds) > 0 THEN sum(time_saved_us)
                WHEN total(builds) = 0 THEN 0 END
             FROM package_sum";
        let rows = self.query(sql, (), |row| read_duration(row, 0))?;
        Ok(rows.into_iter().next().flatten())
    }

    /// Returns the sums of the builds that started from the hour of `since` on, and before that of
    /// `until`. Reads no build.
    ///
    /// # Errors
    /// As [`Store::counters`].
    pub fn recent_sums(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<RecentSums> {
        let hours = [since, until].map(|time| micros(time).div_euclid(HOUR));
        let sql = "SELECT ifnull(sum(builds), 0), ifnull(sum(packaged_builds), 0),
                ifnull(sum(failed_builds), 0), ifnull(sum(interrupted_builds), 0),
                ifnull(sum(hits), 0), ifnull(sum(misses), 0),
                CASE WHEN total(estimated_builds) > 0 THEN sum(time_saved_us)
                    WHEN total(builds) = 0 THEN 0 END
             FROM hour_sum WHERE hour >= ? AND hour < ?";
        let rows = self.query(sql, hours, |row| {
            let [builds, packaged, failed, interrupted]: [u64; 4] =
                [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
            let [hits, misses]: [u64; 2] = [row.get(4)?, row.get(5)?];
            let merged = builds.saturating_sub(packaged + failed + interrupted);
            Ok(RecentSums {
                builds: [
                    (Outcome::Merged, merged),
                    (Outcome::Packaged, packaged),
                    (Outcome::Failed, failed),
                    (Outcome::Interrupted, interrupted),
                ],
                hits,
                lookups: hits.saturating_add(misses),
                time_saved: read_duration(row, 6)?,
            })
        })?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// Returns the latest end of the newest builds that started before `until`.
    ///
    /// # Errors
    /// As [`Store::counters`].
    pub fn last_finished(&self, until: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        let sql = "SELECT max(finished_at_us) FROM (SELECT finished_at_us FROM build
                WHERE started_at_us < ? ORDER BY started_at_us DESC, uuid DESC LIMIT ?)
             HAVING count(*) > 0";
        let rows = self.query(sql, (micros(until), NEWEST_BUILDS), |row| read_time(row, 0))?;
        Ok(rows.into_iter().next())
    }

    /// Returns the size of the cache at the end of the host's last phase that reported it, if one of the newest
    /// builds that started before `until` did.
    ///
    /// # Errors
    /// As [`Store::counters`].
    pub fn cache_state(&self, host: &str, until: DateTime<Utc>) -> Result<Option<CacheState>> {
        let sql = "SELECT cache_location, cache_size_bytes, max_cache_size_bytes
             FROM (SELECT id, uuid, started_at_us FROM build
                WHERE host = ? AND started_at_us < ?
                ORDER BY started_at_us DESC, uuid DESC LIMIT ?) AS newest
             CROSS JOIN phase ON phase.build_id = newest.id
             WHERE cache_size_bytes IS NOT NULL AND max_cache_size_bytes IS NOT NULL
             ORDER BY newest.started_at_us DESC, newest.uuid DESC, position DESC LIMIT 1";
        let rows = self.query(sql, (host, micros(until), NEWEST_BUILDS), CacheState::read)?;
        Ok(rows.into_iter().next())
    }
}
