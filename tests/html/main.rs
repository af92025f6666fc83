//! Tests of the HTML page in a real browser and by checkers of HTML and of accessibility. `tests/needs
//! html` installs what they need.
#![allow(clippy::too_many_lines, reason = "tables of cases")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../../benches/generate.rs"]
#[allow(dead_code, reason = "it is a program of its own")]
mod generate;

/// Text that would run code or load something in a page that doesn't escape it.
mod hostile;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use generate::Machine;
use support::*;

/// A machine whose builds are recorded quickly.
const MACHINE: Machine = Machine {
    packages: 30,
    days: 365,
    size: 8,
    listed: 150,
};

/// A page and its database, in a folder of their own.
struct Page {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Page {
    /// Makes the page of a database that `record` fills.
    fn of(record: impl FnOnce(&Path)) -> Page {
        let (folder, db) = folder();
        record(&db);
        let path = folder.path().join("page.html");
        let output = run(&db, &["html", "-o", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", err(&output));
        Page { folder, path }
    }

    fn of_machine(machine: Machine, builds: usize) -> Page {
        Page::of(|db| generate::database(machine, builds, db, &mut std::io::sink()).unwrap())
    }

    /// Passes a check of `browser.mjs`.
    #[track_caller]
    fn passes(&self, check: &str) {
        let mut command = Command::new("node");
        command.arg(here("browser.mjs")).arg(check).arg(&self.path);
        command.arg(env!("CARGO_TARGET_TMPDIR"));
        // The browser writes below the home directory, and its temporary files.
        command.env("HOME", self.folder.path());
        succeeds(command.env("TMPDIR", self.folder.path()));
    }
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/html")
        .join(name)
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.expect("tests/needs html installs what these tests need");
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn the_page_fits_every_width_in_both_themes() {
    Page::of_machine(MACHINE, 150).passes("sizes");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn packages_are_sorted_and_filtered() {
    Page::of_machine(MACHINE, 150).passes("controls");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn without_scripts_everything_is_there() {
    Page::of_machine(MACHINE, 150).passes("scriptless");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn axe_finds_no_barrier() {
    Page::of_machine(MACHINE, 150).passes("accessible");
}

#[test]
#[ignore = "needs Node.js packages and a Java runtime"]
fn the_nu_html_checker_finds_no_error() {
    let pages = [
        Page::of_machine(MACHINE, 150),
        Page::of(|db| record(db, &sample())),
        Page::of(|db| record(db, &hostile::builds())),
    ];
    // CSS that browsers have known since 2023, and the checker doesn't.
    let unknown_css = ".*(“vector-effect”|“container-type”|“@container”|: Unknown dimension).*";
    let mut command = Command::new("java");
    command.arg("-jar");
    command.arg(here("node_modules/vnu-jar/build/dist/vnu.jar"));
    command.args(["--errors-only", "--filterpattern", unknown_css]);
    succeeds(command.args(pages.iter().map(|page| &page.path)));
}
