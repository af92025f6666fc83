//! SCCACHE_REPORT_STABLE_PATHS: the crates of a Rust package hit in its next version, and nothing else changes.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::recording::processes;
use crate::support::portage::{Root, Run};

/// Where the links of all packages are.
const PLACES: &str = "var/tmp/portage/sccache-report";

/// Asserts that nothing is left of the links, nor of a build.
#[track_caller]
fn assert_nothing_left(root: &Root, run: &Run) {
    assert!(run.leftovers.is_empty(), "{:?}\n{}", run.leftovers, run.log);
    let left = root
        .run(&["find", "/mnt/gentoo/var/tmp/portage", "-mindepth", "2"])
        .ok();
    assert_eq!(left.log, "", "{}", run.log);
    assert!(!root.file(PLACES).exists(), "{}", run.log);
}

/// Returns hits and misses of the newest build's phases.
#[track_caller]
fn counts(root: &Root, package: &str, version: &str) -> (u64, u64) {
    let builds = root.builds(&[package]);
    let build = builds
        .iter()
        .rev()
        .find(|build| build["version"] == version);
    let build: &Value = build.unwrap_or_else(|| panic!("no {package} {version}: {builds:?}"));
    (
        build["hits"].as_u64().unwrap(),
        build["misses"].as_u64().unwrap(),
    )
}

/// Returns what the newest build's phases have recorded, which is the same in all.
fn recorded(root: &Root, package: &str, version: &str) -> Option<String> {
    let database = Connection::open(root.database()).unwrap();
    let sql = "SELECT DISTINCT phase.stable_paths FROM phase JOIN build ON build.id = build_id
               WHERE package = ? AND version = ? AND name IN ('compile', 'install')";
    database
        .query_one(sql, [package, version], |row| row.get(0))
        .unwrap()
}

/// A phase that waits after it has compiled, until the file exists.
const WAIT: &str = "until [[ -e /mnt/gentoo/tmp/go ]]; do sleep 0.05; done";

/// The compiler replaces the paths that it embeds, those of the place and the build's own by the same, so that the rest of
/// the program can be compared: its bytes are equal.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_revision_hits_and_installs_the_same_bytes() {
    let root = Root::with_crates();
    for version in ["1.0", "1.0-r1"] {
        root.rust_ebuild(&format!("dev-test/stable-{version}"), "slot", "rusty", "");
    }
    let temporary = "/mnt/gentoo/var/tmp/portage";
    let place = format!("{temporary}/sccache-report/dev-test/stable/slot");
    let work = format!("{temporary}/dev-test/stable-1.0/work");
    let flags = format!(
        "-C link-arg=-Wl,--build-id=none --remap-path-prefix={place}/vendor=/vendor \
         --remap-path-prefix={work}/cargo_home/gentoo=/vendor --remap-path-prefix={place}/workspace/target=/target \
         --remap-path-prefix={work}/stable-1.0/target=/target"
    );
    let emerge = |stable: &str, version: &str| {
        let environment = [
            ("SCCACHE_REPORT_STABLE_PATHS", stable),
            ("FEATURES", "test"),
            ("RUSTFLAGS", &flags),
        ];
        let package = format!("=dev-test/stable-{version}");
        let run = root.emerge_with(&environment, &[&package]).ok();
        assert_nothing_left(&root, &run);
        let printed = root.printed_stats(&format!("dev-test/stable-{version}"));
        let counts = ["cache_hits", "cache_misses"].map(|name| printed[0].count(name));
        (counts, fs::read(root.file("usr/bin/stable-slot")).unwrap())
    };
    let (own, expected) = emerge("no", "1.0");
    let (cold, stable) = emerge("yes", "1.0");
    let (bumped, _) = emerge("yes", "1.0-r1");
    // The C file has the same key at all paths.
    assert_eq!((own, cold), ([0, 8], [1, 7]));
    // The workspace's own library keeps the version in its key.
    assert_eq!(bumped, [7, 1]);
    assert!(stable == expected, "the installed programs differ");
    let environment = root.environment("dev-test/stable-1.0-r1");
    let traces = ["/sccache-report/", "sccache_report", "stable-paths"];
    let mut lines = environment
        .lines()
        .filter(|line| !line.contains("RUSTFLAGS="));
    let trace = lines.find(|line| traces.iter().any(|trace| line.contains(trace)));
    assert_eq!(trace, None);
}

