//! Portage's settings, and doing without them.

use super::{CASE, Case, ailing, break_and_heal, on, paste_all, row, rows};
use crate::support::Root;

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_wrapper_is_sccache() {
    break_and_heal(
        &[
            "echo 'RUSTC_WRAPPER=\"true\"' >> $conf",
            "sed -i /RUSTC_WRAPPER/d $conf",
            "echo 'RUSTC_WRAPPER=\"scache\"' >> $conf",
            "sed -i /RUSTC_WRAPPER/d $conf; echo 'CARGO_BUILD_RUSTC_WRAPPER=true' >> $conf",
            "echo 'CC=\"scache gcc\"' >> $conf",
            "echo 'CC=\"sccache\"' >> $conf",
            "echo 'CXX=\"sccache gcxx -O2\"' >> $conf",
            "echo 'CC=\"/opt/gone gcc -O2\"' >> $conf",
        ]
        .map(|break_| Case {
            check: "wrapper",
            break_,
            ..CASE
        }),
    );
    let root = Root::new();
    let case = |break_| Case {
        check: "wrapper",
        state: "yellow",
        break_,
        ..CASE
    };
    on(&root, &case("echo 'CC=\"ccache sccache gcc\"' >> $conf"));
    on(
        &root,
        &case(
            "echo 'CXX=\"sccache ccache g++\"' >> $conf; ln -s /mnt/gentoo/usr/bin/sccache /mnt/gentoo/usr/bin/ccache",
        ),
    );
    let script = "sed -i /RUSTC_WRAPPER/d /mnt/gentoo/etc/portage/make.conf\n\
        echo 'CARGO_BUILD_RUSTC_WRAPPER=true' >> /mnt/gentoo/etc/portage/make.conf\n\
        sccache-report doctor --format json > /tmp/cargo.json; echo $? > /tmp/cargo.status";
    root.run(&["bash", "-c", script]).ok();
    let message = row(&rows(&root, "cargo").0, "wrapper")["message"].clone();
    assert_eq!(
        message,
        "CARGO_BUILD_RUSTC_WRAPPER=\"true\" is not sccache: Rust is not cached"
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn variables_and_features_go_together() {
    let root = Root::new();
    for (check, state, before, break_) in [
        (
            "variables",
            "yellow",
            "",
            "echo 'SCCACHE_CACHE_SIZE=\"5GiB\"' >> $conf",
        ),
        (
            "variables",
            "yellow",
            "",
            "printf '%s\\n' 'SCCACHE_SERVER_UDS=/run/a' 'SCCACHE_SERVER_PORT=5' >> $conf",
        ),
        (
            "variables",
            "red",
            "",
            "echo 'SCCACHE_RECACHE=\"1\"' >> $conf",
        ),
        (
            "variables",
            "red",
            "",
            "echo 'export SCCACHE_NO_CACHE=1' >> $conf",
        ),
        (
            "features",
            "yellow",
            "",
            "echo 'FEATURES=\"${FEATURES} ccache\"' >> $conf",
        ),
        (
            "features",
            "yellow",
            "echo 'SCCACHE_REPORT_CHOWN=no' >> $conf",
            "echo 'FEATURES=\"${FEATURES} -userpriv\"' >> $conf",
        ),
    ] {
        on(
            &root,
            &Case {
                check,
                state,
                before,
                break_,
                ..CASE
            },
        );
    }
}

/// Make.conf behind a link, and as a folder of files.
#[test]
#[ignore = "needs root and the registries: make test"]
fn make_conf_is_edited_where_it_counts() {
    let root = Root::new();
    let case = |check, break_| Case {
        check,
        break_,
        ..CASE
    };
    let relative = "echo 'SCCACHE_DIR=\"cache\"' >> $conf";
    paste_all(&root, relative, &["red cache-folder", "yellow variables"]);
    on(
        &root,
        &Case {
            before: "mv $conf ${conf%/*}/real; ln -s real $conf",
            after: "[[ -L $conf ]] && grep RECACHE ${conf%/*}/real~ || exit",
            ..case(
                "variables",
                "printf '%s\n' 'SCCACHE_RECACHE=1 # one' 'export SCCACHE_NO_CACHE=\"1\"' >> $conf",
            )
        },
    );
    let folder = "rm $conf; mkdir $conf; mv ${conf%/*}/real $conf/10-main";
    on(
        &root,
        &Case {
            before: folder,
            ..case("wrapper", "echo 'RUSTC_WRAPPER=ccache' > $conf/z-mine")
        },
    );
    on(
        &root,
        &case("variables", "echo 'SCCACHE_RECACHE=1' >> $conf/z-mine"),
    );
    // What isn't a line is left to the person.
    let script = "printf 'SCCACHE_RECACHE=\"1\n2\"\n' >> /mnt/gentoo/etc/portage/make.conf/z-mine\n\
        sccache-report doctor --format json > /tmp/lines.json; echo $? > /tmp/lines.status";
    root.run(&["bash", "-c", script]).ok();
    let (lines, _) = rows(&root, "lines");
    let found = row(&lines, "variables");
    assert!(found["cure"].is_null(), "{found}");
    let message = found["message"].as_str().unwrap();
    assert!(message.contains("/z-mine by hand"), "{message}");
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn it_works_without_portageq_and_as_any_user() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "# later\nSCCACHE_CACHE_SIZE='3G'");
    let script = "sccache-collect import >/dev/null; PATH=${PATH//:\\/mnt\\/gentoo\\/bin:/:}\n\
        sccache-report doctor --format json > /tmp/without.json; echo $? > /tmp/without.status\n\
        PATH+=:/mnt/gentoo/bin; chmod 700 /mnt/gentoo/var/cache/sccache\n\
        setpriv --reuid 65534 --regid 65534 --clear-groups sccache-report doctor --format json > /tmp/nobody.json; echo $? > /tmp/nobody.status\n\
        chmod 600 /mnt/gentoo/etc/portage/make.conf\n\
        setpriv --reuid 65534 --regid 65534 --clear-groups sccache-report doctor --format json > /tmp/closed.json; echo $? > /tmp/closed.status";
    root.run(&["bash", "-c", script]).ok();
    let (without, status) = rows(&root, "without");
    assert_eq!((ailing(&without), &*status), (vec![], "0"), "{without:#?}");
    let portage = row(&without, "portage");
    assert_eq!(portage["state"], "unknown");
    assert!(
        portage["message"]
            .as_str()
            .unwrap()
            .starts_with("portageq can't be run"),
        "{portage}"
    );
    let size = row(&without, "cache-size")["message"].as_str().unwrap();
    assert!(size.contains(" of 3 GiB"), "{size}");
    let (nobody, status) = rows(&root, "nobody");
    assert_eq!((ailing(&nobody), &*status), (vec![], "0"), "{nobody:#?}");
    for check in ["cache-files", "cache-size", "database-write"] {
        assert_eq!(row(&nobody, check)["state"], "unknown", "{nobody:#?}");
    }
    let (closed, status) = rows(&root, "closed");
    assert_eq!((ailing(&closed), &*status), (vec![], "0"), "{closed:#?}");
    for check in ["wrapper", "cache-folder", "variables"] {
        assert_eq!(row(&closed, check)["state"], "unknown", "{closed:#?}");
    }
}
