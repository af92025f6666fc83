//! What the numbers of phases divide into: nested values for JSON, rows for `show`.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use serde_json::{Map, Value as Json, json};

use crate::portage::Phase;
use crate::sccache::{Counts, NotMeasured, Stats, hit_rate};
use crate::store::attribution_word;

/// hits, misses and errors of a language, compiler or phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) errors: Option<u64>,
}

impl Part {
    pub(super) fn hit_rate(&self) -> Option<f64> {
        hit_rate(self.hits, self.misses)
    }
}

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

/// hits, misses and errors by what `pick` divides them into, sorted by name.
pub(super) fn parts(stats: &Stats, pick: fn(&Counts) -> &BTreeMap<String, u64>) -> Vec<Part> {
    let mut parts: BTreeMap<&str, Part> = BTreeMap::new();
    for (name, count) in pick(&stats.hits) {
        parts.entry(name).or_default().hits = *count;
    }
    for (name, count) in pick(&stats.misses) {
        parts.entry(name).or_default().misses = *count;
    }
    if let Some(errors) = &stats.errors {
        parts.values_mut().for_each(|part| part.errors = Some(0));
        for (name, count) in pick(errors) {
            parts.entry(name).or_default().errors = Some(*count);
        }
    }
    parts
        .into_iter()
        .map(|(name, part)| Part {
            name: name.to_string(),
            ..part
        })
        .collect()
}

/// `{LANGUAGE: {hits, misses, errors}}`.
pub(super) fn languages(phases: &[Phase]) -> Json {
    total(phases).map_or_else(|| json!({}), |sum| split(&sum, |c| &c.languages))
}

/// `{COMPILER: {hits, misses, errors}}`.
pub(super) fn compilers(phases: &[Phase]) -> Json {
    total(phases).map_or_else(|| json!({}), |sum| split(&sum, |c| &c.compilers))
}

/// `{LEVEL: {hits, misses, ...}}` of a multi-level cache; empty for an ordinary one.
pub(super) fn levels(phases: &[Phase]) -> Json {
    total(phases).map_or_else(|| json!({}), |sum| named_levels(&sum))
}

fn named_levels(stats: &Stats) -> Json {
    let objects = stats.levels.iter().map(|level| {
        let numbers = json!({
            "location": level.location,
            "hits": level.hits,
            "misses": level.misses,
            "writes": level.writes,
            "write_failures": level.write_failures,
            "backfills_from": level.backfills_from,
            "backfills_to": level.backfills_to,
            "hit_seconds": level.hit_seconds,
            "write_seconds": level.write_seconds,
        });
        (level.name.clone(), numbers)
    });
    Json::Object(objects.collect::<Map<_, _>>())
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

fn split(stats: &Stats, pick: fn(&Counts) -> &BTreeMap<String, u64>) -> Json {
    let objects = parts(stats, pick).into_iter().map(|part| {
        let counts = json!({"hits": part.hits, "misses": part.misses, "errors": part.errors});
        (part.name, counts)
    });
    Json::Object(objects.collect::<Map<_, _>>())
}

fn phase(group: &Runs<'_>) -> Json {
    let sum = group.sum.as_ref();
    let n = |pick: fn(&Stats) -> Option<u64>| sum.and_then(pick);
    let seconds = |pick: fn(&Stats) -> Option<f64>| sum.and_then(pick);
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
    json!({
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
        "requests": n(|s| s.requests),
        "executed": n(|s| s.executed),
        "errors": n(Stats::errors_total),
        "compile_failures": n(|s| s.compile_failures),
        "compilations": n(|s| s.compilations),
        "non_cacheable": n(|s| s.non_cacheable),
        "non_compilation": n(|s| s.non_compilation),
        "unsupported_compiler": n(|s| s.unsupported_compiler),
        "non_cacheable_compilations": n(|s| s.non_cacheable_compilations),
        "forced_recaches": n(|s| s.forced_recaches),
        "timeouts": n(|s| s.timeouts),
        "read_errors": n(|s| s.read_errors),
        "write_errors": n(|s| s.write_errors),
        "writes": n(|s| s.writes),
        "dist_errors": n(|s| s.dist_errors),
        "write_seconds": seconds(|s| s.write_seconds),
        "read_hit_seconds": seconds(|s| s.read_hit_seconds),
        "compiler_seconds": seconds(|s| s.compiler_seconds),
        "processor_seconds": seconds(|s| s.processor_seconds),
        "cache_location": sum.and_then(|s| s.cache_location.clone()),
        "cache_size_bytes": n(|s| s.cache_size),
        "max_cache_size_bytes": n(|s| s.max_cache_size),
        "preprocessor_cache_mode": sum.and_then(|s| s.preprocessor_cache_mode),
        "sccache_version": sum.and_then(|s| s.version.clone()),
        "languages": sum.map_or_else(|| json!({}), |s| split(s, |c| &c.languages)),
        "compilers": sum.map_or_else(|| json!({}), |s| split(s, |c| &c.compilers)),
        "not_cached": sum.map_or_else(|| json!({}), |s| json!(s.not_cached)),
        "levels": sum.map_or_else(|| json!({}), named_levels),
        "base_directories": sum.and_then(|s| s.base_directories.clone()),
    })
}
