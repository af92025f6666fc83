//! The classic statistics block, for people.

use super::stats::{Counts, Level, Stats};
use super::units::format_bytes;

/// Prints statistics in the layout of `sccache --show-stats` of version 0.16.0: names to
/// the left, numbers aligned to the right, then reasons and the cache. What is unknown is
/// left out. Compilers stand where no languages are known.
///
/// [`parse_text`](super::parse_text) reads it back, as far as a text carries it.
pub fn print_block(stats: &Stats) -> String {
    let rows = counters(stats);
    let name_width = rows
        .iter()
        .map(|r| r.name.chars().count())
        .max()
        .unwrap_or(0);
    let value_width = rows.iter().map(|r| r.value.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    for Row { name, value, unit } in rows {
        line(format!("{name:<name_width$} {value:>value_width$}{unit}"));
    }
    if !stats.dist_compiles.is_empty() {
        line(String::from("\nSuccessful distributed compiles"));
        let width = name_width.saturating_sub(2);
        for (server, count) in most_first(&stats.dist_compiles) {
            line(format!("  {server:<width$} {count:>value_width$}"));
        }
    }
    if !stats.not_cached.is_empty() {
        line(String::from("\nNon-cacheable reasons:"));
        for (reason, count) in most_first(&stats.not_cached) {
            line(format!("{reason:<name_width$} {count:>value_width$}"));
        }
    }
    line(String::new());
    for (name, value) in places(stats) {
        line(format!("{name:<name_width$} {value}"));
    }
    for (name, size) in [
        ("Cache size", stats.cache_size),
        ("Max cache size", stats.max_cache_size),
    ] {
        if let Some(size) = size {
            let (value, unit) = format_bytes(size);
            line(format!("{name:<name_width$} {value:>value_width$} {unit}"));
        }
    }
    out
}

struct Row {
    name: String,
    value: String,
    unit: &'static str,
}

impl Row {
    fn count(name: &str, count: u64) -> Row {
        Row {
            name: name.to_owned(),
            value: count.to_string(),
            unit: "",
        }
    }

    fn rate(name: &str, hits: u64, misses: u64) -> Row {
        let all = hits.saturating_add(misses);
        let (value, unit) = match all {
            0 => (String::from("-"), ""),
            _ => (format!("{:.2}", hits as f64 / all as f64 * 100.0), " %"),
        };
        Row {
            name: name.to_owned(),
            value,
            unit,
        }
    }

    /// An average, if there is something that it can be an average of.
    fn average(name: &str, seconds: Option<f64>, of: Option<u64>) -> Option<Row> {
        let (seconds, of) = (seconds?, of?);
        let average = if of == 0 { 0.0 } else { seconds / of as f64 };
        let value = format!("{average:.3}");
        Some(Row {
            name: name.to_owned(),
            value,
            unit: " s",
        })
    }
}

fn counters(stats: &Stats) -> Vec<Row> {
    let mut rows = Vec::new();
    let count = |name: &str, value: Option<u64>| value.map(|value| Row::count(name, value));
    rows.extend(count("Compile requests", stats.requests));
    rows.extend(count("Compile requests executed", stats.executed));
    per_language(&mut rows, "Cache hits", &stats.hits);
    per_language(&mut rows, "Cache misses", &stats.misses);
    rates(&mut rows, stats);
    rows.extend(count("Cache timeouts", stats.timeouts));
    rows.extend(count("Cache read errors", stats.read_errors));
    rows.extend(count("Forced recaches", stats.forced_recaches));
    rows.extend(count("Cache write errors", stats.write_errors));
    if let Some(errors) = &stats.errors {
        per_language(&mut rows, "Cache errors", errors);
    }
    rows.extend(count("Compilations", stats.compilations));
    rows.extend(count("Compilation failures", stats.compile_failures));
    rows.extend(count(
        "Non-cacheable compilations",
        stats.non_cacheable_compilations,
    ));
    rows.extend(count("Non-cacheable calls", stats.non_cacheable));
    rows.extend(count("Non-compilation calls", stats.non_compilation));
    rows.extend(count(
        "Unsupported compiler calls",
        stats.unsupported_compiler,
    ));
    rows.extend(Row::average(
        "Average cache write",
        stats.write_seconds,
        stats.writes,
    ));
    let compilations = stats.compilations.unwrap_or(stats.misses.total);
    rows.extend(Row::average(
        "Average compiler",
        stats.compiler_seconds,
        Some(compilations),
    ));
    let hits = Some(stats.hits.total);
    rows.extend(Row::average(
        "Average cache read hit",
        stats.read_hit_seconds,
        hits,
    ));
    rows.extend(count("Failed distributed compilations", stats.dist_errors));
    if !stats.levels.is_empty() {
        rows.push(Row::count(
            "Multi-level cache levels",
            stats.levels.len() as u64,
        ));
        stats.levels.iter().for_each(|l| level(&mut rows, l));
    }
    rows
}

fn per_language(rows: &mut Vec<Row>, name: &str, counts: &Counts) {
    rows.push(Row::count(name, counts.total));
    let parts = if counts.languages.is_empty() {
        &counts.compilers
    } else {
        &counts.languages
    };
    rows.extend(
        parts
            .iter()
            .map(|(of, &count)| Row::count(&format!("{name} ({of})"), count)),
    );
}

fn rates(rows: &mut Vec<Row>, stats: &Stats) {
    let (hits, misses) = (&stats.hits, &stats.misses);
    rows.push(Row::rate("Cache hits rate", hits.total, misses.total));
    let names = hits.languages.keys().chain(misses.languages.keys());
    for name in names.collect::<std::collections::BTreeSet<_>>() {
        let of = |counts: &Counts| counts.languages.get(name).copied().unwrap_or(0);
        rows.push(Row::rate(
            &format!("Cache hits rate ({name})"),
            of(hits),
            of(misses),
        ));
    }
}

fn level(rows: &mut Vec<Row>, level: &Level) {
    let name = |what: &str| format!("  {} {what}", level.name);
    let count = |what: &str, value: Option<u64>| value.map(|value| Row::count(&name(what), value));
    rows.extend(count("hits", level.hits));
    rows.extend(count("misses", level.misses));
    if let (Some(hits), Some(misses)) = (level.hits, level.misses) {
        rows.push(Row::rate(&name("hit rate"), hits, misses));
    }
    rows.extend(count("writes", level.writes));
    rows.extend(count("write failures", level.write_failures));
    rows.extend(count("backfills from", level.backfills_from));
    rows.extend(count("backfills to", level.backfills_to));
    rows.extend(Row::average(
        &name("avg cache write"),
        level.write_seconds,
        level.writes,
    ));
    rows.extend(Row::average(
        &name("avg cache read hit"),
        level.hit_seconds,
        level.hits,
    ));
}

/// The lines about the cache whose values are texts.
fn places(stats: &Stats) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: &str| lines.push((name.to_owned(), value.to_owned()));
    if let Some(location) = &stats.cache_location {
        line("Cache location", location);
    }
    for level in &stats.levels {
        if let Some(location) = &level.location {
            line(&format!("  {}", level.name), location);
        }
    }
    match stats.base_directories.as_deref() {
        None => {}
        Some([]) => line("Base directories", "(none)"),
        Some(directories) => line("Base directories", &directories.join(", ")),
    }
    if let Some(on) = stats.preprocessor_cache_mode {
        line(
            "Use direct/preprocessor mode?",
            if on { "yes" } else { "no" },
        );
    }
    if let Some(version) = &stats.version {
        line("Version (client)", version);
    }
    lines
}

/// By count, the highest first, and equal ones by name.
fn most_first(counts: &std::collections::BTreeMap<String, u64>) -> Vec<(&String, u64)> {
    let mut rows: Vec<_> = counts.iter().map(|(name, &count)| (name, count)).collect();
    rows.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
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
