//! Statistics by language, compiler, reason, and phase: nested JSON, and rows for `show`.

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use crate::portage::{Attribution, Phase};
use crate::sccache::{NotMeasured, Part, Stats};

/// All runs of the phases with one name.
pub(super) struct PhaseRuns {
    pub(super) name: String,
    pub(super) runs: u64,
    /// The reasons of the runs that were not measured.
    pub(super) not_measured: Vec<String>,
    attribution: Attribution,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    /// The sum over the measured runs. `None` if there are none.
    pub(super) sum: Option<Stats>,
}

impl PhaseRuns {
    /// `runs` must not be empty.
    fn new(runs: &[&Phase]) -> PhaseRuns {
        let first = runs[0];
        let errors = runs.iter().filter_map(|run| run.stats.as_ref().err());
        let shared = runs
            .iter()
            .find(|run| run.attribution == Attribution::Shared);
        let starts = runs.iter().map(|run| run.started_at);
        let ends = runs.iter().map(|run| run.finished_at);
        PhaseRuns {
            name: first.name.clone(),
            runs: runs.len() as u64,
            not_measured: errors.map(NotMeasured::to_string).collect(),
            attribution: shared.unwrap_or(&first).attribution,
            started_at: starts.fold(first.started_at, Ord::min),
            finished_at: ends.fold(first.finished_at, Ord::max),
            sum: Phase::total(runs.iter().copied()),
        }
    }

    /// Returns a statistic of the sum.
    pub(super) fn number<T>(&self, pick: impl FnOnce(&Stats) -> Option<T>) -> Option<T> {
        self.sum.as_ref().and_then(pick)
    }
}

/// Groups the phases by name, in the order in which each name first occurs.
pub(super) fn by_name(phases: &[Phase]) -> Vec<PhaseRuns> {
    let mut groups: Vec<Vec<&Phase>> = Vec::new();
    for phase in phases {
        match groups.iter_mut().find(|runs| runs[0].name == phase.name) {
            Some(runs) => runs.push(phase),
            None => groups.push(vec![phase]),
        }
    }
    groups.iter().map(|runs| PhaseRuns::new(runs)).collect()
}

/// Returns `{LANGUAGE: {hits, misses, errors}}`.
pub(super) fn languages(phases: &[Phase]) -> Json {
    parts(Phase::total(phases).as_ref(), Stats::by_language)
}

/// Returns `{COMPILER: {hits, misses, errors}}`.
pub(super) fn compilers(phases: &[Phase]) -> Json {
    parts(Phase::total(phases).as_ref(), Stats::by_compiler)
}

/// Returns `{REASON: count}`.
pub(super) fn not_cached(phases: &[Phase]) -> Json {
    json!(Phase::total(phases).unwrap_or_default().not_cached)
}

/// Returns `{PHASE: {hits, misses, ...}}`, with the sums over the runs of each phase.
pub(super) fn phases(phases: &[Phase]) -> Json {
    let groups = by_name(phases);
    let named = |group: &PhaseRuns| (group.name.clone(), phase(group));
    groups.iter().map(named).collect()
}

fn parts(stats: Option<&Stats>, split: fn(&Stats) -> Vec<Part>) -> Json {
    let parts = stats.map(split).unwrap_or_default();
    Json::from_iter(parts.into_iter().map(|part| {
        let counts = json!({"hits": part.hits, "misses": part.misses, "errors": part.errors});
        (part.name, counts)
    }))
}

/// Adds every counter and time by its name.
fn add_numbers(object: &mut Json, stats: Option<&Stats>) {
    for field in Stats::COUNTERS {
        object[field.name] = json!(stats.and_then(field.get));
    }
    for field in Stats::SECONDS {
        object[field.name] = json!(stats.and_then(field.get));
    }
}

fn phase(group: &PhaseRuns) -> Json {
    let sum = group.sum.as_ref();
    let reasons = (!group.not_measured.is_empty()).then(|| group.not_measured.join("; "));
    let mut object = json!({
        "measured": reasons.is_none(),
        "not_measured": reasons,
        "runs": group.runs,
        "attribution": group.attribution.word(),
        "started_at": group.started_at,
        "finished_at": group.finished_at,
        "hits": sum.map(|s| s.hits.total),
        "misses": sum.map(|s| s.misses.total),
        "hit_rate": group.number(Stats::hit_rate),
        "coverage": group.number(Stats::coverage),
        "errors": group.number(Stats::errors_total),
        "cache_location": sum.map(|s| &s.cache_location),
        "cache_levels": sum.map(|s| &s.levels),
        "cache_size_bytes": sum.map(|s| s.cache_size),
        "max_cache_size_bytes": sum.map(|s| s.max_cache_size),
        "preprocessor_cache_mode": sum.map(|s| s.preprocessor_cache_mode),
        "sccache_version": sum.map(|s| &s.version),
        "languages": parts(sum, Stats::by_language),
        "compilers": parts(sum, Stats::by_compiler),
        "not_cached": sum.map_or_else(|| json!({}), |s| json!(s.not_cached)),
        "base_directories": sum.map(|s| &s.base_directories),
    });
    add_numbers(&mut object, sum);
    object
}
