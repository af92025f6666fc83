//! Why an output of sccache could not be read.

use std::fmt;

use crate::text::printable;

/// Why an output of sccache gives no statistics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is not one line or field of statistics in it.
    #[error("no statistics of sccache in it")]
    NoStatistics,
    /// It isn't JSON, or a field has a value that it can't have: the field, why, where.
    #[error("unusable JSON: {0}")]
    Json(String),
    /// A known line has a value that it can't have: negative, too large, with thousands
    /// separators, not a number ...
    #[error("`{name}` has the value `{value}`, which it can't be read as")]
    BadValue {
        /// The line or its name.
        name: String,
        /// The value as it was, shortened.
        value: String,
    },
    /// Hits or misses are not in it (cut short, or renamed), and without these the rest
    /// would be read as "no hits".
    #[error("`{name}` is not in it: cut short or an unknown format")]
    Missing {
        /// The field or line that is not there.
        name: &'static str,
    },
}

impl ParseError {
    /// [`ParseError::BadValue`], with both texts short and without control characters.
    pub(super) fn bad_value(name: &str, value: impl fmt::Display) -> Self {
        let (name, value) = (short(name), short(&value.to_string()));
        ParseError::BadValue { name, value }
    }
}

/// A piece of somebody else's output, fit for one line of a message: at most 120 bytes and
/// three dots.
pub(super) fn short(text: &str) -> String {
    let mut short = printable(text, 120);
    if text.len() > 120 {
        short.push_str("...");
    }
    short
}

/// Keeps an unknown line or field for one warning. At most 100 of them: an output of a
/// future version has some, and more would be an output of something else.
pub(super) fn keep_unrecognized(unrecognized: &mut Vec<String>, what: &str) {
    if unrecognized.len() < 100 {
        unrecognized.push(short(what));
    }
}
