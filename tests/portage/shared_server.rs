//! A server of the user that several builds share.

use crate::support::portage::builds::{SHARED_NETWORK, assert_not_measured, only_build, root};
use crate::support::portage::{Root, ebuild};

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_shared_server_is_queried_and_never_stopped() {
    for (features, variable) in [
        (SHARED_NETWORK, "SCCACHE_SERVER_PORT=\"14226\""),
        (
            SHARED_NETWORK,
            "SCCACHE_SERVER_UDS=\"/mnt/gentoo/tmp/shared.sock\"",
        ),
        // network-sandbox doesn't isolate path sockets.
        ("", "SCCACHE_SERVER_UDS=\"/mnt/gentoo/tmp/shared.sock\""),
    ] {
        let root = root("src_configure() { one a; }\nsrc_compile() { one b; one c; }");
        root.append("etc/portage/make.conf", variable);
        // As bash prints it in a locale with a decimal comma.
        let clock = "unset EPOCHREALTIME; EPOCHREALTIME=1700000000,012345\n";
        let hook = root.read("etc/portage/bashrc");
        std::fs::write(root.file("etc/portage/bashrc"), format!("{clock}{hook}")).unwrap();
        let script = format!(
            "export {variable} SCCACHE_DIR=/mnt/gentoo/var/cache/sccache\nsetpriv --reuid portage --regid portage --clear-groups \
             sccache --start-server || exit\n\
             cd /tmp; echo 'int x;' > x.c; for n in 1 2 3; do sccache gcc -c x.c || exit; done\n\
             emerge -1 dev-test/phases || exit\n\
             sccache --show-stats | grep '^Compile requests  '; sccache --stop-server > /dev/null"
        );
        let run = root
            .run_with(&[("FEATURES", features)], &["bash", "-c", &script])
            .ok();
        assert!(
            run.log.contains("Compile requests                      6"),
            "{variable}: {}",
            run.log
        );
        let build = only_build(&root, &run);
        assert_eq!(build["attribution"], "shared", "{variable}: {build}");
        assert_eq!(
            (&build["requests"], &build["misses"]),
            (&3.into(), &3.into()),
            "{build}"
        );
        assert_eq!(build["phases"]["compile"]["requests"], 2);
        assert_eq!(build["started_at"], "2023-11-14T22:13:20.012345Z");
    }
}

/// Each build waits for the other's compilation.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn builds_at_the_same_time_are_left_out_of_the_sums() {
    let root = Root::new();
    for (own, other) in [("left", "right"), ("right", "left")] {
        let compile = format!(
            "src_compile() {{ one {own}; touch /mnt/gentoo/tmp/{own}; \
             until [[ -e /mnt/gentoo/tmp/{other} ]]; do sleep 0.1; done; }}"
        );
        root.ebuild(&format!("dev-test/{own}-1.0"), &ebuild(&compile));
    }
    let variable = "SCCACHE_SERVER_UDS=\"/mnt/gentoo/tmp/shared.sock\"";
    root.append("etc/portage/make.conf", variable);
    let script = format!(
        "export {variable} SCCACHE_DIR=/mnt/gentoo/var/cache/sccache\n\
         setpriv --reuid portage --regid portage --clear-groups sccache --start-server || exit\n\
         emerge -1 --jobs=2 dev-test/left dev-test/right || exit; sccache --stop-server > /dev/null"
    );
    let run = root.run(&["bash", "-c", &script]).ok();
    let builds = root.builds(&[]);
    assert_eq!(builds.len(), 2, "{}", run.log);
    for build in &builds {
        assert!(
            build["hits"].is_null() && build["misses"].is_null(),
            "{build}"
        );
        let why = build["phases"]["compile"]["not_measured"].as_str().unwrap();
        assert!(why.contains("at the same time: dev-test/"), "{why}");
    }
    let overview = &root.report(&[])[0];
    assert_eq!(
        (&overview["incomplete"], &overview["shared"]),
        (&2.into(), &2.into())
    );
    assert!(overview["misses"].is_null(), "{overview}");
    let log = root.build_log("dev-test/left") + &root.build_log("dev-test/right");
    let warning = "another build used the shared sccache server at the same time";
    assert_eq!(log.matches(warning).count(), 1, "{log}");
}

