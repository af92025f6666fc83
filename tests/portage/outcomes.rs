//! Every way in which a build can end: correct rows, no process left, and the merge's own result.

use crate::support::portage::builds::{
    SHARED_NETWORK, assert_not_measured, assert_rows, only_build, root, rows,
};
use crate::support::portage::{Root, ebuild};

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn die_anywhere_is_a_failed_build_with_its_numbers() {
    for (name, end) in [
        ("in the ebuild", "die now"),
        ("in a subshell", "( die now )"),
        ("in a helper", "doins nowhere"),
        ("by exit", "exit 1"),
        (
            "with an EXIT trap of its own",
            "trap 'echo mine' EXIT; die now",
        ),
    ] {
        let root = root(&format!(
            "src_configure() {{ one a; }}\nsrc_compile() {{ one b; one c; {end}; }}"
        ));
        let run = root.emerge_with(&[], &["dev-test/phases"]).failed();
        assert_rows(&root, &run, &[("failed", 3, "configure compile")]);
        let build = &root.builds(&[])[0];
        assert!(
            !build["emerge"].is_null() && build["slot"] == "0",
            "{name}: {build}"
        );
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_failing_test_phase_fails_the_build_unless_it_may() {
    let root = root("src_compile() { one a; }\nsrc_test() { one b; die tests; }");
    let run = root
        .emerge_with(&[("FEATURES", "test")], &["dev-test/phases"])
        .failed();
    assert_rows(&root, &run, &[("failed", 2, "compile test")]);
    let run = root
        .emerge_with(
            &[("FEATURES", "test test-fail-continue")],
            &["dev-test/phases"],
        )
        .ok();
    assert_eq!(rows(&root).last().unwrap().0, "merged", "{}", run.log);
    assert_eq!(root.builds(&[]).last().unwrap()["hits"], 2);
}

const SLEEPER: &str =
    "src_configure() { one a; }\nsrc_compile() { one b; echo sleeping now; sleep 300; }";

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_signal_to_emerge_interrupts_the_build() {
    for signal in ["INT", "TERM"] {
        let root = root(SLEEPER);
        let mut running = root.start(&[], &["emerge", "-1", "dev-test/phases"]);
        running.wait_for("sleeping now").signal(signal);
        let run = running.wait().failed();
        assert_rows(&root, &run, &[("interrupted", 2, "configure compile")]);
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn ctrl_c_in_a_terminal_interrupts_the_build() {
    for _ in 0..3 {
        let root = root(SLEEPER);
        let mut running = root.start_in_terminal(&[], &["emerge", "-1", "dev-test/phases"]);
        running.wait_for("sleeping now").ctrl_c();
        let run = running.wait().failed();
        if rows(&root) != [("interrupted".to_owned(), 1, "configure compile".to_owned())] {
            assert_rows(&root, &run, &[("interrupted", 2, "configure compile")]);
            return;
        }
        // In one of 100 runs on a busy machine, emerge's SIGTERM arrives before the first command of the hook's EXIT trap.
        let build = only_build(&root, &run);
        assert_not_measured(&build, &run, "shell ended before the statistics");
    }
    panic!("the compile phase was not measured three times");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_a_killed_emerge_left_is_an_interrupted_build_at_the_next_one() {
    let root = root(
        "src_configure() { one a; }\nsrc_compile() { [[ -n ${GO_ON} ]] || { echo sleeping now; sleep 300; }; one b; }",
    );
    let mut running = root.start(&[], &["emerge", "-1", "dev-test/phases"]);
    running.wait_for("sleeping now").signal("KILL");
    running.wait();
    assert!(!root.database().exists());
    let run = root
        .emerge_with(&[("GO_ON", "1")], &["dev-test/phases"])
        .ok();
    assert_rows(
        &root,
        &run,
        &[
            ("interrupted", 1, "configure"),
            ("merged", 1, "configure compile"),
        ],
    );
    let builds = root.builds(&[]);
    assert_eq!(builds[0]["host"], builds[1]["host"]);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn packages_built_only_or_as_well() {
    let root =
        root("src_compile() { one a; }\nsrc_install() { insinto /usr/share/ends; doins a.o; }");
    let run = root
        .emerge_with(&[], &["--buildpkgonly", "dev-test/phases"])
        .ok();
    assert_rows(&root, &run, &[("packaged", 1, "compile")]);
    root.emerge_with(&[], &["--buildpkg", "dev-test/phases"])
        .ok();
    let run = root
        .emerge_with(&[], &["--usepkgonly", "dev-test/phases"])
        .ok();
    assert_rows(
        &root,
        &run,
        &[("packaged", 1, "compile"), ("merged", 0, "compile")],
    );
}

const EBUILD: &str = "/mnt/gentoo/var/db/repos/test/dev-test/phases/phases-1.0.ebuild";

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn ebuild_today_and_tomorrow_is_one_build() {
    let root =
        root("src_configure() { one a; }\nsrc_compile() { one b; }\nsrc_install() { one c; }");
    root.run(&["ebuild", EBUILD, "compile"]).ok();
    root.run(&["ebuild", EBUILD, "compile"]).ok();
    let run = root.run(&["ebuild", EBUILD, "merge"]).ok();
    assert_rows(&root, &run, &[("merged", 3, "configure compile install")]);
    let command = &root.report(&["emerges"])[0]["command"];
    assert_eq!(command, &format!("ebuild {EBUILD} merge"));
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_resumed_build_counts_each_phase_once() {
    let root = root(
        "src_configure() { one a; }\nsrc_compile() { one b; [[ -n ${GO_ON} ]] || die now; one c; }",
    );
    root.emerge_with(&[("FEATURES", "keepwork")], &["dev-test/phases"])
        .failed();
    let resume = [("FEATURES", "keepwork"), ("GO_ON", "1")];
    let run = root.run_with(&resume, &["emerge", "--resume"]).ok();
    // The failed run is recorded. The second run of the phase has a hit.
    assert_rows(
        &root,
        &run,
        &[("failed", 2, "configure compile"), ("merged", 1, "compile")],
    );
    assert_eq!(root.builds(&[])[1]["hits"], 1);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn features_change_nothing_in_the_numbers() {
    for features in [
        "noauto",
        "noclean keeptemp parallel-install",
        "fail-clean -userpriv -ipc-sandbox",
    ] {
        let root = root("src_configure() { one a; }\nsrc_compile() { one b; }");
        let run = if features == "noauto" {
            let phases = [
                "setup",
                "unpack",
                "prepare",
                "configure",
                "compile",
                "install",
                "qmerge",
            ];
            root.run_with(
                &[("FEATURES", features)],
                &[&["ebuild", EBUILD], &phases[..]].concat(),
            )
            .ok()
        } else {
            root.emerge_with(&[("FEATURES", features)], &["dev-test/phases"])
                .ok()
        };
        assert_rows(&root, &run, &[("merged", 2, "configure compile")]);
    }
    let root = root("src_compile() { one b; die now; }");
    let run = root
        .emerge_with(&[("FEATURES", "fail-clean")], &["dev-test/phases"])
        .failed();
    assert_rows(&root, &run, &[("failed", 1, "compile")]);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn eapi_7_is_recorded_as_well() {
    let root = Root::new();
    root.ebuild(
        "dev-test/phases-1.0",
        &ebuild("src_compile() { one a; }").replace("EAPI=8", "EAPI=7"),
    );
    let run = root.emerge(&["dev-test/phases"]);
    assert_rows(&root, &run, &[("merged", 1, "compile")]);
}

/// In EAPI 9, Portage doesn't export T and CATEGORY. That EAPI needs bash 5.3, but a variable has the same effect in others.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_eapi_9_does_not_export_is_recorded_as_well() {
    for features in ["", SHARED_NETWORK] {
        let root = root(
            "src_compile() { export -p | grep -E ' (T|PN)=' && die exported; one a; }\nsrc_install() { one b; }",
        );
        let environment = [
            ("PORTAGE_DO_NOT_EXPORT_PMS_VARS", "1"),
            ("FEATURES", features),
        ];
        root.run_with(&environment, &["ebuild", EBUILD, "compile"])
            .ok();
        let run = root.emerge_with(&environment, &["dev-test/phases"]).ok();
        assert_rows(
            &root,
            &run,
            &[
                ("interrupted", 1, "compile"),
                ("merged", 1, "compile install"),
            ],
        );
        let run = root
            .emerge_with(&environment, &["--buildpkgonly", "dev-test/phases"])
            .ok();
        assert_eq!(rows(&root).last().unwrap().0, "packaged", "{}", run.log);
        root.ebuild(
            "dev-test/phases-1.0",
            &ebuild("src_compile() { one a; die now; }"),
        );
        let run = root
            .emerge_with(&environment, &["dev-test/phases"])
            .failed();
        assert_eq!(rows(&root).last().unwrap().0, "failed", "{}", run.log);
        assert!(run.leftovers.is_empty(), "{:?}", run.leftovers);
    }
}

/// Four builds at once, in all combinations of namespaces, and where Portage isn't allowed to create any.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn builds_at_the_same_time_keep_their_numbers_apart() {
    let unable = [
        "setpriv",
        "--bounding-set=-sys_admin",
        "--inh-caps=-sys_admin",
    ];
    for (features, before) in [
        ("", &[][..]),
        ("-network-sandbox", &[]),
        ("-pid-sandbox", &[]),
        ("-network-sandbox -pid-sandbox", &[]),
        ("", &unable),
    ] {
        let root = Root::new();
        root.append("etc/portage/make.conf", "RUSTC_WRAPPER=\"sccache\"");
        let names = ["one", "two", "three", "four"];
        for (count, name) in (1..).zip(names) {
            // Each waits until all four compile, so that they overlap.
            let compile = format!(
                "src_compile() {{ echo $$ > /mnt/gentoo/tmp/started-{name}; local n f; \
                 for ((n = 0; n < 300; n++)); do f=(/mnt/gentoo/tmp/started-*); (( ${{#f[@]}} < 4 )) || break; sleep 0.1; done; \
                 for n in {{1..{count}}}; do one {name}_$n; sleep 0.1; done; }}"
            );
            root.ebuild(&format!("dev-test/{name}-1.0"), &ebuild(&compile));
        }
        let names = names.map(|name| format!("dev-test/{name}"));
        let mut command = [before, &["emerge", "-1", "--jobs=4"]].concat();
        command.extend(names.iter().map(String::as_str));
        let run = root.run_with(&[("FEATURES", features)], &command).ok();
        assert_eq!(
            run.log.contains("unshare"),
            !before.is_empty(),
            "{}",
            run.log
        );
        for (count, name) in (1..).zip(&names) {
            let builds = root.builds(&[name.as_str()]);
            assert_eq!(builds.len(), 1, "{}", run.log);
            assert_eq!(
                builds[0]["misses"], count,
                "{features} {name}: {}",
                builds[0]
            );
            assert_eq!(builds[0]["requests"], count, "{features} {name}");
        }
        assert_eq!(root.report(&["emerges"])[0]["builds"], 4);
    }
}
