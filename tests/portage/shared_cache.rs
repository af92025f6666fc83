//! A Redis at a Unix socket, as second level of the cache behind the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::recording::{assert_recorded, processes};
use crate::support::portage::redis::{ENDPOINT, FOLDER, Redis, folder_for_socket, group_of};
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
    let numbers = stats.map(|stats| stats.json["stats"]["multi_level"][level][name].as_u64());
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
        for stats in root.printed_stats(package) {
            let levels = &build["phases"][&stats.phase]["cache_levels"];
            let printed = stats.json["stats"]["multi_level"].as_array();
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
fn builds_hit_the_disk_while_redis_cannot_be_used() {
    let mut redis = Redis::start(&[]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    root.emerge(&["dev-test/many-files"]);
    assert_hits(&root, 0, "usable");
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
    redis.restart(&["--replicaof", "127.0.0.1 1"]);
    assert_hits(&root, 1, "a replica, which can't be written");
    redis.restart(&[]);
    let forbidden = fs::Permissions::from_mode(0o700);
    fs::set_permissions(redis.socket(), forbidden).unwrap();
    assert_hits(&root, 1, "mode 700");
    redis.kill();
    assert_hits(&root, 1, "refusing");
    fs::remove_file(redis.socket()).unwrap();
    assert_hits(&root, 1, "absent");
    let older_name = ENDPOINT.replace("_ENDPOINT", "");
    root.append("etc/portage/make.conf", &older_name);
    root.append("etc/portage/make.conf", "SCCACHE_REDIS_ENDPOINT=\"\"");
    assert_hits(&root, 1, "absent, in a variable with an older name");
    redis.restart(&[]);
    assert_hits(&root, 0, "usable, in a variable with an older name");
    root.append("etc/portage/make.conf", "SCCACHE_REDIS=\"\"");
    let three_slashes = ENDPOINT.replace("localhost", "");
    root.append("etc/portage/make.conf", &three_slashes);
    assert_hits(&root, 1, "a URL without a host");
    root.append("etc/portage/make.conf", ENDPOINT);
    assert_hits(&root, 0, "usable again");
}

/// Compiles a file with a command that only the eclass names.
const ECLASS: &str = "calls-compiler_src_compile() {
    echo 'int only_one;' > a.c
    sccache gcc -c a.c || die
    test_stats
}
EXPORT_FUNCTIONS src_compile";

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn builds_merge_without_redis_whoever_calls_sccache_and_wherever_it_is_set() {
    let mut redis = Redis::start(&[]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    redis.kill();
    root.append("var/db/repos/test/eclass/calls-compiler.eclass", ECLASS);
    let ebuild = "EAPI=8\ninherit calls-compiler test-stats\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}";
    root.ebuild("dev-test/by-eclass-1.0", ebuild);
    // Nothing else names sccache.
    let make_conf = "RUSTC_WRAPPER=\"\"";
    root.append("etc/portage/make.conf", make_conf);
    let assert_counts = |hits: u64, misses: u64| {
        assert_warnings(&root.emerge(&["dev-test/by-eclass"]), 1);
        let build = assert_recorded(&root, "dev-test/by-eclass");
        assert_eq!(
            (&build["hits"], &build["misses"]),
            (&hits.into(), &misses.into())
        );
    };
    assert_counts(0, 1);
    assert_counts(1, 0);
    // Without a folder, the local cache is new in each build.
    let only_redis =
        "SCCACHE_DIR=\"\"\nSCCACHE_CACHE_SIZE=\"\"\nSCCACHE_MULTILEVEL_CHAIN=\"redis\"";
    root.append("etc/portage/make.conf", only_redis);
    assert_counts(0, 1);
    let socket = "unix://localhost/mnt/gentoo/run/sccache/redis.sock";
    root.append(
        "etc/sccache.toml",
        &format!("[cache.redis]\nendpoint = \"{socket}\""),
    );
    let file = "SCCACHE_MULTILEVEL_CHAIN=\"\"\nSCCACHE_REDIS_ENDPOINT=\"\"\nSCCACHE_CONF=\"/mnt/gentoo/etc/sccache.toml\"";
    root.append("etc/portage/make.conf", file);
    assert_counts(0, 1);
}

/// As a collector does that doesn't know the subcommand yet.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn only_a_warning_of_the_collector_turns_redis_off() {
    let mut redis = Redis::start(&[]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    let script =
        "[[ $1 != redis ]] || { echo \"error: unrecognized subcommand 'redis'\" >&2; exit 2; }";
    root.replace_program("sccache-collect", script);
    assert_warnings(&root.emerge(&["dev-test/many-files"]), 0);
    assert_recorded(&root, "dev-test/many-files");
    assert!(redis.objects() > 0);
}

/// Waits for the test between two files.
const IN_THE_MIDDLE: &str = "EAPI=8
inherit test-stats
SLOT=0
KEYWORDS=amd64
S=${WORKDIR}
src_compile() {
    local n
    echo 'int middle_1;' > 1.c; echo 'int middle_2;' > 2.c
    sccache gcc -c 1.c || die
    echo 'the middle'
    read -r < /mnt/gentoo/run/sccache/go || die
    for n in 1 2; do sccache gcc -c ${n}.c || die; done
    test_stats
}
src_install() { sccache gcc -c 1.c || die; test_stats; }";

/// The hook can't help, but the build merges: sccache gives up on each miss.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_build_merges_if_redis_dies_in_the_middle() {
    let mut redis = Redis::start(&[]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    root.ebuild("dev-test/middle-1.0", IN_THE_MIDDLE);
    let fifo = redis.socket().with_file_name("go");
    let everybody = rustix::fs::Mode::from_raw_mode(0o644);
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, everybody).unwrap();
    let mut build = root.start(&[], &["emerge", "-1", "dev-test/middle"]);
    build.wait_for("the middle");
    redis.kill();
    fs::write(&fifo, "go\n").unwrap();
    // Of src_install.
    assert_warnings(&build.wait().ok(), 1);
    let build = assert_recorded(&root, "dev-test/middle");
    assert_eq!((&build["hits"], &build["misses"]), (&2.into(), &2.into()));
}

/// The phases of dev-test/many-files in which the hook runs: setup, unpack, prepare, configure, compile, and install.
const PHASES: usize = 6;

/// So a Redis that hangs delays each phase by the time limit of one process.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn one_process_per_phase_queries_redis() {
    let mut redis = Redis::start(&[]);
    let collectors = |root: &Root| processes(root, &["dev-test/many-files"]).1["sccache-collect"];
    let mut root = Root::with_build();
    let without = collectors(&root);
    redis.share_with(&mut root);
    assert_eq!(collectors(&root), without + PHASES);
    redis.signal("STOP");
    assert_eq!(collectors(&root), without + PHASES);
    let log = root.build_log("dev-test/many-files");
    assert!(log.contains("it didn't answer within 1 s"), "{log}");
}

