//! The time that the cache saved. [`TIME_SAVED`] explains the formula to people.
//!
//! All costs are processor time. sccache measures wall-clock time, and on busy cores a compiler takes
//! longer without computing more. If the compilations of a phase are known, their times are multiplied by
//! the phase's [`processor_ratio`]. Otherwise, the cost of all its compilations is at most the processor
//! time of the server's children, which is unknown for shared servers and imported logs.
//!
//! The time saved is stored with its build and never changes. It is based on what was known when the build
//! was recorded, including the build's own misses.

mod phase_costs;
pub mod verdict;

use crate::sccache::Stats;

pub use phase_costs::{PhaseCosts, Worth, processor_ratio, to_processor_time};

/// The formula, for `--help`, the man page and docs/time-saved.md.
pub const TIME_SAVED: &str = "The processor time that the cache saved. Each hit saves the cost of compiling exactly \
    this object. If that is unknown, it saves the cost of the same unit in the package's \
    newest build that compiled it, or else of the package's average compilation, if possible \
    of the same version and language. The cost of the cache is subtracted: looking up hits \
    and misses, the server, and the clients. exact_share is the share of the hits' cost that \
    is known from compiling exactly their objects. The compilations of imported logs, of \
    shared servers, and in client-side mode are unknown, and their time saved is an \
    estimate: each hit saves the package's average compilation, minus the time of reading \
    hits, of writing misses, and of a tenth of a compilation per lookup. The result is \
    negative if the cache cost more than it saved, and unknown if the cost of a hit is \
    unknown. It is fixed when the build is recorded.";

/// The cost of looking up a hit or a miss where it wasn't measured, as a share of the cost of compiling
/// it. The real share varies: in processor time (gcc 12 `-E` against `-O2 -c`, rustc 1.95.0
/// `--emit=dep-info` against `--emit=link -O`) it was 2 % for SQLite's single large file, 17 % for a
/// C++ file of two lines with `<string>`, and 30 % for the smallest crates.
pub const LOOKUP_SHARE: f64 = 0.1;

/// An average over fewer compilations is used only if there is no other.
const MIN_COMPILATIONS: u64 = 8;

/// The longest accepted time of a build, about 116 days. Longer times come from broken input.
const MAX_SECONDS: f64 = 1e7;

/// The cost of measured compilations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The number of compilations.
    pub compilations: u64,
    /// The time in compilers, in microseconds.
    pub compiler_us: u64,
}

impl Cost {
    /// Returns the cost of a server's compilations. `None` if it ran none, or doesn't report their time.
    ///
    /// Up to sccache 0.8.2, the time is that of the misses. From 0.9.0 on, it is that of `compilations`,
    /// which includes failed ones.
    pub fn from_stats(stats: &Stats) -> Option<Self> {
        let compilations = stats.compilations.unwrap_or(stats.misses.total);
        let limit = stats.processor_seconds.unwrap_or(MAX_SECONDS);
        let seconds = stats.compiler_seconds?.min(limit);
        let is_plausible = (0.0..=MAX_SECONDS).contains(&seconds);
        (compilations > 0 && is_plausible).then(|| Self {
            compilations,
            compiler_us: (seconds * 1e6).round() as u64,
        })
    }

    /// Adds another cost. Numbers stop at the largest integer of SQLite.
    pub fn add(&mut self, other: &Cost) {
        let add = |one: u64, other: u64| one.saturating_add(other).min(i64::MAX as u64);
        self.compilations = add(self.compilations, other.compilations);
        self.compiler_us = add(self.compiler_us, other.compiler_us);
    }

    /// Returns the language of the compilations if they all have the same: sccache has no time per
    /// language.
    pub fn language(stats: &Stats) -> Option<&str> {
        let mut missed = stats.misses.languages.iter().filter(|(_, n)| **n > 0);
        let (language, misses) = missed.next()?;
        (missed.next().is_none() && *misses == stats.misses.total).then_some(language)
    }
}

/// The known costs of one package, by version and language.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs(Vec<(String, Option<String>, Cost)>);

impl Costs {
    /// Adds the cost of compilations. The language is [`Cost::language`].
    pub fn add(&mut self, version: String, language: Option<String>, cost: Cost) {
        self.0.push((version, language, cost));
    }

