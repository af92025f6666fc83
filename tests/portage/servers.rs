//! Every kind of server that a build can meet: its owner, its numbers, and its end.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::portage::builds::{
    SERVER, SHARED_NETWORK, assert_not_measured, assert_phase_not_measured, assert_rows,
    only_build, root,
};
use crate::support::portage::{Root, ebuild};

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn versions_without_and_with_sockets_count_the_same() {
    for version in ["0.8.2", "0.9.1", "0.16.0"] {
        for features in ["", SHARED_NETWORK] {
            let root = Root::new();
            root.sccache(version);
            let mut run = root.emerge_with(&[("FEATURES", features)], &["dev-test/many-clients"]);
            // The hook doesn't stop this server, which ends when it is idle.
            if version == "0.8.2" && features == SHARED_NETWORK {
                run.leftovers.clear();
            }
            let run = run.ok();
            let build = only_build(&root, &run);
            if version == "0.8.2" && features == SHARED_NETWORK {
                assert_not_measured(&build, &run, "sccache before 0.9");
                continue;
            }
            assert_eq!(build["requests"], 16, "{version} {features}: {build}");
            assert_eq!(build["misses"], 16, "{version} {features}");
            assert_eq!(build["sccache_version"], version, "{build}");
        }
    }
}

/// Another user's server listens on the default port, and its TMPDIR no longer exists.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// The user's idle timeout doesn't apply to a phase's server.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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
#[ignore = "needs the real Portage: root and package registries"]
fn a_server_that_hangs_or_dies_is_a_phase_not_measured() {
    let ends = [
        ("unpack", "kill -STOP $(server)", "did not answer"),
        ("prepare", "slay", "was killed"),
        // Even within the second in which the first was started.
        (
            "compile",
            "slay; one b",
            "a second sccache server was started",
        ),
        (
            "test",
            "sccache --stop-server; one b",
            "was stopped, and another one was started",
        ),
    ];
    assert_ends_not_measured(&ends);
    let ends = [
        ("compile", "sccache --stop-server", "was stopped"),
        ("test", "sccache --zero-stats; one b", "were reset"),
    ];
    assert_ends_not_measured(&ends);
}

/// Ends each of these phases in its own way, and asserts why it was not measured; the configure phase is measured.
#[track_caller]
fn assert_ends_not_measured(ends: &[(&str, &str, &str)]) {
    let mut phases = format!("{SERVER}src_configure() {{ one a; }}\n");
    for (phase, end, _) in ends {
        phases += &format!("src_{phase}() {{ one a; {end}; }}\n");
        if *phase == "prepare" {
            // Required by EAPI 8.
            phases = phases.replace("src_prepare() {", "src_prepare() { default;");
        }
    }
    for features in ["test", "test -network-sandbox -pid-sandbox"] {
        let root = root(&phases);
        let run = root
            .emerge_with(&[("FEATURES", features)], &["dev-test/phases"])
            .ok();
        let build = only_build(&root, &run);
        for (phase, _, why) in ends {
            assert_phase_not_measured(phase, &build, &run, why);
        }
        assert_eq!(build["phases"]["configure"]["misses"], 1, "{build}");
        assert_eq!(build["misses"], 1);
    }
}

/// sccache can't start a server, because it runs in another folder than its clients.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// src_install runs as root. A server that is zeroed or stopped before it counted anything loses nothing.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// A script in place of sccache prints garbage at the end of the phase.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn garbage_for_an_answer_is_a_phase_not_measured() {
    let root = root("src_compile() { one a; }");
    let fake =
        "[[ $1 != --show-stats && $1 != --stop-server ]] || { echo '{\"stats\": 7'; exit 0; }";
    root.replace_program("sccache", fake);
    let run = root.emerge_with(&[], &["dev-test/phases"]).ok();
    assert_not_measured(&only_build(&root, &run), &run, "could not be read");
}

