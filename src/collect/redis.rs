//! `sccache-collect redis`: whether a phase can use the Redis in its settings.

use super::Messages;
use crate::config::text_variable;
use crate::error::Result;
use crate::sccache::{ConfigFile, RedisSettings};
use crate::text::printable;

/// Print a warning if sccache can't use the Redis in its settings
///
/// Connects to the Unix socket in SCCACHE_REDIS_ENDPOINT, SCCACHE_REDIS, or the file that SCCACHE_CONF
/// names, logs in if a password is set, and waits up to 1 s for an answer. The hook then lets the phase
/// use the local cache alone: without an answer, each compiler call would fail after 10 s.
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
    let names = RedisSettings::VARIABLES.map(|name| (name, text_variable(name)));
    let get = |name: &str| {
        let mut variables = names.iter();
        variables.find(|(it, _)| *it == name)?.1.as_deref()
    };
    let Some(settings) = RedisSettings::find(get, file.as_ref()) else {
        return Ok(messages);
    };
    match settings.inspect() {
        Ok(memory) if args.inspect => messages.info.extend(memory.to_lines()),
        Ok(_) => {}
        Err(error) if args.inspect => messages.warn(format!("{error}. {}", error.hint())),
        Err(error) => {
            let url = printable(&settings.url_without_password(), 120);
            messages.warn(format!(
                "builds use the local cache alone, because the Redis at {url} can't be used: \
                 {error}. Run `sccache-report doctor`"
            ));
        }
    }
    Ok(messages)
}
