//! Errors name the cause and the next step.

use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use crate::support::*;
use sccache_report::store::Store;

#[test]
fn help_is_a_command() {
    for (args, said) in [
        (&["help"][..], "Usage: sccache-report [OPTIONS]"),
        (&["help", "trend"], "Usage: sccache-report trend"),
    ] {
        let output = program().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(out(&output).contains(said), "{}", out(&output));
    }
}

#[test]
fn invalid_requests_are_errors_with_a_hint() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (args, said) in [
        (
            &["--since", "3d", "packages"][..],
            "must come after `packages`",
        ),
        (
            &["--format", "json", "metrics"],
            "`--format <FORMAT>` can't be used with `metrics`",
        ),
        (
            &["show", "emlop", "--limit", "1"],
            "unexpected argument '--limit'",
        ),
        (
            &["doctor", "--since", "3d"],
            "unexpected argument '--since'",
        ),
        (
            &["packages", "-e"],
            "required arguments were not provided:\n  <PATTERN>",
        ),
        (&["show", "emlop", "-e"], "unexpected argument '-e'"),
        (
            &["packages", "--sort", "hitrate"],
            "the columns are: package, first_at,",
        ),
        (
            &["packages", "--sort", "hits:up"],
            "unknown sort direction `up`",
        ),
        (
            &["packages", "--columns", "package,bulids"],
            "did you mean builds?",
        ),
        (
            &["packages", "--columns", "package,package"],
            "names `package` twice",
        ),
        (&["packages", "--columns", ""], "unknown column ``"),
        (
            &["builds", "--columns", "phases"],
            "--format json --columns also has nested ones",
        ),
        (
            &["builds", "--sort", "phases", "--format", "json"],
            "--format json --columns also has nested ones",
        ),
        (
            &["packages", "nope", "--columns", "nope"],
            "unknown column `nope`",
        ),
        (
            &["builds", "--since", "today", "--until", "2026-11-01"],
            "--since is later than --until",
        ),
        (&["builds", "--since", "soonish"], "use 2026-11-01, 2026-11"),
        (
            &["builds", "--since", "tomorrow"],
            "`tomorrow` is not a time",
        ),
        (
            &["builds", "--since", "2026-02-30"],
            "for '--since <WHEN>': `2026-02-30` is not a time",
        ),
        (
            &["--until", "2026-W54"],
            "for '--until <WHEN>': `2026-w54` is not a time",
        ),
        (&["trend", "--since", "99999"], "`99999` is not a time"),
        (
            &["trend", "--since", "2026-10-02", "--until", "2026-10-01"],
            "as in --since 2026-10-01 --until",
        ),
        (
            &["builds", "--last", "0"],
            "'0' for '--last <N>': 0 is not in 1..",
        ),
        (&["builds", "--last", "-1"], "unexpected argument '-1'"),
        (&["--limit", "0"], "0 is not in 1.."),
        (&["packages", "--limit=-3"], "-3 is not in 1.."),
        (&["packages", "--min-builds", "0"], "0 is not in 1.."),
        (
            &["packages", "--last", "9999999999"],
            "is not in 1..=4294967295",
        ),
        (&["packages", ""], "empty PATTERN"),
        (&["builds", "emlop", " \t"], "empty PATTERN"),
        (&["show", " "], "empty PATTERN"),
        (
            &["packages", "--sort", "hitrate"],
            "unknown column `hitrate`; did you mean hit_rate?",
        ),
        (
            &["builds", "--outcome", "failing"],
            "possible values: merged, packaged, failed",
        ),
        (&["builds", "--last", "few"], "invalid value"),
        (&["builds", "--min-builds", "x"], "--min-builds"),
    ] {
        let output = run(&db, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", err(&output));
        assert!(err(&output).contains(said), "{args:?}: {}", err(&output));
        assert_eq!(out(&output), "", "{args:?}");
    }
}

#[test]
fn what_matches_nothing_says_what_there_is() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (args, said) in [
        (&["emlopp"][..], "did you mean app-portage/emlop?"),
        (
            &["packages", "app-protage/emlop"],
            "did you mean app-portage/emlop?",
        ),
        // A word that is mistyped may have been meant for a command, where one can stand.
        (&["packge"], "or did you mean the command `packages`?"),
        (&["overveiw"], "the command `overview`?"),
        (&["emlog"], "app-portage/emlop?"),
        (
            &["packages", "packge"],
            "`sccache-report packages` lists all",
        ),
        (&["builds", "zz*top"], "lists all"),
        (&["show", "b000000"], "lists all"),
        (&["show", "riprgep"], "did you mean sys-apps/ripgrep?"),
        (&["emerges", "xyz"], "`sccache-report packages` lists all"),
        (
            &["builds", "--language", "fortran"],
            "no recorded build matches",
        ),
        (
            &["builds", "--repository", "guru"],
            "no recorded build matches",
        ),
        (
            &["show", "emlop", "--language", "c"],
            "no recorded build matches",
        ),
        (&["emerges", "ripgrep"], "belongs to a known emerge command"),
        (
            &["builds", "emlop", "--outcome", "failed"],
            "no recorded build matches",
        ),
    ] {
        let output = run(&db, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", err(&output));
        assert!(err(&output).contains(said), "{args:?}: {}", err(&output));
        assert_eq!(err(&output).lines().count(), 1, "{args:?}");
    }
}

