//! Builds with compilations.

use std::time::Duration;

use super::samples::{build, counts, rust_stats};
use sccache_report::portage::Build;
use sccache_report::sccache::Stats;
use sccache_report::sccache::compilations::{
    Compilation, CompilationList, CompilationResult, Compilations, Language, ObjectKey,
};

/// The directory of [`listed`] builds.
pub const HERE: u64 = 1;

/// A C file that was compiled in a second after a lookup of 0.1 s, and stored.
pub fn miss(unit: &str, key: u64) -> Compilation {
    Compilation {
        unit: unit.into(),
        metadata: None,
        key: Some(ObjectKey(key)),
        language: Some(Language::CFamily),
        result: CompilationResult::Miss,
        is_stored: true,
        lookup: Some(Duration::from_millis(100)),
        cache_read: Some(Duration::from_millis(2)),
        compile: Some(Duration::from_secs(1)),
        flags: Some(1),
        names_directory: false,
        is_ambiguous: false,
        miss_reason: None,
    }
}

/// The same file, from the cache.
pub fn hit(unit: &str, key: u64) -> Compilation {
    Compilation {
        result: CompilationResult::Hit,
        is_stored: false,
        compile: None,
        ..miss(unit, key)
    }
}

/// A compilation that took so many seconds.
pub fn taking(seconds: f64, compilation: Compilation) -> Compilation {
    Compilation {
        compile: Some(Duration::from_secs_f64(seconds)),
        ..compilation
    }
}

/// The statistics of a phase with these compilations on idle cores: the server took 0.25 s, its clients
/// 0.125 s.
pub fn listed_stats(list: &[Compilation]) -> Stats {
    let count = |is: fn(CompilationResult) -> bool| {
        let count = list.iter().filter(|c| is(c.result)).count();
        counts("C/C++", "c [gcc]", count as u64)
    };
    let times = list.iter().flat_map(|c| [c.lookup, c.compile]).flatten();
    let misses = count(CompilationResult::is_miss);
    Stats {
        executed: Some(list.len() as u64),
        hits: count(CompilationResult::is_hit),
        compilations: Some(misses.total),
        compiler_seconds: Some(
            list.iter()
                .flat_map(|c| c.compile)
                .sum::<Duration>()
                .as_secs_f64(),
        ),
        misses,
        processor_seconds: Some(times.sum::<Duration>().as_secs_f64()),
        server_seconds: Some(0.25),
        client_seconds: Some(0.125),
        base_directories: Some(Vec::new()),
        ..rust_stats(0, 0)
    }
}

/// A merged build on a day of November 2026, with one compile phase whose shell took a second.
pub fn listed(day: u32, package: &str, list: &[Compilation]) -> Build {
    listed_in(HERE, day, package, list)
}

/// As [`listed`], in another directory.
pub fn listed_in(directory: u64, day: u32, package: &str, list: &[Compilation]) -> Build {
    let start = format!("2026-11-{day:02}T10:00:00Z");
    let number = u128::from(day) + 100 * package.len() as u128;
    let mut build = build(number, package, "1", &start, listed_stats(list));
    build.phases[0].shell_seconds = Some(1.0);
    let list = list.to_vec();
    let list = CompilationList::encode(&Compilations { directory, list });
    build.phases[0].compilations = Some(list);
    build
}
