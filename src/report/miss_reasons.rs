//! What the reasons of misses mean, and what can be done about them.

use super::text;
use crate::portage::Phase;
use crate::sccache::cache_size_setting;
use crate::sccache::compilations::MissReason;
use crate::store::{CacheState, ReasonSum};

/// A cache filled to this fraction is full: sccache removes the oldest objects before it writes one
/// that doesn't fit, so a full cache stays below its limit.
pub(super) const FULL: f64 = 0.9;

/// What can be done about build directories in keys. SCCACHE_BASEDIRS takes them out of the keys of C
/// and C++, but see mozilla/sccache#2863.
pub(super) const RELATIVE_PATHS: &str = "For C and C++, relative paths in the arguments allow hits. \
    SCCACHE_BASEDIRS does too, but with sccache 0.14 to 0.18 it can install a wrong program.";

/// Returns what the reason means, for people.
pub(super) fn meaning(reason: MissReason) -> &'static str {
    match reason {
        MissReason::First => "no earlier build compiled it",
        MissReason::Evicted => "the cache had it and lost it",
        MissReason::Path => "only the build directory differs",
        MissReason::Flags => "other compiler arguments",
        MissReason::Changed => "other source, header, dependency, or compiler",
        MissReason::Forced => "SCCACHE_RECACHE is set",
        MissReason::Unknown => "sccache's log doesn't show why",
    }
}

/// Returns `40 evicted (31 s), 8 changed (5.0 s)`.
pub(super) fn summary(reasons: &[ReasonSum]) -> String {
    let reasons = reasons.iter().map(|sum| {
        let (misses, word) = (text::number(sum.misses), sum.reason.word());
        let time = text::duration(sum.compile_time.as_seconds_f64());
        format!("{misses} {word} ({time})")
    });
    reasons.collect::<Vec<_>>().join(", ")
}

/// Returns the cache as it was at the end of the phase that left it fullest.
pub(super) fn fullest(phases: &[Phase]) -> Option<CacheState> {
    let stats = phases.iter().filter_map(|phase| phase.stats.as_ref().ok());
    let caches = stats.filter_map(|stats| {
        Some(CacheState {
            location: stats.cache_location.clone(),
            size: stats.cache_size?,
            max_size: stats.max_cache_size?,
        })
    });
    caches.max_by(|a, b| {
        a.fill()
            .partial_cmp(&b.fill())
            .unwrap_or(std::cmp::Ordering::Equal)
    })
}

/// Returns what to do about misses with this reason; `None` if they are as they have to be.
/// `used_objects` of the cache were used within a year.
pub(super) fn fix(
    reason: MissReason,
    cache: Option<&CacheState>,
    used_objects: Option<u64>,
) -> Option<String> {
    let fix = match reason {
        MissReason::Evicted => evicted(cache, used_objects),
        MissReason::Path => format!(
            "The build directory contains the version, and sccache's key contains the build \
             directory. Rust crates can't hit in another one. {RELATIVE_PATHS}"
        ),
        MissReason::Flags => "Nothing to change if CFLAGS, RUSTFLAGS, USE flags, or the version \
            changed. Arguments that differ in each build, such as a date, prevent hits."
            .into(),
        MissReason::Forced => {
            "Unset SCCACHE_RECACHE unless you want to rewrite the cache. It takes \
            effect even if its value is 0 or empty."
                .into()
        }
        MissReason::First | MissReason::Changed | MissReason::Unknown => return None,
    };
    Some(format!("{}: {fix}", reason.word()))
}

fn evicted(cache: Option<&CacheState>, used_objects: Option<u64>) -> String {
    let Some(cache) = cache else {
        return "The cache is too small, or it was cleared: its size is unknown.".into();
    };
    let fill = text::cache_fill(cache);
    if cache.fill() < Some(FULL) {
        return format!("{CLEARED} It held {fill} after the build.");
    }
    let used = used_objects.map_or_else(String::new, |objects| {
        let objects = text::count(objects, "object");
        format!(" Builds used {objects} of it within a year (sizes unknown).")
    });
    let (size, _) = cache_size_setting(cache.max_size.saturating_mul(2));
    format!(
        "The cache is too small: it held {fill} after a phase.{used} If the disk has room, \
         increase SCCACHE_CACHE_SIZE, for example to {size}."
    )
}

/// Why a cache that isn't full lost objects.
pub(super) const CLEARED: &str = "The cache was not full, so it was cleared, or something else removed its \
    files, such as a cron job, tmpfiles.d, or a restart with the cache in memory.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_too_small_only_if_it_was_full() {
        let cache = |size| CacheState {
            location: None,
            size,
            max_size: 10 << 30,
        };
        let full = fix(MissReason::Evicted, Some(&cache(9 << 30)), Some(4100)).unwrap();
        assert_eq!(
            full,
            "evicted: The cache is too small: it held 9 GiB of 10 GiB (90.0 %) after a phase. Builds \
             used 4,100 objects of it within a year (sizes unknown). If the disk has room, increase \
             SCCACHE_CACHE_SIZE, for example to 20G."
        );
        let cleared = fix(MissReason::Evicted, Some(&cache(1 << 30)), None).unwrap();
        assert!(cleared.contains("was not full"), "{cleared}");
        assert!(cleared.contains("1 GiB of 10 GiB"), "{cleared}");
        let unknown = fix(MissReason::Evicted, None, None).unwrap();
        assert!(
            unknown.contains("too small, or it was cleared"),
            "{unknown}"
        );
    }
}
