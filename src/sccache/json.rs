//! The JSON of `sccache --show-stats --stats-format=json`.
//!
//! It is `ServerInfo` in sccache's `src/server.rs`, serialized. What changed: `version`
//! and `compiler_write_duration` (before: `cache_read_miss_duration`) came with 0.4.0,
//! `adv_counts` with 0.6.0, `use_preprocessor_cache_mode` with 0.7.0, `compilations` with
//! 0.9.0, `basedirs` with 0.14.0, `multi_level` with 0.15.0.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::{ParseError, keep_unrecognized};
use super::stats::{Counts, Level, Stats, version};
use super::units::LIMIT;

/// Reads the JSON that `sccache --show-stats --stats-format=json` of any version prints.
///
/// Totals of hits, misses and errors are the sums of their `counts`. Fields that no known
/// version has are kept by name in [`Stats::unrecognized`]; fields that an older version
/// doesn't have are `None`.
///
/// # Errors
///
/// It isn't JSON (nested deeper than 128 levels, too), holds no statistics or no hits and
/// misses, or a number is negative, not whole or above 2^53. A size, a version or a
/// location that can't be read is no reason to lose the counts: it is left unknown.
pub fn parse_json(json: &[u8]) -> Result<Stats, ParseError> {
    let root = serde_json::from_slice(json).map_err(|e| ParseError::NotJson(e.to_string()))?;
    let Value::Object(root) = root else {
        return Err(ParseError::NoStatistics);
    };
    let mut info = Fields::new("", root);
    let Some(counters) = info.object("stats")? else {
        return Err(ParseError::NoStatistics);
    };
    let mut stats = counters_of(counters)?;
    stats.cache_location = info.text("cache_location").filter(|l| !l.is_empty());
    stats.cache_size = info.soft("cache_size", size_of);
    stats.max_cache_size = info.soft("max_cache_size", size_of);
    stats.preprocessor_cache_mode = info.soft("use_preprocessor_cache_mode", Value::as_bool);
    stats.version = info.text("version").and_then(|text| version(&text));
    stats.base_directories = info.soft("basedirs", |v| {
        let list = v.as_array()?.iter();
        list.map(|dir| dir.as_str().map(str::to_owned)).collect()
    });
    // Whether the cache may be written (0.19.0): the counts show what came of it.
    info.soft("effective_cache_mode", |_| Some(()));
    info.end(&mut stats.unrecognized);
    Ok(stats)
}

/// The `stats` object: `ServerStats`.
fn counters_of(mut f: Fields) -> Result<Stats, ParseError> {
    let mut stats = Stats {
        requests: f.count("compile_requests")?,
        executed: f.count("requests_executed")?,
        unsupported_compiler: f.count("requests_unsupported_compiler")?,
        non_compilation: f.count("requests_not_compile")?,
        non_cacheable: f.count("requests_not_cacheable")?,
        timeouts: f.count("cache_timeouts")?,
        read_errors: f.count("cache_read_errors")?,
        write_errors: f.count("cache_write_errors")?,
        writes: f.count("cache_writes")?,
        forced_recaches: f.count("forced_recaches")?,
        non_cacheable_compilations: f.count("non_cacheable_compilations")?,
        compilations: f.count("compilations")?,
        compile_failures: f.count("compile_fails")?,
        write_seconds: f.seconds("cache_write_duration")?,
        read_hit_seconds: f.seconds("cache_read_hit_duration")?,
        compiler_seconds: f.seconds("compiler_write_duration")?,
        not_cached: f.counts("not_cached")?.unwrap_or_default(),
        dist_compiles: f.counts("dist_compiles")?.unwrap_or_default(),
        dist_errors: f.count("dist_errors")?,
        ..Stats::default()
    };
    let missing = |name| ParseError::Missing { name };
    let mut unrecognized = Vec::new();
    let hits = f.per_language("cache_hits", &mut unrecognized)?;
    stats.hits = hits.ok_or(missing("stats.cache_hits"))?;
    let misses = f.per_language("cache_misses", &mut unrecognized)?;
    stats.misses = misses.ok_or(missing("stats.cache_misses"))?;
    match f.per_language("cache_errors", &mut unrecognized)? {
        Some(errors) => stats.errors = Some(errors),
        None => keep_unrecognized(&mut unrecognized, "stats.cache_errors is missing"),
    }
    if let Some(seconds) = f.seconds("cache_read_miss_duration")? {
        // Before 0.4: the compiler's time under another name, and once more where the
        // time of writing to the cache should be, which is therefore unknown.
        stats.compiler_seconds = Some(seconds);
        stats.write_seconds = None;
    }
    stats.levels = f.levels("multi_level")?;
    f.end(&mut unrecognized);
    stats.unrecognized = unrecognized;
    Ok(stats)
}

