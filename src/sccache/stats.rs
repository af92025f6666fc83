//! The statistics of one sccache server, whatever version printed them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::unique::unique_keys;

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
    /// Errors while handling a request (`cache_errors`); counted as misses too. Of what a phase
    /// counted, hits and misses alone are always known: without them there are no numbers at all.
    pub errors: Option<Counts>,
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
    /// Compilers run (`compilations`, 0.9.0+). A compiler that fails on a source (gcc on a
    /// syntax error, 0.9.1 ... 0.16.0) may be in `compile_failures` and not in here.
    pub compilations: Option<u64>,
    /// Compilers that failed (`compile_fails`).
    pub compile_failures: Option<u64>,
    /// Seconds spent writing to the cache, in all (`cache_write_duration`). Unknown before
    /// 0.4, which puts the compilers' time there, and from the text, which has the average
    /// and not the `writes` that it is the average of.
    pub write_seconds: Option<f64>,
    /// Seconds spent reading hits, in all (`cache_read_hit_duration`); hashing and
    /// preprocessing are not in it. From the text it is average x hits, and so rounded down.
    pub read_hit_seconds: Option<f64>,
    /// Seconds spent in compilers, in all (`compiler_write_duration`, before 0.4
    /// `cache_read_miss_duration`). From the text it is average x `compilations`
    /// (before 0.9: x misses), and so rounded down.
    pub compiler_seconds: Option<f64>,
    /// Seconds of processor time, user and system, of all that the server ran and that had ended:
    /// compilers, preprocessors. Not from sccache, but from what the kernel says of the server's
    /// process ([`Listener::children_seconds`](super::Listener::children_seconds)); unknown where
    /// nobody looked, and where compilers ran on other machines.
    pub processor_seconds: Option<f64>,
    /// Why requests were not cacheable, and how many (`not_cached`).
    #[serde(deserialize_with = "unique_keys")]
    pub not_cached: BTreeMap<String, u64>,
    /// Compilations distributed, per server (`dist_compiles`).
    #[serde(deserialize_with = "unique_keys")]
    pub dist_compiles: BTreeMap<String, u64>,
    /// Distributed compilations that failed and ran here instead (`dist_errors`).
    pub dist_errors: Option<u64>,
    /// Where the cache is, as sccache prints it: `Local disk: "/var/cache/sccache"`.
    pub cache_location: Option<String>,
    /// The levels of a multi-level cache, nearest first (`multi_level`, 0.15+). Empty for
    /// an ordinary cache.
    pub levels: Vec<Level>,
    /// Directories whose names are left out of keys (`basedirs`, 0.14+). In the text they
    /// are joined by `, `, and so a name that contains it is read as two.
    pub base_directories: Option<Vec<String>>,
    /// Bytes in the cache. From the text rounded to whole KiB, MiB, GiB ...: never exact.
    pub cache_size: Option<u64>,
    /// Bytes the cache may grow to. From the text rounded likewise.
    pub max_cache_size: Option<u64>,
    /// Whether preprocessor cache mode ("direct mode") is on (`use_preprocessor_cache_mode`).
    pub preprocessor_cache_mode: Option<bool>,
    /// sccache's version, such as `0.16.0`.
    #[serde(deserialize_with = "deserialize_version")]
    pub version: Option<String>,
    /// Lines or fields that no known version prints, as they were, for one warning.
    pub unrecognized: Vec<String>,
}

impl Stats {
    /// All errors, of whatever language.
    pub fn errors_total(&self) -> Option<u64> {
        self.errors.as_ref().map(|errors| errors.total)
    }
}

/// Returns `text` if it looks like a version: digits and dots, then perhaps `-` and a suffix. Anything
/// else may be a formula to a spreadsheet, or a terminal's command.
pub(super) fn version(text: &str) -> Option<String> {
    let (number, suffix) = text.split_once('-').unwrap_or((text, ""));
    let is_number = number.starts_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_suffix = |b: u8| b.is_ascii_alphanumeric() || b".+-".contains(&b);
    let is_version = text.len() <= 32 && is_number && suffix.bytes().all(is_suffix);
    is_version.then(|| text.to_string())
}

fn deserialize_version<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| version(&text)))
}

/// A count with what it divides into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// All of it. The texts of some versions print only this.
    pub total: u64,
    /// Per language: `Rust`, `C/C++`, `CUDA` ... (`counts`).
    #[serde(deserialize_with = "unique_keys")]
    pub languages: BTreeMap<String, u64>,
    /// Per language and compiler: `rust`, `c [gcc]` ... (`adv_counts`, 0.6+; as sccache
    /// names them).
    #[serde(deserialize_with = "unique_keys")]
    pub compilers: BTreeMap<String, u64>,
}

/// What one level of a multi-level cache did (`LevelStats` in sccache's
/// `src/cache/multilevel.rs`, 0.15+). `None` is unknown, which is not 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Level {
    /// `L0 (disk)`, as sccache names it.
    pub name: String,
    /// Where it is, as sccache prints it: `Local disk: "/var/cache/sccache"`.
    pub location: Option<String>,
    /// Requests answered from this level.
    pub hits: Option<u64>,
    /// Requests that this level was asked and had no answer for.
    pub misses: Option<u64>,
    /// Objects written to this level.
    pub writes: Option<u64>,
    /// Objects that could not be written to this level.
    pub write_failures: Option<u64>,
    /// Objects copied from this level to a nearer one.
    pub backfills_from: Option<u64>,
    /// Objects copied to this level from a farther one.
    pub backfills_to: Option<u64>,
    /// Seconds spent reading hits, in all; from the text average x hits, rounded down.
    pub hit_seconds: Option<f64>,
    /// Seconds spent writing, in all; from the text average x writes, rounded down.
    pub write_seconds: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_are_versions() {
        for good in ["0.16.0", "1", "0.8.0-pre.1", "0.10.0-dev+a1"] {
            assert_eq!(version(good).as_deref(), Some(good));
        }
        let long = "1".repeat(33);
        for bad in [
            "",
            "=1+1",
            "+1",
            "-1",
            "@1",
            ".1",
            "1 2",
            "1-\u{1b}[2J",
            "0.1-=cmd",
            &long,
        ] {
            assert_eq!(version(bad), None, "{bad}");
        }
        let stats: Stats = serde_json::from_str(r#"{"version": "=1+1"}"#).unwrap();
        assert_eq!(stats.version, None);
    }
}
