//! The ebuild in `packaging/gentoo` names the crates and the Rust version of this project.

use std::fs;
use std::path::Path;

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
const EBUILDS: &str = "packaging/gentoo/app-portage/sccache-report";

/// Returns `NAME@VERSION` of every registry crate in Cargo.lock.
fn crates() -> Vec<String> {
    let mut crates = Vec::new();
    for package in include_str!("../../Cargo.lock").split("[[package]]") {
        let value = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_matches('"').to_string())
        };
        if value("source = ").is_some() {
            crates.push(format!(
                "{}@{}",
                value("name = ").unwrap(),
                value("version = ").unwrap()
            ));
        }
    }
    crates
}

/// The ebuild has the crates and the Rust version of this project.
#[test]
fn the_ebuild_has_the_crates_of_cargo_lock() {
    let read = |file: &str| fs::read_to_string(Path::new(PROJECT).join(file)).unwrap();
    let mut crates = crates();
    let version = env!("CARGO_PKG_VERSION");
    let ebuild = read(&format!("{EBUILDS}/sccache-report-{version}.ebuild"));
    let (before, rest) = ebuild.split_once("CRATES=\"\n").unwrap();
    let (list, after) = rest.split_once('"').unwrap();
    let hint = "run packaging/gentoo-release";
    let mut listed: Vec<&str> = list.split_whitespace().collect();
    listed.sort_unstable();
    crates.sort_unstable();
    assert_eq!(listed, crates, "{hint}");

    let live = read(&format!("{EBUILDS}/sccache-report-9999.ebuild"));
    let (live_before, live_rest) = live.split_once("CRATES=\"\n").unwrap();
    assert!(live_before.starts_with(before), "{hint}");
    assert_eq!(live_rest.split_once('"').unwrap().1, after, "{hint}");

    let least = format!("RUST_MIN_VER=\"{}\"", env!("CARGO_PKG_RUST_VERSION"));
    assert!(
        ebuild.contains(&least),
        "{least}, as Cargo.toml says: {hint}"
    );

    let manifest = read(&format!("{EBUILDS}/Manifest"));
    for name in &crates {
        let file = format!("DIST {}.crate ", name.replace('@', "-"));
        assert!(
            manifest.contains(&file),
            "{name} is not in the Manifest: {hint}"
        );
    }
}
