//! A phase and its numbers, into rows.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;
use rusqlite::{Transaction, params};

use super::columns::{COUNTERS, SECONDS, column_names, count, micros};
use super::{Error, Result, words};
use crate::portage::Phase;
use crate::sccache::{Counts, Stats};

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
    )
}

fn values(build: i64, position: usize, phase: &Phase) -> Result<Vec<Value>> {
    let stats = phase.stats.as_ref().ok();
    let text = |s: Option<&String>| s.cloned().map_or(Value::Null, Value::from);
    let total = |what, pick: fn(&Stats) -> u64| match stats {
        Some(stats) => count(what, pick(stats)).map(Value::from),
        None => Ok(Value::Null),
    };
    let reason = phase
        .stats
        .as_ref()
        .err()
        .map(|reason| match reason.trim() {
            "" => "for a reason not given".to_string(),
            said => said.to_string(),
        });
    let mut values = vec![
        Value::from(build),
        Value::from(position as i64),
        Value::from(phase.name.clone()),
        Value::from(micros(phase.started_at)),
        Value::from(micros(phase.finished_at.max(phase.started_at))),
        Value::from(words::attribution_word(phase.attribution).to_string()),
        reason.map_or(Value::Null, Value::from),
        total("hits", |s| s.hits.total)?,
        total("misses", |s| s.misses.total)?,
        total("errors", |s| s.errors.total)?,
        text(stats.and_then(|s| s.cache_location.as_ref())),
        Value::from(stats.and_then(|s| s.preprocessor_cache_mode)),
        text(stats.and_then(|s| s.version.as_ref())),
    ];
    for (name, get, _) in COUNTERS {
        values.push(match stats.and_then(get) {
            Some(known) => Value::from(count(name, known)?),
            None => Value::Null,
        });
    }
    for (name, get, _) in SECONDS {
        values.push(match stats.and_then(get) {
            Some(known) if known.is_finite() => Value::from(known),
            Some(odd) => return Err(Error::Impossible(format!("{name}: {odd}"))),
            None => Value::Null,
        });
    }
    Ok(values)
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
    let parts = [pick(&stats.hits), pick(&stats.misses), pick(&stats.errors)];
    let names: BTreeSet<&String> = parts.iter().flat_map(|p| p.keys()).collect();
    let sql = format!("INSERT INTO {table}, hits, misses, errors) VALUES (?, ?, ?, ?, ?)");
    let mut insert = transaction.prepare_cached(&sql).map_err(failed)?;
    for name in names {
        let of = |part: usize| count(name, parts[part].get(name).copied().unwrap_or(0));
        insert
            .execute(params![phase, name, of(0)?, of(1)?, of(2)?])
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
