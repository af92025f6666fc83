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
mod tests;
