//! Pushing again after builds were recorded, changed, or removed.

use std::collections::BTreeMap;
use std::process::Command;

use sccache_report::portage::{Attribution, Build};
use serde_json::Value;

use crate::postgres::Postgres;
use crate::push::{assert_pushed, pushed_builds};
use crate::support::logs::{LIBRSVG, Logs, librsvg, recorded_librsvg};
use crate::support::merging::{merge, of_host, record_on};
use crate::support::*;

/// A row's version changes when it is written.
fn versions(postgres: &Postgres) -> BTreeMap<String, String> {
    let rows = postgres.rows(
        "SELECT uuid || 'build' AS id, xmin::text FROM build
         UNION ALL SELECT uuid || kind || name, xmin::text FROM build_detail",
    );
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_string();
    rows.iter()
        .map(|row| (text(row, "id"), text(row, "xmin")))
        .collect()
}

/// Returns how many rows were written since `before`.
fn written(postgres: &Postgres, before: &BTreeMap<String, String>) -> usize {
    let now = versions(postgres);
    now.iter()
        .filter(|(id, version)| before.get(*id) != Some(version))
        .count()
}

fn shared(number: u128, package: &str, start: &str) -> Build {
    let mut build = build(number, package, "1", start, c_stats(5, 2));
    build.phases[0].attribution = Attribution::Shared;
    build
}

#[test]
#[ignore = "needs PostgreSQL"]
fn only_what_differs_is_written() {
    let postgres = Postgres::start();
    let (_folder, db) = folder();
    record(&db, &sample());
    record(&db, &[shared(10, "a/first", "2026-11-24T10:00:00Z")]);
    postgres.push(&db, &[]);
    let (sums, first) = (postgres.sums(), versions(&postgres));
    assert_eq!(
        postgres.push(&db, &[]),
        "push: no build has changed since the last push\n"
    );
    assert_eq!(
        postgres.push(&db, &["--full"]),
        "push: builds since 2026-11-01: 7 compared, 0 added or changed\n"
    );
    assert_eq!((postgres.sums(), written(&postgres, &first)), (sums, 0));

    // A build that is recorded late: days after it started, and before others that were pushed.
    record(
        &db,
        &[build(
            11,
            "a/late",
            "1",
            "2026-11-21T07:00:00Z",
            rust_stats(4, 5),
        )],
    );
    assert_eq!(
        postgres.push(&db, &[]),
        "push: builds since 2026-11-21: 4 compared, 1 added or changed\n"
    );
    assert_pushed(&postgres, &db);
    // It has a row, a phase, a language, and three reasons. It was measured, and no miss has a reason.
    assert_eq!(written(&postgres, &first), 6);

    // A build whose numbers are withdrawn, because another one turns out to have used the same server.
    let before = versions(&postgres);
    record(&db, &[shared(12, "a/second", "2026-11-24T10:00:05Z")]);
    assert_eq!(
        postgres.push(&db, &[]),
        "push: builds since 2026-11-24: 2 compared, 2 added or changed\n"
    );
    assert_pushed(&postgres, &db);
    // Both with one phase and no languages, which the first one had.
    assert_eq!(written(&postgres, &before), 4);

    // Removed builds stay, unless they are pruned.
    let forget = |pattern: &str| {
        let mut collect = Command::new(assert_cmd::cargo::cargo_bin!("sccache-collect"));
        collect
            .env_clear()
            .arg("forget")
            .arg("--db")
            .arg(&db)
            .arg(pattern);
        assert!(collect.output().unwrap().status.success());
    };
    let pushed = pushed_builds(&postgres);
    forget("a/late");
    assert_eq!(
        postgres.push(&db, &[]),
        "push: builds since 2026-11-21: 4 compared, 0 added or changed\n"
    );
    assert_eq!(pushed_builds(&postgres), pushed);
    assert_eq!(
        postgres.push(&db, &[]),
        "push: no build has changed since the last push\n"
    );
    // Those of hosts that this database doesn't have stay.
    let (_other_folder, other) = folder();
    record(
        &other,
        &[of_host(
            "other",
            &build(13, "a/a", "1", "2026-11-21T07:00:00Z", rust_stats(4, 5)),
        )],
    );
    postgres.push(&other, &[]);
    assert_eq!(
        postgres.push(&db, &["--prune"]),
        "push: builds since 2026-11-01: 8 compared, 0 added or changed\n"
    );
    assert_eq!(
        postgres.sql("SELECT count(*) FROM build WHERE host = 'other'"),
        "1"
    );
    assert_ne!(
        postgres.sql("SELECT count(*) FROM build_detail WHERE host = 'other'"),
        "0"
    );
    postgres.sql(
        "DELETE FROM build WHERE host = 'other'; DELETE FROM build_detail WHERE host = 'other'",
    );
    assert_pushed(&postgres, &db);

    // The last day with builds: nothing is left to compare with.
    forget("a/*");
    postgres.push(&db, &[]);
    assert_eq!(
        postgres.push(&db, &[]),
        "push: no build has changed since the last push\n"
    );

    // The oldest build changes.
    let raw = rusqlite::Connection::open(&db).unwrap();
    raw.execute(
        "UPDATE build SET hits = hits + 1 WHERE package = 'app-portage/emlop'",
        (),
    )
    .unwrap();
    assert_eq!(
        postgres.push(&db, &["--prune"]),
        "push: builds since 2026-11-01: 6 compared, 2 added or changed\n"
    );
    assert_pushed(&postgres, &db);
}

