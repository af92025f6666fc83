//! What sccache knows: its statistics, the formats it prints them in, its server.
//!
//! Nothing outside this module knows a line of sccache's output.

mod address;
mod configuration;
mod error;
mod json;
mod listener;
mod log;
mod not_measured;
mod reason;
mod running;
mod server;
mod stats;
mod text;
mod units;
mod variables;

pub use address::{Address, identity, is_listening};
pub use configuration::Configuration;
pub use error::ParseError;
pub use json::parse_json;
pub use listener::Listener;
pub use log::ServerLog;
pub use not_measured::{NotMeasured, NotMeasuredReason};
pub use reason::{Cure, Reason, explain};
pub use running::RunningServer;
pub use server::{Sccache, ServerError, Stop, TakeError};
pub use stats::{Counts, Level, Stats, coverage, hit_rate, percent};
pub(crate) use stats::{Part, Statistics};
pub use text::{Blocks, Read, clean_log_line, parse_text, print_block};
pub use units::format_bytes;
pub use variables::{
    Conflict, DEFAULT_CACHE_SIZE, Severity, cache_size, cache_size_setting, conflicts,
    local_folder, overrides_local, remotes,
};
