//! Rust packages that `cargo.eclass` builds, with crates of the registry as distfiles.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Root;

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// The lockfile of the package `rusty`, whose crates these packages use.
const LOCKFILE: &str = include_str!("../../portage-root/sources/rusty/Cargo.lock");

impl Root {
    /// Returns a Portage with the stand-in for `cargo.eclass`, and stable paths turned on.
    pub fn with_crates() -> Root {
        let root = Root::new();
        let eclass = root.file("var/db/repos/test/eclass/cargo.eclass");
        let stand_in = "tests/portage-root/gentoo-stand-in/eclass/cargo.eclass";
        fs::copy(Path::new(PROJECT).join(stand_in), eclass).unwrap();
        let distfiles = root.file("var/cache/crates");
        fs::create_dir(&distfiles).unwrap();
        for file in crate_files() {
            fs::copy(&file, distfiles.join(file.file_name().unwrap())).unwrap();
        }
        let sources = Path::new(PROJECT).join("tests/portage-root/sources");
        pack(&sources, "rusty", &distfiles);
        write_tiny(&root.file("tmp/tiny"));
        pack(&root.file("tmp"), "tiny", &distfiles);
        root.append(
            "etc/portage/make.conf",
            "DISTDIR=\"/mnt/gentoo/var/cache/crates\"\nSCCACHE_REPORT_STABLE_PATHS=\"yes\"",
        );
        root
    }

    /// Adds an ebuild of the sources `rusty` or `tiny`, with more lines. The program
    /// is installed as `PN-SLOT`. The phase that STOP_IN names stops itself.
    pub fn rust_ebuild(&self, package_version: &str, slot: &str, sources: &str, lines: &str) {
        let crates: Vec<String> = crates()
            .map(|(name, version)| format!("{name}@{version}"))
            .collect();
        let text = format!(
            "EAPI=8\nCRATES=\"{}\"\ninherit cargo test-stats\n\
             SRC_URI=\"https://example.org/{sources}.tar ${{CARGO_CRATE_URIS}}\"\n\
             LICENSE=MIT\nSLOT={slot}\nKEYWORDS=amd64\nRESTRICT=strip\n\
             unpack_sources() {{ rmdir \"${{S}}\"; mv {sources} \"${{S}}\" || die; }}\n\
             src_unpack() {{ cargo_src_unpack; unpack_sources; }}\n\
             pause() {{ [[ ${{STOP_IN-}} != ${{EBUILD_PHASE}} ]] || {{ echo $$ ${{BASHPID}} > /mnt/gentoo/tmp/phase; kill -STOP ${{BASHPID}}; }}; }}\n\
             src_compile() {{ cargo_src_compile; test_stats; pause; }}\n\
             src_test() {{ cargo_src_test; pause; }}\n\
             src_install() {{ cargo_src_install; pause; mv \"${{ED}}/usr/bin/\"{{{sources},${{PN}}-${{SLOT}}}} || die; }}\n{lines}",
            crates.join(" ")
        );
        self.ebuild(package_version, &text);
    }
}

fn pack(folder: &Path, name: &str, distfiles: &Path) {
    let archive = distfiles.join(format!("{name}.tar"));
    let mut tar = Command::new("tar");
    tar.args(["--owner=0", "--group=0", "-cf"])
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .arg(name);
    assert!(tar.status().unwrap().success());
}

/// Returns the registry's crates in the lockfile.
fn crates() -> impl Iterator<Item = (&'static str, &'static str)> {
    let blocks = LOCKFILE
        .split("[[package]]")
        .filter(|block| block.contains("\nsource = "));
    blocks.map(|block| {
        let value = |key: &str| {
            let line = block
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
            line.unwrap().trim_matches('"')
        };
        (value("name"), value("version"))
    })
}

/// Returns the crates as cargo downloaded them.
fn crate_files() -> Vec<PathBuf> {
    let manifest = Path::new(PROJECT).join("tests/portage-root/sources/rusty/Cargo.toml");
    let mut fetch = Command::new(env!("CARGO"));
    fetch
        .args(["fetch", "--quiet", "--locked", "--manifest-path"])
        .arg(manifest);
    assert!(fetch.status().unwrap().success());
    let home = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{}/.cargo", env!("HOME")));
    let registries: Vec<PathBuf> = fs::read_dir(Path::new(&home).join("registry/cache"))
        .unwrap()
        .map(|registry| registry.unwrap().path())
        .collect();
    crates()
        .map(|(name, version)| {
            let mut files = registries
                .iter()
                .map(|folder| folder.join(format!("{name}-{version}.crate")));
            files.find(|file| file.exists()).expect("fetched")
        })
        .collect()
}

/// Writes a package that compiles in a second: a program, and two crates without dependencies.
fn write_tiny(folder: &Path) {
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = "[package]\nname = \"tiny\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[workspace]\n\
                    [dependencies]\nfnv = \"1\"\nitoa = \"1\"\n";
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    let program = "fn main() { println!(\"{} {}\", itoa::Buffer::new().format(1), std::mem::size_of::<fnv::FnvHasher>()); }";
    fs::write(folder.join("src/main.rs"), program).unwrap();
    let of_tiny = |block: &&str| block.contains("\"fnv\"\n") || block.contains("\"itoa\"\n");
    let blocks = LOCKFILE
        .split("\n[[package]]")
        .filter(|block| block.contains("\nsource = "));
    let blocks: Vec<&str> = blocks.filter(of_tiny).collect();
    let lockfile = format!(
        "version = 4\n\n[[package]]{}\n[[package]]\nname = \"tiny\"\nversion = \"1.0.0\"\n\
         dependencies = [\n \"fnv\",\n \"itoa\",\n]\n",
        blocks.join("\n[[package]]")
    );
    fs::write(folder.join("Cargo.lock"), lockfile).unwrap();
}
