//! The page of `html` has the numbers of the other reports.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use sccache_report::portage::Build;
use sccache_report::store::{Filter, Store};

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
        ("<code>", "`"),
        ("</code>", "`"),
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

/// Returns the rows of a table whose first cell opens: the texts of the cells, separated by spaces, and what they open
/// to.
fn opening_rows(section: &str) -> Vec<(String, String)> {
    let pattern = r"(?s)<tr(?: id=p\d+)?><td><details><summary>([^<]*)</summary>(.*?)</details>((?:<td>[^<\n]*)+)";
    let row = Regex::new(pattern).unwrap();
    let rows = row.captures_iter(section).map(|row| {
        let cells = format!("{}{}", &row[1], row[3].replace("<td>", " "));
        (cells, row[2].to_string())
    });
    rows.collect()
}

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

fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
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
    assert!(
        page.contains(&format!("<p class=lead>{first}\n")),
        "{first}"
    );
    assert!(
        figures.contains(&format!("<p>{}</details>", line("time saved"))),
        "{figures}"
    );
    let figure = Regex::new("<dt>([^<]*)<dd class=v>([^<]*)<dd>([^<]*)</div>").unwrap();
    let figures: Vec<[String; 3]> = figure
        .captures_iter(figures)
        .map(|figure| [1, 2, 3].map(|part| figure[part].to_string()))
        .collect();
    let json = &json(&db, &[&["overview"], &ALL[..]].concat())[0];
    let number = |name: &str| json[name].as_u64().unwrap();
    let builds = line("builds");
    let (failed, fill) = (number("failed"), line("cache  "));
    let outcomes = match failed {
        0 => format!("0 failed, {}", between(builds, "(", ")")),
        _ => between(builds, "(", ")").to_string(),
    };
    let (size, fill_rate) = fill.split_once(" (").unwrap();
    let (cache_at, _) = json["cache_at"].as_str().unwrap().split_once('T').unwrap();
    let as_of = format!("{size}, as of {cache_at}");
    let (saved, _) = line("time saved").split_once(" (").unwrap();
    let rate = |name: &str| percent(&json[name]);
    let expected = [
        ["builds", &number("builds").to_string(), &outcomes],
        [
            "hit rate",
            &rate("hit_rate"),
            &format!(
                "{} by cost; {}",
                rate("hit_rate_by_cost"),
                between(line("hit rate"), "(", ")")
            ),
        ],
        ["time saved", saved, figures[2][2].as_str()],
        ["coverage", &rate("coverage"), "of compiler calls"],
        ["cache fill", fill_rate.trim_end_matches(')'), &as_of],
    ];
    assert_eq!(figures, expected.map(|figure| figure.map(str::to_string)));
    let (share, _) = figures[2][2]
        .split_once(" % of the processor time without")
        .unwrap();
    assert!(
        line("time saved").contains(&format!("({share} %; ")),
        "{share}"
    );
}

