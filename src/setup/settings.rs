//! The sccache settings that make.conf doesn't have.

use std::path::Path;

use chrono::{TimeDelta, Utc};

use super::files::path_error;
use crate::error::{Error, Result};
use crate::machine::{DATABASE, Machine, default_database};
use crate::portage::make_conf::{Assignment, assignments};
use crate::portage::{HookRecord, host, plain_path};
use crate::sccache::{DEFAULT_CACHE_SIZE, cache_size_setting, remotes};
use crate::store::{Filter, Store};

/// The longest request of a client in bytes. Beyond the default of 8 MiB, the compilation fails (`bind`
/// in sccache's src/server.rs, 0.18.0).
const MAX_FRAME_LENGTH: &str = "104857600";

/// The variable that makes sccache use several caches together.
const CHAIN: &str = "SCCACHE_MULTILEVEL_CHAIN";

/// The longest path of a socket in bytes (unix(7)).
const MAX_SOCKET: usize = 107;

/// The hook's link in portage-bashrc-mv's folder.
pub(super) const LINK: &str = "bashrc.d/90-sccache-report.sh";

/// Returns the lines for the block in make.conf, and notes about what isn't changed. The lines that
/// are already in `block` stay.
pub(super) fn missing_settings(
    machine: &Machine,
    block: &[String],
    cache: &Path,
    redis: Option<&Path>,
) -> Result<(Vec<String>, Vec<String>)> {
    let settings = &machine.settings;
    let assigned = assignments(&settings.make_conf());
    let reason = reason_to_add_nothing(machine);
    let (mut lines, mut notes, mut is_withheld) = (Vec::new(), Vec::new(), false);
    for (name, value) in defaults(machine, cache, redis.is_some()) {
        let start = format!("{name}=");
        if let Some(line) = block.iter().find(|line| line.starts_with(&start)) {
            lines.push(line.clone());
        } else if settings.get(name).is_some() || assigned.iter().any(|set| set.name == name) {
            notes.push(format!("{name} (already set)"));
        } else if name == DATABASE || reason.is_none() {
            lines.push(format!("{name}=\"{}\"", quotable(&value)?));
        } else {
            is_withheld = true;
        }
    }
    notes.extend(reason.filter(|_| is_withheld));
    let url = redis.map(redis_url).transpose()?;
    let chain = url.as_ref().map(|_| "disk,redis".to_owned());
    for (name, value) in [(CHAIN, chain), ("SCCACHE_REDIS_ENDPOINT", url)] {
        let start = format!("{name}=");
        let own = block.iter().find(|line| line.starts_with(&start));
        match value {
            None => lines.extend(own.cloned()),
            Some(_) if own.is_none() && assigned.iter().any(|set| set.name == name) => {
                notes.push(format!("{name} (already set)"));
            }
            Some(value) => lines.push(format!("{start}\"{value}\"")),
        }
    }
    Ok((lines, notes))
}

/// Returns the URL of a Redis at a socket.
fn redis_url(socket: &Path) -> Result<String> {
    const HINT: &str =
        "use an absolute path of ASCII letters, digits, and `/._+-`, of at most 107 bytes";
    let is_usable = |path: &&str| path.starts_with('/') && path.len() <= MAX_SOCKET;
    let path = plain_path(socket).filter(is_usable);
    let path = path.ok_or_else(|| path_error(socket, "can't be the socket of Redis", HINT))?;
    // Without a host, sccache refuses the URL.
    Ok(format!("unix://localhost{path}"))
}

fn defaults(machine: &Machine, cache: &Path, has_redis: bool) -> Vec<(&'static str, String)> {
    let get = |name: &str| machine.settings.get(name);
    let mut values = vec![("SCCACHE_MAX_FRAME_LENGTH", MAX_FRAME_LENGTH.to_owned())];
    // Somebody who uses sccache for C only doesn't want it for Rust.
    let is_launched = |name| get(name).is_some_and(|value| value.contains("sccache"));
    if !is_launched("CC") && !is_launched("CXX") {
        values.push(("RUSTC_WRAPPER", "sccache".to_owned()));
    }
    // These would override the local cache in sccache's configuration file, and a remote cache
    // without a chain replaces the local one.
    let is_replaced = !has_redis && get(CHAIN).is_none() && !remotes(get).is_empty();
    if get("SCCACHE_CONF").is_none() && !is_replaced {
        values.push(("SCCACHE_DIR", cache.display().to_string()));
        values.push(("SCCACHE_CACHE_SIZE", fitting_size(cache)));
    }
    if machine.database != default_database(&machine.settings) {
        values.push((DATABASE, machine.database.display().to_string()));
    }
    values
}

