//! `sccache-report setup` where something is in its way, where it fails midway, and where it is killed:
//! nothing of others is destroyed, and nothing of its own is left.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::{Root, Run};

fn state(root: &Root) -> BTreeMap<PathBuf, String> {
    root.state(&["etc", "var/lib", "var/cache"])
}

fn setup(root: &Root, options: &[&str]) -> Run {
    root.run(&[&["sccache-report", "setup"], options].concat())
}

fn shell(root: &Root, script: &str) -> Run {
    root.run(&["bash", "-ec", script])
}

/// It doesn't go on, says why and what to do, and changes nothing.
#[track_caller]
fn refuses(root: &Root, says: &[&str]) {
    let before = state(root);
    let run = setup(root, &["--yes"]).failed();
    assert_eq!(run.status.code(), Some(2), "{}", run.log);
    for text in says {
        assert!(run.log.contains(text), "no {text:?} in:\n{}", run.log);
    }
    assert_eq!(state(root), before);
}

/// Its line would stand where bash never gets.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_bashrc_that_ends_early_is_named() {
    let root = Root::installed();
    root.append("etc/portage/bashrc", "mine=1\nreturn 0");
    let command = "sed --follow-symlinks -i '2i\\source /mnt/gentoo/usr/share/sccache-report/sccache-report.sh' \
                   /mnt/gentoo/etc/portage/bashrc";
    let cause = "`return` in line 2 is in the way";
    refuses(&root, &[cause, command]);
    shell(&root, command).ok();
    setup(&root, &["--yes"]).ok();
    root.emerge(&["dev-test/many-files"]);
    assert_eq!(root.builds(&[]).len(), 1);
}

/// A line that is added to what isn't ended is part of it.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_bashrc_that_is_not_ended_is_left_alone() {
    let root = Root::installed();
    let bashrc = root.file("etc/portage/bashrc");
    for (text, said) in [
        ("cat >/dev/null <<X\nfoo\n", "here-document at line 1"),
        (
            "a=1\nb=\"open\n",
            "unexpected EOF while looking for matching",
        ),
    ] {
        fs::write(&bashrc, text).unwrap();
        refuses(&root, &[said, "mend that by hand"]);
        let doctor = root.run(&["sccache-report", "doctor"]).failed();
        assert!(doctor.log.contains(said), "{}", doctor.log);
    }
}

/// The first waits for its answer.
#[test]
#[ignore = "needs root and the registries: make test"]
fn two_at_once_are_one_after_the_other() {
    let root = Root::installed();
    let run = shell(
        &root,
        "mkfifo /tmp/answer; sccache-report setup < /tmp/answer > /tmp/first & exec 3> /tmp/answer\n\
         until grep -q 'Do this' /tmp/first; do kill -0 $!; done\n\
         sccache-report setup --yes && exit 1; sccache-report setup --dry-run > /tmp/dry\n\
         echo y >&3; wait $!; cat /tmp/first; sccache-report setup --undo --yes",
    );
    let run = run.ok();
    let said = "another `sccache-report setup` is at work";
    assert!(
        run.log.contains(said) && run.log.contains("Done."),
        "{}",
        run.log
    );
}

/// What the first changes while the second looks is not done twice. A stand-in for a slow portageq.
#[test]
#[ignore = "needs root and the registries: make test"]
fn who_looks_holds_others_off() {
    let root = Root::installed();
    let before = state(&root);
    shell(
        &root,
        "mkfifo /tmp/go /tmp/asked; mkdir /tmp/slow; real=$(type -P portageq)\n\
         printf '#!/bin/bash\n%s \"$@\"; s=$?; : > /tmp/asked; : < /tmp/go; exit $s\n' $real > /tmp/slow/portageq\n\
         chmod +x /tmp/slow/portageq; PATH=/tmp/slow:$PATH sccache-report setup --yes & : < /tmp/asked\n\
         sccache-report setup --yes && exit 1; : > /tmp/go; wait $!\n\
         [[ $(grep -c RUSTC_WRAPPER= /mnt/gentoo/etc/portage/make.conf) == 1 ]]\n\
         sccache-report setup --undo --yes",
    )
    .ok();
    assert_eq!(state(&root), before);
}