#[test]
fn a_database_always_has_the_same_page() {
    let (_folder, db, page) = machine();
    for _ in 0..3 {
        assert!(unescaped(&db, &ALL) == page);
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
    let title = Regex::new(r"<b>[^<(]* \(([a-z]+)\)</b> (.*?) for ([\d,]+) miss").unwrap();
    let shown = |page: &str| -> Vec<(String, String, u64)> {
        let titles = title.captures_iter(section(page, "misses"));
        let count = |count: &str| count.replace(',', "").parse().unwrap();
        titles
            .map(|title| (title[1].to_string(), title[2].to_string(), count(&title[3])))
            .collect()
    };
    assert!(expected.len() > 2, "{expected:?}");
    let counts = shown(&page)
        .into_iter()
        .map(|(reason, _, count)| (reason, count));
    assert_eq!(counts.collect::<BTreeMap<_, _>>(), expected);
    // They add up to the misses, or the page says that they don't.
    let misses = json(&db, &[&["overview"], &ALL[..]].concat())[0]["misses"]
        .as_u64()
        .unwrap();
    let explained: u64 = expected.values().sum();
    assert!(explained < misses);
    let note = format!(
        "<p>Processor time spent on {} of {} misses; the others have no list of compilations.",
        grouped(explained),
        grouped(misses)
    );
    assert!(page.contains(&note), "{note}");
    // `show` has the costs, too.
    let package = "www-client/firefox";
    let package_page = unescaped(&db, &[&[package], &ALL[..]].concat());
    let show = out(&run(&db, &[&["show", package], &ALL[..]].concat()));
    let reasons = between(&show, "  misses: ", "; see ").to_string();
    let misses: Vec<String> = shown(&package_page)
        .into_iter()
        .map(|(reason, cost, count)| format!("{count} {reason} ({cost})"))
        .collect();
    let (listed, rest) = reasons.split_once("; ").unwrap_or((&reasons, ""));
    assert_eq!(misses.join(", "), listed);
    // The package's details have the same, and the misses without a list.
    let details = between(
        &page,
        &format!("<summary>{package}</summary>"),
        "</details>",
    );
    let (_, text) = details.split_once("<b>Why it missed, ").unwrap();
    let (_, text) = text.split_once("</b> ").unwrap();
    let rest = rest.replace(" more", "");
    let separator = if rest.is_empty() { "" } else { "; " };
    assert_eq!(
        text.split("<p>").next().unwrap(),
        format!("{listed}{separator}{rest}")
    );
}

#[test]
fn a_package_without_reasons_in_a_period_cost_nothing_and_an_unknown_period_is_unknown() {
    let (_folder, db, page) = machine();
    let mut misses: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    for build in json(&db, &[&["builds"], &ALL[..]].concat()) {
        let day: chrono::DateTime<chrono::Utc> =
            build["started_at"].as_str().unwrap().parse().unwrap();
        let week = misses.entry(day.format("%G-W%V").to_string()).or_default();
        week[0] += build["misses"].as_u64().unwrap_or(0);
        let reasons = build["miss_reasons"].as_object().into_iter().flatten();
        week[1] += reasons
            .map(|(_, count)| count.as_u64().unwrap())
            .sum::<u64>();
    }
    let mut seen = [0; 2];
    for row in rows(section(&page, "misses"), "([^<]*)") {
        let cells: Vec<&str> = row.split(' ').collect();
        let [all, explained] = misses.get(cells[0]).copied().unwrap_or_default();
        let is_unknown = explained == 0 && all > 0;
        let count = |text: &str| text.replace(',', "").parse().unwrap_or(0);
        assert_eq!(
            [count(cells[1]), count(cells[2])],
            [all, explained],
            "{row}"
        );
        if is_unknown {
            assert!(cells[3..].iter().all(|cell| *cell == "-"), "{row}");
        } else if explained > 0 {
            assert!(!cells[3..].contains(&"-"), "{row}");
        }
        seen[usize::from(is_unknown)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn packages_and_emerges_are_those_of_the_commands() {
    let (_folder, db, page) = machine();
    let texts = |section: &str| -> Vec<String> {
        opening_rows(section)
            .into_iter()
            .map(|(cells, _)| cells)
            .collect()
    };
    let columns = "package,builds,hit_rate,time_saved_seconds,coverage,verdict";
    let mut shown = texts(section(&page, "packages"));
    let mut expected = lines(&db, &["packages", "--columns", columns]);
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
    let columns = "command,builds,started_at,hit_rate,time_saved_seconds";
    let mut expected = lines(&db, &["emerges", "--columns", columns]);
    expected.reverse();
    expected.truncate(50);
    assert_eq!(texts(section(&page, "emerges")), expected);
}

/// Returns the builds of each emerge command, as the page shows them.
fn builds_of_emerges(db: &Path) -> BTreeMap<String, Vec<String>> {
    let mut emerges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for build in json(db, &[&["builds"], &ALL[..]].concat()) {
        if let Some(emerge) = build["emerge"].as_str() {
            let (package, version) = (&build["package"], &build["version"]);
            let [package, version] = [package, version].map(|text| text.as_str().unwrap());
            let text = format!("{package} {version}: {}", percent(&build["hit_rate"]));
            emerges.entry(emerge.to_string()).or_default().push(text);
        }
    }
    emerges
}

#[test]
fn an_emerge_opens_to_its_builds() {
    let (_folder, db, page) = machine();
    let builds = builds_of_emerges(&db);
    let mut emerges = json(&db, &[&["emerges"], &ALL[..]].concat());
    emerges.reverse();
    emerges.truncate(50);
    let expected = emerges
        .iter()
        .map(|emerge| builds[emerge["id"].as_str().unwrap()].join(", "));
    let shown = opening_rows(section(&page, "emerges"));
    let shown: Vec<&str> = shown
        .iter()
        .map(|(_, list)| list.strip_prefix("<p>").unwrap())
        .collect();
    assert_eq!(shown, expected.collect::<Vec<_>>());
}

#[test]
fn a_large_emerge_leaves_room_for_the_builds_of_the_others() {
    let (_folder, db) = folder();
    let of_emerge = |number: u128, builds: u128| {
        let start = format!("2026-11-{:02}T10:00:00Z", number + 1);
        (0..builds).map(move |n| {
            let mut build = build(
                1000 * number + n,
                &format!("dev-libs/package-{n}"),
                "1.0",
                &start,
                c_stats(9, 1),
            );
            build.emerge = Some(emerge(number, "emerge @world", &start));
            build
        })
    };
    let builds: Vec<_> = of_emerge(2, 300)
        .chain(of_emerge(1, 3))
        .chain(of_emerge(0, 1))
        .collect();
    record(&db, &builds);
    let page = unescaped(&db, &ALL);
    let shown = opening_rows(section(&page, "emerges"));
    let list = |index: usize| shown[index].1.strip_prefix("<p>").unwrap();
    let builds = |count: u128| -> Vec<String> {
        (0..count)
            .map(|n| format!("dev-libs/package-{n} 1.0: 90.0 %"))
            .collect()
    };
    assert_eq!(list(1), builds(3).join(", "));
    assert_eq!(list(2), builds(1).join(", "));
    let (listed, more) = list(0).rsplit_once(", and ").unwrap();
    let count = listed.split(", ").count();
    assert!(count > 50, "{count}");
    assert_eq!(listed, builds(count as u128).join(", "));
    assert_eq!(more, format!("{} more", 300 - count));
}

#[test]
fn a_package_has_the_builds_of_the_commands() {
    let (_folder, db, page) = machine();
    let columns = "version,outcome,started_at,hits,misses,hit_rate,time_saved_seconds";
    let first = Regex::new(r"^([^ ]*) (yes \(cold\)|no \(warm\)|-) ").unwrap();
    for package in ["media-libs/mesa", "sys-apps/ripgrep"] {
        let details = between(
            &page,
            &format!("<summary>{package}</summary>"),
            "</details>",
        );
        let shown = rows(details, "([^<]*)");
        assert!((5..=12).contains(&shown.len()), "{shown:?}");
        assert!(
            details.contains(&format!("<b>All {} builds</b>", shown.len())),
            "{details}"
        );
        let builds = shown
            .iter()
            .map(|row| first.replace(row, "$1 ").to_string());
        let builds: Vec<String> = builds.collect();
        assert_eq!(
            builds,
            lines(&db, &["builds", package, "--columns", columns])
        );
        for version in json(&db, &[&["show", package], &ALL[..]].concat())[0]["versions"]
            .as_array()
            .unwrap()
        {
            for (kind, word) in [("cold", "yes (cold)"), ("warm", "no (warm)")] {
                let start = format!("{} {word} ", version["version"].as_str().unwrap());
                let count = shown.iter().filter(|row| row.starts_with(&start)).count();
                assert_eq!(version[format!("{kind}_builds")], count, "{start}");
            }
        }
    }
}

#[test]
fn the_lists_of_a_package_are_about_all_its_builds() {
    let (_folder, db, page) = machine();
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    for (row, details) in opening_rows(section(&page, "packages")) {
        let package = row.split(' ').next().unwrap();
        let builds = json(&db, &[&["builds", package], &ALL[..]].concat());
        let mut sums: BTreeMap<(&str, &str), [u64; 2]> = BTreeMap::new();
        for build in &builds {
            for name in ["languages", "phases"] {
                for (part, counts) in build[name].as_object().unwrap() {
                    if counts["hits"].is_u64() {
                        let sum = sums.entry((name, part)).or_default();
                        sum[0] += number(&counts["hits"]);
                        sum[1] += number(&counts["misses"]);
                    }
                }
            }
            for (reason, calls) in build["not_cached"].as_object().unwrap() {
                sums.entry(("not_cached", reason)).or_default()[0] += number(calls);
            }
        }
        for ((name, part), [hits, misses]) in sums {
            let (hits_word, misses_word) = (
                if hits == 1 { "hit" } else { "hits" },
                if misses == 1 { "miss" } else { "misses" },
            );
            let shown = match name {
                "not_cached" => format!("{} `{part}`", grouped(hits)),
                _ => format!(
                    "{part} {} {hits_word}, {} {misses_word}",
                    grouped(hits),
                    grouped(misses)
                ),
            };
            assert!(details.contains(&shown), "{package}: {shown}: {details}");
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

/// Whatever the filter is, and however many builds are newer than the first one of a version on its host.
#[test]
fn only_the_first_measured_build_of_a_version_on_its_host_is_cold() {
    let (_folder, db) = folder();
    let on = |host: &str, number, start: &str| Build {
        host: host.into(),
        ..build(number, "a/b", "1.0", start, c_stats(1, 1))
    };
    let builds = [
        on("x", 1, "2025-11-01T10:00:00Z"),
        on("x", 2, "2026-11-01T10:00:00Z"),
        on("y", 3, "2026-11-02T10:00:00Z"),
        on("y", 4, "2026-11-03T10:00:00Z"),
    ];
    record(&db, &builds);
    let store = Store::open_for_reading(&db).unwrap();
    let filter = Filter {
        since: Some(builds[1].started_at),
        ..Filter::default()
    };
    for (limit, expected) in [
        (9, &[false, true, false][..]),
        (2, &[false, true]),
        (1, &[false]),
    ] {
        let histories = store.histories(&filter, limit).unwrap();
        let cold: Vec<bool> = histories["a/b"].iter().map(|it| it.is_cold).collect();
        assert_eq!(cold, expected, "{limit}");
    }
}

#[test]
fn the_packages_served_best_and_worst_have_reasons() {
    let (_folder, db, page) = machine();
    let mut packages = json(&db, &[&["packages"], &ALL[..]].concat());
    let average = json(&db, &[&["overview"], &ALL[..]].concat())[0]["hit_rate"]
        .as_f64()
        .unwrap();
    let builds = json(&db, &[&["builds"], &ALL[..]].concat());
    let number = |package: &serde_json::Value, name: &str| package[name].as_f64();
    let saved = |package: &serde_json::Value| number(package, "time_saved_seconds").unwrap_or(0.0);
    let rate = |package: &serde_json::Value| number(package, "hit_rate").unwrap_or(1.0);
    packages.sort_by(|a, b| saved(b).total_cmp(&saved(a)));
    let is_bad = |package: &serde_json::Value| rate(package) < average || saved(package) < 0.0;
    let (bad, mut best): (Vec<_>, Vec<_>) = packages.into_iter().partition(is_bad);
    // What misses took, in the builds in which it is known.
    let mut spent: BTreeMap<&str, f64> = BTreeMap::new();
    for build in &builds {
        if let Some(seconds) = build["miss_cost_seconds"].as_f64() {
            *spent.entry(build["package"].as_str().unwrap()).or_default() += seconds;
        }
    }
    let spent = |package: &serde_json::Value| spent.get(package["package"].as_str().unwrap());
    let measured = |package: &&serde_json::Value| {
        let is_measured = |build: &&serde_json::Value| {
            build["package"] == package["package"] && build["hits"].is_u64()
        };
        builds.iter().filter(is_measured).count()
    };
    let once = bad.iter().filter(|package| measured(package) == 1).count();
    best.retain(|package| saved(package) > 0.0);
    best.truncate(5);
    let mut worst: Vec<_> = bad
        .iter()
        .filter(|package| measured(package) > 1)
        .cloned()
        .collect();
    worst.sort_by(|a, b| {
        spent(b)
            .unwrap_or(&-1.0)
            .total_cmp(spent(a).unwrap_or(&-1.0))
    });
    worst.truncate(5);
    assert!(worst.len() > 2, "{worst:?}");
    let without = format!("Without {once} package");
    assert_eq!(
        section(&page, "worst").contains(&without),
        once > 0,
        "{without}"
    );
    let entry = "<li><div class=r><a href=#(p[0-9]+)>([^<]*)</a> <span class=v>([^<]*)</span></div><p>([^<]*)";
    let entry = Regex::new(entry).unwrap();
    for (id, expected) in [("best", best), ("worst", worst)] {
        let shown = entry.captures_iter(section(&page, id));
        let shown: Vec<[&str; 4]> = shown.map(|entry| entry.extract().1).collect();
        assert_eq!(shown.len(), expected.len(), "{id}");
        for ([anchor, name, value, why], package) in shown.into_iter().zip(expected) {
            assert_eq!(name, package["package"], "{id}");
            let row = format!("<tr id={anchor}><td><details><summary>{name}</summary>");
            assert!(page.contains(&row), "{row}");
            let rate = percent(&package["hit_rate"]);
            if id == "best" {
                let saved = lines(&db, &["packages", name, "--columns", "time_saved_seconds"]);
                assert_eq!(value, format!("{} saved, hit rate {rate}", saved[0]));
                assert!(why.contains("; a hit saves "), "{name}: {why}");
                assert!(why.contains(" on average"), "{name}: {why}");
            } else {
                let end = format!(" on misses, hit rate {rate}");
                assert!(value.ends_with(&end), "{name}: {value}");
                assert!(
                    why.contains(" because ") || why.contains("unknown"),
                    "{name}: {why}"
                );
            }
        }
    }
}