    /// Returns the sum over a version and a language, or over all of them for `None`.
    fn sum(&self, version: Option<&str>, language: Option<&str>) -> Cost {
        let mut sum = Cost::default();
        for (cost_version, cost_language, cost) in &self.0 {
            let has_version = version.is_none_or(|version| version == cost_version);
            if has_version && (language.is_none() || language == cost_language.as_deref()) {
                sum.add(cost);
            }
        }
        sum
    }

    /// Returns the average seconds of a compilation. `None` if none of the package was measured.
    pub fn average(&self, version: &str, language: Option<&str>) -> Option<f64> {
        let version = Some(version);
        let cost = [
            (version, language),
            (None, language),
            (version, None),
            (None, None),
        ]
        .map(|(version, language)| self.sum(version, language))
        .into_iter()
        .find(|cost| cost.compilations >= MIN_COMPILATIONS)
        .unwrap_or_else(|| self.sum(None, None));
        (cost.compilations > 0).then(|| cost.compiler_us as f64 / 1e6 / cost.compilations as f64)
    }
}

/// Returns the time in seconds that the cache saved a phase whose compilations are unknown: see
/// [`TIME_SAVED`]. `None` if it is unknown.
pub fn estimate(stats: &Stats, version: &str, costs: &Costs) -> Option<f64> {
    let (mut hits, mut misses) = (stats.hits.total, stats.misses.total);
    let mut lookups = Vec::new();
    for part in stats.by_language() {
        hits = hits.saturating_sub(part.hits);
        misses = misses.saturating_sub(part.misses);
        lookups.push((Some(part.name), part.hits, part.misses));
    }
    lookups.push((None, hits, misses));
    let mut saved = 0.0;
    for (language, hits, misses) in lookups {
        if hits > 0 || misses > 0 {
            let (hits, misses) = (hits as f64, misses as f64);
            let compilation = costs.average(version, language.as_deref())?;
            saved += (hits - (hits + misses) * LOOKUP_SHARE) * compilation;
        }
    }
    let cache = [stats.read_hit_seconds, stats.write_seconds];
    Some(saved - cache.into_iter().flatten().sum::<f64>())
}

