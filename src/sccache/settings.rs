//! sccache's settings: environment variables, and the configuration file that `SCCACHE_CONF` names
//! (docs/Configuration.md and `Config::load` in sccache's `src/config.rs`, 0.16.0).
//!
//! Without `SCCACHE_CONF` the file is `~/.config/sccache/config`, which no build reads: its home is a
//! new folder (`homedir` beside `${T}`, Portage 3.0.83; tested).

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::redis::RedisSettings;
use crate::files::open_regular;
use crate::text::printable;

/// The limit of a local cache in bytes unless `SCCACHE_CACHE_SIZE` is set
/// (`default_disk_cache_size` in sccache's `src/config.rs`, 0.16.0).
pub const DEFAULT_CACHE_SIZE: u64 = 10 << 30;

/// The most bytes of a configuration file that are read.
const MAX_FILE: u64 = 1024 * 1024;

/// Remote caches: variable, section in the configuration file, kind (`storage_from_config` in
/// sccache's `src/cache/cache.rs`, 0.16.0; `SCCACHE_MEMCACHED` and `SCCACHE_REDIS` are older names).
/// sccache uses the first that is set.
const REMOTES: &[(&str, &str, &str)] = &[
    ("SCCACHE_BUCKET", "s3", "S3"),
    ("SCCACHE_REDIS", "", "Redis"),
    ("SCCACHE_REDIS_CLUSTER_ENDPOINTS", "", "Redis"),
    ("SCCACHE_REDIS_ENDPOINT", "redis", "Redis"),
    ("SCCACHE_MEMCACHED", "", "memcached"),
    ("SCCACHE_MEMCACHED_ENDPOINT", "memcached", "memcached"),
    ("SCCACHE_GCS_BUCKET", "gcs", "GCS"),
    ("SCCACHE_GHA_ENABLED", "gha", "GitHub Actions"),
    ("SCCACHE_AZURE_CONNECTION_STRING", "azure", "Azure"),
    ("SCCACHE_WEBDAV_ENDPOINT", "webdav", "WebDAV"),
    ("SCCACHE_OSS_BUCKET", "oss", "OSS"),
    ("SCCACHE_COS_BUCKET", "cos", "COS"),
];

/// The cache settings in a configuration file. Variables take precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// The folder of a local cache, if it is absolute.
    pub folder: Option<PathBuf>,
    /// The Redis.
    pub redis: Option<RedisSettings>,
    /// The kinds of remote caches.
    pub remotes: Vec<&'static str>,
    /// Whether several levels are used together.
    pub has_chain: bool,
}

impl ConfigFile {
    /// Reads a regular file. Another user may have replaced it: opening a device can have side
    /// effects, and a FIFO or an endless file would block a build, or root.
    ///
    /// # Errors
    /// Returns an error if the file can't be read, of kind `InvalidData` if sccache can't parse it
    /// either.
    pub fn read(path: &Path) -> io::Result<Self> {
        let file = open_regular(path)?;
        let mut text = String::new();
        file.take(MAX_FILE).read_to_string(&mut text)?;
        let is_json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        let parsed = Self::parse(&text, is_json);
        parsed.map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))
    }

    /// Parses a file. sccache also refuses keys that it doesn't know.
    fn parse(text: &str, is_json: bool) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Sections {
            #[serde(default)]
            cache: toml::Table,
        }
        let Sections { cache } = if is_json {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            toml::from_str(text).map_err(|error: toml::de::Error| {
                let before = error.span().map_or(0, |span| span.start);
                let line = text[..before].matches('\n').count() + 1;
                format!("line {line}: {}", error.message())
            })?
        };
        let folder = cache.get("disk").and_then(|disk| disk.get("dir")?.as_str());
        let remotes = REMOTES.iter();
        let remotes = remotes.filter(|(_, section, _)| cache.contains_key(*section));
        Ok(Self {
            folder: folder.map(PathBuf::from).filter(|it| it.is_absolute()),
            redis: cache.get("redis").and_then(read_redis),
            remotes: remotes.map(|(_, _, kind)| *kind).collect(),
            has_chain: cache.contains_key("multilevel"),
        })
    }
}

fn read_redis(section: &toml::Value) -> Option<RedisSettings> {
    let get = |name: &str| match section.get(name)? {
        toml::Value::String(text) => Some(text.clone()),
        number => Some(number.to_string()),
    };
    RedisSettings::new(get("endpoint"), get("url"), get)
}

/// Returns the variables that set a remote cache, and its kind. `get` returns a variable's value.
pub fn remotes<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Vec<(&'static str, &'static str)> {
    let is_set = |variable| get(variable).is_some();
    let remotes = REMOTES.iter().filter(|(variable, ..)| is_set(variable));
    remotes
        .map(|(variable, _, kind)| (*variable, *kind))
        .collect()
}

