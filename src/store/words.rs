//! The words by which outcome and attribution are stored, and known everywhere else.

use crate::portage::{Attribution, Outcome};

/// The outcome in one word: `merged`, `packaged`, `failed` or `interrupted`.
pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Merged => "merged",
        Outcome::Packaged => "packaged",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "interrupted",
    }
}

/// The attribution in one word: `exact` or `shared`.
pub fn attribution_word(attribution: Attribution) -> &'static str {
    match attribution {
        Attribution::Exact => "exact",
        Attribution::Shared => "shared",
    }
}

pub(super) fn outcome(word: &str) -> Option<Outcome> {
    [
        Outcome::Merged,
        Outcome::Packaged,
        Outcome::Failed,
        Outcome::Interrupted,
    ]
    .into_iter()
    .find(|o| outcome_word(*o) == word)
}

pub(super) fn attribution(word: &str) -> Option<Attribution> {
    [Attribution::Exact, Attribution::Shared]
        .into_iter()
        .find(|a| attribution_word(*a) == word)
}
