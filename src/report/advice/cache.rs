//! A cache that can't be read or written, that is too small, or that loses objects.

use serde_json::json;

use super::super::miss_reasons::CLEARED;
use super::super::text;
use super::misses::Misses;
use super::{Advice, Kind, most_recent, package_names, total};
use crate::portage::Outcome;
use crate::sccache::cache_size_setting;
use crate::sccache::compilations::MissReason;
use crate::store::{CacheState, EvictionCause, Evidence};

/// Errors count in this many of the newest builds with something to store. Older errors may have been
/// fixed since.
const RECENT_BUILDS: usize = 5;

/// What misses of evicted objects cost time for.
const LOST: &str = "compiling objects again that the cache had lost";

/// Objects could not be written or read in the newest builds. sccache prints no warning about that.
pub(super) fn errors(evidence: &[Evidence]) -> Option<Advice> {
    let has_objects = |build: &&Evidence| build.storable_misses > 0 || failures(build) > 0;
    let mut failing: Vec<&Evidence> = evidence.iter().rev().filter(has_objects).collect();
    failing.truncate(RECENT_BUILDS);
    let builds = failing.len() as u64;
    failing.retain(|build| failures(build) > 0);
    let not_written = total(failing.iter().map(|build| unwritten(build)));
    let read_errors = total(failing.iter().filter_map(|build| build.read_errors));
    Some(Advice {
        kind: Kind::CacheErrors,
        summary: "sccache could not read or write the cache and compiled without it.".into(),
        evidence: vec![
            format!(
                "{} of the newest {} with objects to store: {} not written, {}.",
                failing.len(),
                text::count(builds, "build"),
                text::count(not_written, "object"),
                text::count(read_errors, "read error"),
            ),
            most_recent(failing.first()?),
        ],
        // The name of the cache directory comes from builds, so it doesn't become part of a command.
        recommendation: "Run `sccache-report doctor` as root to see what keeps builds from using \
            the cache. Ignore this if you set SCCACHE_LOCAL_RW_MODE=READ_ONLY on purpose."
            .into(),
        packages: package_names(&failing),
        numbers: json!({
            "builds": builds,
            "builds_with_errors": failing.len(),
            "not_written": not_written,
            "read_errors": read_errors,
        }),
        ..Advice::default()
    })
}

fn failures(build: &Evidence) -> u64 {
    unwritten(build).saturating_add(build.read_errors.unwrap_or(0))
}

/// Returns the number of objects that could not be written: sccache counted errors, or it wrote
/// nothing.
fn unwritten(build: &Evidence) -> u64 {
    let errors = build.write_errors.unwrap_or(0);
    // An interrupted build may have had writes in progress.
    let is_complete = matches!(build.outcome, Outcome::Merged | Outcome::Packaged);
    if errors == 0 && build.writes == Some(0) && is_complete {
        build.storable_misses
    } else {
        errors
    }
}

/// The cache evicted objects that were needed again, since it has its present maximum. Older evictions may
/// have been fixed since.
pub(super) fn too_small(evidence: &[Evidence]) -> Option<Advice> {
    let full = |build: &Evidence| match &build.eviction_cause {
        EvictionCause::TooSmall {
            full,
            present_max_size,
        } if full.max_size >= *present_max_size => Some(full.clone()),
        _ => None,
    };
    let evicted = Misses::of(MissReason::Evicted, evidence, |build| full(build).is_some())?;
    let newest = evicted.builds.last()?;
    let cache = full(newest)?;
    let fill = text::cache_fill(&cache);
    let mut numbers = evicted.numbers();
    numbers["cache_size_bytes"] = json!(cache.size);
    numbers["max_cache_size_bytes"] = json!(cache.max_size);
    let (size, _) = cache_size_setting(cache.max_size.saturating_mul(2));
    Some(Advice {
        kind: Kind::CacheFull,
        summary: "The cache is too small: it evicted objects that were needed again.".into(),
        evidence: vec![
            evicted.sentence(LOST),
            format!("Before the most recent of these builds, the cache held {fill}."),
            most_recent(newest),
        ],
        // If only the variable is set, sccache ignores the directory in the configuration file.
        recommendation: "Increase its size in /etc/portage/make.conf if the disk has room. If \
            the file that SCCACHE_CONF names sets the cache directory, set `size` there instead."
            .into(),
        setting: vec![format!("SCCACHE_CACHE_SIZE=\"{size}\"")],
        numbers,
        ..Advice::default()
    })
}

