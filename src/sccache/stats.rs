//! The statistics of one sccache server, whatever version printed them.
//!
//! Each number is declared once, in [`statistics!`]. Sums, differences, bounds, sccache's JSON and
//! text, the database's columns and the JSON of reports all follow from the declaration. A new
//! number needs a line here and a column in `migrations/`.

mod arithmetic;
mod rates;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use rates::{coverage, hit_rate, percent};

/// A number of an `S`, [`Stats`] or [`Level`], that not every version of sccache prints.
pub(crate) struct Field<S, T> {
    /// The struct's field, which is also the database's column and the key in reports.
    pub name: &'static str,
    /// The name in sccache's text, empty for what the text doesn't have.
    pub label: &'static str,
    pub get: fn(&S) -> Option<T>,
    pub get_mut: fn(&mut S) -> &mut Option<T>,
    /// How many calls the text's number is an average over; `None` for a count.
    pub calls: fn(&S) -> Option<u64>,
}

/// A struct of statistics with the tables of its numbers.
pub(crate) trait Statistics: Sized + 'static {
    /// The counters, in the order of sccache's text.
    const COUNTERS: &'static [Field<Self, u64>];
    /// The times, in seconds.
    const SECONDS: &'static [Field<Self, f64>];
}

/// Declares a struct of statistics, the table of its counters and of its times, and the struct
/// that reads them from sccache's JSON.
///
/// - a counter: `field: "name in sccache's JSON", "name in its text";`
/// - a time: `field: [serde attributes], "name in the text", calls it is an average over;`
macro_rules! statistics {
    (
        $(#[$struct_doc:meta])*
        $Stats:ident from $Json:ident
        counters { $($(#[$counter_doc:meta])* $counter:ident: $key:literal, $counter_label:literal;)* }
        seconds { $($(#[$time_doc:meta])* $time:ident: [$($attribute:tt)*], $time_label:literal, $calls:expr;)* }
        others { $($(#[$other_doc:meta])* $other:ident: $Other:ty,)* }
        others_in_json { $($json:ident: $JsonOther:ty,)* }
    ) => {
        $(#[$struct_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $Stats {
            $($(#[$counter_doc])* pub $counter: Option<u64>,)*
            $($(#[$time_doc])* pub $time: Option<f64>,)*
            $($(#[$other_doc])* pub $other: $Other,)*
        }

        impl Statistics for $Stats {
            const COUNTERS: &'static [Field<$Stats, u64>] = &[$(Field {
                name: stringify!($counter),
                label: $counter_label,
                get: |stats| stats.$counter,
                get_mut: |stats| &mut stats.$counter,
                calls: |_| None,
            },)*];
            const SECONDS: &'static [Field<$Stats, f64>] = &[$(Field {
                name: stringify!($time),
                label: $time_label,
                get: |stats| stats.$time,
                get_mut: |stats| &mut stats.$time,
                calls: $calls,
            },)*];
        }

        /// The same in sccache's JSON.
        #[derive(Deserialize)]
        pub(super) struct $Json {
            $(#[serde(rename = $key)] $counter: Option<u64>,)*
            $(#[serde($($attribute)*)] $time: Option<Duration>,)*
            $(pub $json: Option<$JsonOther>,)*
        }

        impl $Json {
            /// Returns the counters and times, and nothing else.
            pub fn numbers(&self) -> $Stats {
                $Stats {
                    $($counter: self.$counter,)*
                    $($time: self.$time.map(|time| time.as_secs_f64()),)*
                    ..$Stats::default()
                }
            }
        }
    };
}

statistics! {
    /// What one sccache server counted since it started.
    ///
    /// `None` means that the version that printed the statistics said nothing about it:
    /// unknown, which is not 0. Where a name is not sccache's own (`ServerStats` in its
    /// `src/server.rs`), sccache's is the one in its JSON.
    Stats from ServerStats

    counters {
        /// Requests from clients. 0 in client-side mode (0.17+), which counts the rest right.
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
        /// 0.9.1 ... 0.16.0) may be in `compile_failures` and not in here.
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
        /// Distributed compilations that failed and ran here instead.
        dist_errors: "dist_errors", "Failed distributed compilations";
        /// Objects written to the cache.
        writes: "cache_writes", "";
    }

    // From the text they are average x calls, and so rounded down.
    seconds {
        /// Seconds spent writing to the cache. Unknown before 0.4, which puts the compilers' time
        /// there, and from the text, which doesn't have the `writes` it is an average over.
        write_seconds: [rename = "cache_write_duration"], "Average cache write", |stats| stats.writes;
        /// Seconds spent in compilers. An average over `compilations`, before 0.9 over misses.
        compiler_seconds: [rename = "compiler_write_duration"], "Average compiler",
            |stats| Some(stats.compilations.unwrap_or(stats.misses.total));
        /// Seconds spent reading hits, without hashing and preprocessing.
        read_hit_seconds: [rename = "cache_read_hit_duration"], "Average cache read hit",
            |stats| Some(stats.hits.total);
        /// Seconds of processor time, user and system, of all that the server ran and that had
        /// ended: compilers, preprocessors. Not from sccache but from the kernel
        /// ([`Listener::children_seconds`](super::Listener::children_seconds)); unknown where
        /// compilers ran on other machines.
        processor_seconds: [skip], "", |_| None;
    }

    others {
        /// Compilations answered from the cache.
        hits: Counts,
        /// Compilations not found in the cache. Statistics without hits and misses are an error,
        /// so these two are always known.
        misses: Counts,
        /// Errors while handling a request; counted as misses too.
        errors: Option<Counts>,
        /// Why requests were not cacheable, and how many.
        not_cached: BTreeMap<String, u64>,
        /// Distributed compilations, per server.
        dist_compiles: BTreeMap<String, u64>,
        /// The levels of a multi-level cache (0.15+), nearest first. Empty for an ordinary cache.
        levels: Vec<Level>,
        /// Where the cache is, as sccache prints it: `Local disk: "/var/cache/sccache"`.
        cache_location: Option<String>,
        /// Bytes in the cache. From the text rounded to whole KiB, MiB, GiB ...
        cache_size: Option<u64>,
        /// Bytes the cache may grow to. From the text rounded likewise.
        max_cache_size: Option<u64>,
        /// Whether preprocessor cache mode ("direct mode") is on (0.7+).
        preprocessor_cache_mode: Option<bool>,
        /// Directories whose names are left out of keys (0.14+). In the text they are joined by
        /// `, `, so a name that contains it is read as two.
        base_directories: Option<Vec<String>>,
        /// sccache's version, such as `0.16.0` (0.4+).
        #[serde(deserialize_with = "deserialize_version")]
        version: Option<String>,
        /// Lines or fields that no known version prints, for one warning.
        unrecognized: Vec<String>,
    }

    others_in_json {
        cache_hits: PerLanguage,
        cache_misses: PerLanguage,
        cache_errors: PerLanguage,
        not_cached: BTreeMap<String, u64>,
        dist_compiles: BTreeMap<String, u64>,
        cache_read_miss_duration: Duration,
        multi_level: Value,
    }
}

statistics! {
    /// What one level of a multi-level cache did (`LevelStats` in sccache's
    /// `src/cache/multilevel.rs`, 0.15+). `None` is unknown, which is not 0.
    Level from LevelStats

    counters {
        /// Requests answered from this level.
        hits: "hits", "hits";
        /// Requests that this level had no answer for.
        misses: "misses", "misses";
        /// Objects written to this level.
        writes: "writes", "writes";
        /// Objects that could not be written to this level.
        write_failures: "write_failures", "write failures";
        /// Objects copied from this level to a nearer one.
        backfills_from: "backfills_from", "backfills from";
        /// Objects copied to this level from a farther one.
        backfills_to: "backfills_to", "backfills to";
    }

    seconds {
        /// Seconds spent writing.
        write_seconds: [rename = "write_duration"], "avg cache write", |level| level.writes;
        /// Seconds spent reading hits.
        hit_seconds: [rename = "hit_duration"], "avg cache read hit", |level| level.hits;
    }

    others {
        /// `L0 (disk)`, as sccache names it.
        name: String,
        /// Where it is, as sccache prints it: `Local disk: "/var/cache/sccache"`.
        location: Option<String>,
    }

    others_in_json {
        name: String,
        location: String,
    }
}

/// A count with its parts.
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

/// A count with its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// All of it. The texts of some versions print only this.
    pub total: u64,
    /// Per language: `Rust`, `C/C++`, `CUDA` ...
    pub languages: BTreeMap<String, u64>,
    /// Per language and compiler: `rust`, `c [gcc]` ... (0.6+).
    pub compilers: BTreeMap<String, u64>,
}

/// [`Counts`] in sccache's JSON.
#[derive(Deserialize)]
pub(super) struct PerLanguage {
    pub counts: Option<BTreeMap<String, u64>>,
    pub adv_counts: Option<BTreeMap<String, u64>>,
}

impl Stats {
    /// Returns all errors, of whatever language.
    pub fn errors_total(&self) -> Option<u64> {
        self.errors.as_ref().map(|errors| errors.total)
    }

    /// Returns hits, misses and, where they are known, errors.
    pub(crate) fn divided(&self) -> impl Iterator<Item = &Counts> {
        let always = [&self.hits, &self.misses];
        always.into_iter().chain(&self.errors)
    }

    /// Returns every map of names to counts.
    pub(crate) fn maps_mut(&mut self) -> impl Iterator<Item = &mut BTreeMap<String, u64>> {
        let always = [&mut self.hits, &mut self.misses];
        let divided = always.into_iter().chain(&mut self.errors);
        divided
            .flat_map(|counts| [&mut counts.languages, &mut counts.compilers])
            .chain([&mut self.not_cached, &mut self.dist_compiles])
    }

    /// Returns every known count: of calls, per language, compiler, reason, server and level.
    pub(crate) fn all_counts(&self) -> impl Iterator<Item = u64> {
        let totals = self.divided().map(|counts| counts.total);
        let maps = self
            .divided()
            .flat_map(|counts| [&counts.languages, &counts.compilers])
            .chain([&self.not_cached, &self.dist_compiles]);
        known(Self::COUNTERS, self)
            .chain(totals)
            .chain(maps.flat_map(|map| map.values().copied()))
            .chain(
                self.levels
                    .iter()
                    .flat_map(|level| known(Level::COUNTERS, level)),
            )
    }

    /// Returns every known time in seconds.
    pub(crate) fn all_seconds(&self) -> impl Iterator<Item = f64> {
        let levels = self.levels.iter();
        known(Self::SECONDS, self).chain(levels.flat_map(|level| known(Level::SECONDS, level)))
    }

    /// Whether nothing was asked of the server: every counter is 0 or unknown.
    pub fn is_idle(&self) -> bool {
        self.all_counts().all(|count| count == 0)
    }

    /// Returns hits, misses and errors per language, sorted by its name.
    pub(crate) fn by_language(&self) -> Vec<Part> {
        self.by(|counts| &counts.languages)
    }

    /// Returns hits, misses and errors per compiler, sorted by its name.
    pub(crate) fn by_compiler(&self) -> Vec<Part> {
        self.by(|counts| &counts.compilers)
    }

    fn by(&self, parts: fn(&Counts) -> &BTreeMap<String, u64>) -> Vec<Part> {
        let names: BTreeSet<&String> = self.divided().flat_map(|c| parts(c).keys()).collect();
        let count = |counts: &Counts, name| parts(counts).get(name).copied().unwrap_or(0);
        names
            .into_iter()
            .map(|name| Part {
                name: name.clone(),
                hits: count(&self.hits, name),
                misses: count(&self.misses, name),
                errors: self.errors.as_ref().map(|errors| count(errors, name)),
            })
            .collect()
    }
}

/// The counts of a language or compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub name: String,
    pub hits: u64,
    pub misses: u64,
    pub errors: Option<u64>,
}

fn known<'a, S, T>(fields: &'static [Field<S, T>], stats: &'a S) -> impl Iterator<Item = T> + 'a {
    fields.iter().filter_map(|field| (field.get)(stats))
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
