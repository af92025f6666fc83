//! The local cache.

use super::{CASE, Case, ailing, break_and_heal, leak, on, paste_all, row, rows};
use crate::support::Root;

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_cache_is_there_and_portage_can_use_all_of_it() {
    let case = |check, break_| Case {
        check,
        break_,
        ..CASE
    };
    let portages = "p() { setpriv --reuid portage --regid portage --clear-groups \"$@\"; }\n";
    let acl = "python3 -c 'import os, struct, sys\n\
        entry = lambda tag, rights, who=0xffffffff: struct.pack(\"<HHI\", tag, rights, who)\n\
        os.setxattr(sys.argv[1], \"system.posix_acl_access\", struct.pack(\"<I\", 2) + entry(1, 7) +\n  \
        entry(2, int(sys.argv[3]), int(sys.argv[2])) + entry(4, 7) + entry(16, 7) + entry(32, 7))'";
    let root = Root::new();
    for break_ in [
        "rmdir $cache",
        "chown root:root $cache",
        // An access list that takes away what the mode gives.
        leak(format!(
            "chown root $cache; {acl} $cache $(id -u portage) 5"
        )),
        // Every folder on the way.
        "chmod 700 ${cache%/*} ${cache%/*/*}",
        // A private home is left alone: the cache moves.
        "mount -t tmpfs -o mode=700 tmpfs /root; install -d -o portage /root/cache\n\
         echo 'SCCACHE_DIR=\"/root/cache\"' >> $conf",
        "sed -i /SCCACHE_DIR/d $conf; rmdir $cache",
    ] {
        on(&root, &case("cache-folder", break_));
    }
    for break_ in [
        "install -d -m 755 $cache/a/c",
        "install -m 600 /dev/null $cache/a/b/key",
        // Others than root, whatever the mode: sccache has to set the times of what it reads.
        "install -m 666 -o 1234 /dev/null $cache/a/b/key2",
    ] {
        let before = "install -d -o portage -g portage $cache/a $cache/a/b";
        on(
            &root,
            &Case {
                before,
                ..case("cache-files", break_)
            },
        );
    }
    on(
        &root,
        &Case {
            before: "mv $cache ${cache}-2; ln -s sccache-2 $cache",
            ..case("cache-files", "install -m 600 /dev/null $cache/a/b/key3")
        },
    );
    // One that gives it.
    let script = format!(
        "cache=/mnt/gentoo/var/cache/sccache; {portages} chown root $cache $cache/a; chmod 700 $cache $cache/a\n\
         for at in $cache $cache/a; do {acl} $at $(id -u portage) 7; done\n\
         p touch $cache/a/x; sccache-report doctor"
    );
    let run = root.run(&["bash", "-c", &script]).ok();
    assert!(!run.log.contains("cannot touch"), "{}", run.log);
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn what_a_root_build_left_is_named_and_counted() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "SCCACHE_REPORT_CHOWN=\"no\"");
    root.ebuild(
        "dev-test/as-root-1.0",
        "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
         src_install() { echo 'int f;' > f.c; sccache gcc -c f.c || die; }",
    );
    let case = Case {
        check: "cache-files",
        break_: "emerge -1 dev-test/as-root",
        ..CASE
    };
    on(&root, &case);
    let (broken, _) = rows(&root, "broken");
    let message = row(&broken, "cache-files")["message"].as_str().unwrap();
    // A file in a folder in a folder, and the same below preprocessor/.
    assert!(message.contains("user portage can't use "), "{message}");
    assert!(message.contains(", of user root: "), "{message}");
    assert!(message.contains(" more"), "{message}");
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_cache_has_room() {
    let fill = "install -d -o portage -g portage $cache/a\n\
        head -c 1000 /dev/zero > $cache/a/key; chown portage $cache/a/key";
    let small = "echo 'SCCACHE_CACHE_SIZE=\"1K\"' >> $conf";
    let root = Root::new();
    let small_disk = "mount -t tmpfs -o size=200m,uid=$(id -u portage),mode=755 tmpfs $cache";
    on(
        &root,
        &Case {
            check: "cache-room",
            state: "yellow",
            break_: small_disk,
            ..CASE
        },
    );
    // Two checks mind the one variable.
    let no_size = format!("{small_disk}; echo 'SCCACHE_CACHE_SIZE=\"10GiB\"' >> $conf");
    paste_all(&root, &no_size, &["yellow cache-room", "yellow variables"]);
    // No command makes room.
    let script = "mount -t tmpfs -o size=10m,uid=$(id -u portage),mode=755 tmpfs /mnt/gentoo/var/cache/sccache\n\
        sccache-report doctor --format json > /tmp/full.json; echo $? > /tmp/full.status";
    root.run(&["bash", "-c", script]).ok();
    let (full, status) = rows(&root, "full");
    assert_eq!(
        (ailing(&full), &*status),
        (vec!["red cache-room".to_owned()], "1")
    );
    assert!(row(&full, "cache-room")["cure"].is_null());
    on(
        &root,
        &Case {
            check: "cache-size",
            state: "yellow",
            before: fill,
            break_: small,
            ..CASE
        },
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_hundred_thousand_files_are_looked_at_once() {
    let root = Root::new();
    let fill = "import os\nfor a in range(16):\n for b in range(16):\n  \
        d = f'/mnt/gentoo/var/cache/sccache/{a:x}/{b:x}'; os.makedirs(d)\n  \
        for n in range(400): open(f'{d}/{n}', 'w').close()";
    let script = format!(
        "python3 -c \"{fill}\"; chown -R portage:portage /mnt/gentoo/var/cache/sccache\n\
         time sccache-report doctor"
    );
    let run = root.run(&["bash", "-c", &script]).ok();
    assert!(
        run.log.contains("user portage can use all 102400 files\n"),
        "{}",
        run.log
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_sandbox_allows_the_cache() {
    let break_ = "echo 'FEATURES=\"${FEATURES} usersandbox\"' >> $conf";
    let more = |before, break_| Case {
        check: "sandbox",
        before,
        break_,
        ..CASE
    };
    break_and_heal(&[
        more("", break_),
        more(":", "chmod 600 ${conf%/*/*}/sandbox.d/20sccache"),
        // Then sandbox.d is not read.
        more(
            ":",
            "echo 'SANDBOX_WRITE=\"/mnt/gentoo/var/cache/scc\"' >> $conf",
        ),
    ]);
}
