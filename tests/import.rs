//! `sccache-collect import`: logs as users have them, and what becomes of them.

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sccache_report::collect::import::BUILD_LINE;
use sccache_report::portage::{Attribution, Build, Outcome};
use sccache_report::sccache::print_block;

const LIBRSVG: &str = "gnome-base:librsvg-2.50.4:20210405-101500.log";

fn librsvg() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs");
    fs::read_to_string(folder.join(LIBRSVG)).unwrap()
}

/// The recipe's block of that log.
fn block() -> String {
    let log = librsvg();
    let from = log.find(" * Stopping").unwrap();
    log[from..log.find(">>> Merging").unwrap()].to_owned()
}

/// A folder for logs with a database beside it.
struct Logs {
    folder: tempfile::TempDir,
    db: PathBuf,
}

impl Logs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        let db = folder.path().join("stats.db");
        Self { folder, db }
    }

    fn with(name: &str, log: &str) -> Self {
        let logs = Self::new();
        logs.add(name, log);
        logs
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn add(&self, name: &str, log: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, log).unwrap();
    }

    fn add_gz(&self, name: &str, log: &str) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(log.as_bytes()).unwrap();
        let gz = gz.finish().unwrap();
        self.add(name, &gz);
        gz
    }

    fn import(&self, zone: &str, args: &[&str]) -> Output {
        Command::new(assert_cmd::cargo::cargo_bin!("sccache-collect"))
            .env_clear()
            .env("TZ", zone)
            .arg("import")
            .arg("--db")
            .arg(&self.db)
            .args(args)
            .arg(self.path(""))
            .output()
            .unwrap()
    }

    /// Imports all of them, and returns the last lines printed and the exit status.
    fn sums(&self) -> (String, i32) {
        let output = self.import("UTC0", &[]);
        assert_eq!(common::err(&output), "");
        (common::out(&output), output.status.code().unwrap())
    }

    #[track_caller]
    fn added(&self, added: u64, there: u64) {
        let (out, status) = self.sums();
        let expected = format!("{added} builds added, {there} already there");
        assert!(out.contains(&expected) && status == 0, "{status} {out}");
    }

    fn builds(&self) -> Vec<serde_json::Value> {
        common::json(&self.db, &["builds"])
    }
}

#[test]
fn the_log_of_librsvg_becomes_one_build() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    let (out, status) = logs.sums();
    assert_eq!(status, 0);
    assert_eq!(
        out,
        "1 logs read, 1 builds added, 0 already there, 0 logs without statistics, 0 not understood, 0 not readable\n"
    );
    let builds = logs.builds();
    assert_eq!(builds.len(), 1);
    let build = &builds[0];
    for (name, value) in [
        ("package", serde_json::json!("gnome-base/librsvg")),
        ("version", "2.50.4".into()),
        ("repository", "gentoo".into()),
        ("outcome", "merged".into()),
        ("attribution", "shared".into()),
        ("requests", 193.into()),
        ("executed", 144.into()),
        ("hits", 144.into()),
        ("misses", 0.into()),
        ("non_cacheable", 49.into()),
        ("hit_rate", 1.0.into()),
        ("coverage", (144.0 / 193.0).into()),
        ("started_at", "2021-04-05T10:15:00Z".into()),
    ] {
        assert_eq!(build[name], value, "{name}");
    }
    assert_eq!(build["not_cached"]["crate-type"], 47);
}

#[test]
fn importing_again_adds_nothing_in_whatever_form() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    logs.add(
        "build/gnome-base/librsvg-2.50.4:20210405-101500.log",
        librsvg(),
    );
    logs.add_gz(&format!("old/{LIBRSVG}.gz"), &librsvg());
    logs.added(1, 2);
    logs.added(0, 3);
    logs.add("gnome-base:librsvg-2.50.4:20210405-111500.log", librsvg());
    logs.added(1, 3);
    assert_eq!(logs.builds().len(), 2);
}

#[test]
fn what_surrounds_the_block_changes_nothing() {
    let plain = librsvg();
    for (what, log) in [
        (
            "colours",
            plain.replace(" * ", " \x1b[32;01m*\x1b[39;49;00m "),
        ),
        ("crlf", plain.replace('\n', "\r\n")),
        (
            "no star",
            plain.replace(&block(), &block().replace(" * ", "")),
        ),
        ("long line", format!("{}\n{plain}", "x".repeat(1 << 20))),
        (
            "noise",
            plain.replace(" * Cache misses", "sed: 3\n * Cache misses"),
        ),
        ("block only", block()),
        ("no line feed", block().trim_end().to_owned()),
    ] {
        let logs = Logs::with(LIBRSVG, &log);
        let (out, status) = logs.sums();
        assert_eq!(status, 0, "{what}: {out}");
        let build = &logs.builds()[0];
        assert_eq!(
            (&build["hits"], &build["requests"]),
            (&144.into(), &193.into()),
            "{what}"
        );
        assert_eq!(build["outcome"], "merged", "{what}");
    }
}

