//! What setup did, so that it can be undone.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::shell;
use super::{Refusal, Step, file};

const SCHEMA: u32 = 1;
const NAME: &str = "setup.json";

#[derive(Serialize, Deserialize)]
struct Content {
    schema: u32,
    steps: Vec<Step>,
}

/// The steps that were done, in `setup.json`.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    /// Whose the journal is: the user, the group.
    keeper: (u32, u32),
    steps: Vec<Step>,
}

impl Journal {
    /// Reads the one in this folder; an empty one where there is none. `keeper` is the user and the
    /// group whose the system's files are.
    ///
    /// # Errors
    /// Where it can't be read, is of another version, or others can write it: to undo it does as it says.
    pub fn read(folder: &Path, keeper: (u32, u32)) -> Result<Self, Refusal> {
        let path = folder.join(NAME);
        insist_on_keeper(&path, keeper.0)?;
        let bytes = file::content(&path)?;
        let mut steps = Vec::new();
        if !bytes.is_empty() {
            let content: Content = serde_json::from_slice(&bytes)
                .map_err(|error| Refusal::new(format!("{}: {error}", path.display()), ""))?;
            if content.schema != SCHEMA {
                let (shown, schema) = (path.display(), content.schema);
                return Err(Refusal::new(
                    format!("{shown} has schema {schema}, not {SCHEMA}"),
                    "run the sccache-report that wrote it",
                ));
            }
            steps = content.steps;
        }
        let folder = folder.to_path_buf();
        Ok(Self {
            folder,
            keeper,
            steps,
        })
    }

    /// The steps, the last one first, as they are undone.
    pub fn to_undo(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().rev()
    }

    /// Does the steps, all or none. Each is written down before it is done, so that one that was cut
    /// off can be undone, too. The journal's own folder gets its name with the journal in it; only
    /// folders above that (`/var/lib`), where even those are missing, are made before.
    ///
    /// # Errors
    /// Where one fails: what was done is undone. Where that fails, too, it is in the journal.
    pub fn apply(&mut self, steps: Vec<Step>) -> Result<(), Refusal> {
        self.sweep()?;
        let before = self.steps.len();
        for step in steps {
            if let Err(mut refusal) = self.take(step) {
                let back = self.undo_to(before);
                refusal.cause += match back {
                    Ok(_) => "; nothing was changed",
                    Err(_) => {
                        "; what was done before could not be undone: \
                         then run `sccache-report setup --undo`"
                    }
                };
                return Err(refusal);
            }
        }
        Ok(())
    }

    fn take(&mut self, step: Step) -> Result<(), Refusal> {
        step.check()?;
        let own = match &step {
            Step::Folder { path, .. } if self.folder.starts_with(path) => Some(path.clone()),
            _ => None,
        };
        self.steps.push(step.clone());
        match own {
            Some(path) if path == self.folder => self.make_folder(step),
            Some(_) => step.apply(),
            None => {
                self.save()?;
                step.apply()
            }
        }
    }

    /// Makes the journal's folder aside, writes the journal there, and gives it its name.
    fn make_folder(&self, mut step: Step) -> Result<(), Refusal> {
        let aside = file::aside(&self.folder);
        if let Step::Folder { path, .. } = &mut step {
            path.clone_from(&aside);
        }
        step.apply()?;
        self.save_in(&aside)?;
        fs::rename(&aside, &self.folder).map_err(|error| Refusal::of(&self.folder, error))
    }

    /// Undoes all steps, the last first but folders after what was put in them, and forgets them; says
    /// what stays.
    ///
    /// # Errors
    /// Where one can't be undone: the journal then still has it and those before it, and undoing goes
    /// on there the next time.
    pub fn undo(&mut self) -> Result<Vec<String>, Refusal> {
        self.sweep()?;
        self.undo_to(0)
    }

    /// Keeps the first steps.
    fn undo_to(&mut self, keep: usize) -> Result<Vec<String>, Refusal> {
        let mut stays = Vec::new();
        let mut saved = Ok(());
        while let Some(at) = self.next_to_undo(keep) {
            stays.extend(self.steps[at].undo()?);
            self.steps.remove(at);
            // A full disk stops nothing: a step that is undone twice comes to the same.
            saved = self.save();
        }
        match keep {
            0 => stays.extend(self.forget()?),
            _ => saved?,
        }
        Ok(stays)
    }

