//! A cache that can't be read or written, or that is too small.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::text;
use super::{Advice, Kind, most_recent, package_names, total};
use crate::portage::Outcome;
use crate::sccache::cache_size_setting;
use crate::store::Evidence;

/// Errors count in this many of the newest builds with something to store. Older errors may have been
/// fixed since.
const RECENT_BUILDS: usize = 5;

/// A cache filled to this fraction is full: sccache removes the oldest objects before it writes one
/// that doesn't fit, so a full cache stays slightly below its limit.
const FULL: f64 = 0.95;

/// The fewest compilations that make a hit rate meaningful.
const MIN_COMPILATIONS: u64 = 200;

/// Hit rates also fall because of new versions and other USE flags, but by less than this.
const MIN_FALL: f64 = 0.10;

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

/// Whether the cache stored the build's objects. `None` if unknown: sccache's text output doesn't
/// contain the number of writes.
pub(super) fn is_stored(build: &Evidence) -> Option<bool> {
    if failures(build) > 0 || build.storable_misses == 0 {
        return Some(false);
    }
    build.writes.map(|writes| writes > 0)
}

/// The cache is full, and packages hit less than before.
pub(super) fn full(evidence: &[Evidence]) -> Option<Advice> {
    let mut newest_first = evidence.iter().rev();
    let cache = newest_first.find_map(|build| build.cache.as_ref())?;
    let [before, after] = hit_rates_of_halves(evidence)?;
    if cache.fill()? < FULL || before - after < MIN_FALL {
        return None;
    }
    let (size, _) = cache_size_setting(cache.max_size.saturating_mul(2));
    Some(Advice {
        kind: Kind::CacheFull,
        summary: "The cache is full, and it evicts objects that are still needed.".into(),
        evidence: vec![
            format!("The cache holds {}.", text::cache_fill(cache)),
            format!(
                "The hit rate of packages built in both halves of this period fell from {} to {} \
                 (rebuilds and new versions compared separately).",
                text::percent(before),
                text::percent(after)
            ),
        ],
        // If only the variable is set, sccache ignores the directory in the configuration file.
        recommendation: "Increase its size in /etc/portage/make.conf if the disk has room. If the \
            file that SCCACHE_CONF names sets the cache directory, set `size` there instead."
            .into(),
        setting: vec![format!("SCCACHE_CACHE_SIZE=\"{size}\"")],
        numbers: json!({
            "cache_size_bytes": cache.size,
            "max_cache_size_bytes": cache.max_size,
            "hit_rate_before": before,
            "hit_rate_after": after,
        }),
        ..Advice::default()
    })
}

/// Returns the hit rates of the older and the newer half of the builds. Rebuilds of a package are
/// compared with its rebuilds, new versions with new versions. Each such group has the same weight in
/// both halves: its compilations. `None` if the halves have too little in common.
fn hit_rates_of_halves(evidence: &[Evidence]) -> Option<[f64; 2]> {
    let mut builds: Vec<&Evidence> = evidence.iter().collect();
    builds.retain(|build| {
        build.previous_version.is_some() && build.forced_misses == 0 && !build.is_rust_bump()
    });
    let mut groups: BTreeMap<(&str, bool), [(u64, u64); 2]> = BTreeMap::new();
    for (index, build) in builds.iter().enumerate() {
        let group = groups.entry((&build.package, build.is_version_bump()));
        let half = &mut group.or_default()[usize::from(index >= builds.len() / 2)];
        half.0 = half.0.saturating_add(build.hits.unwrap_or(0));
        half.1 = half.1.saturating_add(build.compilations());
    }
    groups.retain(|_, [older, newer]| older.1 > 0 && newer.1 > 0);
    let compilations = [0, 1].map(|half| total(groups.values().map(|group| group[half].1)));
    let rate = |half: usize| {
        let weighted = groups.values().map(|group| {
            let (hits, total) = group[half];
            hits as f64 / total as f64 * (group[0].1 as f64 + group[1].1 as f64)
        });
        weighted.sum::<f64>() / (compilations[0] as f64 + compilations[1] as f64)
    };
    let is_sample = compilations.iter().all(|n| *n >= MIN_COMPILATIONS);
    is_sample.then(|| [rate(0), rate(1)])
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

    fn with_cache(fill: f64, rates: [u64; 2]) -> Vec<Evidence> {
        let mut builds: Vec<Evidence> = (0..8)
            .map(|n| after(c_build("a/c", "1", rates[n / 4], 100 - rates[n / 4]), "1"))
            .collect();
        for build in &mut builds {
            build.cache = cache((fill * 10_000.0) as u64, 10_000);
        }
        builds
    }

    #[test]
    fn a_full_cache_is_fine_unless_hit_rates_fall() {
        let advice = full(&with_cache(0.95, [60, 49])).unwrap();
        assert_eq!(advice.setting, ["SCCACHE_CACHE_SIZE=\"19K\""]);
        assert_eq!(advice.numbers["hit_rate_before"], 0.6);
        assert!(advice.evidence[1].contains("fell from 60.0 % to 49.0 %"));
        assert_eq!(full(&with_cache(0.949, [60, 0])), None);
        assert_eq!(full(&with_cache(1.0, [60, 51])), None);
        assert_eq!(full(&with_cache(1.0, [50, 60])), None);
        // Too few compilations.
        assert_eq!(full(&with_cache(1.0, [60, 0])[3..6]), None);
        // Not the same packages.
        let mut others = with_cache(1.0, [60, 0]);
        others[..4]
            .iter_mut()
            .for_each(|b| b.package = "a/d".into());
        assert_eq!(full(&others), None);
        // Rebuilds before, new versions after.
        let mut bumps = with_cache(1.0, [60, 0]);
        bumps[4..].iter_mut().for_each(|b| b.version = "2".into());
        assert_eq!(full(&bumps), None);
    }

    #[test]
    fn version_bumps_in_rust_do_not_count() {
        let mut builds = with_cache(1.0, [60, 0]);
        for build in &mut builds[4..] {
            build.previous_version = Some("0".into());
            build.rust_compilations = 100;
        }
        assert_eq!(full(&builds), None);
    }
}
