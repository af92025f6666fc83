//! `sccache-collect merge`: the databases of several hosts become one, whatever the order.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rusqlite::Connection;
use sccache_report::portage::{Attribution, Build, Outcome, StablePaths};
use sccache_report::sccache::compilations::Compilation;
use sccache_report::sccache::{Level, Stats};
use sccache_report::store::{Filter, MergeResult, Recorded, Store};
use uuid::Uuid;

use crate::support::listed::{hit, listed, miss, taking};
use crate::support::logs::{LIBRSVG, Logs, librsvg};
use crate::support::merging::*;
use crate::support::recorder::crash::assert_consistent;
use crate::support::*;

#[test]
fn every_row_of_every_table_is_copied() {
    let (folder, db) = folder();
    let source = folder.path().join("source.db");
    let cold = listed(10, "app-misc/foo", &[miss("a.o", 1), miss("b.o", 2)]);
    let warm = listed(20, "app-misc/foo", &[hit("a.o", 1), miss("b.o", 3)]);
    record(&source, &[cold, warm]);
    record(&source, &sample()[1..]);
    let mut stable = build(90, "a/s", "1", "2026-11-02T10:00:00Z", c_stats(1, 1));
    let full = Stats {
        dist_compiles: [("server".to_string(), 1)].into(),
        base_directories: Some(vec!["/usr".into()]),
        levels: levels("/run/a", 1),
        ..everything_counted()
    };
    stable.phases[0].stable_paths = Some(StablePaths::InUse);
    stable.phases[0].stats = Ok(full);
    let killed = NotMeasured::with_detail(NotMeasuredReason::Other, "killed");
    let start = stable.started_at;
    stable.phases.push(phase("test", start, Err(killed)));
    record(&source, &[stable]);
    let raw = Connection::open(&source).unwrap();
    let sql = "INSERT INTO stable_path_effect SELECT min(id), 1, 2, 3, 4 FROM phase;
               INSERT INTO former_units VALUES ('app-misc/foo', 'gentoo', 'test', x'00010203', 5)";
    raw.execute_batch(sql).unwrap();
    drop(raw);
    let before = fs::read(&source).unwrap();
    assert_eq!(merge(&db, &[&source]), ["8 builds added, 0 already there"]);
    // Ids begin with 1 in both. Merges don't count phases on a shared server.
    let rows = |db| -> Vec<String> {
        let rows = dump(db).into_iter();
        rows.filter(|row| !row.contains("counter: ")).collect()
    };
    assert_eq!(rows(&db), rows(&source));
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let raw = Connection::open(&db).unwrap();
    let mut names = raw.prepare(tables).unwrap();
    for name in names.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        let sql = format!("SELECT count(*) FROM {}", name.as_ref().unwrap());
        let rows: u64 = raw.query_row(&sql, (), |row| row.get(0)).unwrap();
        assert_eq!(rows == 0, name.as_ref().unwrap() == "forgotten", "{name:?}");
    }
    for table in ["build", "phase"] {
        let mut columns = raw
            .prepare("SELECT name FROM pragma_table_info(?)")
            .unwrap();
        for column in columns
            .query_map([table], |row| row.get::<_, String>(0))
            .unwrap()
        {
            let sql = format!("SELECT count({}) FROM {table}", column.as_ref().unwrap());
            let values: u64 = raw.query_row(&sql, (), |row| row.get(0)).unwrap();
            assert!(values > 0, "{table}.{column:?} is nowhere known");
        }
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
    // Nor does the recorded build come back if its line was removed.
    let (_folder, db) = self::folder();
    merge(&db, &[&lines]);
    let mut store = Store::open_for_recording(&db).unwrap();
    store.forget(&[sample()[1].imported_id()]).unwrap();
    let skipped = ["5 builds added, 0 already there, 1 skipped: removed with `forget`"];
    assert_eq!(merge(&db, &[&source]), skipped);
    let (_folder, db) = self::folder();
    merge(&db, &[&source]);
    forget(&db);
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

/// As when a log has two attempts with equal numbers, one of which is recorded.
#[test]
fn an_import_that_a_recorded_build_replaced_stays_away() {
    let recorded = Build {
        host: "alpha".into(),
        ..build(1, "a/a", "1", "2026-11-01T10:01:00Z", c_stats(5, 3))
    };
    let attempt = Build {
        started_at: recorded.started_at - TimeDelta::minutes(1),
        ..recorded.clone()
    };
    let (folder, ab) = folder();
    let [ba, alpha, beta] = ["ba", "alpha", "beta"].map(|name| folder.path().join(name));
    record(&alpha, &[recorded.clone(), imported(&attempt, "alpha", 0)]);
    record(&beta, &[imported(&attempt, "beta", 0)]);
    merge_into(&ab, &[&alpha, &beta]);
    merge_into(&ba, &[&beta, &alpha]);
    assert_eq!(rows_of(&ba, "alpha").len(), 1);
    assert_same_content(&ab, &ba);
    assert_consistent(&ba);
    // In one transaction, the import first.
    let [first, both] = ["first", "both"].map(|name| folder.path().join(name));
    let logged = Build {
        id: id(2),
        ..attempt
    };
    record(&both, &[imported(&logged, "alpha", 0), recorded]);
    merge_into(&first, &[&both]);
    assert_same_content(&first, &ab);
    assert_consistent(&first);
}

/// More rows of each kind than one statement inserts.
#[test]
fn many_rows_are_copied_into_a_new_database_and_beside_others() {
    let with = |n: u128| {
        let misses = (0..3).map(|key| miss(&format!("{key}.o"), (4 * n + key) as u64));
        let list: Vec<_> = misses.chain([hit("hit.o", 4 * n as u64)]).collect();
        let mut build = listed(1, &format!("a/a{n}"), &list);
        build.id = Uuid::from_u128(n);
        // Of parts, also more than a transaction keeps in memory.
        let reasons = (0..40).map(|reason| (format!("reason {reason}"), 1));
        let stats = build.phases[0].stats.as_mut().unwrap();
        stats.not_cached = reasons.collect();
        stats.non_cacheable = Some(40);
        build.started_at += TimeDelta::minutes(n as i64);
        build.finished_at += TimeDelta::minutes(n as i64);
        of_host("a", &build)
    };
    let (folder, db) = folder();
    let [source, half] = ["source", "half"].map(|name| folder.path().join(name));
    let builds: Vec<Build> = (0..150).map(with).collect();
    record(&source, &builds);
    record(&half, &builds[..75]);
    assert_eq!(
        merge(&db, &[&source])[0],
        "150 builds added, 0 already there"
    );
    assert_eq!(
        merge(&half, &[&source])[0],
        "75 builds added, 75 already there"
    );
    for merged in [&db, &half] {
        assert_same_content(merged, &source);
        assert_consistent(merged);
    }
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
    let other = folder.path().join("other.db");
    merge(&other, &[&source, &before]);
    assert_same_content(&db, &other);
    assert_same_reports(&db, &other);
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
                    UPDATE build SET slot = 'migrated';";

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
    let sql = "SELECT count(*) FROM build WHERE slot = 'migrated'";
    let migrated: u64 = raw.query_row(sql, (), |row| row.get(0)).unwrap();
    assert_eq!(migrated, 6);
    assert!(fs::read(&source).unwrap() == before, "the source changed");
    // This version doesn't read newer ones.
    let old = folder.path().join("old.db");
    record(&old, &[]);
    let refused = merge_command(&old, &[&db]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("supports only up to"), "{refused:?}");
}

/// As a host recorded a build, and as another imported the host's log, whose numbers are those of the build.
#[test]
fn a_build_recorded_on_a_host_and_imported_on_another_counts_once() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    logs.added(1, 0);
    let store = Store::open_for_reading(&logs.db).unwrap();
    let imported = store.builds(&Filter::default()).unwrap().remove(0);
    let (hits, misses) = (imported.hits.unwrap(), imported.misses.unwrap());
    let start = imported.started_at + TimeDelta::seconds(30);
    let recorded = |number, start: DateTime<Utc>, misses| {
        let start = start.to_rfc3339();
        let mut build = build(
            number,
            &imported.package,
            &imported.version,
            &start,
            rust_stats(hits, misses),
        );
        build.host = "a".into();
        build
    };
    let (folder, first) = folder();
    let same = record_on(folder.path(), "a", &[recorded(1, start, misses)]);
    let [second, other] = ["second", "other"].map(|name| folder.path().join(name));
    assert_eq!(
        merge(&first, &[&logs.db, &same])[1],
        "0 builds added, 1 already there"
    );
    assert_eq!(
        merge(&second, &[&same, &logs.db])[1],
        "0 builds added, 1 already there"
    );
    for db in [&first, &second] {
        let builds = json(db, &["builds"]);
        assert_eq!((builds.len(), &builds[0]["host"]), (1, &"a".into()));
    }
    assert_same_content(&first, &second);
    // Builds with other numbers, or at another time.
    let others = [
        recorded(2, start, misses + 1),
        recorded(3, start + TimeDelta::days(3), misses),
        recorded(4, start - TimeDelta::hours(1), misses),
    ];
    record(&other, &others);
    assert_eq!(
        merge(&other, &[&logs.db]),
        ["1 build added, 0 already there"]
    );
}

