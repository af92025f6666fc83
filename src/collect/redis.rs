//! `sccache-collect redis`: whether a phase can use the Redis in its settings.

use super::Messages;
use crate::config::text_variable;
use crate::error::Result;
use crate::sccache::{ConfigFile, RedisSettings};

/// Print a warning if sccache can't use the Redis in its settings
///
/// Connects to the Unix socket in SCCACHE_REDIS_ENDPOINT, SCCACHE_REDIS, or the file that SCCACHE_CONF
/// names, reads and writes a key as sccache's server does when it starts, and waits up to 1 s. If that
/// fails, the hook lets the phase use the local cache alone: each compiler call would fail after 10 s.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print what `sccache-report doctor` needs: the use of memory, or what to do
    #[arg(long)]
    inspect: bool,
}

/// Connects to Redis.
///
/// # Errors
/// None: a Redis that can't be used is a warning.
pub(super) fn run(args: &Args) -> Result<Messages> {
    let mut messages = Messages::default();
    let file = text_variable("SCCACHE_CONF");
    let file = file.and_then(|file| ConfigFile::read(file.as_ref()).ok());
    let Some(settings) = RedisSettings::find(text_variable, file.and_then(|file| file.redis))
    else {
        return Ok(messages);
    };
    if args.inspect {
        match settings.query_memory() {
            Ok(memory) => messages.info.extend(memory.lines().map(str::to_owned)),
            Err(error) => messages.warn(format!("{error}. {}", error.hint())),
        }
    } else if let Err(error) = settings.check() {
        let socket = settings.shown_socket();
        let place = socket.map_or_else(String::new, |socket| format!(" at {socket}"));
        messages.warn(format!(
            "builds use the local cache alone, because Redis{place} can't be used: {error}. Run \
             `sccache-report doctor`"
        ));
    }
    Ok(messages)
}
