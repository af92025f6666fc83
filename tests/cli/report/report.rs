//! The output and exit status of sccache-report.

use std::process::Stdio;

use crate::support::*;

#[test]
fn exit_status() {
    let (folder, db) = folder();
    record(&db, &sample());
    for (args, status) in [
        (&[][..], 0),
        (&["emlop"], 0),
        (&["app-portage/emlop"], 0),
        (&["sys-*/*"], 0),
        (&["-e", "^sys"], 0),
        (&["packages"], 0),
        (&["builds", "emlop", "fd"], 0),
        (&["emerges"], 0),
        (&["trend", "--by", "month"], 0),
        (&["show", "emlop"], 0),
        (&["show", "b0000001"], 0),
        (&["show", "b0000001-0000-4000-8000-000000000000"], 0),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["builds", "--help"], 0),
        (&["nothing-like-it"], 1),
        (&["packages", "nothing-like-it"], 1),
        (&["builds", "--since", "2030-01-01"], 1),
        (&["builds", "--limit", "0"], 2),
        (&["emerges", "--until", "2000-01-01"], 1),
        (&["--until", "2000-01-01"], 1),
        (&["show", "nothing-like-it"], 1),
        (&["show", "b00000ff"], 1),
        (&["show", "sys-*/*"], 2),
        (&["builds", "--since", "whenever"], 2),
        (&["builds", "--sort", "colour"], 2),
        (&["builds", "--format", "xml"], 2),
        (&["builds", "-e", "("], 2),
        (&["builds", "[a"], 2),
        (&["trend", "--by", "hour"], 2),
        (&["show"], 2),
        (&["overview"], 0),
        (&["--sort", "hits"], 0),
        (&["--since", "2026-11-01", "builds"], 2),
        (&["show", "emlop", "--limit", "1"], 2),
        (&["doctor", "--since", "3d"], 2),
        (&["setup", "--format", "json"], 2),
    ] {
        let output = run(&db, args);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{args:?}: {}",
            err(&output)
        );
        assert_eq!(output.stderr.is_empty(), status == 0, "{args:?}");
        assert_eq!(output.stdout.is_empty(), status != 0, "{args:?}");
        assert!(status != 1 || err(&output).lines().count() == 1, "{args:?}");
    }
    let missing = run(&folder.path().join("nothing.db"), &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        err(&missing).contains("there is no database at"),
        "{}",
        err(&missing)
    );
    assert!(
        err(&missing).contains("install the hook"),
        "{}",
        err(&missing)
    );
}

#[test]
fn tables_are_aligned_and_say_what_is_wrong() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (name, args) in [
        ("overview", &[][..]),
        ("packages", &["packages"]),
        ("builds", &["builds"]),
        ("emerges", &["emerges"]),
        ("trend", &["trend", "--by", "week"]),
        ("show_package", &["show", "emlop"]),
        ("show_build", &["show", "b0000004"]),
    ] {
        insta::assert_snapshot!(name, out(&run(&db, args)));
    }
}

#[test]
fn what_others_wrote_cannot_steer_the_terminal() {
    let (_folder, db) = folder();
    let mut bad = build(
        1,
        "a/b\x1b]0;x\x07",
        "1\n2\u{9b}",
        "2026-11-01T10:00:00Z",
        rust_stats(1, 1),
    );
    bad.emerge = Some(emerge(
        1,
        "emerge \x1b[2J\r\u{202e}x",
        "2026-11-01T09:00:00Z",
    ));
    bad.phases.push(phase(
        "test",
        bad.started_at,
        Err(NotMeasured {
            reason: NotMeasuredReason::Other,
            detail: Some("\x1b[31mred".into()),
        }),
    ));
    let stats = bad.phases[0].stats.as_mut().unwrap();
    stats.not_cached.insert("\x1bc".into(), 1);
    stats.hits.languages.insert("\x1b[1m".into(), 1);
    record(&db, &[bad]);
    for args in [
        &[][..],
        &["builds"],
        &["packages"],
        &["emerges"],
        &["show", "b?*"],
        &["show", "b0000001"],
    ] {
        let output = run(&db, args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(
            !out(&output).contains(steers),
            "{args:?}: {:?}",
            out(&output)
        );
    }
}

#[test]
fn colours_only_when_asked_for_or_on_a_terminal() {
    let (_folder, db) = folder();
    record(&db, &sample());
    assert!(!out(&run(&db, &["builds"])).contains('\x1b'));
    assert!(out(&run(&db, &["builds", "--color", "always"])).contains('\x1b'));
    assert!(!out(&run(&db, &["builds", "--color", "never"])).contains('\x1b'));
}

#[test]
fn times_are_local_in_tables() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let output = program()
        .env("TZ", "XST-5:45")
        .env("SCCACHE_REPORT_DB", &db)
        .args(["builds", "--last", "1"])
        .output()
        .unwrap();
    assert!(
        out(&output).contains("2026-11-21 14:45"),
        "{}",
        out(&output)
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let (_folder, db) = folder();
    let many: Vec<_> = (1..200)
        .map(|n| build(n, "a/b", "1", "2026-11-01T10:00:00Z", rust_stats(1, 1)))
        .collect();
    record(&db, &many);
    for format in ["table", "json", "csv"] {
        let mut child = program()
            .arg("--db")
            .arg(&db)
            .args(["builds", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(err(&output), "", "{format}");
    }
}

#[test]
fn the_estimate_is_told_in_the_same_words_everywhere() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = words(sccache_report::savings::TIME_SAVED);
    let said = |arg: &[&str]| out(&program().args(arg).output().unwrap());
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/time-saved.md");
    for (name, text) in [
        ("--help", said(&["--help"])),
        ("docs", std::fs::read_to_string(readme).unwrap()),
    ] {
        assert!(words(&text).contains(&told), "{name}");
    }
}

/// `-h` fits a screen, and no line is wider than 80 columns.
#[test]
fn short_help_fits_one_screen() {
    for (command, lines) in [
        (&[][..], 43),
        (&["overview"], 30),
        (&["packages"], 30),
        (&["builds"], 30),
        (&["emerges"], 30),
        (&["trend"], 30),
        (&["show"], 30),
        (&["explain"], 30),
        (&["advise"], 30),
        (&["metrics"], 24),
        (&["doctor"], 24),
        (&["setup"], 24),
    ] {
        let help = out(&program().args(command).arg("-h").output().unwrap());
        assert!(help.lines().count() <= lines, "{command:?}: {help}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{command:?}: {line}");
        }
    }
}
