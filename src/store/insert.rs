//! A phase and its numbers, into rows.

use std::collections::BTreeMap;

use rusqlite::{ToSql, Transaction, params};
use serde::Serialize;

use super::columns::{micros, number_columns};
use super::words;
use crate::portage::Phase;
use crate::sccache::{Part, Stats};

/// Inserts the phase as number `position` of the build with row id `build`.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    build: i64,
    position: usize,
    phase: &Phase,
) -> rusqlite::Result<()> {
    let stats = phase.stats.as_ref().ok();
    let not_measured = phase.stats.as_ref().err();
    let dist_compiles = stats
        .map(|s| &s.dist_compiles)
        .filter(|map| !map.is_empty());
    let columns = "build_id, position, name, started_at_us, finished_at_us, attribution, \
        not_measured_reason, not_measured_detail, hits, misses, errors, cache_location, \
        cache_size_bytes, max_cache_size_bytes, preprocessor_cache_mode, sccache_version, \
        base_directories, is_cache_read_only, dist_compiles";
    let values = params![
        build,
        position,
        phase.name,
        micros(phase.started_at),
        micros(phase.finished_at.max(phase.started_at)),
        words::attribution_word(phase.attribution),
        not_measured.map(|why| why.reason.code()),
        not_measured.and_then(|why| why.detail.as_ref()),
        stats.map(|s| s.hits.total),
        stats.map(|s| s.misses.total),
        stats.and_then(Stats::errors_total),
        stats.and_then(|s| s.cache_location.as_ref()),
        stats.and_then(|s| s.cache_size),
        stats.and_then(|s| s.max_cache_size),
        stats.and_then(|s| s.preprocessor_cache_mode),
        stats.and_then(|s| s.version.as_ref()),
        stats
            .and_then(|s| s.base_directories.as_ref())
            .map(json)
            .transpose()?,
        phase.read_only,
        dist_compiles.map(json).transpose()?,
    ];
    insert_numbers(transaction, columns, values, stats)?;
    match stats {
        Some(stats) => insert_parts(transaction, transaction.last_insert_rowid(), stats),
        None => Ok(()),
    }
}

/// Inserts everything that the numbers of a phase divide into.
fn insert_parts(transaction: &Transaction<'_>, phase: i64, stats: &Stats) -> rusqlite::Result<()> {
    let split = |sql, parts: Vec<Part>| -> rusqlite::Result<()> {
        let mut insert = transaction.prepare_cached(sql)?;
        for part in parts {
            let counts = (part.hits, part.misses, part.errors);
            insert.execute(params![phase, part.name, counts.0, counts.1, counts.2])?;
        }
        Ok(())
    };
    let count = |sql, counts: &BTreeMap<String, u64>| -> rusqlite::Result<()> {
        let mut insert = transaction.prepare_cached(sql)?;
        for (name, count) in counts {
            insert.execute(params![phase, name, count])?;
        }
        Ok(())
    };
    split(
        "INSERT INTO phase_language (phase_id, language, hits, misses, errors) VALUES (?, ?, ?, ?, ?)",
        stats.by_language(),
    )?;
    split(
        "INSERT INTO phase_compiler (phase_id, compiler, hits, misses, errors) VALUES (?, ?, ?, ?, ?)",
        stats.by_compiler(),
    )?;
    count(
        "INSERT INTO not_cached (phase_id, reason, calls) VALUES (?, ?, ?)",
        &stats.not_cached,
    )?;
    Ok(())
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// Inserts a row of these columns and of all counters and times.
fn insert_numbers(
    transaction: &Transaction<'_>,
    columns: &str,
    values: &[&dyn ToSql],
    stats: Option<&Stats>,
) -> rusqlite::Result<()> {
    let counters = Stats::COUNTERS.iter();
    let counters: Vec<Option<u64>> = counters.map(|field| (field.get)(stats?)).collect();
    let seconds = Stats::SECONDS.iter();
    let seconds: Vec<Option<f64>> = seconds.map(|field| (field.get)(stats?)).collect();
    let mut values = values.to_vec();
    values.extend(counters.iter().map(|count| count as &dyn ToSql));
    values.extend(seconds.iter().map(|seconds| seconds as &dyn ToSql));
    let sql = format!(
        "INSERT INTO phase ({columns}, {}) VALUES ({})",
        number_columns(),
        vec!["?"; values.len()].join(", ")
    );
    transaction.prepare_cached(&sql)?.execute(&*values)?;
    Ok(())
}
