//! Text for people: strings from builds, similar names, and one format each for nouns, rates, and sizes.

use std::path::Path;

use chrono::TimeDelta;

/// Names less similar than this (0 to 1) are not suggested.
const MIN_SIMILARITY: f64 = 0.8;

/// Escapes control characters, terminal escapes among them, and characters that reorder or hide
/// text. Truncates to at most `max` bytes, at the end of a character.
pub fn printable(text: &str, max: usize) -> String {
    // Tables have thousands of such texts.
    if is_printable(text, max) {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len().min(max));
    for character in text.chars() {
        let before = out.len();
        if character.is_control() || is_format(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
        if out.len() > max {
            out.truncate(before);
            break;
        }
    }
    out
}

/// Whether [`printable`] changes nothing.
pub fn is_printable(text: &str, max: usize) -> bool {
    let is_harmless = |character: char| !character.is_control() && !is_format(character);
    text.len() <= max
        && (text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.chars().all(is_harmless))
}

/// Whether the character reorders or hides text: Bidi_Control, zero-width characters, and tags of
/// Unicode 15.1.
fn is_format(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the path if it is safe in a shell command and in a value of make.conf.
pub fn plain_path(path: &Path) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    path.to_str().filter(|path| path.bytes().all(is_plain))
}

/// Returns the noun in the form that fits the number: `build`, `builds`.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    format!("{noun}{}", if n == 1 { "" } else { "s" })
}

/// Formats a rate: `97.4 %`. Only 1 is `100.0 %`, and only 0 is `0.0 %`.
pub(crate) fn percent(rate: f64) -> String {
    match rate * 100.0 {
        p if p < 100.0 && p > 99.9 => "99.9 %".into(),
        p if p > 0.0 && p < 0.1 => "<0.1 %".into(),
        p => format!("{p:.1} %"),
    }
}

/// Returns `1,234,567`.
pub(crate) fn number(n: u64) -> String {
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

/// Returns a duration in a suitable unit: `1 h 05 min`, `-12 min`, `45 s`, `0.8 s`. A gain that rounds
/// to 0 becomes `<0.1 s`.
pub(crate) fn duration(seconds: f64) -> String {
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
pub(crate) fn is_negligible(seconds: f64) -> bool {
    seconds.abs() < 0.05
}

/// Returns the time saved, and its share of the processor time that the build would have taken without the
/// cache: `35 s of 1 min 19 s of processor time (44 %; exact for 93 %)`. `processor_time` is the time that
/// the build took, and `exact_share` the share of the cost of hits that isn't estimated.
pub(crate) fn time_saved(
    saved: TimeDelta,
    processor_time: Option<TimeDelta>,
    exact_share: Option<f64>,
) -> String {
    let saved = saved.as_seconds_f64();
    let without = processor_time.map(|time| time.as_seconds_f64() + saved);
    let mut text = duration(saved);
    let mut notes = Vec::new();
    if let Some(without) = without.filter(|without| *without > 0.0) {
        text.push_str(&format!(" of {} of processor time", duration(without)));
        let percent = (100.0 * saved / without).round();
        notes.push(format!("{:.0} %", percent + 0.0)); // -0 becomes 0
    }
    notes.push(match exact_share {
        Some(1.0..) => "exact".into(),
        Some(share) if share > 0.0 => {
            format!("exact for {:.0} %", (100.0 * share).clamp(1.0, 99.0))
        }
        _ => "estimate".into(),
    });
    format!("{text} ({})", notes.join("; "))
}

/// Formats a size in the largest unit that it reaches: `261 MiB`, `8.2 GiB`, `1023 bytes`.
pub(crate) fn format_bytes(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = bytes.checked_ilog2().unwrap_or(0) / 10;
    let number = format!("{:.1}", bytes as f64 / 1024_f64.powi(power as i32));
    let number = number.strip_suffix(".0").unwrap_or(&number);
    format!("{number} {}", units[power as usize])
}

/// Returns the names most similar to `wanted`, best first. A package is compared by its full name, or by the
/// part after the slash.
pub(crate) fn closest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut similar: Vec<(f64, &str)> = Vec::new();
    for name in names {
        let lower = name.to_lowercase();
        let short = lower.split_once('/').map_or("", |(_, short)| short);
        let similarity = strsim::jaro_winkler(&wanted, &lower);
        let similarity = similarity.max(strsim::jaro_winkler(&wanted, short));
        if similarity >= MIN_SIMILARITY {
            similar.push((similarity, name));
        }
    }
    similar.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    similar.truncate(limit);
    similar.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_are_made_visible() {
        assert_eq!(
            printable("a\u{1b}[31m\n\u{202e}\u{206f}é", 99),
            "a\\u{1b}[31m\\u{a}\\u{202e}\\u{206f}é"
        );
        assert_eq!(printable("éé", 3), "é");
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(format_bytes(1023), "1023 bytes");
        assert_eq!(format_bytes(10 << 30), "10 GiB");
        assert_eq!(format_bytes(6170), "6 KiB");
        assert_eq!(format_bytes(6200), "6.1 KiB");
        assert_eq!(format_bytes(u64::MAX), "16 EiB");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|n| plural(n, "log")), ["logs", "log", "logs"]);
    }

    #[test]
    fn similar_names_are_found() {
        let names = [
            "app-portage/emlop",
            "www-client/firefox",
            "sys-apps/ripgrep",
            "sys-apps/fd",
        ];
        for (wanted, expected) in [
            ("emlopp", &["app-portage/emlop"][..]),
            ("fire", &["www-client/firefox"]),
            ("rigrep", &["sys-apps/ripgrep"]),
            ("app-protage/emlop", &["app-portage/emlop"]),
            ("FIREFOX-bin", &["www-client/firefox"]),
            ("zzz", &[]),
            ("", &[]),
        ] {
            assert_eq!(closest(wanted, names, 3), expected, "{wanted}");
        }
        assert_eq!(closest("hitrate", ["hits", "hit_rate"], 1), ["hit_rate"]);
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

    #[test]
    fn savings_are_a_part_of_the_work_without_the_cache() {
        let text = |saved, processor_time: Option<i64>, exact_share| {
            let processor_time = processor_time.map(TimeDelta::seconds);
            time_saved(TimeDelta::seconds(saved), processor_time, exact_share)
        };
        assert_eq!(
            text(35, Some(44), Some(0.93)),
            "35 s of 1 min 19 s of processor time (44 %; exact for 93 %)"
        );
        assert_eq!(text(35, None, Some(0.999)), "35 s (exact for 99 %)");
        assert_eq!(text(35, None, Some(1.0)), "35 s (exact)");
        assert_eq!(text(35, None, None), "35 s (estimate)");
        assert_eq!(
            text(-2, Some(81), Some(0.0)),
            "-2.0 s of 1 min 19 s of processor time (-3 %; estimate)"
        );
        assert_eq!(text(-9, Some(5), None), "-9.0 s (estimate)");
        assert!(text(-1, Some(1000), None).ends_with("(0 %; estimate)"));
    }
}
