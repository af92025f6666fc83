//! What advice rests on: of each build what it shows of the cache and its settings.

mod query;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::portage::{Attribution, Outcome, Phase};
use crate::sccache::NotMeasuredReason;

/// One build as evidence. Counts are sums over its measured phases, and `None` where no
/// phase knows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Globally unique.
    pub id: Uuid,
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`.
    pub version: String,
    /// The version of the build before it, of the same package and slot on the same host,
    /// that was measured; `None` where there is none, or where this one was not measured.
    pub previous_version: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// `None` where sccache ran in no phase.
    pub attribution: Option<Attribution>,
    /// The latest version that any of its phases named.
    pub sccache_version: Option<String>,
    /// Answered from the cache; `None` where nothing was measured.
    pub hits: Option<u64>,
    /// Not found in the cache.
    pub misses: Option<u64>,
    /// Errors while handling a request.
    pub errors: Option<u64>,
    /// executed + non-cacheable calls.
    pub calls: Option<u64>,
    /// Errors reading the cache.
    pub read_errors: Option<u64>,
    /// Errors writing to the cache.
    pub write_errors: Option<u64>,
    /// Objects written to the cache.
    pub writes: Option<u64>,
    /// Compilations that succeeded and couldn't be cached.
    pub non_cacheable_compilations: Option<u64>,
    /// Misses in phases with a read-only cache, which were not meant to be written. The write errors
    /// of these phases are left out of `write_errors`.
    pub read_only_misses: u64,
    /// The cache as its last phase that knows left it.
    pub cache: Option<CacheState>,
    /// Misses forced by `SCCACHE_RECACHE`. Not counted where compilations were distributed: sccache
    /// forces a second look at those by itself.
    pub forced: u64,
    /// Hits and misses by language.
    pub languages: BTreeMap<String, (u64, u64)>,
    /// Why calls were not cacheable, in sccache's words.
    pub not_cached: BTreeMap<String, u64>,
    /// The phases that were not measured, and why.
    pub not_measured: Vec<(String, NotMeasuredReason)>,
}

/// How full a cache was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheState {
    /// Where, as sccache prints it.
    pub location: Option<String>,
    /// Bytes in it.
    pub size: u64,
    /// Bytes it may grow to.
    pub max_size: u64,
}

impl CacheState {
    /// How much of it is used, from 0 to 1 and a little more.
    pub fn fill(&self) -> Option<f64> {
        (self.max_size > 0).then(|| self.size as f64 / self.max_size as f64)
    }
}

impl Evidence {
    /// Adds what one of its phases shows.
    fn add(&mut self, phase: &Phase) {
        let stats = match &phase.stats {
            Ok(stats) => stats,
            Err(why) => {
                self.not_measured.push((phase.name.clone(), why.reason));
                return;
            }
        };
        let write_errors = if phase.read_only {
            self.add_read_only(stats.misses.total)
        } else {
            stats.write_errors
        };
        self.add_counts([
            stats.read_errors,
            write_errors,
            stats.writes,
            stats.non_cacheable_compilations,
        ]);
        let location = stats.cache_location.clone();
        self.add_cache(location, stats.cache_size, stats.max_cache_size);
        for (language, hits) in &stats.hits.languages {
            self.add_language(language.clone(), *hits, 0);
        }
        for (language, misses) in &stats.misses.languages {
            self.add_language(language.clone(), 0, *misses);
        }
        for (reason, count) in &stats.not_cached {
            self.add_reason(reason.clone(), *count);
        }
        if stats.dist_compiles.is_empty() && stats.dist_errors.unwrap_or(0) == 0 {
            self.forced += stats.forced_recaches.unwrap_or(0);
        }
    }

    /// Returns what a phase with a read-only cache adds to the write errors.
    fn add_read_only(&mut self, misses: u64) -> Option<u64> {
        self.read_only_misses = self.read_only_misses.saturating_add(misses);
        None
    }

    fn add_counts(&mut self, counts: [Option<u64>; 4]) {
        let sums = [
            &mut self.read_errors,
            &mut self.write_errors,
            &mut self.writes,
            &mut self.non_cacheable_compilations,
        ];
        for (sum, more) in sums.into_iter().zip(counts) {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        }
    }

    fn add_cache(&mut self, location: Option<String>, size: Option<u64>, max_size: Option<u64>) {
        if let (Some(size), Some(max_size)) = (size, max_size) {
            self.cache = Some(CacheState {
                location,
                size,
                max_size,
            });
        }
    }

    fn add_language(&mut self, language: String, hits: u64, misses: u64) {
        let sum = self.languages.entry(language).or_default();
        *sum = (sum.0.saturating_add(hits), sum.1.saturating_add(misses));
    }

    fn add_reason(&mut self, reason: String, count: u64) {
        let sum = self.not_cached.entry(reason).or_default();
        *sum = sum.saturating_add(count);
    }
}
