//! Builds without statistics: what is missing, why, and what helps.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::text;
use super::{Advice, NOT_MEASURED, Severity, package_names};
use crate::sccache::NotMeasuredReason;
use crate::store::Evidence;

/// One or two such builds are accidents.
const BUILDS: usize = 3;

/// Of reasons, only the commonest are told.
const NAMED: usize = 3;

/// Phases of builds in which sccache ran and whose numbers could not be taken.
pub(super) fn missing(evidence: &[Evidence]) -> Option<Advice> {
    let builds: Vec<&Evidence> = evidence
        .iter()
        .filter(|build| !build.not_measured.is_empty())
        .collect();
    if builds.len() < BUILDS {
        return None;
    }
    let mut reasons: BTreeMap<NotMeasuredReason, u64> = BTreeMap::new();
    for (_, reason) in builds.iter().flat_map(|build| &build.not_measured) {
        *reasons.entry(*reason).or_default() += 1;
    }
    let mut reasons: Vec<(NotMeasuredReason, u64)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, phases)| std::cmp::Reverse(*phases));
    let told = |(reason, phases): &(NotMeasuredReason, u64)| {
        format!("{}: {reason}.", text::count(*phases, "phase"))
    };
    let mut evidence_told = vec![format!(
        "{} of {} lack numbers, wholly or in part.",
        text::number(builds.len() as u64),
        text::count(evidence.len() as u64, "build")
    )];
    evidence_told.extend(reasons.iter().take(NAMED).map(told));
    let newest = builds.last()?;
    evidence_told.push(format!(
        "The newest of them: {} {} on {}, `sccache-report show {}`.",
        newest.package,
        newest.version,
        text::date(newest.started_at),
        text::short_id(newest.id)
    ));
    let (recommendation, setting) = remedy(reasons.first()?.0);
    Some(Advice {
        kind: NOT_MEASURED,
        severity: Severity::Change,
        summary: "Statistics are missing for some builds: what the cache did there is unknown."
            .into(),
        evidence: evidence_told,
        recommendation,
        setting,
        packages: package_names(&builds),
        numbers: json!({
            "builds": builds.len(),
            "newest": newest.id.to_string(),
            "phases": reasons.iter().map(|(_, phases)| phases).sum::<u64>(),
            "reasons": reasons.iter().map(|(reason, n)| (reason.code().to_string(), json!(n)))
                .collect::<serde_json::Map<_, _>>(),
        }),
    })
}

/// What to do about the reason, with the lines for make.conf where a setting helps.
fn remedy(reason: NotMeasuredReason) -> (String, Vec<String>) {
    use NotMeasuredReason::*;
    let setting = match reason {
        SharedServerGone | SharedServerRestarted => vec!["SCCACHE_IDLE_TIMEOUT=\"0\"".to_string()],
        _ => Vec::new(),
    };
    let recommendation = match reason {
        ServerKilled | SecondServer | ShellKilled => {
            "Something killed it in the middle of the phase. `dmesg | grep -i 'killed process'` shows \
             whether memory ran out; fewer jobs in MAKEOPTS help then."
        }
        ServerNotStarted | SccacheFailed | SccacheNotRun => {
            "sccache doesn't work in these builds. `sccache-report doctor` shows why."
        }
        ServerStopped | ServerRestarted | StatisticsZeroed => {
            "An ebuild, a script or a bashrc calls `sccache --stop-server` or `sccache --zero-stats` \
             in the middle of the phase. Remove that call."
        }
        SeveralServers => {
            "Name sccache in RUSTC_WRAPPER, CC, CXX or a CMAKE_*_COMPILER_LAUNCHER in make.conf, so \
             that one server is started before the compilers."
        }
        ServerDidNotStop | NoAnswer => {
            "The server answered too late, as on a machine that swaps. Fewer jobs in MAKEOPTS help."
        }
        UnknownOutput => "Update sccache-report: it doesn't know what this sccache prints.",
        SharedServerGone | SharedServerRestarted => {
            "Keep the shared server running. It exits after 10 idle minutes unless it is started with:"
        }
        OldSccacheSharedNetwork => {
            "Update sccache to 0.9 or newer, or keep the network of builds private \
             (FEATURES=network-sandbox)."
        }
        NoLog | LogUnreadable | NoStartNumbers | Other => {
            "`sccache-report show` and the warning in the build's log say more."
        }
    };
    (recommendation.into(), setting)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn without(reason: NotMeasuredReason, count: usize) -> Vec<Evidence> {
        let build = Evidence {
            hits: None,
            misses: None,
            not_measured: vec![("compile".into(), reason)],
            ..c_build("a/b", "1", 0, 0)
        };
        vec![build; count]
    }

    #[test]
    fn two_are_an_accident_and_three_are_not() {
        let killed = NotMeasuredReason::ServerKilled;
        assert_eq!(missing(&without(killed, BUILDS - 1)), None);
        let mut builds = without(killed, BUILDS);
        builds.push(c_build("a/c", "1", 1, 1));
        let advice = missing(&builds).unwrap();
        assert_eq!(
            advice.evidence,
            [
                "3 of 4 builds lack numbers, wholly or in part.",
                "3 phases: its sccache server was killed, or listens elsewhere.",
                "The newest of them: a/b 1 on 1970-01-01, `sccache-report show b0000001`."
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
