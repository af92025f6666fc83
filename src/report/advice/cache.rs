//! A cache that is too small for what is built.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::text;
use super::{Advice, Severity, bumps};
use crate::sccache::{cache_size_setting, hit_rate};
use crate::store::Evidence;

/// From here on a cache counts as full: sccache removes the oldest objects before it writes
/// one that doesn't fit, so that a full cache stays a little below its limit.
const FULL: f64 = 0.95;

/// Hit rates of fewer compilations than this say little.
const ENOUGH: u64 = 200;

/// A fall by less than this is what other versions and other USE flags make of it.
const FALL: f64 = 0.10;

/// The cache is at its limit, and what was built before and after hits less.
pub(super) fn full(evidence: &[Evidence]) -> Option<Advice> {
    let cache = evidence
        .iter()
        .rev()
        .find_map(|build| build.cache.as_ref())?;
    cache.fill().filter(|fill| *fill >= FULL)?;
    let (was, is) = rates_of_halves(evidence)?;
    if was - is < FALL {
        return None;
    }
    let (size, _) = cache_size_setting(cache.max_size.saturating_mul(2));
    Some(Advice {
        kind: "cache-full",
        severity: Severity::Change,
        summary: "The cache is full and hits are falling: it throws away what is still needed."
            .into(),
        evidence: vec![
            format!("The cache holds {}.", text::cache_fill(cache)),
            format!(
                "Packages built in both halves of this time hit {} in the first and {} in the second \
                 (rebuilds and new versions compared apart).",
                text::percent(was),
                text::percent(is)
            ),
        ],
        // Beside a configuration file the variable alone has sccache forget the folder in the file.
        recommendation:
            "Let it grow, if the disk has room: in the file that SCCACHE_CONF names, if that sets \
                the cache's folder, else in /etc/portage/make.conf:"
                .into(),
        setting: vec![format!("SCCACHE_CACHE_SIZE=\"{size}\"")],
        packages: Vec::new(),
        numbers: json!({
            "cache_size_bytes": cache.size,
            "max_cache_size_bytes": cache.max_size,
            "hit_rate_before": was,
            "hit_rate_after": is,
        }),
    })
}

/// The hit rates of the older and of the newer half of the builds. Like is compared with like:
/// a package's rebuilds with its rebuilds, its new versions with its new versions, each with
/// its weight in both halves together. `None` where too little was built in both.
fn rates_of_halves(evidence: &[Evidence]) -> Option<(f64, f64)> {
    let builds: Vec<&Evidence> = { evidence.iter() }
        .filter(|build| build.previous_version.is_some() && build.forced == 0)
        .filter(|build| !bumps::is_rust_bump(build))
        .collect();
    let middle = builds.len() / 2;
    let mut alike: BTreeMap<(&str, bool), [(u64, u64); 2]> = BTreeMap::new();
    for (index, build) in builds.iter().enumerate() {
        let key = (build.package.as_str(), bumps::is_bump(build));
        let half = &mut alike.entry(key).or_default()[usize::from(index >= middle)];
        half.0 += build.hits.unwrap_or(0);
        half.1 += build.misses.unwrap_or(0);
    }
    let (mut asked, mut was, mut is) = ([0, 0], 0.0, 0.0);
    for [old, new] in alike.into_values() {
        if let (Some(before), Some(after)) = (hit_rate(old.0, old.1), hit_rate(new.0, new.1)) {
            let (many, more) = (old.0 + old.1, new.0 + new.1);
            asked = [asked[0] + many, asked[1] + more];
            was += before * (many + more) as f64;
            is += after * (many + more) as f64;
        }
    }
    let all = (asked[0] + asked[1]) as f64;
    (asked[0] >= ENOUGH && asked[1] >= ENOUGH).then(|| (was / all, is / all))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

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
    fn a_full_cache_is_no_trouble_unless_hits_fall() {
        let advice = full(&with_cache(0.95, [60, 49])).unwrap();
        assert_eq!(advice.setting, ["SCCACHE_CACHE_SIZE=\"19K\""]);
        assert_eq!(advice.numbers["hit_rate_before"], 0.6);
        assert!(advice.evidence[1].contains("60.0 % in the first and 49.0 %"));
        assert_eq!(full(&with_cache(0.949, [60, 0])), None);
        assert_eq!(full(&with_cache(1.0, [60, 51])), None);
        assert_eq!(full(&with_cache(1.0, [50, 60])), None);
        // Too few compilations to tell.
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
    fn new_versions_in_rust_do_not_make_the_cache_too_small() {
        let mut builds = with_cache(1.0, [60, 0]);
        for build in &mut builds[4..] {
            build.previous_version = Some("0".into());
            build.languages = std::iter::once(("Rust".to_string(), (0, 100))).collect();
        }
        assert_eq!(full(&builds), None);
    }
}
