//! How full the cache is.

use super::text;
use crate::store::CacheState;

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `8.2 of 10.0 GiB (82.0 %)`, both in the unit of the limit.
pub(super) fn of(cache: &CacheState) -> String {
    let power = (cache.max_size.checked_ilog2().unwrap_or(0) / 10) as usize;
    let in_unit = |bytes: u64| bytes as f64 / 1024_f64.powi(power as i32);
    let (size, max) = (in_unit(cache.size), in_unit(cache.max_size));
    let rate = text::rate_or_dash(cache.fill());
    match power {
        0 => format!("{size:.0} of {max:.0} B ({rate})"),
        _ => format!("{size:.1} of {max:.1} {} ({rate})", UNITS[power]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sizes_in_the_unit_of_the_limit() {
        let said = |size, max_size| {
            of(&CacheState {
                location: None,
                size,
                max_size,
            })
        };
        assert_eq!(said(8 << 30, 10 << 30), "8.0 of 10.0 GiB (80.0 %)");
        assert_eq!(said(1 << 20, 10 << 30), "0.0 of 10.0 GiB (0.1 %)");
        assert_eq!(said(5, 0), "5 of 0 B (-)");
        assert_eq!(said(1, u64::MAX), "0.0 of 16.0 EiB (0.1 %)");
    }
}
