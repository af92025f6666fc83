//! `sccache-collect merge`: the databases of several hosts become one, whatever the order.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use proptest::prelude::*;
use rusqlite::Connection;
use sccache_report::portage::{Attribution, Build, Outcome};
use sccache_report::sccache::compilations::Compilation;
use sccache_report::store::{Filter, MergeResult, Recorded, Store};
use uuid::Uuid;

use crate::support::listed::{hit, listed, miss, record_explained, taking};
use crate::support::logs::{LIBRSVG, Logs, librsvg};
use crate::support::merging::*;
use crate::support::recorder::crash::assert_consistent;
use crate::support::*;

#[test]
fn every_row_of_every_table_is_copied() {
    let (folder, db) = folder();
    let source = folder.path().join("source.db");
    record_explained(&source);
    record(&source, &sample()[1..]);
    let mut stable = build(90, "a/s", "1", "2026-11-02T10:00:00Z", c_stats(1, 1));
    stable.phases[0].stats.as_mut().unwrap().dist_errors = Some(1);
    record(&source, &[stable]);
    let raw = Connection::open(&source).unwrap();
    let sql = "INSERT INTO stable_path_effect SELECT min(id), 1, 2, 3, 4 FROM phase;
               INSERT INTO former_units VALUES ('app-misc/foo', 'gentoo', 'test', x'00010203', 5)";
    raw.execute_batch(sql).unwrap();
    drop(raw);
    let before = fs::read(&source).unwrap();
    assert_eq!(merge(&db, &[&source]), ["8 builds added, 0 already there"]);
    // Ids begin with 1 in both.
    assert_eq!(dump(&db), dump(&source));
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let raw = Connection::open(&db).unwrap();
    let mut names = raw.prepare(tables).unwrap();
    for name in names.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        let sql = format!("SELECT count(*) FROM {}", name.as_ref().unwrap());
        let rows: u64 = raw.query_row(&sql, (), |row| row.get(0)).unwrap();
        assert_eq!(rows == 0, name.as_ref().unwrap() == "forgotten", "{name:?}");
    }
    let merged = fs::read(&db).unwrap();
    assert_eq!(merge(&db, &[&source]), ["0 builds added, 8 already there"]);
    assert!(fs::read(&db).unwrap() == merged, "nothing was new");
    assert!(fs::read(&source).unwrap() == before, "the source changed");
    assert_consistent(&db);
}

#[test]
fn forgotten_builds_stay_away() {
    let (folder, db) = folder();
    let source = record_on(folder.path(), "a", &sample());
    let line = Build {
        is_imported: true,
        id: sample()[1].imported_id(),
        ..sample()[1].without_compilations()
    };
    let lines = record_on(folder.path(), "lines", &[line]);
    merge(&db, &[&source]);
    let forget = |db: &Path| {
        let mut store = Store::open_for_recording(db).unwrap();
        store.forget(&[id(2), id(3)]).unwrap();
    };
    forget(&db);
    let before = all_reports(&db);
    let skipped = ["0 builds added, 4 already there, 2 skipped: removed with `forget`"];
    assert_eq!(merge(&db, &[&source]), skipped);
    // Neither by the line of such a build in a log.
    let skipped = ["0 builds added, 0 already there, 1 skipped: removed with `forget`"];
    assert_eq!(merge(&db, &[&lines]), skipped);
    assert_eq!(all_reports(&db), before);
    // What was removed elsewhere is not removed here.
    let other = folder.path().join("other.db");
    merge(&other, &[&source]);
    forget(&source);
    assert_eq!(
        merge(&other, &[&source]),
        ["0 builds added, 4 already there"]
    );
}

#[test]
fn the_same_log_imported_on_two_hosts_is_one_build() {
    let databases = ["b", "a"].map(|host| {
        let logs = Logs::with(LIBRSVG, &librsvg());
        logs.added(1, 0);
        let path = logs.db.clone();
        let raw = Connection::open(&path).unwrap();
        raw.execute("UPDATE build SET host = ?", [host]).unwrap();
        (logs, path)
    });
    let [b, a] = [&databases[0].1, &databases[1].1].map(PathBuf::as_path);
    let (folder, ba) = folder();
    let ab = folder.path().join("ab.db");
    assert_eq!(merge(&ba, &[b, a])[1], "0 builds added, 1 already there");
    assert_eq!(merge(&ab, &[a, b])[1], "0 builds added, 1 already there");
    assert_eq!(json(&ba, &["builds"])[0]["host"], "a");
    assert_same_reports(&ab, &ba);
    assert_consistent(&ba);
}

