//! What docs/fleet.md shows of DuckDB, with PyPI's packages. Its own source of extensions isn't reachable everywhere, so
//! the extension is PyPI's, too.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::push::generated;
use crate::support::*;

const PACKAGES: [&str; 3] = [
    "duckdb==1.5.5",
    "duckdb-extensions==1.5.5",
    "duckdb-extension-sqlite-scanner==1.5.5",
];

/// Runs statements, and prints the rows of each one that has some.
const SCRIPT: &str = "import duckdb, duckdb_extensions, json, sys
database = duckdb.connect(config={'extension_directory': 'extensions'})
duckdb_extensions.import_extension('sqlite_scanner', con=database)
for statement in duckdb.extract_statements(sys.stdin.read()):
    result = database.execute(statement)
    if statement.type == duckdb.StatementType.SELECT:
        print(json.dumps(result.fetchall()))
";

/// Returns the indented text of the section.
fn statements() -> Vec<String> {
    let page = include_str!("../../docs/fleet.md");
    let (_, section) = page.split_once("## DuckDB\n").unwrap();
    let mut blocks = vec![String::new()];
    for line in section.lines() {
        match line.strip_prefix("    ") {
            Some(code) => *blocks.last_mut().unwrap() += &format!("{code}\n"),
            None if blocks.last().is_some_and(|block| !block.is_empty()) => {
                blocks.push(String::new());
            }
            None => {}
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// Makes a virtual environment with the packages, and returns its interpreter.
fn install(folder: &Path) -> std::path::PathBuf {
    let python = folder.join("venv/bin/python");
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(folder.join("venv"))
        .status();
    assert!(made.unwrap().success());
    let mut pip = Command::new(&python);
    let installed = pip
        .args(["-m", "pip", "install", "--quiet"])
        .args(PACKAGES)
        .output()
        .unwrap();
    assert!(installed.status.success(), "{}", err(&installed));
    python
}

#[test]
#[ignore = "needs Python packages from PyPI"]
fn the_examples_have_the_numbers_of_the_reports() {
    let (folder, db) = folder();
    generated(&db);
    let python = install(folder.path());
    let csv = out(&run(&db, &["builds", "--format", "csv"]));
    fs::write(folder.path().join("builds.csv"), csv).unwrap();
    let sql = statements().concat();
    let sql = sql.replace("INSTALL sqlite;\n", "");
    let sql = sql.replace("/var/lib/sccache-report/stats.db", db.to_str().unwrap());
    assert!(sql.contains("LOAD sqlite;") && sql.contains(db.to_str().unwrap()));
    let script = folder.path().join("statements.sql");
    fs::write(&script, sql).unwrap();
    let mut command = Command::new(python);
    command
        .args(["-c", SCRIPT])
        .current_dir(folder.path())
        .stdin(fs::File::open(script).unwrap());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    let results: Vec<Vec<Value>> = out(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();

    let by_package = json(
        &db,
        &["packages", "--sort", "time_saved_seconds", "--limit", "10"],
    );
    let overview = run(&db, &["--since", "2000", "--format", "json"]);
    let overview: Value = serde_json::from_slice(&overview.stdout).unwrap();
    let overview = &overview["rows"][0];
    let hours = |row: &Value| row["time_saved_seconds"].as_f64().unwrap() / 3600.0;
    let row = |name: &Value, row: &Value| {
        let counts = format!("{name} {} {}", row["builds"], row["hit_rate"]);
        format!("{counts} {:.9}", hours(row))
    };
    let packages: Vec<String> = by_package
        .iter()
        .map(|it| row(&it["package"], it))
        .collect();
    let host = vec![row(&"gentoo".into(), overview)];
    let results: Vec<Vec<String>> = results
        .iter()
        .map(|rows| {
            let text = |row: &Value| {
                format!(
                    "{} {} {} {:.9}",
                    row[0],
                    row[1],
                    row[2],
                    row[3].as_f64().unwrap()
                )
            };
            rows.iter().map(text).collect()
        })
        .collect();
    assert_eq!(results, [packages, host.clone(), host]);
    let parquet = fs::read(folder.path().join("builds.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1"));
}
