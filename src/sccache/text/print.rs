//! The classic statistics block, for people.

use std::cmp::Reverse;

use crate::sccache::stats::{Counts, Level, Statistics, Stats, hit_rate};
use crate::sccache::units::format_bytes;

/// Prints statistics in the layout of `sccache --show-stats` of version 0.16.0: names to
/// the left, numbers aligned to the right, then reasons and the cache. What is unknown is
/// left out. Compilers stand where no languages are known.
///
/// [`parse_text`](super::parse_text) reads it back, as far as a text carries it.
pub fn print_block(stats: &Stats) -> String {
    let Numbers(numbers) = counters(stats);
    let names = numbers.iter().map(|(name, ..)| name.chars().count());
    let values = numbers.iter().map(|(_, value, _)| value.len());
    let (name_width, value_width) = (names.max().unwrap_or(0), values.max().unwrap_or(0));
    let number = |name: &str, value: &str, unit: &str| {
        format!("{name:<name_width$} {value:>value_width$}{unit}")
    };
    let mut lines = Vec::new();
    for (name, value, unit) in &numbers {
        lines.push(number(name, value, unit));
    }
    for (title, counts, indent) in [
        (
            "Successful distributed compiles",
            &stats.dist_compiles,
            "  ",
        ),
        ("Non-cacheable reasons:", &stats.not_cached, ""),
    ] {
        if !counts.is_empty() {
            lines.extend([String::new(), title.to_owned()]);
        }
        let mut rows: Vec<_> = counts.iter().collect();
        rows.sort_by_key(|&(_, count)| Reverse(count));
        for (name, count) in rows {
            lines.push(number(&format!("{indent}{name}"), &count.to_string(), ""));
        }
    }
    lines.push(String::new());
    for (name, value) in places(stats) {
        lines.push(format!("{name:<name_width$} {value}"));
    }
    for (name, size) in [
        ("Cache size", stats.cache_size),
        ("Max cache size", stats.max_cache_size),
    ] {
        let size = size.map(format_bytes).unwrap_or_default();
        if let Some((value, unit)) = size.split_once(' ') {
            lines.push(number(name, value, &format!(" {unit}")));
        }
    }
    let lines = lines.iter().map(|line| line.trim_end());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The lines of the first part: name, number, unit.
#[derive(Default)]
struct Numbers(Vec<(String, String, &'static str)>);

impl Numbers {
    fn count(&mut self, name: String, count: u64) {
        self.0.push((name, count.to_string(), ""));
    }

    fn rate(&mut self, name: String, hits: u64, misses: u64) {
        self.0.push(match hit_rate(hits, misses) {
            Some(rate) => (name, format!("{:.2}", rate * 100.0), " %"),
            None => (name, "-".to_owned(), ""),
        });
    }

    fn divided(&mut self, name: &str, counts: &Counts) {
        let parts = if counts.languages.is_empty() {
            &counts.compilers
        } else {
            &counts.languages
        };
        self.count(name.to_owned(), counts.total);
        for (part, count) in parts {
            self.count(format!("{name} ({part})"), *count);
        }
    }

    /// Averages of the times for which the number of calls is known.
    fn averages<S: Statistics>(&mut self, prefix: &str, stats: &S) {
        for field in S::SECONDS {
            if let Some((seconds, calls)) = (field.get)(stats).zip((field.calls)(stats)) {
                let average = seconds / calls.max(1) as f64;
                let name = format!("{prefix}{}", field.label);
                self.0.push((name, format!("{average:.3}"), " s"));
            }
        }
    }

    fn level(&mut self, level: &Level) {
        let prefix = format!("  {} ", level.name);
        for field in Level::COUNTERS {
            if let Some(count) = (field.get)(level) {
                self.count(format!("{prefix}{}", field.label), count);
            }
        }
        if let Some((hits, misses)) = level.hits.zip(level.misses) {
            self.rate(format!("{prefix}hit rate"), hits, misses);
        }
        self.averages(&prefix, level);
    }
}

fn counters(stats: &Stats) -> Numbers {
    let mut numbers = Numbers::default();
    for field in Stats::COUNTERS {
        match field.name {
            "timeouts" => {
                let (hits, misses) = (&stats.hits, &stats.misses);
                numbers.divided("Cache hits", hits);
                numbers.divided("Cache misses", misses);
                numbers.rate("Cache hits rate".to_owned(), hits.total, misses.total);
                for part in stats.by_language() {
                    let name = format!("Cache hits rate ({})", part.name);
                    numbers.rate(name, part.hits, part.misses);
                }
            }
            "compilations" => {
                let errors = stats.errors.iter();
                errors.for_each(|errors| numbers.divided("Cache errors", errors));
            }
            "dist_errors" => numbers.averages("", stats),
            _ => {}
        }
        if let Some(count) = (field.get)(stats).filter(|_| !field.label.is_empty()) {
            numbers.count(field.label.to_owned(), count);
        }
    }
    if !stats.levels.is_empty() {
        let count = stats.levels.len() as u64;
        numbers.count("Multi-level cache levels".to_owned(), count);
        stats.levels.iter().for_each(|level| numbers.level(level));
    }
    numbers
}

/// The lines about the cache whose values are texts.
fn places(stats: &Stats) -> Vec<(String, String)> {
    let directories = stats.base_directories.as_ref().map(|all| match &all[..] {
        [] => "(none)".to_owned(),
        all => all.join(", "),
    });
    let mode = stats.preprocessor_cache_mode;
    let mode = mode.map(|on| if on { "yes" } else { "no" }.to_owned());
    let levels = stats.levels.iter();
    let levels = levels.map(|level| (format!("  {}", level.name), level.location.clone()));
    let location = ("Cache location".to_owned(), stats.cache_location.clone());
    [location]
        .into_iter()
        .chain(levels)
        .chain([
            ("Base directories".to_owned(), directories),
            ("Use direct/preprocessor mode?".to_owned(), mode),
            ("Version (client)".to_owned(), stats.version.clone()),
        ])
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_aligned_columns_without_what_is_unknown() {
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
Compile requests          193
Cache hits                144
Cache hits (Rust)         144
Cache misses                0
Cache hits rate        100.00 %
Cache hits rate (Rust) 100.00 %
Cache errors                0

Non-cacheable reasons:
crate-type                 47
-                           2

Cache location         Local disk: \"/var/cache/sccache\"
Cache size                261 MiB
";
        assert_eq!(print_block(&stats), expected);
    }
}