/// A password in make.conf would be in the environment of every installed package.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_password_in_a_file_stays_there() {
    let mut redis = Redis::start(&["--requirepass", "secret"]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    // Variables would replace what the file says.
    let make_conf = "SCCACHE_REDIS_ENDPOINT=\"\"\nSCCACHE_CONF=\"/mnt/gentoo/etc/sccache.toml\"";
    root.append("etc/portage/make.conf", make_conf);
    let socket = "localhost/mnt/gentoo/run/sccache/redis.sock";
    let endpoint = format!("endpoint = \"unix://{socket}\"\npassword = \"secret\"");
    let older_name = format!("url = \"unix://:secret@{socket}\"");
    for setting in [endpoint, older_name] {
        fs::write(
            root.file("etc/sccache.toml"),
            format!("[cache.redis]\n{setting}\n"),
        )
        .unwrap();
        let script =
            "chgrp portage /mnt/gentoo/etc/sccache.toml; chmod 640 /mnt/gentoo/etc/sccache.toml";
        root.run(&["bash", "-c", script]).ok();
        redis.restart(&["--requirepass", "secret"]);
        root.run(&["bash", "-c", "rm -rf /mnt/gentoo/var/cache/sccache/*"])
            .ok();
        assert_warnings(&root.emerge(&["dev-test/many-files"]), 0);
        let objects = redis.cli(&["-a", "secret", "dbsize"]);
        let objects: u64 = objects.trim().parse().unwrap();
        assert!(objects >= 25, "{objects}");
        for warnings in [0, 1] {
            assert_hits(&root, warnings, &setting);
            assert_secret(&root);
            redis.kill();
        }
    }
}

