//! The reason of each cause. Those of real logs are in `compilations/tests.rs`.

use super::*;
use MissReason::*;
use std::slice::from_ref;

const SAME: EarlierBuild = EarlierBuild {
    is_of_same_sccache: true,
    is_of_same_cache_and_slot: true,
};

const HERE: u64 = 1;
const OTHER: u64 = 2;

/// A C compilation that missed.
fn miss(unit: &str, key: u64, flags: u64) -> Compilation {
    Compilation {
        unit: unit.into(),
        metadata: None,
        key: Some(ObjectKey(key)),
        language: Some(Language::CFamily),
        result: CompilationResult::Miss,
        is_stored: true,
        lookup: None,
        cache_read: None,
        compile: None,
        flags: Some(flags),
        directory_in_key: DirectoryInKey::Never,
        is_ambiguous: false,
        miss_reason: None,
    }
}

fn crate_miss(unit: &str, key: u64, flags: u64, metadata: u64) -> Compilation {
    Compilation {
        metadata: Some(metadata),
        language: Some(Language::Rust),
        directory_in_key: DirectoryInKey::Always,
        ..miss(unit, key, flags)
    }
}

/// A crate of a registry.
fn registry_miss(key: u64, metadata: u64) -> Compilation {
    Compilation {
        directory_in_key: DirectoryInKey::AvoidedByStablePaths,
        ..crate_miss("serde", key, 1, metadata)
    }
}

fn stable(compilation: Compilation) -> Compilation {
    Compilation {
        directory_in_key: DirectoryInKey::AtStablePaths,
        ..compilation
    }
}

fn absolute(compilation: Compilation) -> Compilation {
    Compilation {
        directory_in_key: DirectoryInKey::Always,
        ..compilation
    }
}

fn with_debug_information(compilation: Compilation) -> Compilation {
    Compilation {
        directory_in_key: DirectoryInKey::Maybe,
        ..compilation
    }
}

fn ambiguous(compilation: Compilation) -> Compilation {
    Compilation {
        is_ambiguous: true,
        ..compilation
    }
}

fn ended(result: CompilationResult) -> Compilation {
    Compilation {
        result,
        ..miss("a.o", 9, 1)
    }
}

/// Returns the reasons after one earlier build. The cache had objects with keys below 100. Those below 200
/// were compiled elsewhere.
fn reasons(
    now: &[Compilation],
    earlier: &[Compilation],
    directory: u64,
) -> Vec<Option<MissReason>> {
    let [earlier, now] = [(directory, earlier), (HERE, now)].map(list);
    let mut comparison = Comparison::new(&now);
    comparison.c_keys_have_paths = true;
    comparison.add(&earlier, SAME);
    comparison.reasons(known)
}

fn list((directory, list): (u64, &[Compilation])) -> Compilations {
    let list = list.to_vec();
    Compilations { directory, list }
}

fn known(ObjectKey(key): ObjectKey) -> Known {
    match key {
        0..100 => Known::Here,
        100..200 => Known::Elsewhere,
        _ => Known::Never,
    }
}

fn check(cause: &str, now: Compilation, directory: u64, reason: MissReason) {
    let before = [
        miss("a.o", 1, 1),
        absolute(miss("b.o", 2, 1)),
        crate_miss("serde", 3, 1, 7),
        Compilation {
            flags: None,
            ..miss("rsp.o", 4, 0)
        },
    ];
    let found = reasons(&[now], &before, directory);
    assert_eq!(found, [Some(reason)], "{cause}");
}

