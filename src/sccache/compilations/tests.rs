//! Compares logs of real servers with the statistics of the same runs (`tests/fixtures/sccache-log`).

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::path::Path;

use serde_json::Value;

use super::*;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sccache-log");
const WORK: &str = "/var/tmp/portage/dev-test/x-1.0/work";

/// Reads `VERSION-SCENARIO.log`.
fn compilations(name: &str) -> Vec<Compilation> {
    let file = fs::File::open(Path::new(FIXTURES).join(format!("{name}.log"))).unwrap();
    let directories = ["", "/x-1.0", "/rusty"].map(|below| format!("{WORK}{below}"));
    let revision = directories
        .clone()
        .map(|path| path.replace("x-1.0/work", "x-1.0-r1/work"));
    let is_revision = name.ends_with("-r1");
    let directories = if is_revision { revision } else { directories };
    let mut log = CompilationLog::new(BuildDirectories::new(directories));
    log.read(BufReader::new(file)).unwrap();
    assert!(!log.is_truncated());
    log.finish()
}

fn count(compilations: &[Compilation], accepts: fn(CompilationResult) -> bool) -> u64 {
    let results = compilations.iter().map(|compilation| compilation.result);
    results.filter(|result| accepts(*result)).count() as u64
}

fn by_language(
    compilations: &[Compilation],
    accepts: fn(CompilationResult) -> bool,
) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for compilation in compilations {
        if accepts(compilation.result) {
            let language = compilation.language.unwrap().as_str().to_string();
            *counts.entry(language).or_default() += 1;
        }
    }
    counts
}

fn unit<'a>(compilations: &'a [Compilation], unit: &str) -> &'a Compilation {
    let mut found = compilations
        .iter()
        .filter(|compilation| &*compilation.unit == unit);
    let first = found.next().unwrap_or_else(|| panic!("no {unit}"));
    assert_eq!(found.next(), None, "{unit}");
    first
}

#[test]
fn counts_are_those_of_the_statistics() {
    let mut logs = 0;
    for file in fs::read_dir(FIXTURES).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        logs += 1;
        let name = path.file_stem().unwrap().to_str().unwrap();
        let json = fs::read(path.with_extension("json")).unwrap();
        let stats: Value = serde_json::from_slice(&json).unwrap();
        check_counts(name, &stats["stats"]);
    }
    assert!(logs > 40, "{logs}");
}

fn check_counts(name: &str, stats: &Value) {
    let number = |field: &str| stats[field].as_u64().unwrap_or_default();
    let compilations = compilations(name);
    assert_eq!(
        compilations.len() as u64,
        number("requests_executed"),
        "{name}"
    );
    let languages = |field: &str| {
        let counts = stats[field]["counts"].as_object().unwrap().iter();
        counts
            .map(|(language, count)| (language.clone(), count.as_u64().unwrap()))
            .collect()
    };
    let by = |accepts| by_language(&compilations, accepts);
    let hits: BTreeMap<_, _> = languages("cache_hits");
    assert_eq!(
        by(|result| result == CompilationResult::Hit),
        hits,
        "{name}"
    );
    assert_eq!(
        by(CompilationResult::is_miss),
        languages("cache_misses"),
        "{name}"
    );
    assert_eq!(
        by(CompilationResult::is_error),
        languages("cache_errors"),
        "{name}"
    );
    let count = |accepts| count(&compilations, accepts);
    assert_eq!(
        count(|result| result == CompilationResult::CompileFailed),
        number("compile_fails"),
        "{name}"
    );
    assert_eq!(
        count(|result| result == CompilationResult::Forced),
        number("forced_recaches"),
        "{name}"
    );
    let stored = compilations
        .iter()
        .filter(|compilation| compilation.is_stored)
        .count();
    assert_eq!(stored as u64, number("cache_writes"), "{name}");
    let seconds = |field: &str| {
        let duration = &stats[field];
        duration["secs"].as_f64().unwrap() + duration["nanos"].as_f64().unwrap() / 1e9
    };
    let read: Duration = compilations
        .iter()
        .filter(|compilation| compilation.result == CompilationResult::Hit)
        .filter_map(|compilation| compilation.cache_read)
        .sum();
    let rounding = 0.001 * compilations.len() as f64;
    let difference = read.as_secs_f64() - seconds("cache_read_hit_duration");
    assert!(difference.abs() <= rounding, "{name}: {difference}");
}

