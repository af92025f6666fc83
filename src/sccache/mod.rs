//! What sccache knows: its statistics, the formats it prints them in, its server.
//!
//! Nothing outside this module knows a line of sccache's output.

mod stats;

pub use stats::{Counts, Stats};
