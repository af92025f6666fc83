//! Runs the real `sccache-collect record` as the hook does in `pkg_preinst`, with faults around it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sccache_report::portage::{FOLDER, Phase, write_snapshot};
use sccache_report::store::{Pending, RECORD_WAIT};
use serde_json::Value;
use uuid::Uuid;

use crate::support;

pub mod crash;
pub mod faults;
pub mod refused;
pub mod system;

/// Returns the longest time that `record` may take, whatever is wrong: one wait for locks, and time for a busy machine.
pub fn time_limit() -> Duration {
    RECORD_WAIT + Duration::from_secs(10)
}

/// A folder with a database and the `${T}`s of builds.
pub struct Workspace {
    pub folder: tempfile::TempDir,
    pub db: PathBuf,
    count: AtomicU32,
}

/// A run of `record` that ended.
#[derive(Debug)]
pub struct RecordRun {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
    /// The peak of its resident memory in KiB, as last seen before its end.
    pub memory: u64,
}

/// The collector's limit of memory in KiB.
pub const MAX_MEMORY_KIB: u64 = 32 * 1024;

impl Workspace {
    pub fn new() -> Workspace {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let lib = folder.path().join("lib");
        fs::create_dir(&lib).unwrap();
        Workspace {
            db: lib.join("stats.db"),
            folder,
            count: AtomicU32::new(0),
        }
    }

    /// Creates an empty `${T}`.
    pub fn empty_build(&self) -> PathBuf {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let t = self.folder.path().join(format!("t{number}"));
        fs::create_dir(&t).unwrap();
        t
    }

    /// Creates a `${T}` with the snapshot of a compile phase with these hits and 2 misses.
    pub fn build_with(&self, hits: u64) -> PathBuf {
        let t = self.empty_build();
        write_snapshot(Uuid::new_v4(), &t, &compile(hits)).unwrap();
        t
    }

    pub fn command(&self, t: &Path) -> Command {
        record_command(&self.db, t)
    }

    /// Records the snapshots in `t`.
    #[track_caller]
    pub fn record(&self, t: &Path) -> RecordRun {
        run_to_end(self.command(t))
    }

    /// Records a build with these hits, and asserts that it causes no warning.
    #[track_caller]
    pub fn record_build(&self, hits: u64) {
        let done = self.record(&self.build_with(hits));
        assert!(done.err.is_empty(), "{done:?}");
        assert!(
            done.out.contains(&format!("{hits} hit")) && done.out.contains(", 2 misses"),
            "{done:?}"
        );
    }

    pub fn pending(&self) -> Pending {
        Pending::for_database(&self.db)
    }

    pub fn report(&self) -> Vec<Value> {
        support::json(&self.db, &["builds"])
    }

    /// Returns the hits of each build in the database, sorted. The tests identify builds by their hits.
    pub fn hits(&self) -> Vec<u64> {
        let mut hits: Vec<u64> = self
            .report()
            .iter()
            .map(|build| build["hits"].as_u64().unwrap())
            .collect();
        hits.sort_unstable();
        hits
    }

    /// Changes the owner of a file, or of a folder and everything in it.
    pub fn give_to(&self, path: &Path, user: u32) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.give_to(&entry.unwrap().path(), user);
            }
        }
        chown(path, Some(user), Some(user)).unwrap();
    }
}

pub fn compile(hits: u64) -> Phase {
    support::phase(
        "compile",
        support::at("2026-11-01T10:00:00Z"),
        Ok(support::rust_stats(hits, 2)),
    )
}

pub fn collector() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sccache-collect"))
}

/// Returns the hook's command, in Portage's environment.
pub fn record_command(db: &Path, t: &Path) -> Command {
    let mut command = Command::new(collector());
    let environment = [
        ("CATEGORY", "dev-test"),
        ("PN", "thing"),
        ("PVR", "1.0-r1"),
        ("EBUILD_PHASE", "preinst"),
    ];
    command
        .env_clear()
        .envs(environment)
        .env("T", t)
        .env("SCCACHE_REPORT_DB", db);
    command.args(["record", "--outcome", "merged", "--slot", "0"]);
    command
}

impl RecordRun {
    /// Asserts success, so that a merge goes on, and the number of warnings. Returns them.
    #[track_caller]
    pub fn assert_warnings(&self, times: usize) -> &str {
        assert!(self.status.success(), "{self:?}");
        assert_eq!(self.err.lines().count(), times, "{self:?}");
        assert!(
            self.err.lines().all(|line| line.starts_with("warning: ")),
            "{self:?}"
        );
        assert!(
            !self.err.contains(|c: char| c.is_control() && c != '\n'),
            "{self:?}"
        );
        &self.err
    }
}

/// Runs a command with the limit of memory, and panics if it takes longer than [`time_limit`].
#[track_caller]
pub fn run_to_end(mut command: Command) -> RecordRun {
    let folder = tempfile::tempdir().unwrap();
    let file = |name| File::create(folder.path().join(name)).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(file("out"))
        .stderr(file("err"));
    super::limit_memory(&mut command, MAX_MEMORY_KIB);
    let mut child = command.spawn().unwrap();
    let proc = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    let status = wait_and(&mut child, time_limit(), || {
        let now = fs::read_to_string(&proc).unwrap_or_default();
        let line = now.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        memory = line
            .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
            .unwrap_or(memory);
    });
    let text = |name| String::from_utf8(fs::read(folder.path().join(name)).unwrap()).unwrap();
    RecordRun {
        status,
        out: text("out"),
        err: text("err"),
        memory,
    }
}

#[track_caller]
pub fn wait(child: &mut Child, limit: Duration) -> ExitStatus {
    wait_and(child, limit, || ())
}

#[track_caller]
fn wait_and(child: &mut Child, limit: Duration, mut inspect: impl FnMut()) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            panic!("no end after {limit:?}");
        }
        inspect();
        sleep(Duration::from_millis(1));
    }
}

/// Returns the folder of snapshots in `${T}`.
pub fn snapshots(t: &Path) -> PathBuf {
    t.join(FOLDER)
}