#[test]
fn patterns_that_match_nothing_are_named_beside_those_that_match() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for args in [
        &["packages", "emlop", "nope", "zip*"][..],
        &["builds", "emlop", "nope", "zip*"],
        &["emlop", "nope", "zip*"],
        &["advise", "emlop", "nope", "zip*"],
    ] {
        let output = run(&db, args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let expected = ["nope", "zip*"]
            .map(|name| format!("sccache-report: no recorded package matches {name}\n"));
        assert_eq!(err(&output), expected.concat(), "{args:?}");
    }
}

#[test]
fn an_empty_overview_names_its_period() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let output = run(&db, &["--min-builds", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let old = build(
        7,
        "sys-apps/fd",
        "1",
        "2026-09-01T10:00:00Z",
        rust_stats(1, 1),
    );
    record(&db, &[old]);
    let output = run(&db, &["--min-builds", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
}

/// A period that leaves nothing teaches which ones there are.
#[test]
fn a_period_without_builds_says_when_there_are() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let all = "in that period; the oldest started on 2026-11-01, the newest on 2026-11-21\n";
    let two = "the oldest started on 2026-11-01, the newest on 2026-11-20\n";
    let one = "the oldest started on 2026-11-21, the newest on 2026-11-21\n";
    let else_there = "no recorded build matches\n";
    for (args, said) in [
        (&["--until", "2020"][..], all),
        (&["builds", "--until", "2020"], all),
        (&["builds", "--until", "2020", "--format", "csv"], all),
        (&["emerges", "--until", "2020"], all),
        (&["advise", "--until", "2020"], all),
        // Between two builds, too.
        (
            &["packages", "--since", "2026-11-02", "--until", "2026-11-03"],
            all,
        ),
        (&["emlop", "--until", "2020"], two),
        (&["show", "fd", "--until", "2026-11-20"], one),
        // Not the period alone.
        (
            &["builds", "--until", "2026-11-02", "--outcome", "failed"],
            else_there,
        ),
        (&["builds", "fd", "--outcome", "failed"], else_there),
    ] {
        let output = run(&db, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", out(&output));
        assert!(err(&output).contains(said), "{args:?}: {}", err(&output));
    }
}

#[test]
fn an_empty_file_says_what_to_do_next() {
    let (_folder, db) = folder();
    std::fs::write(&db, "").unwrap();
    let output = run(&db, &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = err(&output);
    assert!(
        said.contains("is empty: nothing is recorded yet") && said.contains("emerge a package"),
        "{said}"
    );
}

#[test]
fn a_database_without_builds_says_what_to_do_next() {
    let (_folder, db) = folder();
    drop(Store::open_for_recording(&db).unwrap());
    for args in REPORTS {
        let output = run(&db, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let said = err(&output);
        assert!(
            said.contains("nothing is recorded yet: emerge"),
            "{args:?}: {said}"
        );
        assert!(json(&db, args).is_empty(), "{args:?}");
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let (folder, _) = folder();
    let fifo = folder.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let socket = folder.path().join("socket");
    let _listens = UnixListener::bind(&socket).unwrap();
    for path in [
        &fifo,
        &socket,
        &folder.path().to_path_buf(),
        &"/dev/null".into(),
    ] {
        let output = run(path, &["builds"]);
        assert_eq!(output.status.code(), Some(2), "{}", path.display());
        let said = format!("{} is not a file", path.display());
        assert!(err(&output).contains(&said), "{}", err(&output));
    }
    let output = run("".as_ref(), &[]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn nobody_to_tell_is_no_reason_to_fail() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (args, status) in [
        (&["nope"][..], 1),
        (&["builds", "--sort", "x"], 2),
        (&["--bad"], 2),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = program();
        command
            .arg("--db")
            .arg(&db)
            .args(args)
            .stdout(Stdio::null())
            .stderr(writer);
        assert_eq!(command.status().unwrap().code(), Some(status), "{args:?}");
    }
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = program()
        .arg("--db")
        .arg(&db)
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("can't write the output"),
        "{}",
        err(&output)
    );
}

/// The hint on a damaged database runs the doctor on this file.
#[test]
fn a_damaged_database_has_a_command_that_checks_it() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let mut bytes = std::fs::read(&db).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(&db, bytes).unwrap();
    let output = run(&db, &["builds"]);
    assert_eq!(output.status.code(), Some(2));
    let error = err(&output);
    assert!(
        error.contains("`sccache-report doctor --db FILE`"),
        "{error}"
    );
    let doctor = program()
        .args(["doctor", "--db"])
        .arg(&db)
        .output()
        .unwrap();
    assert!(out(&doctor).contains("is damaged"), "{}", out(&doctor));
}
