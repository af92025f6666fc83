//! `sccache-report setup`: what it changes and refuses, and `--undo`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use crate::support::portage::{Root, Run};

fn state(root: &Root) -> BTreeMap<PathBuf, String> {
    root.state(&["etc", "var/lib", "var/cache"])
}

fn setup(root: &Root, options: &[&str]) -> Run {
    root.run(&[&["sccache-report", "setup"], options].concat())
}

fn shell(root: &Root, script: &str) -> Run {
    root.run(&["bash", "-ec", script])
}

#[track_caller]
fn says(run: &Run, texts: &[&str]) {
    for text in texts {
        assert!(run.log.contains(text), "no {text:?} in:\n{}", run.log);
    }
}

/// Runs `--undo`, and asserts that everything is as before and the empty folders of the database are removed.
#[track_caller]
fn undo_to(root: &Root, before: &BTreeMap<PathBuf, String>, run: impl Fn() -> Run) {
    run().ok();
    let mut before = before.clone();
    before.retain(|path, _| !path.starts_with("var/lib/sccache-report"));
    assert_eq!(state(root), before);
}

/// Runs setup twice and `--undo`, and asserts that everything is as before.
#[track_caller]
fn there_and_back(root: &Root) {
    let before = state(root);
    says(&setup(root, &["--dry-run"]).ok(), &["Nothing was changed"]);
    let declined = setup(root, &[]);
    assert_eq!(declined.status.code(), Some(1), "{}", declined.log);
    assert_eq!(state(root), before);
    setup(root, &["--yes"]).ok();
    let done = state(root);
    assert_ne!(done, before);
    says(
        &setup(root, &["--yes"]).ok(),
        &["There is nothing to change."],
    );
    assert_eq!(state(root), done);
    undo_to(root, &before, || setup(root, &["--undo", "--yes"]));
    says(
        &setup(root, &["--undo"]).ok(),
        &["There is nothing to undo."],
    );
}

