//! The lines that `advise` prints, pasted into a real Portage: they do what is said of them.

mod support;

use serde_json::Value;
use support::Root;

/// Compiles 20 files of C, with `${CC}`, and 20 of Rust, with `${RUSTC_WRAPPER}`; `$1` goes into their texts.
const COMPILE: &str = r##"EAPI=8
SLOT=0
KEYWORDS=amd64
S=${WORKDIR}
c() { local n; for n in {1..20}; do echo "int f${n}$1;" > ${n}.c; ${CC} -g -c ${n}.c || die; done; }
rust() { local n; for n in {1..20}; do echo "pub const N: &str = \"$1\";" > f${n}.rs
	${RUSTC_WRAPPER} rustc --crate-name f${n} --crate-type lib --emit metadata,link --out-dir . f${n}.rs || die; done; }
"##;

fn root() -> Root {
    let root = Root::new();
    root.append("etc/portage/make.conf", "CC=\"sccache gcc\"");
    root
}

fn setting(root: &Root, kind: &str, package: &str) -> String {
    let advice = root.report(&["advise", package]);
    let piece = advice.iter().find(|piece| piece["advice"] == kind);
    let piece = piece.unwrap_or_else(|| panic!("no {kind}: {advice:?}"));
    piece["setting"].as_str().unwrap().to_string()
}

/// Each line into the file that the comment above it names; those for `CC` as make.conf has them.
fn paste(root: &Root, setting: &str) {
    let mut file = "";
    for line in setting.lines() {
        match line.strip_prefix("# /") {
            Some(name) => file = name,
            None if line.starts_with("#C") => {
                root.append(file, &line[1..]);
            }
            None => {
                root.append(file, line);
            }
        }
    }
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn sccache_turned_off_in_package_env_does_not_run() {
    let root = root();
    let misses = format!("{COMPILE}src_compile() {{ c _${{PR}}; rust ${{PR}}; }}\n");
    for version in ["1.0-r1", "1.0-r2", "1.0-r3"] {
        root.ebuild(&format!("dev-test/misses-{version}"), &misses);
        root.emerge(&[&format!("=dev-test/misses-{version}")]);
    }
    let before = root.builds(&[]);
    assert_eq!(before.len(), 3);
    for build in &before {
        assert_eq!(
            (&build["hits"], &build["misses"]),
            (&0.into(), &40.into()),
            "{build}"
        );
    }
    paste(&root, &setting(&root, "only-misses", "misses"));
    // Cargo takes the empty wrapper for none, too.
    root.append("etc/portage/package.env", "dev-test/rusty no-sccache.conf");
    root.emerge(&["=dev-test/misses-1.0-r3", "dev-test/rusty"]);
    assert_eq!(root.builds(&[]).len(), 3, "sccache ran all the same");
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn base_directories_and_the_size_of_the_cache_are_taken() {
    let root = root();
    root.append("etc/portage/make.conf", "SCCACHE_CACHE_SIZE=\"20M\"");
    for version in 1..=6 {
        let text = format!("{COMPILE}src_compile() {{ c; }}\n");
        root.ebuild(&format!("dev-test/bumped-{version}"), &text);
    }
    let hits = |version: u32| -> Value {
        root.emerge(&[&format!("=dev-test/bumped-{version}")]);
        root.builds(&["bumped"]).pop().unwrap()["hits"].clone()
    };
    for version in 1..=4 {
        assert_eq!(hits(version), 0, "the path contains the version");
    }
    assert_eq!(hits(4), 20);
    let line = setting(&root, "cold-versions", "bumped");
    let bashrc = root.read("etc/portage/bashrc");
    std::fs::write(root.file("etc/portage/bashrc"), format!("{line}\n{bashrc}")).unwrap();
    root.append("etc/portage/make.conf", "SCCACHE_CACHE_SIZE=\"1G\"");
    assert_eq!(hits(5), 0, "nothing was written without the path yet");
    assert_eq!(hits(6), 20);
    let advice = root.report(&["advise", "bumped"]);
    let cold = { advice.iter() }.find(|piece| piece["advice"] == "cold-versions");
    assert_eq!(cold, None, "what is set is not advised");
    let limit = |build: &Value| build["phases"]["compile"]["max_cache_size_bytes"].clone();
    let builds = root.builds(&["bumped"]);
    assert_eq!(
        (limit(&builds[0]), limit(&builds[6])),
        ((20 << 20).into(), (1 << 30).into())
    );
}
