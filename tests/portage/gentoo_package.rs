//! The overlay in `packaging/gentoo`: that its ebuild emerges, and what it leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::portage::{Root, Run};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// A Portage that has never heard of sccache, with the overlay, its distfiles, and a repository that
/// stands in for Gentoo's.
fn root() -> Root {
    let root = Root::without_sccache();
    let repos = root.file("var/db/repos");
    copy(
        &format!("{PROJECT}/packaging/gentoo"),
        &repos.join("sccache-report"),
    );
    copy(
        &format!("{PROJECT}/tests/portage-root/gentoo-stand-in"),
        &repos.join("gentoo"),
    );
    let distfiles = root.file("var/cache/crates");
    fs::create_dir_all(&distfiles).unwrap();
    run(Command::new(format!("{PROJECT}/packaging/gentoo-release"))
        .arg(repos.join("sccache-report"))
        .arg(&distfiles));
    let location = |name| format!("[{name}]\nlocation = /mnt/gentoo/var/db/repos/{name}\n");
    root.append("etc/portage/repos.conf/gentoo.conf", &location("gentoo"));
    root.append(
        "etc/portage/repos.conf/sccache-report.conf",
        &location("sccache-report"),
    );
    // What the harness brings along that is no package there.
    for provided in [
        "dev-db/sqlite-3.40.1",
        "dev-util/sccache-0.16.0",
        "virtual/pkgconfig-3",
    ] {
        root.append("etc/portage/profile/package.provided", provided);
    }
    // Optimised it would take minutes.
    root.append(
        "etc/portage/make.conf",
        "\nACCEPT_KEYWORDS=\"~amd64\"\nACCEPT_LICENSE=\"*\"\nDISTDIR=\"/mnt/gentoo/var/cache/crates\"\n\
         CARGO_PROFILE_RELEASE_OPT_LEVEL=\"0\"",
    );
    root
}

fn copy(from: &str, to: &Path) {
    run(Command::new("cp").arg("-r").arg(from).arg(to));
    run(Command::new("chmod").args(["-R", "u=rwX,go=rX"]).arg(to));
}

fn mode(root: &Root, path: &str) -> u32 {
    fs::metadata(root.file(path)).unwrap().permissions().mode() & 0o7777
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// From nothing to a report and back, by README's steps. The first build of all can't be recorded:
/// when it begins, nothing is there that could, and nobody has agreed to it. Built again, the package
/// is the first in its own database.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn from_nothing_to_a_report_and_back() {
    let root = root();
    // What any first merge leaves of Portage's own (etc/profile.env and the like) is not ours.
    root.emerge(&["dev-test/plain"]);
    unmerge(&root, &["dev-test/plain"]);
    let before = system(&root);

    let cache = first_cache(&root);
    let wrapped = [("RUSTC_WRAPPER", "sccache"), ("SCCACHE_DIR", &cache)];
    let first = root.emerge_with(&wrapped, &["app-portage/sccache-report"]);
    let first = first.ok();
    assert!(
        first.log.contains("To complete the installation, run"),
        "{}",
        first.log
    );
    all_is_installed(&root);

    root.run(&["sccache-report", "setup", "--yes"]).ok();
    let doctor = root.run(&["sccache-report", "doctor"]).ok();
    assert_eq!(
        summary(&doctor),
        "10 green, 1 yellow, 1 unknown",
        "{}",
        doctor.log
    );
    keep_first_cache(&root, &cache);

    let second = root.emerge(&["app-portage/sccache-report", "dev-test/many-files"]);
    assert!(
        !second.log.contains("To complete the installation, run"),
        "{}",
        second.log
    );
    the_report_shows_both(&root);
    let doctor = root.run(&["sccache-report", "doctor"]).ok();
    assert_eq!(summary(&doctor), "12 green", "{}", doctor.log);

    root.run(&["sccache-report", "setup", "--undo", "--yes"])
        .ok();
    unmerge(
        &root,
        &["app-portage/sccache-report", "dev-test/many-files"],
    );
    let after = system(&root);
    let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let all: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let is_kept = |path: &Path| path.starts_with("var/lib/sccache-report");
    let differ = all.into_iter().filter(differs);
    let differ: Vec<&PathBuf> = differ.filter(|path| !is_kept(path)).collect();
    assert!(
        differ.is_empty(),
        "everything else is as it was: {differ:?}"
    );
    assert_eq!(root.builds(&[]).len(), 2, "the database is kept");
}

/// Configuration, programs and data; not Portage's own books, nor the cache, which stays like the
/// database.
fn system(root: &Root) -> BTreeMap<PathBuf, String> {
    let mut found = root.state(&["etc", "usr", "var/lib", "var/cache", "var/db/pkg"]);
    let others = ["var/lib/portage", "var/cache/edb", "var/cache/sccache"];
    found.retain(|path, _| !others.iter().any(|folder| path.starts_with(folder)));
    found
}

fn unmerge(root: &Root, packages: &[&str]) {
    root.run(&[&["emerge", "-C"], packages].concat()).ok();
}

/// doctor's last line.
fn summary(doctor: &Run) -> &str {
    doctor.log.lines().last().unwrap_or_default()
}

/// The test's own economy: the first build fills a cache, which the second finds in the folder that
/// `setup` made. Without it all crates would be compiled twice.
fn first_cache(root: &Root) -> String {
    root.run(&["install", "-d", "-o", "portage", "/mnt/gentoo/root/first"])
        .ok();
    root.run(&["chmod", "a+x", "/mnt/gentoo/root"]).ok();
    "/mnt/gentoo/root/first".to_owned()
}

