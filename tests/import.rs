//! `sccache-collect import`: logs as users have them, and what becomes of them.

mod common;

use std::fs;

use common::logs::{LIBRSVG, Logs, block, librsvg};

#[test]
fn the_log_of_librsvg_becomes_one_build() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    let (out, status) = logs.sums();
    assert_eq!(status, 0);
    assert_eq!(
        out,
        "1 log read, 1 build added, 0 already there, 0 logs without statistics, 0 not understood, 0 not readable\n"
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
        ("errors", 0.into()),
        ("compile_failures", 0.into()),
        ("started_at", "2021-04-05T10:15:00Z".into()),
    ] {
        assert_eq!(build[name], value, "{name}");
    }
    assert_eq!(build["languages"]["Rust"]["hits"], 144);
    assert_eq!(
        build["not_cached"],
        serde_json::json!({"crate-type": 47, "-": 2})
    );
    let phase = &build["phases"]["build"];
    assert_eq!(
        phase["cache_location"],
        "Local disk: \"/var/cache/sccache\""
    );
    assert_eq!(phase["cache_size_bytes"], 261 << 20);
    assert_eq!(phase["max_cache_size_bytes"], 10_u64 << 30);
    // Neither line is in a log of that time.
    assert_eq!(phase["writes"], serde_json::Value::Null);
    assert_eq!(phase["sccache_version"], serde_json::Value::Null);
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
    // A copy, whatever its file's time and name.
    logs.add("copies/librsvg.log", librsvg());
    logs.add_gz("copies/build.log.gz", &librsvg());
    logs.added(0, 3);
    logs.add("another.log", librsvg().replace("0.000 s", "0.001 s"));
    logs.added(1, 3);
    let logs = Logs::with("build.log", &block());
    assert_eq!(logs.sums().1, 1);
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
    logs.add(
        "a-b:random-1:20210405-101500.log.gz",
        [7, 99, 200, 3, 10, 11],
    );
    let late = gz.len() - 4;
    logs.add("a-b:cut-late-1:20210405-101500.log.gz", &gz[..late]);
    let (out, status) = logs.sums();
    assert_eq!(status, 2, "{out}");
    // Of the log that lacks its last bytes all is there.
    assert!(out.starts_with("5 logs read, 2 builds added, 0 already there, 1 log without statistics, 4 not understood, 1 not readable\n"), "{out}");
    for part in [
        "not understood: ",
        "a-b:cut-1:20210405-101500.log.gz: broken gzip: cut off",
        "a-b:cut-late-1:20210405-101500.log.gz: broken gzip: cut off",
        "a-b:random-1:20210405-101500.log.gz: broken gzip: ",
        "fifo-1:20210405-101500.log: not a regular file",
        "compressed with xz",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let output = logs.import("UTC0", &["/nowhere"]);
    assert!(common::out(&output).contains("not readable: /nowhere"));
}

/// A recipe that prints in each phase and never stops the server.
#[test]
fn numbers_that_grow_from_block_to_block_are_one_servers() {
    let show = block().replace(" * Stopping sccache server...\n", "");
    let half = show
        .replace("   193", "   100")
        .replace("   144", "    70")
        .replace("    49", "    30")
        .replace("    47", "    28");
    let with = |configure: &str, compile: &str, end: &str| {
        let log = librsvg()
            .replace(&block(), end)
            .replace(
                ">>> Source configured.\n",
                &format!("{configure}>>> Source configured.\n"),
            )
            .replace(">>> Test phase", &format!("{compile}>>> Test phase"));
        let logs = Logs::with(LIBRSVG, &log);
        let (said, status) = logs.sums();
        assert_eq!(status, 0, "{said}");
        let build = logs.builds().remove(0);
        let number = |name: &str| build[name].as_u64().unwrap();
        let grew = said.contains("1 log in which the numbers of one server seem to grow");
        (
            number("hits"),
            number("requests"),
            number("non_cacheable"),
            grew,
        )
    };
    let stop = block();
    let failed = " * Stopping sccache server...\n * error: couldn't connect to server\n";
    // Half of it, then all of it, then the same once more as the server is stopped.
    assert_eq!(with(&half, &show, &stop), (144, 193, 49, true));
    // Stopped in between, with or without numbers: another server.
    assert_eq!(with(&stop, &stop, ""), (288, 386, 98, false));
    assert_eq!(
        with(&half, "", &format!("{failed}{show}")),
        (214, 293, 79, false)
    );
    // A counter went down: it was restarted.
    assert_eq!(with(&show, &half, ""), (214, 293, 79, false));
    assert_eq!(with("", &show, ""), (144, 193, 49, false));
}
