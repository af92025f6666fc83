//! What a newcomer should take home, in one or two sentences.

use super::text::{duration, number, of};
use crate::store::{PackageRow, Sums};

/// So often a package has to have been built before it is said to never hit: the first build
/// has to miss, and the second may be of another version.
const CHANCES: u64 = 3;

/// Whether the cache was worth it in this `period` ("in 30 days"), and who loses by it. A low
/// hit rate is nobody's fault: Rust packages hit only where the same version is built again.
pub(super) fn verdict(sums: &Sums, period: &str, losing: &[PackageRow]) -> String {
    let mut said = whole(sums, period);
    if let Some(package) = losing.iter().find(|package| never_hits(&package.sums)) {
        said.push_str(&format!(
            " {} never hits: {}, {} misses.",
            package.package,
            of(package.sums.builds, "build"),
            number(package.sums.misses.unwrap_or(0))
        ));
    }
    said
}

/// Whether it had the chance and never took it.
pub(super) fn never_hits(sums: &Sums) -> bool {
    sums.hits == Some(0) && sums.misses > Some(0) && sums.builds >= CHANCES
}

/// The estimate, and how much of the hits it is about.
pub(super) fn saved(sums: &Sums) -> String {
    let Some(saved) = sums.time_saved else {
        return "- (no compile time is known to estimate it from)".into();
    };
    let saved = duration(saved.as_seconds_f64());
    match sums.hits.unwrap_or(0) {
        hits if sums.estimated_hits < hits => format!(
            "{saved} (an estimate, for {} of {})",
            number(sums.estimated_hits),
            of(hits, "hit")
        ),
        _ => format!("{saved} (an estimate)"),
    }
}

fn whole(sums: &Sums, period: &str) -> String {
    let (Some(hits), Some(misses)) = (sums.hits, sums.misses) else {
        return "Nothing could be measured: `sccache-report builds` shows which builds, \
                `sccache-report show` why."
            .into();
    };
    let asked = of(hits.saturating_add(misses), "compilation");
    let Some(rate) = sums.hit_rate() else {
        return "sccache ran, but was never asked for anything that it can cache.".into();
    };
    let answered = format!("it answered {} of {asked}", number(hits));
    let saved = sums.time_saved.map(|saved| saved.as_seconds_f64());
    match (saved, rate) {
        _ if hits == 0 => {
            format!("The cache was only filled {period}: none of {asked} had been cached before.")
        }
        (Some(saved), _) if saved > 0.0 => format!(
            "The cache saved about {} of compiling {period} (an estimate): {answered}.",
            duration(saved)
        ),
        (Some(saved), _) => format!(
            "The cache cost about {} more than it saved {period} (an estimate): {answered}; new \
             versions often start cold.",
            duration(-saved)
        ),
        (None, r) if r >= 0.5 => format!("The cache pays: {answered} {period}."),
        (None, r) if r >= 0.1 => format!("The cache helps a little: {answered} {period}."),
        (None, _) => {
            format!("The cache hardly helps: {answered} {period}; new versions often start cold.")
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn said(hits: Option<u64>, misses: Option<u64>, time_saved: Option<f64>) -> String {
        let sums = Sums {
            hits,
            misses,
            time_saved: time_saved.map(|s| TimeDelta::milliseconds((s * 1e3) as i64)),
            ..Sums::default()
        };
        verdict(&sums, "in 30 days", &[])
    }

    #[test]
    fn every_state_has_its_sentence() {
        assert!(said(None, None, None).starts_with("Nothing could be measured"));
        assert!(said(Some(0), Some(0), Some(0.0)).contains("never asked"));
        assert_eq!(
            said(Some(0), Some(1), Some(-5.0)),
            "The cache was only filled in 30 days: none of 1 compilation had been cached before."
        );
        assert_eq!(
            said(Some(1), Some(1), None),
            "The cache pays: it answered 1 of 2 compilations in 30 days."
        );
        assert!(said(Some(1), Some(9), None).contains("helps a little"));
        assert!(said(Some(1), Some(99), None).contains("hardly helps"));
        assert_eq!(
            said(Some(5000), Some(1000), Some(11_400.0)),
            "The cache saved about 3 h 10 min of compiling in 30 days (an estimate): it answered \
             5,000 of 6,000 compilations."
        );
        assert!(
            said(Some(1), Some(9), Some(-120.0))
                .starts_with("The cache cost about 2 min 00 s more")
        );
    }

    #[test]
    fn who_never_hits_is_named() {
        let mut firefox = PackageRow {
            package: "www-client/firefox".into(),
            sums: Sums {
                builds: CHANCES,
                hits: Some(0),
                misses: Some(4211),
                ..Sums::default()
            },
            first_at: chrono::DateTime::UNIX_EPOCH,
            last_at: chrono::DateTime::UNIX_EPOCH,
            last_version: "1".into(),
            last_hits: Some(0),
            last_misses: Some(1),
        };
        let sums = Sums {
            hits: Some(1),
            misses: Some(1),
            ..Sums::default()
        };
        let said =
            |package: &PackageRow| verdict(&sums, "in 30 days", std::slice::from_ref(package));
        assert!(
            said(&firefox).ends_with(" www-client/firefox never hits: 3 builds, 4,211 misses.")
        );
        firefox.sums.builds -= 1;
        assert!(!said(&firefox).contains("never"));
    }
}
