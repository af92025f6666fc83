//! Checks whether builds can use the configured remote cache.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Context, Finding, green, programs, quoted, red, unknown, yellow};
use crate::portage::{make_conf, plain_path};
use crate::sccache::{RedisMemory, RedisSettings};
use crate::text::{format_bytes, printable};

/// The first version of sccache with `SCCACHE_MULTILEVEL_CHAIN`: 0.MINOR.
const CHAIN_SINCE: u32 = 15;

const RECIPE: &str = "docs/shared-cache.md has a setup that works";

/// Returns the finding, and whether builds go on without a Redis that can't be used.
pub(super) fn check(context: &Context) -> (Finding, bool) {
    let settings = &context.settings;
    let Some(kind) = settings.remote_cache() else {
        return (green("none: builds use the local cache alone"), false);
    };
    let Some(redis) = settings.redis() else {
        let secrets = check_secrets(context);
        let parts = secrets.into_iter().chain([check_network(context, kind)]);
        return (Finding::merge(parts), false);
    };
    let result = check_redis(context, &redis);
    let is_unusable = result.is_err();
    let mut parts = vec![result.unwrap_or_else(|finding| finding)];
    parts.extend(check_secrets(context));
    parts.extend(check_chain(context));
    (Finding::merge(parts), is_unusable)
}

/// Checks a cache that builds reach by TCP.
fn check_network(context: &Context, kind: &str) -> Finding {
    let settings = &context.settings;
    let mut server = ["SCCACHE_SERVER_UDS", "SCCACHE_SERVER_PORT"].into_iter();
    let has_server = server.any(|name| settings.value(name).is_some());
    if settings.has_feature("network-sandbox") == Some(true) && !has_server {
        return red(format!(
            "builds can't reach the configured {kind}, because FEATURES has network-sandbox. A Redis at a \
             Unix socket works: {RECIPE}"
        ));
    }
    green(kind)
}

/// Whether sccache uses the Redis together with the local cache.
fn check_chain(context: &Context) -> Option<Finding> {
    if !context.settings.has_cache_chain() {
        let message = "without SCCACHE_MULTILEVEL_CHAIN=\"disk,redis\", builds use Redis alone, in which C and C++ \
                       have other keys";
        return Some(yellow(message));
    }
    let user = context.user.as_ref().ok()?;
    let program = programs::find_sccache(&context.settings)?;
    let version = user.version(&program, &context.settings.path())?;
    programs::is_before(&version, CHAIN_SINCE).then(|| {
        let message = format!("sccache {version} ignores SCCACHE_MULTILEVEL_CHAIN. Update it");
        yellow(message).fix(programs::INSTALL_SCCACHE)
    })
}

/// Finds a password in a variable, which Portage saves in the environment of every package.
fn check_secrets(context: &Context) -> Option<Finding> {
    let mut variables = context.settings.starting_with("SCCACHE_");
    let (name, _) = variables.find(|(name, value)| is_secret(name, value))?;
    let assigned = make_conf::assignments(&context.machine.settings.make_conf());
    let assignment = assigned.iter().rfind(|one| one.name == name);
    let place = assignment.map(|one| format!(" ({}, line {})", one.file.display(), one.line));
    let place = place.unwrap_or_default();
    Some(yellow(format!(
        "{name}{place} is saved in the environment.bz2 of every package. Move all settings of this cache to \
         the file that SCCACHE_CONF names"
    )))
}

/// Whether a variable contains a password. The hook hides the same variables in its record.
fn is_secret(name: &str, value: &str) -> bool {
    let ends = ["PASSWORD", "TOKEN", "SECRET", "_KEY", "CONNECTION_STRING"];
    let has_credentials = |(_, rest): (&str, &str)| rest.contains('@');
    !value.is_empty()
        && (ends.iter().any(|end| name.ends_with(end))
            || value.split_once("://").is_some_and(has_credentials))
}

