//! The folder of the cache, and the commands that fix it.

use super::Doctor;
use crate::support::portage::Root;

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_root_left_in_the_cache_is_deleted_and_nothing_else() {
    let root = Root::with_build();
    let files = |script: &str| {
        let script = format!(
            "{}\n{script}; find $cache -type f | wc -l > /tmp/files",
            super::NAMES
        );
        root.run(&["bash", "-c", &script]).ok();
        root.read("tmp/files").trim().parse::<u32>().unwrap()
    };
    let before = files("rm -rf $cache/e");
    let poison = "rm -r $cache/e; mkdir -p $cache/e/f; echo > $cache/e/f/eff0; ln -sfn /etc $cache/e/f/link\n\
        chown root $cache/e $cache/e/f";
    // The trial compilations fail too if the random names of their objects start with e.
    let doctor = Doctor::after(&root, poison);
    let fix = doctor.assert_check("cache", "red", "user portage can't use `e");
    assert_eq!(
        fix,
        "find /mnt/gentoo/var/cache/sccache -xdev -mindepth 1 -user root -delete"
    );
    assert!(files(&format!("{fix} || true")) >= before);
    assert!(root.file("etc/portage").is_dir());
    let doctor = Doctor::after(&root, "");
    doctor.assert_only(&[], &[]);
    let doctor = Doctor::after(&root, "chown root $cache");
    let fix = doctor.assert_check("cache", "red", "user portage can't use /mnt");
    assert_eq!(fix, "chown portage:portage /mnt/gentoo/var/cache/sccache");
    Doctor::after(&root, fix).assert_only(&[], &[]);
}

/// doctor prints a command that deletes or changes owners only for a folder that is a cache and that no other user can
/// replace.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn where_it_is_not_certain_no_command_is_printed() {
    let root = Root::with_build();
    for (folder, state, part) in [
        ("/var", "red", "contains other files than sccache's"),
        (
            "/mnt/gentoo/etc",
            "red",
            "contains other files than sccache's",
        ),
        ("/tmp", "red", "contains other files than sccache's"),
        ("/tmp/open", "red", "any user can write to /tmp/open"),
        ("/tmp/closed", "red", "user portage can't use `a`"),
        (
            "/mnt/gentoo/srv",
            "red",
            "user portage can't use /mnt/gentoo/srv",
        ),
        ("/mnt/gentoo/link", "red", "user portage can't use"),
        ("/mnt/gentoo/var/cache/a b;c", "red", "doesn't exist"),
    ] {
        let script = format!(
            "mkdir -p /tmp/open /tmp/closed/a/b /mnt/gentoo/srv /mnt/gentoo/real/a/b; chmod 777 /tmp/open\n\
             ln -sfn real /mnt/gentoo/link; chown portage /tmp/closed /mnt/gentoo/real\n\
             sed -i /SCCACHE_DIR/d $conf; echo 'SCCACHE_DIR='\\''{folder}'\\' >> $conf"
        );
        let doctor = Doctor::after(&root, &script);
        let fix = doctor.assert_check("cache", state, part);
        assert!(
            ["", "sccache-report setup"].contains(&fix),
            "{folder}: {fix}"
        );
        let list = root.file("etc/preprocessor");
        assert!(!list.exists(), "{folder}: something was stored there");
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn left_over_servers_are_named_and_stopped() {
    let root = Root::with_build();
    let start = "setpriv --reuid portage --regid portage --clear-groups env SCCACHE_DIR=$cache \
        SCCACHE_SERVER_PORT=5001 sccache --start-server\n\
        SCCACHE_DIR=/tmp/default sccache --start-server\n\
        as_nobody env SCCACHE_DIR=/tmp/other SCCACHE_SERVER_PORT=5002 sccache --start-server";
    let doctor = "sccache-report doctor --format json > /tmp/first.json\n\
        python3 -c 'import json; print([r[\"fix\"] for r in json.load(open(\"/tmp/first.json\"))[\"rows\"] if r[\"check\"] == \"servers\"][0])' > /tmp/fix\n\
        grep -q '^kill [0-9]* [0-9]*$' /tmp/fix && . /tmp/fix\n\
        while [[ $(cat /proc/[0-9]*/comm 2>/dev/null | grep -cx sccache) != 1 ]]; do :; done\n\
        sccache-report doctor --format json";
    let last = format!("{{ {doctor}; }}");
    let doctor = Doctor::run(
        &root,
        start,
        &format!(
            "{last} > /tmp/all; tail -n +1 /tmp/all; true; as_nobody env SCCACHE_SERVER_PORT=5002 sccache --stop-server &>/dev/null; cat /tmp/all"
        ),
    );
    doctor.assert_check("servers", "green", "no leftover servers");
}
