//! A phase and its numbers, into rows.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;
use rusqlite::{Transaction, params};

use super::columns::{COUNTERS, SECONDS, column_names, count, micros};
use super::{Error, Result, words};
use crate::portage::Phase;
use crate::sccache::{Counts, Level, Stats};

/// Inserts the phase as number `position` of the build with row id `build`.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    build: i64,
    position: usize,
    phase: &Phase,
    failed: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<()> {
    let names = column_names();
    let holes = vec!["?"; names.len()].join(", ");
    let sql = format!("INSERT INTO phase ({}) VALUES ({holes})", names.join(", "));
    let values = values(build, position, phase)?;
    transaction
        .prepare_cached(&sql)
        .and_then(|mut insert| insert.execute(rusqlite::params_from_iter(values)))
        .map_err(failed)?;
    let id = transaction.last_insert_rowid();
    let Ok(stats) = &phase.stats else {
        return Ok(());
    };
    let languages = |c: &Counts| c.languages.clone();
    let compilers = |c: &Counts| c.compilers.clone();
    insert_split(
        transaction,
        "phase_language (phase, language",
        id,
        stats,
        languages,
        failed,
    )?;
    insert_split(
        transaction,
        "phase_compiler (phase, compiler",
        id,
        stats,
        compilers,
        failed,
    )?;
    insert_counts(
        transaction,
        "not_cached (phase, reason",
        id,
        &stats.not_cached,
        failed,
    )?;
    insert_counts(
        transaction,
        "dist_compile (phase, server",
        id,
        &stats.dist_compiles,
        failed,
    )?;
    insert_levels(transaction, id, &stats.levels, failed)?;
    insert_directories(transaction, id, stats, failed)
}

fn values(build: i64, position: usize, phase: &Phase) -> Result<Vec<Value>> {
    let stats = phase.stats.as_ref().ok();
    let text = |s: Option<&String>| s.cloned().map_or(Value::Null, Value::from);
    let total = |what, pick: fn(&Stats) -> Option<u64>| match stats.and_then(pick) {
        Some(known) => count(what, known).map(Value::from),
        None => Ok(Value::Null),
    };
    let directories = stats.and_then(|s| s.base_directories.as_ref());
    let not_measured = phase.stats.as_ref().err();
    let reason = not_measured.map(|why| why.reason.code().to_string());
    let mut values = vec![
        Value::from(build),
        Value::from(position as i64),
        Value::from(phase.name.clone()),
        Value::from(micros(phase.started_at)),
        Value::from(micros(phase.finished_at.max(phase.started_at))),
        Value::from(words::attribution_word(phase.attribution).to_string()),
        Value::from(reason),
        text(not_measured.and_then(|why| why.detail.as_ref())),
        total("hits", |s| Some(s.hits.total))?,
        total("misses", |s| Some(s.misses.total))?,
        total("errors", Stats::errors_total)?,
        text(stats.and_then(|s| s.cache_location.as_ref())),
        Value::from(stats.and_then(|s| s.preprocessor_cache_mode)),
        text(stats.and_then(|s| s.version.as_ref())),
        Value::from(directories.map(|d| d.len() as i64)),
    ];
    for (name, get, _) in COUNTERS {
        values.push(Value::from(known_count(name, stats.and_then(get))?));
    }
    for (name, get, _) in SECONDS {
        values.push(Value::from(known_seconds(name, stats.and_then(get))?));
    }
    Ok(values)
}

fn known_count(what: &str, known: Option<u64>) -> Result<Option<i64>> {
    known.map(|known| count(what, known)).transpose()
}

fn known_seconds(what: &str, known: Option<f64>) -> Result<Option<f64>> {
    match known {
        Some(odd) if !odd.is_finite() => Err(Error::Impossible(format!("{what}: {odd}"))),
        known => Ok(known),
    }
}

/// Inserts hits, misses and errors per language or per compiler.
fn insert_split(
    transaction: &Transaction<'_>,
    table: &str,
    phase: i64,
    stats: &Stats,
    pick: fn(&Counts) -> BTreeMap<String, u64>,
    failed: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<()> {
    let (hits, misses) = (pick(&stats.hits), pick(&stats.misses));
    let errors = stats.errors.as_ref().map(pick);
    let known = [&hits, &misses].into_iter().chain(&errors);
    let names: BTreeSet<&String> = known.flat_map(|part| part.keys()).collect();
    let sql = format!("INSERT INTO {table}, hits, misses, errors) VALUES (?, ?, ?, ?, ?)");
    let mut insert = transaction.prepare_cached(&sql).map_err(failed)?;
    for name in names {
        // What has no line of this name counted none.
        let of = |part: &BTreeMap<_, _>| count(name, part.get(name).copied().unwrap_or(0));
        let errors = errors.as_ref().map(of).transpose()?;
        insert
            .execute(params![phase, name, of(&hits)?, of(&misses)?, errors])
            .map_err(failed)?;
    }
    Ok(())
}

fn insert_counts(
    transaction: &Transaction<'_>,
    table: &str,
    phase: i64,
    counts: &BTreeMap<String, u64>,
    failed: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<()> {
    let sql = format!("INSERT INTO {table}, count) VALUES (?, ?, ?)");
    let mut insert = transaction.prepare_cached(&sql).map_err(failed)?;
    for (name, number) in counts {
        insert
            .execute(params![phase, name, count(name, *number)?])
            .map_err(failed)?;
    }
    Ok(())
}

fn insert_levels(
    transaction: &Transaction<'_>,
    phase: i64,
    levels: &[Level],
    failed: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<()> {
    for (position, level) in levels.iter().enumerate() {
        let counter = |pick: Option<u64>| known_count(&level.name, pick);
        let seconds = |pick: Option<f64>| known_seconds(&level.name, pick);
        let values = params![
            phase,
            position as i64,
            level.name,
            level.location,
            counter(level.hits)?,
            counter(level.misses)?,
            counter(level.writes)?,
            counter(level.write_failures)?,
            counter(level.backfills_from)?,
            counter(level.backfills_to)?,
            seconds(level.hit_seconds)?,
            seconds(level.write_seconds)?,
        ];
        transaction
            .prepare_cached(
                "INSERT INTO phase_level (phase, position, name, location, hits, misses, writes, \
                 write_failures, backfills_from, backfills_to, hit_seconds, write_seconds) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .and_then(|mut insert| insert.execute(values))
            .map_err(failed)?;
    }
    Ok(())
}

fn insert_directories(
    transaction: &Transaction<'_>,
    phase: i64,
    stats: &Stats,
    failed: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<()> {
    for (position, directory) in stats.base_directories.iter().flatten().enumerate() {
        transaction
            .prepare_cached("INSERT INTO base_directory VALUES (?, ?, ?)")
            .and_then(|mut insert| insert.execute(params![phase, position as i64, directory]))
            .map_err(failed)?;
    }
    Ok(())
}
