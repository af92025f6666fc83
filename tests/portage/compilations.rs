//! The compilations of a phase, from its servers' log, and the processor time of all that took part.

use sccache_report::portage::{Build, Phase};
use sccache_report::sccache::compilations::{
    Compilation, CompilationResult, Compilations, hash_directory,
};

use crate::support::portage::builds::{SHARED_NETWORK, START_OLD_SERVER, root};
use crate::support::portage::{Root, Run};

const WORK: &str = "/mnt/gentoo/var/tmp/portage";

/// Makes the database unusable, so that builds stay in files that have everything.
fn keep_pending(root: &Root) {
    root.append("var/lib/sccache-report/stats.db", "not a database");
}

/// Returns the phases of the only pending build, and removes it.
#[track_caller]
fn pending_phases(root: &Root, run: &Run) -> Vec<Phase> {
    let folder = root.file("var/lib/sccache-report/stats.db.pending");
    let files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("{}", run.log))
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{}", run.log);
    let build: Build = serde_json::from_slice(&std::fs::read(&files[0]).unwrap()).unwrap();
    std::fs::remove_file(&files[0]).unwrap();
    assert!(!run.log.contains("were ignored"), "{}", run.log);
    build.phases
}

/// Returns the compilations of a phase, and asserts that they are those that its statistics count.
#[track_caller]
fn compilations(phase: &Phase) -> Compilations {
    let stats = phase.stats.as_ref().unwrap();
    let list = phase.compilations.as_ref();
    let list = list
        .unwrap_or_else(|| panic!("no list: {phase:?}"))
        .decode();
    let compilations = list.unwrap();
    let count = |accepts: fn(CompilationResult) -> bool| {
        let results = compilations.list.iter().map(|one| one.result);
        results.filter(|result| accepts(*result)).count() as u64
    };
    assert_eq!(compilations.list.len() as u64, stats.executed.unwrap());
    assert_eq!(
        count(|result| result == CompilationResult::Hit),
        stats.hits.total
    );
    assert_eq!(count(CompilationResult::is_miss), stats.misses.total);
    assert_eq!(
        count(CompilationResult::is_error),
        stats.errors.as_ref().unwrap().total
    );
    // Each client is one of the programs that the shell waited for.
    let clients = stats.client_seconds.unwrap();
    assert!(clients > 0.0 && clients < 0.1 * stats.requests.unwrap() as f64);
    assert!(stats.server_seconds.unwrap() >= 0.0);
    assert!(phase.shell_seconds.unwrap() > 0.0, "{phase:?}");
    compilations
}

