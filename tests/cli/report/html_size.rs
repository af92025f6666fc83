//! How large the HTML page is.

use crate::support::*;
use chrono::TimeDelta;
use sccache_report::portage::{Build, Outcome};
use sccache_report::store::Store;

/// A year's builds: so many packages, builds of each, and compilations of a build.
#[derive(Clone, Copy)]
struct Year {
    packages: u64,
    rounds: u64,
    units: u64,
}

/// Returns one of a year's builds: different in every number, from C and from Rust, cold and warm, merged
/// and failed.
fn different(number: u64, year: Year) -> Build {
    let Year {
        packages,
        rounds,
        units,
    } = year;
    let package = number % packages;
    let name = format!("dev-category/name-of-package-{package}");
    let round = number / packages;
    let list: Vec<_> = (0..units)
        .map(|unit| {
            let file = format!("src/component{package}/unit-{unit}.cpp.o");
            if (unit + round).is_multiple_of(3) {
                listed::hit(&file, package * 100 + unit)
            } else {
                let key = number * 100 + unit;
                listed::taking(1.0 + key as f64 / 7e5, listed::miss(&file, key))
            }
        })
        .collect();
    let mut build = listed::listed(1, &name, &list);
    build.id = id(number.into());
    build.version = format!("1.0.{round}.{}-r1", package % 7);
    if number.is_multiple_of(50) {
        build.outcome = Outcome::Failed;
    }
    let command = format!("emerge --update --deep @world {}", number / 10);
    build.emerge = Some(emerge(
        (number / 10).into(),
        &command,
        "2026-01-01T00:00:00Z",
    ));
    let step = TimeDelta::days(364) / (packages * rounds) as i32;
    let offset = at("2025-11-01T00:00:00Z") + step * number as i32 - build.started_at;
    build.started_at += offset;
    build.finished_at += offset;
    build.phases[0].started_at += offset;
    build.phases[0].finished_at += offset;
    let stats = build.phases[0].stats.as_mut().unwrap();
    stats.not_cached = rust_stats(0, 0).not_cached;
    let (start, rust) = (build.started_at, rust_stats(package % 90 + round, 7));
    build.phases.push(phase("test", start, Ok(rust)));
    build
}

/// Returns how many bytes the page of a year has.
fn size(year: Year) -> usize {
    let (_folder, db) = folder();
    let mut store = Store::open_for_recording(&db).unwrap();
    let numbers: Vec<u64> = (0..year.packages * year.rounds).collect();
    for batch in numbers.chunks(500) {
        let builds = batch.iter().map(|number| different(*number, year));
        store.record_all(&builds.collect::<Vec<_>>()).unwrap();
    }
    let output = run(&db, &["html", "-o", "-"]);
    assert!(output.status.success(), "{}", err(&output));
    let page = out(&output);
    for number in 0..year.packages {
        let name = format!("name-of-package-{number}</summary>");
        let (_, rest) = page
            .split_once(&name)
            .unwrap_or_else(|| panic!("no {name}"));
        let history = rest.split_once("</details>").unwrap().0;
        assert!(history.contains("1.0."), "{name} has no history: {history}");
    }
    page.len()
}

#[test]
fn a_year_of_400_packages_fits_in_150_kb() {
    let (packages, rounds, units) = (400, 5, 12);
    let size = size(Year {
        packages,
        rounds,
        units,
    });
    assert!(size <= 150_000, "{size} bytes");
}

#[test]
fn a_year_of_5000_packages_fits_in_1500_kb() {
    let (packages, rounds, units) = (5000, 1, 1);
    let size = size(Year {
        packages,
        rounds,
        units,
    });
    assert!(size <= 1_500_000, "{size} bytes");
}

#[test]
fn the_picture_of_the_page_is_small() {
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/page.png");
    assert!(std::fs::metadata(picture).unwrap().len() < 150_000);
}
