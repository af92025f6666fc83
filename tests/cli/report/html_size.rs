//! How large the HTML page is.

use crate::support::*;
use chrono::TimeDelta;
use sccache_report::portage::{Build, Outcome};
use sccache_report::store::Store;

/// A year's builds: so many packages, builds of each, and compilations of a build.
#[derive(Clone, Copy)]
struct Year {
    /// Whether names and versions are long.
    is_long: bool,
    packages: u64,
    rounds: u64,
    units: u64,
}

/// Returns one of a year's builds: different in every number, from C and from Rust, cold and warm, merged
/// and failed.
fn different(number: u64, year: Year) -> Build {
    let Year {
        is_long,
        packages,
        rounds,
        units,
    } = year;
    let package = number % packages;
    let category = if is_long {
        "dev-category/name-of"
    } else {
        "dev-libs/some"
    };
    let name = format!("{category}-package-{package}");
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
    build.version = format!("1.0.{round}");
    if is_long {
        build.version.push_str(&format!(".{}-r1", package % 7));
    }
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
    let mut full = 0;
    for number in 0..year.packages {
        let name = format!("-package-{number}</summary>");
        let (_, rest) = page
            .split_once(&name)
            .unwrap_or_else(|| panic!("no {name}"));
        let details = rest.split_once("</details>").unwrap().0;
        full += usize::from(details.contains("<figure>"));
        // The newest build, languages, what isn't cached, why it missed, and phases, unless there is too little room.
        let is_tight = year.packages == 400;
        for texts in [
            &["1.0."][..],
            &["C/C++ ", "Rust "],
            &["crate-type"],
            &[" first", " changed", " without a list"],
            if is_tight {
                &["compile ", "test ", "<p>In …2"]
            } else {
                &["compile ", "test "]
            },
        ] {
            let is_there = texts.iter().any(|text| details.contains(text));
            assert!(is_there, "{name} has no {texts:?}: {details}");
        }
        let builds = details.matches("1.0.").count() as u64;
        let is_cut = details.contains(&format!(" …{}<p>", year.rounds.saturating_sub(builds)));
        assert!(is_cut || builds >= year.rounds, "{name}: {details}");
    }
    assert!(full > 0, "{full}");
    page.len()
}

/// Asserts that a page has at most so many bytes.
fn assert_size(year: Year, most: usize) {
    let size = size(year);
    assert!(size <= most, "{size} bytes");
}

#[test]
fn a_year_of_400_packages_fits_in_150_kb() {
    for is_long in [true, false] {
        let year = Year {
            is_long,
            packages: 400,
            rounds: 5,
            units: 12,
        };
        assert_size(year, 150_000);
    }
}

#[test]
fn a_year_of_5000_packages_fits_in_1500_kb() {
    let year = Year {
        is_long: true,
        packages: 5000,
        rounds: 1,
        units: 1,
    };
    assert_size(year, 1_500_000);
}

#[test]
fn the_picture_of_the_page_is_small() {
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/page.png");
    assert!(std::fs::metadata(picture).unwrap().len() < 150_000);
}