/// Every client of the first moment starts one, and each server takes the socket of the one before.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_path_socket_without_a_server_is_not_measured() {
    let root = Root::new();
    let socket = [("SCCACHE_SERVER_UDS", "/mnt/gentoo/tmp/shared.sock")];
    let run = root.emerge_with(&socket, &["dev-test/many-files"]).ok();
    assert_not_measured(&only_build(&root, &run), &run, "not running when");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_restart_of_a_shared_server_is_not_measured() {
    let root = root("src_compile() { sccache --stop-server > /dev/null; one a; }");
    root.append("etc/portage/make.conf", "SCCACHE_SERVER_PORT=\"14227\"");
    let script = "export SCCACHE_SERVER_PORT=14227 SCCACHE_DIR=/mnt/gentoo/var/cache/sccache; sccache --start-server\n\
                  cd /tmp; echo 'int x;' > x.c; for n in 1 2 3; do sccache gcc -c x.c; done\n\
                  emerge -1 dev-test/phases || exit; sccache --stop-server > /dev/null";
    let run = root
        .run_with(&[("FEATURES", SHARED_NETWORK)], &["bash", "-c", script])
        .ok();
    assert_not_measured(&only_build(&root, &run), &run, "restarted");
}

/// The new server's numbers exceed the old ones at the end. A path socket is in another network namespace than the phase.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_restart_that_counts_past_the_old_numbers_is_not_measured() {
    let socket = "SCCACHE_SERVER_UDS=\"/mnt/gentoo/tmp/shared.sock\"";
    for (features, variable) in [
        (SHARED_NETWORK, "SCCACHE_SERVER_PORT=\"14229\""),
        ("", socket),
    ] {
        let root = root(
            "src_compile() { touch /mnt/gentoo/tmp/go; while [[ ! -e /mnt/gentoo/tmp/gone ]]; do sleep 0.1; done; one a; one b; }",
        );
        root.append("etc/portage/make.conf", variable);
        let script = format!(
            "export {variable} SCCACHE_DIR=/mnt/gentoo/var/cache/sccache\n\
             as_portage() {{ setpriv --reuid portage --regid portage --clear-groups \"$@\"; }}\n\
             as_portage sccache --start-server; cd /tmp; echo 'int x;' > x.c; sccache gcc -c x.c\n\
             (until [[ -e go ]]; do sleep 0.1; done; sccache --stop-server; as_portage sccache --start-server; \
             : > gone) & emerge -1 dev-test/phases || exit; wait; sccache --stop-server > /dev/null"
        );
        let run = root
            .run_with(&[("FEATURES", features)], &["bash", "-c", &script])
            .ok();
        assert_not_measured(&only_build(&root, &run), &run, "restarted");
    }
}

/// If a server hangs at the beginning, the numbers at its end don't belong to the phase alone.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_server_that_hangs_at_the_beginning_is_not_measured() {
    let root = root("src_compile() { kill -CONT $(< /mnt/gentoo/tmp/pid); one a; }");
    root.append("etc/portage/make.conf", "SCCACHE_SERVER_PORT=\"14230\"");
    root.append(
        "etc/portage/bashrc.first",
        "[[ ${EBUILD_PHASE} != compile || -n ${MISC_FUNCTIONS_ARGS} ]] || kill -STOP $(< /mnt/gentoo/tmp/pid)",
    );
    let hook = root.read("etc/portage/bashrc");
    let first = root.read("etc/portage/bashrc.first");
    std::fs::write(root.file("etc/portage/bashrc"), format!("{first}{hook}")).unwrap();
    let script = "export SCCACHE_SERVER_PORT=14230 SCCACHE_DIR=/mnt/gentoo/var/cache/sccache\n\
                  setpriv --reuid portage --regid portage --clear-groups sccache --start-server; \
                  grep -lzx SCCACHE_START_SERVER=1 /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 > /mnt/gentoo/tmp/pid\n\
                  emerge -1 dev-test/phases || exit; sccache --stop-server > /dev/null";
    let run = root
        .run_with(&[("FEATURES", SHARED_NETWORK)], &["bash", "-c", script])
        .ok();
    assert_not_measured(&only_build(&root, &run), &run, "did not answer");
}

/// FEATURES=noauto sources the hook in an outer shell, whose trap runs after the end of the phase.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn an_end_that_is_reported_twice_is_counted_once() {
    let shared = root("src_compile() { one a; one b; }");
    shared.append("etc/portage/make.conf", "SCCACHE_SERVER_PORT=\"14228\"");
    let script = "export SCCACHE_SERVER_PORT=14228 SCCACHE_DIR=/mnt/gentoo/var/cache/sccache; sccache --start-server\n\
                  ebuild /mnt/gentoo/var/db/repos/test/dev-test/phases/phases-1.0.ebuild setup unpack prepare configure \
                  compile install qmerge || exit; sccache --stop-server > /dev/null";
    let features = format!("noauto {SHARED_NETWORK}");
    let run = shared
        .run_with(&[("FEATURES", &features)], &["bash", "-c", script])
        .ok();
    let build = only_build(&shared, &run);
    assert_eq!(
        (&build["misses"], &build["attribution"]),
        (&2.into(), &"shared".into()),
        "{build}"
    );
}