fn keep_first_cache(root: &Root, cache: &str) {
    // doctor left objects of its own there.
    let everything = format!("cp -a {cache}/. /mnt/gentoo/var/cache/sccache/");
    root.run(&["sh", "-c", &everything]).ok();
}

fn all_is_installed(root: &Root) {
    for file in [
        "bin/sccache-collect",
        "bin/sccache-report",
        "share/sccache-report/sccache-report.sh",
        "share/man/man1/sccache-report.1.bz2",
        "share/man/man1/sccache-collect.1.bz2",
        "share/man/man5/sccache-report.5.bz2",
        "share/bash-completion/completions/sccache-report",
        "share/zsh/site-functions/_sccache-report",
        "share/fish/vendor_completions.d/sccache-report.fish",
        "share/doc/sccache-report-0.1.0/README.md.bz2",
    ] {
        assert!(root.file("usr").join(file).is_file(), "no {file}");
    }
    assert_eq!(mode(root, "var/lib/sccache-report"), 0o755);
    // Not Portage's NEEDED file: `scanelf`, which writes it, is no program in this root.
    let needed = Command::new("readelf")
        .arg("-d")
        .arg(root.file("usr/bin/sccache-collect"))
        .output()
        .unwrap();
    let needed = String::from_utf8_lossy(&needed.stdout);
    assert!(
        needed.contains("[libsqlite3.so"),
        "the system's SQLite: {needed}"
    );
}

/// Asked of the program that was emerged; it knows by itself that this is a Gentoo Prefix, and any
/// user may ask.
fn the_report_shows_both(root: &Root) {
    let ask = "exec setpriv --reuid=65534 --regid=65534 --clear-groups sccache-report builds --format json";
    let asked = root.run(&["env", "-u", "EPREFIX", "sh", "-c", ask]).ok();
    let report: serde_json::Value = serde_json::from_str(&asked.log).unwrap();
    let builds = report["rows"].as_array().unwrap();
    assert_eq!(builds.len(), 2, "{builds:?}");
    for (build, package) in builds
        .iter()
        .zip(["app-portage/sccache-report", "dev-test/many-files"])
    {
        assert_eq!(build["package"], package);
        assert_eq!(build["outcome"], "merged");
    }
    assert!(builds[0]["hits"].as_u64() > Some(50), "{builds:?}");
    assert_eq!(builds[1]["misses"], 25, "{builds:?}");
}

/// From a git repository of what is packaged, to the installed program.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn the_live_ebuild_emerges_from_git() {
    let root = root();
    let package = format!("sccache-report-{}", env!("CARGO_PKG_VERSION"));
    let packed = root.file(&format!("var/cache/crates/{package}.crate"));
    run(Command::new("tar")
        .arg("-xf")
        .arg(&packed)
        .arg("-C")
        .arg(root.file("var/tmp")));
    fs::remove_file(packed).unwrap();
    let repository = format!("/mnt/gentoo/var/tmp/{package}");
    let commit = format!(
        "cd {repository} && git init -q && git add -A && chown -R portage . && \
         git -c safe.directory='*' -c user.name=t -c user.email=t@example.org commit -q -m all"
    );
    root.run(&["sh", "-c", &commit]).ok();
    root.run(&["chown", "-R", "portage", &repository]).ok();
    let address = format!("file://{repository}");
    let environment = [
        ("TEST_REPOSITORY", address.as_str()),
        ("ACCEPT_KEYWORDS", "**"),
    ];
    let live = "=app-portage/sccache-report-9999";
    root.emerge_with(&environment, &[live]).ok();
    let version = root.run(&["sccache-report", "--version"]).ok();
    assert!(
        version.log.contains(env!("CARGO_PKG_VERSION")),
        "{}",
        version.log
    );
    assert!(
        root.file("var/db/pkg/app-portage/sccache-report-9999")
            .is_dir()
    );
    // Unmerged before setup was undone, it leaves sccache in make.conf.
    root.run(&["sccache-report", "setup", "--yes"]).ok();
    let gone = root.run(&["emerge", "-C", live]).ok();
    let said = "The lines of `sccache-report setup` are still in";
    assert!(gone.log.contains(said), "{}", gone.log);
}

/// What Portage itself reads out of both ebuilds.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn portage_understands_both_ebuilds() {
    let root = root();
    let ask = |version: &str| {
        let package = format!("app-portage/sccache-report-{version}");
        let names = ["RESTRICT", "PROPERTIES", "SRC_URI"];
        let query = ["portageq", "metadata", "/mnt/gentoo", "ebuild", &package];
        let run = root.run(&[&query[..], &names].concat()).ok();
        run.log.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let release = ask(env!("CARGO_PKG_VERSION"));
    assert_eq!((&*release[0], &*release[1]), ("mirror", ""), "{release:?}");
    let crates = include_str!("../../Cargo.lock")
        .matches("source = ")
        .count();
    assert_eq!(release[2].matches(".crate").count(), crates + 1);
    let live = ask("9999");
    assert_eq!((&*live[1], &*live[2]), ("live", ""), "{live:?}");
    // The programs that make the man pages could not run.
    let cross = [
        ("CBUILD", "x86_64-pc-linux-gnu"),
        ("CHOST", "riscv64-unknown-linux-gnu"),
    ];
    let run = root
        .emerge_with(&cross, &["app-portage/sccache-report"])
        .failed();
    let why = "cross-compiling is not supported";
    assert!(run.log.contains(why), "{}", run.log);
}
