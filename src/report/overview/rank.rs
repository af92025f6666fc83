//! Which packages the cache serves best, and which it costs most.

use chrono::TimeDelta;

use crate::store::PackageRow;

/// How many packages that gain, and that lose, are named.
const NAMED: usize = 3;

/// What sorts packages: seconds first, where they are known, then a count.
pub(super) type Rank = (f64, u64);

/// The packages that have this rank, the highest first.
pub(super) fn ranked(
    packages: &[PackageRow],
    rank: impl Fn(&PackageRow) -> Option<Rank>,
) -> Vec<PackageRow> {
    let mut ranked: Vec<(Rank, &PackageRow)> = packages
        .iter()
        .filter_map(|package| Some((rank(package)?, package)))
        .collect();
    ranked.sort_by(|((a, n), _), ((b, m), _)| b.total_cmp(a).then(m.cmp(n)));
    let named = ranked.into_iter().take(NAMED);
    named.map(|(_, package)| package.clone()).collect()
}

/// Time saved; where it isn't known, hits.
pub(super) fn gain(package: &PackageRow) -> Option<Rank> {
    let sums = &package.sums;
    let hits = sums.hits.filter(|hits| *hits > 0)?;
    match sums.time_saved {
        Some(saved) if saved <= TimeDelta::zero() => None,
        Some(saved) => Some((saved.as_seconds_f64(), hits)),
        None => Some((0.0, hits)),
    }
}

/// Time lost; where it isn't known, misses: such a package loses only where it never hits.
pub(super) fn loss(package: &PackageRow) -> Option<Rank> {
    let sums = &package.sums;
    let misses = sums.misses.filter(|misses| *misses > 0)?;
    match sums.time_saved {
        Some(saved) if saved < TimeDelta::zero() => Some((-saved.as_seconds_f64(), misses)),
        Some(_) => None,
        None => Some((0.0, misses)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::store::Sums;

    fn package(name: &str, hits: u64, misses: u64, saved: Option<i64>) -> PackageRow {
        PackageRow {
            package: name.into(),
            sums: Sums {
                builds: 3,
                measured: 3,
                hits: Some(hits),
                misses: Some(misses),
                time_saved: saved.map(TimeDelta::seconds),
                ..Sums::default()
            },
            first_at: DateTime::UNIX_EPOCH,
            last_at: DateTime::UNIX_EPOCH,
            last_version: "1".into(),
            last_hits: None,
            last_misses: None,
        }
    }

    #[test]
    fn time_ranks_before_counts_and_nobody_is_in_both_lists() {
        let packages = [
            package("a/little", 900, 0, Some(5)),
            package("a/much", 10, 0, Some(500)),
            package("a/unknown", 99, 1, None),
            package("a/never", 0, 99, None),
            package("a/costs", 5, 50, Some(-60)),
            package("a/even", 5, 5, Some(0)),
            package("a/idle", 0, 0, Some(0)),
        ];
        let names = |rows: Vec<PackageRow>| -> Vec<String> {
            rows.into_iter().map(|row| row.package).collect()
        };
        assert_eq!(
            names(ranked(&packages, gain)),
            ["a/much", "a/little", "a/unknown"]
        );
        assert_eq!(
            names(ranked(&packages, |row| loss(row)
                .filter(|_| row.package != "a/unknown"))),
            ["a/costs", "a/never"]
        );
    }
}
