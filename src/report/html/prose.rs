//! Sentences with words of a terminal in backticks.

/// A part of a sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    /// Whether it was in backticks.
    pub(super) is_code: bool,
}

/// Splits a sentence at its backticks. One without a partner is text.
pub(super) fn parts(sentence: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = sentence;
    while let Some((before, code, after)) = split_code(rest) {
        parts.extend([(before, false), (code, true)]);
        rest = after;
    }
    parts.push((rest, false));
    let parts = parts.into_iter().filter(|(text, _)| !text.is_empty());
    parts
        .map(|(text, is_code)| Part { text, is_code })
        .collect()
}

/// Returns the text before, in, and after the first pair of backticks.
fn split_code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_backticks_are_code() {
        let split = |text| -> Vec<(String, bool)> {
            let parts = parts(text).into_iter();
            parts
                .map(|part| (part.text.to_string(), part.is_code))
                .collect()
        };
        let text = |text: &str| (text.to_string(), false);
        let code = |text: &str| (text.to_string(), true);
        assert_eq!(
            split("Run `a b`, then `c`"),
            [text("Run "), code("a b"), text(", then "), code("c")]
        );
        assert_eq!(split("it's ` alone"), [text("it's ` alone")]);
        assert_eq!(split("`<b>`"), [code("<b>")]);
        assert_eq!(split(""), []);
    }
}
