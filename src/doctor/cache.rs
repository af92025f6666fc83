//! The local cache: a folder of its own that the build user can use, with room.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::attempt::Attempt;
use super::{Context, Finding, SETUP, State};
use crate::portage::plain;
use crate::process;
use crate::text::format_bytes;

const CHECK: &str = "cache";

/// With less free space than this, in bytes, storing fails.
const LEAST_ROOM: u64 = 64 << 20;

/// What is at the place that the settings name.
pub(super) enum Folder {
    /// A remote cache is used instead.
    Remote(&'static str),
    /// Each build has an empty cache below its own home.
    Unset,
    /// A path below the folder in which the server runs, which is the root.
    Relative(PathBuf),
    /// Nothing is there.
    Missing(PathBuf),
    /// It can't be looked into.
    Unreadable(PathBuf, io::Error),
    /// It isn't a folder, or has an entry that isn't sccache's.
    Foreign(PathBuf, String),
    /// sccache's own, or empty.
    Cache(PathBuf),
}

impl Folder {
    pub(super) fn inspect(context: &Context) -> Self {
        if let Some(kind) = context.in_effect.only_remote() {
            return Folder::Remote(kind);
        }
        match context.in_effect.cache_folder() {
            Some(folder) if folder.is_absolute() => Self::look_into(folder),
            Some(folder) => Folder::Relative(folder),
            None => Folder::Unset,
        }
    }

    fn look_into(folder: PathBuf) -> Self {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound => Folder::Missing(folder),
                    io::ErrorKind::NotADirectory => Folder::Foreign(folder, String::new()),
                    _ => Folder::Unreadable(folder, error),
                };
            }
        };
        let foreign = entries.flatten().find_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let below = fs::read_dir(entry.path()).into_iter().flatten().flatten();
            let mut below = below.map(|entry| entry.file_name());
            let is_level = is_hex(&name) && below.all(|name| is_hex(&name.to_string_lossy()));
            let is_other = name == "preprocessor" || name.starts_with(".sccache");
            (!is_level && !is_other).then_some(name)
        });
        match foreign {
            Some(name) => Folder::Foreign(folder, name),
            None => Folder::Cache(folder),
        }
    }

    /// Returns the reason why the user may store nothing there, not even for a test.
    pub(super) fn forbids(&self, uid: u32) -> Option<String> {
        match self {
            Folder::Relative(_) => Some("SCCACHE_DIR isn't an absolute path".to_owned()),
            Folder::Foreign(folder, _) => Some(format!("{} isn't a cache", folder.display())),
            // The hook has root only read what another user can't use afterwards.
            Folder::Cache(folder) => (uid == 0 && owner(folder) != Some(0)).then(|| {
                format!(
                    "root builds without FEATURES=userpriv, and stores nothing in {}, which isn't \
                     root's",
                    folder.display()
                )
            }),
            _ => None,
        }
    }
}

/// Returns the owner that a cache should have: `portage:portage`.
fn owner_name(context: &Context) -> String {
    let (user, group) = context.machine.settings.builder();
    format!("{user}:{group}")
}

fn owner(path: &Path) -> Option<u32> {
    path.symlink_metadata().ok().map(|metadata| metadata.uid())
}