fn add_tiny(root: &Root, version: &str, slot: &str, lines: &str) {
    root.rust_ebuild(&format!("dev-test/tiny-{version}"), slot, "tiny", lines);
}

const OWN_PATHS: &str = "keeps its own paths";

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn another_version_keeps_its_own_paths_and_another_slot_has_its_own_place() {
    let root = Root::with_crates();
    let wait = format!("src_compile() {{ cargo_src_compile; echo compiled now; {WAIT}; }}");
    add_tiny(&root, "1.0", "slot", &wait);
    add_tiny(&root, "1.0-r1", "slot", "");
    add_tiny(&root, "2.0", "other", "");
    let mut first = root.start(&[], &["emerge", "-1", "=dev-test/tiny-1.0"]);
    first.wait_for("compiled now");
    let others = ["--jobs=4", "=dev-test/tiny-1.0-r1", "=dev-test/tiny-2.0"];
    root.emerge_with(&[], &others).ok();
    let log = root.build_log("dev-test/tiny-1.0-r1");
    let reason = "dev-test/tiny-1.0-r1 keeps its own paths: dev-test/tiny-1.0 is being built";
    assert!(log.contains(reason), "{log}");
    let log = root.build_log("dev-test/tiny-2.0");
    assert!(
        log.contains("/sccache-report/dev-test/tiny/other/vendor/fnv"),
        "{log}"
    );
    fs::write(root.file("tmp/go"), "").unwrap();
    let run = first.wait().ok();
    assert!(!run.log.contains(OWN_PATHS), "{}", run.log);
    assert_nothing_left(&root, &run);
    assert_eq!(counts(&root, "dev-test/tiny", "1.0-r1"), (0, 2));
}

const BETWEEN_PHASES: &str = include_str!("../fixtures/stable-paths/between-phases.sh");

/// Between two phases, only Portage's lock shows that a build goes on. Without it, the other build takes the place over, and
/// the first gets it back.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_build_keeps_the_place_between_its_phases() {
    let root = Root::with_crates();
    add_tiny(&root, "1.0", "slot", "");
    add_tiny(&root, "1.0-r1", "slot", "");
    let run = root.run(&["bash", "-c", BETWEEN_PHASES]).ok();
    let [locked, unlocked] = run.log.splitn(2, "-- unlocked").collect::<Vec<_>>()[..] else {
        panic!("{}", run.log);
    };
    assert!(
        locked.contains("dev-test/tiny-1.0 is being built"),
        "{locked}"
    );
    assert!(!unlocked.contains(OWN_PATHS), "{unlocked}");
    let again = unlocked.split_once("-- again").unwrap().1;
    assert!(again.contains("Fresh fnv"), "compiled again: {again}");
    assert_nothing_left(&root, &run);
}

/// Why a build keeps its own paths after another was killed.
const SURVIVES: &str = "a process of the build of dev-test/tiny-1.0 is still running";

const SURVIVOR: &str = include_str!("../fixtures/stable-paths/survivor.sh");

const KILL_SHELL: &str = include_str!("../fixtures/stable-paths/kill-shell.sh");

const KILL: &str = include_str!("../fixtures/stable-paths/kill.sh");

