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
            "echo 'CXX=\"sccache ache -O2\"' >> $conf",
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

/// What Portage itself can't read, and goes on without.
#[test]
#[ignore = "needs root and the registries: make test"]
fn what_portage_can_not_read_is_told_as_it_says_it() {
    let root = Root::new();
    let break_ = "echo 'MY_FLAGS=(a b)' >> $conf; echo 'NOT_READ=1' >> $conf";
    on(
        &root,
        &Case {
            check: "portage",
            break_,
            ..CASE
        },
    );
    let (broken, _) = rows(&root, "broken");
    let message = row(&broken, "portage")["message"].as_str().unwrap();
    assert!(
        message.contains("make.conf, line ") && message.contains("Invalid token 'b'"),
        "{message}"
    );
    // A user that isn't there.
    let script = "conf=/mnt/gentoo/etc/portage/make.conf; sed -i /MY_FLAGS/d $conf; cp $conf /tmp/conf\n\
        echo PORTAGE_USERNAME=nobodyx >> $conf; sccache-report doctor --format json > /tmp/user.json\n\
        echo $? > /tmp/user.status; cp /tmp/conf $conf";
    root.run(&["bash", "-c", script]).ok();
    let (found, status) = rows(&root, "user");
    assert_eq!(
        (ailing(&found), &*status),
        (vec!["red portage".to_owned()], "1")
    );
    // A quote that is open: portageq fails altogether, and where it was opened nobody knows.
    let script = "echo 'LAST=\"open' >> /mnt/gentoo/etc/portage/make.conf\n\
        sccache-report doctor --format json > /tmp/open.json; echo $? > /tmp/open.status";
    root.run(&["bash", "-c", script]).ok();
    let (open, status) = rows(&root, "open");
    assert_eq!(
        (ailing(&open), &*status),
        (vec!["red portage".to_owned()], "1")
    );
    let message = row(&open, "portage")["message"].as_str().unwrap();
    assert!(
        message.contains("No closing quotation") && message.ends_with("until it is right"),
        "{message}"
    );
    // A line that is added there is part of the quote.
    assert_eq!(row(&open, "wrapper")["state"], "unknown");
    let setup = root.run(&["sccache-report", "setup", "--yes"]).failed();
    let why = "Portage can't read all of /mnt/gentoo/etc/portage/make.conf";
    assert!(setup.log.contains(why), "{}", setup.log);
}

/// Without portageq in PATH, where it lies elsewhere; and what make.conf sources.
#[test]
#[ignore = "needs root and the registries: make test"]
fn portage_is_found_and_what_make_conf_sources() {
    let root = Root::new();
    let break_ = "echo 'SCCACHE_RECACHE=\"1\"' > ${conf%/*}/more.conf; echo \"source ${conf%/*}/more.conf\" >> $conf";
    on(
        &root,
        &Case {
            check: "variables",
            break_,
            ..CASE
        },
    );
    let script = "set -e; old=$PATH; PATH=${PATH//:\\/mnt\\/gentoo\\/bin:/:}\n\
        sccache-report doctor --format json > /tmp/out.json; echo $? > /tmp/out.status\n\
        sccache-report doctor | grep '^    PATH=' > /tmp/cure.sh; echo ' --format json' >> /tmp/cure.sh\n\
        tr -d '\\n' < /tmp/cure.sh | bash > /tmp/in.json; echo $? > /tmp/in.status";
    root.run(&["bash", "-c", script]).ok();
    let state = |name| row(&rows(&root, name).0, "portage")["state"].clone();
    assert_eq!([state("out"), state("in")], ["unknown", "green"]);
}

/// What sccache's configuration file says is minded as sccache minds it.
#[test]
#[ignore = "needs root and the registries: make test"]
fn the_configuration_file_is_looked_at() {
    let root = Root::new();
    let case = |check, state, break_| Case {
        check,
        state,
        break_,
        ..CASE
    };
    let file = "file=${conf%/*}/sccache.toml\n\
        printf '[cache.disk] # local\\ndir = \"%s\"\\nsize = \"3G\"\\n' $cache > $file\n\
        echo \"SCCACHE_CONF=\\\"$file\\\"\" >> $conf";
    on(
        &root,
        &Case {
            before: file,
            ..case("variables", "yellow", "chmod 600 ${conf%/*}/sccache.toml")
        },
    );
    on(
        &root,
        &case(
            "variables",
            "yellow",
            "echo '[cache.s3]' >> ${conf%/*}/sccache.toml; echo 'FEATURES=\"${FEATURES} -network-sandbox\"' >> $conf",
        ),
    );
    // Without SCCACHE_DIR it is the file's folder.
    let only = "sed -i '/SCCACHE_DIR/d; /SCCACHE_CONF/d' $conf; sed -i '/s3/d' ${conf%/*}/sccache.toml\n\
        echo \"SCCACHE_CONF=\\\"${conf%/*}/sccache.toml\\\"\" >> $conf";
    on(
        &root,
        &Case {
            before: only,
            ..case("cache-folder", "red", "chown root $cache")
        },
    );
    on(
        &root,
        &case(
            "cache-folder",
            "red",
            "echo 'SCCACHE_CACHE_SIZE=\"5G\"' >> $conf",
        ),
    );
    // A limit that the cache's own check sets keeps the folder.
    let small = "sed -i s/3G/1K/ ${conf%/*}/sccache.toml";
    let full = "sed -i '/SCCACHE_DIR/d; /SCCACHE_CACHE_SIZE/d' $conf; install -d -o portage -g portage $cache/a\n\
        head -c 1000 /dev/zero > $cache/a/key; chown portage $cache/a/key";
    on(
        &root,
        &Case {
            before: full,
            ..case("cache-size", "yellow", small)
        },
    );
    on(
        &root,
        &case("variables", "yellow", "rm ${conf%/*}/sccache.toml"),
    );
    let script = "cd /mnt/gentoo/etc/portage; echo 'dir =' > bad.toml; echo 'SCCACHE_CONF=/mnt/gentoo/etc/portage/bad.toml' >> make.conf\n\
        sccache-report doctor --format json > /tmp/bad.json; echo $? > /tmp/bad.status";
    root.run(&["bash", "-c", script]).ok();
    let (bad, _) = rows(&root, "bad");
    assert_eq!(ailing(&bad), ["red variables"]);
    let message = row(&bad, "variables")["message"].as_str().unwrap();
    assert!(
        message.contains("bad.toml") && message.contains("line 1: "),
        "{message}"
    );
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
            after: "[[ -L $conf ]] && grep RECACHE $conf~ || exit",
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
