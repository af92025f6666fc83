//! Why compilations missed: each is compared with those of the same unit in earlier builds.
//!
//! A reason is certain. If the log doesn't prove one, it is [`MissReason::Unknown`].

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Compilation, CompilationResult, Compilations, DirectoryInKey, FormerUnits, Language, ObjectKey,
};
use crate::sccache::Stats;

/// Why a compilation missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissReason {
    /// No recorded build of the package on this host compiled the unit before.
    First,
    /// The cache had exactly this object.
    Evicted,
    /// The build directory differs, or whether the paths are stable, and the key contains it. The arguments
    /// are equal otherwise.
    Path,
    /// The arguments differ in more than the build directory.
    Flags,
    /// The arguments are equal and the key differs: the source, a header, a dependency, or the compiler
    /// differs.
    Changed,
    /// `SCCACHE_RECACHE`.
    Forced,
    /// The log doesn't show it.
    Unknown,
}

impl MissReason {
    /// Every reason.
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

/// Whether the cache had an object when the phase started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It was stored in this cache, or read from it.
    Here,
    /// It was compiled, but not stored, or only in another cache, or perhaps only after the start.
    Elsewhere,
    /// It was never compiled.
    Never,
}

/// Reasons of a unit with more different compilations than this are unknown. Only a hostile build has such
/// a unit, and each of its compilations is compared with all of them.
const MAX_CANDIDATES: usize = 1000;

/// Compares the compilations of a phase with those of the phases of the same name in earlier builds.
pub struct Comparison<'a> {
    now: &'a Compilations,
    /// Whether the units of all earlier builds are known: they were [added](Self::add), or are in
    /// `former_units`.
    pub is_complete: bool,
    /// The units of earlier builds whose lists are no longer kept.
    pub former_units: FormerUnits,
    /// Whether keys of C and C++ contain the paths of sources.
    pub c_keys_have_paths: bool,
    /// The units of `now`, and what they were in earlier builds.
    units: HashMap<&'a str, Unit>,
    /// The keys of `now`.
    keys: HashMap<ObjectKey, KeyUse>,
}

/// Where earlier builds requested an object.
#[derive(Clone, Copy, Debug, Default)]
struct KeyUse {
    is_used_here: bool,
    is_used_elsewhere: bool,
}

impl KeyUse {
    fn is_used(self) -> bool {
        self.is_used_here || self.is_used_elsewhere
    }
}

/// The build of an earlier phase, compared with the one that is compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct EarlierBuild {
    /// Whether the same version of sccache computed the keys.
    pub is_of_same_sccache: bool,
    /// Whether it stored its objects in the same cache, and would have the same stable paths.
    pub is_of_same_cache_and_slot: bool,
}

/// A unit of this phase, and its compilations in earlier builds.
#[derive(Default)]
struct Unit {
    /// The number of compilations in this phase.
    count: usize,
    /// The highest number in an earlier build.
    most: usize,
    earlier: HashSet<Candidate>,
    compile: Option<Duration>,
}

/// Earlier compilations of a unit that reasons don't distinguish.
#[derive(PartialEq, Eq, Hash)]
struct Candidate {
    flags: Option<u64>,
    metadata: Option<u64>,
    has_stable_path: bool,
    is_in_same_directory: bool,
    is_of_same_sccache: bool,
    /// Whether the cache would have had its object at the same path.
    is_available: bool,
}

