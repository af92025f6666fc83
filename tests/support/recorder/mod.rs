//! The real `sccache-collect record`, as Portage's hook calls it in `pkg_preinst`, with faults around it.

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

/// No record may take longer, whatever is wrong: one wait for locks, and time for the machine to be busy.
pub fn patience() -> Duration {
    RECORD_WAIT + Duration::from_secs(10)
}

/// A folder for a test: database and `${T}`s.
pub struct World {
    pub folder: tempfile::TempDir,
    pub db: PathBuf,
    count: AtomicU32,
}

/// A record that ended.
#[derive(Debug)]
pub struct Done {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
    /// The most that it had in memory at any time, as last seen before its end, in KiB.
    pub memory: u64,
}

/// What the collector may take of memory, in KiB.
pub const MOST_MEMORY: u64 = 32 * 1024;

impl World {
    pub fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let lib = folder.path().join("lib");
        fs::create_dir(&lib).unwrap();
        World {
            db: lib.join("stats.db"),
            folder,
            count: AtomicU32::new(0),
        }
    }

    /// `${T}` of a build to come.
    pub fn empty_t(&self) -> PathBuf {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let t = self.folder.path().join(format!("t{number}"));
        fs::create_dir(&t).unwrap();
        t
    }

    /// `${T}` after a compile phase with these hits, and 2 misses.
    pub fn t(&self, hits: u64) -> PathBuf {
        let t = self.empty_t();
        write_snapshot(Uuid::new_v4(), &t, &compile(hits)).unwrap();
        t
    }

    pub fn command(&self, t: &Path) -> Command {
        record_command(&self.db, t)
    }

    /// Records what lies in `t`.
    #[track_caller]
    pub fn record(&self, t: &Path) -> Done {
        finish(self.command(t))
    }

    /// A build with so many hits, which goes into the database without a word of warning.
    #[track_caller]
    pub fn recorded(&self, hits: u64) {
        let done = self.record(&self.t(hits));
        assert!(done.err.is_empty(), "{done:?}");
        assert!(
            done.out.contains(&format!("{hits} hit")) && done.out.contains(", 2 misses"),
            "{done:?}"
        );
    }

    pub fn pending(&self) -> Pending {
        Pending::of(&self.db)
    }

    pub fn report(&self) -> Vec<Value> {
        support::json(&self.db, &["builds"])
    }

    /// The hits of each build in the database, sorted: the tests tell builds apart by them.
    pub fn hits(&self) -> Vec<u64> {
        let mut hits: Vec<u64> = self
            .report()
            .iter()
            .map(|build| build["hits"].as_u64().unwrap())
            .collect();
        hits.sort_unstable();
        hits
    }

    /// To another user, with all that is in it.
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

/// As the hook calls it, in Portage's environment.
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

impl Done {
    /// It went on, as a merge has to, with this many warnings.
    #[track_caller]
    pub fn warned(&self, times: usize) -> &str {
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

/// Runs to the end; what doesn't end in time hangs.
#[track_caller]
pub fn finish(mut command: Command) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let file = |name| File::create(folder.path().join(name)).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(file("out"))
        .stderr(file("err"));
    // SAFETY: setrlimit may be called between fork and exec. Allocating more than this fails, and ends the process.
    unsafe {
        command.pre_exec(|| {
            let most = MOST_MEMORY * 1024;
            let limit = libc::rlimit {
                rlim_cur: most,
                rlim_max: most,
            };
            match libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let mut child = command.spawn().unwrap();
    let proc = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    let status = wait_and(&mut child, patience(), || {
        let now = fs::read_to_string(&proc).unwrap_or_default();
        let line = now.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        memory = line
            .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
            .unwrap_or(memory);
    });
    let text = |name| String::from_utf8(fs::read(folder.path().join(name)).unwrap()).unwrap();
    Done {
        status,
        out: text("out"),
        err: text("err"),
        memory,
    }
}

#[track_caller]
pub fn wait(child: &mut Child, patience: Duration) -> ExitStatus {
    wait_and(child, patience, || ())
}

#[track_caller]
fn wait_and(child: &mut Child, patience: Duration, mut look: impl FnMut()) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            panic!("hangs after {patience:?}");
        }
        look();
        sleep(Duration::from_millis(1));
    }
}

/// The snapshots' folder in `${T}`.
pub fn snapshots(t: &Path) -> PathBuf {
    t.join(FOLDER)
}
