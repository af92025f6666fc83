//! Files that reports write as root: in directories of other users, and on a full disk.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::recorder::system::{copy_program, in_mount_namespace, mount};
use crate::support::*;

const NOBODY: u32 = 65534;

/// A directory of another user is written, but not what they make of it.
#[test]
#[ignore = "needs root"]
fn root_writes_only_into_the_directory_that_was_named() {
    let (folder, db) = folder();
    record(&db, &sample());
    let (theirs, secret) = (folder.path().join("theirs"), folder.path().join("secret"));
    let textfile = theirs.join("textfile");
    for path in [&theirs, &textfile, &secret] {
        fs::create_dir(path).unwrap();
    }
    for path in [&theirs, &textfile] {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let file = textfile.join("sccache_report.prom");
    let write = || run(&db, &["metrics", "-o", file.to_str().unwrap()]);
    let output = write();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(fs::read_dir(&textfile).unwrap().count(), 1);

    fs::remove_dir_all(&textfile).unwrap();
    symlink(&secret, &textfile).unwrap();
    let page = textfile.join("page.html");
    let html = run(&db, &["html", "-o", page.to_str().unwrap()]);
    for output in [write(), html] {
        assert_eq!(output.status.code(), Some(2));
        let message = err(&output);
        assert!(
            message.contains("doesn't follow the symbolic link textfile"),
            "{message}"
        );
    }
    assert_eq!(fs::read_dir(&secret).unwrap().count(), 0);
}

#[test]
#[ignore = "needs root"]
fn a_directory_that_cannot_be_written_is_named() {
    let (folder, db) = folder();
    record(&db, &sample());
    let copy = folder.path().join("sccache-report");
    copy_program(assert_cmd::cargo::cargo_bin!("sccache-report"), &copy);
    let file = folder.path().join("sccache_report.prom");
    let mut command = Command::new(&copy);
    command.env_clear().uid(NOBODY).gid(NOBODY);
    command.arg("--db").arg(&db).args(["metrics", "-o"]);
    let output = command.arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let expected = format!(
        "sccache-report: can't write {}: permission denied\n  name a file in a directory that you can write\n",
        file.display()
    );
    assert_eq!(err(&output), expected);
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_leaves_the_old_file() {
    in_mount_namespace(|workspace| {
        workspace.record_build(1);
        let folder = workspace.folder.path().join("textfile");
        fs::create_dir(&folder).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=8k", "tmpfs"];
        mount(&[&options[..], &[folder.to_str().unwrap()]].concat());
        let file = folder.join("sccache_report.prom");
        fs::write(&file, "x".repeat(4096)).unwrap();
        let output = run(&workspace.db, &["metrics", "-o", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        let message = err(&output);
        assert!(message.contains("free some disk space"), "{message}");
        assert!(!message.contains("/proc"), "{message}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "x".repeat(4096));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    });
}
