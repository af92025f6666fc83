//! Why compilations missed: each is compared with the same unit's in earlier builds of the package.
//!
//! A reason is certain or not given. What the log can't decide is [`MissReason::Unknown`].

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Compilation, CompilationResult, Compilations, Language, ObjectKey};

/// Why a compilation missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissReason {
    /// No earlier build of the package compiled the unit.
    First,
    /// This very object was in the cache before.
    Evicted,
    /// The same unit, with the same arguments but for the build directory, which is part of the key.
    Path,
    /// The arguments differ otherwise.
    Flags,
    /// The same unit and arguments, another key: its source, a header, a dependency, or the compiler.
    Changed,
    /// `SCCACHE_RECACHE`.
    Forced,
    /// The log doesn't show it.
    Unknown,
}

impl MissReason {
    /// Every reason, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::First,
        Self::Evicted,
        Self::Path,
        Self::Flags,
        Self::Changed,
        Self::Forced,
        Self::Unknown,
    ];

    /// Returns the word for the reason in the database, in JSON, and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Evicted => "evicted",
            Self::Path => "path",
            Self::Flags => "flags",
            Self::Changed => "changed",
            Self::Forced => "forced",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether the cache had an object before the phase started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It was stored or hit in this cache.
    Here,
    /// It was compiled, but never stored, or stored in another cache.
    Elsewhere,
    /// It was never compiled.
    Never,
}

/// What a phase's compilations are compared with.
pub struct Comparison<'a> {
    /// A hash of the path of `S`.
    pub directory: u64,
    /// The phases of the same name in the earlier builds of the package whose lists are kept.
    pub earlier: &'a [Compilations],
    /// Whether `earlier` has all builds of the package that were ever recorded.
    pub is_complete: bool,
    /// Whether a build directory in the arguments of a C compiler is part of the key. True in sccache
    /// 0.7.7 to 0.8.2 and from 0.14 on without base directories; partly in the versions between.
    pub c_keys_have_paths: bool,
}

/// What earlier builds had of one unit.
#[derive(Default)]
struct Unit<'a> {
    /// With the directory of its build.
    compilations: Vec<(&'a Compilation, u64)>,
    /// The most of one build.
    most: usize,
}