/// Whoever removes the folder of the database has removed what setup knows.
#[test]
#[ignore = "needs root and the registries: make test"]
fn what_nothing_is_known_of_any_more_is_named() {
    let root = Root::installed();
    setup(&root, &["--yes"]).ok();
    shell(
        &root,
        "sed -i s/104857600/1/ /mnt/gentoo/etc/portage/make.conf",
    )
    .ok();
    let plan = setup(&root, &["--undo", "--dry-run"]).ok();
    for line in [
        "  - RUSTC_WRAPPER=\"sccache\"\n",
        "  gone or changed since: SCCACHE_MAX_FRAME_LENGTH=\"104857600\"\n",
    ] {
        assert!(plan.log.contains(line), "no {line:?} in:\n{}", plan.log);
    }
    fs::remove_dir_all(root.file("var/lib/sccache-report")).unwrap();
    let undone = setup(&root, &["--undo", "--yes"]).ok();
    for file in ["bashrc", "make.conf"] {
        let said = format!("/mnt/gentoo/etc/portage/{file}: setup's lines are there");
        assert!(undone.log.contains(&said), "{}", undone.log);
    }
}

fn with_bashrc_d(root: &Root) -> PathBuf {
    let line = "for f in /mnt/gentoo/etc/portage/bashrc.d/*.sh; do . \"$f\"; done";
    root.append("etc/portage/bashrc", line);
    fs::create_dir(root.file("etc/portage/bashrc.d")).unwrap();
    root.file("etc/portage/bashrc.d/90-sccache-report.sh")
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn only_a_link_to_a_hook_that_moved_gives_way() {
    let root = Root::installed();
    let link = with_bashrc_d(&root);
    let says = [
        "/mnt/gentoo/etc/portage/bashrc.d/90-sccache-report.sh is there and is not the hook",
        "mv -i /mnt/gentoo/etc/portage/bashrc.d/90-sccache-report.sh ",
    ];
    fs::write(&link, "# mine\n").unwrap();
    refuses(&root, &says);
    fs::remove_file(&link).unwrap();
    symlink("/mnt/gentoo/home/mine.sh", &link).unwrap();
    refuses(&root, &says);
    fs::remove_file(&link).unwrap();
    let old = Path::new("/mnt/gentoo/usr/share/old/sccache-report.sh");
    symlink(old, &link).unwrap();
    let before = state(&root);
    let run = setup(&root, &["--yes"]).ok();
    let instead = "instead of /mnt/gentoo/usr/share/old/sccache-report.sh";
    assert!(run.log.contains(instead), "{}", run.log);
    let hook = Path::new("/mnt/gentoo/usr/share/sccache-report/sccache-report.sh");
    assert_eq!(fs::read_link(&link).unwrap(), hook);
    root.emerge(&["dev-test/many-files"]);
    assert_eq!(root.builds(&[]).len(), 1);
    setup(&root, &["--undo", "--yes"]).ok();
    assert_eq!(fs::read_link(&link).unwrap(), old);
    fs::remove_dir_all(root.file("var/lib/sccache-report")).unwrap();
    fs::remove_dir_all(root.file("var/cache/sccache")).unwrap();
    let left = state(&root);
    for (path, was) in before {
        assert_eq!(left.get(&path), Some(&was), "{path:?}");
    }
}

/// Doctor's cure for the same: what has the link's name is kept.
#[test]
#[ignore = "needs root and the registries: make test"]
fn the_cure_for_a_missing_link_destroys_nothing() {
    let root = Root::installed();
    let link = with_bashrc_d(&root);
    fs::write(&link, "# mine\n").unwrap();
    let doctor = shell(&root, "sccache-report doctor --format json || true").ok();
    let cure = doctor.log.split('"').find(|text| text.contains("ln -s"));
    let cure = cure.unwrap_or_else(|| panic!("{}", doctor.log));
    shell(&root, cure).ok();
    assert!(link.is_symlink());
    let kept = fs::read_dir(link.parent().unwrap()).unwrap();
    let kept: Vec<String> = kept
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default())
        .collect();
    assert!(kept.contains(&"# mine\n".to_owned()), "{kept:?}");
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn what_stands_in_a_folders_place_is_named() {
    let root = Root::installed();
    let cache = root.file("var/cache/sccache");
    symlink("../elsewhere/cache", &cache).unwrap();
    refuses(
        &root,
        &[
            "/mnt/gentoo/var/cache/sccache is a link to /mnt/gentoo/var/cache/../elsewhere/cache, which is not there",
            "mkdir -p /mnt/gentoo/var/cache/../elsewhere/cache",
            "rm /mnt/gentoo/var/cache/sccache",
        ],
    );
    fs::remove_file(&cache).unwrap();
    fs::write(&cache, "mine").unwrap();
    refuses(&root, &["/mnt/gentoo/var/cache/sccache is no folder"]);
    fs::remove_file(&cache).unwrap();
    let database = root.file("var/lib/sccache-report");
    symlink("gone", &database).unwrap();
    refuses(&root, &["/mnt/gentoo/var/lib/sccache-report is a link to "]);
    fs::remove_file(&database).unwrap();
    fs::create_dir(root.file("etc/portage/bashrc")).unwrap();
    refuses(&root, &["/mnt/gentoo/etc/portage/bashrc is a folder"]);
}

const MOUNTED: &str =
    "c=/mnt/gentoo/etc/portage/make.conf; mount --bind $c $c; mount -o remount,bind,ro $c";

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_file_that_cant_be_changed_is_named_and_all_before_it_undone() {
    let root = Root::installed();
    let before = state(&root);
    let failing = |script: &str, says: &[&str]| {
        let run = shell(&root, script).failed();
        for text in says {
            assert!(run.log.contains(text), "no {text:?} in:\n{}", run.log);
        }
        // What it was about to do is told before why it didn't.
        let at = |text| run.log.find(text);
        assert!(
            at("+ RUSTC_WRAPPER") < at("sccache-report: "),
            "{}",
            run.log
        );
    };
    let conf = "/mnt/gentoo/etc/portage/make.conf";
    let mounted = format!("{conf} is mounted by itself");
    let cure = format!("umount {conf}");
    let nothing = "nothing was changed";
    failing(
        &format!("{MOUNTED}; sccache-report setup --yes"),
        &[&mounted, &cure, nothing],
    );
    assert_eq!(state(&root), before);
    // The whole folder.
    failing(
        "c=/mnt/gentoo/etc; mount --bind $c $c; mount -o remount,bind,ro $c; sccache-report setup --yes",
        &[
            "lies where a file system is mounted read-only",
            "findmnt -T",
            nothing,
        ],
    );
    assert_eq!(state(&root), before);
    let immutable =
        format!("chattr +i {conf}; trap 'chattr -i {conf}' EXIT; sccache-report setup --yes");
    match shell(&root, &format!("chattr +i {conf} && chattr -i {conf}"))
        .status
        .success()
    {
        true => failing(
            &immutable,
            &[&format!("{conf} is immutable"), "chattr -i", nothing],
        ),
        false => eprintln!("not tested: no immutable files here"),
    }
    assert_eq!(state(&root), before);
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn undo_goes_on_where_it_failed() {
    let root = Root::installed();
    root.append("etc/portage/bashrc", "# mine");
    let before = state(&root);
    setup(&root, &["--yes"]).ok();
    // make.conf comes first, then nothing.
    let failed = shell(
        &root,
        &format!("{MOUNTED}; sccache-report setup --undo --yes"),
    )
    .failed();
    let why = "/mnt/gentoo/etc/portage/make.conf is mounted by itself";
    assert!(failed.log.contains(why), "{}", failed.log);
    setup(&root, &["--undo", "--yes"]).ok();
    assert_eq!(state(&root), before);
    // bashrc comes last: what came before it is undone, and not a second time.
    setup(&root, &["--yes"]).ok();
    let mounted = MOUNTED.replace("make.conf", "bashrc");
    shell(
        &root,
        &format!("{mounted}; sccache-report setup --undo --yes"),
    )
    .failed();
    assert!(!root.read("etc/portage/make.conf").contains("RUSTC_WRAPPER"));
    assert!(
        root.read("etc/portage/bashrc")
            .contains("sccache-report.sh")
    );
    root.append("etc/portage/make.conf", "RUSTC_WRAPPER=\"sccache\"");
    setup(&root, &["--undo", "--yes"]).ok();
    let conf = root.read("etc/portage/make.conf");
    assert!(conf.ends_with("RUSTC_WRAPPER=\"sccache\"\n"), "{conf}");
    assert_eq!(root.read("etc/portage/bashrc"), "# mine\n");
}

/// Portage reads all files of such a folder by name: the old content must not come last and win.
#[test]
#[ignore = "needs root and the registries: make test"]
fn portage_reads_no_backup_in_make_confs_folder() {
    let root = Root::installed();
    let conf = root.file("etc/portage/make.conf");
    fs::rename(&conf, root.file("etc/portage/real")).unwrap();
    fs::create_dir(&conf).unwrap();
    fs::rename(root.file("etc/portage/real"), conf.join("10-mine")).unwrap();
    root.append(
        "etc/portage/make.conf/sccache-report",
        "CARGO_PROBE=\"old\"",
    );
    let before = state(&root);
    setup(&root, &["--yes"]).ok();
    let own = root.read("etc/portage/make.conf/sccache-report");
    fs::write(conf.join("sccache-report"), own.replace("old", "new")).unwrap();
    let probe = root.run(&["portageq", "envvar", "CARGO_PROBE"]).ok();
    assert_eq!(probe.log.trim(), "new");
    fs::write(conf.join("sccache-report"), own).unwrap();
    setup(&root, &["--undo", "--yes"]).ok();
    assert_eq!(state(&root), before);
}

/// Killed before each change it makes to the file system, of every kind of step; strace only kills.
#[test]
#[ignore = "needs root and the registries: make test"]
fn killed_before_any_change_it_can_be_undone() {
    let root = Root::installed();
    let link = with_bashrc_d(&root);
    symlink("/mnt/gentoo/usr/share/old/sccache-report.sh", link).unwrap();
    let cache = root.file("var/cache/sccache");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, std::os::unix::fs::PermissionsExt::from_mode(0o511)).unwrap();
    let run = shell(
        &root,
        r#"cd /mnt/gentoo
        state() { find etc var/lib var/cache -printf '%p %U:%G %m %l\n' | sort; find etc var/lib var/cache -type f -exec cksum {} + | sort; }
        # The NAME and how many calls of it are seen in a whole run.
        killed() {
            local call=$1 nth=$2; shift 2
            strace -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$nth" sccache-report setup "$@" > /tmp/out 2>&1
        }
        as_before() { # WHAT
            sccache-report setup --undo --yes > /tmp/out 2>&1 || { echo "after $1:"; cat /tmp/out; exit 1; }
            [[ $(state) = "$before" ]] || { echo "after $1:"; cat /tmp/out; diff <(echo "$before") <(state); exit 1; }
        }
        before=$(state) kills=0
        for call in mkdir rename symlink chown chmod unlink rmdir; do
            for (( nth = 1; nth < 60; nth++ )); do
                if killed $call $nth --yes; then as_before "a whole run"; break; fi
                kills=$((kills + 1))
                as_before "setup killed at $call $nth"
            done
            for (( nth = 1; nth < 60; nth++ )); do
                sccache-report setup --yes > /tmp/out
                if killed $call $nth --undo --yes; then as_before "a whole undo"; break; fi
                kills=$((kills + 1))
                as_before "undo killed at $call $nth"
            done
        done
        echo "kills: $kills""#,
    );
    let kills = run
        .log
        .lines()
        .find_map(|line| line.strip_prefix("kills: "));
    let kills: u32 = kills
        .unwrap_or_else(|| panic!("{}", run.log))
        .parse()
        .unwrap();
    assert!(kills > 30, "{kills}");
}

/// A Gentoo Prefix is its owner's, who needs no root.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_prefixs_owner_sets_it_up() {
    let root = Root::installed();
    give(&root.dir, 65534);
    let before = state(&root);
    let owner = |command: &str| {
        let command = format!("setpriv --reuid 65534 --regid 65534 --clear-groups {command}");
        root.run(&["bash", "-c", &command])
    };
    let done = owner("sccache-report setup --yes").ok();
    assert!(!done.log.contains("root:root"), "{}", done.log);
    for (path, what) in state(&root) {
        assert!(what.starts_with("65534:65534 "), "{path:?}: {what}");
    }
    let other = root.run(&[
        "bash",
        "-c",
        "setpriv --reuid 1234 --regid 1234 --clear-groups sccache-report setup --undo --yes",
    ]);
    let who = "only root or the owner of /mnt/gentoo can change that";
    assert!(other.failed().log.contains(who));
    owner("sccache-report setup --undo --yes").ok();
    assert_eq!(state(&root), before);
    // Root's part in it is the owner's, too.
    setup(&root, &["--yes"]).ok();
    let of =
        |path: &str| std::os::unix::fs::MetadataExt::uid(&fs::metadata(root.file(path)).unwrap());
    for path in [
        "var/lib/sccache-report",
        "var/lib/sccache-report/setup.json",
        "etc/portage/bashrc",
        "etc/sandbox.d",
    ] {
        assert_eq!(of(path), 65534, "{path}");
    }
    setup(&root, &["--undo", "--yes"]).ok();
    assert_eq!(state(&root), before);
    owner("sccache-report setup --yes").ok();
    owner("env HOME=/tmp emerge -1 dev-test/many-files").ok();
    assert_eq!(root.builds(&[])[0]["misses"], 25);
    owner("sccache-report doctor").ok();
}

fn give(path: &Path, uid: u32) {
    std::os::unix::fs::lchown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}
