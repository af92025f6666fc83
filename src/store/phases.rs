//! Phases and their numbers, back from rows.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Row;
use rusqlite::types::ToSql;

use super::columns::{COUNTERS, FIRST, SECONDS, column_names, time};
use super::filter::Filter;
use super::{Result, Store, words};
use crate::portage::Phase;
use crate::sccache::{Counts, Stats};

impl Store {
    /// The phases of every build that passes the filter, by the build's id, each in
    /// the order they ended, with all that is known about them.
    ///
    /// # Errors
    /// Those of reading: [`super::Error::Damaged`], [`super::Error::Busy`].
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
