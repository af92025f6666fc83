//! Builds without statistics: what is missing, why, and what helps.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::super::text;
use super::{Advice, Kind, most_recent, package_names};
use crate::sccache::NotMeasuredReason;
use crate::store::Evidence;

/// One or two such builds are accidents.
const MIN_BUILDS: usize = 3;

/// The most reasons listed, the most frequent first.
const LISTED: usize = 3;

/// sccache ran in some phases whose numbers could not be read.
pub(super) fn advise(evidence: &[Evidence]) -> Option<Advice> {
    let mut builds: Vec<&Evidence> = evidence.iter().collect();
    builds.retain(|build| !build.not_measured.is_empty());
    if builds.len() < MIN_BUILDS {
        return None;
    }
    let newest = builds.last()?;
    let mut phases: BTreeMap<NotMeasuredReason, u64> = BTreeMap::new();
    for reason in builds.iter().flat_map(|build| &build.not_measured) {
        *phases.entry(*reason).or_default() += 1;
    }
    let mut reasons: Vec<(NotMeasuredReason, u64)> = phases.into_iter().collect();
    reasons.sort_by_key(|(_, phases)| Reverse(*phases));
    let mut sentences = vec![format!(
        "{} of {} lack some or all numbers.",
        text::number(builds.len() as u64),
        text::count(evidence.len() as u64, "build")
    )];
    for (reason, phases) in reasons.iter().take(LISTED) {
        sentences.push(format!("{}: {reason}.", text::count(*phases, "phase")));
    }
    sentences.push(most_recent(newest));
    sentences.push(format!(
        "Details: `sccache-report show {}`.",
        text::short_id(newest.id)
    ));
    let (recommendation, setting) = remedy(reasons.first()?.0);
    let by_code = reasons
        .iter()
        .map(|(reason, phases)| (reason.code().to_string(), json!(phases)));
    Some(Advice {
        kind: Kind::NotMeasured,
        summary: "Some builds have no statistics, or not for all phases.".into(),
        evidence: sentences,
        recommendation,
        setting,
        packages: package_names(&builds),
        numbers: json!({
            "builds": builds.len(),
            "newest": newest.id.to_string(),
            "phases": reasons.iter().map(|(_, phases)| phases).sum::<u64>(),
            "reasons": by_code.collect::<Map<_, _>>(),
        }),
        ..Advice::default()
    })
}

/// Returns what to do about the reason, and lines for make.conf if a setting helps.
fn remedy(reason: NotMeasuredReason) -> (String, Vec<String>) {
    use NotMeasuredReason::*;
    let recommendation = match reason {
        ServerKilled | SecondServer | ShellKilled => {
            "Something killed a process in the middle of the phase. `dmesg | grep -i 'killed \
             process'` shows whether memory ran out. If it did, lower the number of jobs in MAKEOPTS."
        }
        ServerNotStarted | SccacheFailed | SccacheNotRun => {
            "sccache doesn't work in these builds. `sccache-report doctor` shows why."
        }
        ServerStopped | ServerRestarted | StatisticsZeroed => {
            "An ebuild, a script, or a bashrc calls `sccache --stop-server` or `sccache --zero-stats` \
             in the middle of the phase. Remove that call."
        }
        SeveralServers => {
            "Set RUSTC_WRAPPER, CC, CXX, or a CMAKE_*_COMPILER_LAUNCHER in make.conf to sccache, so \
             that one server is started before the compilers."
        }
        ServerDidNotStop | NoAnswer => {
            "The server answered too late, for example because the machine was swapping. Lower the \
             number of jobs in MAKEOPTS."
        }
        UnknownOutput => {
            "Update sccache-report: it doesn't support the output of this sccache version."
        }
        SharedServerGone | SharedServerRestarted => {
            "Keep the shared server running. It exits after 10 idle minutes unless it is started \
             with:"
        }
        OldSccacheSharedNetwork => {
            "Update sccache to 0.9 or later, or give builds a private network \
             (FEATURES=network-sandbox)."
        }
        NoLog | LogUnreadable | NoStartNumbers | Other => {
            "`sccache-report show` and the warning in the build log have details."
        }
    };
    let setting = match reason {
        SharedServerGone | SharedServerRestarted => vec!["SCCACHE_IDLE_TIMEOUT=\"0\"".to_string()],
        _ => Vec::new(),
    };
    (recommendation.into(), setting)
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
                "3 of 4 builds lack some or all numbers.",
                "3 phases: its sccache server was killed, or listens elsewhere.",
                "The most recent: a/b 1 on 1970-01-01.",
                "Details: `sccache-report show b0000001`."
            ]
        );
        assert!(advice.recommendation.contains("dmesg"));
        assert_eq!(advice.packages, ["a/b"]);
        assert_eq!(advice.numbers["reasons"]["server_killed"], 3);
    }

    #[test]
    fn a_shared_server_gets_a_setting() {
        let (recommendation, setting) = remedy(NotMeasuredReason::SharedServerRestarted);
        assert!(recommendation.contains("10 idle minutes"));
        assert_eq!(setting, ["SCCACHE_IDLE_TIMEOUT=\"0\""]);
        assert!(!remedy(NotMeasuredReason::ServerStopped).0.contains("dmesg"));
    }
}
