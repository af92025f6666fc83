//! The page of `html` has the numbers of the other reports.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use super::html::{between, page};
use crate::generated::generate::{self, Machine};
use crate::support::*;

/// A machine with packages in three languages, failed and unmeasured builds, and compilations.
const MACHINE: Machine = Machine {
    packages: 20,
    days: 200,
    size: 6,
    listed: 100,
};

/// A period that has every build.
const ALL: [&str; 2] = ["--since", "2000"];

/// Returns the page of the machine's builds in that period, with its texts unescaped, and the database.
fn machine() -> (tempfile::TempDir, std::path::PathBuf, String) {
    let (folder, db) = folder();
    generate::database(MACHINE, 120, &db, &mut std::io::sink()).unwrap();
    let page = unescaped(&db, &ALL);
    (folder, db, page)
}

fn unescaped(db: &Path, args: &[&str]) -> String {
    let escapes = [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
    ];
    let page = page(db, args);
    escapes
        .iter()
        .fold(page, |page, (escape, text)| page.replace(escape, text))
}

fn section<'a>(page: &'a str, id: &str) -> &'a str {
    between(
        page,
        &format!("<section aria-labelledby={id}>"),
        "</section>",
    )
}

/// Returns the rows of a section's last table: its cells, separated by spaces.
fn rows(section: &str, first_cell: &str) -> Vec<String> {
    let pattern = format!(r"(?s)<tr><th>{first_cell}((?:<td>[^<\n]*)+)");
    let row = Regex::new(&pattern).unwrap();
    let rows = row
        .captures_iter(section)
        .map(|row| format!("{}{}", &row[1], row[2].replace("<td>", " ")));
    rows.collect()
}

/// A cell that opens.
const OPENS: &str = "<details><summary>([^<]*)</summary>.*?</details>";

/// Returns the lines of a table of the command line, without its headings and bars, and with single spaces.
fn lines(db: &Path, args: &[&str]) -> Vec<String> {
    let output = run(db, &[args, &ALL].concat());
    let output = out(&output);
    let line = |line: &str| {
        let words = line.split_whitespace();
        let words: Vec<&str> = words
            .filter(|word| !word.contains(|c| ('▁'..='▏').contains(&c)))
            .collect();
        words.join(" ")
    };
    output.lines().skip(1).map(line).collect()
}

fn percent(rate: &serde_json::Value) -> String {
    rate.as_f64()
        .map_or("-".into(), |rate| format!("{:.1} %", rate * 100.0))
}

#[test]
fn the_figures_are_those_of_the_overview() {
    let (_folder, db, page) = machine();
    let overview = out(&run(&db, &[&["overview"], &ALL[..]].concat()));
    let line = |name: &str| between(&overview, &format!("\n{name}"), "\n").trim();
    let figures = section(&page, "figures");
    let (first, _) = overview.split_once('\n').unwrap();
    assert!(page.contains(first), "{first}");
    assert!(figures.contains(line("time saved")), "{figures}");
    assert!(figures.contains(line("cache  ")), "{figures}");
    let json = &json(&db, &[&["overview"], &ALL[..]].concat())[0];
    for rate in ["hit_rate", "hit_rate_by_cost", "coverage"] {
        let rate = percent(&json[rate]);
        assert!(
            figures.contains(&format!("<dd class=v>{rate}")),
            "{rate}: {figures}"
        );
    }
}

#[test]
fn the_trend_is_that_of_the_command() {
    let (_folder, db, page) = machine();
    let shown = rows(section(&page, "trend"), "([^<]*)");
    // The page also has the weeks without builds.
    let is_gap = |row: &String| row.contains(" 0 - - - ");
    let shown: Vec<String> = shown.into_iter().filter(|row| !is_gap(row)).collect();
    let shown: Vec<&str> = shown.iter().map(|row| row.trim_end()).collect();
    assert_eq!(shown, lines(&db, &["trend", "--by", "week"]));
}

#[test]
fn the_calendar_is_the_trend_by_day() {
    let (_folder, db, page) = machine();
    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    for day in json(&db, &[&["trend", "--by", "day"], &ALL[..]].concat()) {
        expected.insert(
            day["period"].as_str().unwrap().into(),
            percent(&day["hit_rate"]).replace(" %", ""),
        );
    }
    let mut shown = BTreeMap::new();
    let calendar = section(&page, "calendar");
    let week = Regex::new("<tr><th>([^<]*)((?:<td>[^<\n]*){7})").unwrap();
    for week in week.captures_iter(calendar) {
        let monday: chrono::NaiveDate = week[1].parse().unwrap();
        for (day, rate) in monday.iter_days().zip(week[2].split("<td>").skip(1)) {
            if !rate.is_empty() {
                shown.insert(day.to_string(), rate.to_string());
            }
        }
    }
    assert_eq!(shown, expected);
}

