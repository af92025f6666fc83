//! What compilations cost, why they missed, and for how long that is kept. Unit tests cover the rules.

use std::path::Path;
use std::time::Duration;

use crate::support::listed::*;
use crate::support::recorder::record_command;
use crate::support::*;
use chrono::TimeDelta;
use rusqlite::Connection;
use rusqlite::types::FromSql;
use sccache_report::portage::{Build, write_snapshot};
use sccache_report::sccache::compilations::{
    Compilation, CompilationList, CompilationResult, Compilations, DirectoryInKey, Language,
    MissReason, ObjectKey,
};
use sccache_report::store::{BuildRow, Filter, Store};

const OTHER: u64 = 2;

/// Records builds into a new database, and returns the columns of each.
fn recorded(builds: &[Build]) -> Vec<BuildRow> {
    let (_folder, path) = folder();
    record(&path, builds);
    rows(&path)
}

fn rows(path: &Path) -> Vec<BuildRow> {
    let store = Store::open_for_reading(path).unwrap();
    assert_sums_match(&store);
    store.builds(&Filter::default()).unwrap()
}

fn seconds(time: Option<TimeDelta>) -> Option<f64> {
    time.map(TimeDelta::as_seconds_f64)
}

fn select<T: FromSql>(path: &Path, sql: &str) -> Vec<T> {
    let database = Connection::open(path).unwrap();
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Returns the reasons of the newest build, as `count reason`.
fn newest_reasons(path: &Path) -> Vec<String> {
    newest_reasons_of(path, "*")
}

fn newest_reasons_of(path: &Path, package: &str) -> Vec<String> {
    let sql = format!(
        "SELECT misses || ' ' || reason FROM miss_reason WHERE phase_id = \
         (SELECT phase.id FROM phase JOIN build ON build.id = build_id WHERE package GLOB '{package}' \
          ORDER BY phase.started_at_us DESC LIMIT 1) ORDER BY reason",
    );
    select(path, &sql)
}

/// Records builds into a new database, and returns the reasons of the newest.
fn reasons(builds: &[Build]) -> Vec<String> {
    let (_folder, path) = folder();
    record(&path, builds);
    newest_reasons(&path)
}

fn crate_miss(metadata: u64, key: u64) -> Compilation {
    Compilation {
        metadata: Some(metadata),
        language: Some(Language::Rust),
        directory_in_key: DirectoryInKey::Always,
        ..miss("serde", key)
    }
}

fn ended(result: CompilationResult, compilation: Compilation) -> Compilation {
    Compilation {
        result,
        is_stored: false,
        ..compilation
    }
}

#[test]
fn hits_are_worth_what_their_objects_cost() {
    let rows = recorded(&[
        listed(
            1,
            "a/b",
            &[taking(4.0, miss("a.o", 1)), taking(8.0, miss("b.o", 2))],
        ),
        listed(2, "a/b", &[hit("a.o", 1), taking(2.0, miss("b.o", 3))]),
    ]);
    let (cold, warm) = (&rows[0], &rows[1]);
    assert_eq!(seconds(cold.time_saved), Some(-0.2 - 0.375));
    assert_eq!(seconds(cold.processor_time), Some(1.0 + 12.2 + 0.25));
    assert_eq!(seconds(cold.hit_cost), Some(0.0));
    assert_eq!(seconds(cold.miss_cost), Some(12.0));
    // Without hits, nothing is estimated.
    assert_eq!(cold.exact_share(), Some(1.0));
    assert_eq!(cold.evicted_misses, Some(0));
    assert_eq!(seconds(warm.time_saved), Some(4.0 - 0.2 - 0.375));
    assert_eq!(seconds(warm.hit_cost), Some(4.0));
    assert_eq!(seconds(warm.miss_cost), Some(2.0));
    assert_eq!(warm.exact_share(), Some(1.0));
    assert_eq!(warm.hit_rate_by_cost(), Some(4.0 / 6.0));
}

#[test]
fn on_busy_cores_a_compilation_costs_less_than_its_time() {
    let mut cold = listed(1, "a/b", &[taking(3.9, miss("a.o", 1))]);
    cold.phases[0].stats.as_mut().unwrap().processor_seconds = Some(1.0);
    let (_folder, path) = folder();
    record(&path, &[cold, listed(2, "a/b", &[hit("a.o", 1)])]);
    let rows = rows(&path);
    assert_eq!(seconds(rows[0].miss_cost), Some(0.975));
    assert_eq!(seconds(rows[1].hit_cost), Some(0.975));
    let lists: Vec<Vec<u8>> = select(&path, "SELECT compilations FROM compilation_list");
    let stored = CompilationList::from_bytes(lists[0].clone())
        .decode()
        .unwrap();
    let [compilation] = &stored.list[..] else {
        panic!("{stored:?}")
    };
    assert_eq!(compilation.lookup, Some(Duration::from_millis(25)));
    assert_eq!(compilation.compile, Some(Duration::from_millis(975)));
    assert_eq!(compilation.miss_reason, Some(MissReason::First));
}

#[test]
fn a_hit_from_another_package_knows_its_worth() {
    let rows = recorded(&[
        listed(1, "a/b", &[taking(4.0, miss("a.o", 1))]),
        listed(2, "a/other", &[hit("a.o", 1)]),
    ]);
    assert_eq!(seconds(rows[1].hit_cost), Some(4.0));
    assert_eq!(rows[1].exact_share(), Some(1.0));
}

#[test]
fn without_its_object_a_hit_is_worth_its_unit_or_the_average() {
    let cold = [taking(4.0, miss("a.o", 1)), taking(2.0, miss("b.o", 2))];
    let warm = [hit("a.o", 1), hit("b.o", 98), hit("new.o", 99)];
    let rows = recorded(&[listed(1, "a/b", &cold), listed(2, "a/b", &warm)]);
    assert_eq!(seconds(rows[1].hit_cost), Some(4.0 + 2.0 + 3.0));
    assert_eq!(seconds(rows[1].exact_cost), Some(4.0));
    // Nothing is known about this package.
    let rows = recorded(&[listed(1, "a/b", &warm)]);
    assert_eq!((rows[0].time_saved, rows[0].hit_cost), (None, None));
    assert_eq!((rows[0].miss_cost, rows[0].evicted_misses), (None, None));
}

#[test]
fn an_object_of_the_same_build_counts() {
    let rows = recorded(&[listed(
        1,
        "a/b",
        &[hit("a.o", 1), taking(4.0, miss("a.o", 1))],
    )]);
    assert_eq!(seconds(rows[0].hit_cost), Some(4.0));
    assert_eq!(rows[0].exact_share(), Some(1.0));
}

#[test]
fn without_compilations_costs_are_unknown() {
    let mut partly = listed(2, "a/b", &[hit("a.o", 1)]);
    let mut unlisted = partly.phases[0].clone();
    (unlisted.name, unlisted.compilations) = ("test".into(), None);
    partly.phases.push(unlisted);
    let mut damaged = listed(3, "a/b", &[hit("a.o", 1)]);
    damaged.phases[0].compilations = Some(CompilationList::from_bytes(vec![1, 2, 3]));
    let rows = recorded(&[listed(1, "a/b", &[miss("a.o", 1)]), partly, damaged]);
    // One compilation of 1.1 s of processor time is known.
    assert_eq!(seconds(rows[1].time_saved), Some(1.0 - 0.1 - 0.375 + 0.9));
    assert_eq!(seconds(rows[2].time_saved), Some(0.9));
    for row in &rows[1..] {
        assert_eq!((row.hit_cost, row.miss_cost), (None, None));
        assert_eq!((row.exact_cost, row.evicted_misses), (None, None));
    }
    // The time of the phase's shell is in each phase.
    assert_eq!(seconds(rows[1].processor_time), Some(2.0 + 0.2 + 0.5));
}

/// Otherwise, its estimate would count as exact.
#[test]
fn a_build_without_compilations_is_not_metered() {
    let mut unlisted = listed(2, "a/b", &[hit("a.o", 1)]);
    unlisted.phases[0].compilations = None;
    let (_folder, path) = folder();
    record(&path, &[listed(1, "a/b", &[miss("a.o", 1)]), unlisted]);
    let builds = rows(&path);
    assert!(builds[1].processor_time.is_some() && builds[1].time_saved.is_some());
    let store = Store::open_for_reading(&path).unwrap();
    let sums = &store.packages(&Filter::default()).unwrap()[0].sums;
    assert_eq!(sums.metered_time_saved, builds[0].time_saved);
    assert_eq!(sums.processor_time, builds[0].processor_time);
}

#[test]
fn a_phase_without_compilations_costs_nothing() {
    let mut idle = listed(1, "a/b", &[]);
    idle.phases[0].compilations = None;
    let rows = recorded(&[idle, listed(2, "a/b", &[miss("a.o", 1)])]);
    assert_eq!(seconds(rows[0].hit_cost), Some(0.0));
    assert_eq!(rows[0].evicted_misses, Some(0));
    assert_eq!(reasons(&[listed(2, "a/b", &[miss("a.o", 1)])]), ["1 first"]);
}

#[test]
fn each_cause_has_its_reason() {
    let cold = || listed(1, "a/b", &[miss("a.o", 1), crate_miss(7, 2)]);
    let after = |list: &[Compilation]| reasons(&[cold(), listed(2, "a/b", list)]);
    assert_eq!(reasons(&[cold()]), ["2 first"]);
    assert_eq!(after(&[hit("a.o", 1)]), [""; 0]);
    assert_eq!(after(&[miss("new.o", 9)]), ["1 first"]);
    assert_eq!(after(&[miss("a.o", 1), crate_miss(7, 2)]), ["2 evicted"]);
    assert_eq!(after(&[miss("a.o", 9), crate_miss(8, 9)]), ["2 changed"]);
    let other_flags = Compilation {
        flags: Some(2),
        ..miss("a.o", 9)
    };
    assert_eq!(after(&[other_flags]), ["1 flags"]);
    let forced = ended(CompilationResult::Forced, miss("a.o", 1));
    assert_eq!(after(&[forced]), ["1 forced"]);
    let broken = ended(CompilationResult::ReadError, miss("a.o", 1));
    assert_eq!(after(&[broken]), ["1 unknown"]);
    let moved = listed_in(OTHER, 2, "a/b", &[crate_miss(7, 9)]);
    assert_eq!(reasons(&[cold(), moved]), ["1 path"]);
}

#[test]
fn evicted_is_what_this_cache_had() {
    let (_folder, path) = folder();
    let cold = listed(1, "a/b", &[miss("a.o", 1)]);
    let evicted = listed(2, "a/b", &[miss("a.o", 1)]);
    record(&path, &[cold, evicted]);
    assert_eq!(rows(&path)[1].evicted_misses, Some(1));
    // Another cache never had it.
    let mut moved = listed(3, "a/b", &[miss("a.o", 1)]);
    let stats = moved.phases[0].stats.as_mut().unwrap();
    stats.cache_location = Some("S3".into());
    record(&path, &[moved]);
    assert_eq!(newest_reasons(&path), ["1 unknown"]);
    let mut host = listed(4, "a/b", &[miss("a.o", 1)]);
    host.host = "other".into();
    // Another host's builds are no measure.
    record(&path, &[host]);
    assert_eq!(newest_reasons(&path), ["1 first"]);
    // What was hit there was there.
    record(
        &path,
        &[
            listed(5, "a/b", &[hit("a.o", 1)]),
            listed(6, "a/b", &[miss("a.o", 1)]),
        ],
    );
    assert_eq!(newest_reasons(&path), ["1 evicted"]);
}

#[test]
fn an_object_that_another_build_compiled_meanwhile_is_not_evicted() {
    let configure = |package: &str, compilation: fn(&str, u64) -> Compilation| {
        let mut build = listed(2, package, &[compilation("conftest.o", 1)]);
        build.phases[0].name = "configure".into();
        build
    };
    let first = listed(1, "a/b", &[miss("conftest.o", 2)]);
    let recorded_first = configure("a/other", hit);
    let (_folder, path) = folder();
    record(&path, &[first, recorded_first, configure("a/b", miss)]);
    assert_eq!(newest_reasons_of(&path, "a/b"), ["1 first"]);
    // It was there after that.
    record(&path, &[listed(3, "a/b", &[miss("conftest.o", 1)])]);
    assert_eq!(newest_reasons(&path), ["1 evicted"]);
}

#[test]
fn an_object_that_another_package_stored_can_be_evicted() {
    let builds = [
        listed(1, "a/b", &[miss("a.o", 1)]),
        listed(2, "a/other", &[miss("a.o", 1)]),
    ];
    assert_eq!(reasons(&builds), ["1 evicted"]);
}

#[test]
fn what_was_compiled_and_not_stored_has_no_certain_reason() {
    let never_stored = [
        Compilation {
            is_stored: false,
            ..miss("a.o", 1)
        },
        ended(CompilationResult::NotCached, miss("b.o", 2)),
        ended(CompilationResult::CompileFailed, miss("c.o", 3)),
    ];
    let now = [miss("a.o", 1), miss("b.o", 2), miss("c.o", 3)];
    let builds = [listed(1, "a/b", &never_stored), listed(2, "a/b", &now)];
    assert_eq!(reasons(&builds), ["3 unknown"]);
}

#[test]
fn an_object_compiled_twice_in_a_build_is_not_evicted() {
    let mut twice = listed(1, "a/b", &[miss("a.o", 1), miss("a.o", 1)]);
    let mut test = twice.phases[0].clone();
    (test.name, test.started_at) = ("test".into(), test.started_at + TimeDelta::minutes(1));
    twice.phases.push(test);
    let (_folder, path) = folder();
    record(&path, &[twice]);
    assert_eq!(newest_reasons(&path), ["2 first"]);
    assert_eq!(rows(&path)[0].evicted_misses, Some(0));
}

#[test]
fn after_a_build_of_unknown_units_none_is_first() {
    let unlisted = || {
        let mut build = listed(1, "a/b", &[miss("a.o", 1)]);
        build.phases[0].compilations = None;
        build
    };
    let now = || listed(2, "a/b", &[miss("new.o", 2)]);
    assert_eq!(reasons(&[unlisted(), now()]), ["1 unknown"]);
    let mut not_measured = unlisted();
    not_measured.phases[0].stats = Err(NotMeasuredReason::NoAnswer.into());
    assert_eq!(reasons(&[not_measured, now()]), ["1 unknown"]);
    // Another phase of that build doesn't matter, nor one of long ago.
    let mut configure = unlisted();
    configure.phases[0].name = "configure".into();
    assert_eq!(reasons(&[configure.clone(), now()]), ["1 first"]);
    let mut imported = configure.clone();
    (imported.phases[0].name, imported.is_imported) = ("build".into(), true);
    assert_eq!(reasons(&[imported, now()]), ["1 unknown"]);
    let mut old = unlisted();
    old.started_at -= TimeDelta::days(366);
    assert_eq!(reasons(&[old, now()]), ["1 first"]);
}

/// Returns the days of the builds whose compilations are kept.
fn kept_days(path: &Path) -> Vec<String> {
    select(
        path,
        "SELECT strftime('%d', started_at_us / 1000000, 'unixepoch') FROM compilation_list ORDER BY 1",
    )
}

#[test]
fn the_compilations_of_the_newest_builds_are_kept() {
    let (_folder, path) = folder();
    let build = |day| listed(day, "a/b", &[miss("a.o", u64::from(day))]);
    record(&path, &[listed(1, "a/other", &[miss("a.o", 50)]), build(1)]);
    // A build that is recorded late isn't among the newest.
    record(&path, &[3, 4, 5, 6, 7, 2].map(build));
    assert_eq!(kept_days(&path), ["01", "03", "04", "05", "06", "07"]);
    let misses: Vec<i64> = select(&path, "SELECT sum(misses) FROM miss_reason");
    assert_eq!(misses, [8]);
    let mut store = Store::open_for_recording(&path).unwrap();
    store.keep_compilations(2);
    store.record(&build(8)).unwrap();
    assert_eq!(kept_days(&path), ["01", "07", "08"]);
    store.keep_compilations(0);
    store.record(&build(9)).unwrap();
    assert_eq!(newest_reasons(&path), ["1 changed"]);
    store.record(&build(10)).unwrap();
    assert_eq!(newest_reasons(&path), ["1 unknown"]);
    assert_eq!(kept_days(&path), ["01"]);
}

#[test]
fn a_unit_is_first_only_if_no_build_had_it() {
    let (_folder, path) = folder();
    record(
        &path,
        &[listed(1, "a/b", &[miss("a.o", 1), miss("optional.o", 2)])],
    );
    let without: Vec<Build> = (2..9)
        .map(|day| listed(day, "a/b", &[hit("a.o", 1)]))
        .collect();
    record(&path, &without);
    record(
        &path,
        &[listed(9, "a/b", &[miss("optional.o", 3), miss("new.o", 4)])],
    );
    assert_eq!(newest_reasons(&path), ["1 first", "1 unknown"]);
}

#[test]
fn a_damaged_list_is_an_unknown_one() {
    let (_folder, path) = folder();
    record(
        &path,
        &[
            listed(1, "a/b", &[miss("a.o", 1)]),
            listed(2, "a/b", &[hit("a.o", 1)]),
        ],
    );
    let damage = "UPDATE compilation_list SET compilations = x'0102'";
    Connection::open(&path)
        .unwrap()
        .execute_batch(damage)
        .unwrap();
    let now = [miss("a.o", 1), miss("b.o", 2), miss("c.o", 3)];
    record(&path, &[listed(3, "a/b", &now)]);
    assert_eq!(newest_reasons(&path), ["1 evicted", "2 unknown"]);
    // Also after it is removed.
    let builds: Vec<Build> = (4..10)
        .map(|day| listed(day, "a/b", &[hit("a.o", 1)]))
        .collect();
    record(&path, &builds);
    record(&path, &[listed(10, "a/b", &[miss("d.o", 4)])]);
    assert_eq!(newest_reasons(&path), ["1 unknown"]);
}

#[test]
fn forget_removes_compilations_and_keeps_objects() {
    let (_folder, path) = folder();
    let cold = listed(1, "a/b", &[taking(4.0, miss("a.o", 1))]);
    let warm = listed(2, "a/b", &[hit("a.o", 1)]);
    record(&path, &[cold.clone(), warm.clone()]);
    let saved = rows(&path)[1].time_saved;
    let mut store = Store::open_for_recording(&path).unwrap();
    store.forget(&[cold.id]).unwrap();
    let row = &rows(&path)[0];
    assert_eq!((row.id, row.time_saved), (warm.id, saved));
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        select::<i64>(&path, &sql)[0]
    };
    assert_eq!((count("compilation_list"), count("miss_reason")), (1, 0));
    store.forget(&[warm.id]).unwrap();
    assert_eq!((count("compilation_list"), count("former_units")), (0, 0));
    assert_eq!(count("object"), 1);
    store
        .record(&listed(3, "a/b", &[hit("a.o", 1), miss("b.o", 2)]))
        .unwrap();
    assert_eq!(seconds(rows(&path)[0].hit_cost), Some(4.0));
    assert_eq!(newest_reasons(&path), ["1 first"]);
}