/// What was changed on the server isn't noticed, until all builds are compared.
#[test]
#[ignore = "needs PostgreSQL"]
fn changes_on_the_server_are_repaired_by_a_full_push() {
    let postgres = Postgres::start();
    let (_folder, db) = folder();
    record(&db, &sample());
    postgres.push(&db, &[]);
    postgres.sql("DELETE FROM build WHERE package = 'sys-apps/fd'");
    postgres.sql("UPDATE build SET hits = NULL, slot = 'x' WHERE package = 'app-portage/emlop'");
    postgres.sql("DELETE FROM build_detail WHERE kind = 'language'");
    assert_eq!(
        postgres.push(&db, &[]),
        "push: no build has changed since the last push\n"
    );
    assert_eq!(
        postgres.push(&db, &["--full"]),
        "push: builds since 2026-11-01: 6 compared, 3 added or changed\n"
    );
    assert_pushed(&postgres, &db);
}

/// An imported build that its record replaces has another id. The line of the log stays on the server until it is pruned.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_replaced_import_is_pruned() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let logs = Logs::with(LIBRSVG, &librsvg());
    assert!(logs.import("UTC0", &[]).status.success());
    let db = logs.db.clone();
    postgres.push(&db, &[]);
    let recorded = record_on(folder.path(), "gentoo", &[recorded_librsvg()]);
    merge(&db, &[&recorded]);
    postgres.push(&db, &[]);
    assert_eq!(postgres.sql("SELECT count(*) FROM build"), "2");
    postgres.push(&db, &["--prune"]);
    assert_pushed(&postgres, &db);
}

/// A merge may find that an imported build belongs to another host.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_build_that_changed_its_host_is_pruned() {
    let postgres = Postgres::start();
    let (_folder, db) = folder();
    record(&db, &sample());
    for number in [7, 8] {
        let start = "2026-11-21T07:00:00Z";
        let build = build(number, "a/a", "1", start, rust_stats(4, 5));
        record(&db, &[of_host("beta", &build)]);
    }
    postgres.push(&db, &[]);
    let raw = rusqlite::Connection::open(&db).unwrap();
    let sql = "UPDATE build SET host = 'gentoo' WHERE uuid = ?";
    raw.execute(sql, [id(7).to_string()]).unwrap();
    assert_eq!(
        postgres.push(&db, &[]),
        "push: no build has changed since the last push\n"
    );
    postgres.push(&db, &["--full"]);
    assert_eq!(postgres.sql("SELECT count(*) FROM build"), "9");
    postgres.push(&db, &["--prune"]);
    assert_pushed(&postgres, &db);
}