/// The cache lost objects that were needed again, and was not full.
pub(super) fn cleared(evidence: &[Evidence]) -> Option<Advice> {
    let state = |build: &Evidence| match &build.eviction_cause {
        EvictionCause::Cleared(cache) => Some(cache.clone()),
        _ => None,
    };
    let evicted = Misses::of(MissReason::Evicted, evidence, |build| {
        state(build).is_some()
    })?;
    let caches = evicted.builds.iter().filter_map(|build| state(build));
    let cache = caches.max_by(CacheState::compare_fill)?;
    let fill = text::cache_fill(&cache);
    let mut numbers = evicted.numbers();
    numbers["cache_size_bytes"] = json!(cache.size);
    numbers["max_cache_size_bytes"] = json!(cache.max_size);
    Some(Advice {
        kind: Kind::CacheCleared,
        summary: "The cache lost objects that were needed again, although it was not full.".into(),
        evidence: vec![
            evicted.sentence(LOST),
            format!("Before these builds, the cache held at most {fill}."),
            most_recent(evicted.builds.last()?),
        ],
        recommendation: format!("{CLEARED} If you cleared it, there is nothing to change."),
        packages: package_names(&evicted.builds),
        numbers,
        ..Advice::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;

    #[test]
    fn only_recent_errors_count() {
        let good = c_build("a/c", "1", 0, 10);
        let bad = Evidence {
            write_errors: Some(3),
            writes: Some(7),
            cache: cache(1, 2),
            ..c_build("a/bad", "1", 0, 10)
        };
        let mut builds = vec![bad.clone()];
        builds.extend(vec![good.clone(); RECENT_BUILDS - 1]);
        let advice = errors(&builds).unwrap();
        assert_eq!(advice.packages, ["a/bad"]);
        assert_eq!(advice.numbers["not_written"], 3);
        assert_eq!(
            advice.evidence[0],
            "1 of the newest 5 builds with objects to store: 3 objects not written, 0 read errors."
        );
        assert!(
            advice.recommendation.contains("`sccache-report doctor`") && advice.setting.is_empty()
        );
        builds.push(good);
        assert_eq!(errors(&builds), None, "fixed since");
    }

    #[test]
    fn a_cache_that_stores_nothing_is_an_error() {
        let not_stored = Evidence {
            writes: Some(0),
            ..c_build("a/c", "1", 0, 10)
        };
        assert_eq!(
            errors(std::slice::from_ref(&not_stored)).unwrap().numbers["not_written"],
            10
        );
        let unknown = Evidence {
            writes: None,
            ..not_stored.clone()
        };
        let packaged = Evidence {
            outcome: Outcome::Packaged,
            ..not_stored.clone()
        };
        assert!(errors(&[packaged]).is_some());
        let cut_off = Evidence {
            outcome: Outcome::Interrupted,
            ..not_stored.clone()
        };
        let nothing_to_write = Evidence {
            misses: Some(0),
            storable_misses: 0,
            ..not_stored.clone()
        };
        let read_only = Evidence {
            storable_misses: 0,
            ..not_stored.clone()
        };
        let unread = Evidence {
            read_errors: Some(1),
            ..c_build("a/c", "1", 0, 10)
        };
        for build in [unknown, cut_off, nothing_to_write, read_only] {
            assert_eq!(errors(&[build]), None);
        }
        assert!(errors(&[unread]).is_some());
    }

    fn evicting(seconds: i64, eviction_cause: EvictionCause) -> Vec<Evidence> {
        let first = with_reason(c_build("a/c", "1", 0, 10), MissReason::First, 10, 95);
        let second = c_build("a/c", "1", 0, 10);
        let mut second = with_reason(second, MissReason::Evicted, 3, seconds);
        second.cache = cache(9000, 10_000);
        second.eviction_cause = eviction_cause;
        vec![first, second, c_build("a/d", "1", 0, 1000)]
    }

    fn full(max_size: u64, present_max_size: u64) -> EvictionCause {
        EvictionCause::TooSmall {
            full: cache(9000, max_size).unwrap(),
            present_max_size,
        }
    }

    #[test]
    fn a_cache_is_too_small_if_it_was_full_and_evicted_what_was_needed() {
        let advice = too_small(&evicting(6, full(10_000, 10_000))).unwrap();
        assert_eq!(advice.kind, Kind::CacheFull);
        assert_eq!(advice.setting, ["SCCACHE_CACHE_SIZE=\"19K\""]);
        assert_eq!(
            advice.evidence[0],
            "6.0 s of 1 min 41 s that misses cost (5.9 %) went into compiling objects again that \
             the cache had lost: 3 misses in 1 build."
        );
        assert_eq!(advice.numbers["evicted_misses"], 3);
        let few = evicting(5, full(10_000, 10_000));
        assert_eq!(too_small(&few), None, "5 % of the cost");
    }

    #[test]
    fn only_evictions_since_the_present_size_count() {
        let enlarged = full(9500, 10_000);
        assert_eq!(too_small(&evicting(60, enlarged)), None);
        let mut builds = evicting(60, full(10_000, 10_000));
        let newest = builds.last_mut().unwrap();
        newest.cache = cache(9000, 20_000);
        assert!(too_small(&builds).is_some(), "another cache is larger");
    }

    #[test]
    fn a_cache_that_was_not_full_was_cleared() {
        let room = EvictionCause::Cleared(cache(1000, 10_000).unwrap());
        let builds = evicting(60, room);
        let advice = cleared(&builds).unwrap();
        assert_eq!(advice.kind, Kind::CacheCleared);
        assert_eq!(advice.packages, ["a/c"]);
        assert!(advice.setting.is_empty());
        assert_eq!(too_small(&builds), None);
        let unknown = evicting(60, EvictionCause::Unknown);
        assert_eq!((too_small(&unknown), cleared(&unknown)), (None, None));
    }
}
