//! `sccache-report setup` on a real Portage: what it changes, and that `--undo` leaves nothing of it.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

use support::{Root, Run};

/// All that setup may touch.
fn state(root: &Root) -> BTreeMap<PathBuf, String> {
    root.state(&["etc", "var/lib", "var/cache"])
}

fn setup(root: &Root, options: &[&str]) -> Run {
    root.run(&[&["sccache-report", "setup"], options].concat())
}

/// Sets up, and again; undoes: everything is as it was.
fn there_and_back(root: &Root) {
    let before = state(root);
    let dry = setup(root, &["--dry-run"]).ok();
    assert!(dry.log.contains("Nothing was changed"), "{}", dry.log);
    let no = setup(root, &[]).failed();
    assert!(no.log.contains("nothing was changed"), "{}", no.log);
    assert_eq!(state(root), before);
    setup(root, &["--yes"]).ok();
    let done = state(root);
    assert_ne!(done, before);
    let again = setup(root, &["--yes"]).ok();
    assert!(
        again.log.contains("There is nothing to change."),
        "{}",
        again.log
    );
    assert_eq!(state(root), done);
    setup(root, &["--undo", "--yes"]).ok();
    assert_eq!(state(root), before);
    let none = setup(root, &["--undo"]).ok();
    assert!(
        none.log.contains("There is nothing to undo."),
        "{}",
        none.log
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn from_nothing_to_a_report_and_back() {
    let root = Root::installed();
    there_and_back(&root);
    let conf = root.read("etc/portage/make.conf");
    setup(&root, &["--yes"]).ok();
    let doctor = root.run(&["sccache-report", "doctor"]).ok();
    let lines = doctor
        .log
        .lines()
        .filter(|line| !line.starts_with([' ']) && !line.is_empty());
    let rest: Vec<&str> = lines.filter(|line| !line.starts_with("green ")).collect();
    assert_eq!(rest, ["23 green"], "{}", doctor.log);
    root.emerge(&["dev-test/rusty", "dev-test/many-files"]);
    assert_eq!(root.builds(&[]).len(), 2);
    assert_eq!(root.builds(&["many-files"])[0]["misses"], 25);
    root.run(&["sccache-report", "doctor"]).ok();
    let undone = setup(&root, &["--undo", "--yes"]).ok();
    assert!(
        undone
            .log
            .contains("var/lib/sccache-report stays, for it is not empty"),
        "{}",
        undone.log
    );
    assert_eq!(root.read("etc/portage/make.conf"), conf);
    assert!(!root.file("etc/portage/bashrc").exists() && !root.file("etc/sandbox.d").exists());
    assert_eq!(root.builds(&[]).len(), 2, "the database is kept");
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn make_conf_may_be_a_folder_or_a_link_and_bashrc_d_gets_a_link() {
    let root = Root::installed();
    let conf = root.file("etc/portage/make.conf");
    fs::rename(&conf, root.file("etc/portage/real.conf")).unwrap();
    symlink("real.conf", &conf).unwrap();
    root.append(
        "etc/portage/bashrc",
        "for f in /mnt/gentoo/etc/portage/bashrc.d/*.sh; do . \"$f\"; done",
    );
    there_and_back(&root);
    fs::remove_file(&conf).unwrap();
    fs::create_dir(&conf).unwrap();
    fs::rename(root.file("etc/portage/real.conf"), conf.join("10-mine")).unwrap();
    there_and_back(&root);
    setup(&root, &["--yes"]).ok();
    assert!(
        root.read("etc/portage/make.conf/sccache-report")
            .contains("RUSTC_WRAPPER=\"sccache\"")
    );
    assert!(
        root.file("etc/portage/bashrc.d/90-sccache-report.sh")
            .is_symlink()
    );
    root.emerge(&["dev-test/many-files"]);
    assert_eq!(root.builds(&[]).len(), 1);
}

/// Builds are recorded where make.conf says.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_database_elsewhere_is_set_in_make_conf() {
    let root = Root::installed();
    let before = state(&root);
    let relative = setup(&root, &["--yes", "--db", "x/s.db"]).failed();
    let why = "x/s.db is not an absolute path";
    assert!(relative.log.contains(why), "{}", relative.log);
    for name in ["a\"b", "a$b", "a:b"] {
        let database = format!("/mnt/gentoo/srv/{name}/s.db");
        let refused = setup(&root, &["--yes", "--db", &database]).failed();
        let why = "can't be written into make.conf as it is";
        assert!(refused.log.contains(why), "{}", refused.log);
    }
    assert_eq!(state(&root), before);
    let database = "/mnt/gentoo/srv/x/s.db";
    setup(&root, &["--yes", "--db", database]).ok();
    root.emerge(&["dev-test/many-files"]);
    assert!(root.file("srv/x/s.db").is_file());
    let doctor = root.run(&["sccache-report", "doctor"]).ok();
    assert!(doctor.log.contains("23 green"), "{}", doctor.log);
    let other = setup(&root, &["--yes", "--db", "/mnt/gentoo/srv/y.db"]).failed();
    let why = "SCCACHE_REPORT_DB is set to /mnt/gentoo/srv/x/s.db";
    assert!(other.log.contains(why), "{}", other.log);
    setup(&root, &["--undo", "--yes"]).ok();
    let conf = PathBuf::from("etc/portage/make.conf");
    assert_eq!(state(&root)[&conf], before[&conf]);
    assert!(root.file("srv/x/s.db").is_file(), "the database is kept");
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn another_wrapper_is_named() {
    let root = Root::installed();
    root.append("etc/portage/make.conf", "\nRUSTC_WRAPPER=\"kache\"");
    let run = setup(&root, &["--dry-run"]).ok();
    let why = "RUSTC_WRAPPER=\"kache\" is set already, but is not sccache: Rust is not cached";
    assert!(run.log.contains(why), "{}", run.log);
    assert!(!run.log.contains("+ RUSTC_WRAPPER"), "{}", run.log);
}

/// What the user set stays; what is wrong with a folder's owner is set right and given back.
#[test]
#[ignore = "needs root and the registries: make test"]
fn what_is_set_is_left_alone() {
    let root = Root::installed();
    root.append(
        "etc/portage/make.conf",
        "\nSCCACHE_CACHE_SIZE=\"3G\"\nexport RUSTC_WRAPPER='/usr/bin/sccache' # mine",
    );
    root.append("etc/portage/bashrc", "# no newline at its end");
    let bashrc = root.read("etc/portage/bashrc");
    fs::write(root.file("etc/portage/bashrc"), bashrc.trim_end()).unwrap();
    fs::create_dir(root.file("var/cache/sccache")).unwrap();
    fs::create_dir(root.file("var/lib/sccache-report")).unwrap();
    std::os::unix::fs::chown(root.file("var/lib/sccache-report"), Some(12345), None).unwrap();
    there_and_back(&root);
    let run = setup(&root, &["--yes"]).ok();
    for kept in [
        "SCCACHE_CACHE_SIZE=\"3G\" is set already",
        "RUSTC_WRAPPER=\"/usr/bin/sccache\" is set already",
    ] {
        assert!(run.log.contains(kept), "{}", run.log);
    }
    let conf = root.read("etc/portage/make.conf");
    assert_eq!(conf.matches("RUSTC_WRAPPER").count(), 1, "{conf}");
    assert_eq!(conf.matches("SCCACHE_DIR=").count(), 1, "{conf}");
    assert_eq!(
        fs::metadata(root.file("var/lib/sccache-report"))
            .unwrap()
            .uid(),
        0
    );
    let journal = root.file("var/lib/sccache-report/setup.json");
    assert_eq!(fs::metadata(&journal).unwrap().uid(), 0);
    // What somebody else could write tells root nothing.
    std::os::unix::fs::chown(&journal, Some(12345), None).unwrap();
    let refused = setup(&root, &["--undo", "--yes"]).failed();
    let why = "others than root can write /mnt/gentoo/var/lib/sccache-report/setup.json";
    assert!(refused.log.contains(why), "{}", refused.log);
    std::os::unix::fs::chown(&journal, Some(0), None).unwrap();
    // Somebody goes on editing: only setup's own lines go.
    root.append("etc/portage/make.conf", "USE=\"later\"");
    let undone = setup(&root, &["--undo", "--yes"]).ok();
    assert!(
        undone.log.contains("make.conf was changed since"),
        "{}",
        undone.log
    );
    let conf = root.read("etc/portage/make.conf");
    assert!(
        conf.ends_with("# mine\nUSE=\"later\"\n") && !conf.contains("SCCACHE_DIR"),
        "{conf}"
    );
}

/// A variable of setup's would have sccache pass over the file's folder and limit.
#[test]
#[ignore = "needs root and the registries: make test"]
fn what_the_configuration_file_says_is_left_alone() {
    let root = Root::installed();
    let file = root.file("etc/sccache.toml");
    let add = "\nSCCACHE_CONF=\"/mnt/gentoo/etc/sccache.toml\"";
    root.append("etc/portage/make.conf", add);
    fs::write(&file, "[cache.disk]\nsize = 53687091200\n").unwrap();
    let run = setup(&root, &["--dry-run"]).ok();
    assert!(
        run.log.contains("+ SCCACHE_CACHE_SIZE=\"50G\""),
        "{}",
        run.log
    );
    let folder = "[cache.disk]\ndir = \"/mnt/gentoo/var/cache/mine\"\nsize = 53687091200\n";
    fs::write(&file, folder).unwrap();
    let run = setup(&root, &["--dry-run"]).ok();
    assert!(run.log.contains("SCCACHE_DIR is not set"), "{}", run.log);
    let nothing_local = |run: &Run| {
        for name in ["SCCACHE_DIR", "SCCACHE_CACHE_SIZE"] {
            assert!(!run.log.contains(&format!("+ {name}=")), "{}", run.log);
        }
    };
    nothing_local(&run);
    // Nor is there anything to say of a local cache where a remote one takes its place.
    fs::write(&file, "[cache.redis]\nendpoint = \"redis://cache\"\n").unwrap();
    let run = setup(&root, &["--dry-run"]).ok();
    let why = "SCCACHE_DIR is not set: /mnt/gentoo/etc/sccache.toml says where the cache is";
    assert!(run.log.contains(why), "{}", run.log);
    nothing_local(&run);
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn only_root_can_and_anybody_can_look() {
    let root = Root::installed();
    let before = state(&root);
    let nobody = |options: &str| {
        let command = format!(
            "setpriv --reuid 65534 --regid 65534 --clear-groups sccache-report setup {options}"
        );
        root.run(&["bash", "-c", &command])
    };
    assert!(nobody("--dry-run").ok().log.contains("+ RUSTC_WRAPPER"));
    let refused = nobody("--yes").failed();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        refused.log.contains("only root can change that"),
        "{}",
        refused.log
    );
    assert_eq!(state(&root), before);
    // What can't be edited is named before anything is done.
    let bashrc = root.file("etc/portage/bashrc");
    symlink("/mnt/gentoo/gone", &bashrc).unwrap();
    let refused = setup(&root, &["--yes"]).failed();
    let why = "/mnt/gentoo/etc/portage/bashrc is a link to /mnt/gentoo/gone, which is not there";
    assert!(refused.log.contains(why), "{}", refused.log);
    fs::remove_file(&bashrc).unwrap();
    assert_eq!(state(&root), before);
}
