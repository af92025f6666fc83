//! Inserting builds, their phases, and many rows.

use std::sync::LazyLock;

use rusqlite::{Connection, ToSql, params, params_from_iter};
use serde::Serialize;

use super::columns::micros;
use super::compilations::BuildCosts;
use super::new_builds::NewBuilds;
use super::phases::{COLUMNS, number_columns};
use crate::portage::{Attribution, Build, Emerge, Phase, StablePaths};
use crate::sccache::Stats;

/// The number of rows that one statement inserts. If they are sorted by the primary key, that takes half the time of one
/// statement each: SQLite's cursor stays where the next row belongs.
const ROWS: usize = 64;

/// Inserts a build with its emerge and its phases. `sum`: the total of the phases. Returns their row ids.
pub(super) fn insert_build(
    database: &Connection,
    build: &Build,
    sum: Option<&Stats>,
    costs: &BuildCosts,
    new: &mut NewBuilds,
) -> rusqlite::Result<Vec<i64>> {
    let emerge = build.emerge.as_ref();
    let emerge_id = emerge
        .map(|emerge| emerge_id(database, emerge, &build.host))
        .transpose()?;
    let mut insert = database.prepare_cached(
        "INSERT INTO build (uuid, host, package, version, slot, repository, emerge_id, outcome, \
         started_at_us, finished_at_us, is_imported, attribution, sccache_version, phases, measured_phases, \
         hits, misses, errors, requests, executed, non_cacheable, compile_failures, processor_us, \
         hit_cost_us, miss_cost_us, exact_cost_us, evicted_misses, time_saved_us) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    insert.execute(params![
        build.id.to_string(),
        build.host,
        build.package,
        build.version,
        build.slot,
        build.repository,
        emerge_id,
        build.outcome,
        micros(build.started_at),
        micros(build.finished_at.max(build.started_at)),
        build.is_imported,
        attribution(build),
        sum.and_then(|s| s.version.as_ref()),
        build.phases.len(),
        build
            .phases
            .iter()
            .filter(|phase| phase.stats.is_ok())
            .count(),
        sum.map(|s| s.hits.total),
        sum.map(|s| s.misses.total),
        sum.and_then(Stats::errors_total),
        sum.and_then(|s| s.requests),
        sum.and_then(|s| s.executed),
        sum.and_then(|s| s.non_cacheable),
        sum.and_then(|s| s.compile_failures),
        costs.processor_us,
        costs.hit_cost_us,
        costs.miss_cost_us,
        costs.exact_cost_us,
        costs.evicted_misses,
        costs.time_saved_us,
    ])?;
    let id = database.last_insert_rowid();
    new.add_to_sums(id);
    let phases = build.phases.iter().enumerate();
    phases
        .map(|(position, phase)| insert_phase(database, id, position, phase, new))
        .collect()
}

/// Returns `Shared` if one of the phases is: its counts are part of the build's.
fn attribution(build: &Build) -> Option<Attribution> {
    build.phases.iter().map(|phase| phase.attribution).max()
}

/// Returns the row id of the emerge, which is inserted unless an earlier build did.
fn emerge_id(database: &Connection, emerge: &Emerge, host: &str) -> rusqlite::Result<i64> {
    let uuid = emerge.id.to_string();
    let mut insert = database.prepare_cached(
        "INSERT INTO emerge (uuid, host, command, started_at_us) VALUES (?, ?, ?, ?) \
         ON CONFLICT (uuid) DO NOTHING",
    )?;
    insert.execute(params![
        uuid,
        host,
        emerge.command,
        micros(emerge.started_at)
    ])?;
    let mut select = database.prepare_cached("SELECT id FROM emerge WHERE uuid = ?")?;
    select.query_row([uuid], |row| row.get(0))
}

/// Inserts the phase at `position` of a build, and returns its row id.
fn insert_phase(
    database: &Connection,
    build_id: i64,
    position: usize,
    phase: &Phase,
    new: &mut NewBuilds,
) -> rusqlite::Result<i64> {
    let stats = phase.stats.as_ref().ok();
    let not_measured = phase.stats.as_ref().err();
    let dist_compiles = stats.map(|s| &s.dist_compiles);
    let levels = stats.map(|s| &s.levels);
    let values = params![
        build_id,
        position,
        phase.name,
        micros(phase.started_at),
        micros(phase.finished_at.max(phase.started_at)),
        phase.attribution,
        phase.read_only,
        phase.shell_seconds,
        phase.stable_paths.map(StablePaths::code),
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
        to_json(stats.and_then(|s| s.base_directories.as_ref())),
        to_json(dist_compiles.filter(|servers| !servers.is_empty())),
        to_json(levels.filter(|levels| !levels.is_empty())),
    ];
    insert_row(database, values, stats)?;
    let id = database.last_insert_rowid();
    if let Some(stats) = stats {
        new.add_parts(database, id, stats)?;
    }
    Ok(id)
}

/// Inserts the row of a phase; `values` are those of the columns before the numbers.
fn insert_row(
    database: &Connection,
    values: &[&dyn ToSql],
    stats: Option<&Stats>,
) -> rusqlite::Result<()> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let numbers = number_columns();
        let values = 2 + COLUMNS.split(',').count() + numbers.split(',').count();
        let values = vec!["?"; values].join(", ");
        format!("INSERT INTO phase (build_id, position, {COLUMNS}, {numbers}) VALUES ({values})")
    });
    let counters = Stats::COUNTERS.iter();
    let counters: Vec<Option<u64>> = counters.map(|field| (field.get)(stats?)).collect();
    let seconds = Stats::SECONDS.iter();
    let seconds: Vec<Option<f64>> = seconds.map(|field| (field.get)(stats?)).collect();
    let mut values = values.to_vec();
    values.extend(counters.iter().map(|count| count as &dyn ToSql));
    values.extend(seconds.iter().map(|time| time as &dyn ToSql));
    database.prepare_cached(&SQL)?.execute(&*values)?;
    Ok(())
}

fn to_json(value: Option<&impl Serialize>) -> Option<String> {
    // Lists and maps of strings and numbers: serializing them can't fail.
    value.and_then(|value| serde_json::to_string(value).ok())
}

/// Inserts rows with a statement that has `{rows}` after VALUES: [`ROWS`] at once, and the rest one by one, so that few
/// statements are prepared.
pub(super) fn insert_rows<T, const N: usize>(
    database: &Connection,
    sql: &str,
    rows: &[T],
    values: impl Fn(&T) -> [&dyn ToSql; N],
) -> rusqlite::Result<()> {
    let row = format!("({})", ["?"; N].join(", "));
    let (groups, rest) = rows.as_chunks::<ROWS>();
    if !groups.is_empty() {
        let sql = sql.replace("{rows}", &[&*row; ROWS].join(", "));
        let mut insert = database.prepare_cached(&sql)?;
        for rows in groups {
            insert.execute(params_from_iter(rows.iter().flat_map(&values)))?;
        }
    }
    if !rest.is_empty() {
        let mut insert = database.prepare_cached(&sql.replace("{rows}", &row))?;
        for row in rest {
            insert.execute(params_from_iter(values(row)))?;
        }
    }
    Ok(())
}
