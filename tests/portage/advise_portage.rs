//! The commands that `advise` prints for builds on a real Portage work there.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::portage::Root;
use serde_json::Value;

/// Compiles `${COUNT}` files (20 by default) of C with `${CC}`, and of Rust with `${RUSTC_WRAPPER}`; `$1` goes into their texts.
const COMPILE: &str = r##"EAPI=8
SLOT=0
KEYWORDS=amd64
S=${WORKDIR}
COUNT=${COUNT:-20}
c() { local n; for ((n = 1; n <= COUNT; n++)); do echo "int f${n}$1;" > ${n}.c; ${CC:-gcc} -g -c ${n}.c || die; done; }
rust() { local n; for ((n = 1; n <= COUNT; n++)); do echo "pub const N: &str = \"$1\";" > f${n}.rs
	${RUSTC_WRAPPER} rustc --crate-name f${n} --crate-type lib --emit metadata,link --out-dir . f${n}.rs || die; done; }
"##;

/// Returns the commands of the only advice. `advise` runs in the root, where the files are.
fn setting(root: &Root) -> String {
    let advice = root
        .run(&["sccache-report", "advise", "--format", "json"])
        .ok()
        .log;
    let advice: Value = serde_json::from_str(&advice).unwrap();
    let setting = advice["rows"][0]["setting"].as_str();
    setting.unwrap_or_else(|| panic!("{advice}")).to_string()
}

/// The commands work for each way to call sccache.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_is_turned_off_does_not_run_however_it_was_turned_on() {
    let misses = format!("{COMPILE}src_compile() {{ c _${{PR}}; rust ${{PR}}; }}\n");
    let root = Root::new();
    turn_on(&root, "make.conf");
    for revision in 1..=5 {
        let version = format!("dev-test/misses-1.0-r{revision}");
        root.ebuild(&version, &misses);
        root.emerge(&[&format!("={version}")]);
    }
    make_costly(&root);
    let commands = setting(&root);
    for way in ["make.conf", "bashrc", "package.env", "script", "links"] {
        let root = Root::new();
        turn_on(&root, way);
        root.ebuild("dev-test/misses-1.0", &misses);
        root.ebuild("dev-test/other-1.0", &misses);
        root.run(&[
            "sh",
            "-ec",
            &commands.replace("/etc/portage", "/mnt/gentoo/etc/portage"),
        ])
        .ok();
        let few = [("COUNT", "3")];
        let run = root
            .emerge_with(&few, &["dev-test/misses", "dev-test/other"])
            .ok();
        let builds = root.builds(&[]);
        assert_eq!(builds.len(), 1, "{way}: {builds:?}\n{}", run.log);
        assert_eq!(builds[0]["package"], "dev-test/other", "{way}");
        assert_eq!(builds[0]["misses"], 6, "{way}: {}", builds[0]);
    }
}

/// Multiplies what builds cost, because so small a loss isn't worth a change.
fn make_costly(root: &Root) {
    let database = rusqlite::Connection::open(root.file("var/lib/sccache-report/stats.db"));
    let sql = "UPDATE build SET hit_cost_us = 0, miss_cost_us = 100000000,
        time_saved_us = -30000000";
    database.unwrap().execute(sql, ()).unwrap();
}

fn turn_on(root: &Root, way: &str) {
    let sccache = "/mnt/gentoo/usr/bin/sccache";
    let variables = |rustc: &str, cc: &str| format!("RUSTC_WRAPPER=\"{rustc}\"\nCC=\"{cc} gcc\"");
    match way {
        "make.conf" => {
            root.append("etc/portage/make.conf", &variables(sccache, "sccache"));
        }
        "bashrc" => prepend_to_bashrc(
            root,
            &format!("export RUSTC_WRAPPER={sccache} CC=\"{sccache} gcc\""),
        ),
        "package.env" => {
            root.append(
                "etc/portage/env/sccache.conf",
                &variables("sccache", sccache),
            );
            root.append("etc/portage/package.env", "*/* sccache.conf");
        }
        "script" => {
            let script = root.file("usr/bin/compiler-cache");
            fs::write(&script, "#!/bin/sh\nexec sccache \"$@\"\n").unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&script, mode).unwrap();
            let script = "/mnt/gentoo/usr/bin/compiler-cache";
            root.append("etc/portage/make.conf", &variables(script, script));
        }
        _ => {
            fs::create_dir_all(root.file("opt/links")).unwrap();
            for name in ["gcc", "rustc"] {
                symlink(sccache, root.file("opt/links").join(name)).unwrap();
            }
            root.append("etc/portage/make.conf", "RUSTC_WRAPPER=\"\"");
            prepend_to_bashrc(root, "PATH=/mnt/gentoo/opt/links:${PATH}");
        }
    }
}

fn prepend_to_bashrc(root: &Root, line: &str) {
    let bashrc = root.read("etc/portage/bashrc");
    fs::write(root.file("etc/portage/bashrc"), format!("{line}\n{bashrc}")).unwrap();
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn forced_misses_are_no_reason_to_turn_anything_off() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "CC=\"sccache gcc\"");
    root.ebuild(
        "dev-test/forced-1.0",
        &format!("{COMPILE}src_compile() {{ c; rust; }}\n"),
    );
    for _ in 0..4 {
        root.emerge_with(&[("SCCACHE_RECACHE", "1")], &["dev-test/forced"])
            .ok();
    }
    let advice = root.report(&["advise"]);
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert_eq!(advice[0]["advice"], "forced-misses");
    assert_eq!(advice[0]["numbers"]["forced_misses"], 160);
    assert_eq!(advice[0]["setting"], Value::Null);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_size_of_the_cache_is_taken() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "SCCACHE_CACHE_SIZE=\"20M\"");
    root.append("etc/portage/make.conf", "CC=\"sccache gcc\"");
    root.ebuild(
        "dev-test/bumped-1",
        &format!("{COMPILE}src_compile() {{ c; }}\n"),
    );
    root.emerge(&["dev-test/bumped"]);
    root.append("etc/portage/make.conf", "SCCACHE_CACHE_SIZE=\"1G\"");
    root.emerge(&["dev-test/bumped"]);
    let limit = |build: &Value| build["phases"]["compile"]["max_cache_size_bytes"].clone();
    let builds = root.builds(&["bumped"]);
    assert_eq!(
        (limit(&builds[0]), limit(&builds[1])),
        ((20 << 20).into(), (1 << 30).into())
    );
}
