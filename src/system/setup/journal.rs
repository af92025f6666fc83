//! What setup did, so that it can be undone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Step, file};

const SCHEMA: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Content {
    schema: u32,
    steps: Vec<Step>,
}

/// The steps that were done, in `setup.json`.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    steps: Vec<Step>,
}

impl Journal {
    /// Reads the one in this folder; an empty one where there is none.
    ///
    /// # Errors
    /// Where it can't be read, or is of another version.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let path = folder.join("setup.json");
        let bytes = file::content(&path)?;
        if bytes.is_empty() {
            return Ok(Self {
                path,
                steps: Vec::new(),
            });
        }
        let content: Content = serde_json::from_slice(&bytes)?;
        if content.schema != SCHEMA {
            let why = format!(
                "{} has schema {}, not {SCHEMA}",
                path.display(),
                content.schema
            );
            return Err(io::Error::other(why));
        }
        Ok(Self {
            path,
            steps: content.steps,
        })
    }

    /// The steps, the last one first, as they are undone.
    pub fn to_undo(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().rev()
    }

    /// Does the steps. Each is written down before it is done, except for the folders that the
    /// journal itself lies in.
    ///
    /// # Errors
    /// Where one fails: those before it are done, and can be undone.
    pub fn apply(&mut self, steps: Vec<Step>) -> io::Result<()> {
        for step in steps {
            let is_own = matches!(&step, Step::Folder { path, .. } if self.path.starts_with(path));
            if is_own {
                step.apply()?;
                self.steps.push(step);
                continue;
            }
            self.steps.push(step);
            self.save()?;
            if let Some(step) = self.steps.last()
                && let Err(error) = step.apply()
            {
                self.steps.pop();
                self.save()?;
                return Err(error);
            }
        }
        self.save()
    }

    /// Undoes all steps, the last first, and forgets them; says what stays.
    ///
    /// # Errors
    /// Where one can't be undone: the journal then still has it and those before it.
    pub fn undo(&mut self) -> io::Result<Vec<String>> {
        let mut stays = Vec::new();
        let (folders, changes): (Vec<Step>, Vec<Step>) = self
            .steps
            .drain(..)
            .partition(|step| matches!(step, Step::Folder { .. }));
        self.steps = folders.iter().chain(&changes).cloned().collect();
        for step in changes.iter().rev() {
            stays.extend(step.undo()?);
            self.steps.pop();
            self.save()?;
        }
        // It may lie in one of the folders that it made.
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        for step in folders.iter().rev() {
            stays.extend(step.undo()?);
        }
        self.steps.clear();
        Ok(stays)
    }

    fn save(&self) -> io::Result<()> {
        let content = Content {
            schema: SCHEMA,
            steps: self.steps.clone(),
        };
        let mut json = serde_json::to_vec_pretty(&content)?;
        json.push(b'\n');
        file::replace(&self.path, &json)
    }
}
