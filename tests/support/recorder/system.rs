//! File systems, other processes, and root's rights.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Workspace;

/// Runs `body` in a thread with a mount namespace of its own, which its children share. The mounts end with the thread,
/// and the folder after them: a mount point can't be removed.
#[track_caller]
pub fn in_mount_namespace(body: impl FnOnce(&Workspace) + Send) {
    let workspace = Workspace::new();
    let alone = || {
        // SAFETY: unshare takes no pointers, and affects this thread alone.
        let unshared = unsafe { libc::unshare(libc::CLONE_NEWNS) };
        assert_eq!(unshared, 0, "{}", std::io::Error::last_os_error());
        mount(&["--make-rprivate", "/"]);
        body(&workspace);
    };
    let ended = std::thread::scope(|scope| scope.spawn(alone).join());
    if let Err(panic) = ended {
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

/// Runs a test of this program again in another process, where [`process_argument`] returns `argument`.
pub fn start_test_process(test: &str, argument: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env("SCCACHE_REPORT_TEST", argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0);
    command.spawn().unwrap()
}

/// Returns the argument of [`start_test_process`] in the process that it started, and `None` in an ordinary run.
pub fn process_argument() -> Option<PathBuf> {
    std::env::var_os("SCCACHE_REPORT_TEST").map(PathBuf::from)
}

#[track_caller]
pub fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

/// Copies a program with `cp`. If this process wrote the copy, a child that another test forks meanwhile could hold it
/// open for writing, and then it can't be run (ETXTBSY).
#[track_caller]
pub fn copy_program(from: &Path, to: &Path) {
    run("cp", &[from.to_str().unwrap(), to.to_str().unwrap()]);
}
