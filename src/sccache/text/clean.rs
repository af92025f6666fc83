//! Lines of a text as sccache printed them, from a text as somebody kept it.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Terminal escapes: CSI sequences (colours), OSC (titles), and single ones.
static ESCAPE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])")
        .expect("a valid pattern")
});

/// The star that Portage's `einfo` and its relatives put in front of each line.
static EINFO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^ ?\*(?: |$)").expect("a valid pattern"));

/// The lines of `text` without escapes, `einfo` prefix, carriage return and white space at
/// either end.
///
/// A last line without line feed may be cut short: `Cache hits   14` was perhaps `144`. It
/// is left out, unless it ends in a unit, which is the end of such a line.
pub(super) fn lines(text: &str) -> impl Iterator<Item = String> {
    let whole = match text.rfind('\n') {
        _ if ends_in_unit(text) => text,
        Some(end) => &text[..end],
        None => "",
    };
    whole.lines().map(|line| clean(line).trim().to_owned())
}

/// Returns a line of a log without terminal escapes, `einfo`'s star, and white space at either
/// end; and whether it had the star.
pub fn clean_log_line(line: &str) -> (String, bool) {
    let is_starred = EINFO.is_match(&bare(line));
    (clean(line).trim().to_owned(), is_starred)
}

/// Without escapes, which most lines have none of.
fn bare(line: &str) -> Cow<'_, str> {
    match line.contains('\x1b') {
        true => ESCAPE.replace_all(line, ""),
        false => Cow::Borrowed(line),
    }
}

fn clean(line: &str) -> Cow<'_, str> {
    let bare = bare(line);
    match EINFO.find(&bare) {
        Some(star) => Cow::Owned(bare[star.end()..].to_owned()),
        None => bare,
    }
}

/// Whether the text ends in a number and its unit, as sizes, averages and rates do.
pub(super) fn ends_in_unit(text: &str) -> bool {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "s", "%"];
    text.rsplit_once(' ').is_some_and(|(before, unit)| {
        units.contains(&unit) && before.ends_with(|last: char| last.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        lines(text).collect()
    }

    #[test]
    fn escapes_einfo_and_carriage_returns_go() {
        let text = "\x1b[32;01m * \x1b[39;49;00mCompile requests   1\r\n *\r\n * -     2  \n";
        assert_eq!(all(text), ["Compile requests   1", "", "-     2"]);
        assert_eq!(all(" *   L0 (disk) hits  1\n"), ["L0 (disk) hits  1"]);
    }

    #[test]
    fn a_last_line_counts_when_it_is_whole() {
        assert_eq!(all("Cache hits  1\nCache misses  14"), ["Cache hits  1"]);
        assert_eq!(all("a\nMax cache size   10 GiB").len(), 2);
        assert_eq!(all("Compile requests 1"), [""; 0]);
        assert_eq!(all("a\nmissing s"), ["a"]);
    }
}
