//! A phase and its numbers, to rows and back. The list of its columns is here, once.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use rusqlite::types::{ToSql, Value};
use rusqlite::{Row, Transaction, params};

use super::filter::Filter;
use super::{Error, Result, Store, words};
use crate::portage::Phase;
use crate::sccache::{Counts, Stats};

type Get<T> = fn(&Stats) -> Option<T>;
type Set<T> = fn(&mut Stats, Option<T>);

macro_rules! columns {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), |s| s.$name, |s, v| s.$name = v)),*]
    };
}

/// The counters that a version of sccache may not know.
const COUNTERS: &[(&str, Get<u64>, Set<u64>)] = columns![
    requests,
    executed,
    unsupported_compiler,
    non_compilation,
    non_cacheable,
    timeouts,
    read_errors,
    write_errors,
    writes,
    forced_recaches,
    non_cacheable_compilations,
    compilations,
    compile_failures,
    dist_errors,
    cache_size,
    max_cache_size,
];

const SECONDS: &[(&str, Get<f64>, Set<f64>)] =
    columns![write_seconds, read_hit_seconds, compiler_seconds];

/// The columns with a place of their own in the code, before those of the lists.
const FIRST: &[&str] = &[
    "build",
    "position",
    "name",
    "started_at",
    "finished_at",
    "attribution",
    "not_measured",
    "hits",
    "misses",
    "errors",
    "cache_location",
    "preprocessor_cache_mode",
    "sccache_version",
];

fn column_names() -> Vec<&'static str> {
    let counters = COUNTERS.iter().map(|c| c.0);
    let seconds = SECONDS.iter().map(|c| c.0);
    FIRST
        .iter()
        .copied()
        .chain(counters)
        .chain(seconds)
        .collect()
}

/// Microseconds since 1970, as the schema keeps times.
pub(super) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// Back from [`micros`].
pub(super) fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A count as SQLite keeps it.
///
/// # Errors
/// [`Error::Impossible`] beyond 2^63.
pub(super) fn count(what: &str, count: u64) -> Result<i64> {
    i64::try_from(count).map_err(|_| Error::Impossible(format!("{what}: {count}")))
}

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
    let names: std::collections::BTreeSet<&String> = parts.iter().flat_map(|p| p.keys()).collect();
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

impl Store {
    /// The phases of every build that passes the filter, by the build's id, each in
    /// the order they ended, with all that is known about them.
    ///
    /// # Errors
    /// Those of reading: [`Error::Damaged`], [`Error::Busy`].
    pub fn phases(&self, filter: &Filter) -> Result<HashMap<uuid::Uuid, Vec<Phase>>> {
        self.phases_of(filter).map_err(|error| self.error(error))
    }

    fn phases_of(&self, filter: &Filter) -> rusqlite::Result<HashMap<uuid::Uuid, Vec<Phase>>> {
        let picked = filter.sql("id, uid");
        let mut found = self.plain_phases(&picked)?;
        let tables: [(&str, Split); 4] = [
            (
                "language, hits, misses, errors FROM phase_language",
                |s, name, n| {
                    s.hits.languages.insert(name.clone(), n[0]);
                    s.misses.languages.insert(name.clone(), n[1]);
                    s.errors.languages.insert(name, n[2]);
                },
            ),
            (
                "compiler, hits, misses, errors FROM phase_compiler",
                |s, name, n| {
                    s.hits.compilers.insert(name.clone(), n[0]);
                    s.misses.compilers.insert(name.clone(), n[1]);
                    s.errors.compilers.insert(name, n[2]);
                },
            ),
            ("reason, count, 0, 0 FROM not_cached", |s, name, n| {
                s.not_cached.insert(name, n[0]);
            }),
            ("server, count, 0, 0 FROM dist_compile", |s, name, n| {
                s.dist_compiles.insert(name, n[0]);
            }),
        ];
        for (table, put) in tables {
            let sql = format!(
                "SELECT part.phase, {table} AS part WHERE part.phase IN \
                 (SELECT phase.id FROM phase JOIN ({}) AS picked ON phase.build = picked.id)",
                picked.text
            );
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query(picked.params().as_slice())?;
            while let Some(row) = rows.next()? {
                if let Some((_, phase)) = found.get_mut(&row.get(0)?)
                    && let Ok(stats) = &mut phase.stats
                {
                    let numbers = [unsigned(row, 2)?, unsigned(row, 3)?, unsigned(row, 4)?];
                    put(stats, row.get(1)?, numbers);
                }
            }
        }
        let mut builds: HashMap<uuid::Uuid, Vec<Phase>> = HashMap::new();
        for (_, (build, phase)) in found {
            builds.entry(build).or_default().push(phase);
        }
        Ok(builds)
    }

