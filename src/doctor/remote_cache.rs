//! Checks whether builds can use the configured remote cache.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Context, Finding, green, programs, quoted, red, unknown, yellow};
use crate::portage::make_conf::{self, Assignment};
use crate::sccache::{RedisMemory, RedisSettings, is_built_without_redis};
use crate::text::{format_bytes, printable};

/// The first version of sccache with `SCCACHE_MULTILEVEL_CHAIN`: 0.MINOR.
const CHAIN_SINCE: u32 = 15;

/// Secret variables of other programs that sccache reads for S3, OSS, and COS.
const CREDENTIALS: [&str; 5] = [
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "TENCENTCLOUD_SECRET_KEY",
    "TENCENTCLOUD_SECURITY_TOKEN",
];

const RECIPE: &str = "docs/shared-cache.md has a setup that works";

/// What the check found.
pub(super) struct RemoteCache {
    pub(super) finding: Finding,
    /// Whether the hook lets builds use the local cache alone, because they can't use Redis.
    pub(super) is_disabled: bool,
}

pub(super) fn check(context: &Context) -> RemoteCache {
    let settings = &context.settings;
    let (mut parts, mut is_disabled) = (Vec::new(), false);
    match (settings.remote_cache(), settings.redis()) {
        (None, _) => parts.push(green("none: builds use the local cache alone")),
        (Some(kind), None) => {
            parts.extend(check_secrets(context));
            parts.push(check_network(context, kind));
        }
        (Some(_), Some(redis)) => {
            let result = check_redis(context, &redis);
            is_disabled = result.is_err();
            parts.push(result.unwrap_or_else(|finding| finding));
            parts.extend(check_secrets(context));
            parts.extend(check_chain(context));
        }
    }
    let finding = Finding::merge(parts);
    RemoteCache {
        finding,
        is_disabled,
    }
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
    if programs::is_before(&version, CHAIN_SINCE) {
        let message = format!("sccache {version} ignores SCCACHE_MULTILEVEL_CHAIN. Update it");
        return Some(yellow(message).fix(programs::INSTALL_SCCACHE));
    }
    let (help, _) = user.run(&[program.to_str()?, "--help"], &context.settings.path())?;
    is_built_without_redis(&help).then(|| {
        let message = "sccache was built without Redis, so each compiler call fails. Set USE=redis for \
                       dev-util/sccache";
        red(message).fix(programs::INSTALL_SCCACHE)
    })
}

/// Finds a password in a variable, which Portage saves in the environment of every package.
fn check_secrets(context: &Context) -> Option<Finding> {
    let assigned = make_conf::assignments(&context.machine.settings.make_conf());
    let mut variables = context.settings.starting_with("SCCACHE_");
    if let Some((name, _)) = variables.find(|(name, value)| is_secret(name, value)) {
        let place = place(&assigned, name);
        return Some(yellow(format!(
            "{name}{place} is saved in the environment.bz2 of every package. Move all settings of this cache to \
             the file that SCCACHE_CONF names"
        )));
    }
    let mut names = assigned.iter().map(|one| &*one.name);
    let name = names.find(|name| CREDENTIALS.contains(name))?;
    let place = place(&assigned, name);
    Some(yellow(format!(
        "{name}{place} is saved in the environment.bz2 of every package. Move it to a file with credentials that only \
         the build user and root can read"
    )))
}

/// Returns the last place that assigns a variable: ` (FILE, line N)`.
fn place(assigned: &[Assignment], name: &str) -> String {
    let assignment = assigned.iter().rfind(|one| one.name == name);
    let place = assignment.map(|one| format!(" ({}, line {})", one.file.display(), one.line));
    place.unwrap_or_default()
}

