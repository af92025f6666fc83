//! `sccache-collect redis` refuses what a real sccache can't use, and nothing else.

use crate::support::portage::Root;
use crate::support::portage::redis::{FOLDER, Redis};

const CHAIN: (&str, &str) = ("SCCACHE_MULTILEVEL_CHAIN", "disk,redis");

/// Compiles a file twice with a new server and a new local cache. Prints whether the second call was a hit.
const COMPILE_TWICE: &str = r#"
folder=$(mktemp -d) && cd "$folder" || exit
export HOME=$folder SCCACHE_DIR=$folder/cache SCCACHE_SERVER_UDS=$folder/socket
echo "int number_$RANDOM$RANDOM;" >a.c
for n in 1 2; do sccache gcc -c a.c -o a.o &>/dev/null || break; done
stats=$(sccache --show-stats) || :
sccache --stop-server &>/dev/null || :
[[ $stats =~ Cache\ hits\ +1$'\n' ]] && echo usable || echo unusable
"#;

/// Runs the collector and sccache with the same variables. Returns the collector's warning, if there is one, and whether
/// sccache can use Redis.
fn judge(root: &Root, variables: &[(&str, &str)]) -> (Option<String>, bool) {
    let collector = root.run_with(variables, &["sccache-collect", "redis"]).ok();
    let warning = Some(collector.log).filter(|log| !log.is_empty());
    // A server that couldn't start can survive, until its namespace ends.
    let log = root.run_with(variables, &["bash", "-c", COMPILE_TWICE]).log;
    match log.lines().next() {
        Some("usable") => (warning, true),
        Some("unusable") => (warning, false),
        _ => panic!("{log}"),
    }
}

#[track_caller]
fn assert_same_judgement(root: &Root, variables: &[(&str, &str)], is_usable: bool) {
    let (warning, sccache) = judge(root, variables);
    let collector = warning.is_none();
    assert_eq!(
        (collector, sccache),
        (is_usable, is_usable),
        "{variables:?}: {warning:?}"
    );
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn urls_are_judged_as_by_sccache() {
    let mut redis = Redis::start(&[]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    let socket = format!("{FOLDER}/redis.sock");
    for version in ["0.9.1", "0.16.0"] {
        root.sccache(version);
        for name in ["SCCACHE_REDIS_ENDPOINT", "SCCACHE_REDIS"] {
            for (start, is_usable) in [
                ("unix://localhost", true),
                ("redis+unix://localhost", true),
                ("unix://user@localhost", true),
                ("unix://", false),
                ("unix:", false),
                ("redis+unix://", false),
            ] {
                let url = format!("{start}{socket}");
                assert_same_judgement(&root, &[CHAIN, (name, &url)], is_usable);
            }
        }
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn each_redis_is_judged_as_by_sccache() {
    let mut redis = Redis::start(&[]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    let url = format!("unix://localhost{FOLDER}/redis.sock");
    let endpoint = ("SCCACHE_REDIS_ENDPOINT", &*url);
    let with = |name, value| [CHAIN, endpoint, (name, value)];
    assert_same_judgement(&root, &with("SCCACHE_REDIS_DB", "15"), true);
    assert_same_judgement(&root, &with("SCCACHE_REDIS_DB", "16"), false);
    let in_url = format!("{url}?db=16");
    assert_same_judgement(&root, &[CHAIN, ("SCCACHE_REDIS", &in_url)], false);
    assert_same_judgement(&root, &[CHAIN, ("SCCACHE_REDIS_ENDPOINT", &in_url)], true);
    let user = |name, rules: &[&str]| {
        let words = [&["acl", "setuser", name, "on", ">secret"], rules].concat();
        assert_eq!(redis.cli(&words).trim(), "OK");
        let login = [
            ("SCCACHE_REDIS_USERNAME", name),
            ("SCCACHE_REDIS_PASSWORD", "secret"),
        ];
        [vec![CHAIN, endpoint], login.to_vec()].concat()
    };
    let commands = ["+ping", "+select", "+get", "+set", "~*"];
    assert_same_judgement(&root, &user("all", &commands), true);
    for missing in ["+ping", "+get", "+set"] {
        let rules: Vec<_> = commands.into_iter().filter(|it| *it != missing).collect();
        assert_same_judgement(&root, &user("some", &rules), false);
        redis.cli(&["acl", "deluser", "some"]);
    }
    let mut limited = user("limited", &["+@all", "~sccache/*"]);
    assert_same_judgement(&root, &limited, false);
    limited.push(("SCCACHE_REDIS_KEY_PREFIX", "/sccache/"));
    assert_same_judgement(&root, &limited, true);
    redis.cli(&["replicaof", "127.0.0.1", "1"]);
    assert_same_judgement(&root, &[CHAIN, endpoint], false);
    // Objects that expire can be removed at the limit.
    redis.restart(&["--maxmemory-policy", "volatile-lru", "--maxmemory", "2mb"]);
    let fill = "for n = 1, 400 do redis.call('setex', n, 1000, string.rep('x', 10000)) end";
    redis.cli(&["eval", fill, "0"]);
    assert_same_judgement(&root, &with("SCCACHE_REDIS_TTL", "1000"), true);
}

/// Without AUTH, Redis quotes its arguments.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn no_message_contains_a_password() {
    let mut redis = Redis::start(&["--rename-command", "AUTH", ""]);
    let mut root = Root::new();
    redis.share_with(&mut root);
    let quoted = redis.cli(&["auth", "secret"]);
    assert!(quoted.contains("'secret'"), "{quoted}");
    let url = format!("unix://localhost{FOLDER}/redis.sock");
    let password = [
        ("SCCACHE_REDIS_ENDPOINT", &*url),
        ("SCCACHE_REDIS_PASSWORD", "secret"),
    ];
    for options in [&[][..], &["--inspect"]] {
        let command = [&["sccache-collect", "redis"], options].concat();
        let log = root.run_with(&password, &command).ok().log;
        assert!(log.contains("it answers AUTH with: ERR"), "{log}");
        assert!(!log.contains("secret"), "{log}");
        for url in [
            "unix://:secret@localhost",
            "unix://:a/secret@localhost/run/redis.sock",
        ] {
            let log = root.run_with(&[("SCCACHE_REDIS", url)], &command).ok().log;
            assert!(log.contains("its URL isn't unix://HOST/PATH"), "{log}");
            assert!(!log.contains("secret"), "{log}");
        }
    }
}
