//! Why compilations missed: each is compared with the same unit's in earlier builds of the package.
//!
//! A reason is certain or not given. What the log can't decide is [`MissReason::Unknown`].

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Compilation, CompilationResult, Compilations, FormerUnits, Language, ObjectKey};
use crate::sccache::Stats;

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

/// Compares the compilations of a phase with those of the phases of the same name in earlier builds.
pub struct Comparison<'a> {
    now: &'a Compilations,
    /// Whether every earlier build of the package was [added](Self::add), or its units are in
    /// `former_units`.
    pub is_complete: bool,
    /// The units of earlier builds whose lists are no longer kept.
    pub former_units: FormerUnits,
    /// Whether a build directory in the arguments of a C compiler is part of the key.
    pub c_keys_have_paths: bool,
    /// What the units of `now` were before. Other units take no memory.
    units: HashMap<&'a str, Unit>,
    /// Whether an earlier build asked for the object.
    keys: HashMap<ObjectKey, bool>,
}

/// A unit of this phase, and what earlier builds had of it.
#[derive(Default)]
struct Unit {
    /// How many compilations of it this phase has.
    count: usize,
    /// The most of one earlier build.
    most: usize,
    earlier: Vec<Candidate>,
    compile: Option<Duration>,
}

/// What the earlier compilations of a unit had in common with others.
#[derive(PartialEq, Eq)]
struct Candidate {
    flags: Option<u64>,
    metadata: Option<u64>,
    is_in_same_directory: bool,
    is_of_same_sccache: bool,
}

impl<'a> Comparison<'a> {
    /// Begins with no earlier build.
    pub fn new(now: &'a Compilations) -> Self {
        let mut units: HashMap<&str, Unit> = HashMap::new();
        for compilation in &now.list {
            units.entry(&compilation.unit).or_default().count += 1;
        }
        let keys = now.list.iter().filter_map(|compilation| compilation.key);
        Self {
            now,
            is_complete: true,
            former_units: FormerUnits::default(),
            c_keys_have_paths: false,
            keys: keys.map(|key| (key, false)).collect(),
            units,
        }
    }

    /// Adds the phase of an earlier build. The newest is first.
    ///
    /// `is_of_same_sccache`: the same version made the keys, so that equal sources have equal keys.
    pub fn add(&mut self, earlier: &Compilations, is_of_same_sccache: bool) {
        let is_in_same_directory = earlier.directory == self.now.directory;
        let mut builds: HashMap<&'a str, (usize, Duration, u32)> = HashMap::new();
        for compilation in &earlier.list {
            if let Some(is_known) = compilation.key.and_then(|key| self.keys.get_mut(&key)) {
                *is_known = true;
            }
            let Some((name, _)) = self.units.get_key_value(&*compilation.unit) else {
                continue;
            };
            let (count, time, compiled) = builds.entry(*name).or_default();
            *count += 1;
            if let Some(compile) = compilation.compile {
                *time += compile;
                *compiled += 1;
            }
            let candidate = Candidate {
                flags: compilation.flags,
                metadata: compilation.metadata,
                is_in_same_directory,
                is_of_same_sccache,
            };
            let unit = self.units.entry(*name).or_default();
            if !unit.earlier.contains(&candidate) {
                unit.earlier.push(candidate);
            }
        }
        for (name, (count, time, compiled)) in builds {
            let unit = self.units.entry(name).or_default();
            unit.most = unit.most.max(count);
            if unit.compile.is_none() && compiled > 0 {
                unit.compile = Some(time / compiled);
            }
        }
    }

    /// Returns what compiling the unit took in the newest of the earlier builds that compiled it.
    pub fn compile_time(&self, unit: &str) -> Option<Duration> {
        self.units.get(unit)?.compile
    }

    /// Returns the reason of each compilation, `None` for those that didn't miss.
    pub fn reasons(&self, known: impl Fn(ObjectKey) -> Known) -> Vec<Option<MissReason>> {
        let known = |key| match known(key) {
            // It was asked for and never stored, or the store has forgotten it.
            Known::Never if self.keys[&key] => Known::Elsewhere,
            known => known,
        };
        let reason = |compilation: &Compilation| {
            let is_miss = compilation.result.is_miss();
            is_miss.then(|| self.reason(compilation, known))
        };
        self.now.list.iter().map(reason).collect()
    }