/// Returns the levels of a cache with a Redis at a socket.
fn levels(socket: &str, hits: u64) -> Vec<Level> {
    let level = |name: &str, location: &str, hits| Level {
        name: name.into(),
        location: Some(location.into()),
        hits,
        misses: 1,
        writes: 2,
        write_failures: 3,
        backfills_from: 4,
        backfills_to: 5,
    };
    let redis = format!("redis, name: unix://localhost{socket}/redis.sock, prefix: /");
    vec![
        level("L0 (disk)", "Local disk: \"/cache\"", hits),
        level("L1 (redis)", &redis, hits + 1),
    ]
}

/// Returns statistics in which every counter and time is known.
fn everything_counted() -> Stats {
    let mut json = serde_json::to_value(c_stats(1, 1)).unwrap();
    for (name, value) in json.as_object_mut().unwrap() {
        if value.is_null() && name.ends_with("_seconds") {
            *value = 0.5.into();
        } else if value.is_null() {
            *value = 1.into();
        }
    }
    for (name, value) in [
        ("cache_location", "Local disk: \"/cache\"".into()),
        ("preprocessor_cache_mode", true.into()),
        ("base_directories", serde_json::Value::Null),
    ] {
        json[name] = value;
    }
    serde_json::from_value(json).unwrap()
}

