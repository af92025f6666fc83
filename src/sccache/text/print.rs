//! Prints statistics as `sccache --show-stats` does.

use std::cmp::Reverse;
use std::fmt::Display;

use crate::sccache::stats::{Field, Stats};
use crate::text::format_bytes;

/// Prints statistics in the layout of `sccache --show-stats` 0.16.0. Unknown numbers and the rates
/// of single languages are left out.
///
/// [`parse_text`](super::parse_text) reads it back, with the precision of a text.
pub fn print_block(stats: &Stats) -> String {
    let mut lines = counter_lines(stats);
    for (title, counts) in [
        ("Successful distributed compiles", &stats.dist_compiles),
        ("Non-cacheable reasons:", &stats.not_cached),
    ] {
        if counts.is_empty() {
            continue;
        }
        lines.extend([String::new(), title.to_owned()]);
        let mut rows: Vec<_> = counts.iter().collect();
        rows.sort_by_key(|&(_, count)| Reverse(count));
        lines.extend(
            rows.iter()
                .map(|(name, count)| number_line(name, count, "")),
        );
    }
    lines.push(String::new());
    lines.extend(cache_lines(stats));
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

fn number_line(name: &str, number: impl Display, unit: &str) -> String {
    format!("{name:<31} {number:>7}{unit}")
}

fn counter_lines(stats: &Stats) -> Vec<String> {
    let counter = |field: &Field<u64>| {
        let count = (field.get)(stats).filter(|_| !field.label.is_empty())?;
        Some(number_line(field.label, count, ""))
    };
    let (requests, others) = Stats::COUNTERS.split_at(2);
    let mut lines: Vec<String> = requests.iter().filter_map(counter).collect();
    for (name, counts) in [
        ("Cache hits", Some(&stats.hits)),
        ("Cache misses", Some(&stats.misses)),
        ("Cache errors", stats.errors.as_ref()),
    ] {
        let Some(counts) = counts else { continue };
        lines.push(number_line(name, counts.total, ""));
        let part = |(part, count)| number_line(&format!("{name} ({part})"), count, "");
        lines.extend(counts.languages.iter().map(part));
    }
    if let Some(rate) = stats.hit_rate() {
        let percent = format!("{:.2}", rate * 100.0);
        lines.push(number_line("Cache hits rate", percent, " %"));
    }
    lines.extend(others.iter().filter_map(counter));
    for field in Stats::SECONDS {
        if let Some((seconds, calls)) = (field.get)(stats).zip((field.calls)(stats)) {
            let average = format!("{:.3}", seconds / calls.max(1) as f64);
            lines.push(number_line(field.label, average, " s"));
        }
    }
    if !stats.levels.is_empty() {
        let count = stats.levels.len();
        lines.push(number_line("Multi-level cache levels", count, ""));
    }
    for level in &stats.levels {
        let counts = level.named_counts().into_iter();
        let line = |(label, count)| number_line(&format!("  {} {label}", level.name), count, "");
        lines.extend(counts.map(line));
    }
    lines
}

fn cache_lines(stats: &Stats) -> Vec<String> {
    let directories = stats.base_directories.as_ref().map(|all| all.join(", "));
    let directories = directories.map(|all| if all.is_empty() { "(none)".into() } else { all });
    let mode = stats.preprocessor_cache_mode;
    let mut lines = Vec::new();
    for (name, value) in [
        ("Cache location", stats.cache_location.clone()),
        ("Base directories", directories),
        (
            "Use direct/preprocessor mode?",
            mode.map(|is_on| if is_on { "yes" } else { "no" }.into()),
        ),
        ("Version (client)", stats.version.clone()),
    ] {
        lines.extend(value.map(|value| format!("{name:<31} {value}")));
        if name == "Cache location" {
            let levels = stats.levels.iter();
            let located = levels.filter_map(|level| Some((&level.name, level.location.as_ref()?)));
            lines.extend(located.map(|(name, value)| format!("  {name:<29} {value}")));
        }
    }
    for (name, size) in [
        ("Cache size", stats.cache_size),
        ("Max cache size", stats.max_cache_size),
    ] {
        let size = size.map(format_bytes).unwrap_or_default();
        if let Some((number, unit)) = size.split_once(' ') {
            lines.push(number_line(name, number, &format!(" {unit}")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sccache::Counts;

    #[test]
    fn unknown_numbers_are_left_out() {
        let stats = Stats {
            requests: Some(193),
            errors: Some(Counts::default()),
            hits: Counts {
                total: 144,
                languages: [("Rust".to_owned(), 144)].into(),
                ..Counts::default()
            },
            not_cached: [("-".to_owned(), 2), ("crate-type".to_owned(), 47)].into(),
            cache_location: Some("Local disk: \"/var/cache/sccache\"".to_owned()),
            cache_size: Some(261 << 20),
            ..Stats::default()
        };
        let expected = "\
Compile requests                    193
Cache hits                          144
Cache hits (Rust)                   144
Cache misses                          0
Cache errors                          0
Cache hits rate                  100.00 %

Non-cacheable reasons:
crate-type                           47
-                                     2

Cache location                  Local disk: \"/var/cache/sccache\"
Cache size                          261 MiB
";
        assert_eq!(print_block(&stats), expected);
    }
}