/// After Ctrl-C, emerge sends SIGTERM to the phase, which then ends already. With pid-sandbox, its process group gets that.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_signal_while_the_server_is_stopped_loses_nothing() {
    let stop = "[[ $1 != --stop-server ]] || { \"$0.real\" \"$@\"; status=$?;\n\
                read -r _ _ _ _ group _ < /proc/$PPID/stat; kill -s SIGNAL -- -${group}; exit ${status}; }";
    for (signal, end) in [
        ("TERM", "die now"),
        ("INT", "exit 1"),
        ("TERM", "exit 1"),
        ("TERM", ":"),
        ("INT", ":"),
    ] {
        let root = root(&format!("src_compile() {{ one a; one b; {end}; }}"));
        root.replace_program("sccache", &stop.replace("SIGNAL", signal));
        let bashrc = root.read("etc/portage/bashrc");
        let trap = "[[ ${EBUILD_PHASE} != compile ]] || trap 'trap -p TERM' EXIT";
        fs::write(root.file("etc/portage/bashrc"), format!("{trap}\n{bashrc}")).unwrap();
        let run = root.emerge_with(&[], &["dev-test/phases"]).failed();
        assert_rows(&root, &run, &[("failed", 2, "compile")]);
        assert!(!run.log.contains("not measured"), "{}", run.log);
        assert_eq!(
            run.log.matches("trap -- 'exit 1' SIGTERM").count(),
            1,
            "{}",
            run.log
        );
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_server_that_outlives_a_killed_emerge_ends_by_itself() {
    // A unique name, since the test inspects all processes of the host.
    let root = Root::new();
    root.ebuild(
        "dev-test/outlives-1.0",
        &ebuild("src_compile() { one a; echo sleeping now; sleep 300; }"),
    );
    let mut running = root.start(
        &[("FEATURES", SHARED_NETWORK)],
        &["emerge", "-1", "dev-test/outlives"],
    );
    running.wait_for("sleeping now");
    let environments = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| {
            let environment = fs::read(process.path().join("environ")).ok()?;
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

/// Only the ebuild calls sccache; the environment doesn't mention it.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn an_ebuild_that_calls_sccache_by_itself_is_counted_too() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "RUSTC_WRAPPER=\"\"");
    let run = root
        .emerge_with(&[("FEATURES", SHARED_NETWORK)], &["dev-test/many-clients"])
        .ok();
    assert_eq!(only_build(&root, &run)["misses"], 16);
}

/// The ebuild hides that it calls sccache, so servers may race for the socket. Then the numbers are unknown, and no server is
/// left.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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
        // Without a race, everything is counted.
        Some(true) => assert_eq!(build["misses"], 16, "{build}"),
        _ => assert_not_measured(&build, &run, "servers were started at once"),
    }
}

/// An sccache without socket support would listen on a port, which every local user can reach.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn nothing_of_roots_listens_in_a_shared_network() {
    for version in ["0.8.2", "0.16.0"] {
        for features in ["", SHARED_NETWORK] {
            let root = Root::new();
            root.sccache(version);
            let list = "echo '@sockets@'; sleep 1; cat /proc/net/tcp /proc/net/tcp6 /proc/net/unix; echo '@end@'";
            root.ebuild(
                "dev-test/sleeps-1.0",
                &ebuild(&format!("RESTRICT=network-sandbox\npkg_setup() {{ {list}; }}\nsrc_install() {{ {list}; }}")),
            );
            let run = root
                .emerge_with(&[("FEATURES", features)], &["dev-test/sleeps"])
                .ok();
            let tables = run.log.split("@sockets@").skip(1);
            let tables: Vec<&str> = tables
                .map(|table| table.split("@end@").next().unwrap())
                .collect();
            assert_eq!(tables.len(), 2, "{}", run.log);
            for table in tables {
                // A listening TCP or TCP6 socket has state 0A, a listening Unix socket the flag 00010000.
                assert!(
                    !table.contains(" 0A ") && !table.contains(" 00010000 "),
                    "{version} {features}: {table}"
                );
            }
            assert!(!root.database().exists());
        }
    }
}

