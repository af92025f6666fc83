//! How much is read: no more than a report needs, whatever lies beside it. Counted, not timed.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, OsString, c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::ptr::null_mut;

use crate::generated::generate::{self, Machine};
use crate::support::*;
use chrono::TimeDelta;
use rusqlite::ffi;
use sccache_report::portage::Build;
use sccache_report::sccache::{Level, Stats};
use sccache_report::store::{Filter, Store};

thread_local! {
    /// Statements that this thread ran.
    static STATEMENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// Steps of SQLite's virtual machine in this thread, in hundreds.
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Returns the statements that `run` ran in this thread, and their steps, in hundreds.
fn counted(run: impl FnOnce()) -> (Vec<String>, u64) {
    // SAFETY: it is called with what its type says.
    unsafe { ffi::sqlite3_auto_extension(Some(count)) };
    STATEMENTS.take();
    STEPS.set(0);
    run();
    (STATEMENTS.take(), STEPS.get())
}

unsafe extern "C" fn count(
    connection: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _functions: *const ffi::sqlite3_api_routines,
) -> c_int {
    let events = ffi::SQLITE_TRACE_STMT as c_uint;
    // SAFETY: SQLite hands over an open connection, and neither needs a context.
    unsafe {
        ffi::sqlite3_progress_handler(connection, 100, Some(step), null_mut());
        ffi::sqlite3_trace_v2(connection, events, Some(statement), null_mut())
    }
}

unsafe extern "C" fn step(_context: *mut c_void) -> c_int {
    STEPS.set(STEPS.get() + 1);
    0
}

unsafe extern "C" fn statement(
    _event: c_uint,
    _context: *mut c_void,
    statement: *mut c_void,
    _text: *mut c_void,
) -> c_int {
    // SAFETY: of this event, SQLite hands over a statement.
    let text = unsafe { CStr::from_ptr(ffi::sqlite3_sql(statement.cast())) };
    let text = text.to_string_lossy().into_owned();
    STATEMENTS.with_borrow_mut(|statements| statements.push(text));
    0
}

#[test]
fn show_reads_phases_for_the_breakdown_and_reasons_also_for_evidence_and_verdicts() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let show = ["show", "emlop", "--format", "csv"].map(OsString::from);
    let args = [
        &["sccache-report".into(), "--db".into(), db.into()],
        &show[..],
    ];
    let (statements, _) = counted(|| {
        sccache_report::report::main(args.concat());
    });
    for (table, reads) in [("phase_language", 1), ("not_cached", 2), ("miss_reason", 6)] {
        let found = statements.iter().filter(|sql| sql.contains(table));
        assert_eq!(found.count(), reads, "{table}: {statements:#?}");
    }
}

#[test]
fn evidence_is_summed_over_the_phases_of_a_build() {
    let (_folder, db) = folder();
    let start = at("2026-11-01T10:00:00Z");
    let mut first = build(1, "a/b", "1", "2026-11-01T09:00:00Z", rust_stats(0, 2));
    first.slot = Some("0".into());
    let stats = Stats {
        read_errors: Some(2),
        write_errors: Some(1),
        writes: Some(3),
        forced_recaches: Some(4),
        non_cacheable_compilations: Some(1),
        not_cached: std::iter::once(("-E".to_string(), 5)).collect(),
        ..rust_stats(6, 7)
    };
    let mut second = build(2, "a/b", "2", "2026-11-01T10:00:00Z", stats.clone());
    second.slot = Some("0".into());
    let mut read_only = phase("test", start, Ok(stats.clone()));
    read_only.read_only = true;
    let distributed = Stats {
        dist_compiles: std::iter::once(("server".to_string(), 1)).collect(),
        cache_size: Some(5),
        max_cache_size: Some(10),
        ..stats
    };
    second.phases.push(read_only);
    second.phases.push(phase("install", start, Ok(distributed)));
    let killed = Err(NotMeasuredReason::ServerKilled.into());
    second.phases.push(phase("preinst", start, killed));
    record(&db, &[first, second]);
    let store = Store::open_for_reading(&db).unwrap();
    let evidence = store.evidence(&Filter::default()).unwrap();
    let [_, build] = evidence.as_slice() else {
        panic!("{evidence:?}")
    };
    assert_eq!((build.hits, build.misses), (Some(18), Some(21)));
    assert_eq!((build.read_errors, build.writes), (Some(6), Some(9)));
    assert_eq!(
        build.write_errors,
        Some(2),
        "not those of the read-only phase"
    );
    assert_eq!(build.storable_misses, 21 - 3 - 7, "no read-only misses");
    assert_eq!(
        build.forced_misses, 8,
        "not those of distributed compilations"
    );
    assert_eq!(build.not_cached["-E"], 15);
    assert_eq!(build.not_measured, [NotMeasuredReason::ServerKilled]);
    let cache = build.cache.as_ref().unwrap();
    assert_eq!((cache.size, cache.max_size), (5, 10), "the last phase's");
}