/// Returns the folder of the local cache: that of the variable, or of the configuration file if no
/// variable replaces it. Each of these four replaces all that the file says about the local cache
/// (`config_from_env` in sccache's `src/config.rs`, 0.16.0; tested).
pub fn local_folder<'a>(
    get: impl Fn(&str) -> Option<&'a str>,
    file: Option<&ConfigFile>,
) -> Option<PathBuf> {
    let is_replaced = get("SCCACHE_DIR").is_some()
        || get("SCCACHE_DIRECT").is_some()
        || get("SCCACHE_CACHE_SIZE").and_then(cache_size).is_some()
        || get("SCCACHE_LOCAL_RW_MODE").is_some_and(|it| ["READ_ONLY", "READ_WRITE"].contains(&it));
    if is_replaced {
        get("SCCACHE_DIR").map(PathBuf::from)
    } else {
        file.and_then(|file| file.folder.clone())
    }
}

/// Whether sccache was built without Redis, as the output of `sccache --help` says (0.4.2 to 0.19.0,
/// tested). With Redis in the chain, its server then doesn't start.
pub fn is_built_without_redis(help: &str) -> bool {
    let mut values = help
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Redis:"));
    values.any(|value| value.trim() == "false")
}

/// Parses `SCCACHE_CACHE_SIZE` as sccache does, into bytes: `500M`, `10G`. `None` if sccache uses its
/// default instead, for example for `10GiB` and `5.5G` (tested with 0.16.0).
pub fn cache_size(value: &str) -> Option<u64> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let unit = value[digits.len()..].to_ascii_uppercase();
    let units = ["", "K", "M", "G", "T"];
    let power = units.iter().position(|it| *it == unit)?;
    number.checked_mul(1 << (10 * power))
}

/// Returns a value of `SCCACHE_CACHE_SIZE` for at most `bytes`, but at least 1 KiB, and its bytes.
pub fn cache_size_setting(bytes: u64) -> (String, u64) {
    let (unit, shift) = match bytes {
        0..0x100000 => ("K", 10),
        0x100000..0x280000000 => ("M", 20),
        _ => ("G", 30),
    };
    let count = (bytes >> shift).max(1);
    (format!("{count}{unit}"), count << shift)
}

/// The severity of a [`Conflict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Builds are cached, but not as intended.
    Minor,
    /// Nothing is cached, or builds fail.
    Fatal,
}

/// A variable that prevents caching, or contradicts another variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The variable to change or remove.
    pub variable: &'static str,
    /// What it does: a predicate, with the variable as the subject.
    pub reason: String,
    /// How bad that is.
    pub severity: Severity,
}

