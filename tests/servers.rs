//! Every server that a build can meet, on a real Portage: whose it is, what it counted, and who ends it.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};

use support::builds::{SERVER, SHARED_NETWORK, assert_not_measured, only_build, root};
use support::{Root, ebuild};

#[test]
#[ignore = "needs root and the registries: make test"]
fn versions_without_and_with_sockets_count_the_same() {
    for version in ["0.8.2", "0.9.1", "0.16.0"] {
        for features in ["", SHARED_NETWORK] {
            let root = Root::new();
            root.sccache(version);
            let run = root
                .emerge_with(&[("FEATURES", features)], &["dev-test/many-clients"])
                .ok();
            let build = only_build(&root, &run);
            assert_eq!(build["requests"], 16, "{version} {features}: {build}");
            assert_eq!(build["misses"], 16, "{version} {features}");
            assert_eq!(build["sccache_version"], version, "{build}");
        }
    }
}

/// The plague this project was born from: a server of somebody else on the default port, whose TMPDIR is gone.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_foreign_server_is_neither_met_nor_ended() {
    let root =
        root("pkg_setup() { sccache gcc --version > /dev/null || die; }\nsrc_compile() { one a; }");
    let script = "mkdir /tmp/gone; TMPDIR=/tmp/gone SCCACHE_DIR=/tmp/other sccache --start-server; rm -r /tmp/gone\n\
                  emerge -1 dev-test/phases || exit\n\
                  sccache --show-stats | grep -E '^Compile requests +0$' || exit\n\
                  sccache --stop-server > /dev/null";
    for features in ["", SHARED_NETWORK] {
        let run = root
            .run_with(&[("FEATURES", features)], &["bash", "-c", script])
            .ok();
        assert!(
            run.log.contains("Compile requests                      0"),
            "{}",
            run.log
        );
    }
    assert_eq!(root.builds(&[]).len(), 2);
}

/// The user's own idle time-out is for a server that they run, not for the phase's.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_long_pause_within_a_phase_forgets_nothing() {
    for features in ["", SHARED_NETWORK] {
        let root = root("src_compile() { one a; sleep 4; one b; }");
        root.append("etc/portage/make.conf", "SCCACHE_IDLE_TIMEOUT=\"1\"");
        let run = root
            .emerge_with(&[("FEATURES", features)], &["dev-test/phases"])
            .ok();
        assert_eq!(only_build(&root, &run)["misses"], 2, "{}", run.log);
        let environment = root.environment("dev-test/phases-1.0");
        assert!(
            environment.contains("SCCACHE_IDLE_TIMEOUT=\"1\""),
            "theirs is kept"
        );
    }
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_server_that_hangs_or_dies_is_a_phase_not_measured() {
    for (end, why) in [
        ("kill -STOP $(server)", "did not answer"),
        ("slay", "was killed"),
        // However soon: within the second in which the first was started.
        ("slay; one b", "a second sccache server was started"),
        (
            "sccache --stop-server; one b",
            "was stopped, and another started",
        ),
        ("sccache --stop-server", "was stopped"),
        ("sccache --zero-stats; one b", "set to zero"),
    ] {
        for features in ["", SHARED_NETWORK] {
            let root = root(&format!(
                "{SERVER}src_configure() {{ one a; }}\nsrc_compile() {{ one a; {end}; }}"
            ));
            let run = root
                .emerge_with(&[("FEATURES", features)], &["dev-test/phases"])
                .ok();
            let build = only_build(&root, &run);
            assert_not_measured(&build, &run, why);
            assert_eq!(build["phases"]["configure"]["misses"], 1, "{build}");
            assert_eq!(build["misses"], 1);
        }
    }
}

/// Where sccache can't even start a server (it runs in another folder than its clients): nothing was killed.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_server_that_cannot_start_is_not_one_that_was_killed() {
    let root =
        root("src_compile() { echo 'int i;' > i.c; sccache gcc -c i.c; gcc -c i.c || die; }");
    root.append(
        "etc/portage/make.conf",
        "SCCACHE_SERVER_UDS=\"relative.sock\"",
    );
    let run = root.emerge(&["dev-test/phases"]);
    assert_not_measured(&only_build(&root, &run), &run, "could not start");
}

