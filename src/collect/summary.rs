//! The summary of a build in the merge log.

use crate::config;
use crate::portage::{Build, Outcome, Phase};
use crate::sccache::{Stats, print_block};
use crate::text::{format_bytes, percent, plural};

/// Returns the lines for a build, which `import` parses. `SCCACHE_REPORT_OUTPUT` selects how many:
/// `full` adds sccache's own block of statistics.
pub(super) fn lines(build: &Build) -> Vec<String> {
    let output = config::text_variable("SCCACHE_REPORT_OUTPUT").unwrap_or_default();
    if output == "none" {
        return Vec::new();
    }
    let measured = build.phases.iter().filter_map(|p| p.stats.as_ref().ok());
    let Some(sum) = Stats::sum(measured) else {
        return vec!["sccache ran, but its statistics are not available".into()];
    };
    let mut lines = vec![format_rates(&sum)];
    let phases: Vec<String> = build.phases.iter().filter_map(format_phase).collect();
    if phases.len() > 1 {
        lines.push(format!("hits by phase: {}", phases.join(", ")));
    }
    lines.extend(format_cache(&sum));
    // Portage's own messages are the same as with FEATURES=buildpkg.
    if build.outcome == Outcome::Packaged {
        lines.push("outcome: packaged".into());
    }
    for line in &mut lines {
        line.insert_str(0, "sccache: ");
    }
    if output == "full" {
        lines.push(String::new());
        lines.extend(print_block(&sum).lines().map(str::to_owned));
    }
    lines
}

/// `53 hits, 1 miss, hit rate 98.1 %, coverage 70.5 %`.
fn format_rates(stats: &Stats) -> String {
    let (hits, misses) = (stats.hits.total, stats.misses.total);
    let misses_noun = if misses == 1 { "miss" } else { "misses" };
    let errors = match stats.errors_total() {
        None | Some(0) => String::new(),
        Some(count) => format!(", {count} {}", plural(count, "error")),
    };
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".into(), percent);
    format!(
        "{hits} {}, {misses} {misses_noun}{errors}, hit rate {}, coverage {}",
        plural(hits, "hit"),
        rate(stats.hit_rate()),
        rate(stats.coverage()),
    )
}

/// `configure 3 of 4`, or nothing for a phase without hits and misses.
fn format_phase(phase: &Phase) -> Option<String> {
    let Ok(stats) = &phase.stats else {
        return Some(format!("{} not measured", phase.name));
    };
    let (hits, misses) = (stats.hits.total, stats.misses.total);
    (hits + misses > 0).then(|| format!("{} {hits} of {}", phase.name, hits + misses))
}

/// `cache 261 MiB of 10 GiB (3 %)`.
fn format_cache(stats: &Stats) -> Option<String> {
    let size = stats.cache_size?;
    let used = format_bytes(size);
    Some(match stats.max_cache_size {
        Some(max) if max > 0 => {
            let percent = 100.0 * size as f64 / max as f64;
            format!("cache {used} of {} ({percent:.0} %)", format_bytes(max))
        }
        _ => format!("cache {used}"),
    })
}
