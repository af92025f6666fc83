//! Recorded numbers of real emerges match those that sccache printed inside the phases.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::process::Command;

use crate::support::portage::{PrintedStats, Root, Run};
use serde_json::{Map, Value, json};

/// FEATURES with and without namespaces for the phases.
const NAMESPACES: [&str; 2] = ["test", "test -network-sandbox -pid-sandbox"];

/// The numbers of one phase: sccache's name in `--stats-format=json`, and the report's.
const COUNTS: [(&str, &str); 15] = [
    ("compile_requests", "requests"),
    ("requests_executed", "executed"),
    ("requests_unsupported_compiler", "unsupported_compiler"),
    ("requests_not_compile", "non_compilation"),
    ("requests_not_cacheable", "non_cacheable"),
    ("cache_hits", "hits"),
    ("cache_misses", "misses"),
    ("cache_errors", "errors"),
    ("cache_timeouts", "timeouts"),
    ("cache_read_errors", "read_errors"),
    ("cache_write_errors", "write_errors"),
    ("cache_writes", "writes"),
    ("forced_recaches", "forced_recaches"),
    ("compilations", "compilations"),
    ("compile_fails", "compile_failures"),
];

/// Asserts that the report has sccache's own numbers of a phase.
#[track_caller]
fn assert_same(said: &PrintedStats, phase: &Value) {
    for (theirs, ours) in COUNTS {
        assert_eq!(
            phase[ours],
            said.count(theirs),
            "{ours} of {}:\n{}\n{phase}",
            said.phase,
            said.json
        );
    }
    let stats = &said.json["stats"];
    for (parts, theirs) in [("languages", "counts"), ("compilers", "adv_counts")] {
        let mut expected: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for (count, name) in [
            ("cache_hits", "hits"),
            ("cache_misses", "misses"),
            ("cache_errors", "errors"),
        ] {
            for (key, value) in stats[count][theirs].as_object().unwrap() {
                let part = expected.entry(key).or_insert_with(|| {
                    json!({"hits": 0, "misses": 0, "errors": 0})
                        .as_object()
                        .unwrap()
                        .clone()
                });
                part[name] = value.clone();
            }
        }
        assert_eq!(phase[parts], json!(expected), "{parts} of {}", said.phase);
    }
    assert_eq!(
        phase["not_cached"], stats["not_cached"],
        "reasons of {}",
        said.phase
    );
    assert_eq!(phase["sccache_version"], said.json["version"]);
    assert_eq!(phase["attribution"], "exact");
}