/// src_install is root's, whose servers log elsewhere. What is zeroed or stopped before it counted loses nothing, and
/// a clock that is set forward is no other server.
#[test]
#[ignore = "needs root and the registries: make test"]
fn what_a_server_went_through_is_known_in_every_phase() {
    for features in ["", SHARED_NETWORK] {
        let root = root(&format!(
            "{SERVER}src_compile() {{ sccache --zero-stats; sccache --stop-server; sccache --zero-stats; one a; }}\n\
             src_install() {{ one a; slay; one b; }}"
        ));
        let run = root
            .emerge_with(&[("FEATURES", features)], &["dev-test/phases"])
            .ok();
        let build = only_build(&root, &run);
        assert_eq!(build["phases"]["compile"]["misses"], 1, "{build}");
        let install = &build["phases"]["install"]["not_measured"];
        assert!(
            install
                .as_str()
                .unwrap()
                .contains("a second sccache server"),
            "{build}"
        );
        assert_eq!(fs::read_dir(root.file("tmp")).unwrap().count(), 0);
    }
}

/// An sccache that answers garbage can't be had: a script stands in for it at the phase's end.
#[test]
#[ignore = "needs root and the registries: make test"]
fn garbage_for_an_answer_is_a_phase_not_measured() {
    let root = root("src_compile() { one a; }");
    let fake = "#!/bin/bash\n[[ $1 != --show-stats && $1 != --stop-server ]] || { echo '{\"stats\": 7'; exit 0; }\nexec /mnt/gentoo/usr/bin/sccache.real \"$@\"";
    let sccache = root.file("usr/bin/sccache");
    std::fs::rename(&sccache, root.file("usr/bin/sccache.real")).unwrap();
    root.append("usr/bin/sccache", fake);
    std::fs::set_permissions(
        &sccache,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let run = root.emerge_with(&[], &["dev-test/phases"]).ok();
    assert_not_measured(&only_build(&root, &run), &run, "could not be read");
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_server_that_outlives_a_killed_emerge_ends_by_itself() {
    // A name of its own, since all of the host's processes are looked at.
    let root = Root::new();
    root.ebuild(
        "dev-test/outlives-1.0",
        &ebuild("src_compile() { one a; echo sleeping now; sleep 300; }"),
    );
    let mut running = root.start(
        &[("FEATURES", SHARED_NETWORK)],
        &["emerge", "-1", "dev-test/outlives"],
    );
    running.until("sleeping now");
    let environments = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| {
            let environment = std::fs::read(process.path().join("environ")).ok()?;
            let environment = String::from_utf8_lossy(&environment).into_owned();
            let ours = environment.contains("SCCACHE_START_SERVER=1")
                && environment.contains("dev-test/outlives-1.0");
            ours.then_some(environment)
        });
    let environments: Vec<String> = environments.collect();
    assert_eq!(environments.len(), 1);
    let timeout = environments[0]
        .split('\0')
        .find_map(|line| line.strip_prefix("SCCACHE_IDLE_TIMEOUT="));
    assert!(
        (1..=86_400).contains(&timeout.unwrap().parse::<u64>().unwrap()),
        "{timeout:?}"
    );
    running.signal("KILL");
    running.wait();
}

/// sccache is called by the ebuild alone: nothing in the environment tells.
#[test]
#[ignore = "needs root and the registries: make test"]
fn an_ebuild_that_calls_sccache_by_itself_is_counted_too() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "RUSTC_WRAPPER=\"\"");
    let run = root
        .emerge_with(&[("FEATURES", SHARED_NETWORK)], &["dev-test/many-clients"])
        .ok();
    assert_eq!(only_build(&root, &run)["misses"], 16);
}

