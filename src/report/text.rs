//! Values as people read them. What comes from the database was written by others:
//! everything that could steer a terminal is made visible.

pub(super) use super::duration::duration;
pub(super) use crate::sccache::percent as rate;
use chrono::{DateTime, Local, Utc};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with control characters, and those that turn or hide text, written out.
pub(super) fn clean(text: &str) -> String {
    crate::text::printable(text, usize::MAX)
}

/// The text cut to `width` places, the last of them an ellipsis.
pub(super) fn cut(mut text: String, width: usize) -> String {
    if text.width() <= width {
        return text;
    }
    let mut used = 1;
    let end = text.char_indices().find_map(|(index, c)| {
        used += c.width().unwrap_or(0);
        (used > width).then_some(index)
    });
    text.truncate(end.unwrap_or(text.len()));
    text.push('…');
    text
}

/// `CATEGORY/PN` cut to `width` places: of the category first, for the name says more.
pub(super) fn cut_package(package: String, width: usize) -> String {
    let Some((category, name)) = package.split_once('/') else {
        return cut(package, width);
    };
    match width.checked_sub(name.width() + 1) {
        Some(room) if room > 0 => format!("{}/{name}", cut(category.to_string(), room)),
        _ => cut(name.to_string(), width),
    }
}

/// Remarks with commas between them, cut after as many whole ones as there is room for.
pub(super) fn cut_remarks(remarks: String, width: usize) -> String {
    let whole = { remarks.rmatch_indices(", ") }
        .map(|(end, _)| format!("{}, …", &remarks[..end]))
        .find(|whole| whole.width() <= width);
    match whole {
        Some(whole) if remarks.width() > width => whole,
        _ => cut(remarks, width),
    }
}

/// The text in lines of `width` places, broken between words, but never between a number and what
/// it counts; what follows the first line is set in by `indent`. Whole where the width is unknown.
pub(super) fn wrap(text: &str, width: Option<usize>, indent: &str) -> String {
    let Some(width) = width else {
        return text.to_string();
    };
    let options = textwrap::Options::new(width)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .subsequent_indent(indent);
    textwrap::fill(&with_units(text), options).replace(GLUE, " ")
}

/// The sentence on one line: where there is more of it, without what comes after a colon, or else
/// cut between words.
pub(super) fn cut_sentence(text: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if text.width() > width => {
            let ends = text.rmatch_indices(": ").map(|(end, _)| &text[..end]);
            if let Some(head) = { ends }.find(|head| head.width() < width) {
                return format!("{head}.");
            }
            let lines = wrap(text, Some(width.saturating_sub(1)), "");
            cut(format!("{}…", lines.lines().next().unwrap_or("")), width)
        }
        _ => text.to_string(),
    }
}

/// Stands for a space at which no line ends; `clean` leaves none in texts of others.
const GLUE: char = '\u{a0}';

/// The text with numbers and what they count glued together, and the parts of a duration.
fn with_units(text: &str) -> String {
    const NOT_COUNTED: [&str; 7] = ["and", "from", "in", "of", "on", "or", "to"];
    let number = |word: &str| {
        let word = word.trim_start_matches(['(', '-']);
        let part = |c: char| c.is_ascii_digit() || ",.".contains(c);
        word.ends_with(|c: char| c.is_ascii_digit()) && word.chars().all(part)
    };
    let unit = |word: &str| word.starts_with(|c: char| c.is_alphabetic() || c == '%');
    let mut glued = String::with_capacity(text.len());
    let mut before = "";
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            let of_duration = ["h", "min"].contains(&before) && number(word);
            let counted = number(before) && unit(word) && !NOT_COUNTED.contains(&word);
            glued.push(if of_duration || counted { GLUE } else { ' ' });
        }
        glued.push_str(word);
        before = word;
    }
    glued
}

/// `1,234,567`.
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    if digits.len() <= 3 {
        return digits;
    }
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number with its noun: `1 build`, `2 builds`.
pub(super) fn of(n: u64, noun: &str) -> String {
    format!("{} {}", number(n), crate::text::plural(n, noun))
}

/// `1 hit, 2 misses`.
pub(super) fn hits_and_misses(hits: u64, misses: u64) -> String {
    let plural = if misses == 1 { "" } else { "es" };
    format!("{}, {} miss{plural}", of(hits, "hit"), number(misses))
}

/// The rate, or `-`.
pub(super) fn rate_or_dash(known: Option<f64>) -> String {
    known.map_or_else(|| "-".to_string(), rate)
}

/// Day and minute in local time.
pub(super) fn minute(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local)
        .format("%Y-%m-%d %H:%M")
        .to_string()
}

/// Day in local time.
pub(super) fn day(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%Y-%m-%d").to_string()
}

/// A rate as one of eight bars; a gap where there is none.
pub(super) fn spark(rate: Option<f64>) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    match rate {
        Some(rate) => BARS[((rate * 8.0) as usize).min(7)],
        None => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_cut_between_each_other() {
        let cut = |width| cut_remarks("11 failed, 7 shared".into(), width);
        assert_eq!(cut(19), "11 failed, 7 shared");
        assert_eq!(cut(18), "11 failed, …");
        assert_eq!(cut(12), "11 failed, …");
        assert_eq!(cut(11), "11 failed,…");
        assert_eq!(cut_remarks("1 incomplete".into(), 11), "1 incomple…");
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let text = "The cache pays: app-portage/emlop hits";
        assert_eq!(
            wrap(text, Some(24), "  "),
            "The cache pays:\n  app-portage/emlop hits"
        );
        assert_eq!(wrap(text, None, "  "), text);
        assert_eq!(wrap("a-very-long-name", Some(4), ""), "a-very-long-name");
        assert_eq!(
            wrap("  hit rate 97.7 %, ok", Some(17), ""),
            "  hit rate\n97.7 %, ok"
        );
        assert_eq!(
            wrap("a/b2 4.4 on 2026-11-01", Some(9), ""),
            "a/b2 4.4\non\n2026-11-01"
        );
        let text = "saved 94 h 00 min: 5 of 60 compilations";
        assert_eq!(
            wrap(text, Some(12), ""),
            "saved\n94 h 00 min:\n5 of\n60 compilations"
        );
    }

    #[test]
    fn a_sentence_is_cut_where_it_still_says_something() {
        let cut = |text, width| cut_sentence(text, Some(width));
        let text = "Much can't be cached (`-E`): it only preprocesses: no object.";
        assert_eq!(cut(text, 61), text);
        assert_eq!(
            cut(text, 60),
            "Much can't be cached (`-E`): it only preprocesses."
        );
        assert_eq!(cut(text, 28), "Much can't be cached (`-E`).");
        assert_eq!(cut(text, 27), "Much can't be cached…");
    }

    #[test]
    fn numbers_are_grouped_and_rates_don_t_round_to_all_or_nothing() {
        assert_eq!(
            (number(0), number(999), number(1234567)),
            ("0".into(), "999".into(), "1,234,567".into())
        );
        assert_eq!((rate(1.0), rate(0.0)), ("100.0 %".into(), "0.0 %".into()));
        assert_eq!(
            (rate(0.99999), rate(0.00001)),
            ("99.9 %".into(), "0.1 %".into())
        );
        assert_eq!(
            (of(1, "build"), of(1000, "build")),
            ("1 build".into(), "1,000 builds".into())
        );
    }
}
