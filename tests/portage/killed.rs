//! Killed phases and builds, and failed builds that can't be saved anywhere.

use std::fs;

use crate::support::portage::builds::{
    SHARED_NETWORK, assert_phase_not_measured, assert_rows, only_build, root, rows,
};

/// The kernel kills a phase's shell when memory is short. emerge continues.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_phase_whose_shell_is_killed_is_not_measured_and_leaves_no_server() {
    let compile = "src_configure() { one a; }\nsrc_compile() { one b; kill -KILL $$ ${BASHPID}; }";
    let install = "src_compile() { one a; }\nsrc_install() { one b; kill -KILL $$ ${BASHPID}; }";
    for (phases, [before, killed], features) in [
        (compile, ["configure", "compile"], ""),
        (compile, ["configure", "compile"], "-pid-sandbox"),
        (compile, ["configure", "compile"], SHARED_NETWORK),
        (compile, ["configure", "compile"], "-userpriv"),
        (install, ["compile", "install"], ""),
        (install, ["compile", "install"], "-pid-sandbox"),
    ] {
        let root = root(phases);
        let run = root
            .emerge_with(&[("FEATURES", features)], &["dev-test/phases"])
            .failed();
        let build = only_build(&root, &run);
        assert_rows(&root, &run, &[("failed", 1, &format!("{before} {killed}"))]);
        assert_phase_not_measured(killed, &build, &run, "ended before the statistics");
        let look = "ls -A /tmp | grep sccache-report; find /mnt/gentoo/var/cache/sccache -user 0";
        let left = root.run(&["bash", "-c", look]).ok();
        assert_eq!(left.log, "", "left, or left to root");
    }
}

/// emerge and the phase's shell are killed together. With FEATURES=keepwork the next emerge continues, and has the numbers
/// of the first only if ${T} is kept too.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_killed_phase_is_known_to_the_next_build() {
    for (features, expected) in [
        (
            SHARED_NETWORK,
            vec![
                ("interrupted", 1, "configure compile"),
                ("merged", 1, "configure compile"),
            ],
        ),
        (
            "keepwork -pid-sandbox",
            vec![
                ("interrupted", 1, "configure compile"),
                ("merged", 1, "compile"),
            ],
        ),
        (
            "keepwork keeptemp -pid-sandbox",
            vec![("merged", 2, "configure compile")],
        ),
        (
            "-userpriv -pid-sandbox",
            vec![
                ("interrupted", 1, "configure compile"),
                ("merged", 1, "configure compile"),
            ],
        ),
    ] {
        let root = root(
            "src_configure() { one a; }\n\
             src_compile() { one b; [[ -n ${GO_ON} ]] || { echo $$ ${BASHPID} > /mnt/gentoo/tmp/phase; kill -STOP ${BASHPID}; }; one c; }",
        );
        // Root writes only to a cache that it owns.
        if features.contains("-userpriv") {
            std::os::unix::fs::chown(root.file("var/cache/sccache"), Some(0), Some(0)).unwrap();
        }
        let script = "emerge -1 dev-test/phases & until [[ -s /tmp/phase ]]; do sleep 0.1; done\n\
                      kill -KILL $! $(< /tmp/phase); wait $!\n\
                      GO_ON=1 emerge -1 dev-test/phases";
        let run = root
            .run_with(&[("FEATURES", features)], &["bash", "-c", script])
            .ok();
        assert_rows(&root, &run, &expected);
        let builds = root.builds(&[]);
        let killed = &builds[0]["phases"]["compile"];
        let why = killed["not_measured"].as_str().unwrap();
        assert!(why.contains("ended before the statistics"), "{killed}");
    }
}

/// The failed build's numbers are in its log and in the snapshots. They are recorded once, as a build of their own.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_failed_build_that_can_be_kept_nowhere_is_recorded_at_the_next_one() {
    let root = root("src_compile() { one a; [[ -n ${GO_ON} ]] || die now; one b; }");
    let no_folder = root.file("var/lib/sccache-report");
    fs::remove_dir_all(&no_folder).unwrap();
    fs::write(&no_folder, "not a folder").unwrap();
    let run = root.emerge_with(&[], &["dev-test/phases"]).failed();
    assert_eq!(run.log.matches(" * sccache-report-build: {").count(), 1);
    fs::remove_file(&no_folder).unwrap();
    let run = root
        .emerge_with(&[("GO_ON", "1")], &["dev-test/phases"])
        .ok();
    let expected = [("failed", 1, "compile"), ("merged", 1, "compile")];
    assert_rows(&root, &run, &expected);
    assert!(
        run.log.contains("sccache-report: recorded 1 pending build"),
        "{}",
        run.log
    );
    let imported = root
        .run(&["sccache-collect", "import", "/mnt/gentoo/var/log/portage"])
        .ok();
    assert_eq!(rows(&root).len(), 2, "{}", imported.log);
}
