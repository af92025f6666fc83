//! What the numbers suggest to change, each piece with its evidence.
//!
//! Each kind of advice is a pure function from [`Evidence`] to at most one [`Advice`], with the
//! thresholds below which it returns nothing. What can't be changed is a note, not a problem.

mod bumps;
mod cache;
mod errors;
mod forced;
mod misses;
mod piece;
mod reasons;
#[cfg(test)]
mod testing;
mod unmeasured;

use chrono::{DateTime, Utc};

pub(super) use self::piece::{
    Advice, CACHE_ERRORS, ONLY_MISSES, Severity, changes_and_notes, find,
};
use self::piece::{NOT_MEASURED, package_names};
use crate::store::{Evidence, Filter};

/// The days before the newest build that advice is based on by default. Older numbers belong to
/// settings that may have changed since.
pub(super) const DAYS: i64 = 90;

/// The most builds that advice is based on, so that it takes no longer as years go by.
pub(super) const BUILDS: u32 = 1000;

/// The builds that advice is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) builds: u64,
    pub(super) first_at: DateTime<Utc>,
    pub(super) last_at: DateTime<Utc>,
}

impl Sample {
    /// `None` without builds.
    pub(super) fn of(evidence: &[Evidence]) -> Option<Sample> {
        Some(Sample {
            builds: evidence.len() as u64,
            first_at: evidence.first()?.started_at,
            last_at: evidence.last()?.started_at,
        })
    }

    /// Whether there may be more builds than advice is based on.
    pub(super) fn is_limited(&self) -> bool {
        self.builds >= BUILDS.into()
    }
}

/// The filter, limited to the number of builds that advice is based on.
pub(super) fn limited(filter: &Filter) -> Filter {
    Filter {
        last: Some(filter.last.map_or(BUILDS, |last| last.min(BUILDS))),
        ..filter.clone()
    }
}

/// The advice for these builds, the newest last: changes, the most harmful problem first, then
/// notes. Turning sccache off is only advised for packages that no other piece may help, and such
/// packages get no other advice.
pub(super) fn derive(mut evidence: Vec<Evidence>) -> Vec<Advice> {
    let whole = [
        errors::recent(&evidence),
        unmeasured::missing(&evidence),
        cache::full(&evidence),
    ];
    let mut advice: Vec<Advice> = whole.into_iter().flatten().collect();
    let mut settings = reasons::curable(&evidence);
    settings.extend(forced::misses(&evidence));
    let cures = |package: &str| { advice.iter().chain(&settings) }.any(|a| a.may_cure(package));
    let off = misses::only(&evidence, cures);
    if let Some(off) = &off {
        evidence.retain(|build| !off.packages.contains(&build.package));
    }
    advice.extend(off);
    advice.extend(settings);
    advice.extend(reasons::normal(&evidence));
    advice.extend(bumps::cold(&evidence));
    advice
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;
    use crate::sccache::NotMeasuredReason;

    fn kinds(evidence: Vec<Evidence>) -> Vec<(&'static str, Severity)> {
        let advice = derive(evidence);
        advice.iter().map(|a| (a.kind, a.severity)).collect()
    }

    #[test]
    fn what_is_turned_off_is_told_nothing_else() {
        let bump = after(rust_build("a/b", "2", 0, 50), "1");
        let only_misses = (ONLY_MISSES, Severity::Change);
        assert_eq!(kinds(vec![bump.clone(); 3]), [only_misses]);
        // One hit, and it stays on: then it is told that this is how it has to be.
        let mut hits = vec![bump; 3];
        hits[0].hits = Some(1);
        assert_eq!(kinds(hits), [("cold-versions", Severity::Note)]);
        let links = Evidence {
            calls: Some(200),
            not_cached: std::iter::once(("crate-type (bin)".to_string(), 150)).collect(),
            ..c_build("a/b", "1", 0, 50)
        };
        assert_eq!(kinds(vec![links.clone(); 3]), [only_misses]);
        assert_eq!(
            kinds(vec![links; 2]),
            [("not-cacheable", Severity::Note)],
            "too few builds to turn it off"
        );
    }

    #[test]
    fn nothing_is_turned_off_that_something_else_may_cure() {
        let misses = c_build("a/b", "1", 0, 50);
        let with = |change: fn(&mut Evidence)| {
            let mut builds = vec![misses.clone(); 3];
            builds.iter_mut().for_each(change);
            kinds(builds)
        };
        assert_eq!(with(|_| {}), [(ONLY_MISSES, Severity::Change)]);
        let incremental = with(|build| {
            build.calls = Some(100);
            build.not_cached = std::iter::once(("incremental".to_string(), 50)).collect();
        });
        assert_eq!(incremental, [("not-cacheable", Severity::Change)]);
        let forced = with(|build| build.forced = 50);
        assert_eq!(forced, [("forced-misses", Severity::Change)]);
        // A build that could not be kept, after three that were.
        let mut builds = vec![misses.clone(); 4];
        builds[3].write_errors = Some(1);
        assert_eq!(kinds(builds), [(CACHE_ERRORS, Severity::Change)]);
        // Missing statistics are no cure.
        let mut builds = vec![misses.clone(); 6];
        for build in &mut builds[3..] {
            build.not_measured = vec![("test".into(), NotMeasuredReason::Other)];
        }
        assert_eq!(
            kinds(builds),
            [
                (NOT_MEASURED, Severity::Change),
                (ONLY_MISSES, Severity::Change)
            ]
        );
    }
}
