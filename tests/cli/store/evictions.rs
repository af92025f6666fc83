//! Why a cache lost objects: from the states of that cache in all builds of the host.

use std::path::Path;

use sccache_report::portage::Build;
use sccache_report::store::{EvictionCause, Filter, Store};
use uuid::Uuid;

use crate::support::listed::{listed, miss};
use crate::support::*;

/// Returns a build that compiled an object, and found the cache like this, in gibibytes.
fn using(cache: &str, size: u64, max_size: u64, mut build: Build) -> Build {
    let stats = build.phases[0].stats.as_mut().unwrap();
    stats.cache_location = Some(cache.into());
    (stats.cache_size, stats.max_cache_size) = (Some(size << 30), Some(max_size << 30));
    build
}

/// Returns the cause of the build with the latest start that missed an evicted object.
fn cause(db: &Path) -> EvictionCause {
    let store = Store::open_for_reading(db).unwrap();
    let builds = store.evidence(&Filter::default()).unwrap();
    let evicted = builds.iter().rfind(|build| {
        let mut reasons = build.miss_reasons.iter();
        reasons.any(|sum| sum.reason.word() == "evicted")
    });
    evicted.unwrap().eviction_cause.clone()
}

fn advice(db: &Path) -> Vec<String> {
    let rows = json(db, &["advise"]).into_iter();
    rows.map(|row| row["advice"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn another_cache_does_not_hide_that_one_is_too_small() {
    let (_folder, db) = folder();
    let foo = |day| listed(day, "a/foo", &[miss("a.o", 1)]);
    let other = |day| listed(day, "a/other", &[miss("b.o", 20 + u64::from(day))]);
    record(
        &db,
        &[
            using("here", 10, 10, foo(1)),
            using("there", 1, 20, other(2)),
            using("here", 10, 10, foo(3)),
            using("there", 1, 20, other(4)),
        ],
    );
    let EvictionCause::TooSmall {
        full,
        present_max_size,
    } = cause(&db)
    else {
        panic!("{:?}", cause(&db))
    };
    assert_eq!(full.location.as_deref(), Some("here"));
    assert_eq!(present_max_size, 10 << 30);
    assert!(advice(&db).contains(&"cache-full".into()));
    // Enlarged since.
    record(&db, &[using("here", 10, 50, other(5))]);
    assert!(!advice(&db).contains(&"cache-full".into()));
}

/// The cache was enlarged many builds before the package missed what had been evicted.
#[test]
fn a_cache_that_was_full_long_ago_was_not_cleared() {
    let (_folder, db) = folder();
    let package = |number: usize| format!("a/{}", "x".repeat(number));
    let mut builds = vec![
        using("here", 10, 10, listed(1, "a/foo", &[miss("a.o", 1)])),
        using("here", 10, 10, listed(2, "a/bar", &[miss("b.o", 2)])),
    ];
    for number in 1..=150 {
        let build = listed(3, &package(number), &[miss("c.o", 2 + number as u64)]);
        builds.push(using("here", 11, 50, build));
    }
    builds.push(using("here", 11, 50, listed(4, "a/foo", &[miss("a.o", 1)])));
    record(&db, &builds);
    let EvictionCause::TooSmall {
        present_max_size, ..
    } = cause(&db)
    else {
        panic!("{:?}", cause(&db))
    };
    assert_eq!(present_max_size, 50 << 30);
    assert!(!advice(&db).iter().any(|code| code.starts_with("cache-")));
}

/// As many builds of another host as are searched, in between.
#[test]
fn builds_of_other_hosts_hide_no_state_of_a_hosts_cache() {
    let (_folder, db) = folder();
    let foo = |day| using("here", 10, 10, listed(day, "a/foo", &[miss("a.o", 1)]));
    let others = (0..2100).map(|n| Build {
        host: "other".into(),
        id: Uuid::from_u128(n),
        ..build(1, "a/other", "1", "2026-11-02T10:00:00Z", c_stats(1, 1))
    });
    let mut store = Store::open_for_recording(&db).unwrap();
    store.record(&foo(1)).unwrap();
    store.record_all(&others.collect::<Vec<_>>()).unwrap();
    store.record(&foo(3)).unwrap();
    let cause = cause(&db);
    assert!(matches!(cause, EvictionCause::TooSmall { .. }), "{cause:?}");
    let raw = rusqlite::Connection::open(&db).unwrap();
    raw.execute(
        "UPDATE build SET started_at_us = finished_at_us WHERE id = 1",
        (),
    )
    .unwrap();
    raw.execute("DELETE FROM build WHERE package = 'a/foo' AND id > 1", ())
        .unwrap();
    let until = at("2026-11-20T00:00:00Z");
    let store = Store::open_for_reading(&db).unwrap();
    assert_eq!(
        store.cache_state("gentoo", until).unwrap().unwrap().size,
        10 << 30
    );
}
