//! What sccache counts in a phase of a generated build.

use std::collections::BTreeMap;

use sccache_report::sccache::{Counts, Stats};

use super::Random;

/// A language, sccache's names of its compilers, and the seconds per compilation.
const LANGUAGES: [(&str, &[&str], f64); 3] = [
    ("C/C++", &["c [gcc]", "c++ [gcc]"], 1.1),
    ("Rust", &["rust"], 2.3),
    ("CUDA", &["cuda [nvcc]"], 9.0),
];
/// Reasons and weights: first for Rust, then for the other languages.
const REASONS: [(&str, u64); 6] = [
    ("crate-type", 15),
    ("-", 3),
    ("missing input", 2),
    ("multiple input files", 4),
    ("unknown source language", 6),
    ("-E", 9),
];

/// Returns the statistics that sccache 0.16.0 would print for a phase. Counts of 0 have no entry.
#[expect(clippy::too_many_lines, reason = "a line per field")]
pub fn stats(random: &mut Random, language: usize, calls: u64, cold: bool) -> Stats {
    let (name, compilers, seconds) = LANGUAGES[language];
    let missed = if cold {
        60 + random.below(41)
    } else {
        random.below(20)
    };
    let misses = calls * missed / 100;
    let parts = |total: u64| {
        let half = total / 2 * (compilers.len() as u64 - 1);
        let of_compilers = [total - half, half];
        { compilers.iter().zip(of_compilers) }
            .map(|(name, count)| ((*name).to_string(), count))
            .filter(|(_, count)| *count > 0)
            .collect()
    };
    let counts = |total: u64| Counts {
        total,
        languages: { (total > 0).then(|| (name.to_string(), total)) }
            .into_iter()
            .collect(),
        compilers: parts(total),
    };
    let first = if name == "Rust" { 0 } else { 3 };
    let times = 1 + random.below(3);
    let not_cached: BTreeMap<String, u64> = REASONS[first..first + 3]
        .iter()
        .map(|(reason, n)| (reason.to_string(), n * times))
        .collect();
    let compiler = misses as f64 * seconds * (80 + random.below(40)) as f64 / 100.0;
    let non_cacheable = not_cached.values().sum();
    Stats {
        requests: Some(calls + non_cacheable + 2),
        executed: Some(calls),
        unsupported_compiler: Some(0),
        non_compilation: Some(2),
        non_cacheable: Some(non_cacheable),
        hits: counts(calls - misses),
        misses: counts(misses),
        errors: Some(counts(0)),
        timeouts: Some(0),
        read_errors: Some(0),
        write_errors: Some(0),
        writes: Some(misses),
        forced_recaches: Some(0),
        non_cacheable_compilations: Some(0),
        compilations: Some(misses),
        compile_failures: Some(0),
        dist_errors: Some(0),
        write_seconds: Some(misses as f64 * 0.004),
        read_hit_seconds: Some((calls - misses) as f64 * 0.003),
        compiler_seconds: Some(compiler),
        // On busy cores, and with the preprocessors of hits.
        processor_seconds: Some(compiler * 0.9 + calls as f64 * 0.02),
        not_cached,
        cache_location: Some("Local disk: \"/var/cache/sccache\"".into()),
        cache_size: Some(8 << 30),
        max_cache_size: Some(10 << 30),
        preprocessor_cache_mode: Some(true),
        version: Some("0.16.0".into()),
        base_directories: Some(Vec::new()),
        ..Stats::default()
    }
}
