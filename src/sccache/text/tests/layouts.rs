//! The texts of earlier versions, made from the newest: without the lines that they don't print, and
//! with the names that they use.

use super::*;

/// Versions that changed the text.
const VERSIONS: [(u32, u32, u32); 10] = [
    (0, 2, 15),
    (0, 4, 0),
    (0, 6, 0),
    (0, 7, 0),
    (0, 8, 2),
    (0, 9, 0),
    (0, 14, 0),
    (0, 15, 0),
    (0, 16, 0),
    (0, 19, 0),
];

type Version = (u32, u32, u32);

/// Returns the part of a model that the text of this version has.
fn carried(mut stats: Stats, version: Version) -> Stats {
    if version < (0, 4, 0) {
        stats.version = None;
    }
    if version < (0, 7, 0) {
        stats.preprocessor_cache_mode = None;
    }
    if version < (0, 9, 0) {
        stats.compilations = None;
    }
    if version < (0, 14, 0) {
        stats.base_directories = None;
    }
    stats
}

/// Returns the text of this version.
fn layout(stats: &Stats, version: Version) -> String {
    let mut out = String::new();
    for line in print_block(stats).lines() {
        if version < (0, 8, 2) && line.starts_with("Cache hits rate") {
            continue;
        }
        let line = if version < (0, 4, 0) {
            line.replace("Average compiler       ", "Average cache read miss")
        } else {
            line.to_owned()
        };
        out.push_str(&line);
        out.push('\n');
    }
    if version >= (0, 19, 0) {
        let at = out.find("Cache size").unwrap_or(out.len());
        out.insert_str(at, "Effective cache mode            ReadWrite\n");
    }
    out
}

proptest! {
    #[test]
    fn what_any_version_prints_is_read_back(stats in model(), compiler in of(0..9_000_u32)) {
        for version in VERSIONS {
            let mut stats = carried(stats.clone(), version);
            let compilations = stats.compilations.unwrap_or(stats.misses.total);
            // Milliseconds on average, which is what a text carries.
            stats.compiler_seconds = compiler
                .map(|ms| format!("{:.3}", f64::from(ms) / 1e3).parse::<f64>().unwrap())
                .map(|average| average * compilations as f64);
            let read = parse_text(&layout(&stats, version));
            let mut read = read.unwrap();
            let (ours, theirs) = (stats.compiler_seconds.take(), read.compiler_seconds.take());
            prop_assert_eq!(ours.is_some(), theirs.is_some());
            let near = ours.zip(theirs).is_none_or(|(a, b)| (a - b).abs() <= a * 1e-9);
            prop_assert!(near, "{:?} {:?} {:?}", version, ours, theirs);
            prop_assert_eq!(&read, &stats, "{:?}", version);
        }
    }
}
