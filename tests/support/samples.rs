//! Sample builds, and databases that hold them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use sccache_report::portage::{Attribution, Build, Emerge, Outcome, Phase};
use sccache_report::sccache::{Counts, Stats};
pub use sccache_report::sccache::{NotMeasured, NotMeasuredReason};
use sccache_report::store::{Filter, Recorded, Store, Sums};
use uuid::Uuid;

pub fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(0xb000_0000_0000_4000_8000_0000_0000_0000 + (number << 96))
}

pub fn counts(language: &str, compiler: &str, total: u64) -> Counts {
    Counts {
        total,
        languages: BTreeMap::from([(language.to_string(), total)]),
        compilers: BTreeMap::from([(compiler.to_string(), total)]),
    }
}

/// Returns the statistics of a Rust phase as of sccache 0.16.
pub fn rust_stats(hits: u64, misses: u64) -> Stats {
    Stats {
        requests: Some(hits + misses + 25),
        executed: Some(hits + misses + 3),
        unsupported_compiler: Some(0),
        non_compilation: Some(2),
        non_cacheable: Some(20),
        hits: counts("Rust", "rust", hits),
        misses: counts("Rust", "rust", misses),
        errors: Some(counts("Rust", "rust", 0)),
        compile_failures: Some(3),
        compilations: Some(misses),
        compiler_seconds: Some(misses as f64 * 0.75),
        processor_seconds: Some(misses as f64 * 0.75),
        not_cached: BTreeMap::from([
            ("crate-type".to_string(), 15),
            ("-".to_string(), 3),
            ("missing input".to_string(), 2),
        ]),
        cache_location: Some("Local disk: \"/var/cache/sccache\"".into()),
        cache_size: Some(1 << 30),
        max_cache_size: Some(10 << 30),
        preprocessor_cache_mode: Some(true),
        version: Some("0.16.0".into()),
        ..Stats::default()
    }
}

pub fn phase(name: &str, start: DateTime<Utc>, stats: Result<Stats, NotMeasured>) -> Phase {
    Phase {
        name: name.into(),
        started_at: start,
        finished_at: start + TimeDelta::seconds(50),
        attribution: Attribution::Exact,
        read_only: false,
        shell_seconds: None,
        stable_paths: None,
        compilations: None,
        stats,
    }
}

/// Returns a merged build with one compile phase.
pub fn build(number: u128, package: &str, version: &str, start: &str, stats: Stats) -> Build {
    let start = at(start);
    Build {
        is_imported: false,
        id: id(number),
        host: "gentoo".into(),
        package: package.into(),
        version: version.into(),
        slot: Some("0".into()),
        repository: Some("gentoo".into()),
        emerge: None,
        outcome: Outcome::Merged,
        started_at: start,
        finished_at: start + TimeDelta::seconds(65),
        phases: vec![phase("compile", start, Ok(stats))],
    }
}

pub fn emerge(number: u128, command: &str, start: &str) -> Emerge {
    Emerge {
        id: Uuid::from_u128(0xe000_0000_0000_4000_8000_0000_0000_0000 + (number << 96)),
        command: command.into(),
        started_at: at(start),
    }
}

pub fn record(path: &Path, builds: &[Build]) {
    let mut store = Store::open_for_recording(path).unwrap();
    for build in builds {
        assert_eq!(store.record(build).unwrap(), Recorded::New);
    }
}