#[test]
fn a_recorded_build_replaces_the_line_of_it_in_a_log() {
    let recorded = listed(1, "a/a", &[miss("a.o", 1)]);
    let line = Build {
        is_imported: true,
        id: recorded.imported_id(),
        ..recorded.without_compilations()
    };
    let (folder, first) = folder();
    let a = record_on(folder.path(), "a", &[recorded]);
    let line = record_on(
        folder.path(),
        "line",
        &[Build {
            host: "a".into(),
            ..line
        }],
    );
    let second = folder.path().join("second.db");
    merge(&first, &[&a, &line]);
    merge(&second, &[&line, &a]);
    for db in [&first, &second] {
        let builds = json(db, &["builds"]);
        assert_eq!(builds.len(), 1);
        assert_eq!(builds[0]["miss_reasons"]["first"], 1);
    }
    assert_same_reports(&first, &second);
}

#[test]
fn a_phase_that_turned_out_to_share_its_server_is_withdrawn_here_too() {
    let with = |number, start| {
        let mut build = build(number, "a/a", "1", start, c_stats(2, 2));
        build.phases[0].attribution = Attribution::Shared;
        build
    };
    let (folder, db) = folder();
    let source = record_on(folder.path(), "a", &[with(1, "2026-11-01T10:00:00Z")]);
    let before = folder.path().join("before.db");
    merge(&db, &[&source]);
    merge(&before, &[&source]);
    let overlapping = with(2, "2026-11-01T10:00:10Z");
    record(&source, &[of_host("a", &overlapping)]);
    assert_eq!(merge(&db, &[&source]), ["1 build added, 1 already there"]);
    // An earlier copy changes nothing.
    assert_eq!(merge(&db, &[&before]), ["0 builds added, 1 already there"]);
    assert_eq!(json(&db, &["builds"]), json(&source, &["builds"]));
    assert_eq!(json(&db, &["builds"])[0]["hits"], serde_json::Value::Null);
    assert_consistent(&db);
}

/// Returns the rows of builds of this host.
fn rows_of(db: &Path, host: &str) -> Vec<serde_json::Value> {
    let rows = json(db, &["builds"]).into_iter();
    rows.filter(|row| row["host"] == host).collect()
}

#[test]
fn a_fast_hosts_costs_do_not_price_a_slow_hosts_hits() {
    let fast: Vec<Compilation> = (0..20)
        .map(|n| taking(1.0, miss(&format!("{n}.o"), n)))
        .collect();
    let slow: Vec<Compilation> = (0..20)
        .map(|n| taking(9.0, miss(&format!("{n}.o"), n)))
        .collect();
    let hits: Vec<Compilation> = (0..20).map(|n| hit(&format!("{n}.o"), n)).collect();
    let new = |day, list: &[Compilation]| Build {
        id: Uuid::from_u128(1000 + u128::from(day)),
        ..listed(day, "a/a", list)
    };
    let (folder, db) = folder();
    let a = record_on(folder.path(), "slow", &[new(1, &slow)]);
    let b = record_on(folder.path(), "fast", &[new(2, &fast)]);
    merge(&db, &[&a, &b]);
    let warm = of_host("slow", &new(3, &hits));
    record(&db, std::slice::from_ref(&warm));
    record(&a, &[warm]);
    let (merged, alone) = (rows_of(&db, "slow"), rows_of(&a, "slow"));
    assert_eq!(merged, alone);
    assert_eq!(merged[1]["exact_share"], 1.0);
    assert!(merged[1]["time_saved_seconds"].as_f64().unwrap() > 170.0);
    // A host that compiled nothing yet knows no costs.
    let new_host = of_host("new", &new(4, &hits));
    record(&db, &[new_host]);
    assert_eq!(
        rows_of(&db, "new")[0]["time_saved_seconds"],
        serde_json::Value::Null
    );
}

#[test]
fn a_list_that_another_database_dropped_comes_from_one_that_has_it() {
    let builds: Vec<Build> = (1..=4)
        .map(|day| listed(day, "a/a", &[miss("a.o", day.into())]))
        .collect();
    let (folder, db) = folder();
    let full = record_on(folder.path(), "a", &builds);
    let short = folder.path().join("short.db");
    let mut store = Store::open_for_recording(&short).unwrap();
    store.keep_compilations(1);
    store.merge(&full).unwrap();
    let lists = |db: &Path| -> u64 {
        let raw = Connection::open(db).unwrap();
        let sql = "SELECT count(*) FROM compilation_list";
        raw.query_row(sql, (), |row| row.get(0)).unwrap()
    };
    assert_eq!(lists(&short), 1);
    merge(&db, &[&short]);
    assert_eq!(lists(&db), 1);
    merge(&db, &[&full, &short]);
    assert_eq!(lists(&db), 4);
}

/// A migration of a later version.
const NEXT: &str = "ALTER TABLE build ADD COLUMN energy REAL; CREATE TABLE room (name TEXT) STRICT; \
                    UPDATE build SET energy = hits * 0.5;";

