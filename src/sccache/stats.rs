//! The statistics of one sccache server, whatever version printed them.
//!
//! Each number is declared once, in `statistics!`. Sums, differences, sccache's JSON and text, the
//! database's columns, and the JSON of reports follow from the declaration. A new number needs a
//! line here and a column in `migrations/`.

mod arithmetic;
mod level;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

pub use level::Level;

/// A number that not every version of sccache prints.
pub(crate) struct Field<T> {
    /// The field of [`Stats`], which is also the database's column and the key in reports.
    pub name: &'static str,
    /// The name in sccache's text; empty if the text doesn't have the number.
    pub label: &'static str,
    pub get: fn(&Stats) -> Option<T>,
    pub get_mut: fn(&mut Stats) -> &mut Option<T>,
    /// For a time, the number of calls that the text's average is over.
    pub calls: fn(&Stats) -> Option<u64>,
}

/// Declares [`Stats`], the tables of its counters and times, and the struct that reads both from
/// sccache's JSON.
///
/// - a counter: `field: "name in sccache's JSON", "name in its text";`
/// - a time: `field: [serde attributes], "name in its text", calls that the text's average is over;`
macro_rules! statistics {
    (
        $(#[$stats_doc:meta])*
        Stats
        counters { $($(#[$counter_doc:meta])* $counter:ident: $key:literal, $counter_label:literal;)* }
        seconds { $($(#[$time_doc:meta])* $time:ident: [$($attribute:tt)*], $time_label:literal, $calls:expr;)* }
        others { $($(#[$other_doc:meta])* $other:ident: $Other:ty,)* }
        others_in_json { $($(#[$json_attribute:meta])* $json:ident: $JsonOther:ty,)* }
    ) => {
        $(#[$stats_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Stats {
            $($(#[$counter_doc])* pub $counter: Option<u64>,)*
            $($(#[$time_doc])* pub $time: Option<f64>,)*
            $($(#[$other_doc])* pub $other: $Other,)*
        }

        impl Stats {
            /// The counters, in the order of sccache's text.
            pub(crate) const COUNTERS: &'static [Field<u64>] = &[$(Field {
                name: stringify!($counter),
                label: $counter_label,
                get: |stats| stats.$counter,
                get_mut: |stats| &mut stats.$counter,
                calls: |_| None,
            },)*];
            /// The times, in seconds.
            pub(crate) const SECONDS: &'static [Field<f64>] = &[$(Field {
                name: stringify!($time),
                label: $time_label,
                get: |stats| stats.$time,
                get_mut: |stats| &mut stats.$time,
                calls: $calls,
            },)*];
        }

        /// `ServerStats` in sccache's JSON.
        #[derive(Deserialize)]
        pub(super) struct ServerStats {
            $(#[serde(rename = $key)] $counter: Option<u64>,)*
            $(#[serde($($attribute)*)] $time: Option<Duration>,)*
            $($(#[$json_attribute])* pub $json: Option<$JsonOther>,)*
        }

        impl ServerStats {
            /// Returns the counters and times, and nothing else.
            pub fn numbers(&self) -> Stats {
                Stats {
                    $($counter: self.$counter,)*
                    $($time: self.$time.map(|time| time.as_secs_f64()),)*
                    ..Stats::default()
                }
            }
        }
    };
}

statistics! {
    /// What one sccache server counted since it started.
    ///
    /// `None` means that the version that printed the statistics doesn't print the number: unknown,
    /// which is not 0. Names that differ from those of `ServerStats` in sccache's `src/server.rs`
    /// are declared with the JSON name.
    Stats

    counters {
        /// Requests from clients. 0 in client-side mode (0.17+), which counts everything else.
        requests: "compile_requests", "Compile requests";
        /// Requests that were compilations sccache could try to cache.
        executed: "requests_executed", "Compile requests executed";
        /// Misses because the cache took too long to answer.
        timeouts: "cache_timeouts", "Cache timeouts";
        /// Errors reading the cache.
        read_errors: "cache_read_errors", "Cache read errors";
        /// Misses forced by `SCCACHE_RECACHE`.
        forced_recaches: "forced_recaches", "Forced recaches";
        /// Errors writing to the cache.
        write_errors: "cache_write_errors", "Cache write errors";
        /// Compilers run (0.9.0+). A compiler that fails on a source (gcc on a syntax error,
        /// 0.9.1 to 0.16.0) may be counted in `compile_failures` only.
        compilations: "compilations", "Compilations";
        /// Compilers that failed.
        compile_failures: "compile_fails", "Compilation failures";
        /// Compilations that succeeded and couldn't be cached.
        non_cacheable_compilations: "non_cacheable_compilations", "Non-cacheable compilations";
        /// Requests that sccache can't cache, such as a link.
        non_cacheable: "requests_not_cacheable", "Non-cacheable calls";
        /// Requests that weren't compilations, such as `rustc -vV`.
        non_compilation: "requests_not_compile", "Non-compilation calls";
        /// Requests with a compiler that sccache doesn't know.
        unsupported_compiler: "requests_unsupported_compiler", "Unsupported compiler calls";
        /// Distributed compilations that failed and ran locally instead.
        dist_errors: "dist_errors", "Failed distributed compilations";
        /// Objects written to the cache.
        writes: "cache_writes", "";
    }

    // From the text: average x calls, so up to a millisecond per call too low.
    seconds {
        /// Seconds spent writing to the cache. Unknown before 0.4, which stores the compilers' time
        /// there, and from the text, which doesn't have the `writes` that it averages over.
        write_seconds: [rename = "cache_write_duration"], "Average cache write", |stats| stats.writes;
        /// Seconds spent in compilers. The text averages over `compilations`, before 0.9 over misses.
        compiler_seconds: [rename = "compiler_write_duration"], "Average compiler",
            |stats| Some(stats.compilations.unwrap_or(stats.misses.total));
        /// Seconds spent reading hits, without hashing and preprocessing.
        read_hit_seconds: [rename = "cache_read_hit_duration"], "Average cache read hit",
            |stats| Some(stats.hits.total);
        /// Seconds of processor time, user and system, of the compilers and preprocessors that the
        /// server ran and that ended. From the kernel
        /// ([`ProcessorTime::children`](super::ProcessorTime::children)), not from sccache.
        /// Unknown if compilers ran on other machines.
        processor_seconds: [skip], "", |_| None;
        /// Seconds of processor time of the server itself, also from the kernel.
        server_seconds: [skip], "", |_| None;
        /// Seconds of processor time of the clients: the number of requests times the processor time of
        /// one call of sccache by the collector.
        client_seconds: [skip], "", |_| None;
    }

    others {
        /// Compilations answered from the cache.
        hits: Counts,
        /// Compilations not found in the cache. Statistics without hits and misses are an error,
        /// so these two are always known.
        misses: Counts,
        /// Errors while handling a request. They are counted as misses too.
        errors: Option<Counts>,
        /// Requests that were not cacheable, by sccache's reason.
        not_cached: BTreeMap<String, u64>,
        /// Distributed compilations, by server.
        dist_compiles: BTreeMap<String, u64>,
        /// The location of the cache, as sccache prints it: `Local disk: "/var/cache/sccache"`.
        cache_location: Option<String>,
        /// The levels of a multi-level cache, the first one first (0.15+). sccache before 0.19 doesn't
        /// print them while one of them is read-only.
        levels: Vec<Level>,
        /// Bytes in the cache. From the text: rounded to whole KiB, MiB, GiB ...
        cache_size: Option<u64>,
        /// Bytes that the cache may grow to. From the text: rounded likewise.
        max_cache_size: Option<u64>,
        /// Whether preprocessor cache mode ("direct mode") is on (0.7+).
        preprocessor_cache_mode: Option<bool>,
        /// Directories whose names are left out of keys (0.14+). The text joins them with `, `, so
        /// a name that contains it is read as two.
        base_directories: Option<Vec<String>>,
        /// sccache's version, such as `0.16.0` (0.4+).
        #[serde(deserialize_with = "deserialize_version")]
        version: Option<String>,
        /// Lines or fields that no known version prints, for one warning.
        unrecognized: Vec<String>,
    }

    others_in_json {
        cache_hits: CountsInJson,
        cache_misses: CountsInJson,
        cache_errors: CountsInJson,
        not_cached: BTreeMap<String, u64>,
        dist_compiles: BTreeMap<String, u64>,
        cache_read_miss_duration: Duration,
        multi_level: serde_json::Value,
    }
}

/// A count with its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// The total. The texts of some versions print only this.
    pub total: u64,
    /// By language: `Rust`, `C/C++`, `CUDA` ...
    pub languages: BTreeMap<String, u64>,
    /// By language and compiler: `rust`, `c [gcc]` ... (0.6+).
    pub compilers: BTreeMap<String, u64>,
}

/// [`Counts`] in sccache's JSON.
#[derive(Deserialize)]
pub(super) struct CountsInJson {
    pub counts: Option<BTreeMap<String, u64>>,
    pub adv_counts: Option<BTreeMap<String, u64>>,
}

/// The counts of a language or compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub name: String,
    pub hits: u64,
    pub misses: u64,
    pub errors: Option<u64>,
}

impl Stats {
    /// Returns the errors of all languages.
    pub fn errors_total(&self) -> Option<u64> {
        self.errors.as_ref().map(|errors| errors.total)
    }

    /// Returns hits, misses, and errors if they are known.
    pub(crate) fn split_counts(&self) -> impl Iterator<Item = &Counts> {
        [&self.hits, &self.misses].into_iter().chain(&self.errors)
    }

    /// Removes user and password from the URLs of locations: sccache prints that of `SCCACHE_REDIS` as
    /// it is (0.16.0 and 0.19.0, tested). A password can contain `@`.
    pub(super) fn remove_credentials(&mut self) {
        let levels = self.levels.iter_mut().flat_map(|level| &mut level.location);
        for location in levels.chain(&mut self.cache_location) {
            if let Some((kind, rest)) = location.split_once("://")
                && let Some((_, rest)) = rest.rsplit_once('@')
            {
                *location = format!("{kind}://{rest}");
            }
        }
    }

    /// Returns every map of names to counts.
    pub(crate) fn maps_mut(&mut self) -> impl Iterator<Item = &mut BTreeMap<String, u64>> {
        let split = [&mut self.hits, &mut self.misses].into_iter();
        split
            .chain(&mut self.errors)
            .flat_map(|counts| [&mut counts.languages, &mut counts.compilers])
            .chain([&mut self.not_cached, &mut self.dist_compiles])
    }

    /// Returns every map of names to counts.
    pub(crate) fn maps(&self) -> impl Iterator<Item = &BTreeMap<String, u64>> {
        self.split_counts()
            .flat_map(|counts| [&counts.languages, &counts.compilers])
            .chain([&self.not_cached, &self.dist_compiles])
    }

    /// Returns every known count: of calls, and per level, language, compiler, reason, and server.
    pub(crate) fn all_counts(&self) -> impl Iterator<Item = u64> {
        let levels = self.levels.iter().flat_map(Level::counts);
        Self::COUNTERS
            .iter()
            .filter_map(|field| (field.get)(self))
            .chain(levels)
            .chain(self.split_counts().map(|counts| counts.total))
            .chain(self.maps().flat_map(|map| map.values().copied()))
    }

    /// Whether every counter is 0 or unknown.
    pub fn is_idle(&self) -> bool {
        self.all_counts().all(|count| count == 0)
    }

    /// Returns hits, misses, and errors per language, sorted by name.
    pub(crate) fn by_language(&self) -> Vec<Part> {
        self.parts(|counts| &counts.languages)
    }

    /// Returns hits, misses, and errors per compiler, sorted by name.
    pub(crate) fn by_compiler(&self) -> Vec<Part> {
        self.parts(|counts| &counts.compilers)
    }

    fn parts(&self, map: fn(&Counts) -> &BTreeMap<String, u64>) -> Vec<Part> {
        let names: BTreeSet<&String> = self.split_counts().flat_map(|c| map(c).keys()).collect();
        let count = |counts: &Counts, name: &str| map(counts).get(name).copied().unwrap_or(0);
        let part = |name: &String| Part {
            name: name.clone(),
            hits: count(&self.hits, name),
            misses: count(&self.misses, name),
            errors: self.errors.as_ref().map(|errors| count(errors, name)),
        };
        names.into_iter().map(part).collect()
    }

    /// Returns [`hit_rate`] of the totals.
    pub fn hit_rate(&self) -> Option<f64> {
        hit_rate(self.hits.total, self.misses.total)
    }

    /// Returns [`coverage`] of the totals.
    pub fn coverage(&self) -> Option<f64> {
        let (hits, misses) = (self.hits.total, self.misses.total);
        coverage(hits, misses, self.executed, self.non_cacheable)
    }
}

/// Returns hits / (hits + misses), between 0 and 1, as sccache computes it; `None` if both are 0.
///
/// The rate of several builds is that of the sums of their counts, never an average of rates. Nothing
/// is divided by requests: in client-side mode sccache reports 0 of them beside hundreds of hits.
pub fn hit_rate(hits: u64, misses: u64) -> Option<f64> {
    ratio(hits, hits.saturating_add(misses))
}

/// Returns (hits + misses) / (executed + non-cacheable calls): how much of the compiling the cache
/// could answer at all. `None` if a part of the divisor is unknown, or the divisor is 0.
pub fn coverage(
    hits: u64,
    misses: u64,
    executed: Option<u64>,
    non_cacheable: Option<u64>,
) -> Option<f64> {
    let calls = executed?.saturating_add(non_cacheable?);
    ratio(hits.saturating_add(misses), calls)
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Returns `text` if it looks like a version: digits and dots, then perhaps `-` and a suffix.
/// Anything else may be a formula to a spreadsheet, or a command to a terminal.
pub(super) fn version(text: &str) -> Option<String> {
    let (number, suffix) = text.split_once('-').unwrap_or((text, ""));
    let is_number = number.starts_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_suffix = |b: u8| b.is_ascii_alphanumeric() || b".+-".contains(&b);
    let is_version = text.len() <= 32 && is_number && suffix.bytes().all(is_suffix);
    is_version.then(|| text.to_string())
}

fn deserialize_version<'de, D: Deserializer<'de>>(json: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(json)?;
    Ok(text.and_then(|text| version(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hits_and_no_misses_is_no_rate() {
        assert_eq!(hit_rate(0, 0), None);
        assert_eq!(hit_rate(0, 5), Some(0.0));
        assert_eq!(hit_rate(5, 0), Some(1.0));
        assert_eq!(hit_rate(1, 3), Some(0.25));
    }

    #[test]
    fn coverage_needs_the_whole_divisor() {
        assert_eq!(coverage(53, 0, Some(56), Some(20)), Some(53.0 / 76.0));
        assert_eq!(coverage(53, 0, None, Some(20)), None);
        assert_eq!(coverage(53, 0, Some(56), None), None);
        assert_eq!(coverage(0, 0, Some(0), Some(0)), None);
    }

    #[test]
    fn rates_of_huge_counts_do_not_overflow() {
        assert_eq!(hit_rate(u64::MAX, u64::MAX), Some(1.0));
        assert!(coverage(1, 1, Some(u64::MAX), Some(1)).is_some());
    }

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