#[test]
fn objects_are_forgotten_a_year_after_their_last_use() {
    let (_folder, path) = folder();
    // One object in each of the slices that a record sweeps.
    let all = |make: fn(&str, u64) -> Compilation| -> Vec<Compilation> {
        (0..256).map(|n| make("a.o", n << 56)).collect()
    };
    let cold = listed(1, "a/b", &all(miss));
    let mut used = listed(2, "a/b", &all(hit)[..128]);
    used.finished_at += TimeDelta::days(200);
    record(&path, &[cold, used]);
    let mut late = listed(3, "a/b", &[hit("a.o", 1)]);
    late.finished_at += TimeDelta::days(400);
    let objects =
        |sql: &str| select::<i64>(&path, &format!("SELECT count(*) FROM object {sql}"))[0];
    assert_eq!(objects(""), 256);
    for id in 0_u8..=255 {
        let mut build = late.clone();
        build.id = uuid::Uuid::from_bytes([id; 16]);
        record(&path, &[build]);
    }
    assert_eq!(objects("WHERE key >= 0"), 128 + 1);
    assert_eq!(objects("WHERE key < 0"), 0);
}

#[test]
fn absurd_times_are_unknown() {
    let list = |result| -> Vec<Compilation> {
        let long = taking(400_000.0, miss("a.o", 1));
        vec![ended(result, long); 100]
    };
    let mut cold = listed(1, "a/b", &list(CompilationResult::Miss));
    cold.phases[0].shell_seconds = Some(1e9);
    let rows = recorded(&[cold, listed(2, "a/b", &list(CompilationResult::Hit))]);
    let (cold, warm) = (&rows[0], &rows[1]);
    assert_eq!((cold.miss_cost, cold.processor_time), (None, None));
    assert_eq!((warm.hit_cost, warm.time_saved), (None, None));
}

