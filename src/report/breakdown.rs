//! What the numbers of phases divide into: nested values for JSON, rows for `show`.

use chrono::SecondsFormat;
use serde_json::{Map, Value as Json, json};

use crate::portage::Phase;
use crate::sccache::{NotMeasured, Part, Statistics, Stats};
use crate::store::attribution_word;

/// All runs of the phases of one name.
pub(super) struct Runs<'a> {
    pub(super) name: &'a str,
    pub(super) runs: Vec<&'a Phase>,
    /// Their sum; `None` where none was measured.
    pub(super) sum: Option<Stats>,
}

/// The sum of what was measured.
pub(super) fn total(phases: &[Phase]) -> Option<Stats> {
    Stats::sum(phases.iter().filter_map(|phase| phase.stats.as_ref().ok()))
}

/// The phases by name, in the order in which each was first seen.
pub(super) fn by_name(phases: &[Phase]) -> Vec<Runs<'_>> {
    let mut groups: Vec<Runs<'_>> = Vec::new();
    for phase in phases {
        match groups.iter_mut().find(|group| group.name == phase.name) {
            Some(group) => group.runs.push(phase),
            None => groups.push(Runs {
                name: &phase.name,
                runs: vec![phase],
                sum: None,
            }),
        }
    }
    for group in &mut groups {
        let stats = group
            .runs
            .iter()
            .filter_map(|phase| phase.stats.as_ref().ok());
        group.sum = Stats::sum(stats);
    }
    groups
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

fn phase(group: &Runs<'_>) -> Json {
    let sum = group.sum.as_ref();
    let n = |pick: fn(&Stats) -> Option<u64>| sum.and_then(pick);
    let reasons: Vec<String> = group
        .runs
        .iter()
        .filter_map(|p| p.stats.as_ref().err())
        .map(NotMeasured::to_string)
        .collect();
    let time =
        |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let shared = group
        .runs
        .iter()
        .find(|p| attribution_word(p.attribution) == "shared");
    let attribution = shared
        .or(group.runs.first())
        .map(|p| attribution_word(p.attribution));
    let mut object = json!({
        "measured": reasons.is_empty(),
        "not_measured": (!reasons.is_empty()).then(|| reasons.join("; ")),
        "runs": group.runs.len(),
        "attribution": attribution,
        "started_at": group.runs.iter().map(|p| p.started_at).min().map(time),
        "finished_at": group.runs.iter().map(|p| p.finished_at).max().map(time),
        "hits": n(|s| Some(s.hits.total)),
        "misses": n(|s| Some(s.misses.total)),
        "hit_rate": sum.and_then(Stats::hit_rate),
        "coverage": sum.and_then(Stats::coverage),
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
