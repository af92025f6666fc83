//! Errors that teach: what was wrong, and what to do. No option is silently ignored.

mod common;

use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use common::*;
use sccache_report::store::Store;

#[test]
fn what_has_no_sense_is_refused_and_says_why() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (args, said) in [
        (&["--sort", "hits"][..], "the overview is no list of rows"),
        (&["--limit", "3"], "the overview is no list of rows"),
        (&["--columns", "hits"], "the overview is no list of rows"),
        (&["show", "emlop", "--sort", "hits"], "prints sections"),
        (
            &["show", "emlop", "--limit", "1", "--format", "json"],
            "prints sections",
        ),
        (&["show", "emlop", "--columns", "hits"], "prints sections"),
        (&["show", "b0000001", "--since", "3d"], "named by its id"),
        (&["packages", "-e"], "there is none"),
        (&["-e"], "there is none"),
        (&["emerges", "-e"], "there is none"),
        (
            &["packages", "--sort", "hitrate"],
            "the columns are: hit_rate, package,",
        ),
        (&["packages", "--sort", "hits:up"], "`up` is no direction"),
        (
            &["packages", "--columns", "package,bulids"],
            "the columns are: builds, package,",
        ),
        (&["packages", "--columns", "package,package"], "named twice"),
        (&["packages", "--columns", ""], "there is no column ``"),
        (
            &["builds", "--columns", "phases"],
            "only `--columns` of JSON",
        ),
        (
            &["builds", "--sort", "phases", "--format", "json"],
            "only `--columns` of JSON",
        ),
        (
            &["packages", "nope", "--columns", "nope"],
            "no column `nope`",
        ),
        (
            &["builds", "--since", "today", "--until", "2026-11-01"],
            "nothing can lie between",
        ),
        (
            &["builds", "--since", "soonish"],
            "write it like 2026-11-01",
        ),
        (&["builds", "--since", "tomorrow"], "yet to come"),
        (
            &["builds", "--since", "2026-02-30"],
            "--since: there is no day 30 in 2026-02, which has 28",
        ),
        (
            &["--until", "2026-W54"],
            "--until: there is no week 54 in 2026, which has 53",
        ),
        (&["trend", "--since", "99999"], "a year has four digits"),
        (
            &["trend", "--since", "2026-10-02", "--until", "2026-10-01"],
            "as in --since 2026-10-01 --until",
        ),
        (
            &["builds", "--last", "0"],
            "'0' for '--last <N>': a whole number",
        ),
        (
            &["builds", "--last", "-1"],
            "'-1' for '--last <N>': a whole",
        ),
        (&["--limit", "0"], "a whole number from 1"),
        (&["packages", "--limit=-3"], "a whole number from 1"),
        (&["packages", "--min-builds", "0"], "a whole number from 1"),
        (&["packages", "--last", "9999999999"], "to 4294967295 is"),
        (&["packages", ""], "an empty PATTERN matches no package"),
        (&["show", " "], "write it like emlop, app-portage/emlop"),
        (&["-e", ""], "an empty PATTERN matches no package"),
        (
            &["packages", "--sort", "hitrate"],
            "no column `hitrate` to sort by; did you mean hit_rate?",
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
        (&["packge"], "packge; did you mean the command `packages`?"),
        (&["overveiw"], "the command `overview`?"),
        (&["emlog"], "app-portage/emlop?"),
        (
            &["packages", "packge"],
            "`sccache-report packages` lists all",
        ),
        (&["builds", "zz*top"], "lists all"),
        (
            &["b0000001"],
            "it is the id of a build: sccache-report show b0000001",
        ),
        (&["packages", "b0000099"], "nor is it the id"),
        (&["show", "b000000"], "its first 8 characters"),
        (&["show", "riprgep"], "did you mean sys-apps/ripgrep?"),
        (&["emerges", "xyz"], "`sccache-report packages` lists all"),
        (
            &["builds", "--language", "fortran"],
            "there are: C/C++, Rust",
        ),
        (&["builds", "--repository", "guru"], "there are: gentoo"),
        (&["builds", "--language", "rsut"], "did you mean Rust?"),
        (
            &["show", "emlop", "--language", "typo"],
            "there are: C/C++, Rust",
        ),
        (
            &["show", "emlop", "--repository", "gento"],
            "did you mean gentoo?",
        ),
        (&["--language", "typo"], "there are: C/C++, Rust"),
        (&["advise", "--language", "typo"], "there are: C/C++, Rust"),
        (&["trend", "--repository", "typo"], "there are: gentoo"),
        (
            &["emlop", "--language", "ruts,typo"],
            "the language ruts, typo; did you mean Rust?",
        ),
        (
            &["show", "emlop", "--language", "c"],
            "no recorded build matches",
        ),
        (&["emerges", "ripgrep"], "known to be of an emerge command"),
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

/// A period that leaves nothing teaches which ones there are.
#[test]
fn a_period_without_builds_says_when_there_are() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let all = "in that period: the oldest did on 2026-11-01, the newest on 2026-11-21\n";
    let two = "no recorded build of app-portage/emlop started in that period: the oldest did on \
               2026-11-01, the newest on 2026-11-20\n";
    let one = "no recorded build of sys-apps/fd started in that period: all did on 2026-11-21\n";
    let several = "no recorded build of these packages started";
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
        (&["trend", "s*/*", "--until", "2026-11-01"], several),
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
fn of_several_names_the_unknown_ones_are_told() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let output = run(&db, &["packages", "--language", "c,rsut"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        err(&output),
        "sccache-report: no recorded build has the language rsut; did you mean Rust?\n"
    );
    assert!(out(&output).contains("dev-libs/quazip"));
    assert_eq!(err(&run(&db, &["packages", "--language", "c,rust"])), "");
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
        err(&output).contains("can't write the report"),
        "{}",
        err(&output)
    );
}