#[test]
fn an_older_database_is_merged_and_stays_old() {
    let (folder, db) = folder();
    let source = record_on(folder.path(), "a", &sample());
    let before = fs::read(&source).unwrap();
    let mut store = Store::open_for_recording_with(&db, &[NEXT]).unwrap();
    let result = MergeResult {
        added: 6,
        ..MergeResult::default()
    };
    assert_eq!(store.merge(&source).unwrap(), result);
    let raw = Connection::open(&db).unwrap();
    let sql = "SELECT sum(energy) FROM build";
    let energy: f64 = raw.query_row(sql, (), |row| row.get(0)).unwrap();
    assert_eq!(energy, (53 + 10 + 53 + 5 + 1 + 3) as f64 / 2.0 - 26.5);
    assert!(fs::read(&source).unwrap() == before, "the source changed");
    // This version doesn't read newer ones.
    let old = folder.path().join("old.db");
    record(&old, &[]);
    let refused = merge_command(&old, &[&db]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("supports only up to"), "{refused:?}");
}

/// The parts of a random build: host, package, start, kind, hits, and misses.
type Parts = (usize, usize, i64, u8, u64, u64);

/// Returns a build with all that merges have to decide by content.
fn any(n: usize, (host, package, start, kind, hits, misses): Parts) -> Build {
    let package = ["a/a", "a/b", "c/c"][package];
    let number = n as u128;
    let mut build = build(
        number,
        package,
        "1",
        "2026-11-02T00:00:00Z",
        c_stats(hits, misses),
    );
    if kind % 2 == 0 {
        let misses = (0..misses).map(|key| taking(1.0 + n as f64, miss(&format!("{key}.o"), key)));
        let hits = (0..hits).map(|key| hit(&format!("{key}.o"), key + 20));
        let list: Vec<_> = misses.chain(hits).collect();
        build.phases = listed(1, package, &list).phases;
    }
    build.started_at += TimeDelta::minutes(start * 20);
    build.finished_at = build.started_at;
    for phase in &mut build.phases {
        (phase.started_at, phase.finished_at) = (build.started_at, build.started_at);
    }
    build.host = ["a", "b", "c"][host].into();
    build.outcome = [Outcome::Merged, Outcome::Failed, Outcome::Packaged][usize::from(kind % 3)];
    if kind % 5 == 0 {
        let command = format!("emerge {host}");
        build.emerge = Some(emerge(10 + host as u128, &command, "2026-11-01T00:00:00Z"));
    }
    if kind % 7 == 0 {
        build.phases[0].attribution = Attribution::Shared;
    }
    build
}

/// Returns the build as another host imports it from a log: with one id on all hosts, and no order among them.
fn imported(build: &Build, host: &str) -> Build {
    Build {
        is_imported: true,
        host: host.into(),
        id: build.imported_id(),
        emerge: None,
        ..build.without_compilations()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    /// Of the hosts' databases, one has builds of another from an earlier merge, and some have imported a log.
    #[test]
    fn every_order_of_merges_gives_the_same_reports(
        parts in prop::collection::vec(
            (0usize..3, 0usize..3, 0i64..30, 0u8..30, 0u64..9, 0u64..9), 1..16),
        order in Just(vec![0usize, 1, 2, 3, 4]).prop_shuffle(),
        again in prop::collection::vec(0usize..5, 0..4),
        logs in prop::collection::vec((0usize..16, 0usize..3), 0..4),
    ) {
        let (folder, db) = folder();
        let mut sources: Vec<_> = ["a", "b", "c"].map(|host| folder.path().join(host)).into();
        let builds: Vec<Build> = parts.iter().enumerate().map(|(n, part)| any(n, *part)).collect();
        for (n, source) in sources.iter().enumerate() {
            let mut store = Store::open_for_recording(source).unwrap();
            let own_host = ["a", "b", "c"][n];
            let of_host = builds.iter().zip(&parts).filter(|(_, part)| part.0 == n);
            let mut own: Vec<Build> = of_host.map(|(build, _)| build.clone()).collect();
            own.sort_by_key(|build| build.started_at);
            for build in &own {
                assert_eq!(store.record(build).unwrap(), Recorded::New);
            }
            for (log, host) in &logs {
                // On one host, `import` finds the recorded build.
                if *host == n && let Some(build) = builds.get(*log).filter(|b| b.host != own_host) {
                    store.record(&imported(build, own_host)).unwrap();
                }
            }
        }
        let [both, part] = ["both", "part"].map(|name| folder.path().join(name));
        merge(&both, &[&sources[0], &sources[1]]);
        let mut store = Store::open_for_recording(&part).unwrap();
        store.keep_compilations(1);
        store.merge(&sources[2]).unwrap();
        let ids: Vec<Uuid> = builds.iter().take(2).map(|build| build.id).collect();
        store.forget(&ids).unwrap();
        drop(store);
        sources.extend([both, part]);
        let paths: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
        merge(&db, &paths);
        let other = folder.path().join("other.db");
        let shuffled: Vec<&Path> = order.iter().chain(&again).map(|n| paths[*n]).collect();
        merge(&other, &shuffled);
        assert_same_reports(&db, &other);
        assert_consistent(&db);
        assert_consistent(&other);
        let of_c = Filter { until: None, ..Filter::default() };
        let count = Store::open_for_reading(&db).unwrap().builds(&of_c).unwrap().len();
        assert!(count >= builds.len());
    }
}
