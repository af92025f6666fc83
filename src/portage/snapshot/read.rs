//! Reads a build's snapshots, as root, from a folder that other users can write to.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;
use uuid::Uuid;

use super::leftover::new_folder_name;
use super::{LIST_SUFFIX, MAX_BYTES, SCHEMA, Snapshot, file_name, list_name, open_t, remove_files};
use crate::error::{Error, Result, ensure};
use crate::files::{open_directory, open_regular_at};
use crate::portage::check::{DAMAGED_LIST, MAX_SNAPSHOTS, parse_json};
use crate::portage::{Outcome, Phase};
use crate::sccache::compilations::{CompilationList, MAX_COMPILATIONS, MAX_LIST_BYTES};
use crate::text::printable;

/// The most bytes of all snapshots of a build, without compilations. In memory, they take up to twenty
/// times as much, and no build may make root use more than 32 MiB.
const MAX_TOTAL_BYTES: u64 = 512 * 1024;

/// The most bytes of all lists of compilations of a build. One of 50,000 has about a megabyte, and
/// takes 20 as they are recorded.
const MAX_TOTAL_LIST_BYTES: usize = 4 * 1024 * 1024;

/// The most lists of compilations of a build, because each is compared with all those of earlier builds.
const MAX_LISTS: usize = 16;

/// The most refused files that a warning names.
const MAX_NAMED: usize = 5;

/// The snapshots of one build.
#[derive(Debug)]
pub struct Snapshots {
    folder: OwnedFd,
    parent: OwnedFd,
    path: PathBuf,
    ids: Vec<Uuid>,
    /// The phases, in the order in which they ended.
    pub phases: Vec<Phase>,
    /// The files that were refused, with the reasons, in one line.
    pub refusals: Option<String>,
}

impl Snapshots {
    /// Reads the folder `name` in `${T}`, which is [`FOLDER`](super::FOLDER) or one that was
    /// [set aside](Self::set_aside); `None` if it doesn't exist. Files that can't be accepted are
    /// left there and named in `refusals`.
    ///
    /// # Errors
    /// Returns an error if it is not a folder, or has far too many files.
    pub fn read(t: &Path, name: &str) -> Result<Option<Self>> {
        let parent = open_t(t)?;
        let path = t.join(name);
        let folder = match open_directory(&parent, name) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => {
                let problem = format!("{} is not a directory of ours", path.display());
                return Err(Error::failed(problem, error));
            }
        };
        let (mut accepted, mut refused): (Vec<Snapshot>, _) = (Vec::new(), Vec::new());
        let mut bytes_left = MAX_TOTAL_BYTES;
        for (count, entry) in Dir::read_from(&folder)?.enumerate() {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // An arbitrary part of them would be no build's numbers.
            ensure!(
                count <= 4 * MAX_SNAPSHOTS,
                "too many files in {}",
                path.display()
            );
            // "." and "..", unfinished files of a killed collector, and lists of compilations, which are
            // read with their snapshots.
            if name.starts_with('.') || name.ends_with(LIST_SUFFIX) {
                continue;
            }
            match read_one(&folder, &name, &mut bytes_left) {
                Ok(snapshot) => accepted.push(snapshot),
                Err(error) => refused.push(format!("{}: {error}", printable(&name, 80))),
            }
        }
        let count = accepted.len();
        ensure!(
            count <= MAX_SNAPSHOTS,
            "too many snapshots ({count}) in {}",
            path.display()
        );
        accepted.sort_by_key(|snapshot| (snapshot.phase.finished_at, snapshot.id));
        refused.extend(add_compilations(&folder, &mut accepted));
        Ok(Some(Self {
            folder,
            parent,
            path,
            ids: accepted.iter().map(|snapshot| snapshot.id).collect(),
            phases: accepted
                .into_iter()
                .map(|snapshot| snapshot.phase)
                .collect(),
            refusals: (!refused.is_empty()).then(|| join_refusals(refused)),
        }))
    }

    /// Returns the id of the build of `package` at `version`: the same for the same snapshots, so that
    /// a record that was killed before it removed them can be repeated. The package is part of it
    /// because a hostile build can copy the snapshots of another.
    pub fn build_id(&self, package: &str, version: &str) -> Uuid {
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        let mut name = format!("{package}-{version}\n").into_bytes();
        ids.iter().for_each(|id| name.extend(id.as_bytes()));
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &name)
    }

    /// Removes the snapshots that were read, after they are recorded. Refused files stay.
    pub fn remove(self) {
        for id in &self.ids {
            remove_files(&self.folder, *id);
        }
        let name = self.path.file_name().unwrap_or_default();
        let _ = rustix::fs::unlinkat(&self.parent, name, AtFlags::REMOVEDIR);
    }

    /// Renames the folder of a build that could not be recorded, so that no other build's snapshots
    /// are added to it. [`find_set_aside`](super::find_set_aside) finds it again.
    pub fn set_aside(self, outcome: Outcome) {
        let name = self.path.file_name().unwrap_or_default();
        let new_name = new_folder_name(outcome);
        let _ = rustix::fs::renameat(&self.parent, name, &self.parent, new_name);
    }
}

