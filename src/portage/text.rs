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
/// 15.1, the Bidi_Control ones, the zero-width ones and the tags).
fn is_format(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A value from JSON that anyone may have written.
///
/// # Errors
/// Where it isn't that: says where, and not a word of what stands there.
pub fn from_json<'a, T: serde::Deserialize<'a>>(json: &'a [u8]) -> anyhow::Result<T> {
    serde_json::from_slice(json).map_err(syntax)
}

/// Where JSON is broken, without a word of it: the file may be anybody's, and what is said
/// goes to root's terminal and to the merge log.
pub(super) fn syntax(error: serde_json::Error) -> anyhow::Error {
    let what = match error.classify() {
        serde_json::error::Category::Data => "not the JSON of a build's numbers",
        serde_json::error::Category::Eof => "JSON that is cut off",
        _ => "not JSON",
    };
    anyhow::anyhow!("{what} (line {}, column {})", error.line(), error.column())
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
