//! Databases of several hosts, and their merge.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sccache_report::portage::Build;
use sccache_report::store::Store;

use super::listed::{listed, miss};
use super::{REPORTS, build, err, metrics, out, record, run, rust_stats};

/// Returns the command that merges databases into `db`.
pub fn merge_command(db: &Path, sources: &[&Path]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sccache-collect"));
    command
        .env_clear()
        .env("TZ", "UTC0")
        .args(["merge", "--db"])
        .arg(db)
        .args(sources);
    command
}

/// Merges databases into `db`, and returns what that printed without the databases' names.
#[track_caller]
pub fn merge(db: &Path, sources: &[&Path]) -> Vec<String> {
    let output = merge_command(db, sources).output().unwrap();
    assert_eq!(err(&output), "", "{output:?}");
    assert!(output.status.success(), "{output:?}");
    let text = out(&output);
    let lines = text.lines().zip(sources);
    lines
        .map(|(line, source)| {
            let name = format!("{}: ", source.display());
            line.strip_prefix(&name).unwrap_or(line).to_string()
        })
        .collect()
}

/// Records builds as those of a host in a new database in the folder.
pub fn record_on(folder: &Path, host: &str, builds: &[Build]) -> PathBuf {
    let path = folder.join(format!("{host}.db"));
    let builds: Vec<Build> = builds.iter().map(|build| of_host(host, build)).collect();
    record(&path, &builds);
    path
}

/// Records so many builds as those of a host.
pub fn many(folder: &Path, host: &str, count: u128) -> PathBuf {
    let offset = u128::from(host.as_bytes()[0]) * 100_000;
    let build = |n: u128| {
        let stats = rust_stats(n as u64, 2);
        let package = ["a/a", "a/b", "b/c"][n as usize % 3];
        let mut build = build(offset + n, package, "1", "2026-11-01T10:00:00Z", stats);
        build.id = uuid::Uuid::from_u128(offset + n);
        build.started_at += chrono::TimeDelta::minutes(n as i64);
        build.finished_at = build.started_at;
        if n.is_multiple_of(100) {
            let list: Vec<_> = (0..50).map(|n| miss(&format!("{n}.o"), n)).collect();
            build.phases = listed(1, package, &list).phases;
        }
        of_host(host, &build)
    };
    let path = folder.join(format!("{host}.db"));
    let builds: Vec<Build> = (0..count).map(build).collect();
    let mut store = Store::open_for_recording(&path).unwrap();
    store.record_all(&builds).unwrap();
    path
}

/// Returns the build as one of this host.
pub fn of_host(host: &str, build: &Build) -> Build {
    let host = host.to_string();
    Build {
        host,
        ..build.clone()
    }
}

/// Returns the output of every report in each format.
pub fn all_reports(db: &Path) -> Vec<String> {
    let mut texts: Vec<String> = REPORTS
        .iter()
        .flat_map(|args| {
            let json = run(db, &[args, &["--format", "json"][..]].concat());
            [out(&json), out(&run(db, args))]
        })
        .collect();
    for args in [&["explain", "a/a"][..], &["show", "a/a"]] {
        texts.push(out(&run(db, &[args, &["--format", "json"]].concat())));
    }
    texts.push(format!("{:?}", metrics(db, &["--by", "package"])));
    texts
}

/// Asserts that every report is the same for both databases.
#[track_caller]
pub fn assert_same_reports(one: &Path, other: &Path) {
    for (one, other) in all_reports(one).iter().zip(all_reports(other)) {
        assert_eq!(*one, other);
    }
}

/// What a database has apart from row ids, in SQL: rows with names instead of references.
const CONTENT: [&str; 18] = [
    "SELECT build.*, emerge.uuid, command FROM build LEFT JOIN emerge ON emerge.id = emerge_id",
    "SELECT uuid, phase.* FROM phase JOIN build ON build.id = build_id",
    "SELECT uuid, position, part.* FROM phase_language AS part JOIN phase ON phase.id = phase_id
        JOIN build ON build.id = build_id",
    "SELECT uuid, position, part.* FROM phase_compiler AS part JOIN phase ON phase.id = phase_id
        JOIN build ON build.id = build_id",
    "SELECT uuid, position, part.* FROM not_cached AS part JOIN phase ON phase.id = phase_id
        JOIN build ON build.id = build_id",
    "SELECT uuid, position, part.* FROM miss_reason AS part JOIN phase ON phase.id = phase_id
        JOIN build ON build.id = build_id",
    "SELECT uuid, position, part.* FROM stable_path_effect AS part JOIN phase ON phase.id = phase_id
        JOIN build ON build.id = build_id",
    "SELECT uuid, position, part.* FROM compilation_list AS part JOIN phase ON phase.id = phase_id
        JOIN build ON build.id = build_id",
    "SELECT * FROM former_units",
    "SELECT name, object.*, location FROM object JOIN host ON host.id = host_id
        LEFT JOIN cache ON cache.id = cache_id",
    "SELECT name, builds FROM host WHERE builds > 0",
    "SELECT * FROM compile_cost",
    "SELECT * FROM package_sum WHERE builds > 0",
    "SELECT * FROM hour_sum WHERE builds > 0",
    "SELECT * FROM level_sum WHERE phases > 0",
    "SELECT uuid, host, command, started_at_us FROM emerge",
    "SELECT * FROM counter WHERE total > 0",
    "SELECT * FROM package_counter",
];

/// Asserts that two databases have the same content.
#[track_caller]
pub fn assert_same_content(one: &Path, other: &Path) {
    for sql in CONTENT {
        assert_eq!(content(one, sql), content(other, sql), "{sql}");
    }
}

fn content(db: &Path, sql: &str) -> Vec<String> {
    let database = rusqlite::Connection::open(db).unwrap();
    let mut select = database.prepare(sql).unwrap();
    let columns = select.column_names().into_iter().enumerate();
    let is_row_id = |name: &str| name == "id" || name.ends_with("_id");
    let columns: Vec<usize> = columns
        .filter(|(_, name)| !is_row_id(name))
        .map(|(n, _)| n)
        .collect();
    let mut rows = select.query([]).unwrap();
    let mut content = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let value = |n: &usize| row.get::<_, rusqlite::types::Value>(*n).unwrap();
        let values: Vec<_> = columns.iter().map(value).collect();
        content.push(format!("{values:?}"));
    }
    content.sort();
    content
}

/// Returns the rows of every table as text, without those of the schema's sequence.
pub fn dump(db: &Path) -> Vec<String> {
    let database = rusqlite::Connection::open(db).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = database.prepare(sql).unwrap();
    let names = tables.query_map([], |row| row.get(0)).unwrap();
    let names: Vec<String> = names.map(Result::unwrap).collect();
    let mut dump = Vec::new();
    for name in names {
        let mut select = database.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> = (0..columns)
                .map(|n| row.get::<_, rusqlite::types::Value>(n).unwrap())
                .collect();
            dump.push(format!("{name}: {values:?}"));
        }
    }
    dump
}