/// Asserts that the last build of the package has sccache's numbers in every phase, and returns its row.
#[track_caller]
pub fn assert_recorded(root: &Root, package: &str) -> Value {
    let build = root.builds(&[package]).pop().expect("a build");
    let mut said = root.printed_stats(package);
    // In a shared network, the hook starts a server that the phase may not use.
    said.retain(|said| COUNTS.iter().any(|(theirs, _)| said.count(theirs) > 0));
    let phases = build["phases"].as_object().unwrap();
    let names = |names: Vec<&str>| names.join(" ");
    assert_eq!(
        names(phases.keys().map(String::as_str).collect()),
        names(said.iter().map(|said| said.phase.as_str()).collect()),
        "phases of {package}"
    );
    for said in &said {
        assert_same(said, &phases[&said.phase]);
    }
    for (_, name) in [
        ("", "hits"),
        ("", "misses"),
        ("", "requests"),
        ("", "non_cacheable"),
    ] {
        let sum: u64 = phases
            .values()
            .map(|phase| phase[name].as_u64().unwrap())
            .sum();
        assert_eq!(build[name], sum, "{name} of {package}");
    }
    build
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn cold_and_warm_builds_are_recorded_as_sccache_counted_them() {
    for features in NAMESPACES {
        let root = Root::new();
        for package in ["dev-test/rusty", "dev-test/many-files"] {
            for warm in [false, true] {
                let run = root.emerge_with(&[("FEATURES", features)], &[package]).ok();
                let build = assert_recorded(&root, package);
                let (hits, misses) = (
                    build["hits"].as_u64().unwrap(),
                    build["misses"].as_u64().unwrap(),
                );
                assert!(
                    if warm {
                        hits > 0 && misses == 0
                    } else {
                        hits == 0 && misses > 0
                    },
                    "{build}"
                );
                assert!(
                    run.log
                        .contains(&format!(" * sccache: {hits} hits, {misses} misses")),
                    "{}",
                    run.log
                );
                assert_eq!(build["outcome"], "merged");
                assert_eq!(build["version"], "1.0");
                assert_eq!(build["slot"], "0");
                assert_eq!(build["repository"], "test");
            }
        }
        let emerges = root.report(&["emerges"]);
        assert_eq!(emerges.len(), 4);
        assert_eq!(emerges[3]["command"], "emerge -1 dev-test/many-files");
        assert!(emerges.iter().all(|emerge| emerge["builds"] == 1));
    }
}

/// As `dev-test/many-clients`, in every phase that may compile.
const CLIENTS: &str = r#"EAPI=8
SLOT=0
KEYWORDS=amd64
S=${WORKDIR}
clients() {
	local n pids=()
	for n in {1..16}; do
		echo "int ${EBUILD_PHASE}_${PN//-/_}_${n};" > "${n}.c" || die
	done
	for n in {1..16}; do
		sccache gcc -c "${n}.c" -o "${n}.o" & pids+=( $! )
	done
	for n in "${pids[@]}"; do wait "${n}" || die "a compile failed"; done
	echo "@listening@ $(grep -c ' 00010000 .*sccache-report' /proc/net/unix)"
}
src_configure() { clients; }
src_compile() { clients; }
src_test() { clients; }
src_install() { clients; }
post_src_install() { :; }
"#;

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn sixteen_first_clients_in_52_phases_meet_one_server_each() {
    for features in NAMESPACES {
        let root = Root::new();
        let names: Vec<String> = (1..=13).map(|n| format!("dev-test/clients{n}")).collect();
        for name in &names {
            root.ebuild(&format!("{name}-1.0"), CLIENTS);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // ok() also asserts that no process is left.
        let run = root.emerge_with(&[("FEATURES", features)], &names).ok();
        // In a shared network the hook starts no server as root: in src_install servers race, and the phase may not be
        // measured.
        let met = run.log.matches("@listening@ 1\n").count();
        let raced = if features == NAMESPACES[0] { 0 } else { 13 };
        assert!(met >= 52 - raced, "{}", run.log);
        let builds = root.builds(&[]);
        assert_eq!(builds.len(), 13);
        for build in builds {
            for name in ["configure", "compile", "test", "install"] {
                let phase = &build["phases"][name];
                let counted = (phase["requests"].as_u64(), phase["misses"].as_u64());
                if phase["measured"] == true || name != "install" {
                    assert_eq!(counted, (Some(16), Some(16)), "{features}: {build}");
                }
            }
        }
        assert_eq!(root.report(&["emerges"])[0]["builds"], 13);
    }
}

/// Returns the number of processes that an emerge created, and the programs that it ran. With one compilation at a time,
/// since several first clients may each start a server.
pub fn processes(root: &Root, arguments: &[&str]) -> (usize, BTreeMap<String, usize>) {
    let trace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/tmp/trace",
        "-e",
        "trace=process",
    ];
    let command = [&trace[..], &["emerge", "-1"], arguments].concat();
    root.run_with(&[("MAKEOPTS", "-j1")], &command).ok();
    let (mut unfinished, mut programs) = (HashMap::new(), BTreeMap::new());
    let mut made = 0;
    for line in root.read("tmp/trace").lines() {
        let (pid, call) = line.split_once(' ').unwrap();
        let (pid, call) = (pid.to_owned(), call.trim_start().to_owned());
        // Only the first part of an interrupted call has its arguments.
        if let Some(first) = call.strip_suffix("<unfinished ...>") {
            unfinished.insert(pid, first.to_owned());
            continue;
        }
        let first = if call.starts_with("<... ") {
            unfinished.remove(&pid).unwrap()
        } else {
            call.clone()
        };
        let result = call.rsplit_once("= ").map_or("", |(_, result)| result);
        let makes = ["clone", "fork", "vfork"]
            .iter()
            .any(|name| first.starts_with(name))
            && !first.contains("CLONE_THREAD");
        made += usize::from(makes && result.parse::<u32>().is_ok());
        if first.starts_with("execve") && result == "0" {
            let program = first.split('"').nth(1).unwrap().rsplit('/').next();
            *programs.entry(program.unwrap().to_owned()).or_default() += 1;
        }
    }
    (made, programs)
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_package_without_sccache_costs_no_process() {
    let (without, with) = (Root::without_hook(), Root::new());
    with.append(
        "etc/portage/make.conf",
        "SCCACHE_REPORT_STABLE_PATHS=\"yes\"",
    );
    // The first emerge writes caches.
    for root in [&without, &with] {
        root.emerge(&["dev-test/plain"]);
    }
    let without = processes(&without, &["dev-test/plain"]);
    let with_processes = processes(&with, &["dev-test/plain"]);
    assert!(without.0 > 100 && without.1.len() > 20, "{without:?}");
    assert_eq!(without, with_processes);
    // The hook ran.
    assert!(with.file("var/lib/sccache-report/hook/last-merge").exists());
}

/// Programs that a server runs to inspect a compiler, or to compile again what is missing in the cache: a server that no
/// hook stops is killed before it has written everything.
const COMPILERS: [&str; 8] = [
    "as", "cc1", "cc1plus", "collect2", "g++", "gcc", "ld", "rustc",
];

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_phase_with_sccache_costs_three_programs_and_a_build_one() {
    let (without, with) = (Root::without_hook(), Root::with_build());
    without.emerge(&["dev-test/many-files"]);
    let counted = |root| {
        let (mut made, mut programs) = processes(root, &["dev-test/many-files"]);
        for compiler in COMPILERS {
            made -= programs.remove(compiler).unwrap_or(0);
        }
        (made, programs)
    };
    let (made_without, mut expected) = counted(&without);
    let (made, programs) = counted(&with);
    let phases = with.builds(&[])[1]["phases"].as_object().unwrap().len();
    assert_eq!(phases, 1);
    // Per phase, the collector and its two calls of sccache; per build, the collector that records.
    expected.insert("sccache-collect".to_owned(), phases + 1);
    *expected.get_mut("sccache").unwrap() += 2 * phases;
    assert_eq!(programs, expected);
    // For einfo's pipes of the summary, Portage forks four times.
    assert_eq!(made - made_without, 3 * phases + 1 + 4);
}

#[track_caller]
fn assert_no_trace(environment: &str) {
    let traces = [
        "sccache-report",
        "sccache_report",
        "SCCACHE_REPORT",
        "SCCACHE_SERVER",
        "post_src_",
        "___",
    ];
    let traces = environment
        .lines()
        .filter(|line| traces.iter().any(|trace| line.contains(trace)));
    assert_eq!(traces.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_saved_environment_has_no_trace_of_the_hook() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "SCCACHE_REPORT_OUTPUT=\"full\"");
    for features in ["", "test", "-network-sandbox"] {
        let packages = ["dev-test/plain", "dev-test/many-files"];
        root.emerge_with(&[("FEATURES", features)], &packages).ok();
        for package in packages {
            assert_no_trace(&root.environment(&format!("{package}-1.0")));
        }
    }
    assert_eq!(root.builds(&[]).len(), 3);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_binary_package_records_nothing_and_a_rebuild_a_second_build() {
    let root = Root::new();
    root.emerge_with(&[("FEATURES", "buildpkg")], &["dev-test/many-files"])
        .ok();
    assert_eq!(root.builds(&[]).len(), 1);
    let binary = root
        .emerge_with(&[], &["--usepkgonly", "dev-test/many-files"])
        .ok();
    assert!(
        binary.log.contains(">>> Installing") && !binary.log.contains("sccache:"),
        "{}",
        binary.log
    );
    assert_eq!(root.builds(&[]).len(), 1);
    root.emerge(&["dev-test/many-files"]);
    let builds = root.builds(&[]);
    assert_eq!(builds.len(), 2);
    assert_ne!(builds[0]["id"], builds[1]["id"]);
    assert!(builds[0]["finished_at"].as_str() <= builds[1]["started_at"].as_str());
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn output_is_full_brief_or_none() {
    let root = Root::new();
    let emerge = |output: &str| -> Run {
        root.emerge_with(
            &[("SCCACHE_REPORT_OUTPUT", output)],
            &["dev-test/many-files"],
        )
        .ok()
    };
    let log = emerge("full").log;
    assert!(
        log.contains(" * Compile requests") && log.contains(" * Cache misses (C/C++)"),
        "{log}"
    );
    assert!(
        log.contains(" * Cache location")
            && log.contains("Local disk: \"/mnt/gentoo/var/cache/sccache\"")
    );
    let log = emerge("brief").log;
    assert!(
        log.contains(" * sccache: ") && log.contains(" hit rate ") && log.contains(" coverage "),
        "{log}"
    );
    assert!(
        log.contains(" * sccache: cache ") && !log.contains(" * Compile requests"),
        "{log}"
    );
    // A shell has no EPREFIX: the program finds the database by its own path.
    let report = root.run(&["sccache-report", "builds"]).ok();
    assert!(report.log.contains("dev-test/many-files"), "{}", report.log);
    let log = emerge("none").log;
    assert!(!log.contains(" * sccache"), "{log}");
    assert_eq!(root.builds(&[]).len(), 3);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn any_prefix_and_any_database_will_do() {
    let root = Root::without_hook();
    let staged = root.file("opt/staged");
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_sccache-collect"))
        .parent()
        .unwrap();
    let install = Command::new("make")
        .args(["-s", "install", "PREFIX=/usr/local"])
        .arg(format!("DESTDIR={}", staged.display()))
        .arg(format!("BINARIES={}", programs.display()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(install.status.success(), "{install:?}");
    root.append(
        "etc/portage/make.conf",
        "SCCACHE_REPORT_DB=\"/mnt/gentoo/srv/numbers/my.db\"",
    );
    root.append(
        "etc/portage/bashrc",
        "source /mnt/gentoo/opt/staged/usr/local/share/sccache-report/sccache-report.sh",
    );
    root.emerge(&["dev-test/many-files"]);
    assert!(!root.database().exists());
    assert_eq!(
        root.report_of(&root.file("srv/numbers/my.db"), &["builds"])
            .len(),
        1
    );
    assert_no_trace(&root.environment("dev-test/many-files-1.0"));
    assert_eq!(
        fs::metadata(root.file("srv/numbers"))
            .unwrap()
            .permissions(),
        {
            use std::os::unix::fs::PermissionsExt;
            fs::Permissions::from_mode(0o40755)
        }
    );
}