/// Whether it is a folder's name in `a/b/KEY`.
fn is_hex(name: &str) -> bool {
    name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn check(context: &Context, folder: &Folder, attempt: Option<&Attempt>) -> Finding {
    let red = |message: String| Finding::new(CHECK, State::Red, message);
    let path = match folder {
        Folder::Remote(kind) => {
            let message = format!("the cache is {kind}; there is no local one");
            return Finding::new(CHECK, State::Green, message);
        }
        Folder::Unset => {
            if let Some(file) = context.files.naming("SCCACHE_DIR") {
                let message = format!("only a build knows what {} sets", file.display());
                return Finding::new(CHECK, State::Unknown, message);
            }
            let message = "SCCACHE_DIR isn't set: each build starts with an empty cache";
            if context.in_effect.value("SCCACHE_CONF").is_some() {
                // Setup adds no folder that would override the one in that file.
                return red(format!("{message}. SCCACHE_CONF names no folder either"));
            }
            return red(message.to_owned()).fix(SETUP);
        }
        Folder::Relative(path) => {
            return red(format!(
                "SCCACHE_DIR=\"{}\" isn't an absolute path: nothing can be stored",
                super::quoted(&path.to_string_lossy())
            ));
        }
        Folder::Missing(path) => return missing(context, path),
        Folder::Unreadable(path, error) => {
            let message = format!("{} can't be read: {error}", path.display());
            return Finding::new(CHECK, State::Unknown, message);
        }
        Folder::Foreign(path, entry) => {
            let entry = super::quoted(entry);
            return red(format!(
                "{} isn't a folder for sccache alone (it has `{entry}`): set SCCACHE_DIR to one",
                path.display()
            ));
        }
        Folder::Cache(path) => path,
    };
    let uid = context.user.as_ref().map_or(u32::MAX, |user| user.uid);
    if let Some(reason) = folder.forbids(uid) {
        return red(reason);
    }
    let mut parts = vec![owners(context, path)];
    parts.extend(room(path, attempt));
    Finding::merge(parts)
}

fn missing(context: &Context, path: &Path) -> Finding {
    let shown = path.display();
    let above = path.ancestors().skip(1).find(|folder| folder.exists());
    let is_open = above
        .and_then(|folder| folder.metadata().ok())
        .is_some_and(|metadata| metadata.mode() & 0o002 != 0);
    if is_open {
        let message = format!(
            "{shown} doesn't exist, and every user can create it: set SCCACHE_DIR to a folder of {}",
            owner_name(context)
        );
        return Finding::new(CHECK, State::Red, message);
    }
    Finding::new(CHECK, State::Red, format!("{shown} doesn't exist")).fix(SETUP)
}

/// Whether the build user alone writes there, and can use everything.
fn owners(context: &Context, folder: &Path) -> Finding {
    let shown = folder.display();
    if folder.metadata().is_ok_and(|it| it.mode() & 0o002 != 0) {
        let message = format!("every user can write {shown} and change what builds get from it");
        return Finding::new(CHECK, State::Red, message);
    }
    let user = match &context.user {
        Ok(user) => user,
        Err(reason) => return Finding::new(CHECK, State::Unknown, format!("{shown}: {reason}")),
    };
    // sccache sets the times of what it reads, which only the owner may. The kernel answers for
    // the user that find runs as.
    if user.uid == 0 {
        return Finding::new(CHECK, State::Green, format!("{shown} is root's"));
    }
    const UNUSABLE: &str = "-xdev ( -type d ! ( -readable -writable -executable ) -o \
        -type f ! ( -readable -uid UID ) ) -print -quit";
    let tests = UNUSABLE.replace("UID", &user.uid.to_string());
    let folder_text = folder.to_string_lossy().into_owned();
    let mut words = vec!["find".to_owned(), "-H".to_owned(), folder_text];
    words.extend(tests.split_whitespace().map(str::to_owned));
    let mut command = user.command(&[], &words, "/usr/bin:/bin");
    let Ok(output) = process::run(&mut command, Duration::from_secs(10)) else {
        let message = format!("{shown} is too large to check every file in 10 s");
        return Finding::new(CHECK, State::Green, message);
    };
    let name = &user.name;
    if output.stdout.is_empty() && !output.status.success() {
        let message = format!("user {name} can't access {shown}");
        return Finding::new(CHECK, State::Red, message);
    }
    let first = String::from_utf8_lossy(&output.stdout);
    let Some(first) = first.lines().next() else {
        let message = format!("user {name} can use all of {shown}");
        return Finding::new(CHECK, State::Green, message);
    };
    let is_root_s = owner(Path::new(first)) == Some(0);
    let below = first.strip_prefix(&*folder.to_string_lossy());
    let below = super::quoted(below.unwrap_or_default().trim_start_matches('/'));
    let (what, command) = if below.is_empty() {
        let owner = owner_name(context);
        (shown.to_string(), format!("chown {owner} {shown}"))
    } else {
        let what = format!("`{below}` in {shown}, and perhaps more");
        (
            what,
            format!("find {shown} -xdev -mindepth 1 -user root -delete"),
        )
    };
    let finding = Finding::new(CHECK, State::Red, format!("user {name} can't use {what}"));
    if is_root_s && is_safe(context, folder) {
        finding.fix(command)
    } else {
        finding
    }
}

/// Whether a command that changes the folder does what it says: it certainly is a cache, and nobody
/// but root and the build user can put another thing in its place.
fn is_safe(context: &Context, folder: &Path) -> bool {
    let is_itself = folder.canonicalize().is_ok_and(|real| real == folder);
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_cache = name.contains("sccache") || holds_only_keys(folder);
    let builder = context.machine.builder.as_ref().map(|user| user.uid);
    let keeper = context.machine.system_owner().0;
    let is_closed = |at: &Path| {
        at.symlink_metadata().is_ok_and(|metadata| {
            let owner = metadata.uid();
            let is_trusted = owner == 0 || owner == keeper || Some(owner) == builder;
            is_trusted && metadata.mode() & 0o022 == 0
        })
    };
    let is_plain = plain(folder).is_some() && folder.ancestors().count() > 2;
    is_plain && is_itself && is_cache && folder.ancestors().skip(1).all(is_closed)
}

/// Whether there are files `a/b/abKEY`, and no others: two digits for folders are nothing that only
/// sccache would have.
fn holds_only_keys(folder: &Path) -> bool {
    let below = |at: &Path| fs::read_dir(at).into_iter().flatten().flatten();
    let levels = below(folder).filter(|it| is_hex(&it.file_name().to_string_lossy()));
    let files = levels.flat_map(|first| {
        below(&first.path()).flat_map(move |second| {
            let [first, second_name] =
                [&first, &second].map(|it| it.file_name().to_string_lossy().into_owned());
            let files = below(&second.path()).filter(|it| it.path().is_file());
            files.map(move |it| {
                let key = it.file_name().to_string_lossy().into_owned();
                let is_key = key.bytes().all(|byte| byte.is_ascii_hexdigit());
                is_key && key.starts_with(&format!("{first}{second_name}"))
            })
        })
    });
    let mut found = false;
    for is_key in files {
        if !is_key {
            return false;
        }
        found = true;
    }
    found
}

/// Whether the cache and its file system have room, by sccache's own numbers.
fn room(folder: &Path, attempt: Option<&Attempt>) -> Vec<Finding> {
    let mut parts = Vec::new();
    let statvfs = rustix::fs::statvfs(folder).ok();
    let free = statvfs.map(|it| it.f_bavail.saturating_mul(it.f_frsize));
    if let Some(free) = free.filter(|free| *free < LEAST_ROOM) {
        let message = format!("only {} free: nothing can be stored", format_bytes(free));
        parts.push(Finding::new(CHECK, State::Red, message));
    }
    let Some((size, limit)) = attempt.and_then(|attempt| attempt.size) else {
        return parts;
    };
    let message = format!("{} of {} used", format_bytes(size), format_bytes(limit));
    if size >= limit / 20 * 19 {
        let message =
            format!("{message}: sccache evicts old objects for new ones; raise SCCACHE_CACHE_SIZE");
        parts.push(Finding::new(CHECK, State::Yellow, message));
    } else if let Some(free) = free.filter(|free| *free < limit - size) {
        let message = format!(
            "{message}, but the file system has only {} left",
            format_bytes(free)
        );
        parts.push(Finding::new(CHECK, State::Yellow, message));
    } else {
        parts.push(Finding::new(CHECK, State::Green, message));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deleted_from_holds_keys_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!holds_only_keys(folder.path()));
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        assert!(!holds_only_keys(folder.path()));
        fs::write(folder.path().join("a/b/ab12"), "").unwrap();
        assert!(holds_only_keys(folder.path()));
        for other in ["letter", "ba12"] {
            let other = folder.path().join("a/b").join(other);
            fs::write(&other, "").unwrap();
            assert!(!holds_only_keys(folder.path()), "{}", other.display());
            fs::remove_file(&other).unwrap();
        }
    }

    #[test]
    fn a_folder_is_a_cache_if_everything_in_it_is_sccache_s() {
        let folder = tempfile::tempdir().unwrap();
        let inspect = || Folder::look_into(folder.path().to_owned());
        assert!(matches!(inspect(), Folder::Cache(_)));
        for name in ["a/b", "0", "preprocessor/x"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        assert!(matches!(inspect(), Folder::Cache(_)));
        fs::create_dir(folder.path().join("a/lib")).unwrap();
        assert!(matches!(inspect(), Folder::Foreign(_, name) if name == "a"));
        assert!(inspect().forbids(250).is_some());
        let missing = Folder::look_into(folder.path().join("none"));
        assert!(matches!(missing, Folder::Missing(_)));
    }
}
