//! The classic statistics block, for people.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::sccache::stats::{Counts, Field, Level, Statistics, Stats};
use crate::sccache::units::format_bytes;

/// Prints statistics in the layout of `sccache --show-stats` of version 0.16.0: names to
/// the left, numbers aligned to the right, then reasons and the cache. What is unknown is
/// left out. Compilers stand where no languages are known.
///
/// [`parse_text`](super::parse_text) reads it back, as far as a text carries it.
pub fn print_block(stats: &Stats) -> String {
    let rows = counters(stats);
    let name_width = rows.iter().map(|row| row.name.chars().count()).max();
    let name_width = name_width.unwrap_or(0);
    let value_width = rows.iter().map(|row| row.value.len()).max().unwrap_or(0);
    let mut lines: Vec<String> = Vec::new();
    for Row { name, value, unit } in rows {
        lines.push(format!("{name:<name_width$} {value:>value_width$}{unit}"));
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
        let width = name_width.saturating_sub(indent.len());
        for (name, count) in most_first(counts) {
            lines.push(format!("{indent}{name:<width$} {count:>value_width$}"));
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
        let size = size.map(format_bytes);
        if let Some((value, unit)) = size.as_deref().and_then(|size| size.split_once(' ')) {
            lines.push(format!("{name:<name_width$} {value:>value_width$} {unit}"));
        }
    }
    let trimmed = lines.iter().map(|line| line.trim_end());
    trimmed.flat_map(|line| [line, "\n"]).collect()
}

struct Row {
    name: String,
    value: String,
    unit: &'static str,
}

impl Row {
    fn count(name: String, count: u64) -> Row {
        let (value, unit) = (count.to_string(), "");
        Row { name, value, unit }
    }

    fn rate(name: String, hits: u64, misses: u64) -> Row {
        let (value, unit) = match hits.saturating_add(misses) {
            0 => ("-".to_owned(), ""),
            all => (format!("{:.2}", hits as f64 / all as f64 * 100.0), " %"),
        };
        Row { name, value, unit }
    }

    /// An average, if it is known what it is an average over.
    fn average<S>(prefix: &str, field: &Field<S, f64>, stats: &S) -> Option<Row> {
        let (seconds, calls) = (field.get)(stats).zip((field.calls)(stats))?;
        let average = if calls == 0 {
            0.0
        } else {
            seconds / calls as f64
        };
        Some(Row {
            name: format!("{prefix}{}", field.label),
            value: format!("{average:.3}"),
            unit: " s",
        })
    }
}

fn counters(stats: &Stats) -> Vec<Row> {
    let mut rows = Vec::new();
    for field in Stats::COUNTERS {
        match field.name {
            "timeouts" => {
                rows.extend(per_language("Cache hits", &stats.hits));
                rows.extend(per_language("Cache misses", &stats.misses));
                rows.extend(rates(stats));
            }
            "compilations" => {
                let errors = stats.errors.iter();
                rows.extend(errors.flat_map(|errors| per_language("Cache errors", errors)));
            }
            "dist_errors" => {
                let times = Stats::SECONDS.iter();
                rows.extend(times.filter_map(|time| Row::average("", time, stats)));
            }
            _ => {}
        }
        let is_in_text = !field.label.is_empty();
        let count = (field.get)(stats).filter(|_| is_in_text);
        rows.extend(count.map(|count| Row::count(field.label.to_owned(), count)));
    }
    if !stats.levels.is_empty() {
        let count = stats.levels.len() as u64;
        rows.push(Row::count("Multi-level cache levels".to_owned(), count));
        rows.extend(stats.levels.iter().flat_map(level));
    }
    rows
}

fn per_language(name: &str, counts: &Counts) -> Vec<Row> {
    let parts = if counts.languages.is_empty() {
        &counts.compilers
    } else {
        &counts.languages
    };
    let mut rows = vec![Row::count(name.to_owned(), counts.total)];
    for (part, count) in parts {
        rows.push(Row::count(format!("{name} ({part})"), *count));
    }
    rows
}

fn rates(stats: &Stats) -> Vec<Row> {
    let (hits, misses) = (&stats.hits, &stats.misses);
    let mut rows = vec![Row::rate(
        "Cache hits rate".to_owned(),
        hits.total,
        misses.total,
    )];
    let names = hits.languages.keys().chain(misses.languages.keys());
    for name in names.collect::<BTreeSet<_>>() {
        let [hits, misses] = [hits, misses].map(|counts| counts.languages.get(name).copied());
        let (hits, misses) = (hits.unwrap_or(0), misses.unwrap_or(0));
        rows.push(Row::rate(format!("Cache hits rate ({name})"), hits, misses));
    }
    rows
}

fn level(level: &Level) -> Vec<Row> {
    let prefix = format!("  {} ", level.name);
    let mut rows = Vec::new();
    for field in Level::COUNTERS {
        let count = (field.get)(level);
        rows.extend(count.map(|count| Row::count(format!("{prefix}{}", field.label), count)));
        if field.name == "misses"
            && let Some((hits, misses)) = level.hits.zip(level.misses)
        {
            rows.push(Row::rate(format!("{prefix}hit rate"), hits, misses));
        }
    }
    let times = Level::SECONDS.iter();
    rows.extend(times.filter_map(|time| Row::average(&prefix, time, level)));
    rows
}

/// The lines about the cache whose values are texts.
fn places(stats: &Stats) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| (name.to_owned(), value)));
    };
    line("Cache location", stats.cache_location.clone());
    for level in &stats.levels {
        line(&format!("  {}", level.name), level.location.clone());
    }
    let directories = stats.base_directories.as_deref();
    line(
        "Base directories",
        directories.map(|directories| match directories {
            [] => "(none)".to_owned(),
            _ => directories.join(", "),
        }),
    );
    let mode = stats.preprocessor_cache_mode;
    line(
        "Use direct/preprocessor mode?",
        mode.map(|on| if on { "yes" } else { "no" }.to_owned()),
    );
    line("Version (client)", stats.version.clone());
    lines
}

/// By count, the highest first, and equal ones by name.
fn most_first(counts: &BTreeMap<String, u64>) -> Vec<(&String, &u64)> {
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by_key(|&(_, count)| Reverse(count));
    rows
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
