//! The verdict on a package in words.

use super::text::{count, duration, is_negligible, number, percent};
use crate::savings::verdict::{Kind, Verdict};

/// Returns the verdict in a few words: `The cache pays: it saves 9 s per build on average over 2 builds (…)`.
pub(super) fn summary(verdict: &Verdict) -> String {
    let kind = match verdict.kind {
        Kind::Pays => "The cache pays",
        Kind::Costs => "The cache doesn't pay",
        Kind::Undecided => "It is undecided whether the cache pays",
    };
    format!("{kind}: {}", mean_saved(verdict))
}

/// Returns the verdict as sentences, with all its numbers.
pub(super) fn sentence(verdict: &Verdict) -> String {
    let mut sentence = format!("{}.", summary(verdict));
    if let Some(overhead) = verdict.overhead_share {
        sentence.push_str(&format!(
            " Of the cost of compiling, hits are expected to save {} (± {}) in the next builds, and the \
             cache itself takes {}.",
            percent(verdict.expected_hit_share),
            percent(verdict.standard_error),
            percent(overhead),
        ));
    }
    sentence
}

/// Returns what the cache saves or costs per build, and the builds.
pub(super) fn mean_saved(verdict: &Verdict) -> String {
    let effect = match verdict.mean_saved_seconds {
        None if verdict.builds == 0 => return "no build shows it".into(),
        None => {
            return format!(
                "the time saved is unknown for {}",
                count(verdict.builds, "build")
            );
        }
        Some(saved) if is_negligible(saved) => "it saves about as much as it costs".into(),
        Some(saved) if saved < 0.0 => format!("it costs {} per build", duration(-saved)),
        Some(saved) => format!("it saves {} per build", duration(saved)),
    };
    let of = if verdict.saved_builds < verdict.builds {
        format!("{} of ", number(verdict.saved_builds))
    } else {
        String::new()
    };
    format!(
        "{effect} on average over {of}{} ({}, {})",
        count(verdict.builds, "build"),
        count(verdict.rebuilds, "rebuild"),
        count(verdict.new_versions, "new version"),
    )
}

/// Returns the verdict as JSON and CSV have it.
pub(super) fn word(verdict: &Verdict) -> &'static str {
    match verdict.kind {
        Kind::Pays => "pays",
        Kind::Costs => "costs",
        Kind::Undecided => "undecided",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_its_numbers() {
        let pays = Verdict {
            kind: Kind::Pays,
            builds: 12,
            rebuilds: 4,
            new_versions: 8,
            saved_builds: 12,
            mean_saved_seconds: Some(31.0),
            expected_hit_share: 0.4,
            standard_error: 0.05,
            overhead_share: Some(0.12),
            rebuild_hits: Some(0.9),
            new_version_hits: Some(0.1),
            kind_without_evictions: Kind::Pays,
        };
        assert_eq!(
            sentence(&pays),
            "The cache pays: it saves 31 s per build on average over 12 builds (4 rebuilds, 8 new \
             versions). Of the cost of compiling, hits are expected to save 40.0 % (± 5.0 %) in the \
             next builds, and the cache itself takes 12.0 %."
        );
        let partly_known = Verdict {
            saved_builds: 9,
            ..pays
        };
        assert!(sentence(&partly_known).contains("on average over 9 of 12 builds ("));
        let costs = Verdict {
            kind: Kind::Costs,
            mean_saved_seconds: Some(-3.0),
            ..pays
        };
        assert!(sentence(&costs).starts_with("The cache doesn't pay: it costs 3.0 s per build"));
        assert_eq!(
            sentence(&Verdict::default()),
            "It is undecided whether the cache pays: no build shows it."
        );
    }
}
