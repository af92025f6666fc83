//! The verdict on a package: whether the cache pays for it.
//!
//! The cache saves the cost of compiling the hits, and costs lookups, the server, and the clients. As shares
//! of the cost of compiling without a cache:
//!
//! ```text
//! net share = hit share - overhead share
//! ```
//!
//! The verdict is the sign of the expected net share of the package's next builds. Shares change less from
//! version to version than times do.
//!
//! - The first build of a package can't hit, so it only shows the overhead.
//! - A later build is a *rebuild* of a version that the host has built before, which usually hits, or a *new
//!   version*, which hits if sources and paths are the same.
//! - `PRIOR_BUILDS` average builds of the user's other packages are added. Without them, three new versions
//!   in a row would prove that a package is never rebuilt, although one rebuild compensates for about eight
//!   new versions of a Rust package.
//! - The standard error of the mean hit share is the margin. It is mainly the uncertainty about rebuilds.
//!   `costs` needs a larger margin than `pays`, because a package without the cache has no further
//!   statistics that could correct a wrong verdict.
//! - The time saved by the recorded builds must have the same sign, so that a verdict never contradicts the
//!   numbers in reports.
//!
//! Builds with unknown compilations (imported, with a shared server, or in client-side mode) have no costs,
//! and their hit rate is used as their hit share. If no build has costs, a high overhead is assumed, and the
//! verdict can't be `costs`.
//!
//! The test `replay` follows verdicts through generated histories and limits how often they are wrong.

#[cfg(test)]
mod replay;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde::Serialize;

/// The weight of the user's other packages, in builds. It is small, because packages of the same user
/// differ in how often they are rebuilt.
const PRIOR_BUILDS: f64 = 6.0;

/// `pays` if the expected net share is above 0 by this many standard errors.
const PAYS_ERRORS: f64 = 1.0;

/// `costs` if the expected net share is below 0 by this many standard errors.
const COSTS_ERRORS: f64 = 2.5;

/// `costs` needs this many builds with known costs.
const MIN_COSTED_BUILDS: u64 = 3;

/// The overhead share if no build shows it: that of the smallest crates and source files.
const UNKNOWN_OVERHEAD: f64 = 0.3;

/// What verdicts need of a measured build. Builds whose objects could not be stored are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PastBuild {
    /// The host, because each has a cache of its own, in general.
    pub host: String,
    /// `PVR`.
    pub version: String,
    /// Whether it shows what the cache does: it was completed, without forced misses and read errors. Other
    /// builds only fill the cache.
    pub is_example: bool,
    /// Compilations answered from the cache.
    pub hits: u64,
    /// Compilations not found in the cache.
    pub misses: u64,
    /// The time saved, in seconds of processor time.
    pub saved_seconds: Option<f64>,
    /// The costs of compiling hits and misses, in seconds.
    pub costs: Option<(f64, f64)>,
    /// The misses whose objects the cache had lost, and what compiling them cost, in seconds.
    pub evicted: (u64, f64),
}

impl PastBuild {
    /// Returns the build as if the cache had lost no object that it needed.
    pub fn without_evictions(&self) -> PastBuild {
        let (misses, seconds) = self.evicted;
        let misses = misses.min(self.misses);
        PastBuild {
            hits: self.hits.saturating_add(misses),
            misses: self.misses - misses,
            saved_seconds: self.saved_seconds.map(|saved| saved + seconds),
            costs: self.costs.map(|(hit, miss)| {
                let seconds = seconds.min(miss);
                (hit + seconds, miss - seconds)
            }),
            evicted: (0, 0.0),
            ..self.clone()
        }
    }

    /// Returns the hit rate, by cost if the costs are known.
    fn hit_share(&self) -> f64 {
        match self.costs {
            Some((hits, misses)) if hits + misses > 0.0 => hits / (hits + misses),
            _ => self.hits as f64 / self.hits.saturating_add(self.misses).max(1) as f64,
        }
    }
}

/// How a build relates to the earlier builds of its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    First,
    Rebuild,
    NewVersion,
}

/// Returns the examples among a package's builds, which are sorted by time.
fn examples(builds: &[PastBuild]) -> Vec<(Relation, &PastBuild)> {
    let mut built = HashSet::new();
    let mut examples = Vec::new();
    for build in builds {
        let is_first = built.is_empty();
        let is_new = built.insert((&build.host, &build.version));
        if build.is_example && (build.hits > 0 || build.misses > 0) {
            let relation = match (is_first, is_new) {
                (true, _) => Relation::First,
                (false, true) => Relation::NewVersion,
                (false, false) => Relation::Rebuild,
            };
            examples.push((relation, build));
        }
    }
    examples
}

/// The expectation for a package with few builds, from the builds of all packages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// The share of rebuilds among the later builds of packages.
    pub rebuild_share: f64,
    /// The hit share of rebuilds.
    pub rebuild_hits: f64,
    /// The hit share of new versions.
    pub new_version_hits: f64,
}

