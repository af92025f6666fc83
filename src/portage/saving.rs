//! How much compiling the cache saved: the estimate, all of it in this file.
//!
//! sccache says how often it answered, not what an answer was worth. What a hit would have
//! cost the compiler is known from the misses of the same package, as far as any were
//! measured; what the cache cost in return is taken off. [`TIME_SAVED`] says it in a sentence.
//!
//! What it can't know:
//! - sccache measures by the wall clock. On cores that are busy with other work a compiler
//!   takes longer without computing more. So no more is taken than the processor time of all that
//!   the server ran, which the collector knows: too high by what preprocessors took, where a phase
//!   had many hits. It isn't known of a shared server, nor from a log: there the wall clock alone
//!   counts, and the estimate is too high by as much as the cores were shared.
//! - No version measures how long it takes to find an object's key, which means a run of the
//!   preprocessor, or of rustc for its list of files. [`LOOKUP_SHARE`] stands in for that.
//! - Texts cut their averages to milliseconds, and don't tell the time of writes: the
//!   estimate for a build that is known only from its log leaves that part out.

use crate::sccache::Stats;

/// The formula, as `--help`, the man page and docs/time-saved.md give it.
pub const TIME_SAVED: &str = "An estimate: each hit saves what the compiler took for a miss of the \
    same package (of the same version and language where that was measured, else of the language, \
    else of the version, else of the package), less what the cache took: reading hits, writing \
    misses, and a tenth of a compilation to look up each. It is negative where the cache cost more \
    than it saved, and unknown where no miss of the package was measured. What a miss \
    took is at most the processor time of the compilers; of shared servers and imported logs only \
    the wall clock is known, and where their cores had more than one job each, it is too high.";

/// What looking up a hit or a miss takes, as a part of what compiling it takes: an assumption,
/// because it differs so much. In processor time (gcc 12 `-E` against `-O2 -c`, rustc 1.95.0
/// `--emit=dep-info` against `--emit=link -O`) it was 2 % of SQLite's one large file, 17 % of a
/// C++ file of two lines with `<string>`, 30 % of the smallest crates.
pub const LOOKUP_SHARE: f64 = 0.1;

/// An average over fewer compilations than this is taken only where there is no other.
const ENOUGH: u64 = 8;

/// No single build saves more than a hundred days: numbers that say so are broken.
const MAX_SECONDS: f64 = 1e7;

/// Compilations that were measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// How many.
    pub compilations: u64,
    /// Seconds in compilers, in all: by the wall clock, and no more than processor time where
    /// that is known.
    pub seconds: f64,
}

impl Cost {
    /// What the compilers of one server took; `None` where it doesn't say, or ran none.
    ///
    /// Up to sccache 0.8.2 the time is that of the misses; from 0.9.0 on it is that of
    /// `compilations`, in which those that failed are counted.
    pub fn of(stats: &Stats) -> Option<Cost> {
        let compilations = stats.compilations.unwrap_or(stats.misses.total);
        let mut seconds = stats.compiler_seconds?;
        if let Some(processors) = stats.processor_seconds {
            seconds = seconds.min(processors);
        }
        let believed = (0.0..=MAX_SECONDS).contains(&seconds);
        (compilations > 0 && believed).then_some(Cost {
            compilations,
            seconds,
        })
    }

    /// The language of all these compilations, where there was only one: sccache has no
    /// time per language.
    pub fn language(stats: &Stats) -> Option<&str> {
        let mut missed = stats.misses.languages.iter().filter(|(_, n)| **n > 0);
        let (language, misses) = missed.next()?;
        (missed.next().is_none() && *misses == stats.misses.total).then_some(language)
    }

    fn add(&mut self, other: Cost) {
        self.compilations = self.compilations.saturating_add(other.compilations);
        self.seconds += other.seconds;
    }
}

/// What compiling one package costs, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs(Vec<(String, Option<String>, Cost)>);

impl Costs {
    /// Adds what was measured of a version; the language is [`Cost::language`].
    pub fn learn(&mut self, version: &str, language: Option<&str>, cost: Cost) {
        let language = language.map(str::to_string);
        self.0.push((version.to_string(), language, cost));
    }

    /// All that is known of this version (`None`: of any) and language (likewise).
    pub fn known(&self, version: Option<&str>, language: Option<&str>) -> Cost {
        let mut sum = Cost::default();
        for (of_version, of_language, cost) in &self.0 {
            let same_version = version.is_none_or(|v| v == of_version);
            if same_version && (language.is_none() || language == of_language.as_deref()) {
                sum.add(*cost);
            }
        }
        sum
    }

    /// Seconds that the compiler takes for a miss; `None` where no compilation of the
    /// package was measured.
    pub fn seconds(&self, version: &str, language: Option<&str>) -> Option<f64> {
        let mut choices = vec![(Some(version), None), (None, None)];
        if language.is_some() {
            choices.splice(..0, [(Some(version), language), (None, language)]);
        }
        let costs = choices.into_iter().map(|(v, l)| self.known(v, l));
        let all = self.known(None, None);
        let cost = { costs }
            .find(|cost| cost.compilations >= ENOUGH)
            .unwrap_or(all);
        (cost.compilations > 0).then(|| cost.seconds / cost.compilations as f64)
    }
}

