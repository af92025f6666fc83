//! Checks that the cache is a folder for sccache alone that the build user can use.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::build_user::SYSTEM_PATH;
use super::{Context, Finding, SETUP, green, quoted, red, unknown, yellow};
use crate::portage::plain_path;
use crate::store::check_trusted;
use crate::text::format_bytes;

/// The free space, in bytes, below which sccache can't store objects.
const MIN_FREE: u64 = 64 << 20;

/// Prints the first file or folder that the build user can't use. sccache sets the times of the
/// files that it reads, and only their owner may do that.
const FIND_UNUSABLE: &str = "-xdev ( -type d ! ( -readable -writable -executable ) -o \
    -type f ! ( -readable -uid UID ) ) -print -quit";

/// The place where builds store objects.
pub(super) enum Cache {
    /// The kind of a remote cache.
    Remote(&'static str),
    Local(PathBuf),
}

/// Returns the cache that builds use.
///
/// # Errors
/// Returns a finding if builds can't use it, or if doctor must not store anything there.
pub(super) fn locate(context: &Context) -> Result<Cache, Finding> {
    let settings = &context.settings;
    if let Some(kind) = settings.remote_cache()
        && !settings.has_cache_chain()
    {
        return Ok(Cache::Remote(kind));
    }
    let folder = settings.cache_folder().ok_or_else(|| not_set(context))?;
    let shown = quoted(&folder.to_string_lossy());
    if !folder.is_absolute() {
        let message = format!("SCCACHE_DIR=\"{shown}\" isn't an absolute path: nothing is cached");
        return Err(red(message));
    }
    let entries = fs::read_dir(&folder).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(&folder, &shown),
        ErrorKind::NotADirectory => red(format!("{shown} isn't a directory")),
        _ => unknown(format!("{shown} can't be read: {error}")),
    })?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    if let Some(path) = paths.find(|path| !is_sccache_entry(path)) {
        let entry = quoted(&path.file_name().unwrap_or_default().to_string_lossy());
        let message = format!("{shown} contains other files than sccache's: `{entry}`");
        return Err(red(
            message + ". Set SCCACHE_DIR to a directory for sccache alone"
        ));
    }
    let builds_as_root = context.user.as_ref().is_ok_and(|user| user.uid == 0);
    if builds_as_root && owner(&folder) != Some(0) {
        // The hook makes root's phases read-only in a cache of another user.
        let message =
            format!("root builds packages (no FEATURES=userpriv), but doesn't own {shown}");
        return Err(red(
            message + ". The hook makes the cache read-only in this case"
        ));
    }
    Ok(Cache::Local(folder))
}

/// `size` is the cache's size and limit in bytes, if known.
pub(super) fn check(
    context: &Context,
    cache: Result<Cache, Finding>,
    size: Option<(u64, u64)>,
) -> Finding {
    match cache {
        Err(finding) => finding,
        Ok(Cache::Remote(kind)) => green(format!("remote cache ({kind}), no local cache")),
        Ok(Cache::Local(folder)) => {
            let free = rustix::fs::statvfs(&folder);
            let free = free.map_or(u64::MAX, |it| it.f_bavail.saturating_mul(it.f_frsize));
            let space = check_space(free, size);
            Finding::merge([check_owners(context, &folder)].into_iter().chain(space))
        }
    }
}

fn not_set(context: &Context) -> Finding {
    match context.files.find_text("SCCACHE_DIR") {
        Some(file) => unknown(format!(
            "the cache is set in {}, which only builds read",
            file.display()
        )),
        None => red("SCCACHE_DIR isn't set: each build starts with an empty cache").fix(SETUP),
    }
}

fn missing(folder: &Path, shown: &str) -> Finding {
    let message = format!("the cache directory {shown} doesn't exist");
    let mut above = folder.ancestors();
    // `setup` refuses to create it there.
    if above.find(|it| it.exists()).is_some_and(any_user_can_write) {
        return red(message + ", and any user can create it. Set SCCACHE_DIR to another one");
    }
    red(message).fix(SETUP)
}

fn any_user_can_write(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|it| it.mode() & 0o002 != 0)
}

/// Whether sccache created an entry of the cache's folder: objects are files `a/b/KEY`.
fn is_sccache_entry(path: &Path) -> bool {
    let is_digit = |name: &str| name.len() == 1 && name.bytes().all(|it| it.is_ascii_hexdigit());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    let is_level = is_digit(&name) && names.all(|name| is_digit(&name.to_string_lossy()));
    is_level || name == "preprocessor" || name.starts_with(".sccache")
}

