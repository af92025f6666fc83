//! How full the cache is.

use super::text;
use crate::store::CacheState;

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `8.2 of 10.0 GiB (82.0 %)`, or `2.1 MiB of 10.0 GiB (0.1 %)` where the unit of the limit would
/// make next to nothing of the size.
pub(super) fn of(cache: &CacheState) -> String {
    let rate = text::rate_or_dash(cache.fill());
    let power = power(cache.max_size);
    let size = match in_unit(cache.size, power).as_str() {
        "0.0" => {
            let own = self::power(cache.size);
            format!("{} {}", in_unit(cache.size, own), UNITS[own])
        }
        size => size.to_string(),
    };
    format!(
        "{size} of {} {} ({rate})",
        in_unit(cache.max_size, power),
        UNITS[power]
    )
}

/// The unit in which so many bytes are written.
fn power(bytes: u64) -> usize {
    (bytes.checked_ilog2().unwrap_or(0) / 10) as usize
}

fn in_unit(bytes: u64, power: usize) -> String {
    match power {
        0 => bytes.to_string(),
        _ => format!("{:.1}", bytes as f64 / 1024_f64.powi(power as i32)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_the_unit_of_the_limit_unless_nothing_is_left_of_them() {
        let said = |size, max_size| {
            of(&CacheState {
                location: None,
                size,
                max_size,
            })
        };
        assert_eq!(said(8 << 30, 10 << 30), "8.0 of 10.0 GiB (80.0 %)");
        assert_eq!(said(1 << 20, 10 << 30), "1.0 MiB of 10.0 GiB (0.1 %)");
        assert_eq!(said(5, 0), "5 of 0 B (-)");
        assert_eq!(said(1, u64::MAX), "1 B of 16.0 EiB (0.1 %)");
    }
}
