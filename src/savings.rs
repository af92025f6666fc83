//! The estimate of the time that the cache saved. [`TIME_SAVED`] explains the formula to people.
//!
//! sccache reports how many requests it answered, but not how much time that saved. The misses of a
//! package show what its hits would have cost. The cost of the cache itself is subtracted.
//! Three things limit the estimate:
//! - sccache measures wall-clock time. On busy cores a compiler takes longer without computing more,
//!   so a cost is at most the processor time of the server's children. That includes preprocessors,
//!   and it is unknown for shared servers and imported logs.
//! - No version of sccache measures how long it takes to compute an object's key, which runs the
//!   preprocessor, or rustc for its list of files. [`LOOKUP_SHARE`] is an assumption about that.
//! - Text output rounds averages to milliseconds and has no write times.
//!
//! An estimate is stored with its build. Builds are recorded in any order (import reads the newest log
//! first), so estimates are updated when the known compilations of a package, version or language
//! double. Each estimate then rests on the best available cost, and on at least half of the
//! compilations that are known for it today.

use crate::sccache::Stats;

/// The formula, for `--help`, the man page and docs/time-saved.md.
pub const TIME_SAVED: &str = "An estimate. Each hit saves the average compile time of a miss of the \
    same package: of the same version and language if known, otherwise of the language, the version, \
    or the whole package. The cost of the cache is subtracted: reading hits, writing misses, and a \
    tenth of a compilation per lookup. The result is negative if the cache cost more than it saved, \
    and unknown if no miss of the package was measured. A miss counts at most the processor time of \
    its compilers. For shared servers and imported logs, only wall-clock time is known, which is too \
    high if the cores were busy.";

/// The cost of looking up a hit or a miss, as a share of the cost of compiling it. The real share
/// varies: in processor time (gcc 12 `-E` against `-O2 -c`, rustc 1.95.0 `--emit=dep-info` against
/// `--emit=link -O`) it was 2 % for SQLite's single large file, 17 % for a C++ file of two lines with
/// `<string>`, and 30 % for the smallest crates.
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
                sum.compilations = sum.compilations.saturating_add(cost.compilations);
                sum.compiler_us = sum.compiler_us.saturating_add(cost.compiler_us);
            }
        }
        sum
    }

    /// Whether the compilations of the version (`None`: of the package) have doubled since `before`, in
    /// one of the languages or in total.
    pub fn have_doubled(
        &self,
        before: &Costs,
        version: Option<&str>,
        languages: &[Option<&str>],
    ) -> bool {
        let magnitude = |costs: &Costs, language| {
            let cost = costs.sum(version, language);
            cost.compilations.checked_ilog2()
        };
        let mut languages = languages.iter().chain([&None]);
        languages.any(|language| magnitude(self, *language) != magnitude(before, *language))
    }

    /// Returns the average seconds of a compilation. `None` if none of the package was measured.
    fn average(&self, version: &str, language: Option<&str>) -> Option<f64> {
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

/// How a build used the cache, in its measured phases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CacheUse {
    /// The hits and misses per language. `None` are those without a language.
    pub lookups: Vec<(Option<String>, u64, u64)>,
    /// The known time of reading hits and writing misses.
    pub seconds: f64,
}

impl CacheUse {
    /// Returns the time in microseconds that the cache saved a build of the version: see
    /// [`TIME_SAVED`]. `None` if it is unknown.
    pub fn time_saved_us(&self, version: &str, costs: &Costs) -> Option<i64> {
        let mut saved = -self.seconds;
        for (language, hits, misses) in &self.lookups {
            if *hits == 0 && *misses == 0 {
                continue;
            }
            let (hits, misses) = (*hits as f64, *misses as f64);
            let compilation = costs.average(version, language.as_deref())?;
            saved += (hits - (hits + misses) * LOOKUP_SHARE) * compilation;
        }
        (saved.abs() <= MAX_SECONDS).then(|| (saved * 1e6).round() as i64)
    }
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

    fn cache_use(language: Option<&str>, hits: u64, misses: u64) -> CacheUse {
        CacheUse {
            lookups: vec![(language.map(str::to_string), hits, misses)],
            seconds: 0.0,
        }
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

    #[test]
    fn hits_save_compiling_and_the_cache_costs() {
        let costs = costs(&[("1", Some("Rust"), 10, 20.0)]);
        let warm = CacheUse {
            seconds: 1.5,
            ..cache_use(Some("Rust"), 50, 0)
        };
        assert_eq!(warm.time_saved_us("1", &costs), Some(88_500_000));
        let cold = CacheUse {
            seconds: 0.5,
            ..cache_use(Some("Rust"), 0, 50)
        };
        assert_eq!(cold.time_saved_us("1", &costs), Some(-10_500_000));
    }

    #[test]
    fn unknown_is_not_zero() {
        let none = Costs::default();
        let saved = |hits, misses, costs| cache_use(None, hits, misses).time_saved_us("1", costs);
        assert_eq!(saved(5, 0, &none), None);
        assert_eq!(saved(0, 5, &none), None);
        // A build whose servers got no request saved nothing.
        assert_eq!(saved(0, 0, &none), Some(0));
        assert_eq!(CacheUse::default().time_saved_us("1", &none), Some(0));
        let absurd = costs(&[("1", None, 8, 8e6)]);
        assert_eq!(saved(100, 0, &absurd), None);
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