/// Returns the text if it needs no escapes between double quotes in make.conf and in a shell script.
pub(super) fn quotable(text: &str) -> Result<&str> {
    let is_special = |c: char| c.is_control() || "\"'$`\\\u{fffd}".contains(c);
    if text.contains(is_special) {
        let hint = "use a path without quotes, $, `, \\ and control characters";
        let problem = "can't be written into a configuration file";
        return Err(path_error(Path::new(text), problem, hint));
    }
    Ok(text)
}

/// Returns sccache's default limit, or 4/5 of the free space if that is less.
fn fitting_size(cache: &Path) -> String {
    let existing = cache.ancestors().find(|path| path.exists());
    let free = rustix::fs::statvfs(existing.unwrap_or(cache)).map_or(u64::MAX, |file_system| {
        file_system.f_bavail.saturating_mul(file_system.f_frsize)
    });
    cache_size_setting(DEFAULT_CACHE_SIZE.min(free / 5 * 4)).0
}

/// Returns why setup adds no settings of sccache: it is configured already, outside of make.conf.
fn reason_to_add_nothing(machine: &Machine) -> Option<String> {
    const LEFT: &str = "sccache's settings, because";
    let [_, last_cached] = HookRecord::files(&machine.database);
    let has_record = HookRecord::read(&last_cached, machine.system_owner().0).is_some();
    match builds_were_cached(&machine.database) {
        // Without the record, `--undo` removed the settings of these builds.
        Ok(true) if has_record => {
            return Some(format!("{LEFT} builds were cached in the last 30 days"));
        }
        Ok(_) => {}
        Err(error) => return Some(format!("{LEFT} {error}")),
    }
    let places = ["bashrc", "bashrc.d", "env"].map(|name| machine.settings.config().join(name));
    let mut assigned = places.iter().flat_map(|place| assignments(place));
    let found = assigned.find(|set| configures_sccache(set) && !set.file.ends_with(LINK))?;
    let (file, name) = (found.file.display(), found.name);
    Some(format!("{LEFT} {file} sets {name}"))
}

fn configures_sccache(assignment: &Assignment) -> bool {
    let is_set = assignment.value.as_deref() != Some("");
    let value = assignment.value.as_deref().unwrap_or_default();
    let names_sccache = value.contains("sccache");
    match assignment.name.as_str() {
        "SCCACHE_DIR" | "SCCACHE_CACHE_SIZE" | "SCCACHE_CONF" | "RUSTC_WRAPPER" => is_set,
        "CC" | "CXX" | "MYCMAKEARGS" => names_sccache,
        name => names_sccache && (name.ends_with("_WRAPPER") || name.ends_with("_LAUNCHER")),
    }
}

fn builds_were_cached(database: &Path) -> Result<bool> {
    let store = match Store::open_for_reading(database) {
        Err(Error::MissingDatabase(..)) => return Ok(false),
        other => other?,
    };
    let filter = Filter {
        since: Some(Utc::now() - TimeDelta::days(30)),
        ..Filter::default()
    };
    let host = host();
    let mut builds = store.builds(&filter)?.into_iter();
    Ok(builds.any(|build| build.host == host && build.hits.max(build.misses) > Some(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_set_sccache_up_are_found() {
        for (line, is_found) in [
            ("RUSTC_WRAPPER=\"sccache\"", true),
            ("export RUSTC_WRAPPER='/usr/local/bin/wrap'", true),
            ("SCCACHE_DIR=${X}", true),
            ("CC=\"sccache gcc\"", true),
            ("MYCMAKEARGS=\"-DCMAKE_C_COMPILER_LAUNCHER=sccache\"", true),
            ("RUSTC_WRAPPER=\"\"", false),
            ("CC=gcc", false),
            ("#SCCACHE_DIR=/c", false),
            ("SCCACHE_NO_CACHE=1", false),
            ("SCCACHE_REPORT_DB=/x", false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("f"), format!("a=1\n{line}\n")).unwrap();
            let mut assigned = assignments(folder.path()).into_iter();
            assert_eq!(
                assigned.any(|assignment| configures_sccache(&assignment)),
                is_found,
                "{line}"
            );
        }
    }

    #[test]
    fn values_that_a_shell_would_expand_are_refused() {
        assert_eq!(quotable("/var/cache/a b").unwrap(), "/var/cache/a b");
        for value in ["/a\"b", "/a$b", "/a`b`", "/a\\", "/a\nb", "/a'b"] {
            assert!(quotable(value).is_err(), "{value}");
        }
    }
}
