//! What the reasons of misses mean, and what can be done about them.

use super::text;
use crate::portage::Phase;
use crate::sccache::cache_size_setting;
use crate::sccache::compilations::MissReason;
use crate::store::{CacheState, ReasonSum};

/// A cache filled to this fraction is full: sccache removes the oldest objects before it writes one
/// that doesn't fit, so a full cache stays below its limit.
pub(super) const FULL: f64 = 0.9;

/// What can be done about build directories in the keys of crates.
pub(super) const STABLE_PATHS: &str = "Rust crates hit in another directory only with \
    SCCACHE_REPORT_STABLE_PATHS=yes.";

/// What can be done about build directories in keys. SCCACHE_BASEDIRS removes them from the keys of C and
/// C++, but see mozilla/sccache#2863.
pub(super) const RELATIVE_PATHS: &str = "For C and C++, relative paths in the arguments allow hits, \
    but not with -g. SCCACHE_BASEDIRS allows them too, but with sccache 0.14 to 0.18 it can install a wrong \
    program.";

/// Returns what the reason means, as a sentence.
pub(super) fn meaning(reason: MissReason) -> &'static str {
    match reason {
        MissReason::First => "No recorded build compiled the unit before.",
        MissReason::Evicted => "The cache had the object and lost it.",
        MissReason::Path => "The path differs, and sccache's key contains it.",
        MissReason::Flags => "The arguments of the compiler differ.",
        MissReason::Changed => "The source, a header, a dependency, or the compiler differs.",
        MissReason::Forced => "SCCACHE_RECACHE is set.",
        MissReason::Unknown => {
            "sccache's log doesn't show why, or no earlier build was kept to compare with."
        }
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
    caches.max_by(CacheState::compare_fill)
}

/// Returns what the reason means, and what can be done about it. `used_objects` is the number of objects in
/// the cache that were used within a year.
pub(super) fn explain(
    reason: MissReason,
    cache: Option<&CacheState>,
    used_objects: Option<u64>,
) -> String {
    let fix = match reason {
        MissReason::Evicted => evicted(cache, used_objects),
        MissReason::Path => {
            format!("{STABLE_PATHS} {RELATIVE_PATHS}")
        }
        MissReason::Flags => {
            "This is expected after a change of CFLAGS, RUSTFLAGS, USE flags, or the \
            version. Arguments that differ in each build, such as a date, prevent hits."
                .into()
        }
        MissReason::Forced => {
            "Unset it unless you want to rewrite the cache. It takes effect even \
            if its value is 0 or empty."
                .into()
        }
        MissReason::First | MissReason::Changed | MissReason::Unknown => String::new(),
    };
    format!("{} {fix}", meaning(reason)).trim_end().to_string()
}

fn evicted(cache: Option<&CacheState>, used_objects: Option<u64>) -> String {
    let Some(cache) = cache else {
        return "The cache is too small, or it was cleared. Its size is unknown.".into();
    };
    let fill = text::cache_fill(cache);
    if cache.fill() < Some(FULL) {
        return format!("{CLEARED} After a phase of this build, it held {fill}.");
    }
    let used = used_objects.map_or_else(String::new, |objects| {
        let objects = text::count(objects, "object");
        format!(" Within a year, builds used {objects} in it (sizes unknown).")
    });
    let (size, _) = cache_size_setting(cache.max_size.saturating_mul(2));
    format!(
        "The cache is too small: after a phase of this build, it held {fill}.{used} If the disk has \
         room, increase SCCACHE_CACHE_SIZE, for example to {size}."
    )
}

/// Why a cache that isn't full lost objects.
pub(super) const CLEARED: &str = "The cache was not full, so it was cleared, or something else removed its \
    files, such as a cron job, tmpfiles.d, or a restart if the cache is in memory.";

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
        let full = explain(MissReason::Evicted, Some(&cache(9 << 30)), Some(4100));
        assert_eq!(
            full,
            "The cache had the object and lost it. The cache is too small: after a phase of this build, \
             it held 9 GiB of 10 GiB (90.0 %). Within a year, builds used 4,100 objects in it (sizes \
             unknown). If the disk has room, increase SCCACHE_CACHE_SIZE, for example to 20G."
        );
        let cleared = explain(MissReason::Evicted, Some(&cache(1 << 30)), None);
        assert!(cleared.contains("was not full"), "{cleared}");
        assert!(cleared.contains("1 GiB of 10 GiB"), "{cleared}");
        let unknown = explain(MissReason::Evicted, None, None);
        assert!(
            unknown.contains("too small, or it was cleared"),
            "{unknown}"
        );
    }
}
