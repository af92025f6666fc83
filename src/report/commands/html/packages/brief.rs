//! Brief details of a package: short lists that share the room which the page has.

use super::{Sources, unexplained};
use crate::report::html::page::Details;
use crate::report::text;
use crate::store::{PackageBuild, PackageParts, PackageRow, PartCounts, ReasonSum};

/// The beginnings of the lists after the builds, in few bytes. They are text, so that a copy of the page and a reader
/// view have them.
const LABELS: [&str; 4] = ["In ", "In ", "Not cached ", "Missed "];

/// The texts of brief details.
pub(super) struct Brief<'a> {
    history: &'a [PackageBuild],
    /// The number of all builds.
    builds: u64,
    lists: [Vec<String>; 4],
}

/// The positions of the lists of brief details.
const LANGUAGES: usize = 0;
const PHASES: usize = 1;
const NOT_CACHED: usize = 2;
const REASONS: usize = 3;

impl Brief<'_> {
    /// Returns the length of everything.
    pub(super) fn wanted(&self) -> usize {
        let lists = self.lists.iter().map(|list| list.join(", ").len());
        self.history(usize::MAX).len() + lists.sum::<usize>() + self.markup()
    }

    /// Returns the bytes of tags and names.
    fn markup(&self) -> usize {
        let labels = self.lists.iter().zip(LABELS);
        let shown = labels.filter(|(list, _)| !list.is_empty());
        let names = [""].into_iter().chain(shown.map(|(_, label)| label));
        names.map(|name| "<p>".len() + name.len()).sum()
    }

    fn history(&self, most: usize) -> String {
        history(self.history, self.builds, most)
    }

    /// Returns the details in about so many bytes, the newest build at least. Lists that have room for an item share
    /// the rest, the important ones first.
    pub(super) fn details(&self, most: usize) -> Details {
        let rest = |list: &[String]| text::listed(list, 0, short_rest).len();
        let mut sizes: Vec<usize> = self.lists.iter().map(|list| rest(list)).collect();
        let newest = self.history(0).len();
        let mut room = most.saturating_sub(self.markup() + newest + sizes.iter().sum::<usize>());
        for index in [REASONS, LANGUAGES, NOT_CACHED, PHASES] {
            let needed = match &self.lists[index][..] {
                [] => 0,
                [only] => only.len(),
                [first, rest @ ..] => first.len() + short_rest(rest.len() as u64).len(),
            };
            let added = needed.saturating_sub(sizes[index]);
            if added <= room {
                room -= added;
                sizes[index] += added;
            }
        }
        let full = self.lists.iter().map(|list| list.join(", ").len());
        // What stands for the rest can be longer than the rest.
        let older = self.history(usize::MAX).len().saturating_sub(newest);
        let missing: Vec<usize> = [older]
            .into_iter()
            .chain(
                full.zip(&sizes)
                    .map(|(full, size)| full.saturating_sub(*size)),
            )
            .collect();
        let shares = text::share(room, &missing);
        let mut texts = vec![self.history(newest + shares[0])];
        let lists = self
            .lists
            .iter()
            .zip(LABELS)
            .zip(sizes.iter().zip(&shares[1..]));
        for ((list, label), (size, share)) in lists.filter(|((list, _), _)| !list.is_empty()) {
            let list = text::listed(list, size + share, short_rest);
            texts.push(format!("{label}{list}"));
        }
        Details::Brief(texts)
    }
}

/// Returns the builds, the newest first, in at most so many bytes if that is enough for one: `1.1 9+1 0+10*; 1.0 8+1
/// …14`.
fn history(builds: &[PackageBuild], total: u64, most: usize) -> String {
    let more = |shown: usize| match total.saturating_sub(shown as u64) {
        0 => String::new(),
        rest => short_rest(rest),
    };
    let mut history = String::new();
    let mut version = None;
    for (shown, build) in builds.iter().enumerate() {
        let mut next = String::new();
        if version != Some(&build.version) {
            let separator = if version.is_some() { "; " } else { "" };
            let shown = text::shortened(&text::sanitize(&build.version), 20);
            next = format!("{separator}{shown}");
        }
        version = Some(&build.version);
        next.push(' ');
        next.push_str(&short_counts(build.counts));
        if build.is_cold {
            next.push('*');
        }
        if shown > 0 && history.len() + next.len() + more(shown + 1).len() > most {
            return history + &more(shown);
        }
        history.push_str(&next);
    }
    history + &more(builds.len())
}

/// Returns the end of a list that is cut: ` …14`.
fn short_rest(rest: u64) -> String {
    format!(" …{}", text::number(rest))
}

