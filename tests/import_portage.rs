//! Logs of a real Portage with the hook: what was recorded is not imported again, and what wasn't
//! is read from the log alone.

mod support;

use std::process::Command;

use support::Root;

#[test]
#[ignore = "needs root and the registries: make test"]
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
        let import = |db: &std::path::Path| {
            let import = Command::new(env!("CARGO_BIN_EXE_sccache-collect"))
                .env("TZ", zone)
                .arg("import")
                .arg("--db")
                .arg(db)
                .arg(root.file("var/log/portage"))
                .output()
                .unwrap();
            String::from_utf8(import.stdout).unwrap()
        };
        let again = import(&root.database());
        assert!(
            again.contains(" 0 builds added, 2 already there, 0 logs without statistics, 0 not"),
            "{output} {zone}: {again}"
        );
        let fresh = root.file("imported.db");
        assert!(import(&fresh).contains(" 2 builds added, 0 already there"));
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
