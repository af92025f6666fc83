//! The compilations of a phase, from the log of its servers.
//!
//! With `SCCACHE_LOG=sccache::compiler::compiler=debug`, a server logs a few lines per compilation, in the
//! same words from sccache 0.3.1 to 0.19.0 (`get_cached_or_compile` in sccache's
//! `src/compiler/compiler.rs`). [`CompilationLog`] makes one [`Compilation`] of them.
//!
//! A line has only the file name of the object or the name of the crate. Lines about two files `util.o`
//! that are compiled at the same time are told apart by their times: `generate_hash_key took 0.132 s`
//! belongs to the compilation that was requested 0.132 s before.

mod arguments;
mod directories;
mod former_units;
mod line;
mod list;
mod log;
mod miss_reason;
#[cfg(test)]
mod tests;

pub use arguments::{DirectoryInKey, Language, hash_directory};
pub use directories::BuildDirectories;
pub use former_units::FormerUnits;
pub use list::{CompilationList, MAX_LIST_BYTES};
pub use log::{CompilationLog, MAX_COMPILATIONS, read_lines};
pub use miss_reason::{Comparison, EarlierBuild, Known, MissReason, c_keys_have_paths};

use std::time::Duration;

/// The compilations of one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compilations {
    /// A hash of the path of `S`, which is equal for builds in the same directory.
    pub directory: u64,
    /// The compilations.
    pub list: Vec<Compilation>,
}

/// One compilation that sccache looked up in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compilation {
    /// The object file, relative to the source or work directory and without hashes of cargo, or the name
    /// of the crate. The compiler's working directory isn't logged, so a relative path stays as it is.
    pub unit: Box<str>,
    /// cargo's `-C metadata=`, which identifies the crate's version, features and dependencies.
    pub metadata: Option<u64>,
    /// The key of the object. Unknown before sccache 0.7.7.
    pub key: Option<ObjectKey>,
    /// `None` if the arguments don't show it.
    pub language: Option<Language>,
    /// How it ended.
    pub result: CompilationResult,
    /// Whether the server stored what it compiled.
    pub is_stored: bool,
    /// How long computing the key took, which runs the preprocessor or `rustc --emit=dep-info`.
    pub lookup: Option<Duration>,
    /// How long reading the object from the cache took, or finding out that it isn't there.
    pub cache_read: Option<Duration>,
    /// How long compiling took. Unknown for failed compilations.
    pub compile: Option<Duration>,
    /// A hash of the arguments that the object depends on, without build directories. `None` if they are
    /// unknown: a response file (`@FILE`), or a line that is too long.
    pub flags: Option<u64>,
    /// Whether its key contains the build directory.
    pub directory_in_key: DirectoryInKey,
    /// Whether lines may belong to another compilation of the same name that ran at the same time. Their
    /// keys and times may be swapped.
    pub is_ambiguous: bool,
    /// Why it missed. `None` if it didn't, or before the build is recorded.
    pub miss_reason: Option<MissReason>,
}

impl Compilation {
    /// Whether it is a crate at a stable path.
    pub fn has_stable_path(&self) -> bool {
        self.directory_in_key == DirectoryInKey::AtStablePaths
    }
}

/// The first 8 bytes of sccache's key. Among 10 million objects, two have the same with a probability of
/// 3 in a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(pub u64);

/// How a compilation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum CompilationResult {
    /// The object came from the cache.
    Hit,
    /// The object was not in the cache.
    Miss,
    /// `SCCACHE_RECACHE`: compiled and stored without reading the cache.
    Forced,
    /// The object could not be read. sccache counts an error and a miss.
    ReadError,
    /// The cache didn't answer within a minute. sccache counts a timeout and a miss.
    TimedOut,
    /// `SCCACHE_NO_CACHE`: compiled, not stored, and neither hit nor miss for sccache.
    NotCached,
    /// Compiled, but sccache can't store the result.
    NotCacheable,
    /// The compiler failed.
    CompileFailed,
    /// The preprocessor or `rustc --emit=dep-info` failed: sccache counts an error.
    LookupFailed,
}

impl CompilationResult {
    /// Whether sccache counts it as a hit.
    pub fn is_hit(self) -> bool {
        self == Self::Hit
    }

    /// Whether sccache counts it as a miss.
    pub fn is_miss(self) -> bool {
        matches!(
            self,
            Self::Miss | Self::Forced | Self::ReadError | Self::TimedOut
        )
    }

    /// Whether sccache counts it as an error.
    pub fn is_error(self) -> bool {
        matches!(self, Self::ReadError | Self::LookupFailed)
    }
}
