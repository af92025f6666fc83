//! What the reasons of misses mean, and what can be done about them.

use super::text;
use crate::sccache::cache_size_setting;
use crate::sccache::compilations::MissReason;
use crate::store::{EvictionCause, ReasonSum};
use crate::text::format_bytes;

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
        MissReason::First => "No build of this host compiled the unit before.",
        MissReason::Evicted => "The cache had the object and lost it.",
        MissReason::Path => {
            "The directory of the build or crate differs, and sccache's key contains it."
        }
        MissReason::Flags => "The arguments of the compiler differ.",
        MissReason::Changed => "The source, a header, a dependency, or the compiler differs.",
        MissReason::Forced => "SCCACHE_RECACHE is set.",
        MissReason::Unknown => {
            "sccache's log doesn't show why, or no earlier build was kept to compare with."
        }
    }
}

/// Returns the reason in a few words, as a title.
pub(super) fn title(reason: MissReason) -> &'static str {
    match reason {
        MissReason::First => "Never compiled before",
        MissReason::Evicted => "Lost by the cache",
        MissReason::Path => "Different directory",
        MissReason::Flags => "Different arguments",
        MissReason::Changed => "Different source or compiler",
        MissReason::Forced => "Forced by a setting",
        MissReason::Unknown => "Unknown reason",
    }
}

/// Returns the reason as the end of a sentence on misses.
pub(super) fn because(reason: MissReason) -> &'static str {
    match reason {
        MissReason::First => "because no earlier build compiled these units",
        MissReason::Evicted => "because the cache had lost the objects",
        MissReason::Path => "because the build directory changed",
        MissReason::Flags => "because the compiler's arguments changed",
        MissReason::Changed => {
            "because the source, a header, a dependency, or the compiler changed"
        }
        MissReason::Forced => "because SCCACHE_RECACHE is set",
        MissReason::Unknown => "for an unknown reason",
    }
}

/// Returns `40 evicted (31 s), 8 changed (5.0 s)`.
pub(super) fn summary(reasons: &[ReasonSum]) -> String {
    entries(reasons).join(", ")
}

/// Returns an entry for each reason: `40 evicted (31 s)`.
pub(super) fn entries(reasons: &[ReasonSum]) -> Vec<String> {
    let reasons = reasons.iter().map(|sum| {
        let (misses, word) = (text::number(sum.misses), sum.reason.word());
        let time = text::duration(sum.compile_time.as_seconds_f64());
        format!("{misses} {word} ({time})")
    });
    reasons.collect()
}

/// Returns what the reason means, and what can be done about it. `used_objects` is the number of objects in
/// the cache that were used within a year.
pub(super) fn explain(
    reason: MissReason,
    cause: &EvictionCause,
    used_objects: Option<u64>,
) -> String {
    let fix = match reason {
        MissReason::Evicted => evicted(cause, used_objects),
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

fn evicted(cause: &EvictionCause, used_objects: Option<u64>) -> String {
    let (full, present_max_size) = match cause {
        EvictionCause::TooSmall {
            full,
            present_max_size,
        } => (full, *present_max_size),
        EvictionCause::Cleared(cache) => {
            let fill = text::cache_fill(cache);
            return format!("{CLEARED} Before this build, it held at most {fill}.");
        }
        EvictionCause::Unknown => {
            return "The cache was cleared or too small: no recorded build shows which.".into();
        }
    };
    let fill = text::cache_fill(full);
    if full.max_size < present_max_size {
        let max_size = format_bytes(present_max_size);
        return format!(
            "The cache was too small: before this build, it held {fill}. Its size is {max_size} now."
        );
    }
    let used = used_objects.map_or_else(String::new, |objects| {
        let objects = text::count(objects, "object");
        format!(" Within a year, builds used {objects} in it (sizes unknown).")
    });
    let (size, _) = cache_size_setting(full.max_size.saturating_mul(2));
    format!(
        "The cache is too small: before this build, it held {fill}.{used} If the disk has room, \
         increase SCCACHE_CACHE_SIZE, for example to {size}."
    )
}

/// Why a cache that isn't full lost objects.
pub(super) const CLEARED: &str = "The cache was not full, so it was cleared, or something else removed its \
    files, such as a cron job, tmpfiles.d, or a restart if the cache is in memory.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::CacheState;

    #[test]
    fn a_cache_is_too_small_only_if_it_was_full() {
        let cache = |size| CacheState {
            location: None,
            size,
            max_size: 10 << 30,
        };
        let evicted = |cause| explain(MissReason::Evicted, &cause, Some(4100));
        let too_small = |present_max_size| EvictionCause::TooSmall {
            full: cache(9 << 30),
            present_max_size,
        };
        assert_eq!(
            evicted(too_small(10 << 30)),
            "The cache had the object and lost it. The cache is too small: before this build, it held \
             9 GiB of 10 GiB (90.0 %). Within a year, builds used 4,100 objects in it (sizes unknown). \
             If the disk has room, increase SCCACHE_CACHE_SIZE, for example to 20G."
        );
        assert_eq!(
            evicted(too_small(20 << 30)),
            "The cache had the object and lost it. The cache was too small: before this build, it held \
             9 GiB of 10 GiB (90.0 %). Its size is 20 GiB now."
        );
        let cleared = evicted(EvictionCause::Cleared(cache(1 << 30)));
        assert!(cleared.contains("was not full"), "{cleared}");
        assert!(cleared.contains("at most 1 GiB of 10 GiB"), "{cleared}");
        let unknown = evicted(EvictionCause::Unknown);
        assert!(unknown.contains("cleared or too small"), "{unknown}");
    }
}
