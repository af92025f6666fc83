//! Packages for which the cache costs more than it saves.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::{text, verdict};
use super::{Advice, Kind, total};
use crate::config::installed_file;
use crate::portage::{is_package, plain_path};
use crate::savings::verdict::{Kind as VerdictKind, Verdict};

/// A smaller loss per build isn't worth a file.
const MIN_SECONDS: f64 = 1.0;

/// The most packages in one piece of advice, those with the highest loss first.
const LISTED: usize = 10;

/// Packages whose verdict is `costs`, and that no other advice `may_help`.
pub(super) fn advise(
    verdicts: &BTreeMap<String, Verdict>,
    may_help: impl Fn(&str) -> bool,
) -> Option<Advice> {
    let mut worst: Vec<(&str, &Verdict, f64)> = Vec::new();
    for (name, verdict) in verdicts {
        let loss = -verdict.mean_saved_seconds.unwrap_or(0.0);
        let is_loss = verdict.kind == VerdictKind::Costs && loss >= MIN_SECONDS;
        if is_loss && is_package(name) && !may_help(name) {
            worst.push((name, verdict, loss));
        }
    }
    worst.sort_by(|(.., a), (.., b)| b.total_cmp(a));
    let packages: Vec<String> = worst.iter().map(|(name, ..)| name.to_string()).collect();
    let about = match packages.as_slice() {
        [] => return None,
        [name] => name.clone(),
        names => text::count(names.len() as u64, "package"),
    };
    let builds = total(worst.iter().map(|(_, verdict, _)| verdict.builds));
    worst.truncate(LISTED);
    let sentence = |(name, verdict, _): &(&str, &Verdict, f64)| {
        format!("{name}: {}.", verdict::mean_saved(verdict))
    };
    Some(Advice {
        kind: Kind::CacheCosts,
        summary: format!("The cache costs more than it saves for {about}."),
        evidence: worst.iter().map(sentence).collect(),
        recommendation: "Turn sccache off with a file per package, which Portage sources after \
            bashrc. As root, run:"
            .into(),
        setting: commands(worst.iter().map(|(name, ..)| *name)),
        numbers: json!({ "packages": packages.len(), "builds": builds }),
        packages,
        ..Advice::default()
    })
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
            format!("echo 'source {script}' >> /etc/portage/env/{name}"),
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
        super::advise(&verdicts.collect(), |_| false)
    }

    #[test]
    fn packages_that_cost_are_turned_off() {
        let advice = advise(&[("www-client/firefox", verdict_costs(12.0))]).unwrap();
        assert_eq!(advice.packages, ["www-client/firefox"]);
        assert_eq!(
            advice.setting,
            [
                "mkdir -p /etc/portage/env/www-client",
                "echo 'source /usr/share/sccache-report/no-sccache.sh' >> \
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