/// A place that lost a part of its content is made again.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_damaged_place_is_filled_again() {
    let root = Root::with_crates();
    add_tiny(&root, "1.0", "slot", "");
    for damage in [
        "rm -r vendor/fnv-*",
        "rm -r vendor; ln -s /etc vendor",
        "rm home",
    ] {
        let script = format!(
            "ebuild=/mnt/gentoo/var/db/repos/test/dev-test/tiny/tiny-1.0.ebuild\n\
             ebuild --skip-manifest ${{ebuild}} clean compile || exit\n\
             cd /mnt/gentoo/var/tmp/portage/sccache-report/dev-test/tiny/slot && {{ {damage}; }} || exit\n\
             cd / && ebuild --skip-manifest ${{ebuild}} merge clean"
        );
        let run = root.run(&["bash", "-c", &script]).ok();
        assert!(!run.log.contains(OWN_PATHS), "{damage}: {}", run.log);
        assert_nothing_left(&root, &run);
    }
}

/// Kills emerge and the phase's shell, and builds another version, which takes the place over unless a process of the
/// killed phase is left.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_a_killed_phase_left_is_taken_over() {
    for (phase, features, killed) in [
        ("compile", "", "namespace"),
        ("compile", "-pid-sandbox -network-sandbox", "phase"),
        ("test", "test -userpriv -pid-sandbox", "phase"),
        ("install", "", "namespace"),
        ("install", "-pid-sandbox", "phase"),
    ] {
        let root = Root::with_crates();
        add_tiny(&root, "1.0", "slot", SURVIVOR);
        add_tiny(&root, "1.0-r1", "slot", "");
        let run = root
            .run_with(
                &[("FEATURES", features)],
                &["bash", "-c", KILL, "kill", phase, killed],
            )
            .ok();
        let (before, after) = run.log.split_once("-- over").unwrap();
        assert_eq!(
            before.contains(SURVIVES),
            killed == "phase",
            "{phase} {features}: {before}"
        );
        assert!(!after.contains(OWN_PATHS), "{phase} {features}: {after}");
        assert_nothing_left(&root, &run);
    }
}

/// The phase's shell is killed alone, and a process that it started goes on after emerge has removed the build's directory.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_a_survivor_uses_is_left_to_the_next_build() {
    let root = Root::with_crates();
    let survivor = "pause() { [[ ! ${STOP_IN-} ]] || { bash -c 'exec -a survivor sleep 1000' &>/dev/null & kill -KILL $$ ${BASHPID}; }; }";
    add_tiny(&root, "1.0", "slot", survivor);
    add_tiny(&root, "1.0-r1", "slot", "");
    let environment = [("FEATURES", "-pid-sandbox -network-sandbox fail-clean")];
    let run = root
        .run_with(&environment, &["bash", "-c", KILL_SHELL])
        .ok();
    let (before, after) = run.log.split_once("-- over").unwrap();
    assert!(before.contains(SURVIVES), "{before}");
    // emerge removes the build's directory, and prints what it can't remove.
    let stays = "sccache-report/dev-test/tiny/slot stays: a process of the build";
    assert!(before.contains(stays), "{before}");
    assert!(!after.contains(OWN_PATHS), "{after}");
    assert_nothing_left(&root, &run);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_failed_build_leaves_no_place_and_goes_on() {
    for features in ["", "fail-clean", "noclean", "keepwork keeptemp"] {
        let root = Root::with_crates();
        add_tiny(
            &root,
            "1.0",
            "slot",
            "src_compile() { cargo_src_compile; [[ -e /mnt/gentoo/tmp/go ]] || die now; }",
        );
        let package = ["=dev-test/tiny-1.0"];
        let run = root
            .emerge_with(&[("FEATURES", features)], &package)
            .failed();
        assert!(
            run.log
                .contains("/sccache-report/dev-test/tiny/slot/vendor/fnv"),
            "{}",
            run.log
        );
        let advice =
            "dev-test/tiny-1.0 used stable paths. If it fails only with them, leave it out";
        assert!(run.log.contains(advice), "{features}: {}", run.log);
        assert!(!root.file(PLACES).exists(), "{features}: {}", run.log);
        let work = root.file("var/tmp/portage/dev-test/tiny-1.0/work");
        assert!(!work.join(".cargo").exists(), "{features}: {}", run.log);
        fs::write(root.file("tmp/go"), "").unwrap();
        let ebuild = "/mnt/gentoo/var/db/repos/test/dev-test/tiny/tiny-1.0.ebuild";
        let run = root
            .run_with(
                &[("FEATURES", features)],
                &["ebuild", "--skip-manifest", ebuild, "merge"],
            )
            .ok();
        assert!(!run.log.contains(OWN_PATHS), "{features}: {}", run.log);
        assert!(!root.file(PLACES).exists(), "{features}: {}", run.log);
        assert!(root.file("usr/bin/tiny-slot").exists());
    }
}

