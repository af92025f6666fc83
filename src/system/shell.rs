//! Commands for a person to paste.

use std::borrow::Cow;
use std::path::Path;

/// A word that a shell takes as it is.
pub(super) fn quote(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-:@%,=".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")).into(),
    }
}

/// A path as such a word.
pub(super) fn path(path: &Path) -> String {
    quote(&path.to_string_lossy()).into_owned()
}

/// Adds a line to a file, whose last line need not be ended.
pub(super) fn append(line: &str, file: &Path) -> String {
    format!(r"printf '\n%s\n' {} >> {}", quote(line), path(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(quote("/var/a-b"), "/var/a-b");
        assert_eq!(quote("it's; $(x)"), r"'it'\''s; $(x)'");
        assert_eq!(
            append("A=\"b\"", Path::new("/m c")),
            r#"printf '\n%s\n' 'A="b"' >> '/m c'"#
        );
    }
}