/// What one build asked of the cache, over its measured phases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Hits and misses of each language; without one where the statistics don't divide.
    pub parts: Vec<(Option<String>, u64, u64)>,
    /// Seconds spent reading hits, as far as known.
    pub read_seconds: f64,
    /// Seconds spent writing misses, as far as known.
    pub write_seconds: f64,
}

/// Seconds of compiling that the cache saved this build of the version: see
/// [`TIME_SAVED`]. `None` is unknown.
pub fn time_saved(version: &str, asked: &Asked, costs: &Costs) -> Option<f64> {
    let mut saved = -asked.read_seconds - asked.write_seconds;
    for (language, hits, misses) in &asked.parts {
        if *hits == 0 && *misses == 0 {
            continue;
        }
        let (hits, misses) = (*hits as f64, *misses as f64);
        let miss = costs.seconds(version, language.as_deref())?;
        saved += hits * miss - (hits + misses) * miss * LOOKUP_SHARE;
    }
    (saved.abs() <= MAX_SECONDS).then_some(saved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sccache::Counts;

    fn costs(known: &[(&str, Option<&str>, u64, f64)]) -> Costs {
        let mut costs = Costs::default();
        for (version, language, compilations, seconds) in known {
            let cost = Cost {
                compilations: *compilations,
                seconds: *seconds,
            };
            costs.learn(version, *language, cost);
        }
        costs
    }

    fn asked(language: Option<&str>, hits: u64, misses: u64) -> Asked {
        Asked {
            parts: vec![(language.map(str::to_string), hits, misses)],
            ..Asked::default()
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
        let warm = Asked {
            read_seconds: 1.5,
            ..asked(Some("Rust"), 50, 0)
        };
        assert_eq!(time_saved("1", &warm, &costs), Some(100.0 - 10.0 - 1.5));
        let cold = Asked {
            write_seconds: 0.5,
            ..asked(Some("Rust"), 0, 50)
        };
        assert_eq!(time_saved("1", &cold, &costs), Some(-10.5));
    }

    #[test]
    fn unknown_is_not_zero() {
        let none = Costs::default();
        assert_eq!(time_saved("1", &asked(None, 5, 0), &none), None);
        assert_eq!(time_saved("1", &asked(None, 0, 5), &none), None);
        // sccache ran and was asked for nothing: that saved nothing.
        assert_eq!(time_saved("1", &asked(None, 0, 0), &none), Some(0.0));
        assert_eq!(time_saved("1", &Asked::default(), &none), Some(0.0));
        let absurd = costs(&[("1", None, 8, 8e6)]);
        assert_eq!(time_saved("1", &asked(None, 100, 0), &absurd), None);
    }

    #[test]
    fn the_nearest_cost_that_rests_on_enough() {
        let known = costs(&[
            ("1", Some("Rust"), 10, 10.0),
            ("1", Some("C/C++"), 10, 20.0),
            ("2", Some("Rust"), 10, 40.0),
            ("2", None, 30, 40.0),
        ]);
        assert_eq!(known.seconds("1", Some("Rust")), Some(1.0));
        assert_eq!(known.seconds("2", Some("Rust")), Some(4.0));
        // Not in this version: that of the language, 50 s of 20.
        assert_eq!(known.seconds("3", Some("Rust")), Some(2.5));
        // Not in this language: that of the version, 80 s of 40.
        assert_eq!(known.seconds("2", Some("CUDA")), Some(2.0));
        assert_eq!(known.seconds("1", None), Some(1.5));
        // Neither: that of the package, 110 s of 60.
        assert_eq!(known.seconds("3", Some("CUDA")), Some(110.0 / 60.0));
    }

    #[test]
    fn one_compilation_says_little() {
        let known = costs(&[("2", Some("Rust"), 1, 30.0), ("1", Some("Rust"), 50, 50.0)]);
        assert_eq!(known.seconds("2", Some("Rust")), Some(80.0 / 51.0));
        let alone = costs(&[("2", Some("Rust"), 1, 30.0)]);
        assert_eq!(alone.seconds("2", Some("Rust")), Some(30.0));
        assert_eq!(alone.seconds("3", None), Some(30.0));
    }

    #[test]
    fn each_version_of_sccache_counts_its_compilers() {
        let old = Stats {
            misses: counts(&[("Rust", 50)]),
            compiler_seconds: Some(25.0),
            ..Stats::default()
        };
        let cost = |compilations| {
            Some(Cost {
                compilations,
                seconds: 25.0,
            })
        };
        assert_eq!(Cost::of(&old), cost(50));
        let new = Stats {
            compilations: Some(56),
            ..old.clone()
        };
        assert_eq!(Cost::of(&new), cost(56));
        let unknown = Stats {
            compiler_seconds: None,
            ..old.clone()
        };
        assert_eq!(Cost::of(&unknown), None);
        assert_eq!(Cost::of(&Stats::default()), None);
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
            Cost::of(&stats).unwrap().seconds
        };
        assert_eq!(of(None), 25.0);
        assert_eq!(of(Some(10.0)), 10.0);
        // With the preprocessors of many hits in it, or with threads.
        assert_eq!(of(Some(40.0)), 25.0);
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
