//! Text for people: one formatter each for numbers, rates, sizes, durations, and dates, and lines
//! that fit a terminal.

use chrono::{DateTime, Local, Utc};
use textwrap::WordSeparator;
use textwrap::core::Word;
use unicode_width::UnicodeWidthStr;
use uuid::Uuid;

use crate::sccache::Level;
use crate::store::CacheState;
pub(super) use crate::text::{duration, is_negligible, number, percent, time_saved};
use crate::text::{format_bytes, plural, printable};

/// Longer lines are hard to read on any terminal.
const MAX_LINE: usize = 100;

/// Escapes control characters and characters that reorder or hide text. Most text comes from builds.
pub(super) fn sanitize(text: &str) -> String {
    printable(text, usize::MAX)
}

/// Units that stay on the line of their number.
const UNITS: [&str; 12] = [
    "%", "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "s", "min", "h", "d",
];

/// Splits a line between words, but not between a number and its unit.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let ends_with_number = |word: &str| word.ends_with(|c: char| c.is_ascii_digit());
    let is_unit = |word: &str| UNITS.contains(&word.trim_matches(|c: char| "(),.;:".contains(c)));
    let mut start = 0;
    let mut words: Vec<Word> = Vec::new();
    for word in WordSeparator::AsciiSpace.find_words(line) {
        let end = start + word.word.len() + word.whitespace.len();
        match words.pop() {
            Some(number) if ends_with_number(number.word) && is_unit(word.word) => {
                let length = number.word.len() + number.whitespace.len();
                words.push(Word::from(&line[start - length..end]));
            }
            previous => {
                words.extend(previous);
                words.push(word);
            }
        }
        start = end;
    }
    Box::new(words.into_iter())
}

/// Wraps between words. Lines after the first start with `indent`.
pub(super) fn wrap(text: &str, width: Option<usize>, indent: &str) -> String {
    let Some(width) = width else {
        return text.to_string();
    };
    let options = textwrap::Options::new(width)
        .break_words(false)
        .word_separator(WordSeparator::Custom(words))
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

/// Returns a number and its noun: `1 build`, `2 builds`.
pub(super) fn count(n: u64, noun: &str) -> String {
    format!("{} {}", number(n), plural(n, noun))
}

/// Returns `1 hit, 2 misses`.
pub(super) fn hits_and_misses(hits: u64, misses: u64) -> String {
    format!("{}, {}", count(hits, "hit"), self::misses(misses))
}

/// Returns `1 miss` or `2 misses`.
pub(super) fn misses(n: u64) -> String {
    let plural = if n == 1 { "" } else { "es" };
    format!("{} miss{plural}", number(n))
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

/// Returns the number of local dates from the first to the last build, both included: `60 days`. The span of a
/// default period can begin within a day: then there are at most so many.
pub(super) fn days(first: DateTime<Utc>, last: DateTime<Utc>, most: Option<i64>) -> String {
    let local_date = |time: DateTime<Utc>| time.with_timezone(&Local).date_naive();
    let days = (local_date(last) - local_date(first)).num_days() + 1;
    count(days.min(most.unwrap_or(i64::MAX)).max(1) as u64, "day")
}

/// Returns `, as of 2026-11-21`, or nothing if that is the date of the newest build.
pub(super) fn as_of(time: DateTime<Utc>, newest: DateTime<Utc>) -> String {
    let (date, newest) = (date(time), date(newest));
    if date == newest {
        String::new()
    } else {
        format!(", as of {date}")
    }
}

/// Returns the text, or its beginning and `…` if it has more than so many characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let mut characters = text.char_indices();
    match (characters.nth(most.saturating_sub(1)), characters.next()) {
        (Some((end, _)), Some(_)) => format!("{}…", &text[..end]),
        _ => text.to_string(),
    }
}

/// Returns as many items as fit in so many bytes, separated by commas, and how many are left out: `a, b, and 130 more`.
/// `more` is the end with their number, which is there even if it doesn't fit.
pub(super) fn listed(items: &[String], most: usize, more: fn(u64) -> String) -> String {
    let all = items.join(", ");
    if all.len() <= most {
        return all;
    }
    let end = |shown: usize| match items.len() - shown {
        0 => String::new(),
        hidden => more(hidden as u64),
    };
    let (mut shown, mut length) = (0, 0);
    for item in items {
        length += item.len() + if shown > 0 { 2 } else { 0 };
        if length + end(shown + 1).len() > most {
            break;
        }
        shown += 1;
    }
    let end = end(shown);
    if shown == 0 {
        return end.trim_start_matches(", ").trim_start().to_string();
    }
    items[..shown].join(", ") + &end
}

/// Divides a size between those that want some of it: equally, but nobody gets more than it wants.
pub(super) fn share(size: usize, wanted: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&index| wanted[index]);
    let mut shares = vec![0; wanted.len()];
    let mut left = size;
    for (position, index) in order.into_iter().enumerate() {
        shares[index] = wanted[index].min(left / (wanted.len() - position));
        left -= shares[index];
    }
    shares
}

