//! `sccache-collect import` of logs as users have them.

use std::fs;

use crate::support;
use crate::support::logs::{LIBRSVG, Logs, block, librsvg};

#[test]
fn the_log_of_librsvg_becomes_one_build() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    let (out, status) = logs.sums();
    assert_eq!(status, 0);
    assert_eq!(
        out,
        "1 log read, 1 build added, 0 already there, 0 logs without statistics, 0 not imported, 0 not understood, 0 not readable\n"
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
        out.contains(LIBRSVG) && out.contains("`Cache errors` is missing"),
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
fn dates_in_names_are_utc_in_every_time_zone() {
    for zone in ["UTC0", "XXX-9", "XXX+5", "CET-1CEST,M3.5.0,M10.5.0/3"] {
        // Twice there, or not there, by Central Europe's clocks.
        for date in ["20210405-101500", "20211031-023000", "20210328-023000"] {
            let logs = Logs::with(&format!("a-b:c-1:{date}.log"), &block());
            assert!(logs.import(zone, &[]).status.success());
            let started_at = logs.builds()[0]["started_at"].clone();
            let digits = started_at.as_str().unwrap().replace(['-', ':', 'Z'], "");
            assert_eq!(digits.replace('T', "-"), date, "{zone}");
        }
    }
}

#[test]
fn without_a_name_the_text_and_the_files_time_do() {
    let logs = Logs::with("build.log", &librsvg());
    let file = fs::File::options()
        .append(true)
        .open(logs.path("build.log"))
        .unwrap();
    let time = support::at("2022-02-02T02:02:02Z");
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
    logs.add("a-b:packed-1:20210405-101500.log.xz", "no xz");
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
    assert!(out.starts_with("6 logs read, 2 builds added, 0 already there, 1 log without statistics, 0 not imported, 4 not understood, 1 not readable\n"), "{out}");
    for part in [
        "not understood: ",
        "a-b:cut-1:20210405-101500.log.gz: gzip can't decompress all of it",
        "a-b:cut-late-1:20210405-101500.log.gz: gzip can't decompress all of it",
        "a-b:random-1:20210405-101500.log.gz: gzip can't decompress all of it",
        "fifo-1:20210405-101500.log: not a regular file",
        "xz can't decompress all of it",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let output = logs.import("UTC0", &["/nowhere"]);
    assert!(support::out(&output).contains("not readable: /nowhere"));
}

/// Blocks of a server at the end of configure, at the end of compile, and in preinst.
fn log_with(configure: &str, compile: &str, preinst: &str) -> String {
    let mark = ">>> Source configured.\n";
    librsvg()
        .replace(&block(), preinst)
        .replace(mark, &format!("{configure}{mark}"))
        .replace(">>> Test phase", &format!("{compile}>>> Test phase"))
}

/// The block of a server that runs on, and what it printed halfway.
fn running() -> (String, String) {
    let show = block().replace(" * Stopping sccache server...\n", "");
    let half = show
        .replace("   193", "   100")
        .replace("   144", "    70")
        .replace("    49", "    30")
        .replace("    47", "    28");
    (show, half)
}

#[test]
fn only_what_a_running_server_counted_in_between_is_the_builds() {
    let (show, half) = running();
    let stop = block();
    let failed = " * Stopping sccache server...\n * error: couldn't connect to server\n";
    for (configure, compile, preinst, hits, phases) in [
        // The difference, in the phase that counted it.
        (half.as_str(), show.as_str(), "", 74, vec!["compile"]),
        (&half, "", &show, 74, vec!["build"]),
        // The server that is stopped counted nothing later: all of it, by phase.
        (&half, &show, &stop, 144, vec!["configure", "compile"]),
        (&half, "", &stop, 144, vec!["configure", "build"]),
        // The same numbers again are a copy, unless another phase counted them.
        (&stop, &stop, "", 288, vec!["configure", "compile"]),
        ("", "", &stop.repeat(3), 144, vec!["build"]),
        ("", "", &(stop.clone() + &show), 144, vec!["build"]),
        ("", "", &(show.clone() + &stop), 144, vec!["build"]),
        // A new server after each stop.
        (&stop, &show, "", 288, vec!["configure", "compile"]),
    ] {
        let logs = Logs::with(LIBRSVG, &log_with(configure, compile, preinst));
        logs.added(1, 0);
        let build = &logs.builds()[0];
        assert_eq!(
            (&build["hits"], &build["attribution"]),
            (&hits.into(), &"shared".into())
        );
        assert_eq!(support::keys(&build["phases"]), phases);
    }
    // Another server, whose start nobody saw.
    for (configure, compile, preinst) in [
        (show.as_str(), half.as_str(), ""),
        ("", show.as_str(), ""),
        ("", "", show.as_str()),
        ("", "", &show.repeat(3)),
        ("", &show, &show),
        (failed, show.as_str(), ""),
    ] {
        let logs = Logs::with(LIBRSVG, &log_with(configure, compile, preinst));
        let (out, status) = logs.sums();
        assert_eq!(status, 1, "{out}");
        assert!(
            out.contains(" 0 builds added") && out.contains("\nnot imported: "),
            "{out}"
        );
        assert!(
            out.contains(LIBRSVG) && out.contains("running totals"),
            "{out}"
        );
    }
}

/// preinst reaches the host's server, and a src phase may have had its own.
#[test]
fn a_server_of_the_host_is_not_the_one_that_a_phase_stopped() {
    let (show, half) = running();
    let logs = Logs::with(
        LIBRSVG,
        &log_with("", &block(), &show.replace("144", "150")),
    );
    let (out, status) = logs.sums();
    assert!(status == 1 && out.contains("1 build added"), "{out}");
    assert!(out.contains("1 not imported"), "{out}");
    assert_eq!(logs.builds()[0]["hits"], 144);
    // A server runs before src_configure only where there is one for all.
    let log = librsvg().replace(&block(), &half);
    let mark = ">>> Preparing source";
    let logs = Logs::with(LIBRSVG, &log.replace(mark, &format!("{}{mark}", block())));
    logs.added(1, 0);
    assert_eq!(logs.builds()[0]["hits"], 70);
}

#[test]
fn a_server_that_ran_before_the_build_counts_from_there() {
    let (show, half) = running();
    let with_setup = |setup: &str, log: &str| {
        log.replace(
            ">>> Unpacking source",
            &format!("{setup}>>> Unpacking source"),
        )
    };
    for (preinst, hits) in [(&show, 74), (&block(), 74)] {
        let logs = Logs::with(LIBRSVG, &with_setup(&half, &log_with("", "", preinst)));
        logs.added(1, 0);
        assert_eq!(logs.builds()[0]["hits"], hits);
    }
    // The one before was stopped in pkg_setup: it isn't the build's.
    for preinst in [
        &half,
        &half.replace(
            " * Compile requests  ",
            " * Stopping sccache server...\n * Compile requests  ",
        ),
    ] {
        let logs = Logs::with(LIBRSVG, &with_setup(&block(), &log_with("", "", preinst)));
        logs.added(1, 0);
        assert_eq!(logs.builds()[0]["hits"], 70);
    }
    // Another one was stopped in preinst.
    let logs = Logs::with(
        LIBRSVG,
        &with_setup(
            &show,
            &log_with(
                "",
                "",
                &half.replacen(" * Compile", " * Stopping sccache server...\n * Compile", 1),
            ),
        ),
    );
    logs.added(1, 0);
    assert_eq!(logs.builds()[0]["hits"], 70);
    // Totals at the start alone are still totals.
    let logs = Logs::with(LIBRSVG, &with_setup(&show, &log_with("", "", "")));
    assert_eq!(logs.sums().1, 1);
}

/// Of large sums with averages to the millisecond the difference is noise.
#[test]
fn seconds_are_unknown_where_the_difference_is_noise() {
    let (show, half) = running();
    let misses = |text: &str, count: &str| {
        text.replace(
            "Cache misses                          0",
            &format!("Cache misses {count}"),
        )
        .replace("read miss           0.000 s", "read miss 0.311 s")
    };
    for (before, now, known) in [("10", "60", true), ("100000", "100050", false)] {
        let logs = Logs::with(
            LIBRSVG,
            &log_with(&misses(&half, before), "", &misses(&show, now)),
        );
        logs.added(1, 0);
        let phase = &logs.builds()[0]["phases"]["build"];
        assert_eq!(phase["misses"], 50);
        assert_eq!(phase["compiler_seconds"].is_number(), known, "{phase}");
    }
}

#[test]
fn a_binary_package_made_beside_the_merge_is_merged() {
    let end = librsvg().find(">>> Merging").unwrap();
    let log = &librsvg()[..end];
    let block = block();
    for (log, outcome) in [
        (
            format!("{log}>>> Creating binpkg for gnome-base/librsvg-2.50.4\n"),
            "merged",
        ),
        (
            log.replace(&block, &format!(">>> Creating binpkg\n{block}")),
            "merged",
        ),
        // A recipe that prints at the end of install.
        (
            log.replace(&block, "")
                .replace(">>> Completed", &format!("{block}>>> Completed"))
                + ">>> Creating binpkg\n",
            "merged",
        ),
        // What the hook prints with --buildpkgonly.
        (
            log.replace(
                &block,
                ">>> Creating binpkg\n * sccache: 1 hit, 0 misses, hit rate 100.0 %, coverage -\n * sccache: outcome: packaged\n",
            ),
            "packaged",
        ),
    ] {
        let logs = Logs::with(LIBRSVG, &log);
        logs.added(1, 0);
        assert_eq!(logs.builds()[0]["outcome"], outcome, "{log}");
    }
}

/// As loggers, CI systems and recipes put it before each line.
#[test]
fn what_stands_before_each_line_is_removed() {
    let prefixed = |text: &str, prefix: &dyn Fn(usize) -> String| -> String {
        let lines = text.lines().enumerate();
        lines
            .map(|(n, line)| format!("{}{line}\n", prefix(n)))
            .collect()
    };
    let clock = |n: usize| format!("12:{:02}:{:02} | ", n / 60, n % 60);
    let rfc3339 = |n: usize| format!("2021-04-05T10:{:02}:{:02}.123Z ", n / 60, n % 60);
    let boot = |n: usize| format!("[{:9.3}] ", 9.5 * n as f64);
    let tag = |_: usize| "[gnome-base/librsvg] ".to_owned();
    let number = |n: usize| format!("{}: ", n + 95);
    let hour = |n: usize| format!("{}:{:02} ", 9 + n / 30, n % 30);
    let prefixes: [&dyn Fn(usize) -> String; 6] = [&clock, &rfc3339, &boot, &tag, &number, &hour];
    for prefix in prefixes {
        let whole = prefixed(&librsvg(), prefix);
        let statistics = librsvg().replace(&block(), &prefixed(&block(), prefix));
        let failure = " * ERROR: gnome-base/librsvg-2.50.4::gentoo failed (compile phase):\n";
        let end = librsvg().find(">>> Source compiled").unwrap();
        let failed = format!("{}{failure}{}", &librsvg()[..end], block());
        let failed = prefixed(&failed, prefix);
        for (log, outcome) in [
            (whole, "merged"),
            (statistics, "merged"),
            (failed, "failed"),
        ] {
            let logs = Logs::with(LIBRSVG, &log);
            logs.added(1, 0);
            let build = &logs.builds()[0];
            assert_eq!(
                (
                    &build["hits"],
                    &build["requests"],
                    &build["not_cached"]["crate-type"]
                ),
                (&144.into(), &193.into(), &47.into()),
                "{log}"
            );
            assert_eq!(build["outcome"], outcome, "{log}");
        }
    }
    for log in [
        // The prefix grows, the text goes on after each line, all of it is one line.
        prefixed(&librsvg(), &|n| format!("{} ", "x".repeat(n + 1))),
        librsvg()
            .lines()
            .map(|line| format!("{{\"log\":\"{line}\\n\"}}\n"))
            .collect(),
        librsvg().replace('\n', "\\n") + "\n",
    ] {
        let (out, status) = Logs::with(LIBRSVG, &log).sums();
        assert!(status == 1 && out.contains("1 not understood"), "{out}");
    }
}

#[test]
fn messages_for_people_are_no_second_build() {
    let copy = "elog/gnome-base:librsvg-2.50.4:20210405-103000.log";
    let logs = Logs::with(LIBRSVG, &librsvg());
    logs.add(copy, librsvg());
    // In a folder they are not looked at, and the same holds if both are named.
    logs.added(1, 0);
    for paths in [[copy, LIBRSVG], [LIBRSVG, copy]] {
        let fresh = Logs::with(LIBRSVG, &librsvg());
        fresh.add(copy, librsvg());
        let paths = paths.map(|path| fresh.path(path).display().to_string());
        for added in ["would be added", "added"] {
            let mut args = vec![paths[0].as_str(), &paths[1]];
            if added != "added" {
                args.push("--dry-run");
            }
            let out = support::out(&fresh.import("UTC0", &args));
            assert!(
                out.contains(&format!("1 build {added}, 1 already")),
                "{out}"
            );
        }
        assert_eq!(fresh.builds().len(), 1);
        assert_eq!(fresh.builds()[0]["started_at"], "2021-04-05T10:15:00Z");
    }
    // Under other names and in other folders, a copy of the log itself included.
    let moved = Logs::with(LIBRSVG, &librsvg());
    let messages = format!("LOG: preinst\n{}", block());
    moved.add("gnome-base:librsvg-2.50.4:20210405-103000.log", messages);
    moved.add("kept/librsvg.log", librsvg());
    moved.added(1, 2);
    assert_eq!(moved.builds()[0]["started_at"], "2021-04-05T10:15:00Z");
    // The log is gone.
    let alone = Logs::new();
    alone.add(
        "elog/gnome-base/librsvg-2.50.4:20210405-103000.log",
        librsvg(),
    );
    let path = alone.path("elog").display().to_string();
    assert!(alone.import("UTC0", &[&path]).status.success());
    assert_eq!(alone.builds().len(), 1);
}

#[test]
fn file_times_may_be_impossible() {
    for name in [LIBRSVG, "build.log"] {
        let logs = Logs::with(name, &librsvg());
        let touched = std::process::Command::new("touch")
            .args(["-d", "2400-01-01"])
            .arg(logs.path(name))
            .status();
        assert!(touched.unwrap().success());
        let (out, status) = logs.sums();
        let understood = name == LIBRSVG;
        assert_eq!(status, i32::from(!understood), "{out}");
        assert_eq!(
            out.contains("modification time is invalid"),
            !understood,
            "{out}"
        );
    }
    let (out, status) = Logs::with("a-b:c-1:20990405-101500.log", &block()).sums();
    assert!(status == 1 && out.contains("in the future"), "{out}");
}

#[test]
fn links_lead_to_regular_files_alone() {
    let logs = Logs::new();
    logs.add("folder/a-b:real-1:20210405-101500.txt", block());
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, logs.path(name)).unwrap();
    };
    link(
        "folder/a-b:real-1:20210405-101500.txt",
        "a-b:link-1:20210405-101500.log",
    );
    link("/dev/zero", "a-b:zero-1:20210405-101500.log");
    link("/dev/tty", "a-b:tty-1:20210405-101500.log");
    link("loop.log", "loop.log");
    // Regular files by their type, of which one waits for the kernel to log something.
    link("/proc/kmsg", "a-b:kmsg-1:20210405-101500.log");
    let (out, status) = logs.sums();
    assert_eq!(status, 2, "{out}");
    assert!(
        out.contains(" 1 build added") && out.contains(" 3 not readable"),
        "{out}"
    );
    assert_eq!(out.matches("not a regular file").count(), 2, "{out}");
}

