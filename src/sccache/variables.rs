//! The variables that steer sccache: what they ask for, and where they don't go together.

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

/// A variable that works against another, or against caching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The one to take away.
    pub variable: &'static str,
    /// What it does, in a sentence's end: "SCCACHE_RECACHE ...".
    pub why: String,
    /// Whether nothing is cached with it, or builds fail.
    pub is_fatal: bool,
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

/// With these there is no hit, or no compiling.
const FATAL: [&str; 3] = [
    "SCCACHE_RECACHE",
    "SCCACHE_NO_CACHE",
    "SCCACHE_START_SERVER",
];

/// Everything in the variables that works against something else there.
pub fn contradictions<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let mut add = |variable, why: String| {
        let is_fatal = FATAL.contains(&variable);
        found.push(Contradiction {
            variable,
            why,
            is_fatal,
        });
    };
    for (variable, why) in [
        ("SCCACHE_RECACHE", "turns every hit into a miss"),
        ("SCCACHE_NO_CACHE", "turns the cache off"),
        (
            "SCCACHE_NO_DAEMON",
            "keeps servers in the foreground, and who starts one waits for it",
        ),
        (
            "SCCACHE_START_SERVER",
            "makes a server of every compiler call",
        ),
        (
            "SCCACHE_ERROR_LOG",
            "makes builds of different users write one file",
        ),
    ] {
        if get(variable).is_some() {
            add(variable, why.to_owned());
        }
    }
    let remotes = remotes(&get);
    let chain = get("SCCACHE_MULTILEVEL_CHAIN").is_some();
    if let (Some(_), Some((variable, kind)), false) = (get("SCCACHE_DIR"), remotes.first(), chain) {
        add(
            "SCCACHE_DIR",
            format!("is not used beside {variable} ({kind}) without SCCACHE_MULTILEVEL_CHAIN"),
        );
    }
    if get("SCCACHE_SERVER_UDS").is_some() && get("SCCACHE_SERVER_PORT").is_some() {
        let why = "is not used beside SCCACHE_SERVER_UDS";
        add("SCCACHE_SERVER_PORT", why.to_owned());
    }
    if get("SCCACHE_LOCAL_RW_MODE").is_some_and(|mode| mode == "READ_ONLY") {
        add(
            "SCCACHE_LOCAL_RW_MODE",
            "keeps anything new out of the cache".to_owned(),
        );
    }
    if let Some(size) = get("SCCACHE_CACHE_SIZE")
        && cache_size(size).is_none()
    {
        let why = "is no size like 500M or 10G: sccache takes 10G";
        add("SCCACHE_CACHE_SIZE", why.to_owned());
    }
    if get("SCCACHE_MAX_FRAME_LENGTH").is_some_and(|length| length.parse::<u32>().is_err()) {
        add(
            "SCCACHE_MAX_FRAME_LENGTH",
            "is no number of bytes".to_owned(),
        );
    }
    if get("SCCACHE_DIR").is_some_and(|dir| !dir.starts_with('/')) {
        add("SCCACHE_DIR", "is no absolute path".to_owned());
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
    fn what_does_not_go_together() {
        let of = |set: &[(&str, &'static str)]| {
            let get = |name: &str| {
                set.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| *value)
            };
            let found = contradictions(get);
            found.iter().map(|c| c.variable).collect::<Vec<_>>()
        };
        assert_eq!(
            of(&[("SCCACHE_DIR", "/c"), ("SCCACHE_CACHE_SIZE", "5G")]),
            [""; 0]
        );
        assert_eq!(
            of(&[("SCCACHE_DIR", "/c"), ("SCCACHE_BUCKET", "b")]),
            ["SCCACHE_DIR"]
        );
        assert_eq!(
            of(&[
                ("SCCACHE_REDIS_ENDPOINT", "unix:///run/r"),
                ("SCCACHE_DIR", "/c")
            ]),
            [""; 0]
        );
        assert_eq!(of(&[("SCCACHE_RECACHE", "1")]), ["SCCACHE_RECACHE"]);
        assert_eq!(
            of(&[("SCCACHE_CACHE_SIZE", "lots")]),
            ["SCCACHE_CACHE_SIZE"]
        );
    }
}
