//! Builds with compilations.

use std::path::Path;
use std::time::Duration;

use super::samples::{build, counts, id, record, rust_stats};
use sccache_report::portage::Build;
use sccache_report::sccache::Stats;
use sccache_report::sccache::compilations::{
    Compilation, CompilationList, CompilationResult, Compilations, DirectoryInKey, Language,
    ObjectKey,
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
        directory_in_key: DirectoryInKey::Never,
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

/// Records a package that missed for every reason but `forced`, and returns its newest build. The
/// build before compiled most of its units.
pub fn record_explained(db: &Path) -> Build {
    let evicted = [
        taking(12.0, miss("src/parser/grammar.cpp.o", 1)),
        taking(4.0, miss("src/main.cpp.o", 2)),
        taking(0.9, miss("src/util.cpp.o", 3)),
        taking(0.3, miss("src/util.cpp.o", 4)),
        taking(0.1, miss("src/small.cpp.o", 5)),
    ];
    let crate_name = "x\u{1b}[31m\u{202e}";
    let rust = |key| Compilation {
        metadata: Some(7),
        language: Some(Language::Rust),
        directory_in_key: DirectoryInKey::Always,
        ..miss(crate_name, key)
    };
    let others = [miss("src/old.cpp.o", 6), miss("src/bare.cpp.o", 7), rust(8)];
    let mut hits: Vec<_> = (0..28).map(|n| miss(&format!("{n}.o"), 100 + n)).collect();
    let mut before = listed_in(
        2,
        1,
        "app-misc/foo",
        &[&evicted[..], &others, &hits].concat(),
    );
    before.version = "1.1".into();
    before.phases[0].stats.as_mut().unwrap().cache_size = Some(19 << 29);

    hits.extend([128, 129].map(|key| miss("2.o", key)));
    let mut list: Vec<_> = hits
        .into_iter()
        .map(|c| hit(&c.unit, c.key.unwrap().0))
        .collect();
    list.extend(evicted);
    let mut bare = taking(0.01, miss("src/bare.cpp.o", 9));
    bare.flags = Some(2);
    let mut path = rust(10);
    path.compile = None;
    list.extend([
        taking(8.0, miss("src/old.cpp.o", 11)),
        taking(2.5, miss("src/new.cpp.o", 12)),
        bare,
        path,
    ]);
    let mut build = listed(20, "app-misc/foo", &list);
    build.id = id(1);
    build.version = "1.2".into();
    let stats = build.phases[0].stats.as_mut().unwrap();
    stats.cache_size = Some(19 << 29);

    let mut broken = taking(0.02, miss("conftest.o", 13));
    broken.result = CompilationResult::ReadError;
    let mut configure = listed(20, "app-misc/foo", &[broken]).phases.remove(0);
    configure.name = "configure".into();
    build.phases.insert(0, configure);
    record(db, &[before, build.clone()]);
    build
}
