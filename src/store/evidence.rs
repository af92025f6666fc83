//! The facts about builds that advice is based on.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::Row;
use uuid::Uuid;

use super::columns::{read_time, read_uuid};
use super::filter::Filter;
use super::{EvictionCause, ReasonSum, Result, StablePathEffect, Store};
use crate::portage::Outcome;
use crate::sccache::NotMeasuredReason;
use crate::sccache::compilations::MissReason;

/// The facts about one build. A count is the sum over the build's measured phases, and `None` if no
/// phase has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The build's globally unique ID.
    pub id: Uuid,
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`.
    pub version: String,
    /// The host.
    pub host: String,
    /// How the build ended.
    pub outcome: Outcome,
    /// When the build started.
    pub started_at: DateTime<Utc>,
    /// Compilations answered from the cache. `None` if no phase was measured.
    pub hits: Option<u64>,
    /// Compilations not found in the cache.
    pub misses: Option<u64>,
    /// Misses that sccache should have stored: without errors, compilations that can't be cached, and
    /// misses in phases with a read-only cache.
    pub storable_misses: u64,
    /// executed + non-cacheable calls.
    pub calls: Option<u64>,
    /// Errors reading the cache.
    pub read_errors: Option<u64>,
    /// Errors writing to the cache, without those of phases with a read-only cache.
    pub write_errors: Option<u64>,
    /// Objects written to the cache.
    pub writes: Option<u64>,
    /// Misses forced by `SCCACHE_RECACHE`. 0 in phases with distributed compilations, because sccache
    /// counts those as forced itself.
    pub forced_misses: u64,
    /// The cache at the end of the last phase that knows its size.
    pub cache: Option<CacheState>,
    /// Calls that were not cacheable, by sccache's reason.
    pub not_cached: BTreeMap<String, u64>,
    /// Why phases were not measured.
    pub not_measured: Vec<NotMeasuredReason>,
    /// Why compilations missed; empty if that is unknown.
    pub miss_reasons: Vec<ReasonSum>,
    /// What stable paths changed, or would have changed.
    pub stable_paths: StablePathEffect,
    /// Why the cache lost the objects of misses with the reason `evicted`.
    pub eviction_cause: EvictionCause,
}

/// How full a cache was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheState {
    /// The location as sccache prints it.
    pub location: Option<String>,
    /// Size in bytes.
    pub size: u64,
    /// The size in bytes that sccache keeps the cache below.
    pub max_size: u64,
}

impl CacheState {
    /// A cache filled to this fraction is full: sccache removes the oldest objects before it writes one that
    /// doesn't fit, so a full cache stays below its limit.
    pub const FULL: f64 = 0.9;

    /// Reads the location, the size and the maximum from the first columns. The sizes have to be known.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<CacheState> {
        Ok(CacheState {
            location: row.get(0)?,
            size: row.get(1)?,
            max_size: row.get(2)?,
        })
    }

    /// Returns the used fraction: 0 to 1, or slightly more.
    pub fn fill(&self) -> Option<f64> {
        (self.max_size > 0).then(|| self.size as f64 / self.max_size as f64)
    }

    /// Compares how full two caches are. One without a limit is the least full.
    pub fn compare_fill(&self, other: &Self) -> Ordering {
        let [this, other] = [self, other].map(|cache| cache.fill().unwrap_or(-1.0));
        this.total_cmp(&other)
    }
}

impl Evidence {
    /// Returns hits + misses.
    pub fn compilations(&self) -> u64 {
        let (hits, misses) = (self.hits.unwrap_or(0), self.misses.unwrap_or(0));
        hits.saturating_add(misses)
    }
}

impl Store {
    /// Returns the evidence of the builds that pass the filter, the newest last. The time it takes
    /// grows with the number of builds: limit it with [`Filter::last`].
    ///
    /// # Errors
    /// [`crate::Error::Damaged`], [`crate::Error::Locked`].
    pub fn evidence(&self, filter: &Filter) -> Result<Vec<Evidence>> {
        // CROSS JOIN keeps this order of tables, from the few builds to their phases. The cache is the
        // one of the phase with the highest position: if a query has one max(), SQLite takes the
        // columns outside of aggregates from the row with the maximum.
        let query = filter.query(
            "SELECT build.uuid, build.package, build.version, build.outcome,
                build.started_at_us, build.hits, build.misses,
                build.executed + build.non_cacheable,
                sum(phase.read_errors),
                sum(iif(phase.is_cache_read_only, NULL, phase.write_errors)),
                sum(phase.writes),
                max(0, coalesce(build.misses, 0) - coalesce(build.errors, 0)
                    - coalesce(sum(phase.non_cacheable_compilations), 0)
                    - coalesce(sum(iif(phase.is_cache_read_only, phase.misses, 0)), 0)),
                coalesce(sum(iif(coalesce(phase.dist_errors, 0) = 0 AND phase.dist_compiles IS NULL,
                    phase.forced_recaches, 0)), 0),
                group_concat(phase.not_measured_reason),
                (SELECT json_group_object(reason, calls) FROM
                    (SELECT reason, sum(not_cached.calls) AS calls
                     FROM phase CROSS JOIN not_cached ON not_cached.phase_id = phase.id
                     WHERE phase.build_id = build.id GROUP BY reason)),
                phase.cache_location, phase.cache_size_bytes, phase.max_cache_size_bytes,
                max(iif(phase.cache_size_bytes + phase.max_cache_size_bytes IS NULL,
                    NULL, phase.position)),
                build.host
             FROM matching
             CROSS JOIN build ON build.id = matching.id
             LEFT JOIN phase ON phase.build_id = build.id
             GROUP BY build.id
             ORDER BY build.started_at_us, build.uuid",
        );
        let mut builds = self.query(&query.sql, &*query.params(), read_evidence)?;
        let mut reasons = self.miss_reasons(filter)?;
        let effects = self.stable_path_effects(filter)?;
        let has_evicted = |reasons: &[ReasonSum]| {
            let mut reasons = reasons.iter().map(|sum| sum.reason);
            reasons.any(|reason| reason == MissReason::Evicted)
        };
        let mut evicting = Vec::new();
        for build in &mut builds {
            build.stable_paths = effects.get(&build.id).copied().unwrap_or_default();
            build.miss_reasons = reasons.remove(&build.id).unwrap_or_default();
            if has_evicted(&build.miss_reasons) {
                evicting.push(build.id);
            }
        }
        let mut causes = self.eviction_causes(&evicting)?;
        for build in &mut builds {
            build.eviction_cause = causes.remove(&build.id).unwrap_or_default();
        }
        Ok(builds)
    }
}

fn read_evidence(row: &Row<'_>) -> rusqlite::Result<Evidence> {
    let not_measured: Option<String> = row.get(13)?;
    let reasons = not_measured.iter().flat_map(|codes| codes.split(','));
    let not_cached: String = row.get(14)?;
    let location = row.get(15)?;
    let size: Option<u64> = row.get(16)?;
    let max_size: Option<u64> = row.get(17)?;
    Ok(Evidence {
        id: read_uuid(row, 0)?,
        package: row.get(1)?,
        version: row.get(2)?,
        outcome: row.get(3)?,
        started_at: read_time(row, 4)?,
        hits: row.get(5)?,
        misses: row.get(6)?,
        calls: row.get(7)?,
        read_errors: row.get(8)?,
        write_errors: row.get(9)?,
        writes: row.get(10)?,
        storable_misses: row.get(11)?,
        forced_misses: row.get(12)?,
        not_measured: reasons.map(NotMeasuredReason::from_code).collect(),
        cache: size.zip(max_size).map(|(size, max_size)| CacheState {
            location,
            size,
            max_size,
        }),
        not_cached: serde_json::from_str(&not_cached).unwrap_or_default(),
        miss_reasons: Vec::new(),
        stable_paths: StablePathEffect::default(),
        eviction_cause: EvictionCause::Unknown,
        host: row.get(19)?,
    })
}