#[test]
fn a_version_must_look_like_one() {
    let log = |version: &str| {
        block().replace(
            " * Cache size",
            &format!(" * Version (client)              {version}\n * Cache size"),
        )
    };
    for (version, expected) in [("0.16.0", Some("0.16.0")), ("=cmd|' /C calc'!A0", None)] {
        let logs = Logs::with(LIBRSVG, &librsvg().replace(&block(), &log(version)));
        logs.added(1, 0);
        assert_eq!(logs.builds()[0]["sccache_version"].as_str(), expected);
    }
}

#[test]
fn progress_is_shown_on_a_terminal_and_cleared_at_the_end() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    let program = assert_cmd::cargo::cargo_bin!("sccache-collect");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(program);
    command
        .arg("import")
        .arg("--db")
        .arg(&logs.db)
        .arg(logs.path(""));
    let (status, shown, _) = support::terminal::run_on_terminal(&mut command, 80);
    assert_eq!(status, Some(0));
    let start = "\r0 of 1 logs\r\u{1b}[K1 log read, 1 build added";
    assert!(shown.starts_with(start), "{shown:?}");
}

/// The same build directory twice: a failed build that was resumed, and `ebuild` run again.
#[test]
fn each_attempt_in_a_log_is_a_build() {
    let rates = |hits| format!(" * sccache: {hits} hits, 2 misses, hit rate 90.0 %, coverage -\n");
    let died =
        " * ERROR: gnome-base/librsvg-2.50.4::gentoo failed (compile phase):\n *   emake failed\n";
    let log = librsvg();
    let at = log.find(">>> Source compiled").unwrap();
    let failed = format!("{}{died}{}", &log[..at], rates(11));
    let phases = " * sccache: hits by phase: compile 12 of 14, test not measured\n * sccache: saved 35 s of \
         1 min 19 s of processor time (44 %; exact for 93 %)\n";
    let interrupted = format!("{}{}{phases}", &log[..at], rates(12));
    let merged = log.replace(&block(), &rates(13));
    let logs = Logs::with(LIBRSVG, &format!("{failed}{interrupted}{merged}"));
    logs.added(3, 0);
    logs.added(0, 3);
    let mut builds: Vec<_> = logs
        .builds()
        .iter()
        .map(|build| {
            format!(
                "{} {} {}",
                build["hits"],
                build["outcome"],
                build["phases"].as_object().unwrap().len()
            )
        })
        .collect();
    builds.sort();
    assert_eq!(
        builds,
        ["11 \"failed\" 1", "12 \"interrupted\" 2", "13 \"merged\" 1"]
    );
    // The log when only the first attempt had ended has one of these builds.
    logs.add(LIBRSVG, failed);
    logs.added(0, 1);
}
