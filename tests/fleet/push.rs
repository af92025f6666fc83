//! `packaging/postgresql` on a real PostgreSQL.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chrono::{DateTime, TimeDelta};
use sccache_report::store::Store;
use serde_json::{Value, json};

use crate::postgres::Postgres;
use crate::support::merging::{merge, record_on};
use crate::support::*;

#[path = "../../benches/generate.rs"]
#[allow(dead_code, reason = "it is a program of its own")]
mod generate;

/// Writes a database of 100 builds with compilations, and six without.
pub fn generated(db: &Path) {
    generate::database(generate::Machine::SMALL, 100, db, &mut std::io::sink()).unwrap();
    record(db, &sample());
}

fn micros(time: &Value) -> i64 {
    let time = DateTime::parse_from_rfc3339(time.as_str().unwrap());
    time.unwrap().timestamp_micros()
}

/// Returns the rows of the table as those of the report, by id.
pub fn pushed_builds(postgres: &Postgres) -> BTreeMap<String, Value> {
    let rows = postgres.rows(
        "SELECT *, uuid AS id, (extract(epoch FROM started_at) * 1000000)::bigint AS started_at_us,
             (extract(epoch FROM finished_at) * 1000000)::bigint AS finished_at_us FROM build",
    );
    by_id(rows, |row| {
        for name in ["uuid", "started_at", "finished_at"] {
            row.remove(name);
        }
    })
}

/// Returns the rows of the report as those of the table, by id.
fn reported_builds(db: &Path) -> BTreeMap<String, Value> {
    by_id(json(db, &["builds"]), |row| {
        for name in ["started_at", "finished_at"] {
            let time = row.remove(name).unwrap();
            row.insert(format!("{name}_us"), micros(&time).into());
        }
        for name in ["hit_rate", "coverage", "hit_rate_by_cost", "exact_share"] {
            row.remove(name);
        }
        for name in [
            "miss_reasons",
            "languages",
            "not_cached",
            "phases",
            "stable_paths",
        ] {
            row.remove(name);
        }
    })
}

fn by_id(
    rows: Vec<Value>,
    change: impl Fn(&mut serde_json::Map<String, Value>),
) -> BTreeMap<String, Value> {
    let change = |mut row: Value| {
        change(row.as_object_mut().unwrap());
        (row["id"].as_str().unwrap().to_string(), row)
    };
    rows.into_iter().map(change).collect()
}

/// A detail's build, kind, and name.
type DetailKey = (String, String, String);

fn pushed_details(postgres: &Postgres) -> BTreeMap<DetailKey, Value> {
    let rows = postgres.rows("SELECT * FROM build_detail").into_iter();
    let key = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap().to_string();
        (text("uuid"), text("kind"), text("name"))
    };
    rows.map(|row| (key(&row), detail(&row))).collect()
}

/// Returns the values of a detail; those that it doesn't have are null.
fn detail(row: &Value) -> Value {
    let names = [
        "hits",
        "misses",
        "errors",
        "executed",
        "non_cacheable",
        "compiler_seconds",
    ];
    names.map(|name| row[name].clone()).into_iter().collect()
}

fn reported_details(db: &Path) -> BTreeMap<DetailKey, Value> {
    let mut details = BTreeMap::new();
    for build in json(db, &["builds"]) {
        let mut add = |kind: &str, column: &str, row: &dyn Fn(&Value) -> Value| {
            for (name, value) in build[column].as_object().into_iter().flatten() {
                let id = build["id"].as_str().unwrap().to_string();
                details.insert((id, kind.to_string(), name.clone()), detail(&row(value)));
            }
        };
        add("phase", "phases", &Value::clone);
        add("language", "languages", &Value::clone);
        add(
            "not_cached",
            "not_cached",
            &|calls| json!({"non_cacheable": calls}),
        );
        add(
            "miss_reason",
            "miss_reasons",
            &|misses| json!({"misses": misses}),
        );
    }
    details
}

