//! Databases of several hosts, and their merge.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sccache_report::portage::Build;

use super::{REPORTS, err, metrics, out, record, run};

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
    let metrics = metrics(db, &["--by", "package"]);
    texts.push(format!("{metrics:?}"));
    texts
}

/// Asserts that every report is the same for both databases.
#[track_caller]
pub fn assert_same_reports(one: &Path, other: &Path) {
    for (one, other) in all_reports(one).iter().zip(all_reports(other)) {
        assert_eq!(*one, other);
    }
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
