//! One thing that setup changes, and how it is changed back.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Owner, Refusal, file, lines};

/// A change; what was before is in it from when it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Makes a folder.
    Folder { path: PathBuf, owner: Owner },
    /// Gives something an owner and a mode.
    Give {
        path: PathBuf,
        owner: Owner,
        was: Owner,
    },
    /// Makes a symbolic link.
    Link {
        path: PathBuf,
        to: PathBuf,
        /// Where one led that is there and leads nowhere now.
        #[serde(default)]
        was: Option<PathBuf>,
    },
    /// Adds lines to the end of a file, or makes a file of them.
    Lines {
        path: PathBuf,
        lines: Vec<String>,
        /// What was added, byte for byte.
        added: String,
        /// A copy of the file as it was; `None` where there was no file.
        backup: Option<PathBuf>,
    },
}

impl Step {
    /// Lines for a file that is there or not.
    pub(super) fn lines(path: PathBuf, lines: Vec<String>) -> Result<Self, Refusal> {
        let before = file::content(&path)?;
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let open = before.last().is_some_and(|&last| last != b'\n');
        let is_there = path.symlink_metadata().is_ok();
        Ok(Self::Lines {
            added: if open { format!("\n{text}") } else { text },
            backup: is_there.then(|| file::backup_name(&path)),
            path,
            lines,
        })
    }

    /// What it is, for people, over several lines.
    pub fn describe(&self) -> String {
        match self {
            Self::Folder { path, owner } => {
                format!("{}\n  new folder of {}", path.display(), owner.shown())
            }
            Self::Give { path, owner, was } => {
                format!(
                    "{}\n  from {}\n  to   {}",
                    path.display(),
                    was.shown(),
                    owner.shown()
                )
            }
            Self::Link { path, to, was } => {
                let instead = was
                    .as_ref()
                    .map(|was| format!("\n  instead of {}, which is not there", was.display()));
                let instead = instead.unwrap_or_default();
                format!(
                    "{}\n  new link to {}{instead}",
                    path.display(),
                    to.display()
                )
            }
            Self::Lines {
                path,
                lines,
                backup,
                ..
            } => {
                let how = match backup {
                    Some(backup) => format!("keeps what it was as {}", backup.display()),
                    None => "new file".to_owned(),
                };
                let lines: String = lines.iter().map(|line| format!("\n  + {line}")).collect();
                format!("{}\n  {how}{lines}", path.display())
            }
        }
    }

    /// What undoing it does, for people.
    pub fn describe_undo(&self) -> String {
        match self {
            Self::Folder { path, .. } => {
                format!("{}\n  remove the folder, if it is empty", path.display())
            }
            Self::Give { path, owner, was } => {
                format!(
                    "{}\n  from {}\n  to   {}",
                    path.display(),
                    owner.shown(),
                    was.shown()
                )
            }
            Self::Link { path, was, .. } => match was {
                None => format!("{}\n  remove the link", path.display()),
                Some(was) => format!("{}\n  link to {} again", path.display(), was.display()),
            },
            Self::Lines { path, lines, .. } => lines::describe_undo(path, lines),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Folder { path, .. }
            | Self::Give { path, .. }
            | Self::Link { path, .. }
            | Self::Lines { path, .. } => path,
        }
    }

