//! Builds of one package with given phases, and their rows.

use serde_json::Value;

use super::{Root, Run, ebuild};

/// FEATURES with which phases run in emerge's own namespaces.
pub const SHARED_NETWORK: &str = "-network-sandbox -pid-sandbox";

/// Bash functions for ebuilds: `server` prints the PID of sccache's server, which alone has SCCACHE_START_SERVER in its
/// environment. `slay` kills it and waits until its sockets are closed, since clients that reach a dying server fail.
pub const SERVER: &str = "server() { grep -lzx SCCACHE_START_SERVER=1 /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3; }\n\
                      slay() { local pid=$(server) sockets; sockets=$(readlink /proc/${pid}/fd/* | sed -n 's/^socket:.\\([0-9]*\\).$/\\1/p'); \
                      kill -KILL ${pid}; while grep -qwF \"${sockets}\" /proc/net/unix; do sleep 0.01; done; }\n";

/// Lines for bashrc, after the hook: start the server before the clients. Before 0.7.7 (mozilla/sccache#2077), a client starts
/// its server before it listens for the server's answer, and on a busy machine waits 10 s in vain.
pub const START_OLD_SERVER: &str = "[[ ${EBUILD_PHASE} != @(compile|install) ]] || {\n\
    SCCACHE_START_SERVER=1 sccache < /dev/null &> /dev/null\n\
    for ((tries = 0; tries < 500; tries++)); do [[ $(< /proc/net/tcp) != *:1082' '*' 0A '* ]] || break; sleep 0.02; done\n}";

/// Returns a Portage with `dev-test/phases-1.0`, which has these phases.
pub fn root(phases: &str) -> Root {
    let root = Root::new();
    root.ebuild("dev-test/phases-1.0", &ebuild(phases));
    root
}

/// Returns the row of the only build, and asserts that the run left no process.
#[track_caller]
pub fn only_build(root: &Root, run: &Run) -> Value {
    assert!(run.leftovers.is_empty(), "{:?}\n{}", run.leftovers, run.log);
    let mut builds = root.builds(&[]);
    assert_eq!(builds.len(), 1, "{}", run.log);
    builds.remove(0)
}

#[track_caller]
pub fn assert_not_measured(build: &Value, run: &Run, why: &str) {
    assert_phase_not_measured("compile", build, run, why);
}

#[track_caller]
pub fn assert_phase_not_measured(name: &str, build: &Value, run: &Run, why: &str) {
    let phase = &build["phases"][name];
    assert_eq!(phase["measured"], false, "{build}");
    assert!(
        phase["hits"].is_null() && phase["misses"].is_null(),
        "{phase}"
    );
    assert!(
        phase["not_measured"].as_str().unwrap().contains(why),
        "{phase}"
    );
    let warning = format!(" * sccache-report: the {name} phase was not measured");
    let warnings = run.log.lines().filter(|line| line.starts_with(&warning));
    // emerge repeats messages at its end.
    assert_eq!(warnings.count(), 2, "{}", run.log);
}

/// Returns (outcome, misses, phases) of every recorded build.
pub fn rows(root: &Root) -> Vec<(String, u64, String)> {
    let row = |build: &Value| {
        let phases = build["phases"].as_object().unwrap();
        let names: Vec<&str> = phases.keys().map(String::as_str).collect();
        (
            build["outcome"].as_str().unwrap().to_owned(),
            build["misses"].as_u64().unwrap(),
            names.join(" "),
        )
    };
    root.builds(&[]).iter().map(row).collect()
}

#[track_caller]
pub fn assert_rows(root: &Root, run: &Run, expected: &[(&str, u64, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(o, m, p)| ((*o).to_owned(), *m, (*p).to_owned()))
        .collect();
    assert_eq!(rows(root), expected, "{}", run.log);
    assert!(run.leftovers.is_empty(), "{:?}\n{}", run.leftovers, run.log);
}