/// Asserts that setup fails with status 2 and these texts, and changes nothing.
#[track_caller]
fn refuses(root: &Root, texts: &[&str]) {
    let before = state(root);
    let run = setup(root, &["--yes"]);
    assert_eq!(run.status.code(), Some(2), "{}", run.log);
    says(&run, texts);
    assert_eq!(state(root), before);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn from_nothing_to_a_report_and_back() {
    let root = Root::installed();
    there_and_back(&root);
    let conf = root.read("etc/portage/make.conf");
    setup(&root, &["--yes"]).ok();
    for path in ["var/lib/sccache-report", "var/lib/sccache-report/hook"] {
        let what = fs::metadata(root.file(path)).unwrap();
        assert_eq!((what.uid(), what.mode() & 0o7777), (0, 0o755), "{path}");
    }
    assert_ne!(
        fs::metadata(root.file("var/cache/sccache")).unwrap().uid(),
        0
    );
    root.emerge(&["dev-test/rusty", "dev-test/many-files"]);
    assert_eq!(root.builds(&["many-files"])[0]["misses"], 25);
    let again = setup(&root, &["--yes"]).ok();
    assert!(!again.log.contains("were cached"), "{}", again.log);
    let undone = setup(&root, &["--undo", "--yes"]).ok();
    says(&undone, &["  - RUSTC_WRAPPER=\"sccache\"", "Undone."]);
    assert_eq!(
        root.read("etc/portage/make.conf").trim_end(),
        conf.trim_end()
    );
    assert!(!root.file("etc/portage/bashrc").exists() && !root.file("etc/sandbox.d").exists());
    assert_eq!(root.builds(&[]).len(), 2, "the database is kept");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_redis_is_added_replaced_and_removed() {
    let root = Root::installed();
    let before = state(&root);
    setup(&root, &["--yes"]).ok();
    let without = root.read("etc/portage/make.conf");
    let redis = |socket| setup(&root, &["--redis", socket, "--yes"]);
    redis("/run/a/redis.sock").ok();
    let conf = root.read("etc/portage/make.conf");
    let chain = "SCCACHE_MULTILEVEL_CHAIN=\"disk,redis\"\n";
    let endpoint = "SCCACHE_REDIS_ENDPOINT=\"unix://localhost/run/a/redis.sock\"\n";
    assert!(conf.contains(&format!("{chain}{endpoint}# END")), "{conf}");
    assert!(conf.contains("SCCACHE_DIR="), "{conf}");
    for again in [setup(&root, &["--yes"]), redis("/run/a/redis.sock")] {
        says(&again.ok(), &["There is nothing to change."]);
    }
    redis("/run/b.sock").ok();
    let replaced = conf.replace("/run/a/redis.sock", "/run/b.sock");
    let unmarked = |conf: &str| {
        conf.lines()
            .filter(|it| !it.starts_with('#'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        unmarked(&root.read("etc/portage/make.conf")),
        unmarked(&replaced)
    );
    for socket in ["redis.sock", "/run/a b", "/run/$x"] {
        let run = redis(socket);
        assert_eq!(run.status.code(), Some(2), "{}", run.log);
        says(&run, &["can't be the socket of Redis"]);
    }
    undo_to(&root, &before, || setup(&root, &["--undo", "--yes"]));
    root.append(
        "etc/portage/make.conf",
        "\nSCCACHE_REDIS_ENDPOINT=\"redis://h\"",
    );
    says(
        &redis("/run/b.sock").ok(),
        &["SCCACHE_REDIS_ENDPOINT (already set)"],
    );
    assert!(!without.contains("REDIS"), "{without}");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_redis_is_refused_if_sccache_was_built_without() {
    let root = Root::installed();
    let before = state(&root);
    root.sccache("0.19.0");
    let run = setup(&root, &["--redis", "/run/redis.sock", "--yes"]);
    assert_eq!(run.status.code(), Some(2), "{}", run.log);
    says(&run, &["built without Redis", "set USE=redis"]);
    assert_eq!(state(&root), before);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn make_conf_may_be_a_link_or_a_folder() {
    let root = Root::installed();
    let conf = root.file("etc/portage/make.conf");
    fs::rename(&conf, root.file("etc/portage/real.conf")).unwrap();
    symlink("real.conf", &conf).unwrap();
    there_and_back(&root);
    fs::remove_file(&conf).unwrap();
    fs::create_dir(&conf).unwrap();
    fs::rename(root.file("etc/portage/real.conf"), conf.join("10-mine")).unwrap();
    root.append("etc/portage/make.conf/99-mine", "SCCACHE_CACHE_SIZE=\"3G\"");
    there_and_back(&root);
    setup(&root, &["--yes"]).ok();
    let own = root.read("etc/portage/make.conf/sccache-report");
    assert!(
        own.contains("RUSTC_WRAPPER=") && !own.contains("CACHE_SIZE="),
        "{own}"
    );
    let size = root.run(&["portageq", "envvar", "SCCACHE_CACHE_SIZE"]).ok();
    assert_eq!(size.log.trim(), "3G");
    // Portage doesn't read such a folder.
    setup(&root, &["--undo", "--yes"]).ok();
    fs::create_dir(root.file("etc/portage/bashrc")).unwrap();
    refuses(
        &root,
        &[
            "/mnt/gentoo/etc/portage/bashrc is not a file",
            "move it away",
        ],
    );
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn portage_bashrc_mv_gets_a_link() {
    let root = Root::installed();
    root.append("etc/portage/bashrc.d/bashrcd.sh", "BashrcdMain() { :; }");
    // Without this line Portage doesn't read the folder.
    let block = setup(&root, &["--dry-run"]).ok();
    says(&block, &["etc/portage/bashrc: new file"]);
    root.append(
        "etc/portage/bashrc",
        "declare -F BashrcdMain >/dev/null || . /mnt/gentoo/etc/portage/bashrc.d/bashrcd.sh\nBashrcdMain",
    );
    there_and_back(&root);
    let link = root.file("etc/portage/bashrc.d/90-sccache-report.sh");
    let hook = Path::new("/mnt/gentoo/usr/share/sccache-report/sccache-report.sh");
    symlink("/mnt/gentoo/usr/share/old/sccache-report.sh", &link).unwrap();
    setup(&root, &["--yes"]).ok();
    assert_eq!(fs::read_link(&link).unwrap(), hook, "a hook that moved");
    fs::remove_file(&link).unwrap();
    fs::write(&link, "# mine\n").unwrap();
    refuses(
        &root,
        &[
            "90-sccache-report.sh is not a link to the hook",
            "move it away",
        ],
    );
}

/// The user's own lines stay in place, and edits inside the block are backed up.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_the_user_sets_and_edits_is_kept() {
    let root = Root::installed();
    root.append(
        "etc/portage/make.conf",
        "\nSCCACHE_CACHE_SIZE = \"3G\"\nexport RUSTC_WRAPPER='/usr/bin/sccache' # mine",
    );
    root.append("etc/portage/bashrc", "# no line break at its end");
    let bashrc = root.read("etc/portage/bashrc");
    fs::write(root.file("etc/portage/bashrc"), bashrc.trim_end()).unwrap();
    there_and_back(&root);
    let run = setup(&root, &["--yes"]).ok();
    says(
        &run,
        &[
            "Unchanged: SCCACHE_CACHE_SIZE (already set)",
            "+ SCCACHE_DIR=",
        ],
    );
    let conf = root.read("etc/portage/make.conf");
    assert_eq!(conf.matches("RUSTC_WRAPPER").count(), 1, "{conf}");
    let edited = conf.replace("104857600", "1234567");
    fs::write(root.file("etc/portage/make.conf"), &edited).unwrap();
    root.append("etc/portage/make.conf", "USE=\"later\"");
    says(
        &setup(&root, &["--yes"]).ok(),
        &["There is nothing to change."],
    );
    let undone = setup(&root, &["--undo", "--yes"]).ok();
    says(
        &undone,
        &[
            "- SCCACHE_MAX_FRAME_LENGTH=\"1234567\"",
            ".make.conf.sccache-report-edited~",
        ],
    );
    let kept = root.read("etc/portage/.make.conf.sccache-report-edited~");
    assert_eq!(kept, format!("{edited}USE=\"later\"\n"));
    let original = root.read("etc/portage/.make.conf.sccache-report~");
    assert!(original.ends_with("# mine\n") && !original.contains("BEGIN"));
    let conf = root.read("etc/portage/make.conf");
    assert!(conf.ends_with("# mine\nUSE=\"later\"\n"), "{conf}");
    assert_eq!(root.read("etc/portage/bashrc"), bashrc.trim_end());
}

/// The mode, the owner and the ACL of a file stay as the user changed them last.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn attributes_of_a_file_are_kept() {
    let root = Root::installed();
    let conf = root.file("etc/portage/make.conf");
    // An ACL: the owner may write, user 1234 and the mask may read, the group and others nothing.
    let acl = [
        "02000000",
        "01000600ffffffff",
        "02000400d2040000",
        "04000000ffffffff",
        "10000400ffffffff",
        "20000000ffffffff",
    ];
    let acl: Vec<u8> = acl.concat().as_bytes().chunks(2).map(hex_byte).collect();
    let name = "system.posix_acl_access";
    setup(&root, &["--yes"]).ok();
    fs::set_permissions(&conf, fs::Permissions::from_mode(0o600)).unwrap();
    chown(&conf, Some(0), Some(1234)).unwrap();
    setup(&root, &["--undo", "--yes"]).ok();
    let found = fs::metadata(&conf).unwrap();
    assert_eq!((found.gid(), found.mode() & 0o7777), (1234, 0o600));
    rustix::fs::setxattr(&conf, name, &acl, rustix::fs::XattrFlags::empty()).unwrap();
    rustix::fs::setxattr(&conf, "user.note", b"x", rustix::fs::XattrFlags::empty()).unwrap();
    setup(&root, &["--yes"]).ok();
    for path in ["make.conf", ".make.conf.sccache-report~"] {
        let path = root.file("etc/portage").join(path);
        let mut value = [0; 100];
        let length = rustix::fs::getxattr(&path, name, &mut value[..]).unwrap();
        assert_eq!(value[..length], acl, "{path:?}");
        let length = rustix::fs::getxattr(&path, "user.note", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"x", "{path:?}");
    }
}

fn hex_byte(digits: &[u8]) -> u8 {
    u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
}

/// A later setup doesn't replace the copy of the original, and undo never removes the target of a link.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn copies_are_kept() {
    let root = Root::installed();
    let conf = root.read("etc/portage/make.conf");
    setup(&root, &["--yes"]).ok();
    let first = root.read("etc/portage/make.conf");
    fs::write(
        root.file("etc/portage/make.conf"),
        first.replace("SCCACHE_MAX_FRAME_LENGTH=\"104857600\"\n", ""),
    )
    .unwrap();
    setup(&root, &["--yes"]).ok();
    assert_eq!(root.read("etc/portage/make.conf"), first);
    let original = root.read("etc/portage/.make.conf.sccache-report~");
    assert_eq!(original, conf);
    // Files that have nothing but setup's lines.
    let rule = root.read("etc/sandbox.d/20sccache-report");
    let edited = rule.replace("/\"", "/:/srv/\"");
    fs::write(root.file("etc/sandbox.d/20sccache-report"), &edited).unwrap();
    fs::rename(
        root.file("etc/portage/bashrc"),
        root.file("etc/portage/mine"),
    )
    .unwrap();
    symlink("mine", root.file("etc/portage/bashrc")).unwrap();
    setup(&root, &["--undo", "--yes"]).ok();
    assert_eq!(root.read("etc/portage/mine"), "");
    assert_eq!(root.read("etc/portage/make.conf"), conf);
    assert!(!root.file("etc/sandbox.d/20sccache-report").exists());
    let kept = root.read("etc/sandbox.d/.20sccache-report.sccache-report-edited~");
    assert_eq!(kept, edited);
}

/// Setup adds no lines that bash or Portage wouldn't read.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn files_with_errors_are_refused() {
    let root = Root::installed();
    for text in ["cat <<END", "if true; then", "x='open"] {
        fs::write(root.file("etc/portage/bashrc"), text).unwrap();
        refuses(
            &root,
            &["/mnt/gentoo/etc/portage/bashrc can't be parsed by bash"],
        );
    }
    fs::write(root.file("etc/portage/bashrc"), "[[ x == @(x|y) ]]\n").unwrap();
    setup(&root, &["--dry-run"]).ok();
    root.append("etc/portage/make.conf", "a b c");
    refuses(
        &root,
        &["/mnt/gentoo/etc/portage/make.conf has an error in line"],
    );
}

/// SANDBOX_WRITE may allow the cache already.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn rules_that_allow_the_cache_are_found() {
    let root = Root::installed();
    let conf = root.read("etc/portage/make.conf");
    for (allowed, is_missing) in [
        ("/mnt/gentoo/var/cache", false),
        ("/mnt/gentoo/var/ca", true),
    ] {
        let text = format!("{conf}\nSANDBOX_WRITE=\"{allowed}\"\n");
        fs::write(root.file("etc/portage/make.conf"), text).unwrap();
        let run = setup(&root, &["--dry-run"]).ok();
        assert_eq!(run.log.contains("add /mnt/gentoo"), is_missing, "{allowed}");
    }
}

/// The limit of the cache fits a small disk.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_cache_fits_the_free_space() {
    let root = Root::installed();
    let small =
        "mount -t tmpfs -o size=1000M none /mnt/gentoo/var/cache && chmod 755 /mnt/gentoo/var/cache
        sccache-report setup --dry-run";
    let run = shell(&root, small).ok();
    says(&run, &["+ SCCACHE_CACHE_SIZE=\"800M\""]);
}

/// package.env enables sccache for one package, and sets its limit.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn settings_of_package_env_are_not_overridden() {
    let root = Root::installed();
    root.append(
        "etc/portage/env/sccache.conf",
        "RUSTC_WRAPPER=\"sccache\"\nSCCACHE_DIR=\"/mnt/gentoo/var/cache/mine\"\nSCCACHE_CACHE_SIZE=\"20G\"",
    );
    root.append(
        "etc/portage/package.env",
        "dev-test/many-files sccache.conf",
    );
    let cache = root.file("var/cache/mine");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    let conf = root.read("etc/portage/make.conf");
    let run = setup(&root, &["--yes"]).ok();
    says(&run, &["env/sccache.conf sets RUSTC_WRAPPER"]);
    root.emerge(&["dev-test/many-files"]);
    // Now the recorded build counts.
    fs::rename(
        root.file("etc/portage/env"),
        root.file("etc/portage/elsewhere"),
    )
    .unwrap();
    let run = setup(&root, &["--yes"]).ok();
    says(
        &run,
        &[
            "builds were cached in the last 30 days",
            "There is nothing to change.",
        ],
    );
    assert_eq!(root.read("etc/portage/make.conf"), conf);
    assert!(!root.file("var/cache/sccache").exists() && !root.file("etc/sandbox.d").exists());
    fs::rename(
        root.file("etc/portage/elsewhere"),
        root.file("etc/portage/env"),
    )
    .unwrap();
    root.emerge(&["dev-test/many-files"]);
    let build = &root.report(&["show", "many-files"])[0];
    assert!(build.to_string().contains("many-files"), "{build}");
    assert_eq!(root.printed_stats("dev-test/many-files").len(), 1);
    let max = root.printed_stats("dev-test/many-files")[0].json["max_cache_size"].as_u64();
    assert_eq!(max, Some(20 << 30));
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_local_cache_is_not_set_beside_another() {
    let root = Root::installed();
    let conf = root.read("etc/portage/make.conf");
    for line in [
        "SCCACHE_CONF=\"/mnt/gentoo/etc/sccache.toml\"",
        "SCCACHE_BUCKET=\"b\"",
    ] {
        fs::write(
            root.file("etc/portage/make.conf"),
            format!("{conf}\n{line}\n"),
        )
        .unwrap();
        let run = setup(&root, &["--dry-run"]).ok();
        says(&run, &["+ RUSTC_WRAPPER=\"sccache\""]);
        assert!(
            !run.log.contains("SCCACHE_DIR=") && !run.log.contains("CACHE_SIZE="),
            "{}",
            run.log
        );
    }
}

/// Setup doesn't write to files and folders that other users can change, and doesn't open them for builds.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn folders_of_others_are_refused() {
    let root = Root::installed();
    let mode = |path: &str, mode| {
        fs::set_permissions(root.file(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    for path in ["var/cache", "var/lib", "etc/portage"] {
        mode(path, 0o777);
        refuses(
            &root,
            &[&format!(
                "/mnt/gentoo/{path} can be written by others (mode 0777)"
            )],
        );
        mode(path, 0o755);
    }
    chown(root.file("var/lib"), Some(1234), None).unwrap();
    refuses(&root, &["/mnt/gentoo/var/lib belongs to user 1234"]);
    chown(root.file("var/lib"), Some(0), None).unwrap();
    // A link whose target other users can replace.
    let conf = root.file("etc/portage/make.conf");
    let text = root.read("etc/portage/make.conf");
    fs::write(root.file("var/tmp/mine.conf"), &text).unwrap();
    fs::rename(&conf, root.file("etc/portage/away")).unwrap();
    symlink("/mnt/gentoo/var/tmp/mine.conf", &conf).unwrap();
    refuses(&root, &["/mnt/gentoo/var/tmp can be written by others"]);
    fs::remove_file(&conf).unwrap();
    fs::rename(root.file("etc/portage/away"), &conf).unwrap();
    let run = setup(&root, &["--yes", "--db", "/tmp/x/s.db"]);
    says(&run, &["/tmp can be written by others"]);
    for name in ["a\"b", "a$b", "a`b"] {
        let run = setup(
            &root,
            &["--yes", "--db", &format!("/mnt/gentoo/srv/{name}/s.db")],
        );
        assert_eq!(run.status.code(), Some(2), "{}", run.log);
        says(&run, &["can't be written into a configuration file"]);
    }
    // A folder with another owner keeps it, and no rule lets builds write to it.
    fs::write(&conf, format!("{text}\nSCCACHE_DIR=\"/mnt/gentoo/var\"\n")).unwrap();
    let run = setup(&root, &["--yes"]).ok();
    says(
        &run,
        &[
            "/mnt/gentoo/var, which doesn't belong to portage: set SCCACHE_DIR to a directory of portage:portage",
        ],
    );
    assert_eq!(fs::metadata(root.file("var")).unwrap().uid(), 0);
    assert!(!root.file("etc/sandbox.d").exists());
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_is_in_the_way_is_named() {
    let root = Root::installed();
    let bashrc = root.file("etc/portage/bashrc");
    symlink("/mnt/gentoo/gone", &bashrc).unwrap();
    refuses(
        &root,
        &[
            "/mnt/gentoo/etc/portage/bashrc can't be used",
            "No such file",
        ],
    );
    fs::remove_file(&bashrc).unwrap();
    symlink("bashrc", &bashrc).unwrap();
    refuses(&root, &["/mnt/gentoo/etc/portage/bashrc can't be used"]);
    fs::remove_file(&bashrc).unwrap();
    let run = shell(&root, "sccache-report setup < /");
    says(&run.failed(), &["can't read the answer: Is a directory"]);
    fs::write(root.file("var/cache/sccache"), "mine").unwrap();
    refuses(&root, &["/mnt/gentoo/var/cache/sccache is not a directory"]);
    fs::remove_file(root.file("var/cache/sccache")).unwrap();
    let mounted =
        "c=/mnt/gentoo/etc/portage/make.conf; mount --bind $c $c; sccache-report setup --yes";
    let run = shell(&root, mounted);
    assert_eq!(run.status.code(), Some(2), "{}", run.log);
    says(
        &run,
        &[
            "/mnt/gentoo/etc/portage/make.conf can't be used",
            "it is a mount point",
        ],
    );
    // An incomplete setup can be completed or undone.
    setup(&root, &["--undo", "--yes"]).ok();
    assert!(!bashrc.exists());
    let read_only = "c=/mnt/gentoo/etc; mount --bind $c $c; mount -o remount,bind,ro $c; sccache-report setup --yes";
    let run = shell(&root, read_only);
    assert_eq!(run.status.code(), Some(2), "{}", run.log);
    says(
        &run,
        &["Read-only file system", "mount the file system writable"],
    );
}

/// Other users can run `--dry-run`, but not change or delay anything.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn other_users_have_no_part_in_it() {
    let root = Root::installed();
    let before = state(&root);
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let run = shell(&root, &format!("{nobody} sccache-report setup --dry-run")).ok();
    says(&run, &["+ RUSTC_WRAPPER"]);
    let run = shell(&root, &format!("{nobody} sccache-report setup --yes"));
    assert_eq!(run.status.code(), Some(2), "{}", run.log);
    says(&run, &["only root can make these changes"]);
    assert_eq!(state(&root), before);
    let lock = "mkfifo /tmp/wait; chmod 666 /tmp/wait
        $NOBODY flock /mnt/gentoo/etc -c 'echo > /tmp/wait; read x < /tmp/wait' & read < /tmp/wait
        sccache-report setup --yes; echo > /tmp/wait; wait";
    shell(&root, &lock.replace("$NOBODY", nobody)).ok();
    assert_ne!(state(&root), before);
    let run = setup(&root, &["--format", "json"]);
    assert_eq!(run.status.code(), Some(2), "{}", run.log);
    says(&run, &["unexpected argument '--format' found"]);
}

/// The owner of a Gentoo Prefix needs no root.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_owner_of_a_prefix_sets_it_up() {
    let root = Root::installed();
    give(&root.dir, 65534);
    let before = state(&root);
    let owner = |command: &str| {
        let as_owner = "setpriv --reuid 65534 --regid 65534 --clear-groups";
        shell(&root, &format!("{as_owner} {command}"))
    };
    owner("sccache-report setup --yes").ok();
    for (path, what) in state(&root) {
        assert!(what.starts_with("65534:65534 "), "{path:?}: {what}");
    }
    let other =
        "setpriv --reuid 1234 --regid 1234 --clear-groups sccache-report setup --undo --yes";
    says(
        &shell(&root, other).failed(),
        &["only root or the owner of /mnt/gentoo can make these changes"],
    );
    undo_to(&root, &before, || {
        owner("sccache-report setup --undo --yes")
    });
    // Files that root creates there belong to the owner.
    setup(&root, &["--yes"]).ok();
    for (path, what) in state(&root) {
        assert!(what.starts_with("65534:65534 "), "{path:?}: {what}");
    }
    owner("env HOME=/tmp emerge -1 dev-test/many-files").ok();
    assert_eq!(root.builds(&[])[0]["misses"], 25);
}

fn give(path: &Path, uid: u32) {
    lchown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}
