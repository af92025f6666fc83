//! What setup changes, step by step: shown first, then done.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::block::Text;
use super::files::{Owner, create_folder, read, resolve, write};
use super::{Error, at};

/// One change.
pub(super) struct Step {
    /// Lines that show it.
    pub(super) lines: Vec<String>,
    pub(super) run: Box<dyn Fn() -> Result<(), Error>>,
}

impl Step {
    fn new(path: &Path, what: &str, run: impl Fn() -> Result<(), Error> + 'static) -> Self {
        let (lines, run) = (vec![format!("{}: {what}", path.display())], Box::new(run));
        Self { lines, run }
    }

    pub(super) fn create_folder(path: PathBuf, owner: Owner, keeper: Owner) -> Self {
        let what = format!("new folder of {}:{}, mode 0755", owner.0, owner.1);
        Self::new(&path.clone(), &what, move || {
            create_folder(&path, owner, keeper)
        })
    }

    /// Removes an empty folder.
    pub(super) fn remove_folder(path: PathBuf) -> Self {
        Self::new(&path.clone(), "remove the folder", move || {
            at(&path, fs::remove_dir(&path))
        })
    }

    pub(super) fn remove_file(path: PathBuf, what: &str) -> Self {
        Self::new(&path.clone(), &format!("remove {what}"), move || {
            at(&path, fs::remove_file(&path))
        })
    }

    /// Creates a link, or replaces one.
    pub(super) fn link(path: PathBuf, target: PathBuf) -> Self {
        let what = format!("link to {}", target.display());
        Self::new(&path.clone(), &what, move || {
            if path.is_symlink() {
                at(&path, fs::remove_file(&path))?;
            }
            at(&path, symlink(&target, &path))
        })
    }
}

/// A file that has setup's block, or will.
pub(super) struct BlockFile {
    /// Where it is, without links.
    path: PathBuf,
    is_link: bool,
    content: Option<Vec<u8>>,
    keeper: Owner,
    pub(super) text: Text,
}

impl BlockFile {
    pub(super) fn read(path: &Path, keeper: Owner) -> Result<Self, Error> {
        let is_link = path.is_symlink();
        let path = resolve(path, keeper)?;
        let content = read(&path)?;
        let text = Text::parse(content.as_deref().unwrap_or_default(), &path)?;
        Ok(Self {
            path,
            is_link,
            content,
            keeper,
            text,
        })
    }

    /// Changes the block to these lines, or removes it if there are none.
    pub(super) fn edit(self, lines: &[String]) -> Result<Step, Error> {
        let (text, keeper) = (&self.text, self.keeper);
        let has_outside = !text.outside.is_empty();
        let needs_backup = text.is_edited || (text.lines.is_empty() && has_outside);
        let is_removed = lines.is_empty() && !has_outside && !self.is_link && !text.is_edited;
        let (path, backup) = (self.path.clone(), backup_path(&self.path));
        let what = match &self.content {
            None => "new file".to_owned(),
            _ if is_removed => "remove".to_owned(),
            _ if needs_backup => format!("edit, and keep a copy as {}", backup.display()),
            _ => "edit".to_owned(),
        };
        let (removed, added) = (text.lines.clone(), lines.to_vec());
        let new = match read(&backup)? {
            // Setup had to add a line break.
            Some(copy) if [&copy[..], b"\n"].concat() == text.with(lines) => copy,
            _ => text.with(lines),
        };
        let mut step = Step::new(&path.clone(), &what, move || {
            let old = self.content.as_deref();
            if read(&path)?.as_deref() != old {
                let problem = "was changed in the meantime";
                return Err(Error::new(&path, problem, "run setup again"));
            }
            if is_removed {
                return at(&path, fs::remove_file(&path));
            }
            if needs_backup {
                write(&backup, old.unwrap_or_default(), &path, keeper)?;
            }
            write(&path, &new, &path, keeper)?;
            // Undo leaves no copy of what the file is again.
            if read(&backup)?.is_some_and(|copy| copy == new) {
                at(&backup, fs::remove_file(&backup))?;
            }
            Ok(())
        });
        let only = |sign: char, these: &[String], others: &[String]| -> Vec<String> {
            let lines = these.iter().filter(|line| !others.contains(line));
            lines.map(|line| format!("  {sign} {line}")).collect()
        };
        step.lines.extend(only('-', &removed, &added));
        step.lines.extend(only('+', &added, &removed));
        Ok(step)
    }
}

/// Portage reads all files in make.conf/ but `.*` and `*~` (`_recursive_basename_filter` in 3.0.83),
/// sandbox all in sandbox.d/ but `.*`.
fn backup_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.sccache-report~"))
}