#[test]
fn each_cause_has_its_reason() {
    check("a new file", miss("new.o", 200, 1), HERE, First);
    check("a cleared cache", miss("a.o", 1, 1), HERE, Evicted);
    check(
        "a cleared cache, in another place",
        miss("a.o", 1, 1),
        OTHER,
        Evicted,
    );
    check("another CFLAGS", miss("a.o", 200, 2), HERE, Flags);
    check("an edited file", miss("a.o", 200, 1), HERE, Changed);
    check(
        "an edited file, in another place",
        miss("a.o", 200, 1),
        OTHER,
        Changed,
    );
    check("another place", absolute(miss("b.o", 200, 1)), OTHER, Path);
    check(
        "an edited file by absolute path",
        absolute(miss("b.o", 200, 1)),
        HERE,
        Changed,
    );
    check(
        "debug information in another place",
        with_debug_information(miss("a.o", 200, 1)),
        OTHER,
        Unknown,
    );
    check(
        "an edited file with debug information",
        with_debug_information(miss("a.o", 200, 1)),
        HERE,
        Changed,
    );
    check(
        "an object of another cache",
        miss("a.o", 100, 1),
        HERE,
        Unknown,
    );
    check(
        "a new file, of another cache",
        miss("new.o", 100, 1),
        HERE,
        First,
    );
}

#[test]
fn each_cause_in_crates_has_its_reason() {
    check(
        "the same crate in another place",
        crate_miss("serde", 200, 1, 7),
        OTHER,
        Path,
    );
    check(
        "another version of a crate",
        crate_miss("serde", 200, 1, 8),
        OTHER,
        Changed,
    );
    check(
        "the same crate in the same place",
        crate_miss("serde", 200, 1, 7),
        HERE,
        Changed,
    );
    check(
        "another RUSTFLAGS",
        crate_miss("serde", 200, 2, 9),
        HERE,
        Flags,
    );
}

#[test]
fn what_the_log_does_not_show_is_unknown() {
    check("a response file", miss("rsp.o", 200, 1), HERE, Unknown);
    check(
        "a namesake at once",
        ambiguous(miss("a.o", 200, 1)),
        HERE,
        Unknown,
    );
    check(
        "a new namesake at once",
        ambiguous(miss("new.o", 1, 1)),
        HERE,
        Unknown,
    );
    check(
        "SCCACHE_RECACHE",
        ended(CompilationResult::Forced),
        HERE,
        Forced,
    );
    check(
        "a broken object",
        ended(CompilationResult::ReadError),
        HERE,
        Unknown,
    );
    check(
        "a slow cache",
        ended(CompilationResult::TimedOut),
        HERE,
        Unknown,
    );
}

#[test]
fn what_did_not_miss_has_no_reason() {
    for result in [
        CompilationResult::Hit,
        CompilationResult::NotCached,
        CompilationResult::NotCacheable,
        CompilationResult::CompileFailed,
        CompilationResult::LookupFailed,
    ] {
        assert_eq!(reasons(&[ended(result)], &[], HERE), [None], "{result:?}");
    }
}

#[test]
fn of_more_namesakes_than_before_none_is_certainly_new() {
    let before = [miss("util.o", 1, 1)];
    let now = [
        miss("util.o", 200, 1),
        miss("util.o", 201, 2),
        miss("util.o", 1, 1),
    ];
    assert_eq!(
        reasons(&now, &before, HERE),
        [Some(Unknown), Some(Unknown), Some(Evicted)]
    );
}

#[test]
fn without_all_earlier_builds_nothing_is_first() {
    let now = list((HERE, &[miss("a.o", 200, 1)]));
    let mut comparison = Comparison::new(&now);
    assert_eq!(comparison.reasons(known), [Some(First)]);
    comparison.is_complete = false;
    assert_eq!(comparison.reasons(known), [Some(Unknown)]);
}

#[test]
fn a_unit_of_a_build_that_is_no_longer_kept_is_not_first() {
    let now = list((HERE, &[miss("a.o", 200, 1), miss("b.o", 201, 1)]));
    let mut comparison = Comparison::new(&now);
    comparison.former_units.add(["b.o"]);
    assert_eq!(comparison.reasons(known), [Some(First), Some(Unknown)]);
}

