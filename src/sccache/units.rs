//! Numbers with units, as sccache prints them.

/// The largest count, size (bytes) and time (seconds) believed: 2^53, beyond which `f64`
/// is no longer exact. A build has none of them; a broken output may.
pub(super) const LIMIT: u64 = 1 << 53;

const BINARY: [&str; 9] = [
    "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB",
];

/// A plain count: decimal digits and nothing else, at most [`LIMIT`].
pub(super) fn count(text: &str) -> Option<u64> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|&n| n <= LIMIT)
}

/// Bytes from `261` and `MiB`. sccache rounds to whole units, so this is exact below 1 KiB
/// only.
pub(super) fn bytes(number: &str, unit: &str) -> Option<u64> {
    let power = BINARY.iter().position(|&u| u == unit)?;
    let value = decimal(number)? * 1024_f64.powi(power as i32);
    (value <= LIMIT as f64).then_some(value.round() as u64)
}

/// Returns bytes in the largest unit of which there is one: `261 MiB`, `8.2 GiB`, `1023 bytes`.
pub fn format_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut power = 0;
    while value >= 1024.0 && power + 1 < BINARY.len() {
        value /= 1024.0;
        power += 1;
    }
    let number = format!("{value:.1}");
    let number = number.strip_suffix(".0").unwrap_or(&number);
    format!("{number} {}", BINARY[power])
}

/// Seconds from `0.036` and `s`. All versions so far print seconds with three decimals
/// (`fmt_duration_as_secs` in sccache's `src/util.rs`), cut off and not rounded.
pub(super) fn seconds(number: &str, unit: &str) -> Option<f64> {
    let factor = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" | "μs" => 1e-6,
        "ns" => 1e-9,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let value = decimal(number)? * factor;
    (value <= LIMIT as f64).then_some(value)
}

/// Digits, and perhaps a dot and more digits: no sign, exponent, `inf` or `NaN`.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| text.parse().ok()).flatten()
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
    fn sizes_and_times_in_every_unit() {
        assert_eq!(bytes("1023", "bytes"), Some(1023));
        assert_eq!(bytes("261", "MiB"), Some(261 << 20));
        assert_eq!(bytes("1.5", "KiB"), Some(1536));
        assert_eq!(bytes("1", "YiB"), None);
        assert_eq!(bytes("1", "MB"), None);
        assert_eq!(format_bytes(10 << 30), "10 GiB");
        assert_eq!(format_bytes(6170), "6 KiB");
        assert_eq!(format_bytes(6200), "6.1 KiB");
        assert_eq!(format_bytes(u64::MAX), "16 EiB");
        assert_eq!(seconds("0.036", "s"), Some(0.036));
        assert_eq!(seconds("2", "m"), Some(120.0));
        assert_eq!(seconds("NaN", "s"), None);
        assert_eq!(seconds("1.2.3", "s"), None);
    }
}