#[test]
fn blocks_of_phases_add_up_and_the_one_before_prepare_is_not_the_builds() {
    let block = block();
    let log = librsvg()
        .replace(">>> Preparing", &format!("{block}>>> Preparing"))
        .replace(
            ">>> Source configured.\n",
            &format!("{block}>>> Source configured.\n"),
        )
        .replace(">>> Test phase", &format!("{block}>>> Test phase"));
    let logs = Logs::with(LIBRSVG, &log);
    logs.added(1, 0);
    let build = &logs.builds()[0];
    assert_eq!(
        (&build["hits"], &build["requests"]),
        (&432.into(), &579.into())
    );
    let phases: Vec<&String> = build["phases"].as_object().unwrap().keys().collect();
    assert_eq!(phases, ["configure", "compile", "build"]);
}

#[test]
fn half_a_block_is_named_and_never_taken_for_zeros() {
    let half = &librsvg()[..librsvg().find(" * Cache errors").unwrap()];
    let logs = Logs::with(LIBRSVG, half);
    let (out, status) = logs.sums();
    assert_eq!(status, 1);
    assert!(
        out.contains("0 builds added") && out.contains("1 not understood"),
        "{out}"
    );
    assert!(
        out.contains(LIBRSVG) && out.contains("`Cache errors` is not in it"),
        "{out}"
    );
    // With a whole block beside it the build is there, and half measured.
    let both = half.replace(">>> Test phase", &format!("{}>>> Test phase", block()));
    let logs = Logs::with(LIBRSVG, &both);
    assert_eq!(logs.sums().1, 1);
    assert_eq!(logs.builds()[0]["hits"], 144);
}

#[test]
fn a_failed_build_failed() {
    let log = librsvg();
    let at = log.find(">>> Source compiled").unwrap();
    let died =
        " * ERROR: gnome-base/librsvg-2.50.4::gentoo failed (compile phase):\n *   emake failed\n";
    let logs = Logs::with(LIBRSVG, &format!("{}{died}{}", &log[..at], block()));
    logs.added(1, 0);
    assert_eq!(logs.builds()[0]["outcome"], "failed");
    let late = log.replace(
        ">>> gnome-base",
        " * ERROR: gnome-base/librsvg-2.50.4::gentoo failed (postinst phase):\n>>> gnome-base",
    );
    let logs = Logs::with(LIBRSVG, &late);
    logs.added(1, 0);
    assert_eq!(logs.builds()[0]["outcome"], "merged");
    let logs = Logs::with(LIBRSVG, &format!("{}{}", &log[..at], block()));
    logs.added(1, 0);
    assert_eq!(logs.builds()[0]["outcome"], "interrupted");
}

#[test]
fn the_name_is_local_time() {
    // Central Europe's rules, without needing a time zone database.
    let zone = "CET-1CEST,M3.5.0,M10.5.0/3";
    for (date, expected) in [
        ("20210405-101500", "2021-04-05T08:15:00Z"),
        ("20210105-101500", "2021-01-05T09:15:00Z"),
        // Twice there: the first. Not there: no local time, so UTC.
        ("20211031-023000", "2021-10-31T00:30:00Z"),
        ("20210328-023000", "2021-03-28T02:30:00Z"),
    ] {
        let logs = Logs::with(&format!("a-b:c-1:{date}.log"), &block());
        assert!(logs.import(zone, &[]).status.success());
        assert_eq!(logs.builds()[0]["started_at"], expected, "{date}");
    }
}

#[test]
fn without_a_name_the_text_and_the_files_time_do() {
    let logs = Logs::with("build.log", &librsvg());
    let file = fs::File::options()
        .append(true)
        .open(logs.path("build.log"))
        .unwrap();
    let time = common::at("2022-02-02T02:02:02Z");
    file.set_modified(time.into()).unwrap();
    logs.added(1, 0);
    logs.added(0, 1);
    let build = &logs.builds()[0];
    assert_eq!(build["package"], "gnome-base/librsvg");
    assert_eq!(build["started_at"], "2022-02-02T02:02:02Z");
    let logs = Logs::with("build.log", &block());
    assert_eq!(logs.sums().1, 1);
}

