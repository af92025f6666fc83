//! The database can't be written: one warning, the merge succeeds, and the next `record` records the build once. These
//! faults need root.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use sccache_report::portage::Build;
use sccache_report::store::{Recorded, Store};

use crate::support::merging::{dump, merge, merge_command, record_on};
use crate::support::recorder::crash::assert_consistent;
use crate::support::recorder::faults::*;
use crate::support::recorder::system::*;
use crate::support::recorder::*;
use crate::support::{build, c_stats, err};

const NOBODY: u32 = 65534;

/// Mounts a file system of this size over the database's folder.
fn small_disk(workspace: &Workspace, size: &str) -> PathBuf {
    let lib = workspace.db.parent().unwrap();
    let options = format!("size={size},mode=755");
    mount(&[
        "-t",
        "tmpfs",
        "-o",
        &options,
        "tmpfs",
        lib.to_str().unwrap(),
    ]);
    lib.to_path_buf()
}

#[test]
#[ignore = "needs root"]
fn a_full_disk() {
    in_mount_namespace(|workspace| {
        let lib = small_disk(workspace, "512k");
        workspace.record_build(1);
        let filler = lib.join("filler");
        let room = |kilobytes: usize| {
            let _ = fs::remove_file(&filler);
            let mut file = fs::File::create(&filler).unwrap();
            while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
            let full = file.metadata().unwrap().len();
            file.set_len(full - kilobytes as u64 * 1024).unwrap();
        };
        room(8);
        assert_kept_pending(workspace, 2, "no space left");
        room(8);
        assert_kept_pending(workspace, 3, "no space left");
        room(0);
        let done = workspace.record(&workspace.build_with(4));
        assert!(
            done.assert_warnings(1)
                .contains("This log contains the build"),
            "{done:?}"
        );
        assert_eq!(workspace.pending().count(), Some(2));
        fs::remove_file(&filler).unwrap();
        assert_recorded_later(workspace, &[1, 2, 3]);
    });
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_without_a_database_yet() {
    in_mount_namespace(|workspace| {
        let lib = small_disk(workspace, "16k");
        assert_kept_pending(workspace, 1, "no space left");
        mount(&["-o", "remount,size=1m", lib.to_str().unwrap()]);
        assert_recorded_later(workspace, &[1]);
    });
}

#[test]
#[ignore = "needs root"]
fn a_read_only_file_system() {
    in_mount_namespace(|workspace| {
        workspace.record_build(1);
        let lib = workspace.db.parent().unwrap().to_str().unwrap().to_owned();
        mount(&["--bind", &lib, &lib]);
        mount(&["-o", "remount,bind,ro", &lib]);
        let build = assert_kept_in_log(workspace, 2, "can't write");
        mount(&["-o", "remount,bind,rw", &lib]);
        let mut store = Store::open_for_recording(&workspace.db).unwrap();
        assert_eq!(store.record(&build).unwrap(), Recorded::New);
        assert_eq!(store.record(&build).unwrap(), Recorded::AlreadyRecorded);
        assert_eq!(workspace.hits(), [1, 2]);
    });
}

#[test]
#[ignore = "needs root"]
fn a_read_only_file() {
    in_mount_namespace(|workspace| {
        workspace.record_build(1);
        let db = workspace.db.to_str().unwrap().to_owned();
        mount(&["--bind", &db, &db]);
        mount(&["-o", "remount,bind,ro", &db]);
        assert_kept_pending(workspace, 2, "can't write");
        assert_kept_pending(workspace, 3, "can't write");
        mount(&["-o", "remount,bind,rw", &db]);
        assert_recorded_later(workspace, &[1, 2, 3]);
    });
}

#[test]
#[ignore = "needs root"]
fn a_lost_permission() {
    let workspace = Workspace::new();
    let lib = workspace.db.parent().unwrap();
    workspace.record_build(1);
    // Other users may not have access to the build folder.
    let program = workspace.folder.path().join("sccache-collect");
    copy_program(collector(), &program);
    let as_nobody = |hits| {
        let t = workspace.build_with(hits);
        workspace.give_to(&t, NOBODY);
        let command = workspace.command(&t);
        let mut other = Command::new(&program);
        other
            .args(command.get_args())
            .env_clear()
            .uid(NOBODY)
            .gid(NOBODY);
        other.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        other
    };
    workspace.give_to(lib, NOBODY);
    fs::set_permissions(&workspace.db, Permissions::from_mode(0o444)).unwrap();
    assert_run_kept_pending(&workspace, as_nobody(2), "can't write");
    assert_eq!(workspace.pending().count(), Some(1));
    fs::set_permissions(&workspace.db, Permissions::from_mode(0o000)).unwrap();
    assert_run_kept_pending(&workspace, as_nobody(3), "can't write");
    workspace.give_to(lib, 0);
    let done = run_to_end(as_nobody(4));
    assert!(
        done.assert_warnings(1)
            .contains("This log contains the build"),
        "{done:?}"
    );
    assert_eq!(workspace.pending().count(), Some(2));
    fs::set_permissions(&workspace.db, Permissions::from_mode(0o644)).unwrap();
    assert_recorded_later(&workspace, &[1, 2, 3]);
}

/// What fits is merged, each build whole, and the next merge adds the rest.
#[test]
#[ignore = "needs root"]
fn a_disk_that_is_full_while_merging() {
    in_mount_namespace(|workspace| {
        let builds: Vec<Build> = (0..3000)
            .map(|n| build(n, "a/a", "1", "2026-11-01T10:00:00Z", c_stats(1, 2)))
            .collect();
        let source = record_on(workspace.folder.path(), "a", &builds);
        let temporary = workspace.folder.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        let tmpfs = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];
        mount(&[&tmpfs[..], &[temporary.to_str().unwrap()]].concat());
        let lib = small_disk(workspace, "1m");
        workspace.record_build(1);
        let before = dump(&workspace.db);
        let refused = |temporary: Option<&PathBuf>| {
            let mut command = merge_command(&workspace.db, &[&source]);
            let output = command.envs(temporary.map(|it| ("TMPDIR", it))).output();
            let output = output.unwrap();
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            assert!(err(&output).contains("no space left"), "{output:?}");
            assert_consistent(&workspace.db);
        };
        refused(Some(&temporary));
        assert_eq!(dump(&workspace.db), before);
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
        refused(None);
        mount(&["-o", "remount,size=64m", lib.to_str().unwrap()]);
        merge(&workspace.db, &[&source]);
        assert_eq!(workspace.report().len(), 3001);
        assert_consistent(&workspace.db);
    });
}
