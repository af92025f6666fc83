//! The stored sums always match the builds.

use std::path::Path;

use crate::support::listed::{hit, listed, miss};
use crate::support::*;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use proptest::prelude::*;
use rusqlite::Connection;
use sccache_report::portage::{Attribution, Build, Outcome};
use sccache_report::store::{Filter, PackageRow, Store, Sums, TimedSums};

/// Returns a build with all values that sums are grouped by.
fn any(n: usize, (package, hours, kind, hits, misses): (usize, i64, u8, u64, u64)) -> Build {
    let package = ["a/a", "a/b", "c/c"][package];
    let mut stats = match kind % 2 {
        0 => rust_stats(hits, misses),
        _ => c_stats(hits, misses),
    };
    if kind % 3 == 0 {
        stats.executed = None;
    }
    let mut build = build(n as u128, package, "1", "2001-01-02T00:00:00Z", stats);
    build.started_at += TimeDelta::minutes(hours * 20);
    build.finished_at = build.started_at;
    build.outcome = [Outcome::Merged, Outcome::Failed, Outcome::Interrupted][usize::from(kind % 3)];
    if kind % 4 == 1 {
        let misses = (0..misses).map(|key| miss("a.o", key));
        let hits = (0..hits).map(|key| hit("a.o", key + 20));
        let list: Vec<_> = misses.chain(hits).collect();
        build.phases = listed(1, package, &list).phases;
    }
    if kind % 5 == 0 {
        build.phases[0].stats = Err(NotMeasuredReason::Other.into());
    }
    if kind % 7 == 0 {
        build.phases[0].attribution = Attribution::Shared;
    }
    build
}

/// Returns the stored sums and those of the builds.
fn assert_same(path: &Path) {
    let store = Store::open_for_reading(path).unwrap();
    let all = Filter::default();
    // A filter that matches every build, and bypasses the stored sums.
    let slow = Filter {
        min_builds: Some(1),
        ..Filter::default()
    };
    let by_name = |rows: Vec<PackageRow>| -> Vec<(String, Sums, DateTime<Utc>, DateTime<Utc>)> {
        let row = |r: PackageRow| (r.package, r.sums, r.first_at, r.last_at);
        rows.into_iter().map(row).collect()
    };
    let packages = |filter| by_name(store.packages(filter).unwrap());
    assert_eq!(packages(&all), packages(&slow));
    let one = |filter: &Filter| Filter {
        packages: Some(vec!["a/b".into()]),
        ..filter.clone()
    };
    assert_eq!(packages(&one(&all)), packages(&one(&slow)));
    let add = |moments: Vec<TimedSums>| {
        let mut sums = Sums::default();
        moments.iter().for_each(|moment| sums.add(&moment.sums));
        sums
    };
    let moments = store.moments(&all).unwrap();
    let ends: Vec<Option<DateTime<Utc>>> = { moments.iter() }
        .flat_map(|moment| {
            let hour = moment
                .started_at
                .duration_trunc(TimeDelta::hours(1))
                .unwrap();
            [moment.started_at, hour, hour + TimeDelta::hours(1)].map(Some)
        })
        .chain([None])
        .step_by(4)
        .collect();
    for since in &ends {
        for until in &ends {
            let filter = Filter {
                since: *since,
                until: *until,
                ..Filter::default()
            };
            let hours = store.hours(&filter).unwrap().unwrap();
            assert!(hours.is_sorted_by_key(|moment| moment.started_at));
            assert_eq!(
                add(hours),
                add(store.moments(&filter).unwrap()),
                "{filter:?}"
            );
        }
    }
    assert_eq!(store.hours(&slow).unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_sums_are_those_of_the_builds_whatever_happens_to_them(
        parts in prop::collection::vec((0usize..3, -40i64..40, 0u8..30, 0u64..50, 0u64..50), 1..14),
        gone in 0i64..14,
    ) {
        let (_folder, path) = folder();
        let builds: Vec<Build> = parts.iter().enumerate().map(|(n, part)| any(n, *part)).collect();
        record(&path, &builds);
        assert_same(&path);
        let raw = Connection::open(&path).unwrap();
        raw.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        raw.execute("UPDATE build SET package = 'c/c', outcome = 'failed', started_at_us = 978307200000000, finished_at_us = 978307200000000 WHERE id = ?", [gone]).unwrap();
        raw.execute("DELETE FROM build WHERE id = ?", [gone + 1]).unwrap();
        drop(raw);
        assert_same(&path);
    }
}
