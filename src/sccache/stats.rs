//! The statistics of one sccache server, whatever version printed them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one sccache server counted since it started.
///
/// `None` means that the version that printed the statistics said nothing about it:
/// unknown, which is not 0. Names follow sccache's own (`ServerStats` in its
/// `src/server.rs`); where one differs, the doc says what sccache calls it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Requests from clients (`compile_requests`). 0 in client-side mode (0.17+), in
    /// which everything else is counted right.
    pub requests: Option<u64>,
    /// Requests that were compilations sccache could try to cache (`requests_executed`).
    pub executed: Option<u64>,
    /// Requests with a compiler that sccache doesn't know (`requests_unsupported_compiler`).
    pub unsupported_compiler: Option<u64>,
    /// Requests that weren't compilations, such as `rustc -vV` (`requests_not_compile`).
    pub non_compilation: Option<u64>,
    /// Requests that sccache can't cache, such as a link (`requests_not_cacheable`).
    pub non_cacheable: Option<u64>,
    /// Answered from the cache (`cache_hits`).
    pub hits: Counts,
    /// Not found in the cache (`cache_misses`).
    pub misses: Counts,
    /// Errors while handling a request (`cache_errors`); counted as misses too.
    pub errors: Counts,
    /// Misses because the cache took too long to answer (`cache_timeouts`).
    pub timeouts: Option<u64>,
    /// Errors reading the cache (`cache_read_errors`).
    pub read_errors: Option<u64>,
    /// Errors writing to the cache (`cache_write_errors`).
    pub write_errors: Option<u64>,
    /// Objects written to the cache (`cache_writes`).
    pub writes: Option<u64>,
    /// Misses forced by `SCCACHE_RECACHE` (`forced_recaches`).
    pub forced_recaches: Option<u64>,
    /// Compilations that succeeded and couldn't be cached (`non_cacheable_compilations`).
    pub non_cacheable_compilations: Option<u64>,
    /// Compilers run (`compilations`, 0.9.0+), failed ones included.
    pub compilations: Option<u64>,
    /// Compilers that failed (`compile_fails`).
    pub compile_failures: Option<u64>,
    /// Seconds spent writing to the cache, in all (`cache_write_duration`).
    pub write_seconds: Option<f64>,
    /// Seconds spent reading hits, in all (`cache_read_hit_duration`); hashing and
    /// preprocessing are not in it.
    pub read_hit_seconds: Option<f64>,
    /// Seconds spent in compilers, in all (`compiler_write_duration`, before 0.4
    /// `cache_read_miss_duration`). From the text it is average x count, and so rounded.
    pub compiler_seconds: Option<f64>,
    /// Why requests were not cacheable, and how many (`not_cached`).
    pub not_cached: BTreeMap<String, u64>,
    /// Compilations distributed, per server (`dist_compiles`).
    pub dist_compiles: BTreeMap<String, u64>,
    /// Distributed compilations that failed and ran here instead (`dist_errors`).
    pub dist_errors: Option<u64>,
    /// Where the cache is, as sccache prints it: `Local disk: "/var/cache/sccache"`.
    pub cache_location: Option<String>,
    /// Bytes in the cache.
    pub cache_size: Option<u64>,
    /// Bytes the cache may grow to.
    pub max_cache_size: Option<u64>,
    /// Whether preprocessor cache mode ("direct mode") is on (`use_preprocessor_cache_mode`).
    pub preprocessor_cache_mode: Option<bool>,
    /// sccache's version, such as `0.16.0`.
    pub version: Option<String>,
    /// Lines or fields that no known version prints, as they were, for one warning.
    pub unrecognized: Vec<String>,
}

/// A count with what it divides into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// All of it. The texts of some versions print only this.
    pub total: u64,
    /// Per language: `Rust`, `C/C++`, `CUDA` ... (`counts`).
    pub languages: BTreeMap<String, u64>,
    /// Per language and compiler: `rust`, `c [gcc]` ... (`adv_counts`, 0.5+; as sccache
    /// names them).
    pub compilers: BTreeMap<String, u64>,
}