impl<'a> Comparison<'a> {
    /// Returns a comparison with no earlier build.
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
            keys: keys.map(|key| (key, KeyUse::default())).collect(),
            units,
        }
    }

    /// Adds the phase of an earlier build, the newest first.
    pub fn add(&mut self, earlier: &Compilations, build: EarlierBuild) {
        let is_in_same_directory = earlier.directory == self.now.directory;
        let mut builds: HashMap<&'a str, (usize, Duration, u32)> = HashMap::new();
        for compilation in &earlier.list {
            if let Some(used) = compilation.key.and_then(|key| self.keys.get_mut(&key)) {
                used.is_used_here |= is_in_same_directory;
                used.is_used_elsewhere |= !is_in_same_directory;
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
            let was_cached = compilation.result.is_hit() || compilation.is_stored;
            let candidate = Candidate {
                flags: compilation.flags,
                metadata: compilation.metadata,
                has_stable_path: compilation.has_stable_path(),
                is_in_same_directory,
                is_of_same_sccache: build.is_of_same_sccache,
                is_available: was_cached
                    && build.is_of_same_sccache
                    && build.is_of_same_cache_and_slot,
            };
            let unit = self.units.entry(*name).or_default();
            if unit.earlier.len() <= MAX_CANDIDATES {
                unit.earlier.insert(candidate);
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

    /// Returns the mean time of compiling the unit in the newest earlier build that compiled it.
    pub fn compile_time(&self, unit: &str) -> Option<Duration> {
        self.units.get(unit)?.compile
    }

    /// Returns the reason of each compilation; `None` if it didn't miss.
    pub fn reasons(&self, known: impl Fn(ObjectKey) -> Known) -> Vec<Option<MissReason>> {
        let known = |key| match known(key) {
            // It was requested and not stored, or the store has forgotten it.
            Known::Never if self.keys[&key].is_used() => Known::Elsewhere,
            known => known,
        };
        let reason = |compilation: &Compilation| {
            let is_miss = compilation.result.is_miss();
            is_miss.then(|| self.reason(compilation, known))
        };
        self.now.list.iter().map(reason).collect()
    }

    /// Whether a crate that missed because of its [path](MissReason::Path) would have been a hit if this
    /// and the earlier build had stable paths. This is an estimate: the source of the crate may have been
    /// changed, and the cache may have lost the object.
    pub fn would_hit_at_stable_path(&self, compilation: &Compilation) -> bool {
        let is_same_and_available = |candidate: &Candidate| {
            (candidate.flags, candidate.metadata) == (compilation.flags, compilation.metadata)
                && candidate.is_available
        };
        let unit = &self.units[&*compilation.unit];
        compilation.directory_in_key == DirectoryInKey::AvoidedByStablePaths
            && unit.earlier.iter().any(is_same_and_available)
    }

    /// Whether a crate hit because of its stable path: builds in other directories requested exactly this
    /// object, and no build in this directory did.
    pub fn is_hit_of_stable_path(&self, compilation: &Compilation) -> bool {
        let used = compilation.key.and_then(|key| self.keys.get(&key));
        compilation.result.is_hit()
            && compilation.has_stable_path()
            && used.is_some_and(|used| used.is_used_elsewhere && !used.is_used_here)
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
            // If it is ambiguous, the unit is right, but the key may be that of a namesake.
            (Known::Never | Known::Elsewhere, MissReason::First) => MissReason::First,
            _ if compilation.is_ambiguous => MissReason::Unknown,
            (Known::Here, _) => MissReason::Evicted,
            (Known::Never, reason) => reason,
            // Without keys (before 0.7.7) an evicted object looks like a changed one.
            (Known::Elsewhere, MissReason::Flags) if compilation.key.is_none() => MissReason::Flags,
            (Known::Elsewhere, _) => MissReason::Unknown,
        }
    }

    /// Returns the reason of a compilation whose object was never in the cache.
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
        // If this build has more compilations of the unit than any earlier one, some are new, and only cargo's
        // metadata shows which.
        let is_same_crate = |candidate: &Candidate| {
            let metadata = candidate
                .metadata
                .filter(|_| candidate.flags == compilation.flags);
            metadata.is_some() && metadata == compilation.metadata
        };
        let may_be_new = unit.count > unit.most && !unit.earlier.iter().any(is_same_crate);
        if compilation.flags.is_none() || may_be_new || unit.earlier.len() > MAX_CANDIDATES {
            return MissReason::Unknown;
        }
        let has_same_flags = |candidate: &&Candidate| candidate.flags == compilation.flags;
        let candidates: Vec<_> = unit.earlier.iter().filter(has_same_flags).collect();
        if !candidates.is_empty() {
            self.reason_with_same_flags(compilation, &candidates)
        } else if unit
            .earlier
            .iter()
            .all(|candidate| candidate.flags.is_some())
        {
            MissReason::Flags
        } else {
            MissReason::Unknown
        }
    }

    /// Returns the reason of a compilation whose arguments differ only in directories from those of
    /// `candidates`.
    fn reason_with_same_flags(
        &self,
        compilation: &Compilation,
        candidates: &[&Candidate],
    ) -> MissReason {
        let is_rust = compilation.language == Some(Language::Rust);
        let same_crates = candidates
            .iter()
            .filter(|candidate| !is_rust || candidate.metadata == compilation.metadata);
        let has_stable_path = compilation.has_stable_path();
        let like_this: Vec<_> = same_crates
            .clone()
            .filter(|candidate| candidate.has_stable_path == has_stable_path)
            .collect();
        let is_here = like_this
            .iter()
            .any(|candidate| candidate.is_in_same_directory);
        if same_crates.count() > 0 && !is_here {
            match compilation.directory_in_key {
                DirectoryInKey::Always if is_rust || self.c_keys_have_paths => {
                    return MissReason::Path;
                }
                DirectoryInKey::AvoidedByStablePaths => return MissReason::Path,
                DirectoryInKey::AtStablePaths if like_this.is_empty() => return MissReason::Path,
                DirectoryInKey::Never => {}
                _ => return MissReason::Unknown,
            }
        }
        // Another version of sccache may compute other keys.
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

/// Whether keys of C and C++ contain the paths of sources and headers, in the server with these statistics:
/// with the preprocessor cache, in 0.7.7 to 0.8.2, and from 0.14 on without base directories. It is unknown
/// for the versions in between.
pub fn c_keys_have_paths(stats: &Stats) -> bool {
    if stats.preprocessor_cache_mode != Some(true) {
        return false;
    }
    let mut numbers = stats.version.as_deref().unwrap_or_default().split('.');
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    match (number(), number()) {
        (Some(0), Some(7 | 8)) => true,
        (Some(0), Some(0..14)) | (None, _) | (_, None) => false,
        _ => stats.base_directories.as_ref().is_some_and(Vec::is_empty),
    }
}
