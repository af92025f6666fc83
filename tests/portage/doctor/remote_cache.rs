//! A Redis at a Unix socket: what makes it unusable, and what doctor says about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Doctor;
use crate::support::portage::Root;
use crate::support::portage::redis::{ENDPOINT, Redis};

/// Asserts that the remote cache is the only check that isn't green.
#[track_caller]
fn assert_finding(root: &Root, state: &str, part: &str) {
    let doctor = Doctor::after(root, "");
    let name = ["remote-cache"];
    match state {
        "red" => doctor.assert_only(&name, &[]),
        "yellow" => doctor.assert_only(&[], &name),
        _ => doctor.assert_only(&[], &[]),
    }
    doctor.assert_check("compile-c", "green", "");
    doctor.assert_check("remote-cache", state, part);
}

fn set_mode(redis: &Redis, mode: u32) {
    fs::set_permissions(redis.socket(), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn each_defect_of_a_redis_is_named_and_its_fix_works() {
    let mut root = Root::with_build();
    assert_finding(&root, "green", "none");
    let mut redis = Redis::start(&[]);
    redis.share_with(&mut root);
    assert_finding(&root, "green", "can be used");
    redis.signal("STOP");
    assert_finding(&root, "yellow", "Restart Redis");
    redis.signal("CONT");
    assert_finding(&root, "green", "can be used");
    set_mode(&redis, 0o700);
    assert_finding(&root, "yellow", "`unixsocketperm 770`");
    set_mode(&redis, 0o777);
    assert_finding(&root, "red", "any user can write to Redis");
    set_mode(&redis, 0o770);
    assert_finding(&root, "green", "can be used");
    redis.cli(&["config", "set", "requirepass", "secret"]);
    assert_finding(&root, "yellow", "Write its password into the file");
    redis.restart(&["--replicaof", "127.0.0.1 1"]);
    assert_finding(&root, "yellow", "Use the primary server");
    redis.restart(&["--maxmemory-policy", "noeviction"]);
    assert_finding(&root, "yellow", "Set `maxmemory-policy allkeys-lru`");
    redis.restart(&[]);
    assert_finding(&root, "green", "can be used");
    redis.restart(&["--maxmemory", "0"]);
    assert_finding(&root, "yellow", "no memory limit");
    let folder = redis.socket().parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    assert_finding(
        &root,
        "red",
        "any user can put another server in the place of Redis",
    );
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    redis.kill();
    assert_finding(&root, "yellow", "Start Redis again");
    fs::remove_file(redis.socket()).unwrap();
    assert_finding(&root, "yellow", "Start Redis with this `unixsocket`");
    redis.restart(&[]);
    assert_finding(&root, "green", "can be used");
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
    assert_finding(
        with(&three_slashes),
        "yellow",
        "Write unix://localhost/PATH",
    );
    let doctor = Doctor::after(with("SCCACHE_MULTILEVEL_CHAIN=\"\""), "");
    doctor.assert_only(&[], &["settings", "remote-cache"]);
    doctor.assert_check("remote-cache", "yellow", "builds use Redis alone");
    assert_finding(
        with("SCCACHE_REDIS_DB=\"16\""),
        "yellow",
        "Correct SCCACHE_REDIS_DB",
    );
    redis.cli(&["config", "set", "requirepass", "secret"]);
    let password = "SCCACHE_REDIS_PASSWORD=\"secret\"";
    let saved = "is saved in the environment.bz2 of every package";
    assert_finding(with(password), "yellow", saved);
    redis.cli(&["-a", "secret", "config", "set", "requirepass", ""]);
    assert_finding(with(password), "yellow", "remove them if Redis wants none");
    let message = format!(
        "AWS_SECRET_ACCESS_KEY (/mnt/gentoo/etc/portage/make.conf, line {}) {saved}",
        conf.lines().count() + 1
    );
    assert_finding(with("AWS_SECRET_ACCESS_KEY=\"secret\""), "yellow", &message);
    let dead = with("SCCACHE_MULTILEVEL_CHAIN=\"redis\"\nSCCACHE_DIR=\"\"");
    redis.kill();
    let doctor = Doctor::after(dead, "");
    doctor.assert_check("remote-cache", "yellow", "builds use the local cache alone");
    redis.restart(&["--maxmemory-policy", "volatile-lru"]);
    assert_finding(with("SCCACHE_REDIS_TTL=\"1000\""), "green", "can be used");
    with("").sccache("0.9.1");
    assert_finding(&root, "yellow", "ignores SCCACHE_MULTILEVEL_CHAIN");
    root.sccache("0.19.0");
    let doctor = Doctor::after(&root, "");
    doctor.assert_only(&["compile-c", "compile-rust", "remote-cache"], &[]);
    doctor.assert_check("remote-cache", "red", "Set USE=redis for dev-util/sccache");
}