/// Returns all conflicts of the variables. `get` returns what is set, the empty text included:
/// sccache checks whether some are set, and the value of others (`src/commands.rs`, `src/compiler/`
/// and `src/server.rs`, 0.16.0; tested).
pub fn conflicts<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Vec<Conflict> {
    use Severity::{Fatal, Minor};
    let value = |name: &str| get(name).filter(|value| !value.is_empty());
    let mut conflicts = Vec::new();
    let mut add = |variable, severity, reason: &str| {
        conflicts.push(Conflict {
            variable,
            reason: reason.to_owned(),
            severity,
        });
    };
    if get("SCCACHE_RECACHE").is_some() {
        let reason = "turns every hit into a miss, whatever its value";
        add("SCCACHE_RECACHE", Fatal, reason);
    }
    if get("SCCACHE_NO_CACHE").is_some() {
        let reason = "turns the cache off, whatever its value";
        add("SCCACHE_NO_CACHE", Fatal, reason);
    }
    if get("SCCACHE_START_SERVER") == Some("1") {
        let reason = "turns every compiler call into a server";
        add("SCCACHE_START_SERVER", Fatal, reason);
    }
    if get("SCCACHE_NO_DAEMON") == Some("1") {
        let reason = "keeps servers in the foreground: the call that starts one waits for it";
        add("SCCACHE_NO_DAEMON", Minor, reason);
    }
    if get("SCCACHE_LOCAL_RW_MODE") == Some("READ_ONLY") {
        let reason = "keeps new objects out of the cache";
        add("SCCACHE_LOCAL_RW_MODE", Minor, reason);
    }
    if let Some(size) = value("SCCACHE_CACHE_SIZE").filter(|size| cache_size(size).is_none()) {
        let size = printable(size, 80);
        let reason = format!("is {size}, which isn't a size like 500M or 10G, so sccache uses 10G");
        add("SCCACHE_CACHE_SIZE", Minor, &reason);
    }
    let is_chain = value("SCCACHE_MULTILEVEL_CHAIN").is_some();
    if let Some((variable, kind)) = remotes(value).first()
        && value("SCCACHE_DIR").is_some()
        && !is_chain
    {
        let reason = format!(
            "is ignored because {variable} ({kind}) is set without SCCACHE_MULTILEVEL_CHAIN"
        );
        add("SCCACHE_DIR", Minor, &reason);
    }
    if value("SCCACHE_SERVER_UDS").is_some() && value("SCCACHE_SERVER_PORT").is_some() {
        let reason = "is ignored because SCCACHE_SERVER_UDS is set";
        add("SCCACHE_SERVER_PORT", Minor, reason);
    }
    conflicts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_sccache_does() {
        assert_eq!(cache_size("5g"), Some(5 << 30));
        assert_eq!(cache_size("123"), Some(123));
        assert_eq!(cache_size("500M"), Some(500 << 20));
        for bad in ["", "x", "G", "5X", "5GiB", "5.5G", "99999999999999999T"] {
            assert_eq!(cache_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn presence_or_value_makes_a_conflict() {
        let conflicting = |set: &[(&str, &'static str)]| {
            let get = |name: &str| {
                let mut found = set.iter().filter(|(one, _)| *one == name);
                found.next().map(|(_, value)| *value)
            };
            let found = conflicts(get);
            found.iter().map(|it| it.variable).collect::<Vec<_>>()
        };
        let none = [""; 0];
        assert_eq!(conflicting(&[("SCCACHE_RECACHE", "")]), ["SCCACHE_RECACHE"]);
        assert_eq!(
            conflicting(&[("SCCACHE_NO_CACHE", "")]),
            ["SCCACHE_NO_CACHE"]
        );
        assert_eq!(conflicting(&[("SCCACHE_START_SERVER", "0")]), none);
        assert_eq!(conflicting(&[("SCCACHE_START_SERVER", "1")]).len(), 1);
        assert_eq!(conflicting(&[("SCCACHE_NO_DAEMON", "yes")]), none);
        let folder = ("SCCACHE_DIR", "/c");
        assert_eq!(conflicting(&[folder, ("SCCACHE_CACHE_SIZE", "5G")]), none);
        assert_eq!(conflicting(&[("SCCACHE_CACHE_SIZE", "50GiB")]).len(), 1);
        assert_eq!(
            conflicting(&[folder, ("SCCACHE_BUCKET", "b")]),
            ["SCCACHE_DIR"]
        );
        let socket = ("SCCACHE_REDIS_ENDPOINT", "unix://localhost/run/r");
        assert_eq!(conflicting(&[folder, socket]), ["SCCACHE_DIR"]);
        let chain = ("SCCACHE_MULTILEVEL_CHAIN", "disk,redis");
        assert_eq!(conflicting(&[folder, socket, chain]), none);
    }

    #[test]
    fn other_files_do_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
        for path in [&fifo, Path::new("/dev/zero"), folder.path()] {
            assert!(ConfigFile::read(path).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn configuration_files_are_read_as_sccache_does() {
        let read = |name: &str, text: &str| ConfigFile::parse(text, name.ends_with(".json"));
        let text = "# [cache.s3]\n[cache.disk] # here\ndir = '/c' \nsize = \"7G\"\n[cache.redis]\nendpoint = \"unix://h/r\"\npassword = \"p\"\ndb = 3\n";
        let found = read("config", text).unwrap();
        assert_eq!(found.folder.as_deref(), Some(Path::new("/c")));
        assert_eq!(found.remotes, ["Redis"]);
        let variables = [
            ("SCCACHE_REDIS_ENDPOINT", "unix://h/r"),
            ("SCCACHE_REDIS_PASSWORD", "p"),
            ("SCCACHE_REDIS_DB", "3"),
        ];
        let get = |name: &str| {
            let mut found = variables.iter().filter(|(one, _)| *one == name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(found.redis, RedisSettings::find(get, None));
        let text =
            "cache.webdav = { endpoint = \"http://h/\" }\ncache.disk.size = 5\n[cache.gha]\n";
        let found = read("config", text).unwrap();
        assert_eq!(found.folder, None);
        assert_eq!(found.remotes, ["GitHub Actions", "WebDAV"]);
        let found = read("c.json", r#"{"cache": {"disk": {"dir": "/j"}}}"#).unwrap();
        assert_eq!(found.folder.as_deref(), Some(Path::new("/j")));
        let why = read("config", "[cache.disk]\ndir =\n").unwrap_err();
        assert!(why.starts_with("line 2: "), "{why}");
    }
}