#[test]
fn the_reasons_of_misses_are_those_of_the_builds() {
    let (_folder, db, page) = machine();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for build in json(&db, &[&["builds"], &ALL[..]].concat()) {
        for (reason, count) in build["miss_reasons"].as_object().into_iter().flatten() {
            *expected.entry(reason.clone()).or_default() += count.as_u64().unwrap();
        }
    }
    let title = Regex::new(r"<title>([a-z]+): [^,]*, ([\d,]+) miss").unwrap();
    let shown = |page: &str| -> BTreeMap<String, u64> {
        let titles = title.captures_iter(section(page, "misses"));
        let count = |count: &str| count.replace(',', "").parse().unwrap();
        titles
            .map(|title| (title[1].to_string(), count(&title[2])))
            .collect()
    };
    assert!(expected.len() > 2, "{expected:?}");
    assert_eq!(shown(&page), expected);
    // `show` has the costs, too.
    let package = "www-client/firefox";
    let package_page = unescaped(&db, &[&[package], &ALL[..]].concat());
    let show = out(&run(&db, &[&["show", package], &ALL[..]].concat()));
    let reasons = between(&show, "  misses: ", ";").to_string();
    let title = Regex::new(r"<title>([a-z]+): ([^,]*), ([\d,]+) miss").unwrap();
    let misses = title.captures_iter(section(&package_page, "misses"));
    let misses: Vec<String> = misses
        .map(|title| format!("{} {} ({})", &title[3], &title[1], &title[2]))
        .collect();
    assert_eq!(misses.join(", "), reasons);
}

#[test]
fn packages_and_emerges_are_those_of_the_commands() {
    let (_folder, db, page) = machine();
    let columns = "package,last_at,builds,hit_rate,coverage,time_saved_seconds,verdict";
    let mut shown = rows(section(&page, "packages"), OPENS);
    let mut expected = lines(&db, &["packages", "--columns", columns]);
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
    let columns = "command,started_at,builds,hit_rate,time_saved_seconds";
    let mut expected = lines(&db, &["emerges", "--columns", columns]);
    expected.reverse();
    expected.truncate(50);
    assert_eq!(rows(section(&page, "emerges"), OPENS), expected);
}

#[test]
fn a_package_has_the_builds_of_the_commands() {
    let (_folder, db, page) = machine();
    let columns = "version,outcome,started_at,hits,misses,hit_rate,time_saved_seconds";
    let kind = Regex::new("^([^ ]*) (cold|warm|-) ").unwrap();
    for package in ["media-libs/mesa", "sys-apps/ripgrep"] {
        let summary = format!("<summary>{package}</summary>");
        let shown = rows(between(&page, &summary, "</details>"), "([^<]*)");
        assert!((5..=12).contains(&shown.len()), "{shown:?}");
        let builds = shown.iter().map(|row| kind.replace(row, "$1 ").to_string());
        let builds: Vec<String> = builds.collect();
        assert_eq!(
            builds,
            lines(&db, &["builds", package, "--columns", columns])
        );
        for version in json(&db, &[&["show", package], &ALL[..]].concat())[0]["versions"]
            .as_array()
            .unwrap()
        {
            for kind in ["cold", "warm"] {
                let start = format!("{} {kind} ", version["version"].as_str().unwrap());
                let count = shown.iter().filter(|row| row.starts_with(&start)).count();
                assert_eq!(version[format!("{kind}_builds")], count, "{start}");
            }
        }
    }
}

#[test]
fn the_advice_is_that_of_the_command() {
    let (_folder, db, _) = machine();
    let page = unescaped(&db, &[]);
    let advice = section(&page, "advice");
    let pieces = json(&db, &["advise"]);
    assert!(!pieces.is_empty());
    assert_eq!(advice.matches("<h3>").count(), pieces.len());
    let mut rest = advice;
    for piece in pieces {
        for text in [&piece["summary"], &piece["recommendation"]] {
            let text = text.as_str().unwrap();
            (_, rest) = rest
                .split_once(text)
                .unwrap_or_else(|| panic!("{text}: {rest}"));
        }
        for sentence in piece["evidence"].as_array().into_iter().flatten() {
            assert!(
                advice.contains(&format!("<li>{}", sentence.as_str().unwrap())),
                "{sentence}"
            );
        }
    }
}

#[test]
fn the_packages_served_best_and_worst_have_reasons() {
    let (_folder, db, page) = machine();
    let mut packages = json(&db, &[&["packages"], &ALL[..]].concat());
    let number = |package: &serde_json::Value, name: &str| package[name].as_f64();
    packages.sort_by(|a, b| {
        let saved = |package| number(package, "time_saved_seconds").unwrap_or(0.0);
        saved(b).total_cmp(&saved(a))
    });
    let name = Regex::new("<li><b>([^<]*)</b> <span class=v>([^<]*)</span><p>([^<]*)").unwrap();
    let listed = |id: &str| -> Vec<[String; 3]> {
        let entries = name.captures_iter(section(&page, id));
        let entries = entries.map(|entry| [1, 2, 3].map(|part| entry[part].to_string()));
        entries.collect()
    };
    let names = |listed: &[[String; 3]]| listed.iter().map(|entry| entry[0].clone()).collect();
    let (best, worst) = (listed("best"), listed("worst"));
    let (best_names, worst_names): (Vec<String>, Vec<String>) = (names(&best), names(&worst));
    let expected: Vec<&str> = packages[..5]
        .iter()
        .map(|p| p["package"].as_str().unwrap())
        .collect();
    assert_eq!(best_names, expected);
    assert_eq!(worst_names.len(), 5);
    assert!(worst_names.iter().all(|name| !best_names.contains(name)));
    for [name, value, why] in &worst {
        let package = packages
            .iter()
            .find(|p| p["package"] == name.as_str())
            .unwrap();
        assert_eq!(
            value,
            &format!("hit rate {}", percent(&package["hit_rate"]))
        );
        let verdict = match package["verdict"].as_str().unwrap() {
            "pays" => "The cache pays: ",
            "costs" => "The cache doesn't pay: ",
            _ => "It is undecided whether the cache pays: ",
        };
        assert!(why.contains(verdict), "{name}: {why}");
        assert!(why.contains("Costliest misses: "), "{name}: {why}");
    }
}