fn owner(path: &Path) -> Option<u32> {
    path.symlink_metadata().ok().map(|metadata| metadata.uid())
}

/// Checks that the build user can use everything in the folder, and no other user can write it.
fn check_owners(context: &Context, folder: &Path) -> Finding {
    let shown = folder.display();
    let (user, group) = context.machine.settings.builder();
    let expected_owner = format!("{user}:{group}");
    if any_user_can_write(folder) {
        let message = format!("any user can write to {shown} and change what builds get from it");
        return red(format!("{message}. Allow only {expected_owner} to write"));
    }
    let user = match &context.user {
        Ok(user) => user,
        Err(reason) => return unknown(reason),
    };
    let (path, name, uid) = (folder.to_string_lossy(), &user.name, user.uid);
    if uid == 0 {
        return green(format!("root can use every file in {shown}"));
    }
    let tests = FIND_UNUSABLE.replace("UID", &uid.to_string());
    let mut words = vec!["find", "-H", &*path];
    words.extend(tests.split_whitespace());
    let Some((found, is_success)) = user.run(&words, SYSTEM_PATH) else {
        return unknown(format!("checking every file in {shown} took too long"));
    };
    let Some(first) = found.lines().next() else {
        if is_success {
            return green(format!("user {name} can use every file in {shown}"));
        }
        return red(format!(
            "user {name} can't access {shown}: nothing is cached"
        ));
    };
    let below = first.strip_prefix(&*path).unwrap_or_default();
    let below = quoted(below.trim_start_matches('/'));
    let (what, command) = if below.is_empty() {
        (shown.to_string(), format!("chown {expected_owner} {shown}"))
    } else {
        let command = format!("find {shown} -xdev -mindepth 1 -user root -delete");
        (format!("`{below}` (and perhaps more) in {shown}"), command)
    };
    let finding = red(format!(
        "user {name} can't use {what}, so builds miss or fail"
    ));
    if owner(Path::new(first)) == Some(0) && is_safe_to_change(folder) {
        return finding.fix(command);
    }
    finding
}

/// Whether a command for root can name the folder: it certainly is a cache, and only root can put
/// something else in its place.
fn is_safe_to_change(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_cache = name.contains("sccache") || folder.join("preprocessor").is_dir();
    let is_itself = folder.canonicalize().is_ok_and(|real| real == folder);
    let is_plain = plain_path(folder).is_some() && folder.ancestors().count() > 2;
    // Not the folder's own path, which may belong to the build user.
    let is_protected = check_trusted(&folder.with_file_name(".sccache-report")).is_ok();
    is_cache && is_itself && is_plain && is_protected
}

/// Checks the free space on the cache's file system and, with its size and limit, in the cache.
fn check_space(free: u64, size: Option<(u64, u64)>) -> Option<Finding> {
    let left = format!("only {} of disk space left", format_bytes(free));
    if free < MIN_FREE {
        return Some(red(left + ", so nothing can be stored"));
    }
    let (size, limit) = size?;
    let used = format!("{} of {} used", format_bytes(size), format_bytes(limit));
    let message = ": sccache removes old objects to store new ones. Raise SCCACHE_CACHE_SIZE";
    Some(if size >= limit / 20 * 19 {
        yellow(used + message)
    } else if free < limit - size {
        yellow(format!("{used}, but {left}"))
    } else {
        green(used)
    })
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn the_free_space_has_to_suffice_for_the_limit() {
        let gib = |n: u64| n << 30;
        let state = |free, size| check_space(free, size).map(|finding| finding.state);
        assert_eq!(state(MIN_FREE - 1, None), Some(State::Red));
        assert_eq!(state(MIN_FREE, None), None);
        assert_eq!(state(gib(4), Some((gib(6), gib(10)))), Some(State::Green));
        assert_eq!(state(gib(3), Some((gib(6), gib(10)))), Some(State::Yellow));
        assert_eq!(state(gib(9), Some((gib(10), gib(10)))), Some(State::Yellow));
        assert_eq!(state(gib(9), Some((gib(11), gib(10)))), Some(State::Yellow));
    }

    #[test]
    fn entries_of_sccache_are_recognized() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/b", "0", "preprocessor/x", "d/lib", "usr"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        for (name, expected) in [
            ("a", true),
            ("0", true),
            ("preprocessor", true),
            ("d", false),
            ("usr", false),
        ] {
            assert_eq!(
                is_sccache_entry(&folder.path().join(name)),
                expected,
                "{name}"
            );
        }
    }
}