/// Ebuilds that run cargo through gpep517, with a crate from a git repository, and through meson.
const WHEEL: &str = include_str!("../fixtures/stable-paths/wheel.sh");
const GIT_CRATE: &str = include_str!("../fixtures/stable-paths/git-crate.sh");
const MESON: &str = include_str!("../fixtures/stable-paths/meson.sh");

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// What ebuilds do with cargo's directories. Each is built in two revisions: (name, lines, counts of the second, what is
/// recorded).
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn ebuilds_with_unusual_directories_are_built_as_without() {
    let root = Root::with_crates();
    let cases = [
        (
            "own-home",
            "src_configure() { cargo_src_configure; cp -r \"${CARGO_HOME}\" \"${T}/home\"; export CARGO_HOME=${T}/home; }",
            (0, 2),
            None,
        ),
        (
            "own-directories",
            "ECARGO_HOME=${WORKDIR}/my-home ECARGO_VENDOR=${WORKDIR}/my-crates",
            (2, 0),
            Some("in_use"),
        ),
        (
            "own-target",
            "src_configure() { cargo_src_configure; export CARGO_TARGET_DIR=${WORKDIR}/built; }",
            (0, 2),
            Some("own_target"),
        ),
        // What src_compile used stays.
        (
            "late-target",
            "src_compile() { export CARGO_TARGET_DIR=${S}/built; cargo_src_compile; }",
            (0, 2),
            Some("in_use"),
        ),
        (
            "patched",
            "src_prepare() { default; echo '// Changed.' >> \"${ECARGO_VENDOR}\"/fnv-1.0.7/lib.rs || die; }",
            (1, 1),
            Some("in_use"),
        ),
        (
            "own-configuration",
            "src_configure() { cargo_src_configure; mkdir \"${WORKDIR}/.cargo\"; echo > \"${WORKDIR}/.cargo/config.toml\"; }",
            (0, 2),
            Some("own_config"),
        ),
        (
            "two-workspaces",
            "src_unpack() { cargo_src_unpack; unpack_sources; cp -r \"${S}\" \"${WORKDIR}/second\"; }\n\
             src_compile() { cargo_src_compile; cd \"${WORKDIR}/second\"; cargo_src_compile; [[ -x target/release/tiny ]] || die; }",
            (4, 0),
            Some("crates_only"),
        ),
        ("git-crate", GIT_CRATE, (2, 1), Some("in_use")),
        (
            "nested-cargo",
            "src_unpack() { cargo_src_unpack; unpack_sources; cp \"${FILESDIR}\"/build.rs \"${S}\" || die; }",
            (2, 0),
            Some("in_use"),
        ),
        (
            "program",
            "src_unpack() { cargo_src_unpack; unpack_sources; mkdir \"${S}\"/examples; cp \"${FILESDIR}\"/dist.rs \"${S}\"/examples || die; }\n\
             src_compile() { cargo_env cargo run --release --example dist || die; }",
            (2, 0),
            Some("crates_only"),
        ),
        // Each target directory is a new one, and what is built is found there.
        (
            "cleaned",
            "src_compile() { cargo_src_compile; cargo clean || die; cargo_src_compile; rm -r target || die; cargo_src_compile; \
             [[ -x target/release/tiny ]] || die; }",
            (6, 0),
            Some("in_use"),
        ),
        (
            "example",
            "src_unpack() { cargo_src_unpack; unpack_sources; mkdir \"${S}\"/examples; cp -r \"${S}\"/{src,Cargo.*} \"${S}\"/examples; }\n\
             src_compile() { cargo_src_compile; cd examples; cargo_src_compile; [[ -x target/release/tiny ]] || die; }",
            (4, 0),
            Some("crates_only"),
        ),
        ("maturin", WHEEL, (2, 0), Some("in_use")),
        ("setuptools-rust", WHEEL, (2, 0), Some("in_use")),
        ("meson", MESON, (2, 0), Some("in_use")),
        ("live", "PROPERTIES=live", (0, 2), None),
        ("sources", "", (0, 2), Some("installsources")),
    ];
    fs::create_dir_all(root.file("etc/portage/env")).unwrap();
    root.append("etc/portage/env/sources", "FEATURES=\"installsources\"");
    root.append("etc/portage/package.env", "dev-test/sources sources");
    for (name, lines, _, _) in &cases {
        let files = root.file(&format!("var/db/repos/test/dev-test/{name}/files"));
        copy_files(Path::new("tests/fixtures/stable-paths"), &files);
        for revision in ["1.0", "1.0-r1"] {
            root.rust_ebuild(
                &format!("dev-test/{name}-{revision}"),
                "slot",
                "tiny",
                lines,
            );
        }
    }
    for revision in ["1.0", "1.0-r1"] {
        let packages = cases
            .each_ref()
            .map(|(name, ..)| format!("=dev-test/{name}-{revision}"));
        let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
        let run = root.emerge(&[&["--jobs=3"], &packages[..]].concat());
        assert_nothing_left(&root, &run);
    }
    for (name, _, expected, state) in cases {
        let package = format!("dev-test/{name}");
        assert_eq!(counts(&root, &package, "1.0-r1"), expected, "{name}");
        assert_eq!(
            recorded(&root, &package, "1.0-r1").as_deref(),
            state,
            "{name}"
        );
        let log = root.build_log(&format!("{package}-1.0-r1"));
        let is_printed = matches!(state, Some("own_target" | "own_config"));
        assert_eq!(log.contains(OWN_PATHS), is_printed, "{log}");
        let program = root.file(&format!("usr/bin/{name}-slot"));
        assert!(program.exists(), "{name}");
    }
}

/// Two processes per phase that compiles, and none for packages without cargo.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_phase_costs_two_processes() {
    let root = Root::with_crates();
    // With this, each hit runs the preprocessor. Without it, only the first hit of a file does that was compiled just after it was
    // written, so one emerge would run it more often (`include_is_too_new` in sccache's src/compiler/c.rs, 0.16.0).
    root.append("etc/portage/make.conf", "SCCACHE_DIRECT=\"false\"");
    add_tiny(&root, "1.0", "slot", "");
    root.emerge(&["dev-test/tiny", "dev-test/many-files"]);
    let collectors = |stable: &str, package: &str| {
        root.append(
            "etc/portage/make.conf",
            &format!("SCCACHE_REPORT_STABLE_PATHS=\"{stable}\""),
        );
        let (made, mut programs) = processes(&root, &[package]);
        (made, programs.remove("sccache-collect").unwrap())
    };
    let [with, without] = ["yes", "no"].map(|stable| collectors(stable, "dev-test/tiny"));
    // src_compile and src_install.
    assert_eq!(with.1 - without.1, 2 * 2);
    let [with, without] = ["yes", "no"].map(|stable| collectors(stable, "dev-test/many-files"));
    assert_eq!(with, without);
}