#[test]
fn every_key_is_stored() {
    let (_folder, path) = folder();
    let keys = [0, 1, i64::MAX as u64, 1 << 63, u64::MAX];
    let list: Vec<_> = keys.iter().map(|key| miss("a.o", *key)).collect();
    record(&path, &[listed(1, "a/b", &list), listed(2, "a/b", &list)]);
    assert_eq!(newest_reasons(&path), ["5 evicted"]);
    let lists: Vec<Vec<u8>> = select(&path, "SELECT compilations FROM compilation_list");
    let list: Compilations = CompilationList::from_bytes(lists[0].clone())
        .decode()
        .unwrap();
    let stored: Vec<_> = list
        .list
        .iter()
        .map(|compilation| compilation.key)
        .collect();
    assert_eq!(stored, keys.map(|key| Some(ObjectKey(key))));
}

#[test]
fn sccache_report_keep_says_how_many_builds_are_kept() {
    let (folder, path) = folder();
    let record_with = |keep: &str, day: u32| {
        let t = folder.path().join(format!("t{day}"));
        std::fs::create_dir(&t).unwrap();
        let build = listed(day, "dev-test/thing", &[miss("a.o", 1)]);
        write_snapshot(build.id, &t, &build.phases[0]).unwrap();
        let mut command = record_command(&path, &t);
        let output = command.env("SCCACHE_REPORT_KEEP", keep).output().unwrap();
        assert!(output.status.success());
        err(&output)
    };
    for day in 1..4 {
        assert_eq!(record_with("2", day), "");
    }
    assert_eq!(kept_days(&path), ["02", "03"]);
    let warning = record_with("many", 4);
    assert!(
        warning.starts_with("warning: SCCACHE_REPORT_KEEP is `many`"),
        "{warning}"
    );
    assert_eq!(warning.lines().count(), 1);
    assert_eq!(kept_days(&path), ["02", "03", "04"]);
}
