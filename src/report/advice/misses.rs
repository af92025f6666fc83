//! Misses that are expected: forced by a variable, or in another build directory.

use serde_json::{Value as Json, json};

use super::super::miss_reasons::{RELATIVE_PATHS, STABLE_PATHS};
use super::super::text;
use super::{Advice, Kind, Severity, most_recent, package_names, total};
use crate::sccache::compilations::MissReason;
use crate::store::{Evidence, ReasonSum};

/// A reason is a problem if its misses cost more than this share of all misses.
const MIN_SHARE: f64 = 0.05;

/// Builds had `SCCACHE_RECACHE` in their environment. This is a change while the newest build has it,
/// and a note afterwards.
pub(super) fn forced(evidence: &[Evidence]) -> Option<Advice> {
    let builds: Vec<&Evidence> = evidence.iter().filter(|b| b.forced_misses > 0).collect();
    let forced = total(builds.iter().map(|build| build.forced_misses));
    let cost = Misses::with(MissReason::Forced, evidence);
    let cost = cost.map(|misses| misses.sentence("forced compilations"));
    let newest = most_recent(builds.last()?);
    Some(Advice {
        kind: Kind::ForcedMisses,
        severity: if evidence.last()?.forced_misses > 0 {
            Severity::Change
        } else {
            Severity::Note
        },
        summary: "Misses were forced: SCCACHE_RECACHE makes sccache ignore cached objects.".into(),
        evidence: [
            Some(format!(
                "{} of {}, {}.",
                text::number(builds.len() as u64),
                text::count(evidence.len() as u64, "build"),
                text::count(forced, "compilation"),
            )),
            cost,
            Some(newest),
        ]
        .into_iter()
        .flatten()
        .collect(),
        recommendation: "Unset SCCACHE_RECACHE unless you want to rewrite the cache. It takes \
            effect even if its value is 0 or empty."
            .into(),
        packages: package_names(&builds),
        numbers: json!({ "builds": builds.len(), "forced_misses": forced }),
        ..Advice::default()
    })
}

/// Objects of another version or revision can't be used, because the build directory is part of their keys.
pub(super) fn cold_versions(evidence: &[Evidence]) -> Option<Advice> {
    let misses = Misses::with(MissReason::Path, evidence)?;
    let mut builds = misses.builds.iter();
    let can_have_stable_paths = builds.any(|build| build.stable_paths.avoidable_misses > 0);
    Some(Advice {
        kind: Kind::ColdVersions,
        severity: Severity::Note,
        summary:
            "New versions start without hits: keys contain the path of the build directory, which \
            contains the version."
                .into(),
        evidence: vec![
            misses
                .sentence("compiling units again because their build directory is part of the key"),
            most_recent(misses.builds.last()?),
        ],
        recommendation: if can_have_stable_paths {
            format!("{STABLE_PATHS} {RELATIVE_PATHS}")
        } else {
            RELATIVE_PATHS.into()
        },
        packages: package_names(&misses.builds),
        numbers: misses.numbers(),
        ..Advice::default()
    })
}

/// The misses with one reason, in the builds with known reasons.
pub(super) struct Misses<'a> {
    reason: MissReason,
    /// The builds with such misses.
    pub(super) builds: Vec<&'a Evidence>,
    misses: u64,
    seconds: f64,
    /// What all misses of the builds with known reasons cost.
    all_seconds: f64,
}

impl<'a> Misses<'a> {
    /// Returns the misses with this reason. `None` if they are no problem.
    pub(super) fn with(reason: MissReason, evidence: &'a [Evidence]) -> Option<Self> {
        Self::of(reason, evidence, |_| true)
    }

    /// As [`Misses::with`], with those misses only that are in builds for which `counts` is true.
    pub(super) fn of(
        reason: MissReason,
        evidence: impl IntoIterator<Item = &'a Evidence>,
        counts: impl Fn(&Evidence) -> bool,
    ) -> Option<Self> {
        let seconds = |sum: &ReasonSum| sum.compile_time.as_seconds_f64();
        let mut misses = Misses {
            reason,
            builds: Vec::new(),
            misses: 0,
            seconds: 0.0,
            all_seconds: 0.0,
        };
        for build in evidence {
            for sum in &build.miss_reasons {
                misses.all_seconds += seconds(sum);
                if sum.reason == reason && counts(build) {
                    misses.builds.push(build);
                    misses.misses = misses.misses.saturating_add(sum.misses);
                    misses.seconds += seconds(sum);
                }
            }
        }
        (misses.seconds > MIN_SHARE * misses.all_seconds).then_some(misses)
    }

    /// Returns `31 s of 4 min that misses cost (12.9 %) went into WORK: 40 misses in 3 builds.`
    pub(super) fn sentence(&self, work: &str) -> String {
        let [seconds, all_seconds] = [self.seconds, self.all_seconds].map(text::duration);
        let percent = text::percent(self.seconds / self.all_seconds);
        let misses = text::misses(self.misses);
        let builds = text::count(self.builds.len() as u64, "build");
        format!(
            "{seconds} of {all_seconds} that misses cost ({percent}) went into {work}: {misses} in \
             {builds}."
        )
    }

    pub(super) fn numbers(&self) -> Json {
        let word = self.reason.word();
        json!({
            "builds": self.builds.len(),
            format!("{word}_misses"): self.misses,
            format!("{word}_seconds"): self.seconds,
            "miss_seconds": self.all_seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;

    #[test]
    fn build_directories_in_keys_are_a_note() {
        let path = with_reason(rust_build("a/b", "2", 0, 20), MissReason::Path, 20, 6);
        let first = with_reason(rust_build("a/b", "1", 0, 20), MissReason::First, 20, 94);
        let advice = cold_versions(&[first.clone(), path.clone()]).unwrap();
        assert_eq!(
            advice.evidence[0],
            "6.0 s of 1 min 40 s that misses cost (6.0 %) went into compiling units again \
             because their build directory is part of the key: 20 misses in 1 build."
        );
        assert_eq!(advice.severity, Severity::Note);
        assert!(advice.setting.is_empty());
        assert_eq!(
            advice.recommendation, RELATIVE_PATHS,
            "C, or in use already"
        );
        let mut avoidable = path.clone();
        avoidable.stable_paths.avoidable_misses = 1;
        let advice = cold_versions(&[first.clone(), avoidable]).unwrap();
        assert!(advice.recommendation.starts_with(STABLE_PATHS));
        assert_eq!(cold_versions(&[first.clone(), first.clone(), path]), None);
        let unknown = rust_build("a/b", "2", 0, 20);
        assert_eq!(cold_versions(&[first, unknown]), None);
    }

    #[test]
    fn forced_misses_are_a_change_while_they_continue() {
        let build = Evidence {
            forced_misses: 50,
            ..c_build("a/b", "1", 0, 50)
        };
        let advice = forced(&[build.clone(), build.clone()]).unwrap();
        assert_eq!(advice.severity, Severity::Change);
        assert_eq!(
            advice.evidence,
            [
                "2 of 2 builds, 100 compilations.",
                "The most recent: a/b 1 on 1970-01-01, `sccache-report show b0000001`."
            ]
        );
        let since = c_build("a/b", "1", 50, 0);
        let advice = forced(&[build, since.clone()]).unwrap();
        assert_eq!(advice.severity, Severity::Note);
        assert_eq!(forced(&[since]), None);
    }
}
