//! The output of real servers of many versions for one known workload
//! (`tests/make-sccache-fixtures`) is read as that workload, from the JSON and from each text.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use sccache_report::sccache::{Counts, Level, Stats, parse_json, parse_text, print_block};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sccache")
}

/// Returns the versions that have a `.json`.
fn versions() -> Vec<String> {
    let names = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names = names.filter_map(|name| name.to_str()?.strip_suffix(".json").map(str::to_owned));
    let versions: Vec<_> = names.collect();
    assert!(versions.len() >= 18, "fixtures are missing");
    versions
}

/// Returns the numbers of a version such as `0.17.0+client`.
fn version_number(version: &str) -> Vec<u32> {
    let version = version.split('+').next().unwrap();
    version
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect()
}

fn json(version: &str) -> Stats {
    let json = fs::read(folder().join(format!("{version}.json"))).unwrap();
    parse_json(&json).unwrap_or_else(|e| panic!("{version}: {e}"))
}

/// Returns the kinds of text of a version, each with the statistics that were read.
fn texts(version: &str) -> Vec<(&'static str, Stats)> {
    let kinds = ["show", "adv", "stop"].into_iter();
    let texts = kinds.filter_map(|kind| {
        let text = fs::read_to_string(folder().join(format!("{version}.{kind}.txt"))).ok()?;
        Some((
            kind,
            parse_text(&text).unwrap_or_else(|e| panic!("{version} {kind}: {e}")),
        ))
    });
    texts.collect()
}

fn map(entries: &[(&str, u64)]) -> BTreeMap<String, u64> {
    entries
        .iter()
        .map(|&(name, count)| (name.to_owned(), count))
        .collect()
}

#[test]
fn every_version_counted_the_known_workload() {
    for version in versions() {
        let at_least = |other: &str| version_number(&version) >= version_number(other);
        let stats = json(&version);
        let each = Counts {
            total: 4,
            languages: map(&[("C/C++", 3), ("Rust", 1)]),
            compilers: if at_least("0.6.0") {
                map(&[("c [gcc]", 2), ("c++ [gcc]", 1), ("rust", 1)])
            } else {
                map(&[])
            },
        };
        let crate_type = if at_least("0.19.0") {
            "crate-type (bin)"
        } else {
            "crate-type"
        };
        let levels = version.ends_with("+levels");
        let expected = Stats {
            errors: Some(Counts::default()),
            // In client-side mode the server sees no requests.
            requests: Some(if version.ends_with("+client") { 0 } else { 14 }),
            executed: Some(9),
            unsupported_compiler: Some(0),
            non_compilation: Some(2),
            non_cacheable: Some(3),
            hits: each.clone(),
            misses: each,
            timeouts: Some(0),
            read_errors: Some(0),
            write_errors: Some(0),
            writes: Some(4),
            forced_recaches: Some(0),
            non_cacheable_compilations: Some(0),
            compilations: at_least("0.9.0").then_some(4),
            compile_failures: Some(1),
            not_cached: map(&[("-E", 1), (crate_type, 1), ("missing input", 1)]),
            dist_errors: Some(0),
            cache_location: Some(if levels {
                "Multi-level (2 levels)".to_owned()
            } else {
                "Local disk: \"/tmp/sccache-fixture/cache\"".to_owned()
            }),
            max_cache_size: Some(1 << 30),
            preprocessor_cache_mode: at_least("0.7.0")
                .then_some(stats.preprocessor_cache_mode == Some(true)),
            base_directories: at_least("0.14.0").then(Vec::new),
            version: at_least("0.4.0").then(|| version.split('+').next().unwrap().to_owned()),
            // These differ from run to run.
            write_seconds: stats.write_seconds,
            read_hit_seconds: stats.read_hit_seconds,
            compiler_seconds: stats.compiler_seconds,
            cache_size: stats.cache_size,
            levels: if levels {
                known_levels(&stats)
            } else {
                Vec::new()
            },
            ..Stats::default()
        };
        assert_eq!(stats, expected, "{version}");
        assert_eq!(
            stats.write_seconds.is_some(),
            at_least("0.4.0"),
            "{version}"
        );
        let compiling = stats.compiler_seconds.unwrap();
        assert!(
            compiling > 0.0 && compiling < 60.0,
            "{version}: {compiling}"
        );
        assert!(
            stats.read_hit_seconds.is_some() && stats.cache_size > Some(0),
            "{version}"
        );
    }
}

/// The workload's levels: the disk was emptied in the middle, so that all hits came from Redis.
fn known_levels(stats: &Stats) -> Vec<Level> {
    let level = |index: usize, name: &str, hits, misses| Level {
        name: name.to_owned(),
        // It contains the port of that run.
        location: stats.levels[index].location.clone(),
        hits,
        misses,
        writes: 4,
        ..Level::default()
    };
    let disk = Level {
        backfills_to: 4,
        ..level(0, "L0 (disk)", 0, 9)
    };
    let redis = Level {
        backfills_from: 4,
        ..level(1, "L1 (redis)", 4, 5)
    };
    assert!(
        redis
            .location
            .as_ref()
            .unwrap()
            .starts_with("redis, name: redis://")
    );
    vec![disk, redis]
}

#[test]
fn texts_and_json_have_the_same_numbers() {
    for version in versions() {
        let texts = texts(&version);
        let has_adv = version_number(&version) >= version_number("0.6.0");
        assert_eq!(texts.len(), if has_adv { 3 } else { 2 }, "{version}");
        for (kind, text) in texts {
            let mut expected = json(&version);
            lower_to_text(
                &mut expected,
                kind == "adv",
                &text,
                &format!("{version} {kind}"),
            );
            assert_eq!(text, expected, "{version} {kind}");
        }
    }
}

/// Removes the numbers that a text of the same run doesn't have. Replaces times with those of the
/// text, which are less exact, after checking that they are near.
fn lower_to_text(stats: &mut Stats, advanced: bool, text: &Stats, what: &str) {
    let errors = stats.errors.as_mut().unwrap();
    for counts in [&mut stats.hits, &mut stats.misses, errors] {
        if advanced {
            counts.languages.clear();
        } else {
            counts.compilers.clear();
        }
    }
    stats.writes = None;
    stats.write_seconds = None;
    // All fixtures hold a few KiB.
    stats.cache_size = stats.cache_size.map(|size| (size + 512) / 1024 * 1024);
    if what.contains("+levels") {
        // Not in the text of such a cache.
        stats.preprocessor_cache_mode = None;
    }
    let times = [
        (&mut stats.read_hit_seconds, text.read_hit_seconds),
        (&mut stats.compiler_seconds, text.compiler_seconds),
    ];
    for (json, text) in times {
        let (exact, average) = (json.unwrap(), text.unwrap());
        // Four of each; an average is cut to a millisecond.
        assert!(
            average <= exact + 1e-9 && exact < average + 0.004,
            "{what}: {exact} {average}"
        );
        *json = text;
    }
}

#[test]
fn a_printed_block_is_read_back_as_the_text() {
    for version in versions() {
        for (kind, mut text) in texts(&version) {
            // Not printed. The statistics of a build always have the languages as well.
            for counts in [&mut text.hits, &mut text.misses]
                .into_iter()
                .chain(&mut text.errors)
            {
                counts.compilers.clear();
            }
            let back = parse_text(&print_block(&text)).unwrap();
            assert_eq!(back, text, "{version} {kind}");
        }
    }
}
