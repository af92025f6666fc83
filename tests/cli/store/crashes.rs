//! The collector killed at any moment, and readers meanwhile: each build is recorded once, and the database is whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support;
use crate::support::recorder::crash::*;
use crate::support::recorder::*;
use sccache_report::store::{Filter, Store};

fn duration_of_a_record(new_database: bool) -> Duration {
    let workspace = Workspace::new();
    median_duration(|| {
        let t = workspace.build_with(1);
        if new_database {
            let _ = fs::remove_file(&workspace.db);
        }
        let begun = Instant::now();
        let mut child = start(&workspace, &t);
        assert!(wait(&mut child, time_limit()).success());
        begun.elapsed()
    })
}

/// Lets it run for a random part of a whole run, and kills it. Returns whether it got to its end and said so.
fn killed_midway(child: Child, whole: Duration, random: &mut Random) -> bool {
    let mut child = child;
    sleep(random_part(whole, random));
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    output.status.success()
        && String::from_utf8(output.stdout)
            .unwrap()
            .contains("hits, 2 misses")
}

#[test]
fn killed_at_200_random_moments_while_recording() {
    let mut random = Random::new();
    let whole = duration_of_a_record(false);
    let workspace = Workspace::new();
    // To make it takes longer than a record, so that on a slow disk none of the first would get so far; and
    // that is another test's.
    Store::open_for_recording(&workspace.db).unwrap();
    let ts: Vec<PathBuf> = (0..200).map(|n| workspace.build_with(n)).collect();
    let mut acknowledged = BTreeSet::new();
    let (mut cut, mut recorded) = (0, 0);
    for (n, t) in ts.iter().enumerate() {
        // Now and then one that waits, to be killed while it's taken up.
        if n % 10 == 0 {
            let build = &mut support::build(
                n as u128,
                "a/b",
                "1",
                "2026-11-01T10:00:00Z",
                support::rust_stats(1000 + n as u64, 2),
            );
            workspace.pending().save(build).unwrap();
        }
        if killed_midway(start(&workspace, t), whole, &mut random) {
            acknowledged.insert(n as u64);
        } else {
            cut += 1;
        }
        // Half a record is to be met by the next collector, and by readers.
        if n % 20 == 19 {
            let hits = workspace.hits();
            let distinct: BTreeSet<u64> = hits.iter().copied().collect();
            assert_eq!(distinct.len(), hits.len(), "twice: {hits:?}");
            assert!(
                distinct.is_superset(&acknowledged),
                "lost: {:?}",
                acknowledged.difference(&distinct)
            );
            recorded = hits.len();
        }
    }
    assert!(
        cut >= 20 && recorded >= 5,
        "kills that missed: {cut} were cut off, {recorded} recorded, in {whole:?}"
    );
    assert_consistent(&workspace.db);
    // Portage doesn't repeat a record; a person, or the next build's clean phase, may.
    for t in &ts {
        assert!(workspace.record(t).status.success());
    }
    let mut expected: Vec<u64> = (0..200).collect();
    let waited = fs::read_dir(workspace.pending().folder()).unwrap().count();
    assert_eq!(waited, 0, "still waiting, or not finished");
    expected.extend(
        workspace
            .hits()
            .into_iter()
            .filter(|hits| *hits >= 1000)
            .collect::<BTreeSet<_>>(),
    );
    assert!(
        expected.len() >= 219,
        "builds that waited are lost: {}",
        expected.len()
    );
    assert_eq!(workspace.hits(), expected);
    assert_consistent(&workspace.db);
    eprintln!(
        "a record: {whole:?}; killed in it: {cut}; in the database before any was repeated: {recorded}"
    );
}

#[test]
fn killed_at_50_random_moments_while_the_database_is_made() {
    let mut random = Random::new();
    let whole = duration_of_a_record(true);
    let mut seen = BTreeSet::new();
    for n in 0..50 {
        let workspace = Workspace::new();
        let t = workspace.build_with(n);
        killed_midway(start(&workspace, &t), whole, &mut random);
        let version = match Store::open_for_reading(&workspace.db) {
            Ok(store) => {
                let builds = store.builds(&Filter::default()).unwrap().len();
                assert!(builds <= 1);
                "new"
            }
            // No table yet: user_version goes with them, in one transaction.
            Err(sccache_report::Error::EmptyDatabase(_)) => "old",
            Err(sccache_report::store::Error::MissingDatabase(_)) => "none",
            Err(other) => panic!("{other}"),
        };
        seen.insert(version);
        // All it says is that it's there already, if it is.
        assert!(workspace.record(&t).status.success());
        workspace
            .record(&workspace.build_with(1000 + n))
            .assert_warnings(0);
        assert_eq!(workspace.hits(), [n, 1000 + n]);
        assert_consistent(&workspace.db);
    }
    assert!(
        seen.contains("new") && seen.len() > 1,
        "all kills missed: {seen:?} in {whole:?}"
    );
}

#[test]
fn readers_in_a_loop_never_fail_during_200_recordings() {
    let workspace = Workspace::new();
    workspace.record_build(0);
    let ended = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut reports, mut last) = (0, 0);
            while !ended.load(Ordering::Relaxed) {
                let output = support::run(&workspace.db, &["builds", "--format", "json"]);
                assert!(
                    output.status.success() && output.stderr.is_empty(),
                    "{output:?}"
                );
                let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                let count = document["rows"].as_array().unwrap().len();
                assert!(count >= last, "{last} builds, then {count}");
                last = count;
                reports += 1;
            }
            reports
        });
        // The reader ends also where a record fails: a scope waits for its threads before it panics.
        let records = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (1..=200).for_each(|n| workspace.record_build(n));
        }));
        ended.store(true, Ordering::Relaxed);
        let read = reader.join().unwrap();
        records.unwrap();
        read
    });
    assert_eq!(workspace.hits(), Vec::from_iter(0..=200));
    assert!(read > 20, "only {read} reports");
    eprintln!("{read} reports during 200 records");
}
