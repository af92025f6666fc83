//! User `portage` writes `${T}`, and root reads it. A hostile file in place of a snapshot causes one warning that doesn't
//! quote it. It is never followed, delays nothing, and costs at most 32 MiB of memory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::recorder::refused::*;
use crate::support::recorder::system::*;
use crate::support::recorder::*;
use sccache_report::portage::write_snapshot;
use uuid::Uuid;

#[test]
fn a_file_that_is_none_of_ours_is_refused_and_never_followed() {
    type Make = fn(&Path, &Path);
    let kinds: [(Make, &str); 6] = [
        (
            |path, secret| symlink(secret, path).unwrap(),
            "a symbolic link",
        ),
        (
            |path, _| symlink("/proc/self/mem", path).unwrap(),
            "a symbolic link",
        ),
        (
            |path, secret| fs::hard_link(secret, path).unwrap(),
            "it has 2 hard links",
        ),
        (
            |path, _| run("mkfifo", &[path.to_str().unwrap()]),
            "not a regular file",
        ),
        (
            |path, _| fs::create_dir(path).unwrap(),
            "not a regular file",
        ),
        (
            |path, _| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
            "not a regular file",
        ),
    ];
    for (number, (make, why)) in kinds.into_iter().enumerate() {
        let workspace = Workspace::new();
        let (t, path) = hostile_path(&workspace, number as u128);
        let secret = workspace.folder.path().join("secret");
        // A link is refused even if its target is valid.
        fs::write(
            &secret,
            if number % 2 == 0 {
                SECRET.into()
            } else {
                valid_snapshot(number as u128)
            },
        )
        .unwrap();
        let before = fs::metadata(&secret).unwrap();
        make(&path, &secret);
        assert_refused(&workspace, &t, &path, why);
        let after = fs::metadata(&secret).unwrap();
        assert_eq!(
            (before.mode(), before.uid(), before.mtime()),
            (after.mode(), after.uid(), after.mtime())
        );
    }
}

#[test]
fn what_stands_in_the_folders_place_is_refused() {
    type Make = fn(&Path, &Path);
    let kinds: [(Make, &str); 4] = [
        (
            |path, elsewhere| symlink(elsewhere, path).unwrap(),
            "not a directory of ours",
        ),
        (
            |path, _| fs::write(path, SECRET).unwrap(),
            "not a directory of ours",
        ),
        (
            |path, _| run("mkfifo", &[path.to_str().unwrap()]),
            "not a directory of ours",
        ),
        (
            |path, _| symlink("/nowhere", path).unwrap(),
            "not a directory of ours",
        ),
    ];
    for (make, why) in kinds {
        let workspace = Workspace::new();
        let other = workspace.build_with(8);
        let t = workspace.empty_build();
        make(&snapshots(&t), &snapshots(&other));
        let done = workspace.record(&t);
        assert!(done.assert_warnings(1).contains(why), "{done:?}");
        assert!(done.out.is_empty() && !workspace.db.exists(), "{done:?}");
        // A phase doesn't write there either.
        assert!(write_snapshot(Uuid::new_v4(), &t, &compile(1)).is_err());
        assert_eq!(fs::read_dir(snapshots(&other)).unwrap().count(), 1);
        // ${T} itself.
        let link = workspace.folder.path().join("link");
        symlink(&other, &link).unwrap();
        assert!(
            workspace
                .record(&link)
                .assert_warnings(1)
                .contains("can't read")
        );
        assert!(write_snapshot(Uuid::new_v4(), &link, &compile(1)).is_err());
    }
}

#[test]
fn a_file_of_10_gb_is_refused() {
    let workspace = Workspace::new();
    let (t, path) = hostile_path(&workspace, 1);
    File::create(&path).unwrap().set_len(10 << 30).unwrap();
    assert_refused(&workspace, &t, &path, "longer than");
}

#[test]
fn thousands_of_files_are_refused_in_one_line() {
    let workspace = Workspace::new();
    let (t, path) = hostile_path(&workspace, 1);
    fs::write(&path, "{}").unwrap();
    for number in 0..5000 {
        fs::write(
            snapshots(&t).join(format!("{number}\u{1b}[31m{}", "x".repeat(200))),
            "{}",
        )
        .unwrap();
    }
    let done = workspace.record(&t);
    assert_little_memory(&done);
    let warning = done.assert_warnings(1);
    assert!(
        warning.contains("too many files") && warning.len() < 2100,
        "{warning}"
    );
    // Valid snapshots, but more than any build has. A part of them isn't recorded.
    let t = workspace.empty_build();
    for _ in 0..300 {
        write_snapshot(Uuid::new_v4(), &t, &compile(1)).unwrap();
    }
    let done = workspace.record(&t);
    assert!(
        done.assert_warnings(1).contains("too many snapshots (300)"),
        "{done:?}"
    );
    assert_little_memory(&done);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_taken_whole_or_refused() {
    let workspace = Workspace::new();
    let (first, last) = (
        valid_snapshot(1),
        valid_snapshot(1).replace("\"total\":9", "\"total\":8"),
    );
    let ended = AtomicBool::new(false);
    let folder = workspace.folder.path().join("shared");
    fs::create_dir(&folder).unwrap();
    for number in 0..40 {
        let (t, path) = hostile_path(&workspace, 1);
        fs::write(&path, &first).unwrap();
        ended.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    // Truncate, rewrite, and replace it by a link and back.
                    let Ok(mut file) = File::create(&path) else {
                        continue;
                    };
                    let _ = file.write_all(last.as_bytes());
                    let _ = fs::write(&path, &first);
                    let _ = fs::remove_file(&path);
                    let _ = symlink("/etc/passwd", &path);
                    let _ = fs::remove_file(&path);
                    let _ = fs::write(&path, &first);
                }
            });
            let done = workspace.record(&t);
            ended.store(true, Ordering::Relaxed);
            assert!(
                done.status.success() && done.err.lines().count() <= 1,
                "{done:?}"
            );
            assert!(!done.err.contains("root:"), "{done:?}");
        });
        assert_eq!(workspace.report().len(), number + 1);
    }
    let hits = workspace.hits();
    assert!(hits.iter().all(|hits| [7, 16].contains(hits)), "{hits:?}");
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn a_snapshot_copied_from_another_build_takes_nothing_from_it() {
    let workspace = Workspace::new();
    let (victim, thief) = (workspace.build_with(7), workspace.empty_build());
    let copy = |to: &Path| {
        fs::create_dir_all(snapshots(to)).unwrap();
        for entry in fs::read_dir(snapshots(&victim)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), snapshots(to).join(entry.file_name())).unwrap();
        }
    };
    copy(&thief);
    let again = workspace.empty_build();
    copy(&again);
    let mut command = workspace.command(&thief);
    command.env("PN", "thief");
    run_to_end(command).assert_warnings(0);
    // The victim is recorded although the thief was faster. The same numbers aren't recorded again.
    workspace.record(&victim).assert_warnings(0);
    let done = workspace.record(&again);
    assert!(
        done.assert_warnings(1)
            .contains("was already in the database"),
        "{done:?}"
    );
    // Both started at the same time.
    let builds = workspace.report();
    let packages: BTreeSet<&str> = builds
        .iter()
        .flat_map(|build| build["package"].as_str())
        .collect();
    assert_eq!(packages, ["dev-test/thief", "dev-test/thing"].into());
}
