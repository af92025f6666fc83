//! What making the links for stable paths costs.

use std::fs;
use std::process::Command;

/// `enter` in src_compile makes a directory for each crate and a link for each entry in it. What it costs are system calls.
#[test]
#[ignore = "needs root"]
fn links_cost_few_system_calls() {
    const CRATES: usize = 100;
    const FILES: usize = 8;
    let directory = tempfile::tempdir().unwrap();
    let build = directory.path().join("portage/dev-test/big-1.0");
    let home = build.join("work/cargo_home");
    for number in 0..CRATES {
        let folder = home.join(format!("gentoo/crate-{number}"));
        for inner in ["src", "tests"] {
            fs::create_dir_all(folder.join(inner)).unwrap();
            fs::write(folder.join(inner).join("lib.rs"), "").unwrap();
        }
        for file in 0..FILES {
            fs::write(folder.join(file.to_string()), "").unwrap();
        }
    }
    let vendor = home.join("gentoo");
    let config = format!("[source.gentoo]\ndirectory = {vendor:?}\n");
    fs::write(home.join("config.toml"), config).unwrap();
    let temporary = build.join("temp");
    fs::create_dir(&temporary).unwrap();
    let lock = fs::File::create(temporary.join("lock")).unwrap();
    // Not a trace, which has two lines for a call that another thread's call interrupts.
    let summary = directory.path().join("summary");
    let output = Command::new("strace")
        .args(["-f", "--summary-only", "--summary-columns=calls,name", "-o"])
        .arg(&summary)
        .arg(env!("CARGO_BIN_EXE_sccache-collect"))
        .args(["paths", "enter", "--slot", "0"])
        .envs([("CATEGORY", "dev-test"), ("PN", "big"), ("PVR", "1.0")])
        .envs([("EBUILD_PHASE", "compile")])
        .envs([
            ("PORTAGE_BUILDDIR", &build),
            ("T", &temporary),
            ("CARGO_HOME", &home),
        ])
        .stdin(lock)
        .output()
        .unwrap();
    let place = directory
        .path()
        .join("portage/sccache-report/dev-test/big/0");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("crates_only\n{}/home\n", place.display())
    );
    assert!(place.join("vendor/crate-99/src/lib.rs").exists());
    let summary = fs::read_to_string(&summary).unwrap();
    let calls = summary.split_whitespace().rev().nth(1).unwrap();
    let calls: usize = calls.parse().unwrap();
    let links = CRATES * (FILES + 2);
    assert!(calls < 5 * links, "{links} links:\n{summary}");
}