fn size_of(value: &Value) -> Option<u64> {
    value.as_u64().filter(|&n| n <= LIMIT)
}

/// An object of which each known field is taken once, and the rest is unknown.
struct Fields {
    path: String,
    map: Map<String, Value>,
    odd: Vec<String>,
}

impl Fields {
    fn new(path: &str, mut map: Map<String, Value>) -> Self {
        // `null` says as much as no field at all.
        map.retain(|_, value| !value.is_null());
        let (path, odd) = (path.to_owned(), Vec::new());
        Fields { path, map, odd }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name)
    }

    fn bad(&self, name: &str, value: &Value) -> ParseError {
        ParseError::bad_value(&format!("{}{name}", self.path), value)
    }

    fn count(&mut self, name: &str) -> Result<Option<u64>, ParseError> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let count = size_of(&value).ok_or_else(|| self.bad(name, &value))?;
        Ok(Some(count))
    }

    fn object(&mut self, name: &str) -> Result<Option<Fields>, ParseError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(map)) => {
                Ok(Some(Fields::new(&format!("{}{name}.", self.path), map)))
            }
            Some(value) => Err(self.bad(name, &value)),
        }
    }

    /// A map of names to counts.
    fn counts(&mut self, name: &str) -> Result<Option<BTreeMap<String, u64>>, ParseError> {
        let Some(object) = self.object(name)? else {
            return Ok(None);
        };
        let count = |(name, value): (&String, &Value)| {
            let count = size_of(value).ok_or_else(|| object.bad(name, value))?;
            Ok((name.clone(), count))
        };
        object
            .map
            .iter()
            .map(count)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// `{"secs": 1, "nanos": 500000000}` in seconds.
    fn seconds(&mut self, name: &str) -> Result<Option<f64>, ParseError> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let part = |part| value.get(part).and_then(size_of);
        match (part("secs"), part("nanos")) {
            (Some(secs), Some(nanos)) if nanos < 1_000_000_000 => {
                Ok(Some(secs as f64 + nanos as f64 / 1e9))
            }
            _ => Err(self.bad(name, &value)),
        }
    }

    /// `PerLanguageCount`.
    fn per_language(
        &mut self,
        name: &str,
        unrecognized: &mut Vec<String>,
    ) -> Result<Option<Counts>, ParseError> {
        let Some(mut object) = self.object(name)? else {
            return Ok(None);
        };
        let languages = object.counts("counts")?;
        let compilers = object.counts("adv_counts")?;
        if languages.is_none() && compilers.is_none() {
            // Under another name: unknown, which is not 0.
            object.end(unrecognized);
            return Ok(None);
        }
        let mut total = 0_u64;
        for &count in languages
            .iter()
            .chain(&compilers)
            .next()
            .into_iter()
            .flat_map(BTreeMap::values)
        {
            total = total.saturating_add(count);
        }
        if total > LIMIT {
            return Err(ParseError::bad_value(
                &format!("the sum of {}{name}", self.path),
                total,
            ));
        }
        object.end(unrecognized);
        Ok(Some(Counts {
            total,
            languages: languages.unwrap_or_default(),
            compilers: compilers.unwrap_or_default(),
        }))
    }

    /// `MultiLevelStats`: a list of `LevelStats` (0.15.0+).
    fn levels(&mut self, name: &str) -> Result<Vec<Level>, ParseError> {
        let mut levels = Vec::new();
        let list = match self.take(name) {
            None => return Ok(levels),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.odd.push(name.to_owned());
                return Ok(levels);
            }
        };
        for value in list {
            let Value::Object(map) = value else {
                return Err(self.bad(name, &value));
            };
            let mut f = Fields::new(&format!("{}{name}.", self.path), map);
            levels.push(Level {
                name: f.text("name").unwrap_or_default(),
                location: f.text("location"),
                hits: f.count("hits")?,
                misses: f.count("misses")?,
                writes: f.count("writes")?,
                write_failures: f.count("write_failures")?,
                backfills_from: f.count("backfills_from")?,
                backfills_to: f.count("backfills_to")?,
                hit_seconds: f.seconds("hit_duration")?,
                write_seconds: f.seconds("write_duration")?,
            });
            f.end(&mut self.odd);
        }
        Ok(levels)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.soft(name, |v| v.as_str().map(str::to_owned))
    }

    /// A field that isn't a count: unreadable, it is unknown and nothing else is lost.
    fn soft<T>(&mut self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.take(name)?;
        let read = read(&value);
        if read.is_none() {
            self.odd.push(format!("{}{name}", self.path));
        }
        read
    }

    /// What is left is unknown.
    fn end(self, unrecognized: &mut Vec<String>) {
        for name in self.odd {
            keep_unrecognized(unrecognized, &name);
        }
        for name in self.map.keys() {
            keep_unrecognized(unrecognized, &format!("{}{name}", self.path));
        }
    }
}
