//! Version numbers in what others wrote.

/// Whether the text looks like a version: digits and dots, and at most one suffix such as
/// `-alpha.1`; 32 bytes at most.
pub fn is_version(text: &str) -> bool {
    let (number, suffix) = match text.find(['-', '+', '_']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_suffix = |suffix: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-+_".contains(&b);
        !suffix.is_empty() && suffix.bytes().all(is_plain)
    };
    text.len() <= 32 && number.split('.').all(is_number) && suffix.is_none_or(is_suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_digits_first() {
        for good in ["0.16.0", "0.2.15-alpha.0", "1", "0.9.0+git.abc"] {
            assert!(is_version(good), "{good}");
        }
        let long = "1.".repeat(16) + "1";
        for bad in ["", "=1+1", "0.16.", "v0.16", "0.1 6", "0.1-", "1-=x", &long] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