/// Asserts that nothing that users can read contains the password.
#[track_caller]
fn assert_secret(root: &Root) {
    assert!(
        !root
            .environment("dev-test/many-files-1.0")
            .contains("secret")
    );
    let record = root.read("var/lib/sccache-report/hook/last-cached");
    assert!(!record.contains("secret"), "{record}");
    let log = root.build_log("dev-test/many-files");
    assert!(
        !log.replace("unix://:secret@", "").contains("secret"),
        "{log}"
    );
    let database = fs::read(root.database()).unwrap();
    assert!(!database.windows(6).any(|bytes| bytes == b"secret"));
}

/// Returns the indented block below a line of docs/shared-cache.md with this text.
fn documented(text: &str) -> String {
    let page = include_str!("../../docs/shared-cache.md");
    let below = page.lines().skip_while(|line| !line.contains(text)).skip(1);
    let block = below.skip_while(|line| !line.starts_with("    "));
    let lines = block
        .take_while(|line| line.starts_with("    "))
        .map(str::trim);
    lines.collect::<Vec<_>>().join("\n")
}

/// As a person does it who follows the page, apart from where the socket is, and from TCP.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_documentation_leads_to_the_first_hit_of_the_second_host() {
    const PACKAGE: &str = "dev-test/many-files";
    let mut redis = Redis::with_configuration(&documented("/etc/redis/sccache.conf"));
    let mut hosts = [Root::installed(), Root::installed()];
    redis.show_to(&mut hosts[0]);
    let folder = folder_for_socket();
    hosts[1].bind(folder.path(), FOLDER);
    let socket = folder.path().join("redis.sock");
    let command = documented("With socat").replace("\\\n", " ");
    let command = command.replace("/run/sccache/redis.sock", socket.to_str().unwrap());
    let command = command.replace("group=portage", &format!("group={}", group_of(&hosts[1])));
    let first = redis.socket();
    let command = command.replace(
        "TCP:HOST:6379",
        &format!("UNIX-CONNECT:{}", first.display()),
    );
    // What was left behind is replaced.
    fs::write(&socket, "").unwrap();
    let _tunnel = Tunnel::start(&command, &socket);
    for host in &hosts {
        let setup = [
            "sccache-report",
            "setup",
            "--yes",
            "--redis",
            "/mnt/gentoo/run/sccache/redis.sock",
        ];
        host.run(&setup).ok();
        assert_warnings(&host.emerge(&[PACKAGE]), 0);
        let rows = host
            .run(&["sccache-report", "doctor", "--format", "json"])
            .ok()
            .log;
        let rows: Value = serde_json::from_str(&rows).unwrap();
        let mut rows = rows["rows"].as_array().unwrap().iter();
        let row = rows.find(|row| row["check"] == "remote-cache").unwrap();
        assert_eq!(row["state"], "green", "{row}");
    }
    let [_, second] = &hosts;
    let build = assert_recorded(second, PACKAGE);
    let levels = &build["phases"]["compile"]["cache_levels"];
    assert!(build["hits"].as_u64() > Some(0));
    assert_eq!(levels[1]["hits"], build["hits"], "{build}");
    let text = second.run(&["sccache-report", "show", PACKAGE]).ok().log;
    assert!(text.contains("L1 (redis)"), "{text}");
}

/// A socat that ends with its test.
struct Tunnel(Child);

impl Tunnel {
    fn start(command: &str, socket: &Path) -> Self {
        let words: Vec<_> = command.split_whitespace().collect();
        let mut child = Command::new(words[0]).args(&words[1..]).spawn().unwrap();
        while UnixStream::connect(socket).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "{command}");
            sleep(Duration::from_millis(10));
        }
        Self(child)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