#[test]
fn a_unit_that_was_compiled_in_too_many_ways_is_unknown() {
    let misses = |count| -> Vec<_> { (0..count).map(|n| miss("a.o", 200 + n, n)).collect() };
    let before = misses(MAX_CANDIDATES as u64);
    let now = [miss("a.o", 9999, u64::MAX)];
    assert_eq!(reasons(&now, &before, HERE), [Some(Flags)]);
    // In hostile numbers.
    let before = misses(100_000);
    let mut counts: HashMap<_, usize> = HashMap::new();
    for reason in reasons(&before, &before, HERE) {
        *counts.entry(reason).or_default() += 1;
    }
    assert_eq!(counts, HashMap::from([(Some(Unknown), 100_000)]));
}

#[test]
fn an_object_that_was_asked_for_and_never_stored_has_not_changed() {
    let failed = Compilation {
        key: Some(ObjectKey(200)),
        ..ended(CompilationResult::CompileFailed)
    };
    assert_eq!(
        reasons(&[miss("a.o", 200, 1)], &[failed], HERE),
        [Some(Unknown)]
    );
}

#[test]
fn after_an_update_of_sccache_nothing_has_certainly_changed() {
    let now = list((HERE, &[miss("a.o", 200, 1), miss("b.o", 201, 2)]));
    let before = list((HERE, &[miss("a.o", 1, 1), miss("b.o", 2, 1)]));
    let mut comparison = Comparison::new(&now);
    comparison.add(&before, EarlierBuild::default());
    assert_eq!(comparison.reasons(known), [Some(Unknown), Some(Flags)]);
    comparison.add(&before, SAME);
    assert_eq!(comparison.reasons(known), [Some(Changed), Some(Flags)]);
}

#[test]
fn a_unit_takes_as_long_as_in_the_newest_build_that_compiled_it() {
    let timed = |seconds: Option<u64>| Compilation {
        compile: seconds.map(Duration::from_secs),
        ..miss("a.o", 1, 1)
    };
    let now = list((HERE, &[miss("a.o", 200, 1)]));
    let mut comparison = Comparison::new(&now);
    assert_eq!(comparison.compile_time("a.o"), None);
    comparison.add(&list((HERE, &[timed(None)])), SAME);
    comparison.add(&list((HERE, &[timed(Some(2)), timed(Some(4))])), SAME);
    comparison.add(&list((HERE, &[timed(Some(9))])), SAME);
    assert_eq!(comparison.compile_time("a.o"), Some(Duration::from_secs(3)));
    assert_eq!(comparison.compile_time("b.o"), None);
}

#[test]
fn directories_are_part_of_keys_in_some_versions() {
    let has_paths = |version: &str, directories: Option<&[&str]>| {
        let directories = directories.map(|list| list.iter().map(ToString::to_string).collect());
        let mut stats = Stats {
            version: Some(version.into()),
            base_directories: directories,
            preprocessor_cache_mode: Some(false),
            ..Stats::default()
        };
        assert!(!c_keys_have_paths(&stats));
        stats.preprocessor_cache_mode = Some(true);
        c_keys_have_paths(&stats)
    };
    assert!(has_paths("0.7.7", None));
    assert!(has_paths("0.8.2", None));
    assert!(!has_paths("0.10.0", None));
    assert!(has_paths("0.16.0", Some(&[])));
    assert!(has_paths("1.0.0", Some(&[])));
    assert!(!has_paths("0.16.0", Some(&["/var/tmp"])));
    assert!(!has_paths("0.16.0", None));
    assert!(!has_paths("", None));
}

#[test]
fn before_0_7_7_only_what_needs_no_key_is_certain() {
    let keyless = |unit, flags| Compilation {
        key: None,
        ..miss(unit, 0, flags)
    };
    let before = [keyless("a.o", 1)];
    let now = [keyless("a.o", 1), keyless("a2.o", 1)];
    assert_eq!(reasons(&now, &before, HERE), [Some(Unknown), Some(First)]);
    assert_eq!(reasons(&[keyless("a.o", 2)], &before, HERE), [Some(Flags)]);
}

