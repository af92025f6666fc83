//! What the system is asked for: file systems, other processes, root's rights.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::World;

/// Runs the test in a mount namespace of its own (of a thread: its children are in it too), which takes its mounts
/// with it. The folder outlives them: what is mounted over can't be removed.
#[track_caller]
pub fn with_own_mounts(body: impl FnOnce(&World) + Send) {
    let world = World::new();
    let alone = || {
        // SAFETY: it takes no memory; this thread alone gets another namespace.
        assert_eq!(
            unsafe { libc::unshare(libc::CLONE_NEWNS) },
            0,
            "{}",
            std::io::Error::last_os_error()
        );
        mount(&["--make-rprivate", "/"]);
        body(&world);
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
