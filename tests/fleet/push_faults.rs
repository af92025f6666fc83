//! `push` when something fails: whatever happens, the server has all of a push or nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::postgres::{Postgres, one_line, wait_until};
use crate::push::assert_pushed;
use crate::support::*;

#[track_caller]
fn assert_empty(postgres: &Postgres) {
    let sql = "SELECT (SELECT count(*) FROM build), (SELECT count(*) FROM build_detail), (SELECT count(*) FROM pushed_day)";
    assert_eq!(postgres.sql(sql), "0|0|0");
}

/// Starts a push in a process group of its own, which waits for a lock when it has sent all builds.
fn blocked_push(postgres: &Postgres, db: &Path) -> Child {
    let mut command = postgres.push_command(db, &[]);
    let push = command
        .process_group(0)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    postgres.wait_for_waiting(1);
    push
}

/// Killed when all builds are sent, and when the first table has its rows.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_client_killed_in_the_middle_leaves_nothing() {
    let postgres = Postgres::start();
    let (_folder, db) = folder();
    record(&db, &sample());
    for table in ["build", "build_detail", "pushed_day"] {
        let mut lock = postgres.lock(table);
        let mut push = blocked_push(&postgres, &db);
        kill_process_group(Pid::from_child(&push), Signal::KILL).unwrap();
        push.wait().unwrap();
        // The server goes on with the statement, and then finds nobody to commit it.
        drop(lock.stdin.take());
        lock.wait().unwrap();
        let others = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = 'sccache' AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
        wait_until("ended", || postgres.sql(others) == "0");
        assert_empty(&postgres);
    }
    postgres.push(&db, &[]);
    assert_pushed(&postgres, &db);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_server_killed_in_the_middle_leaves_nothing() {
    let mut postgres = Postgres::start();
    let (_folder, db) = folder();
    record(&db, &sample());
    for table in ["build", "pushed_day"] {
        let mut lock = postgres.lock(table);
        let push = blocked_push(&postgres, &db);
        postgres = postgres.kill_and_restart();
        one_line(&push.wait_with_output().unwrap());
        drop(lock.stdin.take());
        lock.wait().unwrap();
        assert_empty(&postgres);
    }
    postgres.push(&db, &[]);
    assert_pushed(&postgres, &db);
}

/// The builds end in the middle of a line, or between two, and sccache-report fails or is killed.
#[test]
#[ignore = "needs PostgreSQL"]
fn builds_that_end_too_early_leave_nothing() {
    let postgres = Postgres::start();
    let (folder, db) = folder();
    record(&db, &sample());
    let real = Path::new(env!("CARGO_BIN_EXE_sccache-report"));
    let fake = folder.path().join("sccache-report");
    for end in [
        "head -c 3000; exit 2",
        "head -n 3; exit 2",
        "head -n 3; kill -9 $$",
        "cat; exit 2",
    ] {
        let script = format!(
            "#!/bin/bash\ncase $1 in trend) exec {0} \"$@\" ;; *) {0} \"$@\" | {{ {end}; }} ; exit $? ;; esac\n",
            real.display()
        );
        fs::write(&fake, script).unwrap();
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = postgres.push_command(&db, &[]);
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{end}: {output:?}");
        assert_eq!(out(&output), "");
        assert_empty(&postgres);
    }
    postgres.push(&db, &[]);
    assert_pushed(&postgres, &db);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn problems_are_one_line() {
    let postgres = Postgres::start();
    let (folder, db) = folder();
    record(&db, &sample());
    let push = |change: &dyn Fn(&mut Command)| {
        let mut command = postgres.push_command(&db, &[]);
        change(&mut command);
        one_line(&command.output().unwrap())
    };
    let line = push(&|command| _ = command.env("PGPASSWORD", "wrong"));
    assert!(line.starts_with("push: connection to server"), "{line}");
    assert!(
        line.contains("password authentication failed for user \"sccache\""),
        "{line}"
    );
    let line = push(&|command| _ = command.env_remove("PGPASSWORD"));
    assert!(line.contains("no password supplied"), "{line}");
    let line = push(&|command| _ = command.env("PGHOST", folder.path()));
    assert!(line.contains("No such file or directory"), "{line}");
    let line = push(&|command| _ = command.env("PATH", "/usr/bin:/bin"));
    assert!(line.contains("sccache-report: command not found"), "{line}");

    postgres.sql("CREATE ROLE reader LOGIN PASSWORD 'geheim'");
    let line = push(&|command| _ = command.env("PGUSER", "reader"));
    assert!(line.contains("permission denied for table build"), "{line}");

    // The tables are those of an older version, or there are none.
    let hint = "create or update the tables first: psql -f";
    for statement in [
        "ALTER TABLE build_detail DROP COLUMN executed",
        "ALTER TABLE build DROP COLUMN evicted",
        "DROP TABLE pushed_day",
    ] {
        postgres.sql(statement);
        let line = push(&|_| {});
        assert!(
            line.contains("does not exist") && line.contains(hint),
            "{line}"
        );
    }

    for args in [&["-x"][..], &["--db"], &["a", "b"], &["--db", ""]] {
        let mut command = Command::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/packaging/postgresql/push"
        ));
        let output = command.args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(err(&output).starts_with("usage: push"), "{output:?}");
    }
    let mut help = postgres.push_command(&db, &["--help"]);
    let help = help.output().unwrap();
    assert!(help.status.success() && err(&help).is_empty(), "{help:?}");
    assert!(out(&help).contains("\nExit status: 0"), "{help:?}");
    // A database without builds, and none.
    let empty = folder.path().join("empty.db");
    sccache_report::store::Store::open_for_recording(&empty).unwrap();
    let output = postgres.push_command(&empty, &[]).output().unwrap();
    assert!(
        output.status.success() && out(&output).is_empty(),
        "{output:?}"
    );
    let output = postgres
        .push_command(&folder.path().join("none.db"), &[])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// As after an update of the server's C library. Nothing silences it.