    /// The phases without what their numbers divide into, by their row id, in the order
    /// of builds and positions.
    fn plain_phases(
        &self,
        picked: &super::filter::Picked,
    ) -> rusqlite::Result<BTreeMap<i64, (uuid::Uuid, Phase)>> {
        let columns = column_names()
            .iter()
            .map(|name| format!("phase.{name}"))
            .collect::<Vec<_>>()
            .join(", ");
        let sql = format!(
            "SELECT phase.id, picked.uid, {columns} FROM ({}) AS picked \
             JOIN phase ON phase.build = picked.id",
            picked.text
        );
        let mut statement = self.connection.prepare(&sql)?;
        let params: Vec<(&str, &dyn ToSql)> = picked.params();
        let rows = statement.query_map(params.as_slice(), |row| {
            Ok((row.get(0)?, (super::rows::id(row, 1)?, phase(row)?)))
        })?;
        rows.collect()
    }
}

type Split = fn(&mut Stats, String, [u64; 3]);

/// A count out of a column that a CHECK keeps from being negative.
fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(|n| n.max(0) as u64)
}

fn phase(row: &Row<'_>) -> rusqlite::Result<Phase> {
    /// Columns before [`FIRST`]'s.
    const BEFORE: usize = 2;
    let at = |name: &str| BEFORE + FIRST.iter().position(|n| *n == name).unwrap_or(0);
    let stats = match row.get::<_, Option<String>>(at("not_measured"))? {
        Some(reason) => Err(reason),
        None => Ok(stats(row, BEFORE, at)?),
    };
    let attribution: String = row.get(at("attribution"))?;
    Ok(Phase {
        name: row.get(at("name"))?,
        started_at: time(row.get(at("started_at"))?),
        finished_at: time(row.get(at("finished_at"))?),
        attribution: words::attribution(&attribution).ok_or(rusqlite::Error::InvalidQuery)?,
        stats,
    })
}

fn stats(row: &Row<'_>, before: usize, at: impl Fn(&str) -> usize) -> rusqlite::Result<Stats> {
    let total = |name| -> rusqlite::Result<Counts> {
        Ok(Counts {
            total: unsigned(row, at(name))?,
            ..Counts::default()
        })
    };
    let mut stats = Stats {
        hits: total("hits")?,
        misses: total("misses")?,
        errors: total("errors")?,
        cache_location: row.get(at("cache_location"))?,
        preprocessor_cache_mode: row.get(at("preprocessor_cache_mode"))?,
        version: row.get(at("sccache_version"))?,
        ..Stats::default()
    };
    let counters = before + FIRST.len();
    for (index, (_, _, set)) in COUNTERS.iter().enumerate() {
        let known: Option<i64> = row.get(counters + index)?;
        set(&mut stats, known.map(|n| n.max(0) as u64));
    }
    for (index, (_, _, set)) in SECONDS.iter().enumerate() {
        set(&mut stats, row.get(counters + COUNTERS.len() + index)?);
    }
    Ok(stats)
}
