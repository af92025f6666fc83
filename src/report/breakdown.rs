//! Numbers of phases by language, compiler, reason and phase: nested JSON, and rows for `show`.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

use crate::portage::{Attribution, Phase};
use crate::sccache::{NotMeasured, Part, Statistics, Stats};
use crate::store::attribution_word;

/// All runs of the phases with one name.
pub(super) struct PhaseRuns {
    pub(super) name: String,
    pub(super) runs: u64,
    /// Why runs were not measured, one reason for each of those runs.
    pub(super) not_measured: Vec<String>,
    attribution: Attribution,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    /// Of the measured runs; `None` if there are none.
    pub(super) sum: Option<Stats>,
}

impl PhaseRuns {
    /// `runs` must not be empty.
    fn new(name: &str, runs: &[&Phase]) -> PhaseRuns {
        let is_shared = runs
            .iter()
            .any(|run| run.attribution == Attribution::Shared);
        let reasons = runs.iter().filter_map(|run| run.stats.as_ref().err());
        PhaseRuns {
            name: name.to_string(),
            runs: runs.len() as u64,
            not_measured: reasons.map(NotMeasured::to_string).collect(),
            attribution: if is_shared {
                Attribution::Shared
            } else {
                Attribution::Exact
            },
            started_at: runs
                .iter()
                .map(|run| run.started_at)
                .min()
                .unwrap_or_default(),
            finished_at: runs
                .iter()
                .map(|run| run.finished_at)
                .max()
                .unwrap_or_default(),
            sum: Stats::sum(runs.iter().filter_map(|run| run.stats.as_ref().ok())),
        }
    }

    /// A number of the sum.
    pub(super) fn number<T>(&self, pick: impl FnOnce(&Stats) -> Option<T>) -> Option<T> {
        self.sum.as_ref().and_then(pick)
    }
}

/// The sum of the measured phases.
pub(super) fn total(phases: &[Phase]) -> Option<Stats> {
    Stats::sum(phases.iter().filter_map(|phase| phase.stats.as_ref().ok()))
}

/// The phases by name, in the order in which each was first seen.
pub(super) fn by_name(phases: &[Phase]) -> Vec<PhaseRuns> {
    let mut groups: Vec<(&str, Vec<&Phase>)> = Vec::new();
    for phase in phases {
        match groups.iter_mut().find(|(name, _)| *name == phase.name) {
            Some((_, runs)) => runs.push(phase),
            None => groups.push((&phase.name, vec![phase])),
        }
    }
    let groups = groups.iter();
    groups
        .map(|(name, runs)| PhaseRuns::new(name, runs))
        .collect()
}

/// `{LANGUAGE: {hits, misses, errors}}`.
pub(super) fn languages(phases: &[Phase]) -> Json {
    total(phases).map_or_else(|| json!({}), |sum| split(sum.by_language()))
}

/// `{COMPILER: {hits, misses, errors}}`.
pub(super) fn compilers(phases: &[Phase]) -> Json {
    total(phases).map_or_else(|| json!({}), |sum| split(sum.by_compiler()))
}

/// `{LEVEL: {hits, misses, ...}}` of a multi-level cache; empty for an ordinary one.
pub(super) fn levels(phases: &[Phase]) -> Json {
    total(phases).map_or_else(|| json!({}), |sum| named_levels(&sum))
}

fn named_levels(stats: &Stats) -> Json {
    let objects = stats.levels.iter().map(|level| {
        let mut object = json!({"location": level.location});
        add_numbers(&mut object, Some(level));
        (level.name.clone(), object)
    });
    Json::Object(objects.collect::<Map<_, _>>())
}

/// Adds every counter and time by its name.
fn add_numbers<S: Statistics>(object: &mut Json, stats: Option<&S>) {
    for field in S::COUNTERS {
        object[field.name] = json!(stats.and_then(field.get));
    }
    for field in S::SECONDS {
        object[field.name] = json!(stats.and_then(field.get));
    }
}

/// `{REASON: count}`.
pub(super) fn not_cached(phases: &[Phase]) -> Json {
    total(phases).map_or_else(|| json!({}), |sum| json!(sum.not_cached))
}

/// `{PHASE: {hits, misses, ...}}`; runs of the same phase are added up.
pub(super) fn phases(phases: &[Phase]) -> Json {
    let named = by_name(phases)
        .into_iter()
        .map(|group| (group.name.to_string(), phase(&group)));
    Json::Object(named.collect::<Map<_, _>>())
}

fn split(parts: Vec<Part>) -> Json {
    let objects = parts.into_iter().map(|part| {
        let counts = json!({"hits": part.hits, "misses": part.misses, "errors": part.errors});
        (part.name, counts)
    });
    Json::Object(objects.collect::<Map<_, _>>())
}

fn phase(group: &PhaseRuns) -> Json {
    let sum = group.sum.as_ref();
    let n = |pick: fn(&Stats) -> Option<u64>| group.number(pick);
    let mut object = json!({
        "measured": group.not_measured.is_empty(),
        "not_measured": (!group.not_measured.is_empty()).then(|| group.not_measured.join("; ")),
        "runs": group.runs,
        "attribution": attribution_word(group.attribution),
        "started_at": group.started_at,
        "finished_at": group.finished_at,
        "hits": n(|s| Some(s.hits.total)),
        "misses": n(|s| Some(s.misses.total)),
        "hit_rate": group.number(Stats::hit_rate),
        "coverage": group.number(Stats::coverage),
        "errors": n(Stats::errors_total),
        "cache_location": sum.and_then(|s| s.cache_location.clone()),
        "cache_size_bytes": n(|s| s.cache_size),
        "max_cache_size_bytes": n(|s| s.max_cache_size),
        "preprocessor_cache_mode": sum.and_then(|s| s.preprocessor_cache_mode),
        "sccache_version": sum.and_then(|s| s.version.clone()),
        "languages": sum.map_or_else(|| json!({}), |s| split(s.by_language())),
        "compilers": sum.map_or_else(|| json!({}), |s| split(s.by_compiler())),
        "not_cached": sum.map_or_else(|| json!({}), |s| json!(s.not_cached)),
        "levels": sum.map_or_else(|| json!({}), named_levels),
        "base_directories": sum.and_then(|s| s.base_directories.clone()),
    });
    add_numbers(&mut object, sum);
    object
}
