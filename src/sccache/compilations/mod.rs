//! What a server logged about each compilation.
//!
//! With `SCCACHE_LOG=sccache::compiler::compiler=debug` a server logs a few lines per compilation,
//! in the same words from sccache 0.3.1 to 0.19.0 (`get_cached_or_compile` in its
//! `src/compiler/compiler.rs`). [`CompilationLog`] turns them into one [`Compilation`] each.
//!
//! Lines name a compilation only by its object's file name or its crate, so the lines of two
//! `util.o` compiled at once have to be told apart by their times: `generate_hash_key took 0.132 s`
//! belongs to the compilation that was requested 0.132 s earlier.

mod arguments;
mod former_units;
mod line;
mod list;
mod log;
mod miss_reason;
#[cfg(test)]
mod tests;

pub use arguments::{Language, hash_directory};
pub use former_units::FormerUnits;
pub use list::{CompilationList, MAX_LIST_BYTES};
pub use log::{CompilationLog, MAX_COMPILATIONS, read_lines};
pub use miss_reason::{Comparison, Known, MissReason, c_keys_have_paths};

use std::time::Duration;

/// The compilations of one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compilations {
    /// A hash of the path of `S`, which shows whether two builds ran in the same directory.
    pub directory: u64,
    /// The compilations.
    pub list: Vec<Compilation>,
}

/// One compilation that sccache looked up in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compilation {
    /// The object file below the source or work directory, without hashes of cargo's; for Rust the
    /// crate. A relative path is as the compiler got it: its working directory isn't logged.
    pub unit: Box<str>,
    /// cargo's `-C metadata=`, which identifies the crate's version, features and dependencies.
    pub metadata: Option<u64>,
    /// The object that the cache was asked for. Unknown before sccache 0.7.7.
    pub key: Option<ObjectKey>,
    /// `None` where the arguments don't tell.
    pub language: Option<Language>,
    /// How it ended.
    pub result: CompilationResult,
    /// Whether the server stored what it compiled.
    pub is_stored: bool,
    /// What the look-up took until its key was known: a preprocessor or `rustc --emit=dep-info` run.
    pub lookup: Option<Duration>,
    /// What getting the object from the cache took, or learning that it isn't there.
    pub cache_read: Option<Duration>,
    /// What compiling took. Unknown for failed compilations.
    pub compile: Option<Duration>,
    /// A hash of the arguments that decide on the object, without build directories. `None` where
    /// they aren't known: a response file (`@FILE`), or more than fits a line.
    pub flags: Option<u64>,
    /// Whether an argument named a build directory.
    pub names_directory: bool,
    /// Another compilation of the same name ran at the same time, and their lines could belong to
    /// either: key and times are certain only for the two together.
    pub is_ambiguous: bool,
    /// Why it missed, once the build is recorded; `None` before, and if it didn't miss.
    pub miss_reason: Option<MissReason>,
}

/// The first 8 bytes of sccache's key. In a cache of 10 million objects two have the same with a
/// probability of 3 in a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(pub u64);

/// How a compilation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum CompilationResult {
    /// It was answered from the cache.
    Hit,
    /// It was not in the cache, so it was compiled.
    Miss,
    /// `SCCACHE_RECACHE`: compiled and stored without a look at the cache.
    Forced,
    /// The object couldn't be read, so it was compiled. sccache counts an error and a miss.
    ReadError,
    /// The cache didn't answer within a minute. sccache counts a timeout and a miss.
    TimedOut,
    /// `SCCACHE_NO_CACHE`: compiled, not stored, and neither hit nor miss for sccache.
    NotCached,
    /// Compiled, but sccache can't store what came of it.
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
