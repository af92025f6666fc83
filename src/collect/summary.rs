//! A build's numbers in a few lines, for the merge log.

use crate::portage::{Build, Outcome, Phase};
use crate::sccache::{Stats, print_block};
use crate::text::{format_bytes, percent};

/// How much is said, `SCCACHE_REPORT_OUTPUT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// sccache's whole block of statistics, as the recipe did that users copied before.
    Full,
    /// Two lines.
    Brief,
    /// Nothing.
    None,
}

impl Output {
    /// `brief` where the variable says nothing, or nothing that is known.
    pub fn from_environment() -> Self {
        match crate::config::text_variable("SCCACHE_REPORT_OUTPUT").as_deref() {
            Some("full") => Self::Full,
            Some("none") => Self::None,
            _ => Self::Brief,
        }
    }
}

/// The lines for `build`.
pub fn lines(build: &Build, output: Output) -> Vec<String> {
    if output == Output::None {
        return Vec::new();
    }
    let measured = build
        .phases
        .iter()
        .filter_map(|phase| phase.stats.as_ref().ok());
    let Some(sum) = Stats::sum(measured) else {
        return vec!["sccache ran, but its statistics are not available".into()];
    };
    let mut lines = vec![rates(&sum)];
    let phases: Vec<String> = build.phases.iter().filter_map(one_phase).collect();
    if phases.len() > 1 {
        lines.push(format!("hits by phase: {}", phases.join(", ")));
    }
    lines.extend(cache_fill(&sum));
    // Nothing else in the log shows it: Portage prints the same with FEATURES=buildpkg.
    if build.outcome == Outcome::Packaged {
        lines.push("outcome: packaged".into());
    }
    for line in &mut lines {
        line.insert_str(0, "sccache: ");
    }
    if output == Output::Full {
        lines.push(String::new());
        lines.extend(print_block(&sum).lines().map(str::to_owned));
    }
    lines
}

fn rates(stats: &Stats) -> String {
    let of = |count: u64, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    let errors = match stats.errors_total() {
        None | Some(0) => String::new(),
        Some(count) => format!(", {}", of(count, "error", "errors")),
    };
    format!(
        "{}, {}{errors}, hit rate {}, coverage {}",
        of(stats.hits.total, "hit", "hits"),
        of(stats.misses.total, "miss", "misses"),
        rate(stats.hit_rate()),
        rate(stats.coverage()),
    )
}

/// `configure 3 of 4`; nothing for a phase in which the cache was not asked.
fn one_phase(phase: &Phase) -> Option<String> {
    let Ok(stats) = &phase.stats else {
        return Some(format!("{} not measured", phase.name));
    };
    let (hits, misses) = (stats.hits.total, stats.misses.total);
    (hits + misses > 0).then(|| format!("{} {hits} of {}", phase.name, hits + misses))
}

/// `cache 261 MiB of 10 GiB (3 %)`.
fn cache_fill(stats: &Stats) -> Option<String> {
    let size = stats.cache_size?;
    Some(match stats.max_cache_size {
        Some(max) if max > 0 => format!(
            "cache {} of {} ({:.0} %)",
            format_bytes(size),
            format_bytes(max),
            100.0 * size as f64 / max as f64
        ),
        _ => format!("cache {}", format_bytes(size)),
    })
}

fn rate(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".into(), percent)
}
