//! Builds without statistics: what is missing, why, and what helps.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::{builds::short, text};
use super::{Advice, NOT_MEASURED, Severity};
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
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, reason) in builds.iter().flat_map(|build| &build.not_measured) {
        *reasons.entry(reason).or_default() += 1;
    }
    let mut reasons: Vec<(&str, u64)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, phases)| std::cmp::Reverse(*phases));
    let told = |(reason, phases): &(&str, u64)| {
        format!("{}: {}.", text::of(*phases, "phase"), said(reason))
    };
    let mut evidence_told = vec![format!(
        "{} of {} lack numbers, wholly or in part.",
        text::number(builds.len() as u64),
        text::of(evidence.len() as u64, "build")
    )];
    evidence_told.extend(reasons.iter().take(NAMED).map(told));
    let newest = builds.last()?;
    evidence_told.push(format!(
        "The newest of them: {} {} on {}, `sccache-report show {}`.",
        newest.package,
        newest.version,
        text::day(newest.started_at),
        short(newest.id)
    ));
    let (to_do, setting) = cure(reasons.first()?.0);
    let mut packages: Vec<String> = builds.iter().map(|build| build.package.clone()).collect();
    packages.sort();
    packages.dedup();
    Some(Advice {
        kind: NOT_MEASURED,
        severity: Severity::Change,
        says: "Statistics are missing for some builds: what the cache did there is unknown.".into(),
        evidence: evidence_told,
        to_do,
        setting,
        packages,
        numbers: json!({
            "builds": builds.len(),
            "newest": newest.id.to_string(),
            "phases": reasons.iter().map(|(_, phases)| phases).sum::<u64>(),
            "reasons": reasons.iter().map(|(reason, n)| ((*reason).to_string(), json!(n)))
                .collect::<serde_json::Map<_, _>>(),
        }),
    })
}

/// The reason without what it says is to do about it.
fn said(reason: &str) -> &str {
    reason.split(". To do: ").next().unwrap_or(reason)
}

/// What helps, by the words that sccache-collect writes (`collect::phase`).
fn cure(reason: &str) -> (String, Vec<String>) {
    if let Some((_, to_do)) = reason.split_once(". To do: ") {
        // User portage can write anything there.
        let mut rest = to_do.chars();
        let first = rest.next().into_iter().flat_map(char::to_uppercase);
        let to_do: String = first.chain(rest.clone()).collect();
        return (format!("{to_do}."), Vec::new());
    }
    if reason.contains("shared") && reason.contains("restarted") {
        let to_do =
            "Have the shared server stay; it ends after 10 idle minutes unless it is started with:";
        return (to_do.into(), vec!["SCCACHE_IDLE_TIMEOUT=\"0\"".into()]);
    }
    let to_do = match reason {
        r if r.contains("killed")
            || r.contains("second sccache server")
            || r.contains("was stopped") =>
        {
            "Something ended the server in the middle of the phase. `dmesg | grep -i 'killed process'` \
             tells whether memory ran out: fewer jobs in MAKEOPTS help then. An ebuild or script that \
             calls `sccache --stop-server` does it too."
        }
        r if r.contains("took longer") || r.contains("did not stop") => {
            "The server answered too late, as on a machine that swaps: fewer jobs in MAKEOPTS help."
        }
        r if r.contains("left alone") => {
            "Another server is at the address. Let SCCACHE_SERVER_PORT and SCCACHE_SERVER_UDS unset, \
             unless the server is one that you chose."
        }
        r if r.contains("unusable output") => {
            "Update sccache-report: this sccache says what it can't read."
        }
        _ => "What that shows, and sccache-report's warning in the build's log, say more.",
    };
    (to_do.into(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn without(reason: &str, count: usize) -> Vec<Evidence> {
        let build = Evidence {
            hits: None,
            misses: None,
            not_measured: vec![("compile".into(), reason.into())],
            ..c_build("a/b", "1", 0, 0)
        };
        vec![build; count]
    }

    #[test]
    fn two_are_an_accident_and_three_are_not() {
        assert_eq!(
            missing(&without("its sccache server was killed", BUILDS - 1)),
            None
        );
        let mut builds = without("its sccache server was killed", BUILDS);
        builds.push(c_build("a/c", "1", 1, 1));
        let advice = missing(&builds).unwrap();
        assert_eq!(
            advice.evidence,
            [
                "3 of 4 builds lack numbers, wholly or in part.",
                "3 phases: its sccache server was killed.",
                "The newest of them: a/b 1 on 1970-01-01, `sccache-report show b0000001`."
            ]
        );
        assert!(advice.to_do.contains("dmesg"));
        assert_eq!(advice.packages, ["a/b"]);
    }

    #[test]
    fn each_cause_has_its_cure() {
        for (reason, expected) in [
            (
                "the shared sccache server was restarted or set to zero during it",
                "10 idle minutes",
            ),
            (
                "2 sccache servers were started at once. To do: name sccache in CC",
                "Name sccache in CC.",
            ),
            ("sccache --show-stats took longer than 2 s", "swaps"),
            ("sccache --show-stats printed unusable output: x", "Update"),
            ("a riddle", "the build's log"),
            ("hostile. To do: ", "."),
            ("hostile. To do: émile", "Émile."),
        ] {
            assert!(cure(reason).0.contains(expected), "{reason}");
        }
        assert_eq!(
            cure("the shared sccache server was restarted or set to zero during it")
                .1
                .len(),
            1
        );
    }
}