#[test]
fn the_location_of_a_level_is_that_of_the_newest_build() {
    let with = |number, start, socket| {
        let stats = Stats {
            levels: levels(socket, number as u64),
            ..c_stats(1, 1)
        };
        build(number, "a/a", "1", start, stats)
    };
    let (folder, ab) = folder();
    let old = with(1, "2026-11-01T10:00:00Z", "/run/a");
    let new = with(2, "2026-11-02T10:30:00Z", "/run/b");
    let a = record_on(folder.path(), "a", &[old]);
    let b = record_on(folder.path(), "b", &[new]);
    let ba = folder.path().join("ba.db");
    merge(&ab, &[&a, &b]);
    merge(&ba, &[&b, &a]);
    assert_same_reports(&ab, &ba);
    for (args, hits, socket) in [
        (&[][..], 5, "/run/b"),
        (&["--until", "2026-11-02 11:00"], 5, "/run/b"),
        (&["--until", "2026-11-02 10:31"], 5, "/run/b"),
        (&["--since", "2026-11-02 10:15"], 3, "/run/b"),
        (&["--until", "2026-11-02 10:15"], 2, "/run/a"),
        (&["--host", "a"], 2, "/run/a"),
        (&["--outcome", "merged"], 5, "/run/b"),
    ] {
        let overview = json(&ab, args);
        let level = &overview[0]["cache_levels"][1];
        assert_eq!(level["hits"], hits, "{args:?}: {overview:?}");
        assert!(
            level["location"].as_str().unwrap().contains(socket),
            "{args:?}"
        );
    }
    // Removed builds don't count.
    let mut store = Store::open_for_recording(&ab).unwrap();
    store.forget(&[id(2)]).unwrap();
    let levels = &json(&ab, &[])[0]["cache_levels"];
    assert_eq!(
        (&levels[0]["hits"], levels.as_array().unwrap().len()),
        (&1.into(), 2)
    );
}

/// The parts of a random build: host, package, start, kind, hits, and misses.
type Parts = (usize, usize, i64, u8, u64, u64);

const HOSTS: [&str; 3] = ["a", "b", "c"];

/// The lists that are kept of a package, so that merges have to remove some.
const KEPT: usize = 2;

/// Returns a build with all that merges have to decide by content.
fn any(n: usize, (host, package, start, kind, hits, misses): Parts) -> Build {
    let package = ["a/a", "a/b", "c/c"][package];
    let stats = Stats {
        levels: if kind % 4 == 1 {
            levels(["/a", "/b", "/c"][host], hits)
        } else {
            Vec::new()
        },
        ..c_stats(hits, misses)
    };
    let mut build = build(n as u128, package, "1", "2026-11-02T00:00:00Z", stats);
    let is_shared = kind % 7 == 0;
    if kind % 2 == 0 && !is_shared {
        let misses = (0..misses).map(|key| taking(1.0 + n as f64, miss(&format!("{key}.o"), key)));
        let hits = (0..hits).map(|key| hit(&format!("{key}.o"), key + 20));
        let list: Vec<_> = misses.chain(hits).collect();
        build.phases = listed(1, package, &list).phases;
    }
    build.started_at += TimeDelta::minutes(start * 20);
    build.finished_at = build.started_at + TimeDelta::minutes(2);
    if kind % 3 == 1 {
        build
            .phases
            .push(phase("test", build.started_at, Ok(c_stats(hits, 1))));
    }
    for (n, phase) in build.phases.iter_mut().enumerate() {
        phase.started_at = build.started_at + TimeDelta::minutes(n as i64);
        phase.finished_at = phase.started_at + TimeDelta::seconds(50);
    }
    build.host = HOSTS[host].into();
    build.outcome = [Outcome::Merged, Outcome::Failed, Outcome::Packaged][usize::from(kind % 3)];
    if kind % 5 == 0 {
        let command = format!("emerge {host}");
        build.emerge = Some(emerge(10 + host as u128, &command, "2026-11-01T00:00:00Z"));
    }
    if is_shared {
        build.phases[0].attribution = Attribution::Shared;
    }
    build
}

