//! The throw-away Portage works as the other tests expect.

use crate::support::portage::Root;
use std::{fs, process::Command};

/// Prints who runs each phase, and in which namespaces.
const WHO: &str = r#"[[ $EBUILD_PHASE == depend ]] || echo "@who@ ${EBUILD_PHASE:-helper} $UID $(readlink /proc/self/ns/net) $(readlink /proc/self/ns/pid) $(readlink /proc/self/ns/ipc)""#;

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn packages_compile_through_sccache_and_hit_when_rebuilt() {
    let root = Root::without_hook();
    let packages = [
        "dev-test/rusty",
        "dev-test/many-files",
        "dev-test/many-clients",
    ];
    let cold = packages
        .map(|package| (package, root.emerge(&[package])).0)
        .map(|package| root.printed_stats(package));
    let warm = packages
        .map(|package| (package, root.emerge(&[package])).0)
        .map(|package| root.printed_stats(package));
    for ((package, cold), warm) in packages.iter().zip(cold).zip(warm) {
        let (cold, warm) = (&cold[0], &warm[0]);
        assert_eq!(cold.phase, "compile", "{package}");
        assert_eq!(
            (cold.count("cache_hits"), warm.count("cache_misses")),
            (0, 0),
            "{package}"
        );
        assert!(cold.count("cache_misses") >= 8, "{package}: {}", cold.json);
        assert_eq!(
            cold.count("cache_misses"),
            warm.count("cache_hits"),
            "{package}"
        );
    }
    assert_eq!(
        root.printed_stats("dev-test/many-clients")[0].count("compile_requests"),
        16
    );
    assert_eq!(
        root.printed_stats("dev-test/many-files")[0].count("compile_requests"),
        26
    );
    let rusty = Command::new(root.file("usr/bin/rusty")).output().unwrap();
    assert!(
        String::from_utf8_lossy(&rusty.stdout).ends_with(" 42\n"),
        "{rusty:?}"
    );
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn sccache_runs_in_the_test_phase_too() {
    let root = Root::without_hook();
    root.emerge_with(&[("FEATURES", "test")], &["dev-test/rusty"])
        .ok();
    let phases: Vec<_> = root
        .printed_stats("dev-test/rusty")
        .into_iter()
        .map(|said| said.phase)
        .collect();
    assert_eq!(phases, ["compile", "test", "install"]);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn src_phases_run_as_portage_in_namespaces_of_their_own() {
    let root = Root::without_hook();
    root.append("etc/portage/bashrc", WHO)
        .emerge(&["dev-test/plain"]);
    let who = |phase: &str| -> Vec<String> {
        let log = root.build_log("dev-test/plain");
        let line = log
            .lines()
            .find_map(|line| line.strip_prefix(&format!("@who@ {phase} ")));
        line.unwrap_or_else(|| panic!("no phase {phase}:\n{log}"))
            .split(' ')
            .map(String::from)
            .collect()
    };
    let host = ["net", "pid", "ipc"].map(|kind| {
        fs::read_link(format!("/proc/self/ns/{kind}"))
            .unwrap()
            .to_str()
            .unwrap()
            .to_string()
    });
    let (setup, compile, install) = (who("setup"), who("compile"), who("install"));
    let portage = fs::read_to_string(root.file(".harness/ids")).unwrap();
    assert_eq!(
        [&setup[0], &compile[0], &install[0]],
        ["0", portage.split(':').next().unwrap(), "0"]
    );
    assert_ne!(setup[1], host[0], "runs don't meet on the host's network");
    // pkg_preinst has emerge's own namespaces. pkg_setup has a PID namespace for itself (`_global_pid_phases` in
    // doebuild.py), and the number of one that has ended is given to another.
    let emerge = who("preinst");
    for sandboxed in [&compile, &install] {
        for (i, kind) in ["network", "PID", "IPC"].iter().enumerate() {
            assert_ne!(sandboxed[i + 1], emerge[i + 1], "{kind} namespace");
        }
    }

    // Without namespaces.
    root.emerge_with(
        &[(
            "FEATURES",
            "-network-sandbox -pid-sandbox -ipc-sandbox -userpriv",
        )],
        &["dev-test/plain"],
    )
    .ok();
    assert_eq!(who("compile"), who("setup"));
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_host_stays_as_it_was() {
    let accounts = || ["/etc/passwd", "/etc/group"].map(|path| fs::read(path).unwrap());
    let mounts = || {
        fs::read_to_string("/proc/self/mountinfo")
            .unwrap()
            .lines()
            .count()
    };
    let before = (accounts(), mounts());
    let root = Root::without_hook();
    let marker = root.dir.file_name().unwrap().to_str().unwrap().to_string();
    let run = root.run(&["bash", "-c", "touch /etc/harness-was-here /usr/harness-was-here; (exec -a left-by-test sleep 1000) & id -un portage"]);
    assert!(
        run.status.success() && run.log.contains("portage\n"),
        "{}",
        run.log
    );
    assert_eq!(
        run.log.matches("Read-only file system").count(),
        2,
        "{}",
        run.log
    );
    assert!(
        run.leftovers.len() == 1 && run.leftovers[0].contains("left-by-test"),
        "{:?}",
        run.leftovers
    );
    assert_eq!(before, (accounts(), mounts()));
    let dir = root.dir.clone();
    drop(root);
    assert!(!dir.exists());
    for process in fs::read_dir("/proc").unwrap() {
        let line = fs::read(process.unwrap().path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        assert!(
            !line.contains("left-by-test") && !line.contains(&format!("roots/{marker}")),
            "still runs: {line}"
        );
    }
}

const SLEEPER: &str = r#"EAPI=8
SLOT=0
KEYWORDS=amd64
S=${WORKDIR}
src_compile() {
    echo "int f;" > f.c
    sccache gcc -c f.c || die
    echo compiling now
    sleep 300
}"#;

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_running_emerge_can_be_signalled() {
    let root = Root::without_hook();
    root.ebuild("dev-test/sleeper-1.0", SLEEPER);
    let mut running = root.start(&[], &["emerge", "-1", "dev-test/sleeper"]);
    running.wait_for("compiling now").signal("INT");
    let run = running.wait().failed();
    assert!(run.leftovers.is_empty(), "{:?}\n{}", run.leftovers, run.log);

    let mut running = root.start_in_terminal(&[], &["emerge", "-1", "dev-test/sleeper"]);
    running.wait_for("compiling now").ctrl_c();
    let run = running.wait().failed();
    assert!(run.leftovers.is_empty(), "{:?}\n{}", run.leftovers, run.log);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn servers_left_over_are_reported_and_roots_never_share_one() {
    let features = [("FEATURES", "-network-sandbox -pid-sandbox")];
    let roots = [Root::without_hook(), Root::without_hook()];
    std::thread::scope(|scope| {
        for root in &roots {
            scope.spawn(|| {
                let run = root.emerge_with(&features, &["dev-test/many-clients"]);
                assert!(run.status.success(), "{}", run.log);
                assert!(
                    run.leftovers.len() == 1 && run.leftovers[0].contains("sccache"),
                    "{:?}",
                    run.leftovers
                );
                assert_eq!(
                    root.printed_stats("dev-test/many-clients")[0].count("compile_requests"),
                    16
                );
            });
        }
    });
}

/// Processes that end during the search for leftovers don't disturb it.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn processes_that_are_just_ending_are_no_leftovers() {
    let root = Root::without_hook();
    let many = "for i in {1..300}; do sleep 0.$((RANDOM % 10))$((RANDOM % 10)) & done; exit 0";
    for _ in 0..5 {
        let run = root.run(&["bash", "-c", many]).ok();
        assert!(!run.log.contains("No such file"), "{}", run.log);
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn another_sccache_or_none() {
    let root = Root::without_hook();
    root.sccache("0.8.2").emerge(&["dev-test/many-files"]);
    let said = root.printed_stats("dev-test/many-files");
    assert_eq!(
        (
            said[0].json["version"].as_str(),
            said[0].count("cache_misses")
        ),
        (Some("0.8.2"), 25)
    );
    root.sccache("none");
    assert!(
        root.run(&["sccache", "--version"])
            .failed()
            .log
            .contains("No such file")
    );
}