/// Returns six builds: cold, warm, failed, partly measured, not measured, and with a shared server.
pub fn sample() -> Vec<Build> {
    let first = emerge(1, "emerge -1 app-portage/emlop", "2026-11-01T09:59:00Z");
    let second = emerge(2, "emerge --update --deep @world", "2026-11-20T17:59:30Z");
    let mut cold = build(
        1,
        "app-portage/emlop",
        "0.9.0",
        "2026-11-01T10:00:00Z",
        rust_stats(0, 53),
    );
    cold.emerge = Some(first);
    let mut warm = build(
        2,
        "app-portage/emlop",
        "0.9.0",
        "2026-11-20T18:00:00Z",
        rust_stats(53, 0),
    );
    warm.emerge = Some(second.clone());
    let start = at("2026-11-20T18:00:40Z");
    warm.phases
        .push(phase("test", start, Ok(rust_stats(10, 5))));
    let mut failed = build(
        3,
        "dev-libs/quazip",
        "1.4",
        "2026-11-20T18:05:00Z",
        c_stats(5, 2),
    );
    failed.emerge = Some(second.clone());
    failed.outcome = Outcome::Failed;
    let mut half = build(
        4,
        "dev-util/ccls",
        "0.20240202-r1",
        "2026-11-20T18:10:00Z",
        c_stats(1, 9),
    );
    half.emerge = Some(second);
    let start = at("2026-11-20T18:10:30Z");
    half.phases.push(phase(
        "test",
        start,
        Err(NotMeasuredReason::NoAnswer.into()),
    ));
    let mut none = build(
        5,
        "sys-apps/fd",
        "10.2.0",
        "2026-11-21T08:00:00Z",
        rust_stats(0, 0),
    );
    none.phases[0].stats = Err(NotMeasuredReason::ServerKilled.into());
    none.outcome = Outcome::Interrupted;
    let mut shared = build(
        6,
        "sys-apps/ripgrep",
        "14.1.1",
        "2026-11-21T09:00:00Z",
        rust_stats(3, 1),
    );
    shared.phases[0].attribution = Attribution::Shared;
    shared.outcome = Outcome::Packaged;
    vec![cold, warm, failed, half, none, shared]
}

/// Gives the builds the name of this host, whose cache is in the metrics.
pub fn on_this_host(mut builds: Vec<Build>) -> Vec<Build> {
    for build in &mut builds {
        build.host = sccache_report::portage::host();
    }
    builds
}

pub fn c_stats(hits: u64, misses: u64) -> Stats {
    Stats {
        hits: counts("C/C++", "c++ [gcc]", hits),
        misses: counts("C/C++", "c++ [gcc]", misses),
        errors: Some(counts("C/C++", "c++ [gcc]", 1)),
        requests: Some(hits + misses + 4),
        executed: Some(hits + misses),
        non_cacheable: Some(4),
        compile_failures: Some(0),
        not_cached: BTreeMap::from([("multiple input files".to_string(), 4)]),
        version: Some("0.16.0".into()),
        ..Stats::default()
    }
}

/// Returns a folder that every user can read, and the path of a database in it.
pub fn folder() -> (tempfile::TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let path = folder.path().join("stats.db");
    (folder, path)
}

/// Asserts that the stored sums match the builds.
pub fn assert_sums_match(store: &Store) {
    // A filter that matches every build, and bypasses the stored sums.
    let slow = Filter {
        min_builds: Some(1),
        ..Filter::default()
    };
    let sums = |filter: &Filter| -> Vec<_> {
        let packages = store.packages(filter).unwrap().into_iter();
        packages.map(|row| (row.package, row.sums)).collect()
    };
    assert_eq!(sums(&Filter::default()), sums(&slow));
}

/// Returns the sums of all builds.
pub fn all_sums(store: &Store) -> Sums {
    let mut sums = Sums::default();
    for package in store.packages(&Filter::default()).unwrap() {
        sums.add(&package.sums);
    }
    sums
}

/// Sets what the compilations of all builds cost, as if their lists were known: 0.75 s each, with an
/// overhead of 30 %.
pub fn set_costs(path: &Path) {
    let raw = rusqlite::Connection::open(path).unwrap();
    let sql = "UPDATE build SET hit_cost_us = hits * 750000, miss_cost_us = misses * 750000,
        time_saved_us = hits * 750000 - (hits + misses) * 225000, exact_cost_us = 0,
        evicted_misses = 0 WHERE hits IS NOT NULL";
    raw.execute(sql, ()).unwrap();
}
