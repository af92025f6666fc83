//! What sccache knows: its statistics, the formats it prints them in, its server.
//!
//! Nothing outside this module knows a line of sccache's output.

mod rates;
mod stats;
mod sum;

pub use rates::{coverage, hit_rate};
pub use stats::{Counts, Stats};
