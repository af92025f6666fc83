//! The record that the hook writes at each merge: proof that it ran, and the build's settings.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::CWD;

use crate::files::open_regular_at;

/// The first line of the supported format.
const FORMAT: &str = "sccache-report-hook=1";

/// The longest record in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// One merge, as the hook saw it in `pkg_preinst`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookRecord {
    /// When the hook ran.
    pub time: DateTime<Utc>,
    /// `CATEGORY/PF`.
    pub package: String,
    /// FEATURES of the build.
    pub features: String,
    /// The length of `${T}` in bytes.
    pub t_length: Option<usize>,
    /// The variables that were set, including empty ones.
    pub variables: BTreeMap<String, String>,
}

impl HookRecord {
    /// Returns the folder of the records that belong to a database.
    pub fn folder(database: &Path) -> PathBuf {
        database.with_file_name("hook")
    }

    /// Returns the files of the records: of the most recent merge, and of the most recent merge whose
    /// build called sccache.
    pub fn files(database: &Path) -> [PathBuf; 2] {
        let folder = Self::folder(database);
        ["last-merge", "last-cached"].map(|name| folder.join(name))
    }

    /// Reads a record that root or `owner` wrote; `None` if there is none.
    pub fn read(path: &Path, owner: u32) -> Option<Self> {
        let file = open_regular_at(CWD, path).ok()?;
        let metadata = file.metadata().ok()?;
        let is_trusted = metadata.uid() == 0 || metadata.uid() == owner;
        if !is_trusted || metadata.len() > MAX_BYTES {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let record = Self::parse(&String::from_utf8_lossy(&bytes))?;
        let is_past = record.time <= Utc::now() + TimeDelta::days(1);
        is_past.then_some(record)
    }

    /// Parses a record; `None` if it is incomplete or has another format.
    fn parse(text: &str) -> Option<Self> {
        let lines = text.strip_prefix(FORMAT)?.strip_suffix("\nend\n")?;
        let mut values: BTreeMap<&str, &str> = lines
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let mut take = |name| values.remove(name).unwrap_or_default();
        Some(Self {
            time: DateTime::from_timestamp(take("time").parse().ok()?, 0)?,
            package: take("package").to_owned(),
            features: take("features").to_owned(),
            t_length: take("t_length").parse().ok(),
            variables: values
                .into_iter()
                .filter_map(|(name, value)| Some((name.strip_prefix("env.")?.into(), value.into())))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "sccache-report-hook=1\ntime=1795000000\npackage=app-misc/foo-1.2-r1\n\
        features=sandbox userpriv\nt_length=63\nenv.SCCACHE_RECACHE=\nenv.CC=sccache gcc -DA=1\nend\n";

    #[test]
    fn incomplete_records_are_ignored() {
        let record = HookRecord::parse(TEXT).unwrap();
        assert_eq!(record.time.timestamp(), 1_795_000_000);
        assert_eq!(record.package, "app-misc/foo-1.2-r1");
        assert_eq!(record.t_length, Some(63));
        assert_eq!(record.variables["SCCACHE_RECACHE"], "");
        assert_eq!(record.variables["CC"], "sccache gcc -DA=1");
        assert_eq!(HookRecord::parse(TEXT.strip_suffix("end\n").unwrap()), None);
        assert_eq!(HookRecord::parse(&TEXT.replace("hook=1", "hook=2")), None);
        assert_eq!(HookRecord::parse(&TEXT.replace("1795000000", "x")), None);
        assert_eq!(HookRecord::parse(""), None);
    }

    #[test]
    fn only_short_regular_files_of_past_merges_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last-merge");
        let owner = rustix::process::geteuid().as_raw();
        let read = || HookRecord::read(&path, owner);
        std::fs::write(&path, TEXT).unwrap();
        let is_past = Utc::now().timestamp() + 86_400 > 1_795_000_000;
        assert_eq!(read().is_some(), is_past);
        std::fs::write(&path, TEXT.replace("time=1795000000", "time=99999999999")).unwrap();
        assert_eq!(read(), None);
        let long = TEXT.replace("end\n", &format!("env.A={}\nend\n", "x".repeat(70_000)));
        std::fs::write(&path, long.replace("1795000000", "1000000000")).unwrap();
        assert_eq!(read(), None);
        std::fs::remove_file(&path).unwrap();
        rustix::fs::mkfifoat(CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(read(), None);
    }
}
