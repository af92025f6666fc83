//! Phases and their numbers, back from rows.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Row;

use super::columns::{COUNTERS, FIRST, SECONDS, column_names, known, time, unsigned};
use super::filter::Filter;
use super::{Result, Store, words};
use crate::portage::Phase;
use crate::sccache::{Counts, Level, NotMeasured, NotMeasuredReason, Stats};

impl Store {
    /// The phases of every build that passes the filter, by the build's id, each in
    /// the order they ended, with all that is known about them.
    ///
    /// # Errors
    /// Those of reading: [`super::Error::Damaged`], [`super::Error::Busy`].
    pub fn phases(&self, filter: &Filter) -> Result<HashMap<uuid::Uuid, Vec<Phase>>> {
        let picked = filter.sql("id, uid");
        let mut found = self.plain_phases(&picked)?;
        let tables: [(&str, Split); 6] = [
            (
                "language, hits, misses, errors FROM phase_language",
                |s, row| split(s, row, |counts| &mut counts.languages),
            ),
            (
                "compiler, hits, misses, errors FROM phase_compiler",
                |s, row| split(s, row, |counts| &mut counts.compilers),
            ),
            ("reason, count FROM not_cached", |s, row| {
                s.not_cached.insert(row.get(1)?, unsigned(row, 2)?);
                Ok(())
            }),
            ("server, count FROM dist_compile", |s, row| {
                s.dist_compiles.insert(row.get(1)?, unsigned(row, 2)?);
                Ok(())
            }),
            (
                "position, name, location, hits, misses, writes, write_failures, backfills_from, \
                 backfills_to, hit_seconds, write_seconds FROM phase_level",
                |s, row| {
                    s.levels.push(level(row)?);
                    Ok(())
                },
            ),
            ("position, directory FROM base_directory", |s, row| {
                s.base_directories.get_or_insert_default().push(row.get(2)?);
                Ok(())
            }),
        ];
        for (table, put) in tables {
            let sql = format!(
                "SELECT part.phase, {table} AS part WHERE part.phase IN \
                 (SELECT phase.id FROM phase JOIN ({}) AS picked ON phase.build = picked.id) ORDER BY 1, 2",
                picked.text
            );
            self.each_row(&sql, &picked, |row| match found.get_mut(&row.get(0)?) {
                Some((_, phase)) => phase.stats.as_mut().map_or(Ok(()), |stats| put(stats, row)),
                None => Ok(()),
            })?;
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
    ) -> Result<BTreeMap<i64, (uuid::Uuid, Phase)>> {
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
        let found = self.rows(&sql, picked, |row| {
            Ok((row.get(0)?, (super::rows::id(row, 1)?, phase(row)?)))
        })?;
        Ok(found.into_iter().collect())
    }
}

type Split = fn(&mut Stats, &Row<'_>) -> rusqlite::Result<()>;

/// hits, misses and errors of one language or compiler.
fn split(
    stats: &mut Stats,
    row: &Row<'_>,
    pick: fn(&mut Counts) -> &mut BTreeMap<String, u64>,
) -> rusqlite::Result<()> {
    let name: String = row.get(1)?;
    pick(&mut stats.hits).insert(name.clone(), unsigned(row, 2)?);
    pick(&mut stats.misses).insert(name.clone(), unsigned(row, 3)?);
    if let (Some(errors), Some(count)) = (&mut stats.errors, known(row, 4)?) {
        pick(errors).insert(name, count);
    }
    Ok(())
}

fn level(row: &Row<'_>) -> rusqlite::Result<Level> {
    Ok(Level {
        name: row.get(2)?,
        location: row.get(3)?,
        hits: known(row, 4)?,
        misses: known(row, 5)?,
        writes: known(row, 6)?,
        write_failures: known(row, 7)?,
        backfills_from: known(row, 8)?,
        backfills_to: known(row, 9)?,
        hit_seconds: row.get(10)?,
        write_seconds: row.get(11)?,
    })
}

fn phase(row: &Row<'_>) -> rusqlite::Result<Phase> {
    /// Columns before [`FIRST`]'s.
    const BEFORE: usize = 2;
    let at = |name: &str| BEFORE + FIRST.iter().position(|n| *n == name).unwrap_or(0);
    let stats = match row.get::<_, Option<String>>(at("not_measured"))? {
        Some(code) => Err(NotMeasured {
            reason: NotMeasuredReason::from_code(&code),
            detail: row.get(at("not_measured_detail"))?,
        }),
        None => Ok(stats(row, BEFORE, at)?),
    };
    let attribution: String = row.get(at("attribution"))?;
    Ok(Phase {
        name: row.get(at("name"))?,
        started_at: time(row, at("started_at"))?,
        finished_at: time(row, at("finished_at"))?,
        attribution: words::attribution(&attribution).ok_or(rusqlite::Error::InvalidQuery)?,
        stats,
    })
}

fn stats(row: &Row<'_>, before: usize, at: impl Fn(&str) -> usize) -> rusqlite::Result<Stats> {
    let counts = |total| Counts {
        total,
        ..Counts::default()
    };
    let directories: Option<u32> = row.get(at("base_directories"))?;
    let mut stats = Stats {
        hits: counts(unsigned(row, at("hits"))?),
        misses: counts(unsigned(row, at("misses"))?),
        errors: known(row, at("errors"))?.map(counts),
        cache_location: row.get(at("cache_location"))?,
        preprocessor_cache_mode: row.get(at("preprocessor_cache_mode"))?,
        version: row.get(at("sccache_version"))?,
        base_directories: directories.map(|_| Vec::new()),
        ..Stats::default()
    };
    let counters = before + FIRST.len();
    for (index, (_, _, set)) in COUNTERS.iter().enumerate() {
        set(&mut stats, known(row, counters + index)?);
    }
    for (index, (_, _, set)) in SECONDS.iter().enumerate() {
        set(&mut stats, row.get(counters + COUNTERS.len() + index)?);
    }
    Ok(stats)
}
