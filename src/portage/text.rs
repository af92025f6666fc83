//! Strings from places that anyone may write to.

/// `text` with control characters (terminal escapes among them) and bidirectional
/// overrides written out, cut to at most `max` bytes at a character's end.
pub fn printable(text: &str, max: usize) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let piece = if character.is_control() || is_format(character) {
            character.escape_unicode().to_string()
        } else {
            character.to_string()
        };
        if out.len() + piece.len() > max {
            break;
        }
        out.push_str(&piece);
    }
    out
}

/// Characters that change how their neighbours are shown, or show nothing (Unicode
/// 15.1, the Bidi_Control ones and the zero-width ones).
fn is_format(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(
            printable("a\u{1b}[31m\n\u{202e}é", 99),
            "a\\u{1b}[31m\\u{a}\\u{202e}é"
        );
        assert_eq!(printable("éé", 3), "é");
    }
}
