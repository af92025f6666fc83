//! The words by which outcome and attribution are stored, and known everywhere else.

use crate::portage::{Attribution, Outcome};

/// The outcome in one word: `merged`, `packaged`, `failed` or `interrupted`.
pub fn outcome_word(outcome: Outcome) -> &'static str {
    outcome.word()
}

/// The attribution in one word: `exact` or `shared`.
pub fn attribution_word(attribution: Attribution) -> &'static str {
    match attribution {
        Attribution::Exact => "exact",
        Attribution::Shared => "shared",
    }
}

pub(super) fn outcome(word: &str) -> Option<Outcome> {
    word.parse().ok()
}

pub(super) fn attribution(word: &str) -> Option<Attribution> {
    [Attribution::Exact, Attribution::Shared]
        .into_iter()
        .find(|a| attribution_word(*a) == word)
}
