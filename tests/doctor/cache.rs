//! The local cache.

use super::{CASE, Case, breaks_and_heals, on, row, rows};
use crate::support::Root;

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_cache_is_there_and_portage_can_use_all_of_it() {
    for break_ in [
        "rmdir $cache",
        "chown root:root $cache",
        "sed -i /SCCACHE_DIR/d $conf; rmdir $cache",
    ] {
        breaks_and_heals(&Case {
            check: "cache-folder",
            break_,
            ..CASE
        });
    }
    let before = "install -d -o portage -g portage $cache/a $cache/a/b";
    let folder = "install -d -m 755 $cache/a/c";
    breaks_and_heals(&Case {
        check: "cache-files",
        before,
        break_: folder,
        ..CASE
    });
    let file = "install -m 600 /dev/null $cache/a/b/key";
    breaks_and_heals(&Case {
        check: "cache-files",
        before,
        break_: file,
        ..CASE
    });
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
    assert!(message.contains(" more"), "{message}");
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_cache_has_room() {
    let fill = "install -d -o portage -g portage $cache/a\n\
        head -c 1000 /dev/zero > $cache/a/key; chown portage $cache/a/key";
    let small = "echo 'SCCACHE_CACHE_SIZE=\"1K\"' >> $conf";
    breaks_and_heals(&Case {
        check: "cache-size",
        state: "yellow",
        before: fill,
        break_: small,
        ..CASE
    });
    for (state, size) in [("yellow", "200m"), ("red", "10m")] {
        let break_ =
            format!("mount -t tmpfs -o size={size},uid=$(id -u portage),mode=755 tmpfs $cache");
        let break_ = Box::leak(break_.into_boxed_str());
        breaks_and_heals(&Case {
            check: "cache-room",
            state,
            break_,
            ..CASE
        });
    }
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
    breaks_and_heals(&Case {
        check: "sandbox",
        break_,
        ..CASE
    });
}
