//! A piece of advice.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::store::Evidence;

/// One piece of advice.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Advice {
    /// What it is about, as a keyword.
    pub(in super::super) kind: &'static str,
    pub(in super::super) severity: Severity,
    /// The problem, in a sentence.
    pub(in super::super) summary: String,
    /// The numbers it is based on, a sentence each.
    pub(in super::super) evidence: Vec<String>,
    /// What to do.
    pub(in super::super) recommendation: String,
    /// Lines to paste, if any.
    pub(in super::super) setting: Vec<String>,
    /// The packages it is about; all if empty.
    pub(in super::super) packages: Vec<String>,
    /// The numbers of the evidence, by name.
    pub(in super::super) numbers: Json,
}

/// Whether a piece of advice asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Severity {
    /// The user can change something.
    Change,
    /// It explains the numbers. There is nothing to change.
    Note,
}

impl Severity {
    pub(in super::super) fn word(self) -> &'static str {
        match self {
            Severity::Change => "change",
            Severity::Note => "note",
        }
    }
}

/// Kinds that other code refers to.
pub(in super::super) const ONLY_MISSES: &str = "only-misses";
pub(in super::super) const CACHE_ERRORS: &str = "cache-errors";
pub(super) const NOT_MEASURED: &str = "not-measured";

impl Advice {
    /// Whether following it may give the package hits.
    pub(super) fn may_cure(&self, package: &str) -> bool {
        let about = self.packages.is_empty() || self.packages.iter().any(|name| name == package);
        about && self.severity == Severity::Change && self.kind != NOT_MEASURED
    }
}

/// The packages of these builds, each once, by name.
pub(super) fn package_names(builds: &[&Evidence]) -> Vec<String> {
    let names: BTreeSet<&str> = builds.iter().map(|build| &*build.package).collect();
    names.into_iter().map(str::to_string).collect()
}

/// The piece of this kind.
pub(in super::super) fn find<'a>(advice: &'a [Advice], kind: &str) -> Option<&'a Advice> {
    advice.iter().find(|piece| piece.kind == kind)
}

/// Splits the advice by severity.
pub(in super::super) fn changes_and_notes(advice: &[Advice]) -> (Vec<&Advice>, Vec<&Advice>) {
    advice
        .iter()
        .partition(|piece| piece.severity == Severity::Change)
}
