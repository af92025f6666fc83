//! What all tests share. Each of the six test binaries includes it, and uses its own part.
#![allow(dead_code, unused_imports, reason = "each binary uses its own part")]

/// Builds that are recorded with their compilations.
pub mod listed;
/// A folder of build logs, and its import.
pub mod logs;
/// Databases of several hosts, and their merge.
pub mod merging;
/// A real Portage in a throw-away root.
pub mod portage;
/// Runs sccache-report and reads its output.
mod program;
/// Runs `sccache-collect record` as the hook does.
pub mod recorder;
/// Sample builds and databases.
mod samples;
/// A terminal of any width.
pub mod terminal;

pub use program::*;
pub use samples::*;
