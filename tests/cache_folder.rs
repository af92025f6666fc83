//! What root's compiles do to the cache that user portage needs next, on a real Portage.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use support::Root;

/// src_install compiles, as root; then src_compile of another package, as portage, what is the same and what is not.
fn root() -> Root {
    let root = Root::new();
    let head = "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
                some() { local n; for n in $(eval echo \"{1..$1}\"); do echo \"int f$n;\" > $n.c; sccache gcc -c $n.c || die; done; }\n";
    root.ebuild(
        "dev-test/as-root-1.0",
        &format!("{head}src_install() {{ some 20; }}"),
    );
    root.ebuild(
        "dev-test/in-setup-1.0",
        &format!("{head}pkg_setup() {{ cd \"${{T}}\" || die; some 20; }}"),
    );
    root.ebuild(
        "dev-test/as-portage-1.0",
        &format!("{head}src_compile() {{ some 60; }}"),
    );
    root
}

fn owned_by_root(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let count = |entry: fs::DirEntry| {
        let metadata = entry.metadata().unwrap();
        let below = if metadata.is_dir() {
            owned_by_root(&entry.path())
        } else {
            0
        };
        below + usize::from(metadata.uid() == 0)
    };
    entries.map(count).sum()
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn what_root_wrote_serves_portage() {
    let root = root();
    let cache = root.file("var/cache/sccache");
    root.emerge(&["dev-test/in-setup"]);
    assert_eq!(owned_by_root(&cache), 0, "pkg_setup is root's as well");
    root.emerge(&["dev-test/as-root"]);
    assert_eq!(owned_by_root(&cache), 0);
    // Hits by another text before the preprocessor: an entry each, that no counter tells of.
    let of_other_text = "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
        src_install() { local n; for n in {1..20}; do echo \"int  f$n;\" > $n.c; sccache gcc -c $n.c || die; done; }\n";
    root.ebuild("dev-test/hits-1.0", of_other_text);
    root.emerge(&["dev-test/hits"]);
    assert_eq!(owned_by_root(&cache), 0, "hits write too");
    let run = root.emerge(&["dev-test/as-portage"]);
    let build = &root.builds(&["as-portage"])[0];
    let phase = &build["phases"]["compile"];
    assert_eq!(
        (&build["hits"], &build["misses"]),
        (&20.into(), &40.into()),
        "{build}"
    );
    for errors in ["errors", "read_errors", "write_errors"] {
        assert_eq!(phase[errors], 0, "{phase}");
    }
    assert!(!run.log.contains("could not write"), "{}", run.log);
}

/// Turned off, it is as it always was; and the user is told, with the cure.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_poisoned_cache_is_seen_and_its_cure_works() {
    let root = root();
    root.append("etc/portage/make.conf", "SCCACHE_REPORT_CHOWN=\"no\"");
    root.emerge(&["dev-test/as-root"]);
    assert!(owned_by_root(&root.file("var/cache/sccache")) > 0);
    let run = root.emerge(&["dev-test/as-portage"]);
    let cure = "chown -RH portage:portage /mnt/gentoo/var/cache/sccache";
    let warnings = run
        .log
        .lines()
        .filter(|line| line.contains("sccache could not write") && line.contains(cure));
    // Where it happens, and in the messages that emerge repeats at its end.
    assert_eq!(warnings.count(), 2, "{}", run.log);
    let advice = root.report(&["advise"]);
    assert_eq!(advice[0]["advice"], "cache-errors", "{advice:?}");
    let setting = advice[0]["setting"].as_str().unwrap();
    assert_eq!(setting.lines().next(), Some(cure));
    let rule = ">> /mnt/gentoo/etc/sandbox.d/20sccache";
    assert!(run.log.contains(rule), "{}", run.log);
    root.run(&["bash", "-c", cure]).ok();
    let run = root.emerge(&["dev-test/as-portage"]);
    assert!(!run.log.contains("could not write"), "{}", run.log);
    assert_eq!(
        root.builds(&["as-portage"])[1]["phases"]["compile"]["write_errors"],
        0
    );
}

/// Nobody but root may write it, and it is empty, so that sccache can't make its folders: each compile fails. (Gentoo's
/// sandbox without its rule does the same.)
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_cache_that_portage_may_not_write_fails_with_its_cure() {
    let root = Root::new();
    std::os::unix::fs::chown(root.file("var/cache/sccache"), Some(0), Some(0)).unwrap();
    let run = root.emerge_with(&[], &["dev-test/many-files"]).failed();
    let cure = "chown -RH portage:portage /mnt/gentoo/var/cache/sccache";
    assert!(
        run.log.lines().any(
            |line| line.starts_with(" * sccache-report: sccache failed in ") && line.contains(cure)
        ),
        "{}",
        run.log
    );
    root.run(&["bash", "-c", cure]).ok();
    let run = root.emerge(&["dev-test/many-files"]);
    assert!(!run.log.contains("sccache-report:"), "{}", run.log);
    assert_eq!(root.builds(&[])[1]["misses"], 25);
}

/// A cache folder that its group may write, and one that is named in sccache's configuration file alone.
#[test]
#[ignore = "needs root and the registries: make test"]
fn what_root_wrote_serves_portage_in_other_configurations_too() {
    let serves = |root: &Root| {
        root.emerge(&["dev-test/as-root"]);
        root.emerge(&["dev-test/as-portage"]);
        let build = &root.builds(&["as-portage"])[0];
        let phase = &build["phases"]["compile"];
        assert_eq!(
            (
                &build["hits"],
                &phase["write_errors"],
                &phase["read_errors"]
            ),
            (&20.into(), &0.into(), &0.into()),
            "{build}"
        );
    };
    let of_a_group = root();
    let cache = of_a_group.file("var/cache/sccache");
    std::os::unix::fs::chown(&cache, Some(0), None).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o2775)).unwrap();
    serves(&of_a_group);

    let configured = root();
    let file = configured.read("etc/portage/make.conf");
    let lines = file.lines().filter(|line| !line.contains("SCCACHE_DIR"));
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    fs::write(configured.file("etc/portage/make.conf"), lines).unwrap();
    configured.append(
        "etc/portage/make.conf",
        "SCCACHE_CONF=\"/mnt/gentoo/etc/sccache.toml\"",
    );
    configured.append(
        "etc/sccache.toml",
        "[cache.disk]\ndir = \"/mnt/gentoo/var/cache/sccache\"",
    );
    serves(&configured);
}
