//! Why an output of sccache could not be read.

use std::fmt;

use crate::text::printable;

/// Why an output of sccache gives no statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// There is not one line or field of statistics in it.
    NoStatistics,
    /// It isn't JSON, or a field has a value that it can't have: the field, why, where.
    Json(String),
    /// A known line has a value that it can't have: negative, too large, with thousands
    /// separators, not a number ...
    BadValue {
        /// The line or its name.
        name: String,
        /// The value as it was, shortened.
        value: String,
    },
    /// Hits or misses are not in it (cut short, or renamed), and without these the rest
    /// would be read as "no hits".
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

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::NoStatistics => write!(f, "no statistics of sccache in it"),
            ParseError::Json(why) => write!(f, "unusable JSON: {why}"),
            ParseError::BadValue { name, value } => {
                write!(
                    f,
                    "`{name}` has the value `{value}`, which it can't be read as"
                )
            }
            ParseError::Missing { name } => {
                write!(f, "`{name}` is not in it: cut short or an unknown format")
            }
        }
    }
}

impl std::error::Error for ParseError {}

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
