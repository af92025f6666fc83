//! A folder of build logs, and its import.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Portage's name of the log. cargo can't package a file with a colon in its name.
pub const LIBRSVG: &str = "gnome-base:librsvg-2.50.4:20210405-101500.log";

pub fn librsvg() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs");
    fs::read_to_string(folder.join("librsvg.log")).unwrap()
}

/// Returns the block of statistics in that log.
pub fn block() -> String {
    let log = librsvg();
    let from = log.find(" * Stopping").unwrap();
    log[from..log.find(">>> Merging").unwrap()].to_owned()
}

/// Returns the build of that log as the hook records it.
pub fn recorded_librsvg() -> sccache_report::portage::Build {
    let mut build = super::build(
        1,
        "gnome-base/librsvg",
        "2.50.4",
        "2021-04-05T10:15:07Z",
        super::rust_stats(53, 2),
    );
    build.finished_at = super::at("2021-04-05T10:16:12.345678Z");
    build
}

/// A folder for logs with a database beside it.
pub struct Logs {
    folder: tempfile::TempDir,
    pub db: PathBuf,
}

impl Logs {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        let db = folder.path().join("stats.db");
        Self { folder, db }
    }

    pub fn with(name: &str, log: &str) -> Self {
        let logs = Self::new();
        logs.add(name, log);
        logs
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    pub fn add(&self, name: &str, log: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, log).unwrap();
    }

    pub fn add_gz(&self, name: &str, log: &str) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(log.as_bytes()).unwrap();
        let gz = gz.finish().unwrap();
        self.add(name, &gz);
        gz
    }

    pub fn import(&self, zone: &str, args: &[&str]) -> Output {
        let programs = std::env::var("PATH").unwrap_or_default();
        self.import_with_path(zone, &programs, args)
    }

    pub fn import_with_path(&self, zone: &str, programs: &str, args: &[&str]) -> Output {
        self.command(zone, programs, args).output().unwrap()
    }

    fn command(&self, zone: &str, programs: &str, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sccache-collect"));
        command.env_clear().env("TZ", zone).env("PATH", programs);
        command.arg("import").arg("--db").arg(&self.db).args(args);
        command.arg(self.path(""));
        command
    }

    /// Imports all of them with at most 64 MiB of memory for the import and for each program that it
    /// runs. Returns the output and the exit status.
    pub fn import_in_64_mib(&self) -> (String, i32) {
        let programs = std::env::var("PATH").unwrap_or_default();
        let mut command = self.command("UTC0", &programs, &[]);
        super::limit_memory(&mut command, 64 * 1024);
        let output = command.output().unwrap();
        (super::out(&output), output.status.code().unwrap())
    }

    /// Imports all logs, and returns the output and the exit status.
    pub fn sums(&self) -> (String, i32) {
        let output = self.import("UTC0", &[]);
        assert_eq!(super::err(&output), "");
        (super::out(&output), output.status.code().unwrap())
    }

    #[track_caller]
    pub fn added(&self, added: u64, there: u64) {
        let (out, status) = self.sums();
        let plural = if added == 1 { "" } else { "s" };
        let expected = format!(" {added} build{plural} added, {there} already there");
        assert!(out.contains(&expected) && status == 0, "{status} {out}");
    }

    pub fn builds(&self) -> Vec<serde_json::Value> {
        super::json(&self.db, &["builds"])
    }
}
