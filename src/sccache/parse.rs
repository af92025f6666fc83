//! Shared by the two parsers of sccache's output: errors, and values with units.

use crate::text::printable;

/// The largest count, size (bytes), and time (seconds) that is accepted: 2^53, above which `f64` is
/// not exact. No build reaches it; broken output may.
pub(super) const LIMIT: u64 = 1 << 53;

/// Why sccache's output has no usable statistics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// No line or field of statistics was found.
    #[error("it contains no sccache statistics")]
    NoStatistics,
    /// The text is not JSON, or a field has an impossible value: field, reason, and position.
    #[error("invalid JSON: {0}")]
    Json(String),
    /// A known line has an impossible value: negative, too large, with thousands separators ...
    #[error("`{name}` has the invalid value `{value}`")]
    BadValue {
        /// The line or its name, truncated.
        name: String,
        /// The value, truncated.
        value: String,
    },
    /// Hits, misses, or errors are missing. Without them, the rest would read as "no hits".
    #[error("`{name}` is missing: the output is incomplete or has an unknown format")]
    Missing {
        /// The missing field or line.
        name: &'static str,
    },
}

impl ParseError {
    pub(super) fn bad_value(name: &str, value: &str) -> Self {
        let (name, value) = (truncate(name), truncate(value));
        Self::BadValue { name, value }
    }
}

/// Returns the beginning of an output as one printable line of a message.
pub(super) fn truncate(text: &str) -> String {
    let dots = if text.len() > 120 { "..." } else { "" };
    format!("{}{dots}", printable(text, 120))
}

/// Adds an unknown line or field, for one warning. A new version has a few; more than 100 are
/// another program's output.
pub(super) fn add_unrecognized(unrecognized: &mut Vec<String>, text: &str) {
    if unrecognized.len() < 100 {
        unrecognized.push(truncate(text));
    }
}

/// Parses a count: decimal digits, at most [`LIMIT`].
pub(super) fn count(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&n| is_number && n <= LIMIT)
}

/// Parses a size such as `261 MiB`, into bytes. sccache rounds to whole units.
pub(super) fn bytes(size: &str) -> Option<u64> {
    let (number, unit) = size.split_once(' ')?;
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let power = units.iter().position(|&u| u == unit)?;
    let value = decimal(number)? * 1024_f64.powi(power as i32);
    (value <= LIMIT as f64).then_some(value.round() as u64)
}

/// Parses a number: digits, and perhaps a dot and more digits. No sign, exponent, `inf`, or `NaN`.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = text.parse().ok().filter(|_| is_number)?;
    (number <= LIMIT as f64).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_plain_digits() {
        assert_eq!(count("193"), Some(193));
        for bad in [
            "",
            "-1",
            "+1",
            "1,234",
            "1.234",
            "1e3",
            "99999999999999999999",
        ] {
            assert_eq!(count(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_and_decimals() {
        assert_eq!(bytes("1023 bytes"), Some(1023));
        assert_eq!(bytes("261 MiB"), Some(261 << 20));
        assert_eq!(bytes("1.5 KiB"), Some(1536));
        assert_eq!(bytes("99 PiB"), None);
        assert_eq!(bytes("1 MB"), None);
        assert_eq!(decimal("0.036"), Some(0.036));
        for bad in ["NaN", "inf", "1.2.3", "-1", "1e3"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }
}
