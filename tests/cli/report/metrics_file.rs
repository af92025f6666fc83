//! The file of `metrics -o`: how it is replaced, and the cron line that writes it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::metrics::until_now;
use crate::support::*;

/// Whatever fails, the old file stays. A collector can read the new one, and nothing else is left.
#[test]
fn the_file_is_replaced_or_unchanged() {
    let (folder, db) = folder();
    record(&db, &sample());
    let out_folder = folder.path().join("textfile");
    fs::create_dir(&out_folder).unwrap();
    let file = out_folder.join("sccache_report.prom");
    let file_name = file.to_str().unwrap();
    fs::write(&file, "old").unwrap();
    let missing = folder.path().join("missing.db");
    let failed = run(&missing, &["metrics", "-o", file_name]);
    assert_eq!(failed.status.code(), Some(2), "{}", err(&failed));
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    // A mistyped name must not replace another file.
    let settings = folder.path().join("make.conf");
    fs::write(&settings, "").unwrap();
    let failed = run(&db, &["metrics", "-o", settings.to_str().unwrap()]);
    assert_eq!(failed.status.code(), Some(2));
    assert!(
        err(&failed).contains("doesn't end in .prom"),
        "{}",
        err(&failed)
    );
    assert_eq!(fs::read_to_string(&settings).unwrap(), "");

    // A link is replaced, not followed.
    let other = folder.path().join("other");
    fs::write(&other, "other").unwrap();
    fs::remove_file(&file).unwrap();
    symlink(&other, &file).unwrap();
    let mut command = program();
    // SAFETY: umask is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            libc::umask(0o077);
            Ok(())
        });
    }
    let args = ["metrics", "--output", file_name];
    let output = command.arg("--db").arg(&db).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!((out(&output), err(&output)), (String::new(), String::new()));
    assert_eq!(fs::read_to_string(&other).unwrap(), "other");
    let metadata = fs::symlink_metadata(&file).unwrap();
    assert!(metadata.is_file());
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o644);
    let printed = out(&run(&db, &["metrics"]));
    assert_eq!(fs::read_to_string(&file).unwrap(), printed);
    assert_eq!(fs::read_dir(&out_folder).unwrap().count(), 1);
}

#[test]
fn an_output_file_that_cannot_be_written_is_named_with_the_next_step() {
    let (folder, db) = folder();
    record(&db, &sample());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    fs::create_dir(path("dir.prom")).unwrap();
    fs::write(path("file"), "").unwrap();
    let long = format!("{}.prom", "x".repeat(300));
    for (name, cause, hint) in [
        ("dir.prom", "Is a directory", "name a file in it"),
        (
            "nowhere/x.prom",
            "No such file or directory",
            "create its directory",
        ),
        ("file/x.prom", "Not a directory", "name another file"),
        (&long, "File name too long", "name another file"),
    ] {
        let output = run(&db, &["metrics", "-o", &path(name)]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let message = err(&output);
        let expected = format!("can't write {}: {cause}", path(name));
        assert!(message.contains(&expected), "{message}");
        assert!(message.contains(hint), "{message}");
        assert!(!message.contains(".sccache-report-"), "{message}");
    }
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["dir.prom", "file", "stats.db"]);
}

/// Reads a file 100,000 times while the program keeps replacing it, with contents of two lengths.
#[test]
fn readers_never_see_half_a_file() {
    let (folder, db) = folder();
    // Far from the edges of the windows, which move while this runs.
    record(&db, &until_now(sample()));
    let file = folder.path().join("sccache_report.prom");
    let write = |args: &[&str]| {
        let output = run(
            &db,
            &[&["metrics", "-o", file.to_str().unwrap()], args].concat(),
        );
        assert!(output.status.success(), "{}", err(&output));
        fs::read_to_string(&file).unwrap()
    };
    let contents = [write(&[]), write(&["--by", "package"])];
    assert_ne!(contents[0], contents[1]);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut replaced = 0;
            while !is_done.load(Ordering::Relaxed) {
                write(&[]);
                write(&["--by", "package"]);
                replaced += 2;
            }
            replaced
        });
        let mut seen = [0, 0];
        for _ in 0..100_000 {
            seen[read_whole(&file, &contents)] += 1;
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 2);
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    });
}

/// Returns which of the contents the file has.
#[track_caller]
fn read_whole(file: &Path, contents: &[String]) -> usize {
    let content = fs::read_to_string(file).unwrap();
    let index = contents.iter().position(|whole| *whole == content);
    index.unwrap_or_else(|| panic!("half a file: {content}"))
}

/// The cron line writes the file if the folder of the settings exists.
#[test]
fn the_cron_line_writes_the_file() {
    let (folder, db) = folder();
    record(&db, &sample());
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/prometheus");
    let read = |name: &str| fs::read_to_string(packaging.join(name)).unwrap();
    let textfile = folder.path().join("textfile");
    let settings = read("sccache-report-metrics.conf")
        .replace("/var/lib/node_exporter", textfile.to_str().unwrap())
        .replace(
            "OPTIONS=\"\"",
            &format!("OPTIONS=\"--by category --db {}\"", db.display()),
        );
    let settings_file = folder.path().join("settings");
    fs::write(&settings_file, settings).unwrap();
    let cron = read("sccache-report-metrics.cron");
    let (_, command) = cron.split_once(" root ").unwrap();
    let command = command
        .replace("/run/systemd/system", "/nonexistent")
        .replace(
            "/etc/conf.d/sccache-report-metrics",
            settings_file.to_str().unwrap(),
        )
        .replace(
            "/usr/bin/sccache-report",
            env!("CARGO_BIN_EXE_sccache-report"),
        );
    let run = || {
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &command]).output().unwrap();
        assert!(output.status.success(), "{}", err(&output));
        assert_eq!((out(&output), err(&output)), (String::new(), String::new()));
    };
    run();
    assert!(!textfile.exists());
    fs::create_dir(&textfile).unwrap();
    run();
    let written = fs::read_to_string(textfile.join("sccache_report.prom")).unwrap();
    assert!(series(&written).contains_key("category_builds_total{category=\"sys-apps\"}"));
    assert_eq!(fs::read_dir(&textfile).unwrap().count(), 1);
}
