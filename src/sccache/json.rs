//! The JSON of `sccache --show-stats --stats-format=json`.
//!
//! It is `ServerInfo` in sccache's `src/server.rs`. What changed: `version` and
//! `compiler_write_duration` (before: `cache_read_miss_duration`) came with 0.4.0, `adv_counts`
//! with 0.6.0, `use_preprocessor_cache_mode` with 0.7.0, `compilations` with 0.9.0, `basedirs` with
//! 0.14.0, `multi_level` with 0.15.0, `effective_cache_mode` with 0.19.0.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;

use super::error::{ParseError, keep_unrecognized, short};
use super::stats::{Counts, Level, LevelStats, PerLanguage, ServerStats, Stats, version};
use super::units::LIMIT;

/// All of the output. What doesn't count calls is a [`Value`]: see [`lenient`].
#[derive(serde::Deserialize)]
struct ServerInfo {
    stats: Option<ServerStats>,
    cache_location: Option<Value>,
    cache_size: Option<Value>,
    max_cache_size: Option<Value>,
    use_preprocessor_cache_mode: Option<Value>,
    version: Option<Value>,
    basedirs: Option<Value>,
    /// Whether the cache may be written. The counts show what came of it.
    #[serde(rename = "effective_cache_mode")]
    _effective_cache_mode: Option<Value>,
}

/// Parses the JSON that `sccache --show-stats --stats-format=json` of any version prints.
///
/// Totals of hits, misses and errors are the sums of their `counts`. The paths of fields that no
/// known version has are kept in [`Stats::unrecognized`]; fields that an older version doesn't have
/// are `None`.
///
/// # Errors
///
/// It isn't JSON (nested deeper than 128 levels, too), has no statistics or no hits and misses, or
/// a count or time isn't one. A size, a version, a location or a level that can't be read is no
/// reason to lose the counts: it is unknown.
pub fn parse_json(json: &[u8]) -> Result<Stats, ParseError> {
    let mut unrecognized = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let info: ServerInfo = read(&mut reader, "", &mut unrecognized)?;
    reader
        .end()
        .map_err(|error| ParseError::Json(error.to_string()))?;
    let server = info.stats.ok_or(ParseError::NoStatistics)?;
    let mut stats = server.numbers();
    if let Some(compiling) = server.cache_read_miss_duration {
        // Before 0.4: the compiler's time under another name, and once more where the time of
        // writing to the cache should be, which is therefore unknown.
        stats.compiler_seconds = Some(compiling.as_secs_f64());
        stats.write_seconds = None;
    }
    let missing = |name| ParseError::Missing { name };
    stats.hits = counts(server.cache_hits).ok_or(missing("stats.cache_hits"))?;
    stats.misses = counts(server.cache_misses).ok_or(missing("stats.cache_misses"))?;
    stats.errors = counts(server.cache_errors);
    if stats.errors.is_none() {
        keep_unrecognized(&mut unrecognized, "stats.cache_errors is missing");
    }
    stats.not_cached = server.not_cached.unwrap_or_default();
    stats.dist_compiles = server.dist_compiles.unwrap_or_default();

    let unknown = &mut unrecognized;
    let levels: Option<Vec<LevelStats>> = lenient(server.multi_level, "stats.multi_level", unknown);
    stats.levels = levels.into_iter().flatten().map(level).collect();
    stats.cache_location = lenient(info.cache_location, "cache_location", unknown);
    stats.cache_location.take_if(|location| location.is_empty());
    stats.cache_size = lenient(info.cache_size, "cache_size", unknown);
    stats.max_cache_size = lenient(info.max_cache_size, "max_cache_size", unknown);
    for size in [&mut stats.cache_size, &mut stats.max_cache_size] {
        size.take_if(|size| *size > LIMIT);
    }
    let mode = info.use_preprocessor_cache_mode;
    stats.preprocessor_cache_mode = lenient(mode, "use_preprocessor_cache_mode", unknown);
    let printed: Option<String> = lenient(info.version, "version", unknown);
    stats.version = printed.and_then(|printed| version(&printed));
    stats.base_directories = lenient(info.basedirs, "basedirs", unknown);
    stats.unrecognized = unrecognized;
    Ok(stats)
}

/// Returns a total with its parts; `None` if they have another name, because unknown is not 0.
fn counts(json: Option<PerLanguage>) -> Option<Counts> {
    let PerLanguage { counts, adv_counts } = json?;
    let parts = counts.as_ref().or(adv_counts.as_ref())?;
    Some(Counts {
        total: parts.values().copied().fold(0, u64::saturating_add),
        languages: counts.unwrap_or_default(),
        compilers: adv_counts.unwrap_or_default(),
    })
}

fn level(json: LevelStats) -> Level {
    let numbers = json.numbers();
    Level {
        name: json.name.unwrap_or_default(),
        location: json.location,
        ..numbers
    }
}