fn units(list: &[Compilation]) -> Vec<&str> {
    list.iter().map(|one| &*one.unit).collect()
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn every_version_logs_its_compilations() {
    for version in ["0.3.1", "0.7.7", "0.16.0", "0.19.0"] {
        let root = Root::new();
        root.sccache(version);
        if version == "0.3.1" {
            root.append("etc/portage/bashrc", START_OLD_SERVER);
        }
        keep_pending(&root);
        for result in [CompilationResult::Miss, CompilationResult::Hit] {
            let run = root.emerge(&["dev-test/many-files"]);
            let phases = pending_phases(&root, &run);
            assert_eq!(phases.len(), 1, "{}", run.log);
            let list = compilations(&phases[0]).list;
            assert_eq!(list.len(), 25, "{version}");
            for one in list {
                assert_eq!(one.result, result, "{version}: {one:?}");
                assert_eq!(one.key.is_some(), version != "0.3.1", "{one:?}");
                assert!(one.flags.is_some() && one.lookup.is_some(), "{one:?}");
            }
        }
        let run = root.emerge(&["dev-test/rusty"]);
        for phase in pending_phases(&root, &run) {
            let Compilations { directory, list } = compilations(&phase);
            assert!(
                units(&list).contains(&"smallvec") || phase.name == "install",
                "{version}: {list:?}"
            );
            let s = format!("{WORK}/dev-test/rusty-1.0/work/rusty");
            assert_eq!(directory, hash_directory(&s));
        }
    }
}

/// Portage can keep S and WORKDIR to itself.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn units_are_named_below_the_source_directory() {
    let phases = "S=${WORKDIR}/source\n\
         src_unpack() { mkdir -p \"${S}/sub\" ../other || die; }\n\
         src_compile() { one a; local o; for o in \"${S}/sub/b.o\" \"${WORKDIR}/c.o\" \"${T}/d.o\"; do\n\
         sccache gcc -c a.c -o \"${o}\" || die; done; }\n\
         src_install() { one e; }";
    for features in ["", SHARED_NETWORK, "-userpriv"] {
        let root = root(phases);
        keep_pending(&root);
        let environment = [
            ("PORTAGE_DO_NOT_EXPORT_PMS_VARS", "1"),
            ("FEATURES", features),
        ];
        let run = root.emerge_with(&environment, &["dev-test/phases"]).ok();
        let phases = pending_phases(&root, &run);
        let names: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(names, ["compile", "install"]);
        let Compilations { directory, list } = compilations(&phases[0]);
        assert_eq!(units(&list), ["a.o", "c.o", "d.o", "sub/b.o"], "{features}");
        let s = format!("{WORK}/dev-test/phases-1.0/work/source");
        assert_eq!(directory, hash_directory(&s));
        // As root.
        assert_eq!(units(&compilations(&phases[1]).list), ["e.o"]);
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn log_settings_of_the_user_are_kept() {
    for (settings, has_list) in [
        ("SCCACHE_LOG=\"debug\"", true),
        ("SCCACHE_LOG=\"sccache::server=debug,warn\"", true),
        // A filter applies to all messages.
        ("SCCACHE_LOG=\"debug/nothing\"", false),
        ("SCCACHE_ERROR_LOG=\"/mnt/gentoo/tmp/log\"", false),
    ] {
        for features in ["", SHARED_NETWORK] {
            let root = root("src_compile() { echo \"@log@ ${SCCACHE_LOG-}\"; one a; one b; }");
            root.append("etc/portage/make.conf", settings);
            keep_pending(&root);
            let run = root
                .emerge_with(&[("FEATURES", features)], &["dev-test/phases"])
                .ok();
            let phases = pending_phases(&root, &run);
            assert_eq!(phases[0].compilations.is_some(), has_list, "{settings}");
            assert!(phases[0].shell_seconds.is_some());
            if has_list {
                assert_eq!(units(&compilations(&phases[0]).list), ["a.o", "b.o"]);
            }
            if let Some(level) = settings.strip_prefix("SCCACHE_LOG=") {
                let level = format!("@log@ {}", level.trim_matches('"'));
                assert!(run.log.contains(&level), "{}", run.log);
            }
        }
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn without_a_log_of_its_own_a_phase_has_no_list() {
    let root = Root::new();
    root.sccache("0.19.0");
    keep_pending(&root);
    // Of several clients, one starts the server of a port.
    let shared = [
        ("SCCACHE_SERVER_PORT", "14231"),
        ("FEATURES", "-network-sandbox"),
    ];
    let client_side = [("SCCACHE_CLIENT_SIDE", "1"), ("FEATURES", "")];
    for settings in [shared, client_side] {
        let run = root.emerge_with(&settings, &["dev-test/many-files"]).ok();
        let phase = pending_phases(&root, &run).remove(0);
        let stats = phase.stats.as_ref().unwrap();
        assert_eq!(stats.hits.total + stats.misses.total, 25);
        assert_eq!(phase.compilations, None);
        assert_eq!(stats.client_seconds, None);
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_failed_phase_keeps_its_list() {
    for end in ["die now", "exit 1", "( die now )"] {
        for features in ["", SHARED_NETWORK] {
            let root = root(&format!(
                "src_compile() {{ one a; echo bad > b.c; sccache gcc -c b.c; {end}; }}"
            ));
            keep_pending(&root);
            let run = root
                .emerge_with(&[("FEATURES", features)], &["dev-test/phases"])
                .failed();
            let mut phases = pending_phases(&root, &run);
            // The shell that a subshell's end reaches first isn't the phase's.
            let is_known = phases[0].shell_seconds.is_some();
            assert!(is_known || end == "( die now )", "{end}: {}", run.log);
            phases[0].shell_seconds.get_or_insert(1.0);
            let list = compilations(&phases[0]).list;
            assert_eq!(units(&list), ["a.o", "b.o"]);
            assert_eq!(list[1].result, CompilationResult::CompileFailed);
        }
    }
}

/// The programs print their own time, as does the shell for what it did itself.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_time_of_a_phase_has_everything_that_ran_in_it() {
    let burn = "burn() { local i; for (( i = 0; i < 60000; i++ )); do :; done; }\n";
    let phases = format!(
        "{burn}src_compile() {{ one a; burn\n\
         printf 'all: a b\\na b:\\n\\t@i=0; while [ $$i -lt 100000 ]; do i=$$((i+1)); done; times > $@.t; sed s/^/@time@:/ $@.t\\n' > burn.mk\n\
         emake -f burn.mk; times > t; sed 's/^/@time@:/; q' t; }}"
    );
    let emerge: &[&str] = &["emerge", "-1", "dev-test/phases"];
    let path = "/mnt/gentoo/var/db/repos/test/dev-test/phases/phases-1.0.ebuild";
    let by_hand: &[&str] = &["ebuild", path, "clean", "compile", "install", "qmerge"];
    for (features, command) in [("", emerge), (SHARED_NETWORK, emerge), ("noauto", by_hand)] {
        let root = root(&phases);
        keep_pending(&root);
        let run = root.run_with(&[("FEATURES", features)], command).ok();
        let phase = pending_phases(&root, &run).remove(0);
        assert_eq!(phase.name, "compile");
        let lines = run
            .log
            .lines()
            .filter_map(|line| line.strip_prefix("@time@:"));
        let lines: Vec<&str> = lines.collect();
        eprintln!("{features}: {:?} {lines:?}", phase.shell_seconds);
        // Of each program, itself and its children; of the shell, itself.
        let seconds: f64 = lines
            .iter()
            .flat_map(|line| line.split(' '))
            .map(|time| time[2..time.len() - 1].parse::<f64>().unwrap())
            .sum();
        assert!(seconds > 0.2, "{lines:?}");
        let shell = phase.shell_seconds.unwrap();
        assert!(shell > seconds, "{shell}, not {seconds}");
    }
}
