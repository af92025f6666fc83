//! What loggers and CI systems put before each line: `12:01:02 | `, `[dev-lang/rust] `.

use std::sync::LazyLock;

use regex::Regex;

use crate::sccache::clean_log_line;

/// A line by which a prefix is recognized, since nothing but a prefix can stand before it.
static KNOWN_LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?<prefix>.{0,80}?)(?: ?\* +)?(?:(?<block>Compile requests\s+\d+$|Stopping sccache server\.\.\.$)|>>> (?:Unpacking|Preparing|Configuring|Compiling|Install) |Package: )",
    )
    .expect("a valid pattern")
});

static SPACES: LazyLock<Regex> = LazyLock::new(|| Regex::new(" +").expect("a valid pattern"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9]+").expect("a valid pattern"));

/// Removes the prefix of a log's lines, once a line shows which one the log has.
#[derive(Default)]
pub struct Prefix {
    /// Matches the prefix with other numbers, because times and line numbers change.
    pattern: Option<Regex>,
    /// A line of Portage was seen, with or without a prefix.
    is_decided: bool,
}

impl Prefix {
    /// Returns the line without prefix, terminal escapes, `einfo`'s star, and white space at
    /// either end; and whether it had a prefix or star.
    pub fn clean(&mut self, raw: &str) -> (String, bool) {
        let (line, is_marked) = clean_log_line(raw);
        if let Some(known) = KNOWN_LINE.captures(&line) {
            let prefix = &known["prefix"];
            if prefix.is_empty() {
                self.is_decided = true;
                return (line, is_marked);
            }
            // A recipe may put a prefix before its statistics alone.
            if !self.is_decided || known.name("block").is_some() {
                (self.pattern, self.is_decided) = (pattern(prefix), true);
            }
        }
        match self.pattern.as_ref().and_then(|found| found.find(&line)) {
            Some(prefix) => (clean_log_line(&line[prefix.end()..]).0, true),
            None => (line, is_marked),
        }
    }
}

/// Numbers may have another number of digits: 9:59 is followed by 10:00.
fn pattern(prefix: &str) -> Option<Regex> {
    let escaped = regex::escape(prefix);
    let spaces = SPACES.replace_all(&escaped, " *");
    Regex::new(&format!("^{}", NUMBER.replace_all(&spaces, " *[0-9]+"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(lines: &[&str]) -> Vec<(String, bool)> {
        let mut prefix = Prefix::default();
        lines.iter().map(|line| prefix.clean(line)).collect()
    }

    #[test]
    fn a_prefix_is_recognized_and_removed() {
        let lines = [
            "12:01:02 | make: nothing",
            "12:01:03 | >>> Compiling source in /x ...",
            "12:01:04 | \u{1b}[32m * \u{1b}[0mERROR: failed",
            "no prefix",
        ];
        let texts = cleaned(&lines).into_iter().map(|(text, _)| text);
        let expected = [
            "12:01:02 | make: nothing",
            ">>> Compiling source in /x ...",
            "ERROR: failed",
            "no prefix",
        ];
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn statistics_may_have_a_prefix_of_their_own() {
        let lines = [
            ">>> Compiling source in /x ...",
            "echo \">>> Install \"",
            " * [sccache] Compile requests   12",
            " * [sccache] Cache hits   3",
            " * other",
        ];
        let expected = [
            (">>> Compiling source in /x ...".to_owned(), false),
            ("echo \">>> Install \"".to_owned(), false),
            ("Compile requests   12".to_owned(), true),
            ("Cache hits   3".to_owned(), true),
            ("other".to_owned(), true),
        ];
        assert_eq!(cleaned(&lines), expected);
    }
}
