//! The JSON of `sccache --show-stats --stats-format=json`: `ServerInfo` in sccache's `src/server.rs`.
//!
//! Changes: `version` and `compiler_write_duration` (before: `cache_read_miss_duration`) came with
//! 0.4.0, `adv_counts` with 0.6.0, `use_preprocessor_cache_mode` with 0.7.0, `compilations` with
//! 0.9.0, `basedirs` with 0.14.0, `multi_level` with 0.15.0, `effective_cache_mode` with 0.19.0.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::parse::{LIMIT, ParseError, add_unrecognized, truncate};
use super::stats::{Counts, CountsInJson, ServerStats, Stats, version};

/// The whole output. Fields without counts are [`Value`]s: see [`optional`].
#[derive(serde::Deserialize)]
struct ServerInfo {
    stats: Option<ServerStats>,
    cache_location: Option<Value>,
    cache_size: Option<Value>,
    max_cache_size: Option<Value>,
    use_preprocessor_cache_mode: Option<Value>,
    version: Option<Value>,
    basedirs: Option<Value>,
    /// Whether the cache can be written. The counts show the result.
    #[serde(rename = "effective_cache_mode")]
    _effective_cache_mode: Option<Value>,
}

/// Parses the JSON that `sccache --show-stats --stats-format=json` of any version prints.
///
/// Totals of hits, misses, and errors are the sums of their `counts`. The paths of fields that no
/// known version has are added to [`Stats::unrecognized`]; fields that are missing are `None`.
///
/// # Errors
///
/// Returns an error if the text is not JSON (or nested deeper than 128 levels), if statistics, hits,
/// or misses are missing, or if a count or time is invalid. A size, version, or location that can't
/// be read is unknown, so that the counts aren't lost.
pub fn parse_json(json: &[u8]) -> Result<Stats, ParseError> {
    let mut unrecognized = Vec::new();
    let mut add_path = |path: serde_ignored::Path<'_>| {
        // serde_ignored writes `?.` for each Option on the way.
        add_unrecognized(&mut unrecognized, &path.to_string().replace("?.", ""));
    };
    let mut reader = serde_json::Deserializer::from_slice(json);
    let known = serde_ignored::Deserializer::new(&mut reader, &mut add_path);
    let info: ServerInfo = serde_path_to_error::deserialize(known).map_err(invalid)?;
    reader.end().map_err(invalid)?;

    let server = info.stats.ok_or(ParseError::NoStatistics)?;
    let mut stats = server.numbers();
    if let Some(compiling) = server.cache_read_miss_duration {
        // Before 0.4: the compilers' time under another name, and again where the time of writing to
        // the cache should be, which is therefore unknown.
        stats.compiler_seconds = Some(compiling.as_secs_f64());
        stats.write_seconds = None;
    }
    let missing = |name| ParseError::Missing { name };
    stats.hits = counts(server.cache_hits).ok_or(missing("stats.cache_hits"))?;
    stats.misses = counts(server.cache_misses).ok_or(missing("stats.cache_misses"))?;
    stats.errors = counts(server.cache_errors);
    if stats.errors.is_none() {
        add_unrecognized(&mut unrecognized, "stats.cache_errors is missing");
    }
    stats.not_cached = server.not_cached.unwrap_or_default();
    stats.dist_compiles = server.dist_compiles.unwrap_or_default();

    let unknown = &mut unrecognized;
    stats.levels = optional(server.multi_level, "stats.multi_level", unknown).unwrap_or_default();
    stats.cache_location = optional(info.cache_location, "cache_location", unknown);
    stats.remove_credentials();
    stats.cache_location.take_if(|location| location.is_empty());
    stats.cache_size = optional(info.cache_size, "cache_size", unknown);
    stats.cache_size.take_if(|size| *size > LIMIT);
    stats.max_cache_size = optional(info.max_cache_size, "max_cache_size", unknown);
    stats.max_cache_size.take_if(|size| *size > LIMIT);
    let mode = info.use_preprocessor_cache_mode;
    stats.preprocessor_cache_mode = optional(mode, "use_preprocessor_cache_mode", unknown);
    let printed: Option<String> = optional(info.version, "version", unknown);
    stats.version = printed.and_then(|printed| version(&printed));
    stats.base_directories = optional(info.basedirs, "basedirs", unknown);
    stats.unrecognized = unrecognized;
    Ok(stats)
}

fn invalid(error: impl std::fmt::Display) -> ParseError {
    ParseError::Json(truncate(&error.to_string()))
}

/// Returns a total with its parts; `None` if these have another name, because unknown is not 0.
fn counts(json: Option<CountsInJson>) -> Option<Counts> {
    let CountsInJson { counts, adv_counts } = json?;
    let parts = counts.as_ref().or(adv_counts.as_ref())?;
    Some(Counts {
        total: parts.values().copied().fold(0, u64::saturating_add),
        languages: counts.unwrap_or_default(),
        compilers: adv_counts.unwrap_or_default(),
    })
}

/// Reads a field whose value may have another type in a later version, which then is unrecognized.
fn optional<T: DeserializeOwned>(
    value: Option<Value>,
    name: &str,
    unrecognized: &mut Vec<String>,
) -> Option<T> {
    let read = serde_json::from_value(value?).ok();
    if read.is_none() {
        add_unrecognized(unrecognized, name);
    }
    read
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
    fn unknown_fields_are_named_and_missing_ones_are_unknown() {
        let stats = parse_json(with("warp_factor", "9").as_bytes()).unwrap();
        assert_eq!(stats.unrecognized, ["stats.warp_factor"]);
        assert_eq!(stats.requests, None);
        assert_eq!((stats.hits.total, stats.misses.total), (5, 0));
        let top = with("multi_level", r#"null},"color":{"deep":1"#);
        assert_eq!(parse_json(top.as_bytes()).unwrap().unrecognized, ["color"]);
    }

    #[test]
    fn locations_have_no_password() {
        let location = |user| format!("redis, name: unix://{user}h/run/r.sock, prefix: /");
        let levels = format!(
            r#"[{{"name": "L1 (redis)", "location": "{}"}}]}},"cache_location": "{}","color":{{"deep":1"#,
            location(":s@cret@"),
            location("user:s/ecret@"),
        );
        let stats = parse_json(with("multi_level", &levels).as_bytes()).unwrap();
        assert_eq!(stats.cache_location.unwrap(), location(""));
        assert_eq!(stats.levels[0].location.as_ref().unwrap(), &location(""));
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
    fn other_text_is_an_error() {
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
    fn unreadable_descriptions_are_unknown() {
        let json = with(
            "multi_level",
            r#"{"L0":1}},"max_cache_size":18446744073709551615,"version":{"major":1"#,
        );
        let stats = parse_json(json.as_bytes()).unwrap();
        assert_eq!((stats.max_cache_size, stats.hits.total), (None, 5));
        assert_eq!(stats.unrecognized, ["stats.multi_level", "version"]);
    }
}