impl Comparison<'_> {
    /// Returns the reason of each compilation, `None` for those that didn't miss.
    pub fn reasons(
        &self,
        compilations: &[Compilation],
        known: impl Fn(ObjectKey) -> Known,
    ) -> Vec<Option<MissReason>> {
        let units = self.earlier_units();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for compilation in compilations {
            *counts.entry(&compilation.unit).or_default() += 1;
        }
        compilations
            .iter()
            .map(|compilation| {
                let earlier = units.get(&*compilation.unit);
                let has_more =
                    earlier.is_some_and(|earlier| counts[&*compilation.unit] > earlier.most);
                compilation
                    .result
                    .is_miss()
                    .then(|| self.reason(compilation, earlier, has_more, &known))
            })
            .collect()
    }

    fn earlier_units(&self) -> HashMap<&str, Unit<'_>> {
        let mut units: HashMap<&str, Unit> = HashMap::new();
        for build in self.earlier {
            let mut counts: HashMap<&str, usize> = HashMap::new();
            for compilation in &build.list {
                *counts.entry(&compilation.unit).or_default() += 1;
                let unit = units.entry(&compilation.unit).or_default();
                unit.compilations.push((compilation, build.directory));
            }
            for (name, count) in counts {
                let unit = units.entry(name).or_default();
                unit.most = unit.most.max(count);
            }
        }
        units
    }

    /// `has_more`: this build has more compilations of the unit than any earlier one, so it is open
    /// which of them is new.
    fn reason(
        &self,
        compilation: &Compilation,
        earlier: Option<&Unit>,
        has_more: bool,
        known: impl Fn(ObjectKey) -> Known,
    ) -> MissReason {
        match compilation.result {
            CompilationResult::Forced => return MissReason::Forced,
            // sccache counts these as errors and timeouts of the cache.
            CompilationResult::ReadError | CompilationResult::TimedOut => {
                return MissReason::Unknown;
            }
            _ => {}
        }
        let known = compilation.key.map_or(Known::Elsewhere, known);
        let by_arguments = self.reason_by_arguments(compilation, earlier, has_more);
        match (known, by_arguments) {
            // The unit is the request's own; the key may be that of a namesake.
            (Known::Never | Known::Elsewhere, MissReason::First) => MissReason::First,
            _ if compilation.is_ambiguous => MissReason::Unknown,
            (Known::Here, _) => MissReason::Evicted,
            (Known::Never, reason) => reason,
            // Without keys (before 0.7.7) an evicted object looks like a changed one.
            (Known::Elsewhere, MissReason::Flags) if compilation.key.is_none() => MissReason::Flags,
            (Known::Elsewhere, _) => MissReason::Unknown,
        }
    }

    /// The reason of a compilation whose object was never in the cache.
    fn reason_by_arguments(
        &self,
        compilation: &Compilation,
        earlier: Option<&Unit>,
        has_more: bool,
    ) -> MissReason {
        let Some(earlier) = earlier else {
            return if self.is_complete {
                MissReason::First
            } else {
                MissReason::Unknown
            };
        };
        let Some(flags) = compilation.flags else {
            return MissReason::Unknown;
        };
        let with_same_flags = || {
            earlier
                .compilations
                .iter()
                .filter(|(candidate, _)| candidate.flags == Some(flags))
        };
        if with_same_flags().next().is_none() {
            let all_known = earlier.compilations.iter().all(|(c, _)| c.flags.is_some());
            return if all_known && !has_more {
                MissReason::Flags
            } else {
                MissReason::Unknown
            };
        }
        if has_more {
            return MissReason::Unknown;
        }
        if compilation.language == Some(Language::Rust) {
            return self.rust_reason(compilation, with_same_flags());
        }
        let mut directories = with_same_flags().map(|(_, directory)| *directory);
        if !compilation.names_directory || directories.any(|other| other == self.directory) {
            MissReason::Changed
        } else if self.c_keys_have_paths {
            MissReason::Path
        } else {
            MissReason::Unknown
        }
    }

    /// sccache's key of a crate has its working directory, which is the package's or below it.
    fn rust_reason<'a>(
        &self,
        compilation: &Compilation,
        candidates: impl Iterator<Item = &'a (&'a Compilation, u64)>,
    ) -> MissReason {
        let mut reason = MissReason::Changed;
        for (candidate, directory) in candidates {
            if candidate.metadata == compilation.metadata {
                if *directory == self.directory {
                    return MissReason::Changed;
                }
                reason = MissReason::Path;
            }
        }
        reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MissReason::*;

    const HERE: u64 = 1;
    const OTHER: u64 = 2;

    /// A C compilation that missed.
    fn miss(unit: &str, key: u64, flags: u64) -> Compilation {
        Compilation {
            unit: unit.into(),
            metadata: None,
            key: Some(ObjectKey(key)),
            language: Some(Language::CFamily),
            result: CompilationResult::Miss,
            is_stored: true,
            lookup: None,
            cache_read: None,
            compile: None,
            flags: Some(flags),
            names_directory: false,
            is_ambiguous: false,
            miss_reason: None,
        }
    }

    fn crate_miss(unit: &str, key: u64, flags: u64, metadata: u64) -> Compilation {
        Compilation {
            metadata: Some(metadata),
            language: Some(Language::Rust),
            ..miss(unit, key, flags)
        }
    }

    fn absolute(compilation: Compilation) -> Compilation {
        Compilation {
            names_directory: true,
            ..compilation
        }
    }

    fn ambiguous(compilation: Compilation) -> Compilation {
        Compilation {
            is_ambiguous: true,
            ..compilation
        }
    }

    fn ended(result: CompilationResult) -> Compilation {
        Compilation {
            result,
            ..miss("a.o", 9, 1)
        }
    }

    /// The reasons after one earlier build. Objects with keys below 100 were in the cache, those below
    /// 200 were compiled elsewhere.
    fn reasons(
        now: &[Compilation],
        earlier: &[Compilation],
        directory: u64,
    ) -> Vec<Option<MissReason>> {
        let earlier = [Compilations {
            directory,
            list: earlier.to_vec(),
        }];
        let comparison = Comparison {
            directory: HERE,
            earlier: &earlier,
            is_complete: true,
            c_keys_have_paths: true,
        };
        comparison.reasons(now, |ObjectKey(key)| match key {
            0..100 => Known::Here,
            100..200 => Known::Elsewhere,
            _ => Known::Never,
        })
    }

    fn check(cause: &str, now: Compilation, directory: u64, reason: MissReason) {
        let before = [
            miss("a.o", 1, 1),
            absolute(miss("b.o", 2, 1)),
            crate_miss("serde", 3, 1, 7),
            Compilation {
                flags: None,
                ..miss("rsp.o", 4, 0)
            },
        ];
        let found = reasons(&[now], &before, directory);
        assert_eq!(found, [Some(reason)], "{cause}");
    }

    #[test]
    fn each_cause_has_its_reason() {
        check("a new file", miss("new.o", 200, 1), HERE, First);
        check("a cleared cache", miss("a.o", 1, 1), HERE, Evicted);
        check(
            "a cleared cache, in another place",
            miss("a.o", 1, 1),
            OTHER,
            Evicted,
        );
        check("another CFLAGS", miss("a.o", 200, 2), HERE, Flags);
        check("an edited file", miss("a.o", 200, 1), HERE, Changed);
        check(
            "an edited file, in another place",
            miss("a.o", 200, 1),
            OTHER,
            Changed,
        );
        check("another place", absolute(miss("b.o", 200, 1)), OTHER, Path);
        check(
            "an edited file by absolute path",
            absolute(miss("b.o", 200, 1)),
            HERE,
            Changed,
        );
        check(
            "an object of another cache",
            miss("a.o", 100, 1),
            HERE,
            Unknown,
        );
        check(
            "a new file, of another cache",
            miss("new.o", 100, 1),
            HERE,
            First,
        );
    }

    #[test]
    fn each_cause_in_crates_has_its_reason() {
        check(
            "the same crate in another place",
            crate_miss("serde", 200, 1, 7),
            OTHER,
            Path,
        );
        check(
            "another version of a crate",
            crate_miss("serde", 200, 1, 8),
            OTHER,
            Changed,
        );
        check(
            "the same crate in the same place",
            crate_miss("serde", 200, 1, 7),
            HERE,
            Changed,
        );
        check(
            "another RUSTFLAGS",
            crate_miss("serde", 200, 2, 9),
            HERE,
            Flags,
        );
    }

    #[test]
    fn what_the_log_does_not_show_is_unknown() {
        check("a response file", miss("rsp.o", 200, 1), HERE, Unknown);
        check(
            "a namesake at once",
            ambiguous(miss("a.o", 200, 1)),
            HERE,
            Unknown,
        );
        check(
            "a new namesake at once",
            ambiguous(miss("new.o", 1, 1)),
            HERE,
            Unknown,
        );
        check(
            "SCCACHE_RECACHE",
            ended(CompilationResult::Forced),
            HERE,
            Forced,
        );
        check(
            "a broken object",
            ended(CompilationResult::ReadError),
            HERE,
            Unknown,
        );
        check(
            "a slow cache",
            ended(CompilationResult::TimedOut),
            HERE,
            Unknown,
        );
    }

    #[test]
    fn what_did_not_miss_has_no_reason() {
        for result in [
            CompilationResult::Hit,
            CompilationResult::NotCached,
            CompilationResult::NotCacheable,
            CompilationResult::CompileFailed,
            CompilationResult::LookupFailed,
        ] {
            assert_eq!(reasons(&[ended(result)], &[], HERE), [None], "{result:?}");
        }
    }

    #[test]
    fn of_more_namesakes_than_before_none_is_certainly_new() {
        let before = [miss("util.o", 1, 1)];
        let now = [
            miss("util.o", 200, 1),
            miss("util.o", 201, 2),
            miss("util.o", 1, 1),
        ];
        assert_eq!(
            reasons(&now, &before, HERE),
            [Some(Unknown), Some(Unknown), Some(Evicted)]
        );
    }

    #[test]
    fn without_all_earlier_builds_nothing_is_first() {
        let comparison = Comparison {
            directory: HERE,
            earlier: &[],
            is_complete: false,
            c_keys_have_paths: false,
        };
        let reasons = comparison.reasons(&[miss("a.o", 200, 1)], |_| Known::Never);
        assert_eq!(reasons, [Some(Unknown)]);
    }

    #[test]
    fn before_0_7_7_only_what_needs_no_key_is_certain() {
        let keyless = |unit, flags| Compilation {
            key: None,
            ..miss(unit, 0, flags)
        };
        let before = [keyless("a.o", 1)];
        let now = [keyless("a.o", 1), keyless("a2.o", 1)];
        assert_eq!(reasons(&now, &before, HERE), [Some(Unknown), Some(First)]);
        assert_eq!(reasons(&[keyless("a.o", 2)], &before, HERE), [Some(Flags)]);
    }
}