impl Prior {
    /// Returns the prior from the builds of several packages, each sorted by time.
    pub fn from_packages<'a>(packages: impl IntoIterator<Item = &'a [PastBuild]>) -> Prior {
        // Assumed values with the weight of five builds.
        let (mut rebuilds, mut new_versions) = (Mean::new(1.0, 0.85), Mean::new(4.0, 0.2));
        for builds in packages {
            for (relation, build) in examples(builds) {
                match relation {
                    Relation::First => {}
                    Relation::Rebuild => rebuilds.add(1.0, build.hit_share()),
                    Relation::NewVersion => new_versions.add(1.0, build.hit_share()),
                }
            }
        }
        Prior {
            rebuild_share: rebuilds.weight / (rebuilds.weight + new_versions.weight),
            rebuild_hits: rebuilds.value(),
            new_version_hits: new_versions.value(),
        }
    }
}

/// A weighted mean.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    weight: f64,
    sum: f64,
    squares: f64,
}

impl Mean {
    fn new(weight: f64, value: f64) -> Mean {
        let mut mean = Mean::default();
        mean.add(weight, value);
        mean
    }

    fn add(&mut self, weight: f64, value: f64) {
        self.weight += weight;
        self.sum += weight * value;
        self.squares += weight * value * value;
    }

    fn value(&self) -> f64 {
        self.sum / self.weight
    }

    fn known_value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.value())
    }

    fn standard_error(&self) -> f64 {
        let variance = self.squares / self.weight - self.value().powi(2);
        (variance.max(0.0) / self.weight).sqrt()
    }
}

/// Whether the cache pays for a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It saves more than it costs.
    Pays,
    /// It costs more than it saves.
    Costs,
    /// The builds don't show it.
    #[default]
    Undecided,
}

/// The verdict on a package, and the numbers it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the cache pays.
    pub kind: Kind,
    /// Builds that show what the cache does.
    pub builds: u64,
    /// Builds among them of a version that the host had built before.
    pub rebuilds: u64,
    /// The other builds.
    pub new_versions: u64,
    /// Those of all these builds whose time saved is known.
    pub saved_builds: u64,
    /// The mean time saved by `saved_builds`; `None` if there are none.
    pub mean_saved_seconds: Option<f64>,
    /// The expected hit share of the next builds, by cost.
    pub expected_hit_share: f64,
    /// The standard error of `expected_hit_share`.
    pub standard_error: f64,
    /// What the cache itself costs, as a share of compiling without it; `None` if it is unknown.
    pub overhead_share: Option<f64>,
    /// The mean hit share of the rebuilds; `None` if there are none.
    #[serde(skip)]
    pub rebuild_hits: Option<f64>,
    /// The mean hit share of later builds of new versions; `None` if there are none.
    #[serde(skip)]
    pub new_version_hits: Option<f64>,
    /// The kind if no cache had lost objects that builds needed.
    #[serde(skip)]
    pub kind_without_evictions: Kind,
}

impl Verdict {
    /// Returns the verdict on a package with these builds, which are sorted by time.
    pub fn new(builds: &[PastBuild], prior: &Prior) -> Verdict {
        let examples = examples(builds);
        let mut saved = Mean::default();
        let mut hit_shares = Mean::default();
        let (mut of_rebuilds, mut of_new_versions) = (Mean::default(), Mean::default());
        let mut rebuilds = 0;
        for (relation, build) in &examples {
            if let Some(seconds) = build.saved_seconds {
                saved.add(1.0, seconds);
            }
            match relation {
                Relation::First => continue,
                Relation::Rebuild => {
                    rebuilds += 1;
                    of_rebuilds.add(1.0, build.hit_share());
                }
                Relation::NewVersion => of_new_versions.add(1.0, build.hit_share()),
            }
            hit_shares.add(1.0, build.hit_share());
        }
        let new_version_hits = of_new_versions.known_value();
        let prior_rebuilds = PRIOR_BUILDS * prior.rebuild_share;
        hit_shares.add(prior_rebuilds, prior.rebuild_hits);
        hit_shares.add(
            PRIOR_BUILDS - prior_rebuilds,
            new_version_hits.unwrap_or(prior.new_version_hits),
        );
        let (overhead_share, costed_builds) = overhead(&examples);
        let expected = hit_shares.value() - overhead_share.unwrap_or(UNKNOWN_OVERHEAD);
        let error = hit_shares.standard_error();
        let kind = if expected > PAYS_ERRORS * error && saved.sum > 0.0 {
            Kind::Pays
        } else if expected < -COSTS_ERRORS * error
            && saved.sum < 0.0
            && costed_builds >= MIN_COSTED_BUILDS
        {
            Kind::Costs
        } else {
            Kind::Undecided
        };
        Verdict {
            kind,
            builds: examples.len() as u64,
            rebuilds,
            new_versions: examples.len() as u64 - rebuilds,
            saved_builds: saved.weight as u64,
            mean_saved_seconds: saved.known_value(),
            expected_hit_share: hit_shares.value(),
            standard_error: error,
            overhead_share,
            rebuild_hits: of_rebuilds.known_value(),
            new_version_hits,
            kind_without_evictions: kind,
        }
    }
}

/// Returns the overhead share of all builds with costs, and how many there are.
fn overhead(examples: &[(Relation, &PastBuild)]) -> (Option<f64>, u64) {
    let (mut overhead, mut cost, mut builds) = (0.0, 0.0, 0);
    for (_, build) in examples {
        if let (Some(saved), Some((hits, misses))) = (build.saved_seconds, build.costs) {
            overhead += hits - saved;
            cost += hits + misses;
            builds += 1;
        }
    }
    ((cost > 0.0).then(|| overhead / cost), builds)
}
