//! A cache that can't be written or read, which sccache passes over in silence.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::super::text;
use super::{Advice, CACHE_ERRORS, Severity};
use crate::portage::{Outcome, make_writable};
use crate::sccache::cache_folder;
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
    let cache = { failing.iter() }.find_map(|build| build.cache.as_ref()?.location.as_deref());
    let folder = cache.and_then(cache_folder);
    let mut packages: BTreeMap<&str, u64> = BTreeMap::new();
    for build in &failing {
        *packages.entry(&build.package).or_default() += failures(build);
    }
    let sum = |pick: fn(&Evidence) -> u64| failing.iter().map(|build| pick(build)).sum::<u64>();
    let (unwritten, unread) = (sum(unwritten), sum(|b| b.read_errors.unwrap_or(0)));
    let (recommendation, setting) = permission(folder.as_deref());
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
        recommendation,
        setting,
        packages: packages.keys().map(|name| name.to_string()).collect(),
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
    let not = build.errors.unwrap_or(0) + build.non_cacheable_compilations.unwrap_or(0);
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

/// Whose permission is missing, and how to give it.
fn permission(folder: Option<&Path>) -> (String, Vec<String>) {
    match folder.and_then(make_writable) {
        Some(lines) => (
            "User portage has to own the cache, files of root included, and with FEATURES=sandbox \
             the sandbox has to allow it (not where SCCACHE_LOCAL_RW_MODE=READ_ONLY is meant so):"
                .into(),
            lines.into(),
        ),
        None => (
            "Look at whether user portage may write where SCCACHE_DIR or the server's storage points; \
             the server says more with SCCACHE_LOG=debug and SCCACHE_ERROR_LOG=FILE."
                .into(),
            Vec::new(),
        ),
    }
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
        let cure = make_writable(Path::new("/var/cache/sccache"));
        assert_eq!(
            advice.evidence[0],
            "1 of the newest 5 builds with something to keep: 3 objects not written, 0 not read."
        );
        assert_eq!(
            Some(&advice.setting[..]),
            cure.as_ref().map(|cure| &cure[..])
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
        let unread = Evidence {
            read_errors: Some(1),
            ..c_build("a/c", "1", 0, 10)
        };
        for build in [unknown, cut_off, nothing_to_write] {
            assert_eq!(recent(&[build]), None);
        }
        assert!(recent(&[unread]).is_some());
        let hostile = Evidence {
            cache: Some(crate::store::CacheState {
                location: Some("Local disk: \"/x; rm -r /\"".into()),
                size: 1,
                max_size: 2,
            }),
            ..silent
        };
        assert!(recent(&[hostile]).unwrap().setting.is_empty());
    }
}
