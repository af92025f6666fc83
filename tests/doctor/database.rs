//! The database, and what it has of the builds.

use super::{CASE, Case, leak, on, row, rows};
use crate::support::Root;

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_database_is_readable_writable_whole_and_of_this_version() {
    let root = Root::new();
    old_database(&root);
    let before = "sccache-collect import >/dev/null";
    for (check, state, break_) in [
        ("database", "yellow", "chmod 600 $db"),
        // Any of the folders above it, and several at once.
        ("database", "yellow", "chmod 700 ${db%/*} ${db%/*/*}"),
        // A private home is left alone: the database moves.
        (
            "database",
            "yellow",
            "mount -t tmpfs -o mode=700 tmpfs /root; mv $db /root/\n\
             echo 'SCCACHE_REPORT_DB=\"/root/stats.db\"' >> $conf",
        ),
        ("database-write", "yellow", "chown portage ${db%/*}"),
        (
            "database-write",
            "red",
            "echo 'SCCACHE_REPORT_DB=\"relative.db\"' >> $conf",
        ),
        (
            "database-write",
            "red",
            "mount --bind ${db%/*} ${db%/*}; mount -o remount,bind,ro ${db%/*}",
        ),
        (
            "database-whole",
            "red",
            "sql 'INSERT INTO hour_sum SELECT 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0'",
        ),
        (
            "database-whole",
            "yellow",
            "sql \"INSERT INTO cost VALUES ('a/b', '1', 'Rust', 1, 1)\"",
        ),
        ("database-schema", "yellow", "cp /tmp/old.db $db"),
        (
            "database-whole",
            "red",
            "head -c 4096 /dev/zero | tr '\\0' x | dd of=$db bs=4096 seek=2 conv=notrunc status=none",
        ),
        (
            "database",
            "red",
            // The first that was put aside stays, and what SQLite left beside goes along.
            "echo 'not a database, by any means' > $db; echo journal > $db-journal",
        ),
    ] {
        on(
            &root,
            &Case {
                check,
                state,
                before,
                break_,
                ..CASE
            },
        );
    }
    let left = root.read("var/lib/sccache-report/stats.db.damaged.1-journal");
    assert_eq!(left, "journal\n");
    assert!(
        root.file("var/lib/sccache-report/stats.db.damaged")
            .exists()
    );
}

fn old_database(root: &Root) {
    let old = root.file("tmp/old.db");
    let connection = rusqlite::Connection::open(&old).unwrap();
    connection
        .execute_batch(include_str!("../../migrations/0001_builds.sql"))
        .unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
}

/// The newer version that is to be emerged can't be had: a stand-in is, which makes the database this
/// version's.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_newer_database_is_for_a_newer_program() {
    let root = Root::new();
    root.append("var/db/repos/test/profiles/categories", "app-portage");
    let set = |version: &str| {
        format!(
            "python3 -c \"import sqlite3; sqlite3.connect('/mnt/gentoo/var/lib/sccache-report/stats.db')\
             .execute('PRAGMA user_version = {version}')\""
        )
    };
    let of_today = "$(</mnt/gentoo/tmp/schema)";
    root.ebuild(
        "app-portage/sccache-report-1",
        "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}",
    );
    root.ebuild(
        "app-portage/sccache-report-2",
        &format!(
            "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${{WORKDIR}}\npkg_postinst() {{ {}; }}",
            set(of_today)
        ),
    );
    let before = "sccache-collect import >/dev/null; emerge -1 =app-portage/sccache-report-1 &>/dev/null\n\
        python3 -c \"import sqlite3; print(sqlite3.connect('$db').execute('PRAGMA user_version').fetchone()[0])\" > /tmp/schema";
    on(
        &root,
        &Case {
            check: "database-schema",
            before,
            break_: leak(set("99")),
            ..CASE
        },
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn builds_that_wait_are_taken_up() {
    // The database can't be written during one merge.
    let root = Root::new();
    let break_ = "mv $db /tmp/stats.db; mkdir $db; emerge -1 dev-test/many-files &>/dev/null\n\
        rmdir $db; mv /tmp/stats.db $db";
    let before = "sccache-collect import >/dev/null";
    on(
        &root,
        &Case {
            check: "pending",
            state: "yellow",
            before,
            break_,
            ..CASE
        },
    );
}

/// Two packages that compile Rust as far as Portage can tell: a stand-in for cargo.eclass, which isn't here.
fn with_rust_packages() -> Root {
    let root = Root::new();
    root.append(
        "var/db/repos/test/eclass/cargo.eclass",
        "# A stand-in: its name is all that is looked at.",
    );
    for name in ["one", "two"] {
        root.ebuild(
            &format!("dev-test/{name}-1.0"),
            "EAPI=8\ninherit cargo\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
             src_compile() { echo 'int f;' > f.c; sccache gcc -c f.c || die; }",
        );
    }
    root
}

/// mv keeps bashrc's time, since which merges are to be recorded.
const UNRECORDED: &str =
    "unrecorded() { mv $bashrc $bashrc.off; emerge -1 $1 &>/dev/null; mv $bashrc.off $bashrc; }";

#[test]
#[ignore = "needs root and the registries: make test"]
fn rust_packages_that_were_not_recorded_are_named() {
    let before = format!("{UNRECORDED}\nemerge -1 dev-test/one &>/dev/null");
    let before = leak(before);
    let root = with_rust_packages();
    let break_ = "unrecorded dev-test/two";
    on(
        &root,
        &Case {
            check: "recorded",
            before,
            break_,
            ..CASE
        },
    );
    let (broken, _) = rows(&root, "broken");
    let message = row(&broken, "recorded")["message"].as_str().unwrap();
    assert!(
        message.contains("1 build of Rust packages since was not recorded: dev-test/two-1.0"),
        "{message}"
    );
    // Whether that one went past sccache nobody knows.
    assert_eq!(
        row(&broken, "rust-packages")["message"],
        "1 Rust package merged in 30 days, none past sccache; 1 more while no build was recorded: \
         not known whether through sccache"
    );
    let break_ = "unrecorded dev-test/two; emerge -1 dev-test/one &>/dev/null";
    on(
        &with_rust_packages(),
        &Case {
            check: "rust-packages",
            state: "yellow",
            before,
            break_,
            ..CASE
        },
    );
}

/// Longer ago than merges are looked at: since then nothing was recorded, and one should have been.
#[test]
#[ignore = "needs root and the registries: make test"]
fn what_is_missing_since_a_record_of_long_ago_is_named() {
    let root = with_rust_packages();
    let age = "40 * 24 * 3600";
    let before = leak(format!(
        "{UNRECORDED}\nemerge -1 dev-test/one &>/dev/null\n\
         sql 'UPDATE build SET started_at = started_at - {age} * 1000000, finished_at = finished_at - {age} * 1000000'\n\
         sql 'UPDATE emerge SET started_at = started_at - {age} * 1000000'\n\
         sccache-collect import >/dev/null\n\
         log=/mnt/gentoo/var/log/emerge.log\n\
         awk -F: -v OFS=: '{{ $1 -= {age} }} 1' $log > /tmp/log; cp /tmp/log $log"
    ));
    let break_ = "unrecorded dev-test/two";
    on(
        &root,
        &Case {
            check: "recorded",
            before,
            break_,
            ..CASE
        },
    );
    let (before, _) = rows(&root, "before");
    let message = row(&before, "recorded")["message"].as_str().unwrap();
    let today = format!("last on {}", chrono::Local::now().format("%F"));
    let is_old = message.starts_with("last on ") && !message.starts_with(&today);
    assert!(is_old, "{message}");
}
