//! The output of an unknown version of sccache, with renamed, reordered, and additional lines and fields. Known ones are
//! read, unknown ones are kept apart, and missing ones are unknown rather than 0.

use std::fs;
use std::path::Path;

use sccache_report::sccache::{ParseError, Stats, parse_json, parse_text};
use serde_json::{Value, json};

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sccache");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn newest() -> (String, Stats) {
    let text = fixture("0.19.0.show.txt");
    let stats = parse_text(&text).unwrap();
    (text, stats)
}

#[test]
fn any_line_renamed_loses_itself_alone_or_is_a_clear_error() {
    let (text, known) = newest();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let renamed = format!("Future {line}");
        let read = parse_text(&text.replace(&format!("{line}\n"), &format!("{renamed}\n")));
        let essential = ["Cache hits  ", "Cache misses  "];
        if essential.iter().any(|name| line.starts_with(name)) {
            // Required, since every rate depends on them.
            assert!(matches!(read, Err(ParseError::Missing { .. })), "{line}");
            continue;
        }
        let stats = read.unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(stats.hits.total, known.hits.total, "{line}");
        assert_eq!(stats.misses.total, known.misses.total, "{line}");
        // A reason of whatever name is one.
        let reason = stats
            .not_cached
            .keys()
            .any(|name| name.starts_with("Future"));
        let told = reason || stats.unrecognized.contains(&renamed);
        // Derived lines, and lines before the first known one.
        let need_not = ["Average", "Cache hits rate", "Compile requests  "];
        let may_be_silent = need_not.iter().any(|name| line.starts_with(name));
        assert!(told || may_be_silent, "{line}");
        let errors = stats.errors_total();
        assert_eq!(
            errors.is_none(),
            line.starts_with("Cache errors  "),
            "{line}"
        );
        let (counts, other) = (counts(&stats), counts(&known));
        for (now, before) in counts.iter().zip(other) {
            assert!(
                now.is_none() || *now == before,
                "{line}: {now:?} {before:?}"
            );
        }
    }
}

/// All that a version may not know.
fn counts(stats: &Stats) -> [Option<u64>; 16] {
    [
        stats.errors_total(),
        stats.requests,
        stats.executed,
        stats.unsupported_compiler,
        stats.non_compilation,
        stats.non_cacheable,
        stats.timeouts,
        stats.read_errors,
        stats.write_errors,
        stats.forced_recaches,
        stats.non_cacheable_compilations,
        stats.compilations,
        stats.compile_failures,
        stats.dist_errors,
        stats.cache_size,
        stats.max_cache_size,
    ]
}

#[test]
fn the_counters_may_stand_in_any_order() {
    let (text, known) = newest();
    let (counters, rest) = text.split_once("\n\n").unwrap();
    let mut lines: Vec<&str> = counters.lines().collect();
    for turn in 0..lines.len() {
        lines.rotate_left(1);
        // A total comes before its parts in all versions, and here too.
        let mut order = lines.clone();
        order.sort_by_key(|line| line.contains('('));
        let stats = parse_text(&format!("{}\n\n{rest}", order.join("\n"))).unwrap();
        assert_eq!(stats, known, "turn {turn}");
    }
}

#[test]
fn lines_that_came_in_are_each_kept_once() {
    let (text, known) = newest();
    let new = "Cache wormholes      7\n";
    for (at, _) in text.match_indices('\n').filter(|(at, _)| *at > 0) {
        let before = &text[..=at];
        if before.ends_with("\n\n") || before.ends_with("reasons:\n") || in_reasons(before) {
            continue; // Among reasons it can only be a reason.
        }
        let stats = parse_text(&format!("{before}{new}{}", &text[at + 1..])).unwrap();
        let expected = Stats {
            unrecognized: vec![new.trim_end().to_owned()],
            ..known.clone()
        };
        assert_eq!(stats, expected, "after {before}");
    }
}

fn in_reasons(before: &str) -> bool {
    let at = before.find("Non-cacheable reasons:\n");
    at.is_some_and(|at| !before[at..].contains("\n\n"))
}

#[test]
fn any_field_renamed_loses_itself_alone_or_is_a_clear_error() {
    let whole: Value = serde_json::from_str(&fixture("0.19.0.json")).unwrap();
    let known = parse_json(whole.to_string().as_bytes()).unwrap();
    for name in whole["stats"].as_object().unwrap().keys() {
        let mut changed = whole.clone();
        let fields = changed["stats"].as_object_mut().unwrap();
        let value = fields.remove(name).unwrap();
        let says_nothing = value.is_null();
        fields.insert(format!("future_{name}"), value);
        let read = parse_json(changed.to_string().as_bytes());
        if ["cache_hits", "cache_misses"].contains(&name.as_str()) {
            assert!(matches!(read, Err(ParseError::Missing { .. })), "{name}");
            continue;
        }
        let stats = read.unwrap_or_else(|error| panic!("{name}: {error}"));
        let told = format!("stats.future_{name}");
        assert!(
            says_nothing || stats.unrecognized.contains(&told),
            "{:?}",
            stats.unrecognized
        );
        assert_eq!((&stats.hits, &stats.misses), (&known.hits, &known.misses));
        for (now, before) in counts(&stats).iter().zip(counts(&known)) {
            assert!(now.is_none() || *now == before, "{name}");
        }
    }
}

#[test]
fn fields_of_any_kind_may_come_in() {
    let mut whole: Value = serde_json::from_str(&fixture("0.19.0.json")).unwrap();
    let known = parse_json(whole.to_string().as_bytes()).unwrap();
    whole["wormholes"] = json!({"deep": [1, 2, {"er": null}]});
    whole["stats"]["wormholes"] = json!(-1.5);
    whole["stats"]["cache_hits"]["by_phase"] = json!("x");
    let stats = parse_json(whole.to_string().as_bytes()).unwrap();
    assert_eq!(stats.unrecognized.len(), 3, "{:?}", stats.unrecognized);
    assert_eq!(
        Stats {
            unrecognized: Vec::new(),
            ..stats
        },
        known
    );
}

/// The counts of a field may get another name within it, too.
#[test]
fn counts_under_another_name_are_not_zero() {
    let whole: Value = serde_json::from_str(&fixture("0.19.0.json")).unwrap();
    for field in ["cache_hits", "cache_misses", "cache_errors"] {
        let mut changed = whole.clone();
        changed["stats"][field] = json!({"numbers": {"Rust": 4}});
        match parse_json(changed.to_string().as_bytes()) {
            Ok(stats) => {
                assert_eq!((field, stats.errors), ("cache_errors", None));
                let told = [
                    "stats.cache_errors.numbers",
                    "stats.cache_errors is missing",
                ];
                assert_eq!(stats.unrecognized, told);
            }
            Err(error) => assert!(error.to_string().contains(field), "{error}"),
        }
    }
}
