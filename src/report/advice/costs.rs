//! Packages for which the cache costs more than it saves.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::{text, verdict};
use super::{Advice, Kind, Severity, total};
use crate::config::installed_file;
use crate::portage::{is_package, plain_path};
use crate::savings::verdict::{Kind as VerdictKind, Verdict};

/// A smaller loss per build isn't worth a file.
const MIN_SECONDS: f64 = 1.0;

/// The most packages in one piece of advice, those with the highest loss first.
const LISTED: usize = 10;

/// A package, the verdict on it, and the seconds it loses per build.
type Loss<'a> = (&'a str, &'a Verdict, f64);

/// Returns the advice on packages whose verdict is `costs`: to turn sccache off, and a note on those whose
/// verdict may change, because other advice `may_help` or because they would not cost without evictions.
pub(super) fn advise(
    verdicts: &BTreeMap<String, Verdict>,
    may_help: impl Fn(&str) -> bool,
) -> (Option<Advice>, Option<Advice>) {
    let mut losses: Vec<Loss> = Vec::new();
    for (name, verdict) in verdicts {
        let loss = -verdict.mean_saved_seconds.unwrap_or(0.0);
        let is_loss = verdict.kind == VerdictKind::Costs && loss >= MIN_SECONDS;
        if is_loss && is_package(name) {
            losses.push((name, verdict, loss));
        }
    }
    losses.sort_by(|(.., a), (.., b)| b.total_cmp(a));
    let (may_change, certain): (Vec<Loss>, Vec<Loss>) =
        losses.into_iter().partition(|(name, verdict, _)| {
            verdict.kind_without_evictions != VerdictKind::Costs || may_help(name)
        });
    (turn_off(&certain), leave_on(&may_change))
}

fn turn_off(losses: &[Loss]) -> Option<Advice> {
    let listed = &losses[..losses.len().min(LISTED)];
    Some(Advice {
        summary: format!("The cache costs more than it saves for {}.", about(losses)?),
        recommendation: "Turn sccache off with a file per package, which Portage sources after \
            bashrc. As root, run:"
            .into(),
        setting: commands(listed.iter().map(|(name, ..)| *name)),
        ..costs(losses)
    })
}

fn leave_on(losses: &[Loss]) -> Option<Advice> {
    let about = about(losses)?;
    Some(Advice {
        severity: Severity::Note,
        summary: format!("The cache costs more than it saves for {about}, but that may change."),
        recommendation:
            "Leave sccache on for now: it may pay when the cache loses no objects, or after \
            the changes above."
                .into(),
        ..costs(losses)
    })
}

/// Returns the packages in words. `None` if there are none.
fn about(losses: &[Loss]) -> Option<String> {
    match losses {
        [] => None,
        [(name, ..)] => Some(name.to_string()),
        _ => Some(text::count(losses.len() as u64, "package")),
    }
}

/// Returns the advice without its words.
fn costs(losses: &[Loss]) -> Advice {
    let builds = total(losses.iter().map(|(_, verdict, _)| verdict.builds));
    let sentence = |(name, verdict, _): &Loss| format!("{name}: {}.", verdict::mean_saved(verdict));
    Advice {
        kind: Kind::CacheCosts,
        evidence: losses.iter().take(LISTED).map(sentence).collect(),
        packages: losses.iter().map(|(name, ..)| name.to_string()).collect(),
        numbers: json!({ "packages": losses.len(), "builds": builds }),
        ..Advice::default()
    }
}

/// Returns the commands that turn sccache off for these packages. The names must be names of packages,
/// because databases may come from others.
fn commands<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let script = installed_file("no-sccache.sh");
    let Some(script) = plain_path(&script) else {
        return Vec::new();
    };
    let commands = names.flat_map(|name| {
        let (category, _) = name.split_once('/').unwrap_or_default();
        [
            format!("mkdir -p /etc/portage/env/{category}"),
            // The last line of the file may lack the newline.
            format!("printf '\\nsource {script}\\n' >> /etc/portage/env/{name}"),
        ]
    });
    commands.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_costs;
    use super::*;

    fn advise(verdicts: &[(&str, Verdict)]) -> Option<Advice> {
        let verdicts = verdicts.iter().map(|(name, v)| (name.to_string(), *v));
        super::advise(&verdicts.collect(), |_| false).0
    }

    #[test]
    fn packages_that_cost_are_turned_off() {
        let advice = advise(&[("www-client/firefox", verdict_costs(12.0))]).unwrap();
        assert_eq!(advice.packages, ["www-client/firefox"]);
        assert_eq!(
            advice.setting,
            [
                "mkdir -p /etc/portage/env/www-client",
                "printf '\\nsource /usr/share/sccache-report/no-sccache.sh\\n' >> \
              /etc/portage/env/www-client/firefox"
            ]
        );
        assert_eq!(
            advice.evidence,
            [
                "www-client/firefox: it costs 12 s per build on average over 4 builds (1 rebuild, \
                 3 new versions)."
            ]
        );
        assert_eq!(advise(&[("a/../../../bashrc", verdict_costs(12.0))]), None);
    }

    #[test]
    fn other_verdicts_and_small_losses_change_nothing() {
        for kind in [VerdictKind::Pays, VerdictKind::Undecided] {
            let verdict = Verdict {
                kind,
                ..verdict_costs(12.0)
            };
            assert_eq!(advise(&[("a/b", verdict)]), None);
        }
        assert_eq!(advise(&[("a/b", verdict_costs(0.9))]), None);
    }

    #[test]
    fn a_verdict_that_rests_on_evictions_turns_nothing_off() {
        let verdict = Verdict {
            kind_without_evictions: VerdictKind::Undecided,
            ..verdict_costs(12.0)
        };
        let verdicts = BTreeMap::from([("a/b".to_string(), verdict)]);
        let (turn_off, leave_on) = super::advise(&verdicts, |_| false);
        assert_eq!(turn_off, None);
        let note = leave_on.unwrap();
        assert_eq!(note.severity, Severity::Note);
        assert_eq!(
            note.summary,
            "The cache costs more than it saves for a/b, but that may change."
        );
        assert!(note.setting.is_empty() && note.evidence.len() == 1);
    }

    #[test]
    fn the_highest_losses_come_first() {
        let names: Vec<String> = (0..LISTED + 2).map(|n| format!("a/p{n:02}")).collect();
        let verdicts = names.iter().enumerate();
        let verdicts: Vec<(&str, Verdict)> = verdicts
            .map(|(n, name)| (name.as_str(), verdict_costs(10.0 + n as f64)))
            .collect();
        let advice = advise(&verdicts).unwrap();
        assert_eq!(advice.packages.len(), LISTED + 2);
        assert_eq!(advice.packages[0], "a/p11");
        assert_eq!(advice.evidence.len(), LISTED);
        assert!(advice.summary.ends_with("for 12 packages."));
    }
}