/// Returns `9+1`: hits and misses.
fn short_counts(counts: Option<(u64, u64)>) -> String {
    counts.map_or_else(
        || "-".to_string(),
        |(hits, misses)| format!("{}+{}", text::number(hits), text::number(misses)),
    )
}

/// Returns `C/C++ 9+1` for each part.
fn short_parts(parts: &[PartCounts]) -> Vec<String> {
    let parts = parts.iter();
    parts
        .map(|part| {
            format!(
                "{} {}",
                text::sanitize(&part.name),
                short_counts(part.counts)
            )
        })
        .collect()
}

/// Returns `40 evicted` for each reason, the costliest first.
fn short_reasons(reasons: &[ReasonSum], misses: Option<u64>) -> Vec<String> {
    let entry = |sum: &ReasonSum| format!("{} {}", text::number(sum.misses), sum.reason.word());
    let mut entries: Vec<String> = reasons.iter().map(entry).collect();
    match unexplained(reasons, misses) {
        0 => {}
        rest => entries.push(format!("{} without a list", text::number(rest))),
    }
    entries
}

impl Sources<'_> {
    pub(super) fn brief(&self, row: &PackageRow) -> Brief<'_> {
        let no_parts = PackageParts::default();
        let parts = self.parts.get(&row.package).unwrap_or(&no_parts);
        let calls = parts.not_cached.iter();
        let calls = calls
            .map(|(reason, calls)| format!("{} {}", text::number(*calls), text::sanitize(reason)));
        Brief {
            history: self.history(&row.package),
            builds: row.sums.builds,
            lists: [
                short_parts(&parts.languages),
                short_parts(&parts.phases),
                calls.collect(),
                short_reasons(&self.reasons.of_package(&row.package), row.sums.misses),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn builds(versions: &[&str]) -> Vec<PackageBuild> {
        let versions = versions.iter().enumerate();
        let builds = versions.map(|(n, version)| PackageBuild {
            id: Uuid::from_u128(n as u128),
            version: (*version).to_string(),
            is_cold: n % 2 == 1,
            counts: (n != 2).then_some((10 * n as u64, 1)),
        });
        builds.collect()
    }

    #[test]
    fn a_history_that_is_cut_says_so() {
        let builds = builds(&["1.1", "1.1", "1.0", "0.9"]);
        let all = "1.1 0+1 10+1*; 1.0 -; 0.9 30+1*";
        assert_eq!(history(&builds, 4, usize::MAX), all);
        assert_eq!(history(&builds, 4, all.len()), all);
        assert_eq!(history(&builds, 18, 99), format!("{all} …14"));
        assert_eq!(history(&builds, 4, 20), "1.1 0+1 10+1* …2");
        assert_eq!(history(&builds, 4, 0), "1.1 0+1 …3");
        let long = "9".repeat(300);
        let history = history(&self::builds(&[&long]), 1, 10);
        assert_eq!(history, format!("{}… 0+1", "9".repeat(19)));
    }

    #[test]
    fn brief_details_have_every_list_and_say_what_they_cut() {
        let history = builds(&["1.1", "1.0", "0.9"]);
        let list =
            |name: &str, count: usize| (0..count).map(|n| format!("{name}{n} 9+1")).collect();
        let brief = Brief {
            history: &history,
            builds: 3,
            lists: [list("C", 2), list("compile", 1), list("-E", 9), Vec::new()],
        };
        let texts = |most| match brief.details(most) {
            Details::Brief(texts) => texts,
            Details::Full(_) => panic!(),
        };
        let all = texts(brief.wanted());
        assert_eq!(all[0], "1.1 0+1; 1.0 10+1*; 0.9 -");
        assert_eq!(all[1..3], ["In C0 9+1, C1 9+1", "In compile0 9+1"]);
        assert_eq!(all.len(), 4, "an empty list has no name");
        let cut = texts(57 + brief.markup());
        assert_eq!(cut[0], "1.1 0+1 …2");
        assert!(cut[1].starts_with("In C0 9+1"), "{cut:?}");
        assert_eq!(cut[2..], ["In compile0 9+1", "Not cached -E0 9+1 …8"]);
        assert_eq!(texts(0), ["1.1 0+1 …2", "In …2", "In …1", "Not cached …9"]);
        for most in 45 + brief.markup()..250 {
            let length: usize = texts(most)
                .iter()
                .map(|text| "<p>".len() + text.len())
                .sum();
            assert!(length <= most, "{most}: {length}");
        }
    }

    #[test]
    fn misses_without_a_list_are_counted() {
        let reasons = [super::super::tests::path_misses()];
        assert_eq!(
            short_reasons(&reasons, Some(7)),
            ["4 path", "3 without a list"]
        );
        assert_eq!(short_reasons(&reasons, Some(4)), ["4 path"]);
    }
}