    /// Whether all is as it was when this was planned, so that undoing it takes nobody else's away.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let is_there = |path: &Path| path.symlink_metadata().is_ok();
        let is_as_planned = match self {
            Self::Folder { path, .. } => !is_there(path),
            Self::Give { path, was, .. } => Owner::of(path).is_ok_and(|now| now.is_same(was)),
            Self::Link { path, was, .. } => match was {
                None => !is_there(path),
                Some(was) => fs::read_link(path).is_ok_and(|now| now == *was),
            },
            Self::Lines {
                path,
                added,
                backup,
                ..
            } => {
                let now = file::content(path)?;
                let open = now.last().is_some_and(|&last| last != b'\n');
                (open == added.starts_with('\n'))
                    && match backup {
                        Some(backup) => is_there(path) && !is_there(backup),
                        None => !is_there(path),
                    }
            }
        };
        match is_as_planned {
            true => Ok(()),
            false => Err(Refusal::changed(self.path())),
        }
    }

    /// Does it. Where it fails or is killed on its way, `undo` takes back what it did of it.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub(super) fn apply(&self) -> Result<(), Refusal> {
        let done = match self {
            Self::Folder { path, owner } => owner.make_folder(path),
            Self::Give { path, owner, .. } => owner.give(path),
            Self::Link { path, to, .. } => file::link(path, to),
            Self::Lines {
                path,
                added,
                backup,
                ..
            } => {
                if let Some(backup) = backup {
                    file::copy(path, backup)?;
                }
                let content = [&file::content(path)?, added.as_bytes()].concat();
                return file::replace(path, &content);
            }
        };
        done.map_err(|error| Refusal::of(self.path(), error))
    }

    /// Takes it back, as far as nobody changed it since, whether it was done, half done, not done or
    /// undone; says what stays, if anything.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub(super) fn undo(&self) -> Result<Option<String>, Refusal> {
        let stays = match self {
            Self::Folder { path, .. } => undo_folder(path),
            Self::Give { path, owner, was } => owner.take_back(path, was),
            Self::Link { path, to, was } => undo_link(path, to, was.as_deref()),
            Self::Lines {
                path,
                lines,
                added,
                backup,
            } => return lines::undo(path, lines, added, backup.as_deref()),
        };
        stays.map_err(|error| Refusal::of(self.path(), error))
    }
}

fn undo_folder(path: &Path) -> io::Result<Option<String>> {
    let stays = |why: &str| Ok(Some(format!("{} stays, for it is {why}", path.display())));
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    match fs::remove_dir(path) {
        Ok(()) => Ok(None),
        Err(error) => match error.kind() {
            ErrorKind::NotFound => Ok(None),
            ErrorKind::DirectoryNotEmpty => stays("not empty"),
            ErrorKind::NotADirectory => stays("no folder any more"),
            _ => Err(error),
        },
    }
}

fn undo_link(path: &Path, to: &Path, was: Option<&Path>) -> io::Result<Option<String>> {
    file::remove(&file::aside(path))?;
    match (fs::read_link(path), was) {
        (Ok(now), Some(was)) if now == was => Ok(None),
        (Ok(now), Some(was)) if now == to => file::link(path, was).map(|()| None),
        (Ok(now), None) if now == to => file::remove(path).map(|()| None),
        (Ok(now), _) => Ok(Some(format!(
            "{} stays: it leads to {}",
            path.display(),
            now.display()
        ))),
        (Err(error), _) if error.kind() == ErrorKind::NotFound => Ok(None),
        (Err(_), _) => Ok(Some(format!(
            "{} stays: it is no link any more",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// Adds `B` to a file, has it changed, undoes: (before, change, after, backup still there).
    #[test]
    fn only_its_own_lines_are_taken_away() {
        for (before, change, after, kept) in [
            (Some("a\n"), "", Some("a\n"), false),
            (Some("no newline"), "", Some("no newline"), false),
            (Some(""), "", Some(""), false),
            (None, "", None, false),
            (None, "x\n", Some("x\n"), false),
            (Some("a"), "x\n", Some("a\nx\n"), true),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("f");
            if let Some(before) = before {
                fs::write(&path, before).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
            }
            let step = Step::lines(path.clone(), vec!["# ours".into(), "B=1".into()]).unwrap();
            step.apply().unwrap();
            let now = fs::read_to_string(&path).unwrap();
            assert!(now.ends_with("# ours\nB=1\n"), "{now}");
            fs::write(&path, now + change).unwrap();
            step.undo().unwrap();
            assert_eq!(fs::read_to_string(&path).ok().as_deref(), after);
            assert_eq!(
                folder.path().join("f.bak").exists(),
                kept,
                "{before:?} {change:?}"
            );
            if before.is_some() {
                assert_eq!(Owner::of(&path).unwrap().mode, 0o640);
            }
        }
    }

    #[test]
    fn behind_a_link_the_target_is_edited() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        fs::write(&target, "a\n").unwrap();
        symlink("target", &link).unwrap();
        let step = Step::lines(link.clone(), vec!["B=1".into()]).unwrap();
        step.apply().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "a\nB=1\n");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        step.undo().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "a\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
