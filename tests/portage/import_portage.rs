//! Import of a real Portage's logs: recorded builds are skipped, and others are read from the log.

use std::path::Path;
use std::process::Command;

use crate::support::portage::Root;

/// Imports Portage's logs, and returns the output.
fn import(root: &Root, db: &Path, zone: &str) -> String {
    let import = Command::new(env!("CARGO_BIN_EXE_sccache-collect"))
        .env("TZ", zone)
        .arg("import")
        .arg("--db")
        .arg(db)
        .arg(root.file("var/log/portage"))
        .output()
        .unwrap();
    String::from_utf8(import.stdout).unwrap()
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_the_hook_recorded_is_known_again_in_portages_logs() {
    for (output, zone) in [
        ("brief", "UTC0"),
        ("full", "UTC0"),
        // Portage names its logs in UTC, whatever the zone.
        ("full", "XXX+5"),
        ("brief", "XXX-9"),
    ] {
        let root = Root::new();
        let environment = [("SCCACHE_REPORT_OUTPUT", output), ("TZ", zone)];
        for _ in 0..2 {
            root.emerge_with(&environment, &["dev-test/rusty"]).ok();
        }
        let builds = root.builds(&["rusty"]);
        assert_eq!(builds.len(), 2);
        let again = import(&root, &root.database(), zone);
        assert!(
            again.contains(" 0 builds added, 2 already there, 0 logs without statistics, 0 not"),
            "{output} {zone}: {again}"
        );
        let fresh = root.file("imported.db");
        assert!(import(&root, &fresh, zone).contains(" 2 builds added, 0 already there"));
        let imported = root.report_of(&fresh, &["builds"]);
        for (hooks, logs) in builds.iter().zip(&imported) {
            for name in [
                "package",
                "version",
                "outcome",
                "hits",
                "misses",
                "errors",
                "attribution",
            ] {
                assert_eq!(hooks[name], logs[name], "{name} of {output} {zone}");
            }
            let time = |build: &serde_json::Value| {
                let time = build["started_at"].as_str().unwrap();
                chrono::DateTime::parse_from_rfc3339(time).unwrap()
            };
            let apart = time(hooks) - time(logs);
            assert!(apart.num_seconds().abs() < 120, "{output} {zone}: {apart}");
        }
    }
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_log_shows_that_a_package_was_only_built() {
    let root = Root::new();
    root.emerge_with(&[], &["--buildpkgonly", "dev-test/rusty"])
        .ok();
    let fresh = root.file("imported.db");
    import(&root, &fresh, "UTC0");
    let builds = root.report_of(&fresh, &["builds"]);
    assert_eq!(builds[0]["outcome"], "packaged", "{builds:?}");
}

/// Recipes print statistics after phases, of servers that compiled 2 files in configure and 3 in compile.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn blocks_of_one_server_and_of_several_are_told_apart() {
    const SHARED: &str = "-network-sandbox -pid-sandbox buildpkg";
    for (features, prints, preinst, misses) in [
        // One server for both phases. What it counted before is unknown.
        (SHARED, "--show-stats", "", 3),
        (SHARED, "--show-stats", "print", 5),
        // A new server after each phase.
        (SHARED, "--stop-server", "", 5),
        // Also a new server after each phase, but the log can't be told from that of one server, so the lower number counts.
        ("buildpkg", "--show-stats", "", 1),
    ] {
        let root = Root::without_hook();
        root.ebuild(
            "dev-test/phases-1.0",
            "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
             one() { echo \"int $1;\" > $1.c; sccache gcc -c $1.c || die; }\n\
             src_configure() { one a; one b; }\nsrc_compile() { one c; one d; one e; }",
        );
        let print = |name: &str, argument: &str| {
            format!(
                "{name}() {{ while read -r line; do einfo \"${{line}}\"; done < <(sccache {argument} 2>&1); }}\n"
            )
        };
        let stop = "sccache --stop-server > /dev/null 2>&1; true";
        let end = if preinst.is_empty() { stop } else { "stop" };
        root.append(
            "etc/portage/bashrc",
            &format!(
                "{}{}post_src_configure() {{ print; }}\npost_src_compile() {{ print; }}\n\
                 post_pkg_preinst() {{ {end}; }}",
                print("print", prints),
                print("stop", "--stop-server"),
            ),
        );
        root.emerge_with(&[("FEATURES", features)], &["dev-test/phases"])
            .ok();
        let fresh = root.file("imported.db");
        let said = import(&root, &fresh, "UTC0");
        let build = &root.report_of(&fresh, &["builds"])[0];
        let what = format!("{features} {prints} {preinst}: {said}{build}");
        assert_eq!(build["misses"], misses, "{what}");
        assert_eq!(build["attribution"], "shared", "{what}");
        assert_eq!(build["outcome"], "merged", "{what}");
    }
}
