//! Text for people, for all rooms: strings that others wrote, and numbers with their nouns.

/// `text` with control characters (terminal escapes among them) and characters that turn or
/// hide their neighbours written out, cut to at most `max` bytes at a character's end.
pub fn printable(text: &str, max: usize) -> String {
    // Nearly all texts are such, and tables have thousands.
    if text.len() <= max && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len().min(max));
    for character in text.chars() {
        let before = out.len();
        match character.is_control() || is_format(character) {
            true => out.extend(character.escape_unicode()),
            false => out.push(character),
        }
        if out.len() > max {
            out.truncate(before);
            break;
        }
    }
    out
}

/// Characters that change how their neighbours are shown, or show nothing (Unicode
/// 15.1, the Bidi_Control ones, the zero-width ones and the tags).
fn is_format(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The noun as it goes with the number: `build`, `builds`.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    format!("{noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
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
