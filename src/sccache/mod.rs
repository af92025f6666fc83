//! Facts about sccache: statistics, output formats, servers, and settings.
//!
//! No other module depends on the text of sccache's output.

mod address;
pub mod compilations;
mod json;
mod log;
mod not_measured;
mod parse;
mod process;
mod reason;
mod redis;
mod server;
mod settings;
mod stats;
mod text;

pub use address::{Address, identity, is_listening};
pub use json::parse_json;
pub use log::ServerLog;
pub use not_measured::{NotMeasured, NotMeasuredReason};
pub use parse::ParseError;
pub use process::{Listener, ProcessorTime, RunningServer};
pub use reason::{Explanation, Fix, explain};
pub use redis::{RedisError, RedisMemory, RedisSettings};
pub use server::{Sccache, ServerError, StopError};
pub use settings::{
    ConfigFile, Conflict, DEFAULT_CACHE_SIZE, Severity, cache_size, cache_size_setting, conflicts,
    is_built_without_redis, local_folder, remotes,
};
pub(crate) use stats::Part;
pub use stats::{Counts, Level, Stats, coverage, hit_rate};
pub use text::{BlockInLog, BlockReader, clean_log_line, parse_text, print_block};