/// Asserts that the server has exactly what the reports have.
#[track_caller]
pub fn assert_pushed(postgres: &Postgres, db: &Path) {
    assert_eq!(pushed_builds(postgres), reported_builds(db));
    assert_eq!(pushed_details(postgres), reported_details(db));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_tables_are_what_other_engines_take() {
    let mut postgres = Postgres::start();
    // Running the script again changes nothing.
    postgres.create_tables();
    let keys = postgres.sql(
        "SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conrelid IN ('build'::regclass, 'build_detail'::regclass) ORDER BY 1",
    );
    assert_eq!(
        keys,
        "build|PRIMARY KEY (host, started_at, uuid)\n\
         build_detail|PRIMARY KEY (host, started_at, uuid, kind, name)"
    );
    let indexes = postgres.sql(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'build' AND indexname <> 'build_pkey'
         ORDER BY indexname",
    );
    assert_eq!(
        indexes,
        "CREATE INDEX build_by_package ON public.build USING btree (package, started_at)\n\
         CREATE INDEX build_by_time ON public.build USING btree (started_at)"
    );
    let others = postgres.sql(
        "SELECT 'sequence', count(*) FROM pg_class WHERE relkind = 'S'
         UNION ALL SELECT 'foreign key', count(*) FROM pg_constraint WHERE contype = 'f'
         UNION ALL SELECT 'trigger', count(*) FROM pg_trigger
         UNION ALL SELECT 'default', count(*) FROM pg_attrdef",
    );
    assert_eq!(others, "sequence|0\nforeign key|0\ntrigger|0\ndefault|0");
    // YugabyteDB's default is another order.
    let script = include_str!("../../packaging/postgresql/schema.sql");
    let indexes: Vec<&str> = script
        .lines()
        .filter(|line| line.contains("CREATE INDEX"))
        .collect();
    assert_eq!(indexes.len(), 2);
    assert!(indexes.iter().all(|line| line.contains("started_at ASC)")));
    // CockroachDB has neither.
    let push = include_str!("../../packaging/postgresql/push");
    assert!(!push.contains("QUOTE") && !push.contains("ON COMMIT"));
}

/// The files are those in docs/fleet.md, apart from the host and the password.
#[test]
#[ignore = "needs PostgreSQL"]
fn the_documented_files_let_a_push_in() {
    let postgres = Postgres::start();
    let (folder, db) = folder();
    record(&db, &sample());
    let known = postgres.psql("sccache");
    let env = |name: &str| {
        let mut envs = known.get_envs();
        envs.find_map(|(key, value)| value.filter(|_| key == name))
            .unwrap()
    };
    let page = include_str!("../../docs/fleet.md");
    for name in [".pg_service.conf", ".pgpass"] {
        let (_, text) = page.split_once(&format!("# ~/{name}\n")).unwrap();
        let lines = text.lines().take_while(|line| !line.is_empty());
        let text: String = lines.map(|line| line.trim().to_string() + "\n").collect();
        let text = text.replace("db.example.org", env("PGHOST").to_str().unwrap());
        let text = text.replace("PASSWORD", env("PGPASSWORD").to_str().unwrap());
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    }
    let (path, home) = (env("PATH"), folder.path());
    let mut push = Command::new(postgres.push_command(&db, &[]).get_program());
    push.env_clear().env("PATH", path).env("HOME", home);
    push.arg("--db").arg(&db).arg("service=fleet");
    let output = push.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_pushed(&postgres, &db);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_push_has_the_numbers_of_the_reports() {
    let postgres = Postgres::start();
    let (_folder, db) = folder();
    generated(&db);
    assert_eq!(
        postgres.push(&db, &[]),
        "push: builds since 2026-09-02: 106 compared, 106 added or changed\n"
    );
    assert_pushed(&postgres, &db);
    let kinds = postgres.sql("SELECT DISTINCT kind FROM build_detail ORDER BY 1");
    assert_eq!(kinds, "language\nmiss_reason\nnot_cached\nphase");

    for (variables, options) in [
        (&[][..], &[][..]),
        (&["since=2026-09-10"], &["--since", "2026-09-10"]),
        (&["until=2026-10-01"], &["--until", "2026-09-30"]),
        (
            &["since=2026-09-10 10:00", "until=2026-10-11", "host=gentoo"],
            &[
                "--since",
                "2026-09-10 10:00",
                "--until",
                "2026-10-10",
                "--host",
                "gentoo",
            ],
        ),
        (
            &["since=2026-11-21", "until=2026-11-21 08:30"],
            &["--since", "2026-11-21", "--until", "2026-11-21 08:30"],
        ),
    ] {
        assert_overview(&postgres, &db, variables, options);
    }
    assert_example(&postgres, &db);
    // A build from the future is in neither.
    record(
        &db,
        &[build(
            90,
            "a/future",
            "1",
            "2190-01-01T00:00:00Z",
            rust_stats(1, 1),
        )],
    );
    postgres.push(&db, &[]);
    assert_overview(&postgres, &db, &[], &[]);
}

#[track_caller]
fn assert_overview(postgres: &Postgres, db: &Path, variables: &[&str], options: &[&str]) {
    let output = run(db, &[options, &["--format", "json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let report = &report["rows"][0];
    let mut overview = postgres.overview(variables);
    for name in ["first_at", "last_at"] {
        let time = overview[name].take();
        assert_eq!(micros(&time), micros(&report[name]), "{name} {variables:?}");
        overview.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(keys(&overview).len(), 15);
    for name in keys(&overview) {
        assert_eq!(overview[name], report[name], "{name} {variables:?}");
    }
}

/// Compares the example in docs/fleet.md with the builds.
#[track_caller]
fn assert_example(postgres: &Postgres, db: &Path) {
    let page = include_str!("../../docs/fleet.md");
    let (_, example) = page.split_once("    SELECT host, name,").unwrap();
    let (example, _) = example.split_once(';').unwrap();
    let rows = postgres.rows(&format!("SELECT host, name,{example}"));
    let mut sums: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    for build in json(db, &["builds"]) {
        for (language, counts) in build["languages"].as_object().unwrap() {
            let host = build["host"].as_str().unwrap().to_string();
            let sum = sums.entry((host, language.clone())).or_default();
            sum.0 += counts["hits"].as_f64().unwrap();
            sum.1 += counts["misses"].as_f64().unwrap();
        }
    }
    let rows: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {:.12}", row["name"], row["hit_rate"].as_f64().unwrap()))
        .collect();
    let expected: Vec<String> = sums
        .iter()
        .map(|((_, name), (hits, misses))| format!("{name:?} {:.12}", hits / (hits + misses)))
        .collect();
    assert_eq!(rows, expected);
}

fn start_push(postgres: &Postgres, db: &Path) -> Child {
    postgres
        .push_command(db, &[])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn two_hosts_push_at_once() {
    let postgres = Postgres::start();
    let (folder, merged) = folder();
    let hosts = ["alpha", "beta"].map(|host| record_on(folder.path(), host, &sample()));
    // Their ids have to differ.
    let raw = rusqlite::Connection::open(&hosts[1]).unwrap();
    raw.execute("UPDATE build SET uuid = 'c' || substr(uuid, 2)", ())
        .unwrap();
    drop(raw);
    merge(&merged, &[&hosts[0], &hosts[1]]);
    // Both have read their builds, and wait for the same table.
    let lock = postgres.lock("build");
    let pushes = hosts.each_ref().map(|db| start_push(&postgres, db));
    postgres.wait_for_waiting(2);
    drop(lock);
    for mut push in pushes {
        assert!(push.wait().unwrap().success());
    }
    assert_pushed(&postgres, &merged);
    // The same builds from several databases at once.
    let sums = postgres.sums();
    let all = [&hosts[0], &hosts[1], &merged, &merged];
    postgres.sql("TRUNCATE build, build_detail, pushed_day");
    let pushes = all.map(|db| start_push(&postgres, db));
    for mut push in pushes {
        assert!(push.wait().unwrap().success());
    }
    assert_eq!(postgres.sums(), sums);
    assert_pushed(&postgres, &merged);
}

/// 25,000 builds of one day, and 25,000 of others.
#[test]
#[ignore = "needs PostgreSQL"]
fn many_builds_are_read_in_pieces() {
    let postgres = Postgres::start();
    let (_folder, db) = folder();
    Store::open_for_recording(&db).unwrap();
    let raw = rusqlite::Connection::open(&db).unwrap();
    let sql = "WITH RECURSIVE n (k) AS (VALUES (0) UNION ALL SELECT k + 1 FROM n WHERE k < 49999)
        INSERT INTO build (uuid, host, package, version, outcome, started_at_us, finished_at_us, is_imported,
            phases, measured_phases, hits, misses)
        SELECT printf('%08x-0000-4000-8000-000000000000', k), 'host' || k % 3, 'a/a', '1', 'merged',
            ?1 + max(k - 25000, 0) * 100000000, ?1 + max(k - 25000, 0) * 100000000, 0, 0, 0, k, 1 FROM n";
    let start = at("2026-01-01T00:00:00Z");
    raw.execute(sql, [start.timestamp_micros()]).unwrap();
    let sql = "INSERT INTO added_share SELECT min(id), max(id), 1 FROM build";
    raw.execute(sql, ()).unwrap();
    let days = TimeDelta::seconds(24_999 * 100).num_days() + 1;
    assert_eq!(
        postgres.push(&db, &[]),
        "push: builds since 2026-01-01: 50000 compared, 50000 added or changed\n"
    );
    assert_eq!(
        postgres.sql("SELECT count(*), sum(hits) FROM build"),
        "50000|1249975000"
    );
    assert_eq!(
        postgres.sql("SELECT count(*) FROM pushed_day"),
        days.to_string()
    );
}