/// Reads a field whose value may change its form in a later version without loss of the rest.
fn lenient<T: DeserializeOwned>(
    value: Option<Value>,
    path: &str,
    unrecognized: &mut Vec<String>,
) -> Option<T> {
    let read = read(value?, &format!("{path}."), unrecognized);
    if read.is_err() {
        keep_unrecognized(unrecognized, path);
    }
    read.ok()
}

/// Deserializes a `T`, and keeps the paths of unknown fields, each with `parent` in front.
fn read<'de, T, D>(json: D, parent: &str, unrecognized: &mut Vec<String>) -> Result<T, ParseError>
where
    T: Deserialize<'de>,
    D: Deserializer<'de, Error: fmt::Display>,
{
    let mut keep = |path: serde_ignored::Path<'_>| {
        // serde_ignored writes `?.` for each Option on the way.
        let path = path.to_string().replace("?.", "");
        keep_unrecognized(unrecognized, &format!("{parent}{path}"));
    };
    let json = serde_ignored::Deserializer::new(json, &mut keep);
    serde_path_to_error::deserialize(json)
        .map_err(|error| ParseError::Json(short(&format!("{parent}{error}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(field: &str, value: &str) -> String {
        format!(
            r#"{{"stats":{{"cache_hits":{{"counts":{{"Rust":2,"C/C++":3}}}},"cache_misses":{{"counts":{{}}}},"cache_errors":{{"counts":{{}}}},"{field}":{value}}}}}"#
        )
    }

    #[test]
    fn unknown_fields_are_kept_by_name_and_missing_ones_are_unknown() {
        let stats = parse_json(with("warp_factor", "9").as_bytes()).unwrap();
        assert_eq!(stats.unrecognized, ["stats.warp_factor"]);
        assert_eq!(stats.requests, None);
        assert_eq!((stats.hits.total, stats.misses.total), (5, 0));
        let top = with("multi_level", r#"null},"color":{"deep":1"#);
        assert_eq!(parse_json(top.as_bytes()).unwrap().unrecognized, ["color"]);
    }

    #[test]
    fn durations_are_seconds() {
        let json = with("cache_read_hit_duration", r#"{"secs":1,"nanos":500000000}"#);
        let stats = parse_json(json.as_bytes()).unwrap();
        assert_eq!(stats.read_hit_seconds, Some(1.5));
    }

    #[test]
    fn impossible_values_are_errors_that_name_the_field() {
        for (field, value) in [
            ("compile_requests", "-1"),
            ("compile_requests", "1.5"),
            ("compile_requests", "99999999999999999999999"),
            ("compile_requests", "\"12\""),
            ("cache_write_duration", r#"{"secs":-1,"nanos":0}"#),
            ("cache_write_duration", "7"),
            ("not_cached", r#"{"crate-type":-3}"#),
            ("not_cached", "[]"),
        ] {
            let error = parse_json(with(field, value).as_bytes()).unwrap_err();
            assert!(
                error.to_string().contains(field),
                "{field} {value}: {error}"
            );
        }
    }

    #[test]
    fn sums_stop_at_their_limit() {
        let max = u64::MAX.to_string();
        let json = with("compile_requests", "1").replace("\"Rust\":2", &format!("\"Rust\":{max}"));
        assert_eq!(parse_json(json.as_bytes()).unwrap().hits.total, u64::MAX);
    }

    #[test]
    fn what_is_no_statistics_is_an_error() {
        let deep = "[".repeat(100_000);
        for bad in [
            "",
            "NaN",
            "{}",
            "[]",
            "{\"stats\":{}}",
            "{\"stats\":3}",
            "\u{0}",
            deep.as_str(),
        ] {
            assert!(parse_json(bad.as_bytes()).is_err(), "{bad:.20}");
        }
        assert!(parse_json(b"\xff\xfe").is_err());
    }

    #[test]
    fn what_counts_nothing_loses_nothing_else() {
        let json = with(
            "multi_level",
            r#"{"L0":1}},"max_cache_size":18446744073709551615,"version":{"major":1"#,
        );
        let stats = parse_json(json.as_bytes()).unwrap();
        assert_eq!((stats.max_cache_size, stats.hits.total), (None, 5));
        assert_eq!(stats.unrecognized, ["stats.multi_level", "version"]);
    }

    #[test]
    fn levels_of_a_multi_level_cache() {
        let json = with(
            "multi_level",
            r#"[{"name":"L0 (disk)","location":"here","hits":1,"misses":2,"writes":3,"write_failures":0,"backfills_from":0,"backfills_to":4,"hit_duration":{"secs":1,"nanos":0},"write_duration":{"secs":0,"nanos":0},"new":1}]"#,
        );
        let stats = parse_json(json.as_bytes()).unwrap();
        assert_eq!(stats.levels.len(), 1);
        assert_eq!(stats.levels[0].name, "L0 (disk)");
        assert_eq!(stats.levels[0].hit_seconds, Some(1.0));
        assert_eq!(stats.unrecognized, ["stats.multi_level.0.new"]);
    }
}
