//! Builds in pending files and in lines of logs. Both are untrusted input.

use std::fs::{self, File};
use std::time::{Duration, Instant, SystemTime};

use crate::support;
use crate::support::recorder::*;
use sccache_report::portage::{Build, FOLDER};
use sccache_report::store::{RECORD_WAIT, Store};

#[test]
fn a_broken_pending_file_is_set_aside_once() {
    let workspace = Workspace::new();
    let kept = {
        let blocked = Workspace::new();
        fs::create_dir(&blocked.db).unwrap();
        blocked.record(&blocked.build_with(5)).assert_warnings(1);
        let file = fs::read_dir(blocked.pending().folder())
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        fs::read_to_string(file.path()).unwrap()
    };
    let id = serde_json::from_str::<Build>(&kept).unwrap().id;
    let folder = workspace.pending().folder().to_path_buf();
    fs::create_dir(&folder).unwrap();
    let put = |name: &str, content: &str| fs::write(folder.join(name), content).unwrap();
    let other = "00000000-0000-4000-8000-000000000001.json";
    put(other, "{\"id\": \"\u{1b}[31msecret");
    put("00000000-0000-4000-8000-000000000002.json", &kept);
    put(
        "00000000-0000-4000-8000-000000000003.json",
        &kept.replace(":5", ":-5"),
    );
    let escape = kept
        .replace("\"gentoo\"", "\"\u{1b}[31m\"")
        .replace("dev-test/thing", "dev-test/../x");
    put("00000000-0000-4000-8000-000000000004.json", &escape);
    put(&format!("{id}.json"), &kept);
    put("notes.txt", "a person's");
    let done = workspace.record(&workspace.build_with(6));
    let warning = done.assert_warnings(1);
    assert!(
        warning.contains("*.bad") && !warning.contains("secret"),
        "{warning}"
    );
    assert!(folder.join(format!("{other}.bad")).exists());
    assert!(folder.join("notes.txt").exists());
    assert_eq!(workspace.pending().count(), Some(0));
    workspace.record_build(7);
    assert_eq!(workspace.hits(), [5, 6, 7]);
}

#[test]
fn the_oldest_goes_first_and_no_merge_records_all_of_many() {
    let workspace = Workspace::new();
    let now = SystemTime::now();
    for n in 0..20_u64 {
        let start = "2026-11-01T10:00:00Z";
        let build = support::build(n.into(), "a/b", "1", start, support::rust_stats(n, 2));
        let file = workspace.pending().save(&build).unwrap();
        // The last one is the oldest.
        let waits = now - Duration::from_secs(n * 60);
        File::open(file).unwrap().set_modified(waits).unwrap();
    }
    let mut store = Store::open_for_recording(&workspace.db).unwrap();
    let taken = workspace.pending().record(&mut store, Instant::now());
    assert_eq!(taken.unwrap().recorded, 0, "the time was over");
    assert_eq!(workspace.pending().count(), Some(20));
    let done = workspace.record(&workspace.build_with(20));
    assert!(done.out.contains("recorded 20 pending builds"), "{done:?}");
    let raw = rusqlite::Connection::open(&workspace.db).unwrap();
    let mut rows = raw.prepare("SELECT hits FROM build ORDER BY id").unwrap();
    let order: Result<Vec<i64>, _> = rows.query_map([], |row| row.get(0)).unwrap().collect();
    assert_eq!(order.unwrap(), Vec::from_iter((0..20).rev().chain([20])));
}

/// Any user can hold a read lock. `record` waits for it once, for pending builds and its own together.
#[test]
fn a_lock_is_waited_for_once_however_many_builds_there_are() {
    let workspace = Workspace::new();
    workspace.record_build(1);
    let t = workspace.build_with(2);
    for hits in 3..9 {
        let other = workspace.build_with(hits);
        let aside = format!("{FOLDER}.failed.{}", uuid::Uuid::new_v4());
        fs::rename(other.join(FOLDER), t.join(aside)).unwrap();
    }
    let reader = rusqlite::Connection::open(&workspace.db).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM build")
        .unwrap();
    let begun = Instant::now();
    let done = workspace.record(&t);
    let taken = begun.elapsed();
    assert!(taken < RECORD_WAIT + Duration::from_secs(2), "{taken:?}");
    assert!(
        done.assert_warnings(1)
            .contains("locked by another process"),
        "{done:?}"
    );
    assert_eq!(workspace.pending().count(), Some(7));
    drop(reader);
    workspace.record_build(9);
    assert_eq!(workspace.hits(), Vec::from_iter(1..10));
}

#[test]
fn a_package_without_numbers_touches_nothing() {
    let workspace = Workspace::new();
    let done = workspace.record(&workspace.empty_build());
    done.assert_warnings(0);
    assert!(done.out.is_empty() && !workspace.db.exists(), "{done:?}");
}

#[test]
fn a_log_line_holds_a_build_or_is_refused() {
    for build in support::sample() {
        let line = format!(" * {}\x1b[0m", build.to_log_line().unwrap());
        assert_eq!(Build::from_log_line(&line).unwrap().unwrap(), build);
    }
    let line = support::sample()[0].to_log_line().unwrap();
    assert_eq!(line.lines().count(), 1);
    assert!(Build::from_log_line("no build here").is_none());
    for (from, to) in [
        ("app-portage/emlop", "app-portage/em/lop"),
        ("app-portage/emlop", "emlop"),
        ("\"0.9.0\"", "\"0.9.0 \""),
        ("\"compile\"", "\"preinst\""),
        (":53", ":-53"),
        (":53", ":53000000000"),
        (":53", ":1e999"),
        ("emerge -1", "emerge \\u001b[2J"),
        ("2026-11-01T10", "9999-11-01T10"),
        ("}", ""),
    ] {
        assert!(line.contains(from), "{from}");
        let broken = line.replace(from, to);
        let error = Build::from_log_line(&broken).unwrap().unwrap_err();
        assert!(!format!("{error:#}").contains('\u{1b}'), "{error:#}");
    }
}
