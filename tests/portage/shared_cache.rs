//! A Redis at a Unix socket, as second level of the cache behind the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::recording::{assert_recorded, processes};
use crate::support::portage::redis::{ENDPOINT, Redis};
use crate::support::portage::{Root, Run};

const PACKAGES: [&str; 4] = [
    "dev-test/rusty",
    "dev-test/many-files",
    "dev-test/many-clients",
    "dev-test/few-files",
];

const FEW_FILES: &str = "EAPI=8
inherit test-stats
SLOT=0
KEYWORDS=amd64
S=${WORKDIR}
src_compile() {
    local n
    for n in {1..5}; do echo \"int few_${n};\" > ${n}.c; sccache gcc -c ${n}.c || die; done
    test_stats
}";

/// Returns the sum of a number of one level of the cache, as sccache printed it in all builds.
fn printed(root: &Root, level: usize, name: &str) -> u64 {
    let stats = PACKAGES.iter().flat_map(|it| root.printed_stats(it));
    let numbers = stats.map(|said| said.json["stats"]["multi_level"][level][name].as_u64());
    numbers.map(Option::unwrap_or_default).sum()
}

/// Returns the sum of a column of the last build of each package.
fn recorded(builds: &[Value], name: &str) -> u64 {
    let counts = builds.iter().map(|build| build[name].as_u64().unwrap());
    counts.sum()
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_second_host_hits_what_the_first_one_stored() {
    let mut redis = Redis::start(&[]);
    let mut hosts = [Root::new(), Root::new()];
    let (mut counts, mut stored) = (Vec::new(), Vec::new());
    for host in &mut hosts {
        redis.share_with(host);
        host.ebuild("dev-test/few-files-1.0", FEW_FILES);
        let run = host.emerge_with(&[], &[&["--jobs=4"], &PACKAGES[..]].concat());
        assert_warnings(&run.ok(), 0);
        let builds = PACKAGES.map(|package| assert_recorded(host, package));
        counts.push(["hits", "misses"].map(|name| recorded(&builds, name)));
        stored.push(redis.objects());
    }
    let [[cold_hits, cold_misses], [warm_hits, warm_misses]] = counts[..] else {
        panic!("{counts:?}");
    };
    // A server that ends drops what it hasn't written to Redis yet.
    let stored = stored[0];
    assert!(
        (cold_misses / 2..=cold_misses).contains(&stored),
        "{stored}"
    );
    let expected = (0, stored, cold_misses - stored);
    assert_eq!((cold_hits, warm_hits, warm_misses), expected);
    let [first, second] = &hosts;
    assert!(printed(first, 1, "writes") <= stored);
    assert_eq!(printed(second, 1, "hits"), stored);
    assert_eq!(printed(second, 0, "hits"), 0);
    for host in &hosts {
        assert_levels(host);
    }
}

/// What sccache does in the background (`put_raw` and `get` in its `src/cache/multilevel.rs`, 0.16.0), also after the ebuild has
/// printed the numbers.
const BACKGROUND: [&str; 3] = ["writes", "backfills_from", "backfills_to"];

/// Asserts that every phase has the numbers of the levels that sccache printed, and the overview has their sums.
#[track_caller]
fn assert_levels(root: &Root) {
    for package in PACKAGES {
        let build = root.builds(&[package]).pop().unwrap();
        for said in root.printed_stats(package) {
            let levels = &build["phases"][&said.phase]["cache_levels"];
            let printed = said.json["stats"]["multi_level"].as_array();
            for (index, level) in printed.into_iter().flatten().enumerate() {
                for (name, value) in levels[index].as_object().unwrap() {
                    if BACKGROUND.contains(&name.as_str()) {
                        assert!(value.as_u64() >= level[name].as_u64(), "{name}: {level}");
                    } else {
                        assert_eq!(value, &level[name], "{name}: {level}");
                    }
                }
            }
        }
    }
    let overview = &root.report(&[])[0]["cache_levels"];
    for level in [0, 1] {
        for name in ["hits", "misses"] {
            assert_eq!(
                overview[level][name],
                printed(root, level, name),
                "{overview}"
            );
        }
    }
    let location = "redis, name: unix://localhost/mnt/gentoo/run/sccache/redis.sock, prefix: /";
    assert_eq!(overview[1]["location"], location);
    let text = root.run(&["sccache-report"]).ok().log;
    assert!(text.contains("L1 (redis): "), "{text}");
    let page = root.run(&["sccache-report", "html"]).ok().log;
    assert!(
        page.contains("L1 (redis)") && page.contains(location),
        "{page}"
    );
    let text = root.run(&["sccache-report", "show", PACKAGES[1]]).ok().log;
    assert!(
        text.contains("unix://localhost/mnt/gentoo/run/sccache/redis.sock"),
        "{text}"
    );
}

/// Asserts how often a build warned about Redis. emerge repeats warnings at its end.
#[track_caller]
fn assert_warnings(run: &Run, count: usize) {
    let warning = " * sccache-report: builds use the local cache alone";
    let warnings = run.log.lines().filter(|line| line.starts_with(warning));
    assert_eq!(warnings.count(), 2 * count, "{}", run.log);
}

/// Emerges a package that is in the local cache, and asserts that it hits there.
#[track_caller]
fn assert_hits(root: &Root, warnings: usize, case: &str) {
    let run = root.emerge(&["dev-test/many-files"]);
    assert_warnings(&run, warnings);
    let build = assert_recorded(root, "dev-test/many-files");
    let counts = (&build["hits"], &build["misses"]);
    assert_eq!(counts, (&25.into(), &0.into()), "{case}: {}", run.log);
    let environment = root.environment("dev-test/many-files-1.0");
    assert!(!environment.contains("sccache_report"), "{case}");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn builds_hit_the_disk_while_redis_is_out_of_order() {
    let mut redis = Redis::start(&[]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    root.emerge(&["dev-test/many-files"]);
    assert_hits(&root, 0, "well");
    redis.signal("STOP");
    assert_hits(&root, 1, "hanging");
    redis.signal("CONT");
    redis.cli(&["config", "set", "requirepass", "secret"]);
    assert_hits(&root, 1, "wants a password");
    redis.restart(&["--maxmemory-policy", "noeviction", "--maxmemory", "1mb"]);
    let fill = "for n = 1, 200 do redis.call('set', n, string.rep('x', 10000)) end";
    redis.cli(&["eval", fill, "0"]);
    let answer = redis.cli(&["set", "one", "more"]);
    assert!(answer.contains("OOM"), "{answer}");
    assert_hits(&root, 1, "full");
    redis.restart(&[]);
    let forbidden = fs::Permissions::from_mode(0o700);
    fs::set_permissions(redis.socket(), forbidden).unwrap();
    assert_hits(&root, 1, "mode 700");
    redis.kill();
    assert_hits(&root, 1, "refusing");
    fs::remove_file(redis.socket()).unwrap();
    assert_hits(&root, 1, "absent");
    let three_slashes = ENDPOINT.replace("localhost", "");
    root.append("etc/portage/make.conf", &three_slashes);
    redis.restart(&[]);
    assert_hits(&root, 1, "a URL without a host");
    root.append("etc/portage/make.conf", ENDPOINT);
    assert_hits(&root, 0, "well again");
}

/// The phases of dev-test/many-files in which the hook runs: setup, unpack, prepare, configure, compile, and install.
const PHASES: usize = 6;

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn one_process_per_phase_asks_redis() {
    let mut redis = Redis::start(&[]);
    let collectors = |root: &Root| processes(root, &["dev-test/many-files"]).1["sccache-collect"];
    let mut root = Root::with_build();
    let without = collectors(&root);
    redis.share_with(&mut root);
    assert_eq!(collectors(&root), without + PHASES);
}

/// A password in make.conf would be in the environment of every installed package.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_password_in_a_file_stays_there() {
    let mut redis = Redis::start(&["--requirepass", "secret"]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    let file = "[cache.redis]\nendpoint = \"unix://localhost/mnt/gentoo/run/sccache/redis.sock\"\n\
                password = \"secret\"\n";
    root.append("etc/sccache.toml", file);
    // Variables would replace what the file says.
    let make_conf = "SCCACHE_REDIS_ENDPOINT=\"\"\nSCCACHE_CONF=\"/mnt/gentoo/etc/sccache.toml\"";
    root.append("etc/portage/make.conf", make_conf);
    let script =
        "chgrp portage /mnt/gentoo/etc/sccache.toml; chmod 640 /mnt/gentoo/etc/sccache.toml";
    root.run(&["bash", "-c", script]).ok();
    assert_warnings(&root.emerge(&["dev-test/many-files"]), 0);
    let objects: u64 = redis
        .cli(&["-a", "secret", "dbsize"])
        .trim()
        .parse()
        .unwrap();
    assert!(objects >= 25, "{objects}");
    for warnings in [0, 1] {
        assert_hits(&root, warnings, "a password in a file");
        let environment = root.environment("dev-test/many-files-1.0");
        assert!(!environment.contains("secret"));
        let record = root.read("var/lib/sccache-report/hook/last-cached");
        assert!(!record.contains("secret"), "{record}");
        redis.kill();
    }
}
