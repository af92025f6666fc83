//! What reports say about stable paths is what turning them on does.

use std::fs;

use serde_json::{Value, json};

use crate::support::portage::Root;

const PACKAGE: &str = "dev-test/stable";

/// Emerges two revisions, one after the other, and returns their rows.
#[track_caller]
fn emerge(root: &Root, revisions: [&str; 2]) -> [Value; 2] {
    for revision in revisions {
        root.rust_ebuild(&format!("{PACKAGE}-{revision}"), "slot", "rusty", "");
    }
    let packages = revisions.map(|revision| format!("={PACKAGE}-{revision}"));
    for package in packages {
        root.emerge(&[&package]);
    }
    let mut builds = root.builds(&[PACKAGE]);
    let builds = builds.split_off(builds.len() - 2).try_into().unwrap();
    for (build, revision) in std::iter::zip(&builds, revisions) {
        let build: &Value = build;
        assert_eq!(build["version"], revision);
    }
    builds
}

/// Returns the finding of `doctor` about stable paths.
#[track_caller]
fn doctor(root: &Root) -> String {
    let script = "sccache-report doctor --format json > /tmp/doctor.json || :";
    root.run(&["sh", "-c", script]).ok();
    let output: Value = serde_json::from_str(&root.read("tmp/doctor.json")).unwrap();
    let mut findings = output["rows"].as_array().unwrap().iter();
    let found = findings.find(|finding| finding["check"] == "stable-paths");
    found.unwrap()["message"].as_str().unwrap().to_owned()
}

/// Returns the commands of the advice about stable paths, if there is any.
#[track_caller]
fn advice(root: &Root) -> Option<String> {
    let rows = root.report(&["advise"]);
    let advice = rows.iter().find(|row| row["advice"] == "stable-paths")?;
    Some(advice["setting"].as_str().unwrap().to_owned())
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_advised_line_gains_as_many_hits_as_estimated() {
    let root = Root::with_crates();
    root.append(
        "etc/portage/make.conf",
        "SCCACHE_REPORT_STABLE_PATHS=\"no\"",
    );
    let [first, second] = emerge(&root, ["1.0", "1.0-r1"]);
    assert_eq!(first["stable_paths"], Value::Null);
    let avoidable = &second["stable_paths"]["avoidable_misses"];
    // Of the crates, only the package's own library isn't one of a registry.
    let misses = second["languages"]["Rust"]["misses"].as_u64().unwrap();
    assert_eq!(*avoidable, misses - 1, "{second}");
    let explained = root.report(&["explain", PACKAGE]);
    let path = explained.iter().find(|row| row["reason"] == "path");
    let path = path.unwrap_or_else(|| panic!("{explained:?}"));
    assert_eq!(path["count"], misses);
    assert_eq!(path["avoidable_with_stable_paths"], *avoidable);
    assert!(doctor(&root).starts_with("off: "), "{}", doctor(&root));

    let setting = advice(&root).unwrap();
    let package_env = root.file("etc/portage/package.env");
    fs::write(package_env, "# A line without a newline").unwrap();
    let commands = setting.replace("/etc/portage", "/mnt/gentoo/etc/portage");
    root.run(&["sh", "-ec", &commands]).ok();
    let [turned_on, bumped] = emerge(&root, ["1.0-r2", "1.0-r3"]);
    assert_eq!(turned_on["miss_reasons"], json!({ "path": misses }));
    let gained = |build: &Value| build["stable_paths"]["gained_hits"].clone();
    assert_eq!(gained(&turned_on), 0);
    assert_eq!(gained(&bumped), *avoidable, "{bumped}");
    assert!(
        bumped["stable_paths"]["gained_seconds"].as_f64() > Some(0.0),
        "{bumped}"
    );
    assert_eq!(advice(&root), None);
    let message = doctor(&root);
    assert!(
        message.starts_with(
            "off for packages without a setting of their own; used by 2 of 2 Rust builds"
        ),
        "{message}"
    );
    root.append(
        "etc/portage/make.conf",
        "SCCACHE_REPORT_STABLE_PATHS=\"true\"",
    );
    let message = doctor(&root);
    assert!(message.contains("Only \"yes\" turns"), "{message}");
}

/// The estimate applies to the packages that the hook would give stable paths.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn only_builds_that_can_use_stable_paths_have_an_estimate() {
    let root = Root::with_crates();
    root.append(
        "etc/portage/make.conf",
        "SCCACHE_REPORT_STABLE_PATHS=\"no\"",
    );
    let own_home = "src_configure() { cargo_src_configure; cp -r \"${CARGO_HOME}\" \"${T}/home\"; export CARGO_HOME=${T}/home; }";
    let cases = [
        ("usual", "", 2),
        ("own-home", own_home, 0),
        ("live", "PROPERTIES=live", 0),
        ("sources", "", 0),
    ];
    fs::create_dir_all(root.file("etc/portage/env")).unwrap();
    root.append("etc/portage/env/sources", "FEATURES=\"installsources\"");
    root.append("etc/portage/package.env", "dev-test/sources sources");
    for revision in ["1.0", "1.0-r1"] {
        let mut packages = Vec::new();
        for (name, lines, _) in cases {
            let package = format!("dev-test/{name}-{revision}");
            root.rust_ebuild(&package, "slot", "tiny", lines);
            packages.push(format!("={package}"));
        }
        let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
        root.emerge(&packages);
    }
    for (name, _, expected) in cases {
        let builds = root.builds(&[&format!("dev-test/{name}")]);
        let effect = &builds.last().unwrap()["stable_paths"];
        let avoidable = effect["avoidable_misses"].as_u64().unwrap_or(0);
        assert_eq!(avoidable, expected, "{name}: {builds:?}");
    }
}
