//! The hook's record of each merge, beside the database.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::portage::Root;

const LAST_MERGE: &str = "var/lib/sccache-report/hook/last-merge";
const LAST_CACHED: &str = "var/lib/sccache-report/hook/last-cached";

/// Returns the entries between the first and the last line.
#[track_caller]
fn entries(root: &Root, file: &str) -> BTreeMap<String, String> {
    let text = root.read(file);
    let body = text.strip_prefix("sccache-report-hook=1\n").expect(&text);
    let body = body.strip_suffix("\nend\n").expect(&text);
    let entry = |line: &str| {
        let (name, value) = line.split_once('=').expect(&text);
        (name.to_owned(), value.to_owned())
    };
    body.lines().map(entry).collect()
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_a_merge_had_in_effect_is_beside_the_database() {
    let root = Root::new();
    let conf = "SCCACHE_REDIS_PASSWORD=\"secret\"\nSCCACHE_OTHER=\"redis://me:secret@host\"\nSCCACHE_DIRECT=\"\"\n\
                CMAKE_C_COMPILER_LAUNCHER=\"sccache\"\nCMAKE_OTHER=\"x\"";
    root.append("etc/portage/make.conf", conf);
    root.append(
        "etc/portage/bashrc",
        "export SCCACHE_LONG=$(printf '%02000d' 0) SCCACHE_LINES=$'a\\nb\\e[31m'",
    );
    root.emerge(&["dev-test/plain"]);
    assert!(!root.file(LAST_CACHED).exists());
    let merge = entries(&root, LAST_MERGE);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(now - merge["time"].parse::<u64>().unwrap() < 60);
    for (name, value) in [
        ("package", "dev-test/plain-1.0"),
        (
            "t_length",
            &"/mnt/gentoo/var/tmp/portage/dev-test/plain-1.0/temp"
                .len()
                .to_string(),
        ),
        ("env.RUSTC_WRAPPER", "sccache"),
        ("env.SCCACHE_DIR", "/mnt/gentoo/var/cache/sccache"),
        ("env.SCCACHE_DIRECT", ""),
        ("env.SCCACHE_REDIS_PASSWORD", "(hidden)"),
        ("env.SCCACHE_OTHER", "(hidden)"),
        ("env.SCCACHE_LINES", "a b [31m"),
        ("env.SCCACHE_LONG", &"0".repeat(1000)),
        ("env.CMAKE_C_COMPILER_LAUNCHER", "sccache"),
    ] {
        assert_eq!(
            merge.get(name).map(String::as_str),
            Some(value),
            "{name}: {merge:?}"
        );
    }
    assert!(merge["features"].contains(" userpriv ") && merge.contains_key("env.PATH"));
    for absent in [
        "env.CMAKE_OTHER",
        "env.CC",
        "env.SCCACHE_SERVER_UDS",
        "env.SCCACHE_LOCAL_RW_MODE",
    ] {
        assert!(!merge.contains_key(absent), "{absent}: {merge:?}");
    }
    root.emerge(&["dev-test/many-files"]);
    assert_eq!(root.read(LAST_MERGE), root.read(LAST_CACHED));
    assert_eq!(
        entries(&root, LAST_CACHED)["package"],
        "dev-test/many-files-1.0"
    );
    root.sccache("none").emerge(&["dev-test/plain"]);
    assert_eq!(
        entries(&root, LAST_CACHED)["package"],
        "dev-test/many-files-1.0"
    );
}

/// The hook writes only to a folder that root owns. The collector creates it, never the hook.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_folder_of_others_is_left_alone() {
    let root = Root::new();
    let folder = root.file("var/lib/sccache-report/hook");
    std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    root.emerge(&["dev-test/plain"]);
    assert!(!folder.exists());
    root.emerge(&["dev-test/many-files"]);
    assert!(root.file(LAST_CACHED).exists());
    assert_eq!(
        folder.metadata().unwrap().permissions().mode() & 0o7777,
        0o755
    );
    std::fs::remove_dir_all(&folder).unwrap();
    let sticky = std::fs::Permissions::from_mode(0o1777);
    for (uid, mode) in [(12345, std::fs::Permissions::from_mode(0o755)), (0, sticky)] {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, mode).unwrap();
        std::os::unix::fs::chown(&folder, Some(uid), None).unwrap();
        root.emerge(&["dev-test/plain"]);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
    // Files that another user put into a folder of root's.
    let target = root.file("etc/target");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&target, "x").unwrap();
    std::os::unix::fs::symlink("/mnt/gentoo/etc/target", folder.join("last-merge")).unwrap();
    root.emerge(&["dev-test/plain"]);
    assert_eq!(root.read("etc/target"), "x");
    std::fs::rename(&target, folder.join("last-merge")).unwrap();
    std::os::unix::fs::chown(folder.join("last-merge"), Some(12345), None).unwrap();
    root.emerge(&["dev-test/plain"]);
    assert_eq!(root.read(LAST_MERGE), "x");
    // Another user's link leads to a folder that root owns.
    let others = root.file("tmp/others");
    std::fs::create_dir(&others).unwrap();
    std::os::unix::fs::symlink("/mnt/gentoo/etc/portage/env", others.join("hook")).unwrap();
    std::fs::create_dir_all(root.file("etc/portage/env")).unwrap();
    for uid in [12345, 0] {
        std::os::unix::fs::chown(&others, Some(uid), None).unwrap();
        let db = "/mnt/gentoo/tmp/others/stats.db";
        root.emerge_with(&[("SCCACHE_REPORT_DB", db)], &["dev-test/plain"])
            .ok();
        assert!(!root.file("etc/portage/env/last-merge").exists());
    }
}

/// `emerge --prefix` builds for another system, whose EPREFIX the phases have.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_build_for_another_prefix_is_recorded_on_the_machine_that_built_it() {
    let root = Root::new();
    let command = [
        "emerge",
        "-1",
        "--root=/mnt/gentoo/tmp/target",
        "--prefix=/opt/gentoo",
        "dev-test/many-files",
    ];
    let run = root.run(&command).ok();
    assert_eq!(root.builds(&[])[0]["misses"], 25, "{}", run.log);
    assert!(root.file(LAST_CACHED).exists());
    assert!(
        !root.file("opt/gentoo/var").exists()
            && !root
                .file("tmp/target/opt/gentoo/var/lib/sccache-report")
                .exists()
    );
}
