//! Text for people: strings from builds, and nouns with numbers.

/// Escapes control characters, terminal escapes among them, and characters that reorder or hide
/// text. Truncates to at most `max` bytes, at the end of a character.
pub fn printable(text: &str, max: usize) -> String {
    // Fast path: tables have thousands of such texts.
    if text.len() <= max && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
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

/// Whether the character reorders or hides text: Bidi_Control, zero-width characters and tags of
/// Unicode 15.1.
fn is_format(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The noun in the form that fits the number: `build`, `builds`.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    format!("{noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(
            printable("a\u{1b}[31m\n\u{202e}\u{206f}é", 99),
            "a\\u{1b}[31m\\u{a}\\u{202e}\\u{206f}é"
        );
        assert_eq!(printable("éé", 3), "é");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|n| plural(n, "log")), ["logs", "log", "logs"]);
    }
}
