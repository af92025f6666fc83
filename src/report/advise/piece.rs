//! A piece of advice, and how pieces stand to each other.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::store::Evidence;

/// One piece of advice.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Advice {
    /// What it is about, in one word.
    pub(in super::super) kind: &'static str,
    /// Whether it asks for something.
    pub(in super::super) severity: Severity,
    /// What is the matter, in a sentence.
    pub(in super::super) says: String,
    /// The numbers that it rests on, a sentence each.
    pub(in super::super) evidence: Vec<String>,
    /// What to do.
    pub(in super::super) to_do: String,
    /// The exact lines to paste, if any.
    pub(in super::super) setting: Vec<String>,
    /// The packages that it is about; none: all.
    pub(in super::super) packages: Vec<String>,
    /// The numbers again, by name.
    pub(in super::super) numbers: Json,
}

/// Whether a piece of advice asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Severity {
    /// Something should change, and somebody can change it.
    Change,
    /// What explains the numbers, and is as it has to be.
    Note,
}

impl Severity {
    pub(super) fn word(self) -> &'static str {
        match self {
            Severity::Change => "change",
            Severity::Note => "note",
        }
    }
}

/// What kinds of advice that others have to know are called.
pub(in super::super) const ONLY_MISSES: &str = "only-misses";
pub(in super::super) const CACHE_ERRORS: &str = "cache-errors";
pub(super) const NOT_MEASURED: &str = "not-measured";

impl Advice {
    /// Whether following it may give the package the hits that it lacks.
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
pub(in super::super) fn of_kind<'a>(advice: &'a [Advice], kind: &str) -> Option<&'a Advice> {
    advice.iter().find(|piece| piece.kind == kind)
}

/// The pieces that ask for a change, and those that only explain.
pub(in super::super) fn divided(advice: &[Advice]) -> (Vec<&Advice>, Vec<&Advice>) {
    { advice.iter() }.partition(|piece| piece.severity == Severity::Change)
}
