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

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::TimeDelta;
use generate::Machine;
use sccache_report::sccache::{NotMeasured, NotMeasuredReason};
use support::*;

/// A machine whose builds are recorded quickly.
const MACHINE: Machine = Machine {
    packages: 30,
    days: 365,
    size: 8,
    listed: 150,
};

/// Records builds whose numbers have uncommon texts: `<0.1 %`, `<0.1 s`, a loss, and unknown ones.
fn record_uncommon(db: &Path) {
    let compiled = |seconds| -> Vec<_> {
        (0..3000)
            .map(|key| listed::taking(seconds, listed::miss(&format!("{key}.o"), key)))
            .collect()
    };
    let rarely: Vec<_> = [listed::hit("0.o", 0)]
        .into_iter()
        .chain((1..3000).map(|key| listed::miss(&format!("{key}.o"), 10_000 + key)))
        .collect();
    let little = [listed::taking(0.02, listed::miss("a.o", 1))];
    let unmeasured = NotMeasured::with_detail(NotMeasuredReason::NoAnswer, "none");
    let mut unknown = build(
        90,
        "app-misc/unknown",
        "1",
        "2026-10-20T10:00:00Z",
        c_stats(0, 0),
    );
    unknown.phases[0].stats = Err(unmeasured);
    let mut builds = vec![
        listed::listed(1, "app-misc/rarely", &compiled(0.5)),
        listed::listed(2, "app-misc/rarely", &rarely),
        listed::listed(1, "app-misc/a-little", &little),
        listed::listed(2, "app-misc/a-little", &[listed::hit("a.o", 1)]),
        unknown,
    ];
    for build in &mut builds {
        let earlier = TimeDelta::days(20);
        build.started_at -= earlier;
        build.finished_at -= earlier;
    }
    record(db, &builds);
    let database = rusqlite::Connection::open(db).unwrap();
    let little =
        "UPDATE build SET time_saved_us = iif(hits, 20000, 0) WHERE package = 'app-misc/a-little'";
    assert_eq!(database.execute(little, ()).unwrap(), 2);
}

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
        let numbers = serde_json::json!({
            "packages": json(&db, &["packages"]),
            "days": json(&db, &["trend", "--by", "day"]),
        });
        fs::write(folder.path().join("numbers.json"), numbers.to_string()).unwrap();
        Page { folder, path }
    }

    fn of_machine(machine: Machine, builds: usize) -> Page {
        Page::of(|db| generate::database(machine, builds, db, &mut std::io::sink()).unwrap())
    }

    /// Passes a check of `browser.mjs`.
    #[track_caller]
    fn passes(&self, check: &str) {
        self.passes_into(check, Path::new(env!("CARGO_TARGET_TMPDIR")));
    }

    /// Passes a check that leaves pictures in a folder.
    #[track_caller]
    fn passes_into(&self, check: &str, pictures: &Path) {
        let mut command = Command::new("node");
        command.arg(here("browser.mjs")).arg(check).arg(&self.path);
        command.arg(pictures);
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
    let page = Page::of_machine(MACHINE, 150);
    page.passes("sizes");
    page.passes("pictures");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn packages_are_sorted_and_filtered() {
    let page = Page::of(|db| {
        generate::database(MACHINE, 150, db, &mut std::io::sink()).unwrap();
        record_uncommon(db);
    });
    let text = fs::read_to_string(&page.path).unwrap();
    for uncommon in ["<td>&#60;0.1 %", "<td>-<td>", "<td>&#60;0.1 s"] {
        assert!(text.contains(uncommon), "{uncommon}");
    }
    page.passes("controls");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn links_lead_to_packages_and_sections() {
    Page::of_machine(MACHINE, 150).passes("links");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn the_pointer_shows_numbers() {
    Page::of_machine(MACHINE, 150).passes("tooltips");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn the_page_can_be_printed() {
    Page::of_machine(MACHINE, 150).passes("printed");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn a_web_server_gets_one_request() {
    Page::of_machine(MACHINE, 150).passes("served");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn the_picture_of_the_readme_can_be_taken() {
    let page = Page::of_machine(Machine::SMALL, 60);
    let folder = tempfile::tempdir().unwrap();
    page.passes_into("picture", folder.path());
    let picture = fs::read(folder.path().join("page.png")).unwrap();
    // The width and the height in the header of a PNG.
    let size = |at| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
    assert_eq!(size(16), 900);
    assert!((800..2000).contains(&size(20)), "{}", size(20));
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
