//! Compilations as root don't leave files in the cache that user portage can't use.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::support::portage::builds::START_OLD_SERVER;
use crate::support::portage::{Root, Run};

const HEAD: &str = "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
    some() { local n; for n in $(eval echo \"{1..$1}\"); do echo \"int f$n;\" > $n.c; sccache gcc -c $n.c || die; done; }\n";

/// Returns a Portage with packages that compile as root, and one that compiles the same and more as user portage.
fn root() -> Root {
    let root = Root::new();
    for (package, phases) in [
        ("as-root", "src_install() { some 20; }"),
        ("in-setup", "pkg_setup() { cd \"${T}\" || die; some 20; }"),
        ("as-portage", "src_compile() { some 60; }"),
        (
            "restricted",
            "RESTRICT=userpriv\nsrc_compile() { some 20; }",
        ),
    ] {
        root.ebuild(
            &format!("dev-test/{package}-1.0"),
            &format!("{HEAD}{phases}"),
        );
    }
    root
}

/// Returns the metadata of all files and folders below a folder.
fn files_below(folder: &Path) -> Vec<fs::Metadata> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            found.extend(files_below(&entry.path()));
        }
        found.push(metadata);
    }
    found
}

#[track_caller]
fn assert_no_complaint(run: &Run) {
    assert!(!run.log.contains(" * sccache-report:"), "{}", run.log);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn root_only_reads_the_cache() {
    for features in ["", "-network-sandbox -pid-sandbox"] {
        let root = root();
        let cache = root.file("var/cache/sccache");
        let emerge = |packages: &[&str]| root.emerge_with(&[("FEATURES", features)], packages).ok();
        assert_no_complaint(&emerge(&[
            "dev-test/in-setup",
            "dev-test/as-root",
            "dev-test/restricted",
        ]));
        assert_eq!(files_below(&cache).len(), 0, "{features}");
        let phase = &root.builds(&["as-root"])[0]["phases"]["install"];
        // Exactly what sccache counted: each miss is an error.
        assert_eq!(
            (&phase["misses"], &phase["write_errors"], &phase["writes"]),
            (&20.into(), &20.into(), &0.into()),
            "{phase}"
        );
        let advice = root.report(&["advise"]);
        assert!(
            advice.iter().all(|row| row["advice"] != "cache-errors"),
            "{advice:?}"
        );

        assert_no_complaint(&emerge(&["dev-test/as-portage"]));
        assert!(files_below(&cache).iter().all(|file| file.uid() != 0));
        let run = emerge(&["dev-test/as-root"]);
        let build = &root.builds(&["as-root"])[1];
        assert_eq!(
            (&build["hits"], &build["misses"]),
            (&20.into(), &0.into()),
            "{}",
            run.log
        );
        let environment = root.environment("dev-test/as-root-1.0");
        assert!(!environment.contains("RW_MODE"), "{environment}");
    }
}

/// Without userpriv, root writes to a cache that it owns, and not to that of another user.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn without_userpriv_root_writes_into_its_own_cache_only() {
    let root = root();
    let cache = root.file("var/cache/sccache");
    let emerge = || {
        root.emerge_with(&[("FEATURES", "-userpriv")], &["dev-test/as-portage"])
            .ok()
    };
    assert_no_complaint(&emerge());
    assert_eq!(files_below(&cache).len(), 0);
    std::os::unix::fs::chown(&cache, Some(0), Some(0)).unwrap();
    assert_no_complaint(&emerge());
    emerge();
    assert_eq!(root.builds(&[])[2]["hits"], 60);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_mode_that_the_user_set_stays() {
    let root = root();
    root.append(
        "etc/portage/make.conf",
        "SCCACHE_LOCAL_RW_MODE=\"READ_WRITE\"",
    );
    root.emerge(&["dev-test/as-root"]);
    let files = files_below(&root.file("var/cache/sccache"));
    assert!(!files.is_empty() && files.iter().all(|file| file.uid() == 0));
    // The next build can't use what root wrote. The warning names no command and no path.
    let run = root.emerge(&["dev-test/as-portage"]);
    let warnings: Vec<&str> = { run.log.lines() }
        .filter(|line| line.contains("sccache could not write"))
        .collect();
    // emerge repeats messages at its end.
    assert_eq!(warnings.len(), 2, "{}", run.log);
    let (_, warning) = warnings[0].split_once("sccache-report: ").unwrap();
    assert!(warning.contains("Run `sccache-report doctor`"), "{warning}");
    assert!(!warning.contains('/'), "{warning}");
}

/// sccache before 0.7 doesn't know the setting.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn an_sccache_that_writes_as_root_all_the_same_is_named() {
    let root = root();
    root.sccache("0.4.2")
        .append("etc/portage/bashrc", START_OLD_SERVER);
    let run = root.emerge(&["dev-test/as-root"]);
    assert!(
        run.log.contains("sccache before 0.7 ignores"),
        "{}",
        run.log
    );
    assert!(
        !root
            .emerge(&["dev-test/as-portage"])
            .log
            .contains("before 0.7")
    );
}

/// The cache is empty, and sccache can't create its folders as user portage, so each compilation fails. Gentoo's sandbox
/// without a rule for the cache has the same effect.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_cache_that_portage_may_not_write_fails_with_a_pointer_to_doctor() {
    let root = Root::new();
    std::os::unix::fs::chown(root.file("var/cache/sccache"), Some(0), Some(0)).unwrap();
    let run = root.emerge_with(&[], &["dev-test/many-files"]).failed();
    let warning = |line: &&str| line.starts_with(" * sccache-report: sccache failed in ");
    let warning = run.log.lines().find(warning).expect(&run.log);
    assert!(warning.contains("Run `sccache-report doctor`"), "{warning}");
    let cache = root.file("var/cache/sccache");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    assert_no_complaint(&root.emerge(&["dev-test/many-files"]));
    assert_eq!(root.builds(&[])[1]["misses"], 25);
}