    /// Those that hold the journal are left for `forget`.
    fn next_to_undo(&self, keep: usize) -> Option<usize> {
        let steps = self.steps.iter().enumerate().skip(keep).rev();
        let other = |path: &Path| !self.folder.starts_with(path);
        let is_change = |step: &Step| !matches!(step, Step::Folder { .. });
        let is_other = |step: &Step| matches!(step, Step::Folder { path, .. } if other(path));
        let found = steps.clone().find(|(_, step)| is_change(step));
        let found = found.or_else(|| steps.clone().find(|(_, step)| is_other(step)));
        found.map(|(at, _)| at)
    }

    /// Takes the journal away, and the folders that were made for it.
    fn forget(&mut self) -> Result<Option<String>, Refusal> {
        let mut stays = None;
        let refused = |error| Refusal::of(&self.folder, error);
        let is_own = |step: &Step| is_own_folder(step, &self.folder);
        // Where making it failed there is none.
        let made = self.folder.exists() && self.steps.iter().any(is_own);
        if made && self.is_alone().map_err(refused)? {
            // At once: without the journal nobody would know whose the folder is.
            let aside = file::aside(&self.folder);
            fs::rename(&self.folder, aside).map_err(refused)?;
        } else {
            let path = self.folder.join(NAME);
            file::sweep(&path)?;
            file::remove(&path).map_err(refused)?;
            if made {
                let folder = self.folder.display();
                stays = Some(format!("{folder} stays, for it is not empty"));
            }
        }
        self.sweep()?;
        for step in std::mem::take(&mut self.steps).iter().rev() {
            if !is_own_folder(step, &self.folder) {
                step.undo()?;
            }
        }
        Ok(stays)
    }

    /// Whether the folder has nothing but the journal.
    fn is_alone(&self) -> io::Result<bool> {
        let path = self.folder.join(NAME);
        let names = [file::aside(&path), path];
        for entry in fs::read_dir(&self.folder)? {
            if !names.contains(&entry?.path()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes away what a process left that was killed while it made or removed the journal's folder.
    fn sweep(&self) -> Result<(), Refusal> {
        let aside = file::aside(&self.folder);
        if !aside.is_dir() {
            return Ok(());
        }
        let path = aside.join(NAME);
        let gone = file::remove(&file::aside(&path))
            .and_then(|()| file::remove(&path))
            .and_then(|()| fs::remove_dir(&aside));
        match gone {
            // A database was made there just before it lost its name.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                fs::rename(&aside, &self.folder)
            }
            other => other,
        }
        .map_err(|error| Refusal::of(&aside, error))
    }

    fn save(&self) -> Result<(), Refusal> {
        self.save_in(&self.folder)
    }

    fn save_in(&self, folder: &Path) -> Result<(), Refusal> {
        let content = Content {
            schema: SCHEMA,
            steps: self.steps.clone(),
        };
        let path = folder.join(NAME);
        let json = serde_json::to_vec_pretty(&content);
        let mut json = json.map_err(|error| Refusal::of(&path, error.into()))?;
        json.push(b'\n');
        file::put(&path, &json, self.keeper)
    }
}

/// Only root and the keeper may have written it.
fn insist_on_keeper(path: &Path, keeper: u32) -> Result<(), Refusal> {
    let Ok(what) = path.symlink_metadata() else {
        return Ok(());
    };
    // A folder is told of when it is read.
    if what.is_dir() {
        return Ok(());
    }
    if what.is_file() && [0, keeper].contains(&what.uid()) && what.mode() & 0o022 == 0 {
        return Ok(());
    }
    let (shown, word) = (path.display(), shell::path(path));
    let who = match keeper {
        0 => "root".to_owned(),
        keeper => format!("user {keeper}"),
    };
    Err(Refusal::new(
        format!("others than {who} can write {shown}, and have root change what they like"),
        format!("look into it, and move it away: `mv -i {word} {word}~`"),
    ))
}

fn is_own_folder(step: &Step, folder: &Path) -> bool {
    matches!(step, Step::Folder { path, .. } if path == folder)
}
