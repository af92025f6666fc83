//! Recommends changes, with evidence from the statistics.
//!
//! Each kind of advice is a function from the [`Evidence`] of all builds to an [`Advice`], with the
//! thresholds below which it returns nothing. What can't be changed is a note, not a problem.

mod cache;
mod costs;
mod misses;
mod not_cacheable;
mod not_measured;
mod stable_paths;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value as Json;

use super::text;
use crate::error::Result;
use crate::savings::verdict::Verdict;
use crate::store::{Evidence, Filter, Store};

/// By default, advice is based on this many days before the newest build. Older numbers belong to
/// settings that may have changed since.
pub(super) const DAYS: i64 = 90;

/// The most builds that advice is based on, so that it takes no longer as years go by.
pub(super) const BUILDS: u32 = 1000;

/// One piece of advice.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Advice {
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    /// The problem, in one sentence.
    pub(super) summary: String,
    /// The numbers behind it, one sentence each.
    pub(super) evidence: Vec<String>,
    /// What to do.
    pub(super) recommendation: String,
    /// Lines to paste: for make.conf or a shell, as the recommendation says. May be empty.
    pub(super) setting: Vec<String>,
    /// The packages it applies to. Empty if it applies to all.
    pub(super) packages: Vec<String>,
    /// The numbers of the evidence, by name.
    pub(super) numbers: Json,
}

/// What a piece of advice is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    #[default]
    CacheErrors,
    NotMeasured,
    CacheFull,
    CacheCleared,
    CacheCosts,
    NotCacheable,
    ForcedMisses,
    StablePaths,
    ColdVersions,
}

/// Whether a piece of advice recommends a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Severity {
    /// The user can change something.
    #[default]
    Change,
    /// It explains the statistics. There is nothing to change.
    Note,
}

impl Advice {
    /// Whether following the advice may lead to hits for the package.
    fn may_help(&self, package: &str) -> bool {
        let applies = self.packages.iter().any(|name| name == package);
        applies && self.severity == Severity::Change && self.kind != Kind::NotMeasured
    }
}

/// The builds that advice is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) builds: u64,
    pub(super) first_at: DateTime<Utc>,
    pub(super) last_at: DateTime<Utc>,
}

impl Sample {
    /// Returns `None` if there are no builds.
    pub(super) fn from_evidence(evidence: &[Evidence]) -> Option<Sample> {
        Some(Sample {
            builds: evidence.len() as u64,
            first_at: evidence.first()?.started_at,
            last_at: evidence.last()?.started_at,
        })
    }

    /// Whether there may be more builds than the advice is based on.
    pub(super) fn is_limited(&self) -> bool {
        self.builds >= BUILDS.into()
    }
}

/// Returns the filter, limited to the number of builds that advice is based on.
pub(super) fn limited(filter: &Filter) -> Filter {
    Filter {
        last: Some(filter.last.map_or(BUILDS, |last| last.min(BUILDS))),
        ..filter.clone()
    }
}

/// Returns the advice for these builds, the newest last. See [`derive`].
///
/// # Errors
/// As [`Store::verdicts`].
pub(super) fn advise(store: &Store, evidence: Vec<Evidence>) -> Result<Vec<Advice>> {
    let names: BTreeSet<&str> = evidence.iter().map(|build| &*build.package).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let verdicts = store.verdicts(&names)?;
    Ok(derive(evidence, &verdicts))
}

/// Returns the same with verdicts that are known already, also on other packages.
pub(super) fn advise_with(
    evidence: Vec<Evidence>,
    verdicts: &BTreeMap<String, Verdict>,
) -> Vec<Advice> {
    let names: BTreeSet<&str> = evidence.iter().map(|build| &*build.package).collect();
    let mut verdicts = verdicts.clone();
    verdicts.retain(|name, _| names.contains(name.as_str()));
    derive(evidence, &verdicts)
}

/// Returns the advice for these builds, with the verdicts on their packages. Changes come first, the
/// most harmful problem at the top, then notes.
///
/// Turning sccache off is only recommended for packages that no other advice may help, and that would cost
/// without evictions, too. Such packages get no other advice.
fn derive(mut evidence: Vec<Evidence>, verdicts: &BTreeMap<String, Verdict>) -> Vec<Advice> {
    let mut advice: Vec<Advice> = cache::errors(&evidence).into_iter().collect();
    advice.extend(not_measured::advise(&evidence));
    let evictions = [cache::too_small(&evidence), cache::cleared(&evidence)];
    let mut changes = not_cacheable::advise(&evidence, Severity::Change);
    changes.extend(misses::forced(&evidence));
    let stable_paths = stable_paths::advise(&evidence);
    changes.extend(stable_paths.clone());
    let may_help = |package: &str| advice.iter().chain(&changes).any(|a| a.may_help(package));
    let (costs, may_change) = costs::advise(verdicts, may_help);
    advice.extend(evictions.into_iter().flatten());
    if let Some(costs) = &costs {
        evidence.retain(|build| !costs.packages.contains(&build.package));
    }
    advice.extend(costs);
    advice.extend(changes);
    advice.extend(may_change);
    advice.extend(not_cacheable::advise(&evidence, Severity::Note));
    if let Some(stable_paths) = &stable_paths {
        evidence.retain(|build| !stable_paths.packages.contains(&build.package));
    }
    advice.extend(misses::cold_versions(&evidence));
    advice
}

/// Sums counts, which are arbitrary in a foreign database.
fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

/// Returns the names of the builds' packages, sorted.
fn package_names(builds: &[&Evidence]) -> Vec<String> {
    let names: BTreeSet<&str> = builds.iter().map(|build| &*build.package).collect();
    names.into_iter().map(str::to_string).collect()
}

/// Returns a sentence about the most recent build with a problem.
fn most_recent(build: &Evidence) -> String {
    let (package, version) = (&build.package, &build.version);
    let (date, id) = (text::date(build.started_at), text::short_id(build.id));
    format!("The most recent: {package} {version} on {date}, `sccache-report show {id}`.")
}

/// Returns the first change of the kind.
pub(super) fn find(advice: &[Advice], kind: Kind) -> Option<&Advice> {
    advice
        .iter()
        .find(|advice| advice.kind == kind && advice.severity == Severity::Change)
}

/// Splits the advice by severity.
pub(super) fn changes_and_notes(advice: &[Advice]) -> (Vec<&Advice>, Vec<&Advice>) {
    advice
        .iter()
        .partition(|advice| advice.severity == Severity::Change)
}
