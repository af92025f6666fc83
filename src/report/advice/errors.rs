//! A cache that can't be written or read, which sccache passes over in silence.

use serde_json::json;

use super::super::text;
use super::{Advice, CACHE_ERRORS, Severity, package_names};
use crate::portage::Outcome;
use crate::store::Evidence;

/// Only so many of the newest builds that had something to write are asked about errors:
/// what was cured before them needs no advice.
const RECENT: usize = 5;

/// Objects that could not be written or read in the newest builds.
pub(super) fn recent(evidence: &[Evidence]) -> Option<Advice> {
    let newest: Vec<&Evidence> = evidence
        .iter()
        .rev()
        .filter(|build| storable(build) > 0 || failures(build) > 0)
        .take(RECENT)
        .collect();
    let failing: Vec<&Evidence> = { newest.iter().copied() }
        .filter(|build| failures(build) > 0)
        .collect();
    let last = failing.first()?;
    let sum = |pick: fn(&Evidence) -> u64| failing.iter().map(|build| pick(build)).sum::<u64>();
    let (unwritten, unread) = (sum(unwritten), sum(|b| b.read_errors.unwrap_or(0)));
    Some(Advice {
        kind: CACHE_ERRORS,
        severity: Severity::Change,
        summary: "The cache can't be used as it should: sccache goes on without it, and each such call is \
               compiled every time."
            .into(),
        evidence: vec![
            format!(
                "{} of the newest {} with something to keep: {} not written, {} not read.",
                failing.len(),
                text::count(newest.len() as u64, "build"),
                text::count(unwritten, "object"),
                text::number(unread),
            ),
            format!(
                "The last of them: {} {} on {}.",
                last.package,
                last.version,
                text::date(last.started_at)
            ),
        ],
        // The folder's name comes from the builds: nothing to print in a command.
        recommendation: "Run `sccache-report doctor` as root: it shows what keeps builds from using the cache. \
                (Where SCCACHE_LOCAL_RW_MODE=READ_ONLY is meant so, nothing has to change.)"
            .into(),
        setting: Vec::new(),
        packages: package_names(&failing),
        numbers: json!({
            "builds": newest.len(),
            "builds_with_errors": failing.len(),
            "not_written": unwritten,
            "read_errors": unread,
        }),
    })
}

fn failures(build: &Evidence) -> u64 {
    unwritten(build).saturating_add(build.read_errors.unwrap_or(0))
}

/// Objects that the build should have written.
fn storable(build: &Evidence) -> u64 {
    let not = build.errors.unwrap_or(0)
        + build.non_cacheable_compilations.unwrap_or(0)
        + build.read_only_misses;
    build.misses.unwrap_or(0).saturating_sub(not)
}

/// Objects that could not be written: said by sccache, or seen from that there are none.
fn unwritten(build: &Evidence) -> u64 {
    match (build.write_errors.unwrap_or(0), build.writes) {
        // A build that was cut off may have had writes still to come.
        (0, Some(0)) if matches!(build.outcome, Outcome::Merged | Outcome::Packaged) => {
            storable(build)
        }
        (errors, _) => errors,
    }
}

/// Whether the cache took what the build had for it: `None` where it isn't known, since no text
/// of sccache tells of writes.
pub(super) fn kept(build: &Evidence) -> Option<bool> {
    if failures(build) > 0 || storable(build) == 0 {
        return Some(false);
    }
    build.writes.map(|writes| writes > 0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn errors_count_while_they_are_recent() {
        let good = c_build("a/c", "1", 0, 10);
        let bad = Evidence {
            write_errors: Some(3),
            writes: Some(7),
            cache: cache(1, 2),
            ..c_build("a/bad", "1", 0, 10)
        };
        let mut builds = vec![bad.clone()];
        builds.extend(vec![good.clone(); RECENT - 1]);
        let advice = recent(&builds).unwrap();
        assert_eq!(advice.packages, ["a/bad"]);
        assert_eq!(advice.numbers["not_written"], 3);
        assert_eq!(
            advice.evidence[0],
            "1 of the newest 5 builds with something to keep: 3 objects not written, 0 not read."
        );
        assert!(
            advice.recommendation.contains("`sccache-report doctor`") && advice.setting.is_empty()
        );
        builds.push(good);
        assert_eq!(recent(&builds), None, "cured since");
    }

    #[test]
    fn a_cache_that_takes_nothing_in_silence_is_an_error_too() {
        let silent = Evidence {
            writes: Some(0),
            ..c_build("a/c", "1", 0, 10)
        };
        assert_eq!(
            recent(std::slice::from_ref(&silent)).unwrap().numbers["not_written"],
            10
        );
        let unknown = Evidence {
            writes: None,
            ..silent.clone()
        };
        let packaged = Evidence {
            outcome: Outcome::Packaged,
            ..silent.clone()
        };
        assert!(recent(&[packaged]).is_some());
        let cut_off = Evidence {
            outcome: Outcome::Interrupted,
            ..silent.clone()
        };
        let nothing_to_write = Evidence {
            misses: Some(0),
            ..silent.clone()
        };
        let read_only = Evidence {
            read_only_misses: 10,
            ..silent.clone()
        };
        let unread = Evidence {
            read_errors: Some(1),
            ..c_build("a/c", "1", 0, 10)
        };
        for build in [unknown, cut_off, nothing_to_write, read_only] {
            assert_eq!(recent(&[build]), None);
        }
        assert!(recent(&[unread]).is_some());
    }
}