#[test]
fn a_dry_run_shows_and_adds_nothing() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    let output = logs.import("UTC0", &["--dry-run"]);
    let out = common::out(&output);
    assert!(!logs.db.exists());
    for part in [
        "2021-04-05 10:15",
        "gnome-base/librsvg",
        "2.50.4",
        "merged",
        "193",
        "100.0 %",
        "74.6 %",
        "1 builds would be added",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_goes_on() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    logs.add("a-b:nothing-1:20210405-101500.log", "gcc -c a.c\n");
    let gz = logs.add_gz("a-b:cut-1:20210405-101500.log.gz", &librsvg());
    logs.add("a-b:cut-1:20210405-101500.log.gz", &gz[..gz.len() / 2]);
    logs.add("a-b:packed-1:20210405-101500.log.xz", "");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        logs.path("a-b:fifo-1:20210405-101500.log"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o600),
        0,
    )
    .unwrap();
    let (out, status) = logs.sums();
    assert_eq!(status, 2, "{out}");
    assert!(out.starts_with("2 logs read, 1 builds added, 0 already there, 1 logs without statistics, 1 not understood, 2 not readable\n"), "{out}");
    for part in [
        "a-b:cut-1:20210405-101500.log.gz: broken gzip",
        "fifo-1:20210405-101500.log: not a regular file",
        "compressed with xz",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let output = logs.import("UTC0", &["/nowhere"]);
    assert!(common::out(&output).contains("not readable: /nowhere"));
}

/// What the hook records, and the lines that it leaves in that build's log.
#[test]
fn a_build_that_the_hook_recorded_is_there() {
    let mut hooks = common::build(
        1,
        "gnome-base/librsvg",
        "2.50.4",
        "2021-04-05T10:15:07Z",
        common::rust_stats(53, 2),
    );
    hooks.finished_at = common::at("2021-04-05T10:16:12.345678Z");
    let mut again = hooks.clone();
    again.id = common::id(2);
    (again.started_at, again.finished_at) = (
        common::at("2021-04-05T12:00:03Z"),
        common::at("2021-04-05T12:01:00.5Z"),
    );
    let logs = Logs::new();
    common::record(&logs.db, &[hooks, again]);
    let rates = " * sccache: 53 hits, 2 misses, hit rate 96.4 %, coverage 70.5 %\n * sccache: cache 1 GiB of 10 GiB (10 %)\n";
    let full: String = print_block(&common::rust_stats(53, 2))
        .lines()
        .map(|line| format!(" * {line}\n"))
        .collect();
    let brief = librsvg().replace(&block(), rates);
    logs.add(LIBRSVG, &brief);
    logs.add(
        "gnome-base:librsvg-2.50.4:20210405-120000.log",
        librsvg().replace(&block(), &format!("{rates} * \n{full}")),
    );
    logs.added(0, 2);
    // A third with the same numbers is another build: each recorded one answers for one log.
    logs.add("gnome-base:librsvg-2.50.4:20210405-090000.log", &brief);
    logs.added(1, 2);
    let build = &logs.builds()[0];
    assert_eq!(build["hits"], 53);
    assert_eq!(build["requests"], serde_json::Value::Null);
    assert_eq!(build["coverage"], serde_json::Value::Null);
    assert_eq!(build["attribution"], "exact");
}

#[test]
fn a_summary_counts_before_the_recipes_block() {
    let rates = " * sccache: 53 hits, 2 misses, 1 errors, hit rate 96.4 %, coverage -\n * sccache: hits by phase: compile 53 of 55, test not measured\n";
    let logs = Logs::with(
        LIBRSVG,
        &librsvg().replace(" * Stopping", &format!("{rates} * Stopping")),
    );
    logs.added(1, 0);
    let build = &logs.builds()[0];
    assert_eq!((&build["hits"], &build["errors"]), (&53.into(), &1.into()));
    assert!(build["phases"]["test"].is_object(), "{build}");
}

#[test]
fn a_builds_own_line_is_the_build() {
    let mut build = common::build(
        7,
        "gnome-base/librsvg",
        "2.50.4",
        "2021-04-05T10:15:07Z",
        common::rust_stats(53, 2),
    );
    build.emerge = Some(common::emerge(1, "emerge librsvg", "2021-04-05T10:14:00Z"));
    let line = |build: &Build| {
        let json = serde_json::to_string(build).unwrap();
        format!(" * {BUILD_LINE}{json}\n")
    };
    let logs = Logs::with(LIBRSVG, &librsvg().replace(&block(), &line(&build)));
    logs.added(1, 0);
    let row = &logs.builds()[0];
    assert_eq!(row["id"], build.id.to_string());
    assert_eq!(row["emerge"], build.emerge.as_ref().unwrap().id.to_string());
    assert_eq!(
        (&build.phases[0].attribution, build.outcome),
        (&Attribution::Exact, Outcome::Merged)
    );
    logs.added(0, 1);
    build.package = "dev-libs/other".into();
    let logs = Logs::with(LIBRSVG, &librsvg().replace(&block(), &line(&build)));
    let (out, status) = logs.sums();
    assert!(status == 1 && out.contains("of another package"), "{out}");
}