    fn reason(&self, compilation: &Compilation, known: impl Fn(ObjectKey) -> Known) -> MissReason {
        match compilation.result {
            CompilationResult::Forced => return MissReason::Forced,
            // sccache counts these as errors and timeouts of the cache.
            CompilationResult::ReadError | CompilationResult::TimedOut => {
                return MissReason::Unknown;
            }
            _ => {}
        }
        let known = compilation.key.map_or(Known::Elsewhere, known);
        match (known, self.reason_by_arguments(compilation)) {
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
    fn reason_by_arguments(&self, compilation: &Compilation) -> MissReason {
        let unit = &self.units[&*compilation.unit];
        if unit.earlier.is_empty() {
            let is_new = self.is_complete && !self.former_units.contains(&compilation.unit);
            return if is_new {
                MissReason::First
            } else {
                MissReason::Unknown
            };
        }
        let all_known = unit
            .earlier
            .iter()
            .all(|candidate| candidate.flags.is_some());
        let mut candidates = unit.earlier.iter().collect::<Vec<_>>();
        candidates.retain(|candidate| candidate.flags == compilation.flags);
        // With more compilations of the unit than any earlier build, it is open which of them is new.
        if compilation.flags.is_none() || unit.count > unit.most {
            MissReason::Unknown
        } else if candidates.is_empty() {
            if all_known {
                MissReason::Flags
            } else {
                MissReason::Unknown
            }
        } else {
            self.reason_with_same_flags(compilation, &candidates)
        }
    }

    /// The reason of a compilation that was done before with the same arguments but for directories.
    fn reason_with_same_flags(
        &self,
        compilation: &Compilation,
        candidates: &[&Candidate],
    ) -> MissReason {
        let is_rust = compilation.language == Some(Language::Rust);
        // sccache's key of a crate has its working directory, which is the package's or below it.
        let depends_on_directory = if is_rust {
            let mut candidates = candidates.iter();
            candidates.any(|candidate| candidate.metadata == compilation.metadata)
        } else {
            compilation.names_directory
        };
        let is_same_place = |candidate: &&Candidate| {
            let is_same_crate = !is_rust || candidate.metadata == compilation.metadata;
            candidate.is_in_same_directory && is_same_crate
        };
        if depends_on_directory && !candidates.iter().any(is_same_place) {
            return if is_rust || self.c_keys_have_paths {
                MissReason::Path
            } else {
                MissReason::Unknown
            };
        }
        // Another version of sccache may make other keys.
        if candidates
            .iter()
            .any(|candidate| candidate.is_of_same_sccache)
        {
            MissReason::Changed
        } else {
            MissReason::Unknown
        }
    }
}

/// Whether a build directory in the arguments of a C compiler is part of the key, in a server of this
/// version: in 0.7.7 to 0.8.2, and from 0.14 on without base directories. In the versions between, it
/// depends on the preprocessor cache.
pub fn c_keys_have_paths(stats: &Stats) -> bool {
    let mut numbers = stats.version.as_deref().unwrap_or_default().split('.');
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    match (number(), number()) {
        (Some(0), Some(7 | 8)) => true,
        (Some(0), Some(0..14)) | (None, _) | (_, None) => false,
        _ => stats.base_directories.as_ref().is_some_and(Vec::is_empty),
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
        let [earlier, now] = [(directory, earlier), (HERE, now)].map(list);
        let mut comparison = Comparison::new(&now);
        comparison.c_keys_have_paths = true;
        comparison.add(&earlier, true);
        comparison.reasons(known)
    }

    fn list((directory, list): (u64, &[Compilation])) -> Compilations {
        let list = list.to_vec();
        Compilations { directory, list }
    }

    fn known(ObjectKey(key): ObjectKey) -> Known {
        match key {
            0..100 => Known::Here,
            100..200 => Known::Elsewhere,
            _ => Known::Never,
        }
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
        let now = list((HERE, &[miss("a.o", 200, 1)]));
        let mut comparison = Comparison::new(&now);
        assert_eq!(comparison.reasons(known), [Some(First)]);
        comparison.is_complete = false;
        assert_eq!(comparison.reasons(known), [Some(Unknown)]);
    }

    #[test]
    fn a_unit_of_a_build_that_is_no_longer_kept_is_not_first() {
        let now = list((HERE, &[miss("a.o", 200, 1), miss("b.o", 201, 1)]));
        let mut comparison = Comparison::new(&now);
        comparison.former_units.add(["b.o"]);
        assert_eq!(comparison.reasons(known), [Some(First), Some(Unknown)]);
    }

    #[test]
    fn an_object_that_was_asked_for_and_never_stored_has_not_changed() {
        let failed = Compilation {
            key: Some(ObjectKey(200)),
            ..ended(CompilationResult::CompileFailed)
        };
        assert_eq!(
            reasons(&[miss("a.o", 200, 1)], &[failed], HERE),
            [Some(Unknown)]
        );
    }

    #[test]
    fn after_an_update_of_sccache_nothing_has_certainly_changed() {
        let now = list((HERE, &[miss("a.o", 200, 1), miss("b.o", 201, 2)]));
        let before = list((HERE, &[miss("a.o", 1, 1), miss("b.o", 2, 1)]));
        let mut comparison = Comparison::new(&now);
        comparison.add(&before, false);
        assert_eq!(comparison.reasons(known), [Some(Unknown), Some(Flags)]);
        comparison.add(&before, true);
        assert_eq!(comparison.reasons(known), [Some(Changed), Some(Flags)]);
    }

    #[test]
    fn a_unit_takes_as_long_as_in_the_newest_build_that_compiled_it() {
        let timed = |seconds: Option<u64>| Compilation {
            compile: seconds.map(Duration::from_secs),
            ..miss("a.o", 1, 1)
        };
        let now = list((HERE, &[miss("a.o", 200, 1)]));
        let mut comparison = Comparison::new(&now);
        assert_eq!(comparison.compile_time("a.o"), None);
        comparison.add(&list((HERE, &[timed(None)])), true);
        comparison.add(&list((HERE, &[timed(Some(2)), timed(Some(4))])), true);
        comparison.add(&list((HERE, &[timed(Some(9))])), true);
        assert_eq!(comparison.compile_time("a.o"), Some(Duration::from_secs(3)));
        assert_eq!(comparison.compile_time("b.o"), None);
    }

    #[test]
    fn directories_are_part_of_keys_in_some_versions() {
        let has_paths = |version: &str, directories: Option<&[&str]>| {
            let directories =
                directories.map(|list| list.iter().map(ToString::to_string).collect());
            c_keys_have_paths(&Stats {
                version: Some(version.into()),
                base_directories: directories,
                ..Stats::default()
            })
        };
        assert!(has_paths("0.7.7", None));
        assert!(has_paths("0.8.2", None));
        assert!(!has_paths("0.10.0", None));
        assert!(has_paths("0.16.0", Some(&[])));
        assert!(has_paths("1.0.0", Some(&[])));
        assert!(!has_paths("0.16.0", Some(&["/var/tmp"])));
        assert!(!has_paths("0.16.0", None));
        assert!(!has_paths("", None));
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
