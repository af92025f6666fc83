//! A Redis at a Unix socket: what makes it unusable, and what doctor says about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Doctor;
use crate::support::portage::Root;
use crate::support::portage::redis::{ENDPOINT, Redis};

/// Asserts that the remote cache is all that doctor complains about. Returns the fix.
#[track_caller]
fn insist(root: &Root, state: &str, part: &str) -> String {
    let doctor = Doctor::after(root, "");
    let name = ["remote-cache"];
    match state {
        "red" => doctor.insist_only(&name, &[]),
        "yellow" => doctor.insist_only(&[], &name),
        _ => doctor.insist_only(&[], &[]),
    }
    doctor.insist("compile-c", "green", "");
    doctor.insist("remote-cache", state, part).to_owned()
}

fn set_mode(redis: &Redis, mode: u32) {
    fs::set_permissions(redis.socket(), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn each_defect_of_a_redis_is_named_and_its_fix_works() {
    let mut root = Root::with_build();
    insist(&root, "green", "none");
    let mut redis = Redis::start(&[]);
    redis.share_with(&mut root);
    insist(&root, "green", "answers");
    redis.signal("STOP");
    insist(&root, "yellow", "Restart Redis");
    redis.signal("CONT");
    insist(&root, "green", "answers");
    set_mode(&redis, 0o700);
    insist(&root, "yellow", "`unixsocketperm 770`");
    set_mode(&redis, 0o777);
    insist(&root, "red", "any user can write to Redis");
    set_mode(&redis, 0o770);
    insist(&root, "green", "answers");
    redis.cli(&["config", "set", "requirepass", "secret"]);
    insist(&root, "yellow", "Write its password into the file");
    redis.restart(&["--maxmemory-policy", "noeviction"]);
    let fix = insist(&root, "yellow", "maxmemory-policy noeviction");
    root.run(&["sh", "-c", &fix]).ok();
    insist(&root, "green", "answers");
    redis.restart(&["--maxmemory", "0"]);
    insist(&root, "yellow", "no memory limit");
    redis.kill();
    insist(&root, "yellow", "Start Redis again");
    fs::remove_file(redis.socket()).unwrap();
    insist(&root, "yellow", "Start Redis with this `unixsocket`");
    redis.restart(&[]);
    insist(&root, "green", "answers");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn each_wrong_setting_of_a_redis_is_named() {
    let mut root = Root::with_build();
    let mut redis = Redis::start(&[]);
    redis.share_with(&mut root);
    let conf = root.read("etc/portage/make.conf");
    let with = |line: &str| {
        fs::write(
            root.file("etc/portage/make.conf"),
            format!("{conf}{line}\n"),
        )
        .unwrap();
        &root
    };
    let three_slashes = ENDPOINT.replace("localhost", "");
    insist(
        with(&three_slashes),
        "yellow",
        "Write unix://localhost/PATH",
    );
    let doctor = Doctor::after(with("SCCACHE_MULTILEVEL_CHAIN=\"\""), "");
    doctor.insist_only(&[], &["settings", "remote-cache"]);
    doctor.insist("remote-cache", "yellow", "builds use Redis alone");
    redis.cli(&["config", "set", "requirepass", "secret"]);
    let password = "SCCACHE_REDIS_PASSWORD=\"secret\"";
    insist(
        with(password),
        "yellow",
        "saved in the environment.bz2 of every package",
    );
    redis.cli(&["-a", "secret", "config", "set", "requirepass", ""]);
    insist(with(password), "yellow", "remove them if Redis wants none");
    with("").sccache("0.9.1");
    insist(&root, "yellow", "ignores SCCACHE_MULTILEVEL_CHAIN");
}
