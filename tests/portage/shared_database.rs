//! One database for several emerges, a locked one, and none.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::portage::{Root, Running};
use rusqlite::Connection;
use sccache_report::portage::Build;
use sccache_report::store::{Pending, Recorded, Store};

/// One request, one miss.
const TINY: &str = r#"EAPI=8
SLOT=0
KEYWORDS=amd64
S=${WORKDIR}
src_compile() {
	echo "int ${PN//-/_};" > tiny.c || die
	sccache gcc -c tiny.c -o tiny.o || die
}
"#;

fn root_with(packages: &[&str]) -> Root {
    let root = Root::new();
    for package in packages {
        root.ebuild(&format!("{package}-1.0"), TINY);
    }
    root
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn eight_emerges_of_different_roots_record_into_one_database() {
    let shared = tempfile::tempdir().unwrap();
    fs::set_permissions(shared.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let names: Vec<[String; 2]> = (0..8)
        .map(|n| [format!("dev-test/tiny{n}"), format!("dev-test/small{n}")])
        .collect();
    let roots: Vec<Root> = names
        .iter()
        .map(|[tiny, small]| {
            let mut root = root_with(&[tiny, small]);
            root.bind(shared.path(), "/mnt/gentoo/var/lib/sccache-report");
            root
        })
        .collect();
    let emerges: Vec<Running> = roots
        .iter()
        .zip(&names)
        .map(|(root, [tiny, small])| root.start(&[], &["emerge", "-1", tiny, small]))
        .collect();
    for emerge in emerges {
        let run = emerge.wait().ok();
        assert!(
            !run.log.contains("sccache-report: "),
            "a warning:\n{}",
            run.log
        );
    }
    let db = shared.path().join("stats.db");
    let builds = roots[0].report_of(&db, &["builds"]);
    let mut packages: Vec<&str> = builds
        .iter()
        .map(|build| build["package"].as_str().unwrap())
        .collect();
    packages.sort_unstable();
    let mut expected: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(packages, expected);
    for build in &builds {
        assert_eq!(
            (build["hits"].as_u64(), build["misses"].as_u64()),
            (Some(0), Some(1)),
            "{build}"
        );
    }
    let emerges = roots[0].report_of(&db, &["emerges"]);
    assert_eq!(emerges.len(), 8, "{emerges:?}");
    assert!(
        emerges.iter().all(|emerge| emerge["builds"] == 2),
        "{emerges:?}"
    );
    assert_eq!(Pending::for_database(&db).count(), Some(0));
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_merge_goes_on_while_the_database_is_locked_and_the_build_is_there_afterwards() {
    let root = root_with(&["dev-test/tiny", "dev-test/small"]);
    root.emerge(&["dev-test/tiny"]);
    let other = Connection::open(root.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The lock is held until after the merge, so the merge didn't wait for its end.
    let run = root.emerge(&["dev-test/tiny"]);
    assert!(run.log.contains("locked by another process"), "{}", run.log);
    let log = root.build_log("dev-test/tiny");
    assert_eq!(log.matches(" * sccache-report: ").count(), 1, "{log}");
    assert_eq!(Pending::for_database(&root.database()).count(), Some(1));
    assert_eq!(root.builds(&[]).len(), 1);
    drop(other);
    let run = root.emerge(&["dev-test/small"]);
    assert!(
        run.log
            .contains(" * sccache-report: recorded 1 pending build"),
        "{}",
        run.log
    );
    let builds = root.builds(&[]);
    let packages: Vec<_> = builds
        .iter()
        .map(|build| build["package"].as_str().unwrap())
        .collect();
    assert_eq!(
        packages,
        ["dev-test/tiny", "dev-test/tiny", "dev-test/small"]
    );
    assert_eq!(Pending::for_database(&root.database()).count(), Some(0));
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_build_that_can_be_kept_nowhere_is_a_line_of_the_build_log() {
    let root = root_with(&["dev-test/tiny"]);
    fs::remove_dir_all(root.file("var/lib/sccache-report")).unwrap();
    fs::write(root.file("var/lib/sccache-report"), "not a folder").unwrap();
    root.emerge(&["dev-test/tiny"]);
    let log = root.build_log("dev-test/tiny");
    assert_eq!(
        log.matches(" * sccache-report: can't create the directory")
            .count(),
        1,
        "{log}"
    );
    let builds: Vec<Build> = log
        .lines()
        .filter_map(Build::from_log_line)
        .map(Result::unwrap)
        .collect();
    let [build] = &builds[..] else {
        panic!("{} builds in\n{log}", builds.len())
    };
    assert_eq!((&*build.package, &*build.version), ("dev-test/tiny", "1.0"));
    // The quotes survive einfo's `echo -e`.
    let stats = build.phases[0].stats.as_ref().unwrap();
    assert_eq!(
        stats.cache_location.as_deref(),
        Some("Local disk: \"/mnt/gentoo/var/cache/sccache\"")
    );
    fs::remove_file(root.file("var/lib/sccache-report")).unwrap();
    let mut store = Store::open_for_recording(&root.database()).unwrap();
    assert_eq!(store.record(build).unwrap(), Recorded::New);
    assert_eq!(root.builds(&[])[0]["misses"], 1);
}
