//! Builds with missing statistics: the reasons and their fixes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::json;

use super::super::text;
use super::{Advice, Kind, most_recent, package_names};
use crate::sccache::NotMeasuredReason;
use crate::store::Evidence;

/// One or two such builds are accidents.
const MIN_BUILDS: usize = 3;

/// The most reasons listed, the most frequent first.
const LISTED: usize = 3;

/// sccache ran in some phases whose statistics could not be read.
pub(super) fn advise(evidence: &[Evidence]) -> Option<Advice> {
    let mut builds: Vec<&Evidence> = evidence.iter().collect();
    builds.retain(|build| !build.not_measured.is_empty());
    if builds.len() < MIN_BUILDS {
        return None;
    }
    let mut phases: BTreeMap<NotMeasuredReason, u64> = BTreeMap::new();
    for reason in builds.iter().flat_map(|build| &build.not_measured) {
        *phases.entry(*reason).or_default() += 1;
    }
    let mut reasons: Vec<(NotMeasuredReason, u64)> = phases.clone().into_iter().collect();
    reasons.sort_by_key(|(_, phases)| Reverse(*phases));
    let mut sentences = vec![format!(
        "{} of {} lack some or all statistics.",
        text::number(builds.len() as u64),
        text::count(evidence.len() as u64, "build")
    )];
    for (reason, phases) in reasons.iter().take(LISTED) {
        sentences.push(format!("{}: {reason}.", text::count(*phases, "phase")));
    }
    let newest = builds.last()?;
    sentences.push(most_recent(newest));
    let recommendation = remedy(reasons.first()?.0).to_owned();
    Some(Advice {
        kind: Kind::NotMeasured,
        summary: "Some builds have no or incomplete statistics.".into(),
        evidence: sentences,
        recommendation,
        packages: package_names(&builds),
        numbers: json!({
            "builds": builds.len(),
            "newest": newest.id.to_string(),
            "phases": phases.values().sum::<u64>(),
            "reasons": phases,
        }),
        ..Advice::default()
    })
}

/// Returns what to do about the reason.
fn remedy(reason: NotMeasuredReason) -> &'static str {
    use NotMeasuredReason::*;
    match reason {
        ServerKilled | SecondServer | ShellKilled => {
            "Something killed a process in the middle of the phase. Run `dmesg | grep -i 'killed \
             process'`: if memory ran out, lower the number of jobs in MAKEOPTS."
        }
        ServerNotStarted | SccacheFailed | SccacheNotRun => {
            "sccache doesn't work in these builds. `sccache-report doctor` shows why."
        }
        ServerStopped | ServerRestarted | StatisticsZeroed => {
            "An ebuild, a script, or a bashrc runs `sccache --stop-server` or `sccache --zero-stats` \
             in the middle of the phase. Remove that command."
        }
        SeveralServers => {
            "Name sccache in RUSTC_WRAPPER, CC, CXX, or a CMAKE_*_COMPILER_LAUNCHER in make.conf, so \
             that one server is started before the compilers."
        }
        ServerDidNotStop | NoAnswer => {
            "The server answered too late, for example because the machine was swapping. If so, lower \
             the number of jobs in MAKEOPTS."
        }
        UnknownOutput => "Update sccache-report: it can't read the output of this sccache version.",
        SharedServerGone | SharedServerRestarted | SharedServerNotRunning | SharedServerOverlap => {
            "Remove SCCACHE_SERVER_UDS and SCCACHE_SERVER_PORT from make.conf, so that each phase has a \
             server of its own. docs/shared-cache.md shows how builds and hosts share a cache without a \
             shared server."
        }
        OldSccacheSharedNetwork => {
            "Update sccache to 0.9 or later, or give builds a private network \
             (FEATURES=network-sandbox)."
        }
        NoLog | LogUnreadable | NoStartNumbers | Other => {
            "`sccache-report show` and the warning in the build log have details."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;

    fn without(reason: NotMeasuredReason, count: usize) -> Vec<Evidence> {
        let build = Evidence {
            hits: None,
            misses: None,
            not_measured: vec![reason],
            ..c_build("a/b", "1", 0, 0)
        };
        vec![build; count]
    }

    #[test]
    fn three_builds_are_no_accident() {
        let killed = NotMeasuredReason::ServerKilled;
        assert_eq!(advise(&without(killed, MIN_BUILDS - 1)), None);
        let mut builds = without(killed, MIN_BUILDS);
        builds.push(c_build("a/c", "1", 1, 1));
        let advice = advise(&builds).unwrap();
        assert_eq!(
            advice.evidence,
            [
                "3 of 4 builds lack some or all statistics.",
                "3 phases: the sccache server was killed, or listens at another address.",
                "The most recent: a/b 1 on 1970-01-01, `sccache-report show b0000001`."
            ]
        );
        assert!(advice.recommendation.contains("dmesg"));
        assert_eq!(advice.packages, ["a/b"]);
        assert_eq!(advice.numbers["reasons"]["server_killed"], 3);
    }

    #[test]
    fn a_shared_server_is_no_advice() {
        let recommendation = remedy(NotMeasuredReason::SharedServerRestarted);
        assert!(recommendation.contains("a server of its own"));
        assert!(!remedy(NotMeasuredReason::ServerStopped).contains("dmesg"));
    }
}
