//! What this project itself printed in a log, read back: the lines of
//! [`summary`](super::super::summary).

use std::sync::LazyLock;

use regex::Regex;

use crate::portage::{Attribution, Phase};
use crate::sccache::{Counts, NotMeasured, Stats};

/// The name of a "phase" that is all of a build: the recipe prints one block, in preinst.
pub const WHOLE: &str = "build";

static RATES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^sccache: (?<hits>\d{1,9}) hits?, (?<misses>\d{1,9}) miss(?:es)?(?:, (?<errors>\d{1,9}) errors?)?, hit rate ")
        .expect("a valid pattern")
});

static PHASE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?<name>[a-z]+) (?:(?<hits>\d{1,9}) of (?<all>\d{1,9})|not measured)$")
        .expect("a valid pattern")
});

/// The brief lines of one build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Answered from the cache.
    pub hits: u64,
    /// Not found in the cache.
    pub misses: u64,
    /// Errors while handling a request; not printed where there were none.
    pub errors: u64,
    /// Phases that were not measured.
    pub not_measured: Vec<String>,
    /// Nothing but a binary package was made.
    pub is_packaged: bool,
}

impl Summary {
    /// Reads its first line.
    pub fn begin(line: &str) -> Option<Self> {
        let parts = RATES.captures(line)?;
        let number = |name| parts.name(name).and_then(|n| n.as_str().parse().ok());
        Some(Self {
            hits: number("hits")?,
            misses: number("misses")?,
            errors: number("errors").unwrap_or(0),
            ..Self::default()
        })
    }

    /// Reads another of its lines.
    pub fn more(&mut self, line: &str) {
        self.is_packaged |= line == "sccache: outcome: packaged";
        let phases = line.strip_prefix("sccache: hits by phase: ");
        for phase in phases
            .into_iter()
            .flat_map(|list| list.split(", "))
            .take(64)
        {
            if let Some(parts) = PHASE.captures(phase)
                && parts.name("hits").is_none()
            {
                self.not_measured.push(parts["name"].to_owned());
            }
        }
    }

    /// What the brief lines say; everything else is unknown.
    pub fn stats(&self) -> Stats {
        let counts = |total| Counts {
            total,
            ..Counts::default()
        };
        Stats {
            hits: counts(self.hits),
            misses: counts(self.misses),
            errors: Some(counts(self.errors)),
            ..Stats::default()
        }
    }
}

/// A "phase" that is all of a build; its times are for the caller to set.
pub fn whole_build(stats: Result<Stats, NotMeasured>, attribution: Attribution) -> Phase {
    Phase {
        name: WHOLE.to_owned(),
        started_at: Default::default(),
        finished_at: Default::default(),
        attribution,
        read_only: false,
        stats,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brief_lines_read_back() {
        let line = "sccache: 53 hits, 0 misses, 2 errors, hit rate 100.0 %, coverage 69.7 %";
        let mut summary = Summary::begin(line).unwrap();
        summary.more("sccache: hits by phase: compile 53 of 53, test not measured");
        summary.more("sccache: cache 261 MiB of 10 GiB (3 %)");
        assert_eq!((summary.hits, summary.misses, summary.errors), (53, 0, 2));
        assert_eq!(summary.not_measured, ["test"]);
        assert_eq!(summary.stats().requests, None);
        assert_eq!(Summary::begin("sccache: error: none"), None);
    }
}
