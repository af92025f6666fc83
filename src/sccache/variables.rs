//! The variables that steer sccache: what they ask for, and where they don't go together.

use std::path::PathBuf;

use super::Configuration;
use crate::text::printable;

/// The size that a local cache may grow to unless `SCCACHE_CACHE_SIZE` says otherwise, in bytes
/// (`default_disk_cache_size` in sccache's `src/config.rs`, 0.16.0).
pub const DEFAULT_CACHE_SIZE: u64 = 10 << 30;

/// Variables that ask for a cache on another machine, and what kind it is (`storage_from_config` in
/// sccache's `src/cache/cache.rs`, 0.16.0; `SCCACHE_MEMCACHED` and `SCCACHE_REDIS` are older names).
const REMOTES: &[(&str, &str)] = &[
    ("SCCACHE_AZURE_CONNECTION_STRING", "Azure"),
    ("SCCACHE_BUCKET", "S3"),
    ("SCCACHE_COS_BUCKET", "COS"),
    ("SCCACHE_GCS_BUCKET", "GCS"),
    ("SCCACHE_GHA_ENABLED", "GitHub Actions"),
    ("SCCACHE_MEMCACHED", "memcached"),
    ("SCCACHE_MEMCACHED_ENDPOINT", "memcached"),
    ("SCCACHE_OSS_BUCKET", "OSS"),
    ("SCCACHE_REDIS", "Redis"),
    ("SCCACHE_REDIS_CLUSTER_ENDPOINTS", "Redis"),
    ("SCCACHE_REDIS_ENDPOINT", "Redis"),
    ("SCCACHE_WEBDAV_ENDPOINT", "WebDAV"),
];

/// How bad a [`Conflict`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Builds are cached, but not as intended.
    Minor,
    /// Nothing is cached, or builds fail.
    Fatal,
}

/// A variable that works against caching, or against another variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The variable to change or remove.
    pub variable: &'static str,
    /// What it does: a predicate, with the variable as the subject.
    pub reason: String,
    /// How bad that is.
    pub severity: Severity,
}

/// The remote caches that are asked for: the variable, and the kind.
pub fn remotes<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Vec<(&'static str, &'static str)> {
    let asked = |variable: &str| match get(variable) {
        // Reached through the file system.
        Some(value) => !is_in_file_system(value),
        None => false,
    };
    REMOTES
        .iter()
        .filter(|(variable, _)| asked(variable))
        .copied()
        .collect()
}

/// Whether an endpoint is a socket's path.
pub(super) fn is_in_file_system(endpoint: &str) -> bool {
    endpoint.starts_with("unix:") || endpoint.starts_with("redis+unix:")
}

/// Whether variables say all of the local cache, so that the configuration file's part on it, folder and
/// size, is not used: one of these is enough (`config_from_env` in src/config.rs, 0.16.0; tried).
pub fn overrides_local<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<&'static str> {
    let size = get("SCCACHE_CACHE_SIZE").filter(|size| cache_size(size).is_some());
    let mode =
        get("SCCACHE_LOCAL_RW_MODE").filter(|mode| ["READ_ONLY", "READ_WRITE"].contains(mode));
    let all = [
        ("SCCACHE_DIR", get("SCCACHE_DIR")),
        ("SCCACHE_CACHE_SIZE", size),
        ("SCCACHE_DIRECT", get("SCCACHE_DIRECT")),
        ("SCCACHE_LOCAL_RW_MODE", mode),
    ];
    all.into_iter()
        .find_map(|(name, value)| value.map(|_| name))
}

/// The size of the local cache in bytes, as sccache reads `SCCACHE_CACHE_SIZE`: `500M`, `10G`; `None`
/// where it takes its default instead (`10GiB` and `5.5G` are such; tried with 0.16.0).
pub fn cache_size(value: &str) -> Option<u64> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let power = match value[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    number.checked_mul(1 << (10 * power))
}