#[test]
#[ignore = "needs PostgreSQL"]
fn warnings_are_not_rows() {
    let postgres = Postgres::start();
    let (folder, db) = folder();
    record(&db, &sample());
    let sql = "UPDATE pg_database SET datcollversion = '1' WHERE datname = 'sccache'";
    postgres.sql(sql);
    let compared = postgres.push(&db, &[]);
    assert!(
        compared.ends_with("6 compared, 6 added or changed\n"),
        "{compared}"
    );
    assert_eq!(
        postgres.push(&db, &[]),
        "push: no build has changed since the last push\n"
    );
    for name in ["bash", "realpath"] {
        let program = Path::new("/usr/bin").join(name);
        std::os::unix::fs::symlink(program, folder.path().join(name)).unwrap();
    }
    let mut missing = postgres.push_command(&db, &["--full"]);
    missing.env("PATH", folder.path());
    assert_eq!(
        one_line(&missing.output().unwrap()),
        "push: psql is missing: install dev-db/postgresql\n"
    );
}

/// Texts that would end a COPY, a line, a string, or a statement. PostgreSQL has no NUL.
#[test]
#[ignore = "needs PostgreSQL"]
fn hostile_texts_arrive_as_they_are() {
    let postgres = Postgres::start();
    let (_folder, db) = folder();
    let texts = [
        "a'b\"c,d",
        "\\",
        "\\.",
        "a\n\\.\nb\r\n\\.\n",
        "\\N\t\\n\\\\u0000 \\u0000",
        "NUL \0\0 and \\\0",
        "\u{1}\u{2}\u{7f}\u{1b}[31m",
        "'); DROP TABLE build; --",
        "$$ :source :'source' {} []",
        "äö\u{202e}🦀",
        "{\"id\":\"x\"},",
        "]}",
    ];
    let mut builds = Vec::new();
    for number in 0..texts.len() {
        builds.push(build(
            number as u128,
            &format!("a/p{number}"),
            "1",
            "2026-11-20T10:00:00Z",
            rust_stats(4, 5),
        ));
    }
    record(&db, &builds);
    let raw = rusqlite::Connection::open(&db).unwrap();
    raw.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    for (number, text) in texts.iter().enumerate() {
        let id = id(number as u128).to_string();
        let sql = "UPDATE build SET host = ?2, version = ?2, slot = ?2, repository = ?2, sccache_version = ?2 WHERE uuid = ?1";
        raw.execute(sql, [&id, *text]).unwrap();
        for (table, column) in [
            ("phase", "name"),
            ("phase_language", "language"),
            ("not_cached", "reason"),
        ] {
            let key = if table == "phase" { "id" } else { "phase_id" };
            let sql = format!(
                "UPDATE {table} SET {column} = {column} || ?2 WHERE {key} IN
                    (SELECT phase.id FROM phase JOIN build ON build.id = build_id WHERE uuid = ?1)"
            );
            raw.execute(&sql, [&id, *text]).unwrap();
        }
    }
    drop(raw);
    postgres.push(&db, &[]);
    for (number, text) in texts.iter().enumerate() {
        let text = text.replace('\0', "\u{fffd}");
        let id = id(number as u128);
        let row = &postgres.rows(&format!("SELECT * FROM build WHERE uuid = '{id}'"))[0];
        for column in ["host", "version", "slot", "repository", "sccache_version"] {
            assert_eq!(row[column], text, "{column}");
        }
        let names = postgres.rows(&format!("SELECT * FROM build_detail WHERE uuid = '{id}'"));
        assert_eq!(names.len(), 5);
        assert!(
            names
                .iter()
                .all(|row| row["name"].as_str().unwrap().ends_with(&text)),
            "{names:?}"
        );
    }
    // Nothing is different for having been changed on the way.
    assert_eq!(
        postgres.push(&db, &["--full"]),
        "push: builds since 2026-11-20: 12 compared, 0 added or changed\n"
    );

    // Also the name of the database.
    let (folder, _) = folder();
    let odd = folder.path().join("a'b\\c\n:first.db");
    fs::copy(&db, &odd).unwrap();
    let output = postgres.push(&odd, &[]);
    assert!(output.ends_with(" 0 added or changed\n"), "{output}");
    assert_eq!(
        postgres.push(&odd, &[]),
        "push: no build has changed since the last push\n"
    );
}
