//! The ebuilds in `packaging/gentoo`: they emerge, and leave nothing behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::portage::{Root, Run};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// Returns a Portage that doesn't use sccache, with the overlay, its distfiles, and a stand-in for Gentoo's repository.
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
    // The harness installs these without packages.
    for provided in [
        "dev-db/sqlite-3.40.1",
        "dev-util/sccache-0.16.0",
        "virtual/pkgconfig-3",
    ] {
        root.append("etc/portage/profile/package.provided", provided);
    }
    // An optimized build takes minutes.
    root.append(
        "etc/portage/make.conf",
        "\nACCEPT_KEYWORDS=\"~amd64\"\nACCEPT_LICENSE=\"*\"\nDISTDIR=\"/mnt/gentoo/var/cache/crates\"\n\
         CARGO_PROFILE_RELEASE_OPT_LEVEL=\"0\"\nUSE=\"prometheus\"",
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

/// Follows README from the installation to a report and back. The first build can't be recorded, since the hook is only
/// installed by it. The second is the first in the database.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn from_nothing_to_a_report_and_back() {
    let root = root();
    // The first merge of any package creates files such as etc/profile.env.
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
        "12 green, 1 yellow, 1 unknown",
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
    assert_eq!(summary(&doctor), "14 green", "{}", doctor.log);

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

/// Returns configuration, programs, and data, without Portage's own data and the cache, which stays like the database.
fn system(root: &Root) -> BTreeMap<PathBuf, String> {
    let mut found = root.state(&["etc", "usr", "var/lib", "var/cache", "var/db/pkg"]);
    let others = ["var/lib/portage", "var/cache/edb", "var/cache/sccache"];
    found.retain(|path, _| !others.iter().any(|folder| path.starts_with(folder)));
    found
}

fn unmerge(root: &Root, packages: &[&str]) {
    root.run(&[&["emerge", "-C"], packages].concat()).ok();
}

/// Returns doctor's last line.
fn summary(doctor: &Run) -> &str {
    doctor.log.lines().last().unwrap_or_default()
}

/// Returns a cache for the first build, so that the second doesn't compile all crates again.
fn first_cache(root: &Root) -> String {
    root.run(&["install", "-d", "-o", "portage", "/mnt/gentoo/root/first"])
        .ok();
    root.run(&["chmod", "a+x", "/mnt/gentoo/root"]).ok();
    "/mnt/gentoo/root/first".to_owned()
}

fn keep_first_cache(root: &Root, cache: &str) {
    // doctor stored objects of its own there.
    let everything = format!("cp -a {cache}/. /mnt/gentoo/var/cache/sccache/");
    root.run(&["sh", "-c", &everything]).ok();
}

fn all_is_installed(root: &Root) {
    for file in [
        "bin/sccache-collect",
        "bin/sccache-report",
        "share/sccache-report/sccache-report.sh",
        "share/sccache-report/stable-paths.sh",
        "share/man/man1/sccache-report.1.bz2",
        "share/man/man1/sccache-collect.1.bz2",
        "share/man/man5/sccache-report.5.bz2",
        "share/bash-completion/completions/sccache-report",
        "share/zsh/site-functions/_sccache-report",
        "share/fish/vendor_completions.d/sccache-report.fish",
        "share/doc/sccache-report-0.1.0/README.md.bz2",
        "share/sccache-report/alerts.yml",
        "lib/systemd/system/sccache-report-metrics.timer",
        "../etc/cron.d/sccache-report-metrics",
        "../etc/conf.d/sccache-report-metrics",
    ] {
        assert!(root.file("usr").join(file).is_file(), "no {file}");
    }
    assert_eq!(mode(root, "var/lib/sccache-report"), 0o755);
    // Portage writes its NEEDED file with `scanelf`, which this root doesn't have.
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

/// Runs the installed program as an ordinary user without EPREFIX: it finds the Gentoo Prefix by its own path.
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

/// The live ebuild builds from a git repository of the packaged files.
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
    // Unmerged before `setup --undo`, it leaves its lines in make.conf.
    root.run(&["sccache-report", "setup", "--yes"]).ok();
    let gone = root.run(&["emerge", "-C", live]).ok();
    let said = "The lines of `sccache-report setup` are still in";
    assert!(gone.log.contains(said), "{}", gone.log);
}

/// Portage parses both ebuilds.
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
    // Cross-compiled programs can't run to generate the man pages.
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