/// Returns the build as another host imports it from a log: with one id on all hosts, and in one way or another.
fn imported(build: &Build, host: &str, kind: i64) -> Build {
    Build {
        is_imported: true,
        host: host.into(),
        id: build.imported_id(),
        emerge: None,
        finished_at: build.finished_at + TimeDelta::seconds(kind),
        ..build.without_compilations()
    }
}

/// Opens a database for recording that keeps few lists.
fn open(path: &Path) -> Store {
    let mut store = Store::open_for_recording(path).unwrap();
    store.keep_compilations(KEPT);
    store
}

fn merge_into(path: &Path, sources: &[&Path]) {
    let mut store = open(path);
    for source in sources {
        let result = store.merge(source).unwrap();
        assert_eq!(result.problem, None);
    }
}

/// Records the builds of each host, some of which another host has imported, and returns the databases. One is
/// an older copy of another, one has the builds of two from an earlier merge, and one lacks builds and lists.
fn databases(folder: &Path, builds: &[Build], logs: &[(usize, usize, i64)]) -> Vec<PathBuf> {
    let mut databases: Vec<PathBuf> = HOSTS.map(|host| folder.join(host)).into();
    let [old, both, part] = ["old", "both", "part"].map(|name| folder.join(name));
    for (n, path) in databases.iter().enumerate() {
        let mut store = open(path);
        let mut own: Vec<&Build> = builds
            .iter()
            .filter(|build| build.host == HOSTS[n])
            .collect();
        own.sort_by_key(|build| build.started_at);
        for (count, build) in own.iter().enumerate() {
            if n == 0 && count == own.len() / 2 {
                merge_into(&old, &[path]);
            }
            assert_eq!(store.record(build).unwrap(), Recorded::New);
        }
        for (log, host, kind) in logs {
            // On one host, `import` finds the recorded build.
            let build = builds.get(*log).filter(|build| build.host != HOSTS[n]);
            if *host == n
                && let Some(build) = build
            {
                store.record(&imported(build, HOSTS[n], *kind)).unwrap();
            }
        }
    }
    merge_into(&both, &[&databases[0], &databases[1]]);
    let mut store = Store::open_for_recording(&part).unwrap();
    store.keep_compilations(1);
    store.merge(&databases[2]).unwrap();
    let ids: Vec<Uuid> = builds.iter().take(2).map(|build| build.id).collect();
    store.forget(&ids).unwrap();
    let more = [old, both, part];
    databases.extend(more.into_iter().filter(|path| path.exists()));
    databases
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_order_of_merges_gives_the_same_reports(
        parts in prop::collection::vec(
            (0usize..3, 0usize..3, 0i64..12, 0u8..30, 0u64..9, 0u64..9), 1..24),
        order in Just(vec![0usize, 1, 2, 3, 4, 5]).prop_shuffle(),
        again in prop::collection::vec(0usize..6, 0..4),
        logs in prop::collection::vec((0usize..24, 0usize..3, 0i64..3), 0..6),
    ) {
        let (folder, db) = folder();
        let builds: Vec<Build> = parts.iter().enumerate().map(|(n, part)| any(n, *part)).collect();
        let databases = databases(folder.path(), &builds, &logs);
        let paths: Vec<&Path> = databases.iter().map(PathBuf::as_path).collect();
        merge_into(&db, &paths);
        let other = folder.path().join("other.db");
        let shuffled: Vec<&Path> = order.iter().chain(&again).filter_map(|n| paths.get(*n).copied()).collect();
        merge_into(&other, &shuffled);
        assert_same_content(&db, &other);
        assert_same_reports(&db, &other);
        assert_consistent(&db);
        assert_consistent(&other);
        let before = fs::read(&other).unwrap();
        merge_into(&other, &shuffled);
        assert!(fs::read(&other).unwrap() == before, "nothing was new");
        let recorded = Store::open_for_reading(&db).unwrap().builds(&Filter::default()).unwrap();
        assert!(recorded.len() >= builds.len());
    }
}