/// Where even the ebuild doesn't tell, servers may race for the socket. Then the numbers aren't known, and none is left.
#[test]
#[ignore = "needs root and the registries: make test"]
fn servers_that_raced_are_no_numbers_and_none_is_left() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "RUSTC_WRAPPER=\"\"");
    let compile = "src_compile() { local n c=\"s\"ccache; for n in {1..16}; do echo \"int i$n;\" > $n.c; done; \
                   for n in {1..16}; do $c gcc -c $n.c & done; wait; }";
    root.ebuild(
        "dev-test/hidden-1.0",
        &format!("EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${{WORKDIR}}\n{compile}"),
    );
    let run = root
        .emerge_with(&[("FEATURES", SHARED_NETWORK)], &["dev-test/hidden"])
        .ok();
    let build = only_build(&root, &run);
    match build["phases"]["compile"]["measured"].as_bool() {
        // No two met: then all is counted.
        Some(true) => assert_eq!(build["misses"], 16, "{build}"),
        _ => assert_not_measured(&build, &run, "servers were started at once"),
    }
}

/// A port that the hook chose may belong to somebody: they are neither asked nor stopped. (The hook draws its ports at
/// random, so a collector is called as the hook calls it.)
#[test]
fn a_stranger_at_the_port_is_left_alone() {
    let t = tempfile::tempdir().unwrap();
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sccache-collect"))
        .args(["phase", "--own", "--started", "1700000000"])
        .envs([
            ("CATEGORY", "dev-test"),
            ("PN", "x"),
            ("PVR", "1"),
            ("EBUILD_PHASE", "compile"),
        ])
        .env("T", t.path())
        .env("SCCACHE_SERVER_UDS", t.path().join(".sccache-report.sock"))
        .env(
            "SCCACHE_SERVER_PORT",
            stranger.local_addr().unwrap().port().to_string(),
        )
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    assert!(stranger.accept().is_err(), "nobody called");
    assert!(!t.path().join(".sccache-report").exists());
}

/// The hook's own draw, in a shell whose random numbers are known beforehand.
#[test]
fn a_port_that_somebody_has_is_not_drawn() {
    let script = "EBUILD_PHASE=depend; . hooks/sccache-report.sh; RANDOM=7; echo $((16384 + (RANDOM ^ BASHPID) % 16384)); read; \
                  RANDOM=7; ___sccache_report_draw_port; echo ${___sccache_report_port}; \
                  read; RANDOM=7; ___sccache_report_draw_port; echo ${___sccache_report_port}";
    let mut bash = std::process::Command::new("bash")
        .args(["-c", script])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (mut enter, mut lines) = (
        bash.stdin.take().unwrap(),
        BufReader::new(bash.stdout.take().unwrap()).lines(),
    );
    let mut port = || lines.next().unwrap().unwrap().parse::<u16>().unwrap();
    let first = port();
    let somebody = std::net::TcpListener::bind(("127.0.0.1", first)).unwrap();
    enter.write_all(b"\n").unwrap();
    assert_ne!(port(), first);
    drop(somebody);
    enter.write_all(b"\n").unwrap();
    assert_eq!(port(), first, "the test's own: nobody has it any more");
    bash.wait().unwrap();
}

/// From 0.17 on clients can do the work themselves. PyPI has no such version: it is built from the crate, once, in minutes.
#[test]
#[ignore = "needs root and the registries: make test"]
fn client_side_mode_counts_hits_without_requests() {
    let root = Root::new();
    root.sccache("0.19.0")
        .append("etc/portage/make.conf", "SCCACHE_CLIENT_SIDE=\"1\"");
    for (features, hits) in [("", 0), (SHARED_NETWORK, 25)] {
        root.emerge_with(&[("FEATURES", features)], &["dev-test/many-files"])
            .ok();
        let build = root.builds(&[]).pop().unwrap();
        assert_eq!(build["requests"], 0, "{build}");
        assert_eq!(
            (&build["hits"], &build["misses"]),
            (&hits.into(), &(25 - hits).into()),
            "{build}"
        );
        assert_eq!(build["sccache_version"], "0.19.0");
    }
}

/// Subshells that die together each tell the phase's end, and so does the EXIT trap after them: it is counted once.
#[test]
#[ignore = "needs root and the registries: make test"]
fn an_end_that_is_told_many_times_is_counted_once() {
    let phases = "src_compile() { one a; one b; local n; for n in 1 2 3 4; do ( die now ) & done; wait; die now; }";
    let dying = root(phases);
    let run = dying.emerge_with(&[], &["dev-test/phases"]).failed();
    assert_eq!(only_build(&dying, &run)["misses"], 2, "{}", run.log);
}