/// Returns seconds as microseconds; `None` if they are absurd.
pub fn to_us(seconds: f64) -> Option<i64> {
    (seconds.abs() <= MAX_SECONDS).then(|| (seconds * 1e6).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sccache::Counts;

    fn cost(compilations: u64, seconds: f64) -> Cost {
        let compiler_us = (seconds * 1e6) as u64;
        Cost {
            compilations,
            compiler_us,
        }
    }

    fn costs(known: &[(&str, Option<&str>, u64, f64)]) -> Costs {
        let mut costs = Costs::default();
        for (version, language, compilations, seconds) in known {
            let cost = cost(*compilations, *seconds);
            costs.add(version.to_string(), language.map(str::to_string), cost);
        }
        costs
    }

    fn counts(languages: &[(&str, u64)]) -> Counts {
        Counts {
            total: languages.iter().map(|l| l.1).sum(),
            languages: languages
                .iter()
                .map(|(name, n)| (name.to_string(), *n))
                .collect(),
            ..Counts::default()
        }
    }

    fn stats(language: &str, hits: u64, misses: u64) -> Stats {
        Stats {
            hits: counts(&[(language, hits)]),
            misses: counts(&[(language, misses)]),
            ..Stats::default()
        }
    }

    #[test]
    fn hits_save_compiling_and_the_cache_costs() {
        let costs = costs(&[("1", Some("Rust"), 10, 20.0)]);
        let warm = Stats {
            read_hit_seconds: Some(1.5),
            ..stats("Rust", 50, 0)
        };
        assert_eq!(estimate(&warm, "1", &costs), Some(88.5));
        let cold = Stats {
            write_seconds: Some(0.5),
            ..stats("Rust", 0, 50)
        };
        assert_eq!(estimate(&cold, "1", &costs), Some(-10.5));
    }

    #[test]
    fn each_language_has_its_cost() {
        let costs = costs(&[
            ("1", Some("Rust"), 10, 20.0),
            ("1", Some("C/C++"), 10, 10.0),
        ]);
        let mut both = Stats {
            hits: counts(&[("Rust", 10), ("C/C++", 10)]),
            ..Stats::default()
        };
        assert_eq!(estimate(&both, "1", &costs), Some(27.0));
        // Two more without a language cost the average.
        both.hits.total = 22;
        assert_eq!(estimate(&both, "1", &costs), Some(29.7));
    }

    #[test]
    fn unknown_is_not_zero() {
        let none = Costs::default();
        assert_eq!(estimate(&stats("Rust", 5, 0), "1", &none), None);
        assert_eq!(estimate(&stats("Rust", 0, 5), "1", &none), None);
        // A build whose servers got no request saved nothing.
        assert_eq!(estimate(&stats("Rust", 0, 0), "1", &none), Some(0.0));
        assert_eq!(to_us(1e8), None);
        assert_eq!(to_us(-0.000_001_4), Some(-1));
    }

    #[test]
    fn the_nearest_cost_with_enough_compilations_counts() {
        let known = costs(&[
            ("1", Some("Rust"), 10, 10.0),
            ("1", Some("C/C++"), 10, 20.0),
            ("2", Some("Rust"), 10, 40.0),
            ("2", None, 30, 40.0),
        ]);
        assert_eq!(known.average("1", Some("Rust")), Some(1.0));
        assert_eq!(known.average("2", Some("Rust")), Some(4.0));
        // Not in this version: that of the language, 50 s of 20.
        assert_eq!(known.average("3", Some("Rust")), Some(2.5));
        // Not in this language: that of the version, 80 s of 40.
        assert_eq!(known.average("2", Some("CUDA")), Some(2.0));
        assert_eq!(known.average("1", None), Some(1.5));
        // Neither: that of the package, 110 s of 60.
        assert_eq!(known.average("3", Some("CUDA")), Some(110.0 / 60.0));
    }

    #[test]
    fn one_compilation_counts_only_if_it_is_alone() {
        let known = costs(&[("2", Some("Rust"), 1, 30.0), ("1", Some("Rust"), 50, 50.0)]);
        assert_eq!(known.average("2", Some("Rust")), Some(80.0 / 51.0));
        let alone = costs(&[("2", Some("Rust"), 1, 30.0)]);
        assert_eq!(alone.average("2", Some("Rust")), Some(30.0));
        assert_eq!(alone.average("3", None), Some(30.0));
    }

    #[test]
    fn each_version_of_sccache_counts_its_compilers() {
        let old = Stats {
            misses: counts(&[("Rust", 50)]),
            compiler_seconds: Some(25.0),
            ..Stats::default()
        };
        assert_eq!(Cost::from_stats(&old), Some(cost(50, 25.0)));
        let new = Stats {
            compilations: Some(56),
            ..old.clone()
        };
        assert_eq!(Cost::from_stats(&new), Some(cost(56, 25.0)));
        let unknown = Stats {
            compiler_seconds: None,
            ..old.clone()
        };
        assert_eq!(Cost::from_stats(&unknown), None);
        assert_eq!(Cost::from_stats(&Stats::default()), None);
    }

    #[test]
    fn on_busy_cores_processor_time_counts() {
        let of = |processor_seconds| {
            let stats = Stats {
                misses: counts(&[("Rust", 50)]),
                compiler_seconds: Some(25.0),
                processor_seconds,
                ..Stats::default()
            };
            Cost::from_stats(&stats).unwrap().compiler_us
        };
        assert_eq!(of(None), 25_000_000);
        assert_eq!(of(Some(10.0)), 10_000_000);
        // With the preprocessors of many hits in it, or with threads.
        assert_eq!(of(Some(40.0)), 25_000_000);
    }

    #[test]
    fn a_language_is_known_where_it_was_alone() {
        let of = |languages: &[(&str, u64)], total| {
            let mut stats = Stats {
                misses: counts(languages),
                ..Stats::default()
            };
            stats.misses.total = total;
            Cost::language(&stats).map(str::to_string)
        };
        assert_eq!(of(&[("Rust", 5)], 5).as_deref(), Some("Rust"));
        assert_eq!(of(&[("Rust", 5), ("C/C++", 0)], 5).as_deref(), Some("Rust"));
        assert_eq!(of(&[("Rust", 5), ("C/C++", 1)], 6), None);
        // Not all of them have a language.
        assert_eq!(of(&[("Rust", 5)], 6), None);
        assert_eq!(of(&[], 6), None);
    }
}
