//! A system without sccache-report, and comparisons with it.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Root;

/// The longest content in bytes that [`Root::state`] shows; longer files are hashed.
const SHOWN: usize = 1 << 16;

impl Root {
    /// Returns a Portage that doesn't use sccache, though the program is installed.
    pub fn without_sccache() -> Root {
        let root = Root::without_hook();
        fs::remove_dir(root.file("var/cache/sccache")).unwrap();
        let conf = root.read("etc/portage/make.conf");
        let plain = |line: &&str| !line.contains("sccache");
        let plain: Vec<&str> = conf.lines().filter(plain).collect();
        fs::write(root.file("etc/portage/make.conf"), plain.join("\n")).unwrap();
        root
    }

    /// Returns the same with sccache-report installed.
    pub fn installed() -> Root {
        let root = Root::without_sccache();
        let programs = Path::new(env!("CARGO_BIN_EXE_sccache-report"));
        let programs = programs.parent().unwrap().display();
        let status = Command::new("make")
            .args(["-s", "-C", env!("CARGO_MANIFEST_DIR")])
            .args(["install", "PREFIX=/usr"])
            .arg(format!("DESTDIR={}", root.dir.display()))
            .arg(format!("BINARIES={programs}"))
            .status()
            .unwrap();
        assert!(status.success());
        root
    }

    /// Returns every path in these folders with its owner, mode, and content.
    pub fn state(&self, folders: &[&str]) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        for folder in folders {
            self.add(&self.file(folder), &mut found);
        }
        found
    }

    fn add(&self, path: &Path, found: &mut BTreeMap<PathBuf, String>) {
        let what = path.symlink_metadata().unwrap();
        let mut shown = format!("{}:{} {:o} ", what.uid(), what.gid(), what.mode());
        if what.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.add(&entry.unwrap().path(), found);
            }
        } else if what.is_symlink() {
            shown += &fs::read_link(path).unwrap().to_string_lossy();
        } else {
            let content = fs::read(path).unwrap();
            if content.len() > SHOWN {
                let mut hasher = DefaultHasher::new();
                content.hash(&mut hasher);
                shown += &format!("{:x}", hasher.finish());
            } else {
                shown += &String::from_utf8_lossy(&content);
            }
        }
        let below = path.strip_prefix(&self.dir).unwrap();
        found.insert(below.to_owned(), shown);
    }
}