fn join_refusals(mut refused: Vec<String>) -> String {
    refused.sort_unstable();
    if refused.len() > MAX_NAMED {
        let more = format!("and {} more", refused.len() - MAX_NAMED);
        refused.truncate(MAX_NAMED);
        refused.push(more);
    }
    refused.join("; ")
}

/// Reads one snapshot, and subtracts its length from `bytes_left`.
fn read_one(folder: &OwnedFd, name: &str, bytes_left: &mut u64) -> Result<Snapshot> {
    let content = read_file(folder, name, MAX_BYTES)?;
    let length = content.len() as u64;
    let is_left = length <= *bytes_left;
    ensure!(
        is_left,
        "the files are longer than {MAX_TOTAL_BYTES} bytes in total"
    );
    let mut snapshot: Snapshot = parse_json(&content)?;
    snapshot.phase.compilations = None;
    let schema = snapshot.schema;
    ensure!(
        schema == SCHEMA,
        "unsupported schema {schema}, expected {SCHEMA}"
    );
    // So no snapshot counts twice.
    ensure!(
        *name == file_name(snapshot.id),
        "its name doesn't match its id"
    );
    snapshot.phase.check()?;
    *bytes_left -= length;
    Ok(snapshot)
}

/// Reads the lists of compilations of these snapshots, and returns why some were refused.
fn add_compilations(folder: &OwnedFd, snapshots: &mut [Snapshot]) -> Vec<String> {
    let mut refused = Vec::new();
    let mut left = ListLimits {
        lists: MAX_LISTS,
        bytes: MAX_TOTAL_LIST_BYTES,
        compilations: MAX_COMPILATIONS,
    };
    for snapshot in snapshots {
        let name = list_name(snapshot.id);
        if snapshot.has_compilations {
            match read_list(folder, &name, &mut left) {
                Ok(list) => snapshot.phase.compilations = Some(list),
                Err(error) => refused.push(format!("{name}: {error}")),
            }
        }
    }
    refused
}

/// What is left of the limits of a build's lists.
struct ListLimits {
    lists: usize,
    bytes: usize,
    compilations: usize,
}

impl ListLimits {
    /// Returns what is left after one more list; `None` if it is too much.
    fn after(&self, bytes: usize, compilations: usize) -> Option<Self> {
        Some(Self {
            lists: self.lists.checked_sub(1)?,
            bytes: self.bytes.checked_sub(bytes)?,
            compilations: self.compilations.checked_sub(compilations)?,
        })
    }
}

fn read_list(folder: &OwnedFd, name: &str, left: &mut ListLimits) -> Result<CompilationList> {
    let too_much = || Error::invalid("the lists of the build are too long, or too many");
    let content = read_file(folder, name, MAX_LIST_BYTES as u64)?;
    let bytes = content.len();
    left.after(bytes, 0).ok_or_else(too_much)?;
    let list = CompilationList::from_bytes(content);
    let Some(compilations) = list.checked_len() else {
        return Err(Error::invalid(DAMAGED_LIST));
    };
    *left = left.after(bytes, compilations).ok_or_else(too_much)?;
    Ok(list)
}

/// Reads a regular file with one name.
fn read_file(folder: &OwnedFd, name: &str, max: u64) -> Result<Vec<u8>> {
    let file = open_regular_at(folder, name)?;
    let links = file.metadata()?.nlink();
    ensure!(links == 1, "it has {links} hard links");
    let mut content = Vec::new();
    let length = file.take(max + 1).read_to_end(&mut content)? as u64;
    ensure!(length <= max, "longer than {max} bytes");
    Ok(content)
}