/// Connects to the Redis as the build user.
///
/// # Errors
/// Returns a finding if builds can't use it.
fn check_redis(context: &Context, redis: &RedisSettings) -> Result<Finding, Finding> {
    let settings = &context.settings;
    let user = match &context.user {
        Ok(user) => user,
        Err(reason) => return Ok(unknown(reason)),
    };
    if let Some(name) = settings.unknown_password() {
        return Ok(unknown(format!(
            "not tried: the value of {name} is only known in builds"
        )));
    }
    let Some(collector) = programs::find_collector(settings) else {
        return Ok(unknown("not tried: see the check `programs`"));
    };
    let url = quoted(&redis.url_without_password());
    let collector = collector.to_string_lossy();
    let variables = settings.starting_with("SCCACHE_");
    let words = [&*collector, "redis", "--inspect"];
    let Some((output, errors)) = user.run_with(&words, &settings.path(), variables) else {
        return Ok(unknown(format!("{collector} took too long")));
    };
    if let Some(problem) = errors.trim().strip_prefix("warning: ") {
        let problem = printable(problem, 400);
        return Err(yellow(format!(
            "builds use the local cache alone, because Redis at {url} can't be used: {problem}"
        )));
    }
    let Ok(socket) = redis.socket() else {
        return Ok(unknown(format!("{url} isn't a socket")));
    };
    let memory = || check_memory(&RedisMemory::parse(&output), &socket, &url);
    Ok(check_access(&socket, redis).unwrap_or_else(memory))
}

/// Whether users other than the build user can change what is in Redis.
fn check_access(socket: &Path, redis: &RedisSettings) -> Option<Finding> {
    let is_open = socket.metadata().is_ok_and(|it| it.mode() & 0o002 != 0);
    (is_open && !redis.has_password()).then(|| {
        red(format!(
            "any user can write to Redis at {} and change what builds get from it. Set `unixsocketperm 770` in its \
             configuration, and start it with the group of the build user",
            quoted(&socket.to_string_lossy())
        ))
    })
}

/// Whether Redis removes old objects in time.
fn check_memory(memory: &RedisMemory, socket: &Path, url: &str) -> Finding {
    let Some((used, limit)) = memory.used.zip(memory.limit) else {
        return green(format!("Redis at {url} answers"));
    };
    if limit == 0 {
        return yellow(format!(
            "Redis at {url} has no memory limit. Set `maxmemory` and `maxmemory-policy allkeys-lru` in its configuration"
        ));
    }
    if memory.keeps_everything() {
        let policy = memory.policy.as_deref().unwrap_or_default();
        let finding = yellow(format!(
            "Redis at {url} has maxmemory-policy {policy}: once it is full, it stores nothing, and sccache before 0.19 \
             doesn't either. Set `maxmemory-policy allkeys-lru` in its configuration"
        ));
        return match plain_path(socket) {
            Some(path) => finding.fix(format!(
                "redis-cli -s {path} config set maxmemory-policy allkeys-lru"
            )),
            None => finding,
        };
    }
    let (used, limit) = (format_bytes(used), format_bytes(limit));
    green(format!("Redis at {url} answers, {used} of {limit} used"))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn passwords_are_found() {
        assert!(is_secret("SCCACHE_REDIS_PASSWORD", "p"));
        assert!(is_secret("SCCACHE_REDIS", "unix://:p@h/r"));
        assert!(!is_secret("SCCACHE_REDIS_PASSWORD", ""));
        assert!(!is_secret("SCCACHE_REDIS_ENDPOINT", "unix://localhost/r"));
        assert!(!is_secret("SCCACHE_REDIS_KEY_PREFIX", "a@b"));
    }

    #[test]
    fn objects_have_to_be_evicted_at_a_limit() {
        let state = |limit: u64, policy: &str| {
            let text = format!("used_memory:1\nmaxmemory:{limit}\nmaxmemory_policy:{policy}");
            let finding = check_memory(&RedisMemory::parse(&text), Path::new("/run/r"), "u");
            (finding.state, finding.fix.len())
        };
        assert_eq!(state(9, "allkeys-lru"), (State::Green, 0));
        assert_eq!(state(0, "allkeys-lru"), (State::Yellow, 0));
        assert_eq!(state(9, "noeviction"), (State::Yellow, 1));
        assert_eq!(state(9, "volatile-lru"), (State::Yellow, 1));
    }
}