/// Returns the first 8 characters of an ID, which `show` accepts.
pub(super) fn short_id(id: Uuid) -> String {
    id.to_string()[..8].to_string()
}

/// Returns how full the cache is: `8.2 GiB of 10 GiB (82.0 %)`.
pub(super) fn cache_fill(cache: &CacheState) -> String {
    let fill = percent_or_dash(cache.fill());
    format!("{} ({fill})", cache_size(cache))
}

/// Returns how large the cache is, and how large it may be: `8.2 GiB of 10 GiB`.
pub(super) fn cache_size(cache: &CacheState) -> String {
    let (size, max_size) = (format_bytes(cache.size), format_bytes(cache.max_size));
    format!("{size} of {max_size}")
}

/// Describes a level of a multi-level cache: `L1 (redis): 4 of 9 lookups hit, in redis, name: ...`.
pub(super) fn cache_level(level: &Level) -> String {
    format!("{}: {}", level.name, level_lookups(level))
}

/// Describes what a level did, and where it is.
pub(super) fn level_lookups(level: &Level) -> String {
    let lookups = count(level.hits.saturating_add(level.misses), "lookup");
    let mut text = format!("{} of {lookups} hit", number(level.hits));
    if let Some(location) = &level.location {
        text.push_str(&format!(", in {location}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_units() {
        let text = "it held 9.5 GiB of 10 GiB (95.0 %). 1 min 30 s";
        for width in 10..text.len() {
            let wrapped = wrap(text, Some(width), "");
            for kept in ["9.5 GiB", "10 GiB", "(95.0 %).", "1 min", "30 s"] {
                assert!(wrapped.contains(kept), "{width}: {wrapped}");
            }
            assert_eq!(wrapped.replace('\n', " "), text);
        }
    }

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
    fn days_are_those_of_the_calendar() {
        let local = |text: &str| {
            let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
            time.and_local_timezone(Local).unwrap().to_utc()
        };
        let (first, last) = (local("2026-09-02 20:00"), local("2026-10-31 08:00"));
        assert_eq!(days(first, last, None), "60 days");
        assert_eq!(days(first, last, Some(30)), "30 days");
        assert_eq!(days(first, first, None), "1 day");
        assert_eq!(as_of(first, last), ", as of 2026-09-02");
        assert_eq!(as_of(last, last), "");
    }

    #[test]
    fn lists_and_texts_are_cut_where_it_shows() {
        let items: Vec<String> = (0..200).map(|n| format!("a/b{n} 1.0")).collect();
        let listed = |items, most| listed(items, most, |n| format!(", and {n} more"));
        assert_eq!(listed(&items[..2], 100), "a/b0 1.0, a/b1 1.0");
        assert_eq!(listed(&items, 40), "a/b0 1.0, a/b1 1.0, and 198 more");
        assert_eq!(listed(&items, 0), "and 200 more");
        assert_eq!(listed(&[], 0), "");
        for most in 12..2000 {
            let list = listed(&items, most);
            assert!(list.len() <= most, "{most}: {list}");
        }
        let long = vec!["é".repeat(400)];
        assert_eq!(listed(&long, 100), "and 1 more");
        assert_eq!(share(100, &[10, 500, 20, 60]), [10, 35, 20, 35]);
        assert_eq!(share(1000, &[10, 500]), [10, 500]);
        assert_eq!(share(0, &[3]), [0]);
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("äöüß", 3), "äö…");
        assert_eq!(shortened("", 3), "");
    }

    #[test]
    fn numbers_are_grouped_and_rates_do_not_round_to_all_or_nothing() {
        assert_eq!([0, 999, 1_234_567].map(number), ["0", "999", "1,234,567"]);
        let rates = [1.0, 0.0, 0.99999, 0.00001].map(percent);
        assert_eq!(rates, ["100.0 %", "0.0 %", "99.9 %", "<0.1 %"]);
        assert_eq!(count(1, "build"), "1 build");
        assert_eq!(count(1000, "build"), "1,000 builds");
    }
}
