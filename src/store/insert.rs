//! A phase and its numbers, into rows.

use std::collections::BTreeMap;

use rusqlite::{ToSql, Transaction, params};

use super::columns::{micros, number_columns};
use super::words;
use crate::portage::Phase;
use crate::sccache::{Part, Statistics, Stats};

/// Inserts the phase as number `position` of the build with row id `build`.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    build: i64,
    position: usize,
    phase: &Phase,
) -> rusqlite::Result<()> {
    let stats = phase.stats.as_ref().ok();
    let not_measured = phase.stats.as_ref().err();
    let columns = "build, position, name, started_at, finished_at, attribution, not_measured, \
        not_measured_detail, hits, misses, errors, cache_location, cache_size, max_cache_size, \
        preprocessor_cache_mode, sccache_version, base_directories, read_only";
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
        stats.and_then(|s| Some(s.base_directories.as_ref()?.len())),
        phase.read_only,
    ];
    insert_numbers(transaction, "phase", columns, values, stats)?;
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
        "INSERT INTO phase_language (phase, language, hits, misses, errors) VALUES (?, ?, ?, ?, ?)",
        stats.by_language(),
    )?;
    split(
        "INSERT INTO phase_compiler (phase, compiler, hits, misses, errors) VALUES (?, ?, ?, ?, ?)",
        stats.by_compiler(),
    )?;
    count(
        "INSERT INTO not_cached (phase, reason, count) VALUES (?, ?, ?)",
        &stats.not_cached,
    )?;
    count(
        "INSERT INTO dist_compile (phase, server, count) VALUES (?, ?, ?)",
        &stats.dist_compiles,
    )?;
    for (position, level) in stats.levels.iter().enumerate() {
        let columns = "phase, position, name, location";
        let values = params![phase, position, level.name, level.location];
        insert_numbers(transaction, "phase_level", columns, values, Some(level))?;
    }
    for (position, directory) in stats.base_directories.iter().flatten().enumerate() {
        let sql = "INSERT INTO base_directory (phase, position, directory) VALUES (?, ?, ?)";
        let mut insert = transaction.prepare_cached(sql)?;
        insert.execute(params![phase, position, directory])?;
    }
    Ok(())
}

/// Inserts a row of these columns and of all counters and times of an `S`.
fn insert_numbers<S: Statistics>(
    transaction: &Transaction<'_>,
    table: &str,
    columns: &str,
    values: &[&dyn ToSql],
    stats: Option<&S>,
) -> rusqlite::Result<()> {
    let counters = S::COUNTERS.iter();
    let counters: Vec<Option<u64>> = counters.map(|field| (field.get)(stats?)).collect();
    let seconds = S::SECONDS.iter();
    let seconds: Vec<Option<f64>> = seconds.map(|field| (field.get)(stats?)).collect();
    // SQLite would take NaN for NULL, and infinity for a time.
    if let Some(odd) = seconds.iter().flatten().find(|time| !time.is_finite()) {
        let why = format!("a time of {odd} s");
        return Err(rusqlite::Error::ToSqlConversionFailure(why.into()));
    }
    let mut values = values.to_vec();
    values.extend(counters.iter().map(|count| count as &dyn ToSql));
    values.extend(seconds.iter().map(|seconds| seconds as &dyn ToSql));
    let sql = format!(
        "INSERT INTO {table} ({columns}, {}) VALUES ({})",
        number_columns::<S>(),
        vec!["?"; values.len()].join(", ")
    );
    transaction.prepare_cached(&sql)?.execute(&*values)?;
    Ok(())
}
