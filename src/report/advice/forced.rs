//! Misses that somebody forced: sccache compiled although it had the object.

use serde_json::json;

use super::super::text;
use super::{Advice, Severity, package_names};
use crate::store::Evidence;

/// Builds with `SCCACHE_RECACHE` in their environment. It is to be changed while the newest build
/// has it, and else only explains the numbers.
pub(super) fn misses(evidence: &[Evidence]) -> Option<Advice> {
    let builds: Vec<&Evidence> = evidence.iter().filter(|b| b.forced > 0).collect();
    let newest = builds.last()?;
    let forced: u64 = builds.iter().map(|build| build.forced).sum();
    Some(Advice {
        kind: "forced-misses",
        severity: if evidence.last()?.forced > 0 {
            Severity::Change
        } else {
            Severity::Note
        },
        summary: "Misses were forced: SCCACHE_RECACHE has sccache compile again what it has."
            .into(),
        evidence: vec![format!(
            "{} of {}, {}; the newest: {} {} on {}.",
            text::number(builds.len() as u64),
            text::count(evidence.len() as u64, "build"),
            text::count(forced, "compilation"),
            newest.package,
            newest.version,
            text::date(newest.started_at),
        )],
        recommendation:
            "Unset SCCACHE_RECACHE unless the cache is to be written anew. It counts when it is \
                set, even to nothing or 0."
                .into(),
        setting: Vec::new(),
        packages: package_names(&builds),
        numbers: json!({ "builds": builds.len(), "forced_misses": forced }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn forced_misses_are_a_change_while_they_go_on() {
        let forced = Evidence {
            forced: 50,
            ..c_build("a/b", "1", 0, 50)
        };
        let advice = misses(&[forced.clone(), forced.clone()]).unwrap();
        assert_eq!(advice.severity, Severity::Change);
        assert_eq!(
            advice.evidence,
            ["2 of 2 builds, 100 compilations; the newest: a/b 1 on 1970-01-01."]
        );
        let since = c_build("a/b", "1", 50, 0);
        let advice = misses(&[forced, since.clone()]).unwrap();
        assert_eq!(advice.severity, Severity::Note);
        assert_eq!(misses(&[since]), None);
    }
}