#[test]
fn the_same_names_at_once_are_told_apart_or_ambiguous() {
    for version in ["0.7.7", "0.16.0"] {
        let by_flags = |run: &str| {
            let compilations = compilations(&format!("same-name/{version}-{run}"));
            assert_eq!(compilations.len(), 40);
            let by_flags = compilations
                .into_iter()
                .map(|one| (one.flags.unwrap(), one));
            by_flags.collect::<BTreeMap<_, _>>()
        };
        let one_by_one = by_flags("solo");
        let at_once = by_flags("cold");
        assert!(
            one_by_one
                .values()
                .all(|compilation| !compilation.is_ambiguous)
        );
        for (flags, compilation) in &at_once {
            let right = &one_by_one[flags];
            assert!(
                compilation.key == right.key || compilation.is_ambiguous,
                "{version}"
            );
        }
        let keys = |run: &BTreeMap<_, Compilation>| {
            let mut keys: Vec<_> = run.values().map(|compilation| compilation.key).collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&one_by_one), keys(&at_once));
    }
}

#[test]
fn an_object_that_the_cache_lost_has_the_same_key() {
    let keys = |name: &str| {
        let mut keys: Vec<_> = compilations(name)
            .iter()
            .map(|one| one.key.unwrap())
            .collect();
        keys.sort();
        keys
    };
    assert_eq!(keys("0.16.0-c-cold"), keys("0.16.0-c-deleted"));
    assert!(
        compilations("0.4.2-c-cold")
            .iter()
            .all(|one| one.key.is_none())
    );
}

#[test]
fn a_revision_of_a_crate_differs_by_its_directory_alone() {
    for version in ["0.7.7", "0.16.0", "0.19.0"] {
        let before = compilations(&format!("{version}-rust-cold"));
        let after = compilations(&format!("{version}-rust-r1"));
        let crates = after.iter().filter(|one| one.metadata.is_some());
        assert_eq!(crates.clone().count(), 7);
        for one in crates {
            let same = before
                .iter()
                .find(|old| (&old.unit, old.metadata) == (&one.unit, one.metadata));
            let same = same.unwrap();
            assert_eq!((same.flags, same.language), (one.flags, one.language));
            assert_ne!(same.key, one.key);
            assert!(same.compile.is_some() && same.lookup.is_some());
        }
    }
}

#[test]
fn crates_of_the_registry_could_have_stable_paths() {
    let name = format!("{FIXTURES}/0.16.0-rust-cold.log");
    let directories = [format!("{WORK}/rusty"), WORK.to_string()];
    for can_have_stable_paths in [true, false] {
        let directories = BuildDirectories::new(directories.clone()).with_stable_paths(
            "/var/tmp/portage/sccache-report/dev-test/x",
            can_have_stable_paths,
        );
        let mut log = CompilationLog::new(directories);
        log.read(fs::read(&name).unwrap().as_slice()).unwrap();
        let list = log.finish();
        let avoided = list
            .iter()
            .filter(|one| one.directory_in_key == DirectoryInKey::AvoidedByStablePaths);
        // The package's own library has its version in its key, and a C file no path.
        let expected = if can_have_stable_paths {
            list.len() - 2
        } else {
            0
        };
        assert_eq!(avoided.count(), expected);
    }
}