/// Runs something on a database with 1,000 builds at these distances, and with 3,000. Returns the steps of both.
/// The builds are those of two hosts with a multi-level cache.
fn steps_with_few_and_many(distance: TimeDelta, run: impl Fn(&Path)) -> [u64; 2] {
    let (_folder, db) = folder();
    let start = at("2026-11-01T10:00:00Z");
    let build = |n: i32| {
        let at = (start + distance * n).to_rfc3339();
        let level = |name: &str| Level {
            name: name.into(),
            location: Some(name.into()),
            hits: 1,
            ..Level::default()
        };
        let stats = Stats {
            levels: vec![level("L0 (disk)"), level("L1 (redis)")],
            ..rust_stats(2, 0)
        };
        Build {
            host: ["a", "b"][n as usize % 2].into(),
            ..build(n as u128, "a/b", "1", &at, stats)
        }
    };
    let mut store = Store::open_for_recording(&db).unwrap();
    [0..1000, 1000..3000].map(|numbers| {
        let builds: Vec<Build> = numbers.map(build).collect();
        store.record_all(&builds).unwrap();
        counted(|| run(&db)).1
    })
}

/// The newest builds of a package, and the newest of all packages, whatever there is before them.
#[test]
fn a_verdict_reads_a_limited_number_of_builds() {
    let [few, many] = steps_with_few_and_many(TimeDelta::minutes(1), |db| {
        let store = Store::open_for_reading(db).unwrap();
        let verdicts = store.verdicts(&["a/b"]).unwrap();
        assert_eq!(verdicts["a/b"].builds, 50);
    });
    assert!(many < few + few / 10, "{few} and {many}");
}

/// Sums, and the newest builds: so the metrics of 1 M builds take no longer than those of a few thousand.
#[test]
fn metrics_read_a_limited_number_of_builds() {
    let [few, many] = steps_with_few_and_many(TimeDelta::seconds(1), |db| {
        let args = ["sccache-report", "metrics", "--by", "package", "--db"].map(OsString::from);
        let paths = [db.into(), "-o".into(), db.with_extension("prom").into()];
        sccache_report::report::main([&args[..], &paths[..]].concat());
    });
    assert!(few > 0 && many < few + few / 10, "{few} and {many}");
}

/// Sums per hour, and the newest build: so whole years take no longer than the builds of an hour.
#[test]
fn hosts_and_levels_of_a_long_period_read_a_limited_number_of_builds() {
    for hosts in [Vec::new(), vec!["b".to_string()]] {
        let [few, many] = steps_with_few_and_many(TimeDelta::seconds(1), |db| {
            let store = Store::open_for_reading(db).unwrap();
            let filter = Filter {
                since: Some(at("2016-01-01T00:00:00Z")),
                hosts: hosts.clone(),
                ..Filter::default()
            };
            let rows = store.hosts(&filter).unwrap();
            let builds: u64 = rows.iter().map(|row| row.sums.builds).sum();
            let levels = store.cache_levels(&filter).unwrap();
            assert_eq!(levels[0].hits, builds);
            assert_eq!(levels[1].location.as_deref(), Some("L1 (redis)"));
            let hours = store.hours(&filter).unwrap().unwrap();
            assert_eq!(hours[0].sums.builds, builds);
        });
        assert!(few > 0 && many <= few + few / 10, "{few} and {many}");
    }
}

#[test]
fn the_newest_build_is_found_without_the_others() {
    let [few, many] = steps_with_few_and_many(TimeDelta::seconds(1), |db| {
        let store = Store::open_for_reading(db).unwrap();
        assert!(store.newest(&Filter::default()).unwrap().is_some());
    });
    assert!(many <= few + 1, "{few} and {many}");
}

/// Returns the steps of a report on all builds of a machine.
fn steps_of_report(builds: usize, report: &str) -> u64 {
    let (_folder, db) = folder();
    let machine = Machine {
        packages: 10,
        days: 300,
        size: 3,
        listed: 50,
    };
    generate::database(machine, builds, &db, &mut std::io::sink()).unwrap();
    let page = db.with_extension("html");
    let mut args = ["sccache-report", report, "--since", "2000", "--db"]
        .map(OsString::from)
        .to_vec();
    args.push(db.clone().into());
    if report == "html" {
        args.extend(["-o".into(), page.clone().into()]);
    }
    let (_, steps) = counted(|| {
        sccache_report::report::main(args);
    });
    assert_eq!(page.exists(), report == "html");
    steps
}

/// Without a search through all builds of the host for each build, which SQLite prefers to those of the package.
#[test]
fn the_page_of_many_builds_reads_each_as_often_as_that_of_few() {
    let [few, many] = [400, 1600].map(|builds| steps_of_report(builds, "html"));
    assert!(many < 5 * few, "{few} and {many}");
    let overview = steps_of_report(1600, "overview");
    assert!(
        many < 2 * overview,
        "{many}, and {overview} of the overview of the same builds"
    );
}
