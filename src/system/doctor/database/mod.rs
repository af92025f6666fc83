//! The database: readable for all, writable for root, whole, of this version, nothing waiting.

mod access;
mod content;

use std::path::{Path, PathBuf};

use super::super::{Machine, shell};
use super::Finding;
use crate::store::Store;

pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    let path = &machine.database;
    let opened = Store::open_for_reading(path);
    vec![
        access::readable(machine, path, &opened),
        access::writable(machine, path),
        content::whole(path, &opened),
        content::schema(machine, &opened),
        content::pending(path),
    ]
}

/// It goes out of the way, and what SQLite keeps beside it along: a journal that stays would be played
/// back into the next file of this name. Nothing that was put aside before is lost.
fn move_away(path: &Path) -> Vec<String> {
    let beside = |path: &Path, end: &str| -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        name.into()
    };
    let is_free = |aside: &PathBuf| aside.symlink_metadata().is_err();
    let names = (1..).map(|number| beside(path, &format!(".damaged.{number}")));
    let mut names = std::iter::once(beside(path, ".damaged")).chain(names);
    let aside = names
        .find(is_free)
        .unwrap_or_else(|| beside(path, ".damaged"));
    let there = { ["-journal", "-wal", "-shm", ""].iter() }
        .filter(|end| end.is_empty() || beside(path, end).exists());
    there
        .map(|end| {
            let (from, to) = (beside(path, end), beside(&aside, end));
            format!("mv -n {} {}", shell::path(&from), shell::path(&to))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::super::State;
    use super::*;
    use crate::portage::Settings;

    #[test]
    fn a_prefix_in_a_private_home_is_its_owners() {
        let home = tempfile::tempdir().unwrap();
        let prefix = home.path().join("gentoo");
        let folder = prefix.join("var/lib/sccache-report");
        fs::create_dir_all(&folder).unwrap();
        let mut machine = Machine::look(Some(folder.join("stats.db")));
        machine.settings = Settings::of(&[("EPREFIX", &prefix.to_string_lossy())]);
        drop(Store::open_for_recording(&machine.database).unwrap());
        if machine.is_root {
            for at in [home.path(), &prefix, &prefix.join("var"), &folder] {
                std::os::unix::fs::chown(at, Some(1234), Some(1234)).unwrap();
            }
        }
        fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
        let found = findings(&machine);
        let states: Vec<State> = found.iter().map(|one| one.state).collect();
        assert_eq!(states, [State::Green; 5], "{found:#?}");
        // Closed in the prefix itself: it is opened there, and doesn't move to where it is.
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        let found = findings(&machine);
        assert_eq!(found[0].cure, [format!("chmod a+x {}", folder.display())]);
        machine.settings = Settings::of(&[("EPREFIX", "/home/u/gentoo")]);
        let is_private = |path: &str| machine.is_private(Path::new(path));
        assert!(is_private("/home/u/x") && !is_private("/home/u/gentoo/x"));
        let database = machine.settings.below("var/lib/sccache-report/stats.db");
        let found = access::elsewhere(&machine, Finding::red("database", ""), &database);
        assert_eq!(found.cure, [""; 0]);
    }
}