#[test]
fn units_are_below_the_source_directory() {
    let cold = compilations("0.16.0-c-cold");
    let f1 = unit(&cold, "build/f1.o");
    assert!(f1.is_stored && !f1.is_ambiguous);
    assert_eq!(f1.directory_in_key, DirectoryInKey::Always);
    assert_eq!(f1.result, CompilationResult::Miss);
    assert_eq!(f1.compile, Some(Duration::from_millis(475)));
    assert_eq!(f1.key, Some(ObjectKey(0xa627_0530_cf98_2089)));
    // An absolute path.
    assert_eq!(unit(&cold, "build/g1.o").language, Some(Language::CFamily));
    let relative = cold
        .iter()
        .filter(|compilation| &*compilation.unit == "util.o");
    assert_eq!(relative.count(), 8);
    let odd = compilations("0.16.0-odd");
    let strange = unit(&odd, "build/a b]: c/we\"i[rd]: Hash key: x.o");
    assert_eq!(strange.result, CompilationResult::Hit);
    assert_eq!(unit(&odd, "build/rsp.o").flags, None);
    assert_eq!(
        unit(&odd, "build/bad.o").result,
        CompilationResult::CompileFailed
    );
    assert_eq!(
        unit(&odd, "build/nohdr.o").result,
        CompilationResult::LookupFailed
    );
}

#[test]
fn a_truncated_log_and_a_long_line_lose_only_what_is_cut() {
    let mut log = CompilationLog::default();
    let start = "[2026-11-28T19:16:48Z DEBUG sccache::compiler::compiler] [a.o]: ";
    let long = format!(
        "{start}get_cached_or_compile: [\"{}\"]\n{start}generate_hash_key took 0.010 s\n\
         {start}Hash key: a7b5fc0bbaf12f53\n{start}Cache hit in 0.001 s\n\
         {start}get_cached_or_compile: [\"-o\", \"a.o\"]\n{start}generate_ha",
        "x".repeat(1_000_000)
    );
    log.read(long.as_bytes()).unwrap();
    let compilations = log.finish();
    assert_eq!(compilations.len(), 1);
    assert_eq!(compilations[0].flags, None);
    assert_eq!(compilations[0].result, CompilationResult::Hit);
}

/// Returns the reasons of a run after another, whose objects the cache had.
fn reasons(now: &str, before: &str) -> BTreeMap<MissReason, usize> {
    let is_revision = now.ends_with("-r1");
    let list = |directory, name| Compilations {
        directory,
        list: compilations(name),
    };
    let (earlier, now) = (list(1, before), list(if is_revision { 2 } else { 1 }, now));
    let mut comparison = Comparison::new(&now);
    comparison.c_keys_have_paths = true;
    comparison.add(
        &earlier,
        EarlierBuild {
            is_of_same_sccache: true,
            is_of_same_cache_and_slot: true,
        },
    );
    let stored: Vec<_> = earlier.list.iter().filter_map(|c| c.key).collect();
    let known = |key| {
        if stored.contains(&key) {
            Known::Here
        } else {
            Known::Never
        }
    };
    let mut counts = BTreeMap::new();
    for reason in comparison.reasons(known).into_iter().flatten() {
        *counts.entry(reason).or_default() += 1;
    }
    counts
}

#[test]
fn real_runs_have_their_reasons() {
    for (now, before, expected) in [
        (
            "0.16.0-c-deleted",
            "0.16.0-c-cold",
            &[(MissReason::Evicted, 14)][..],
        ),
        (
            "0.16.0-c-recache",
            "0.16.0-c-cold",
            &[(MissReason::Forced, 14)],
        ),
        // Files with relative paths hit.
        ("0.16.0-c-r1", "0.16.0-c-cold", &[(MissReason::Path, 5)]),
        (
            "0.16.0-c-broken",
            "0.16.0-c-cold",
            &[(MissReason::Unknown, 14)],
        ),
        (
            "0.16.0-rust-r1",
            "0.16.0-rust-cold",
            &[(MissReason::Path, 7)],
        ),
        (
            "0.19.0-rust-r1",
            "0.19.0-rust-cold",
            &[(MissReason::Path, 7)],
        ),
        // With whole seconds, two crates of one name at once can't be told apart.
        (
            "0.7.7-rust-r1",
            "0.7.7-rust-cold",
            &[(MissReason::Path, 6), (MissReason::Unknown, 1)],
        ),
        // No keys.
        (
            "0.4.2-c-deleted",
            "0.4.2-c-cold",
            &[(MissReason::Unknown, 12)],
        ),
    ] {
        let expected = BTreeMap::from_iter(expected.iter().copied());
        assert_eq!(reasons(now, before), expected, "{now}");
    }
}