#[test]
fn turning_stable_paths_on_or_off_is_another_path() {
    let own = registry_miss(200, 7);
    let at_stable_path = stable(own.clone());
    for directory in [HERE, OTHER] {
        for (now, before) in [(&own, &at_stable_path), (&at_stable_path, &own)] {
            let before = Compilation {
                key: Some(ObjectKey(3)),
                ..before.clone()
            };
            let found = reasons(from_ref(now), &[before], directory);
            assert_eq!(found, [Some(Path)], "{now:?} {directory}");
        }
    }
    let before = stable(registry_miss(3, 7));
    let again = |directory| reasons(from_ref(&at_stable_path), from_ref(&before), directory);
    assert_eq!(again(HERE), [Some(Changed)]);
    // Patched crates keep the version in their keys.
    assert_eq!(again(OTHER), [Some(Unknown)]);
}

#[test]
fn more_crates_of_a_name_than_before_are_told_apart_by_metadata() {
    let before = [registry_miss(3, 7)];
    let now = [registry_miss(200, 7), registry_miss(201, 8)];
    assert_eq!(
        reasons(&now, &before, OTHER),
        [Some(Path), Some(Unknown)],
        "two versions of serde"
    );
}

/// Returns whether a crate would hit at a stable path after a build in another directory.
fn would_hit(now: Compilation, before: Compilation, build: EarlierBuild) -> bool {
    let [now, before] =
        [(HERE, now), (OTHER, before)].map(|(directory, one)| list((directory, &[one])));
    let mut comparison = Comparison::new(&now);
    comparison.add(&before, build);
    comparison.would_hit_at_stable_path(&now.list[0])
}

#[test]
fn the_same_crate_in_the_same_cache_would_hit_at_a_stable_path() {
    let (now, before) = (registry_miss(200, 7), registry_miss(3, 7));
    assert!(would_hit(now.clone(), before.clone(), SAME));
    let was_hit = Compilation {
        result: CompilationResult::Hit,
        is_stored: false,
        ..before.clone()
    };
    assert!(would_hit(now.clone(), was_hit, SAME));
    let not_stored = Compilation {
        is_stored: false,
        ..before.clone()
    };
    assert!(!would_hit(now.clone(), not_stored, SAME));
    let of_the_package = crate_miss("serde", 200, 1, 7);
    assert!(!would_hit(of_the_package, before.clone(), SAME));
    assert!(
        !would_hit(registry_miss(200, 8), before.clone(), SAME),
        "another version"
    );
    for other in [
        EarlierBuild {
            is_of_same_sccache: false,
            ..SAME
        },
        EarlierBuild {
            is_of_same_cache_and_slot: false,
            ..SAME
        },
    ] {
        assert!(!would_hit(now.clone(), before.clone(), other), "{other:?}");
    }
}

#[test]
fn a_hit_on_what_only_other_directories_had_is_due_to_its_stable_path() {
    let hit = |compilation: Compilation| Compilation {
        result: CompilationResult::Hit,
        ..compilation
    };
    let is_gained = |now: Compilation, directories: &[u64]| {
        let now = list((HERE, &[now]));
        let mut comparison = Comparison::new(&now);
        for directory in directories {
            comparison.add(&list((*directory, &[stable(registry_miss(3, 7))])), SAME);
        }
        comparison.is_hit_of_stable_path(&now.list[0])
    };
    let now = hit(stable(registry_miss(3, 7)));
    assert!(is_gained(now.clone(), &[OTHER]));
    assert!(!is_gained(now.clone(), &[OTHER, HERE]), "a rebuild");
    assert!(!is_gained(now, &[]), "of an unknown build");
    assert!(!is_gained(hit(registry_miss(3, 7)), &[OTHER]), "own paths");
    assert!(!is_gained(stable(registry_miss(3, 7)), &[OTHER]), "a miss");
}
