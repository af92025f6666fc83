//! The real `sccache-collect record`, as Portage's hook calls it in `pkg_preinst`, with faults around it.
#![allow(dead_code, reason = "every test file uses its own part of it")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sccache_report::collect::TAKE_UP_TIME;
use sccache_report::portage::{FOLDER, Phase, write_snapshot};
use sccache_report::store::{Pending, RECORD_WAIT};
use serde_json::Value;

use crate::common;

pub mod crash;

/// No record may take longer, whatever is wrong: a migration's wait, those of the builds, and time for the machine
/// to be busy.
pub fn patience() -> Duration {
    2 * RECORD_WAIT + TAKE_UP_TIME + Duration::from_secs(10)
}

/// Root can mount, make devices and become others. Says which test doesn't run where it can't.
pub fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("{test}: NOT RUN, needs root");
    }
    root
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
}

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
        write_snapshot(&t, &compile(hits)).unwrap();
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
            done.out.contains(&format!("{hits} hits, 2 misses")),
            "{done:?}"
        );
    }

    pub fn pending(&self) -> Pending {
        Pending::of(&self.db)
    }

    pub fn report(&self) -> Vec<Value> {
        common::json(&self.db, &["builds"])
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
    common::phase(
        "compile",
        common::at("2026-11-01T10:00:00Z"),
        Ok(common::rust_stats(hits, 2)),
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
    let mut child = command.spawn().unwrap();
    let status = wait(&mut child, patience());
    let text = |name| String::from_utf8(fs::read(folder.path().join(name)).unwrap()).unwrap();
    Done {
        status,
        out: text("out"),
        err: text("err"),
    }
}

#[track_caller]
pub fn wait(child: &mut Child, patience: Duration) -> ExitStatus {
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
        sleep(Duration::from_millis(2));
    }
}

/// Runs the test in a mount namespace of its own (of a thread: its children are in it too), which takes its mounts
/// with it.
#[track_caller]
pub fn with_own_mounts(test: &str, body: impl FnOnce() + Send + 'static) {
    if !is_root(test) {
        return;
    }
    let thread = std::thread::spawn(move || {
        // SAFETY: it takes no memory; this thread alone gets another namespace.
        assert_eq!(
            unsafe { libc::unshare(libc::CLONE_NEWNS) },
            0,
            "{}",
            std::io::Error::last_os_error()
        );
        mount(&["--make-rprivate", "/"]);
        body();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[track_caller]
pub fn mount(arguments: &[&str]) {
    let output = Command::new("mount")
        .arg("-n")
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "mount {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Another process: this test program, in one of its tests marked as a helper, with `SCCACHE_REPORT_TEST` set.
pub fn helper(test: &str, argument: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env("SCCACHE_REPORT_TEST", argument);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// What [`helper`] was given; `None` in an ordinary run of the tests.
pub fn helper_argument() -> Option<PathBuf> {
    std::env::var_os("SCCACHE_REPORT_TEST").map(PathBuf::from)
}

/// The snapshots' folder in `${T}`.
pub fn snapshots(t: &Path) -> PathBuf {
    t.join(FOLDER)
}