/// Whether a variable of sccache contains a password. The hook hides the same variables in its record.
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
    let collector = collector.to_string_lossy();
    let variables = settings.starting_with("SCCACHE_");
    let words = [&*collector, "redis", "--inspect"];
    let Some((output, errors)) = user.run_with(&words, &settings.path(), variables) else {
        return Ok(unknown(format!("{collector} took too long")));
    };
    let place = redis.shown_socket();
    let place = place.map_or_else(String::new, |socket| format!(" at {socket}"));
    if let Some(problem) = errors.trim().strip_prefix("warning: ") {
        let problem = printable(problem, 400);
        return Err(yellow(format!(
            "builds use the local cache alone, because Redis{place} can't be used: {problem}"
        )));
    }
    let Ok(socket) = redis.socket() else {
        return Ok(unknown("the URL names no socket"));
    };
    let has_expiration = redis.has_expiration();
    let memory = || check_memory(&RedisMemory::parse(&output), has_expiration, &place);
    Ok(check_access(&socket, redis).unwrap_or_else(memory))
}

/// Whether users other than the build user can change what is in Redis, or take its place.
fn check_access(socket: &Path, redis: &RedisSettings) -> Option<Finding> {
    let mode = |path: &Path| path.metadata().map_or(0, |it| it.mode());
    let is_replaceable = |folder: &&Path| {
        let is_own_folder = socket.parent() == Some(folder);
        // In a sticky folder, only the owner of a file or folder can replace it.
        mode(folder) & 0o002 != 0 && (is_own_folder || mode(folder) & 0o1000 == 0)
    };
    if let Some(folder) = socket.ancestors().skip(1).find(is_replaceable) {
        let folder = quoted(&folder.to_string_lossy());
        return Some(red(format!(
            "any user can put another server in the place of Redis, because every user can write to {folder}. Use a \
             directory for Redis alone, with mode 0750: {RECIPE}"
        )));
    }
    (mode(socket) & 0o002 != 0 && !redis.has_password()).then(|| {
        red(format!(
            "any user can write to Redis at {} and change what builds get from it. Set `unixsocketperm 770` in its \
             configuration, and start it with the group of the build user",
            quoted(&socket.to_string_lossy())
        ))
    })
}

/// Whether Redis removes old objects in time.
fn check_memory(memory: &RedisMemory, has_expiration: bool, place: &str) -> Finding {
    let Some((used, limit)) = memory.used.zip(memory.limit) else {
        return green(format!("Redis{place} can be used"));
    };
    if limit == 0 {
        return yellow(format!(
            "Redis{place} has no memory limit. Set `maxmemory` and `maxmemory-policy allkeys-lru` in its configuration"
        ));
    }
    if memory.keeps_everything(has_expiration) {
        let policy = memory.policy.as_deref().unwrap_or_default();
        return yellow(format!(
            "Redis{place} has maxmemory-policy {policy}: once it is full, it stores nothing, and sccache before 0.19 \
             doesn't either. Set `maxmemory-policy allkeys-lru` in its configuration, and restart it"
        ));
    }
    let (used, limit) = (format_bytes(used), format_bytes(limit));
    green(format!("Redis{place} can be used, {used} of {limit} used"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::State;
    use super::*;

    #[test]
    fn nobody_else_may_write_to_a_folder_of_the_socket() {
        let top = tempfile::tempdir().unwrap();
        let (folder, socket) = (top.path().join("a"), top.path().join("a/r.sock"));
        fs::create_dir(&folder).unwrap();
        fs::write(&socket, "").unwrap();
        let is_found = |path: &Path, mode| {
            let old = path.metadata().unwrap().permissions();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            let found = check_access(&socket, &RedisSettings::default());
            fs::set_permissions(path, old).unwrap();
            found.is_some()
        };
        assert!(!is_found(&folder, 0o750));
        assert!(is_found(&folder, 0o777));
        assert!(is_found(&folder, 0o1777));
        assert!(is_found(top.path(), 0o777));
        assert!(!is_found(top.path(), 0o1777));
        assert!(is_found(&socket, 0o777));
    }

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
        let state = |limit: u64, policy: &str, has_expiration| {
            let text = format!("used_memory:1\nmaxmemory:{limit}\nmaxmemory_policy:{policy}");
            check_memory(&RedisMemory::parse(&text), has_expiration, "").state
        };
        assert_eq!(state(9, "allkeys-lru", false), State::Green);
        assert_eq!(state(0, "allkeys-lru", false), State::Yellow);
        assert_eq!(state(9, "noeviction", false), State::Yellow);
        assert_eq!(state(9, "volatile-lru", false), State::Yellow);
        assert_eq!(state(9, "volatile-lru", true), State::Green);
    }
}
