//! The lines that make.conf still needs.

use std::path::{Path, PathBuf};

use super::super::{Refusal, Step};
use super::{MARK, Plan};
use crate::portage::make_conf;
use crate::sccache::{Configuration, DEFAULT_CACHE_SIZE, cache_size_setting};
use crate::system::Machine;
use crate::system::machine::DATABASE;

/// What concerns the local cache alone.
const LOCAL: [&str; 2] = ["SCCACHE_DIR", "SCCACHE_CACHE_SIZE"];

/// Bytes that a client's request may have; one that is longer than the 8 MiB of the default breaks
/// the connection, and the compile with it (`bind` in sccache's `src/server.rs`, 0.18.0).
const MAX_FRAME_LENGTH: u32 = 104_857_600;

impl Plan {
    pub(super) fn make_conf(&mut self, machine: &Machine, cache: &Path) -> Result<(), Refusal> {
        let assigned = make_conf::assignments(&machine.settings.make_conf());
        let mut lines = vec![MARK.to_owned()];
        // One of the two variables has sccache pass over both in its configuration file.
        let in_file = machine.configuration_in_use();
        let size = match in_file.and_then(|(_, file)| file.size) {
            Some(bytes) => cache_size_setting(bytes).0,
            None => fitting_size(cache),
        };
        let names_folder = |(_, file): &(_, &Configuration)| file.folder.is_some();
        let elsewhere = match machine.only_remote() {
            Some((place, _)) => Some(place),
            None => { in_file.filter(names_folder) }.map(|(file, _)| file.display().to_string()),
        };
        let mut wanted = vec![
            ("RUSTC_WRAPPER", "sccache".to_owned()),
            ("SCCACHE_DIR", cache.display().to_string()),
            ("SCCACHE_MAX_FRAME_LENGTH", MAX_FRAME_LENGTH.to_string()),
            ("SCCACHE_CACHE_SIZE", size),
        ];
        if machine.database != machine.default_database() {
            wanted.push((DATABASE, machine.database.display().to_string()));
        }
        for (name, value) in wanted {
            if let (true, Some(place)) = (LOCAL.contains(&name), &elsewhere) {
                let kept = format!("{name} is not set: {place} says where the cache is");
                self.kept.push(kept);
                continue;
            }
            let there = assigned.iter().find(|one| one.name == name);
            match (machine.settings.get(name), there) {
                (Some(value), _) => {
                    let program = Path::new(value).file_name();
                    let is_other =
                        name == "RUSTC_WRAPPER" && program.is_none_or(|it| it != "sccache");
                    let other = match is_other {
                        true => ", but is not sccache: Rust is not cached",
                        false => "",
                    };
                    self.kept
                        .push(format!("{name}=\"{value}\" is set already{other}"));
                }
                (None, Some(one)) => {
                    self.kept
                        .push(format!("{name} is in {} already", one.file.display()));
                }
                (None, None) => lines.push(format!("{name}=\"{value}\"")),
            }
        }
        if lines.len() > 1 {
            self.folders(&machine.settings.config())?;
            let path: PathBuf = machine.make_conf();
            self.steps.push(Step::lines(path, lines)?);
        }
        Ok(())
    }
}

/// The files that have lines of setup's, where no journal says so: it was removed with the database.
pub fn forgotten(machine: &Machine) -> Vec<PathBuf> {
    let mut files = make_conf::files(&machine.settings.make_conf());
    files.insert(0, machine.settings.config().join("bashrc"));
    let has_mark = |text: Vec<u8>| {
        String::from_utf8_lossy(&text)
            .lines()
            .any(|line| line == MARK)
    };
    files.retain(|file| std::fs::read(file).is_ok_and(has_mark));
    files
}

/// sccache's own default, or what four fifths of the file system's room allow.
fn fitting_size(cache: &Path) -> String {
    let there = cache
        .ancestors()
        .find(|path| path.exists())
        .unwrap_or(cache);
    let room = rustix::fs::statvfs(there).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    let size = room.map_or(DEFAULT_CACHE_SIZE, |room| {
        DEFAULT_CACHE_SIZE.min(room / 5 * 4)
    });
    cache_size_setting(size).0
}
