//! Text for people: one formatter each for numbers, rates, sizes, durations, and dates, and lines
//! that fit a terminal.

use chrono::{DateTime, Local, Utc};
use unicode_width::UnicodeWidthStr;
use uuid::Uuid;

use crate::store::CacheState;
pub(super) use crate::text::percent;
use crate::text::{format_bytes, plural, printable};

/// Longer lines are hard to read on any terminal.
const MAX_LINE: usize = 100;

/// Escapes control characters and characters that reorder or hide text. Most text comes from builds.
pub(super) fn sanitize(text: &str) -> String {
    printable(text, usize::MAX)
}

/// Wraps between words. Lines after the first start with `indent`.
pub(super) fn wrap(text: &str, width: Option<usize>, indent: &str) -> String {
    let Some(width) = width else {
        return text.to_string();
    };
    let options = textwrap::Options::new(width)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .subsequent_indent(indent);
    textwrap::fill(text, options)
}

/// Sanitizes and wraps `body` after `prefix`, with further lines aligned below the body.
pub(super) fn hanging(prefix: &str, body: &str, width: Option<usize>) -> String {
    let indent = " ".repeat(prefix.width());
    let width = width.map(|width| width.min(MAX_LINE));
    wrap(&format!("{prefix}{}", sanitize(body)), width, &indent)
}

/// Returns `1,234,567`.
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns a number and its noun: `1 build`, `2 builds`.
pub(super) fn count(n: u64, noun: &str) -> String {
    format!("{} {}", number(n), plural(n, noun))
}

/// Returns `1 hit, 2 misses`.
pub(super) fn hits_and_misses(hits: u64, misses: u64) -> String {
    let plural = if misses == 1 { "" } else { "es" };
    format!("{}, {} miss{plural}", count(hits, "hit"), number(misses))
}

/// Returns the rate, or `-` if it is unknown.
pub(super) fn percent_or_dash(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_string(), percent)
}

/// Returns the local date and time, to the minute.
pub(super) fn date_time(time: DateTime<Utc>) -> String {
    let local = time.with_timezone(&Local);
    local.format("%Y-%m-%d %H:%M").to_string()
}

/// Returns the local date.
pub(super) fn date(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%Y-%m-%d").to_string()
}

/// Returns the local dates of the first and the last build: `2026-11-01 to 2026-11-21`.
pub(super) fn period(first: DateTime<Utc>, last: DateTime<Utc>) -> String {
    let (first, last) = (date(first), date(last));
    if first == last {
        first
    } else {
        format!("{first} to {last}")
    }
}

/// Returns the first 8 characters of an ID, which `show` accepts.
pub(super) fn short_id(id: Uuid) -> String {
    id.to_string()[..8].to_string()
}

/// Returns a duration in a suitable unit: `1 h 05 min`, `-12 min`, `45 s`, `0.8 s`. A gain that rounds
/// to 0 becomes `<0.1 s`.
pub(super) fn duration(seconds: f64) -> String {
    if seconds > 0.0 && is_negligible(seconds) {
        return "<0.1 s".to_string();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let seconds = seconds.abs();
    let (whole_seconds, minutes) = (seconds.round() as u64, (seconds / 60.0).round() as u64);
    match seconds {
        3570.0.. => format!("{sign}{} h {:02} min", number(minutes / 60), minutes % 60),
        599.5.. => format!("{sign}{minutes} min"),
        59.5.. => format!(
            "{sign}{} min {:02} s",
            whole_seconds / 60,
            whole_seconds % 60
        ),
        9.95.. => format!("{sign}{whole_seconds} s"),
        _ => format!("{sign}{seconds:.1} s"),
    }
}

/// Whether [`duration`] shows 0, apart from the sign.
pub(super) fn is_negligible(seconds: f64) -> bool {
    seconds.abs() < 0.05
}

/// Returns how full the cache is: `8.2 GiB of 10 GiB (82.0 %)`.
pub(super) fn cache_fill(cache: &CacheState) -> String {
    let (size, max_size) = (format_bytes(cache.size), format_bytes(cache.max_size));
    format!("{size} of {max_size} ({})", percent_or_dash(cache.fill()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let text = "The cache helps: app-portage/emlop hits";
        assert_eq!(
            wrap(text, Some(24), "  "),
            "The cache helps:\n  app-portage/emlop hits"
        );
        assert_eq!(wrap(text, None, "  "), text);
        assert_eq!(wrap("a-very-long-name", Some(4), ""), "a-very-long-name");
        assert_eq!(hanging("- ", "a bc\u{1b}", Some(6)), "- a\n  bc\\u{1b}");
    }

    #[test]
    fn numbers_are_grouped_and_rates_do_not_round_to_all_or_nothing() {
        assert_eq!([0, 999, 1_234_567].map(number), ["0", "999", "1,234,567"]);
        let rates = [1.0, 0.0, 0.99999, 0.00001].map(percent);
        assert_eq!(rates, ["100.0 %", "0.0 %", "99.9 %", "0.1 %"]);
        assert_eq!(count(1, "build"), "1 build");
        assert_eq!(count(1000, "build"), "1,000 builds");
    }

    #[test]
    fn durations_have_a_suitable_unit() {
        for (seconds, expected) in [
            (3900.0, "1 h 05 min"),
            (-720.0, "-12 min"),
            (3_599.0, "1 h 00 min"),
            (200.0, "3 min 20 s"),
            (599.6, "10 min"),
            (45.2, "45 s"),
            (9.96, "10 s"),
            (-0.8, "-0.8 s"),
            (0.0, "0.0 s"),
            (0.01, "<0.1 s"),
            (-0.01, "-0.0 s"),
            (36e6, "10,000 h 00 min"),
        ] {
            assert_eq!(duration(seconds), expected, "{seconds}");
            let is_zero = ["0.0 s", "<0.1 s", "-0.0 s"].contains(&expected);
            assert_eq!(is_negligible(seconds), is_zero, "{seconds}");
        }
    }
}