/// A size as `SCCACHE_CACHE_SIZE` takes it, and the bytes that it then is: no more than asked for, but
/// for less than 1 KiB.
pub fn cache_size_setting(bytes: u64) -> (String, u64) {
    let (unit, shift) = match bytes {
        0..0x100000 => ("K", 10),
        0x100000..0x280000000 => ("M", 20),
        _ => ("G", 30),
    };
    let count = (bytes >> shift).max(1);
    (format!("{count}{unit}"), count << shift)
}

/// The folder of the local cache: the variable's, or the configuration file's where no variable has
/// sccache ignore what that says of the local cache.
pub fn local_folder<'a>(
    get: impl Fn(&str) -> Option<&'a str>,
    file: Option<&Configuration>,
) -> Option<PathBuf> {
    let of_file = file.and_then(|file| file.folder.clone());
    if overrides_local(&get).is_some() || of_file.is_none() {
        get("SCCACHE_DIR").map(PathBuf::from)
    } else {
        of_file
    }
}

/// Everything in the variables that works against caching or against something else there. `get`
/// returns what is set, the empty text included: sccache's `src/commands.rs`, `src/compiler/` and
/// `src/server.rs` (0.16.0, tried) look at the presence of some and at the value of others.
pub fn conflicts<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Vec<Conflict> {
    let mut found = Vec::new();
    let mut add = |severity, variable, reason: String| {
        found.push(Conflict {
            variable,
            reason,
            severity,
        });
    };
    let value = |name: &str| get(name).filter(|value| !value.is_empty());
    for (variable, reason) in [
        (
            "SCCACHE_RECACHE",
            "turns every hit into a miss, whatever its value",
        ),
        (
            "SCCACHE_NO_CACHE",
            "turns the cache off, whatever its value",
        ),
    ] {
        if get(variable).is_some() {
            add(Severity::Fatal, variable, reason.to_owned());
        }
    }
    if get("SCCACHE_START_SERVER") == Some("1") {
        let reason = "turns every compiler call into a server".to_owned();
        add(Severity::Fatal, "SCCACHE_START_SERVER", reason);
    }
    if get("SCCACHE_NO_DAEMON") == Some("1") {
        let reason = "keeps servers in the foreground: the call that starts one waits for it";
        add(Severity::Minor, "SCCACHE_NO_DAEMON", reason.to_owned());
    }
    if value("SCCACHE_LOCAL_RW_MODE") == Some("READ_ONLY") {
        let reason = "keeps anything new out of the cache".to_owned();
        add(Severity::Minor, "SCCACHE_LOCAL_RW_MODE", reason);
    }
    if let Some(size) = value("SCCACHE_CACHE_SIZE").filter(|size| cache_size(size).is_none()) {
        let size = printable(size, 80);
        let reason = format!("is {size}, which isn't a size like 500M or 10G: sccache takes 10G");
        add(Severity::Minor, "SCCACHE_CACHE_SIZE", reason);
    }
    let has_chain = value("SCCACHE_MULTILEVEL_CHAIN").is_some();
    let remote = remotes(value).into_iter().next();
    if let (Some(_), Some((variable, kind)), false) = (value("SCCACHE_DIR"), remote, has_chain) {
        let reason =
            format!("isn't used beside {variable} ({kind}) without SCCACHE_MULTILEVEL_CHAIN");
        add(Severity::Minor, "SCCACHE_DIR", reason);
    }
    if value("SCCACHE_SERVER_UDS").is_some() && value("SCCACHE_SERVER_PORT").is_some() {
        let reason = "isn't used beside SCCACHE_SERVER_UDS".to_owned();
        add(Severity::Minor, "SCCACHE_SERVER_PORT", reason);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_sccache_reads_them() {
        assert_eq!(cache_size("5g"), Some(5 << 30));
        assert_eq!(cache_size("123"), Some(123));
        assert_eq!(cache_size("500M"), Some(500 << 20));
        for bad in ["", "x", "G", "5X", "5GiB", "5.5G", "99999999999999999T"] {
            assert_eq!(cache_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn some_variables_count_by_presence_and_some_by_value() {
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
        let socket = ("SCCACHE_REDIS_ENDPOINT", "unix:///run/r");
        assert_eq!(conflicting(&[folder, socket]), none);
    }
}