/// The kernel's table of Unix sockets lists those of all users. A user may bind this phase's path in another mount namespace,
/// and make the table huge.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn sockets_of_others_are_neither_met_nor_counted() {
    let root = root("src_compile() { one a; }\nsrc_install() { one b; }");
    let socket = "/mnt/gentoo/var/tmp/portage/dev-test/phases-1.0/temp/.sccache-report.sock";
    let bind = format!(
        "import os, socket, time\nos.makedirs(os.path.dirname('{socket}'))\n\
         first = socket.socket(socket.AF_UNIX); first.bind('{socket}'); first.listen()\n\
         more = []\n\
         for n in range(min(os.sysconf('SC_OPEN_MAX') - 50, 20000)):\n s = socket.socket(socket.AF_UNIX); s.bind('\\0other%d' % n); more.append(s)\n\
         open('/tmp/bound', 'w').close(); time.sleep(600)\n"
    );
    fs::write(root.file("tmp/bind.py"), bind).unwrap();
    let script = "ulimit -n hard; mkdir -p /mnt/gentoo/var/tmp/portage; python=/mnt/gentoo/bin/python3\n\
                  unshare --mount sh -c \"mount -t tmpfs none /mnt/gentoo/var/tmp/portage; exec $python /tmp/bind.py\" & \n\
                  until [[ -e /tmp/bound ]]; do kill -0 $! || exit; sleep 0.1; done\n\
                  emerge -1 dev-test/phases; status=$?; kill $!; wait $!; exit ${status}";
    let begun = Instant::now();
    let run = root
        .run_with(&[("FEATURES", SHARED_NETWORK)], &["bash", "-c", script])
        .ok();
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    let build = only_build(&root, &run);
    assert_eq!(build["misses"], 2, "{build}\n{}", run.log);
    assert!(!run.log.contains("not measured"), "{}", run.log);
}

/// A trap runs after the end of a phase, and must not wait again. Here the server can't be killed, since nothing in its
/// environment shows its owner.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_end_of_a_phase_takes_at_most_five_seconds() {
    for features in ["", "noauto"] {
        let root = root(&format!(
            "{SERVER}src_compile() {{ echo 'int i;' > i.c; env -u T -u SCCACHE_ERROR_LOG sccache gcc -c i.c || die; kill -STOP $(server); \
             echo \"@at@ ${{EPOCHREALTIME}}\"; }}\nsrc_install() {{ echo \"@at@ ${{EPOCHREALTIME}}\"; }}"
        ));
        let ebuild = "/mnt/gentoo/var/db/repos/test/dev-test/phases/phases-1.0.ebuild";
        let phases = [
            "setup",
            "unpack",
            "prepare",
            "configure",
            "compile",
            "install",
            "qmerge",
        ];
        let command = [&["ebuild", ebuild], &phases[..]].concat();
        let run = root.run_with(&[("FEATURES", features)], &command).ok();
        // ebuild(1) doesn't repeat the warning at its end.
        let phase = &only_build(&root, &run)["phases"]["compile"];
        let why = phase["not_measured"].as_str().unwrap();
        assert!(why.contains("did not answer"), "{phase}");
        let times = run
            .log
            .lines()
            .filter_map(|line| line.strip_prefix("@at@ "));
        let times: Vec<f64> = times.map(|time| time.parse().unwrap()).collect();
        // Portage's own work between the two takes time too.
        assert!(times[1] - times[0] < 6.0, "{features}: {times:?}");
    }
}

/// A FIFO in place of sccache's configuration file, which the hook reads for one setting.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_configuration_that_is_a_fifo_is_not_read() {
    let root = root("src_compile() { unset SCCACHE_CONF; one a; }");
    root.append(
        "etc/portage/make.conf",
        "SCCACHE_CONF=\"/mnt/gentoo/etc/fifo\"",
    );
    root.run(&["mkfifo", "/mnt/gentoo/etc/fifo"]).ok();
    let run = root
        .run(&["timeout", "60", "emerge", "-1", "dev-test/phases"])
        .ok();
    assert_eq!(only_build(&root, &run)["misses"], 1, "{}", run.log);
}

/// Since 0.17 clients can do the work themselves. PyPI has no such version, so the harness builds it from the crate.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// Several subshells and the EXIT trap each report the end of the phase. It is counted once.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn an_end_that_is_reported_many_times_is_counted_once() {
    let phases = "src_compile() { one a; one b; local n; for n in 1 2 3 4; do ( die now ) & done; wait; die now; }";
    let dying = root(phases);
    let run = dying.emerge_with(&[], &["dev-test/phases"]).failed();
    assert_eq!(only_build(&dying, &run)["misses"], 2, "{}", run.log);
}
