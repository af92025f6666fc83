//! Reading a build's snapshots, as root, from a folder in which others write.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use uuid::Uuid;

use super::super::phase::MAX_SNAPSHOTS;
use super::super::{Outcome, Phase, json};
use super::{MAX_BYTES, SCHEMA, Snapshot, name_aside, open_directory, open_t};

/// All snapshots of a build. What was read takes up to twenty times as much memory, of
/// which no build may make root take more than 32 MiB.
const MAX_BYTES_IN_ALL: u64 = 512 * 1024;

/// So many refused files are named, the others counted.
const NAMED: usize = 5;

/// The snapshots of one build.
#[derive(Debug)]
pub struct Snapshots {
    folder: OwnedFd,
    parent: OwnedFd,
    path: PathBuf,
    names: Vec<String>,
    ids: Vec<Uuid>,
    /// In the order in which they ended.
    pub phases: Vec<Phase>,
    /// What was refused, and why, a line each.
    pub refused: Vec<String>,
}

impl Snapshots {
    /// Reads what lies in the folder `name` in `${T}`, which is `FOLDER` or one that was
    /// [set aside](Self::set_aside); `None` where there is no folder, and so no numbers.
    ///
    /// # Errors
    /// Where something that isn't a folder stands in its place. Single files that can't be
    /// taken don't fail it: they are left where they are and named in `refused`.
    pub fn read(t: &Path, name: &str) -> Result<Option<Self>> {
        let parent = open_t(t)?;
        let path = t.join(name);
        let folder = match open_directory(&parent, name) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => bail!("{} is not a directory of ours: {error}", path.display()),
        };
        let mut snapshots = Self {
            folder,
            parent,
            path,
            names: Vec::new(),
            ids: Vec::new(),
            phases: Vec::new(),
            refused: Vec::new(),
        };
        snapshots.read_files()?;
        Ok(Some(snapshots))
    }

    fn read_files(&mut self) -> Result<()> {
        let mut read = Vec::new();
        let mut left = MAX_BYTES_IN_ALL;
        for (count, entry) in Dir::read_from(&self.folder)?.enumerate() {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if count > 4 * MAX_SNAPSHOTS {
                // What of it is honest can't be told from an arbitrary part of it.
                bail!("far too many files in {}", self.path.display());
            }
            // "." and "..", and what a killed collector had not finished.
            if name.starts_with('.') {
                continue;
            }
            match read_one(&self.folder, &name, &mut left) {
                Ok(snapshot) => read.push((name, snapshot)),
                Err(error) => self
                    .refused
                    .push(format!("{}: {error:#}", crate::text::printable(&name, 80))),
            }
        }
        if read.len() > MAX_SNAPSHOTS {
            bail!("{} snapshots in {}", read.len(), self.path.display());
        }
        read.sort_by_key(|(_, snapshot)| (snapshot.phase.finished_at, snapshot.id));
        for (name, snapshot) in read {
            self.names.push(name);
            self.ids.push(snapshot.id);
            self.phases.push(snapshot.phase);
        }
        Ok(())
    }

    /// What was refused, in a line of bearable length.
    pub fn refusals(&self) -> String {
        let mut refused = self.refused.clone();
        refused.sort_unstable();
        let more = refused.len().saturating_sub(NAMED);
        refused.truncate(NAMED);
        let mut line = refused.join("; ");
        if more > 0 {
            line.push_str(&format!("; and {more} more"));
        }
        line
    }

    /// The id of the build of `package` at `version`: the same whenever the same snapshots
    /// are recorded, so that a record that was cut off before it removed them can be
    /// repeated. The package is in it because a hostile build can copy the snapshots of one
    /// that runs beside it, and could else be taken for it.
    pub fn build_id(&self, package: &str, version: &str) -> Uuid {
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        let mut name = format!("{package}-{version}\n").into_bytes();
        ids.iter().for_each(|id| name.extend(id.as_bytes()));
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &name)
    }

    /// Removes what was read, once it is recorded. What was refused stays for a person to look at.
    pub fn remove(self) {
        for name in &self.names {
            let _ = rustix::fs::unlinkat(&self.folder, name, AtFlags::empty());
        }
        let name = self.path.file_name().unwrap_or_default();
        let _ = rustix::fs::unlinkat(&self.parent, name, AtFlags::REMOVEDIR);
    }

    /// Puts the snapshots of a build that could not be kept anywhere else where no other build's
    /// come to them, to be taken up when `${T}` is next looked at.
    pub fn set_aside(self, outcome: Outcome) {
        let name = self.path.file_name().unwrap_or_default();
        let aside = name_aside(outcome);
        let _ = rustix::fs::renameat(&self.parent, name, &self.parent, aside);
    }
}

/// Reads one snapshot, and takes its length off what is `left` for all of them.
fn read_one(folder: &OwnedFd, name: &str, left: &mut u64) -> Result<Snapshot> {
    // Looked at before it is opened: to open a device can be to set it going.
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Symlink => bail!("a symbolic link"),
        _ => bail!("not a regular file"),
    }
    // And after it, since it may have been replaced. NONBLOCK: a FIFO must not keep root
    // waiting for a writer.
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, name, flags, Mode::empty())
        .map_err(|error| anyhow::anyhow!("can't be opened: {error}"))?;
    let stat = rustix::fs::fstat(&file)?;
    ensure!(
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
        "not a regular file"
    );
    ensure!(stat.st_nlink == 1, "it has {} names", stat.st_nlink);
    let mut content = Vec::new();
    File::from(file)
        .take(MAX_BYTES + 1)
        .read_to_end(&mut content)?;
    let length = content.len() as u64;
    ensure!(length <= MAX_BYTES, "longer than {MAX_BYTES} bytes");
    ensure!(
        length <= *left,
        "the files are longer than {MAX_BYTES_IN_ALL} bytes in all"
    );
    let snapshot: Snapshot = json::from_json(&content)?;
    ensure!(
        snapshot.schema == SCHEMA,
        "of schema {}, not {SCHEMA}",
        snapshot.schema
    );
    // No two files have one name, so no snapshot counts twice.
    ensure!(
        *name == format!("{}.json", snapshot.id),
        "not named for its id"
    );
    snapshot.phase.check()?;
    *left -= length;
    Ok(snapshot)
}
