//! Phases and their numbers, back from rows.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Row;
use uuid::Uuid;

use super::columns::{json, number_columns, read_numbers, time};
use super::filter::{Filter, Picked};
use super::{Result, Store, words};
use crate::portage::Phase;
use crate::sccache::{Counts, NotMeasured, NotMeasuredReason, Stats};

/// Reads a row of a part, whose columns begin at 1.
type ReadPart = fn(&mut Stats, &Row<'_>) -> rusqlite::Result<()>;

/// Phases by row id, each with its build.
type Phases = BTreeMap<i64, (Uuid, Phase)>;

impl Store {
    /// The phases of every build that passes the filter, by the build's id, each in
    /// the order they ended, with all that is known about them.
    ///
    /// # Errors
    /// Those of reading: [`crate::Error::Damaged`], [`crate::Error::Locked`].
    pub fn phases(&self, filter: &Filter) -> Result<HashMap<Uuid, Vec<Phase>>> {
        let picked = filter.sql("id, uuid");
        let mut phases = self.undivided_phases(&picked)?;
        let mut each =
            |table: &str, read: ReadPart| self.each_part(&picked, &mut phases, table, read);
        each(
            "language, hits, misses, errors FROM phase_language",
            |stats, row| read_part(stats, row, |counts| &mut counts.languages),
        )?;
        each(
            "compiler, hits, misses, errors FROM phase_compiler",
            |stats, row| read_part(stats, row, |counts| &mut counts.compilers),
        )?;
        each("reason, calls FROM not_cached", |stats, row| {
            stats.not_cached.insert(row.get(1)?, row.get(2)?);
            Ok(())
        })?;
        let mut builds: HashMap<Uuid, Vec<Phase>> = HashMap::new();
        for (_, (build, phase)) in phases {
            builds.entry(build).or_default().push(phase);
        }
        Ok(builds)
    }

    /// Returns the phases without what their numbers divide into.
    fn undivided_phases(&self, picked: &Picked) -> Result<Phases> {
        let sql = format!(
            "SELECT phase.id, picked.uuid, name, started_at_us, finished_at_us, attribution, \
             not_measured_reason, not_measured_detail, hits, misses, errors, cache_location, \
             cache_size_bytes, max_cache_size_bytes, preprocessor_cache_mode, sccache_version, \
             base_directories, is_cache_read_only, dist_compiles, {} \
             FROM ({}) AS picked JOIN phase ON phase.build_id = picked.id",
            number_columns(),
            picked.text
        );
        let phases = self.rows(&sql, picked, |row| {
            Ok((row.get(0)?, (super::rows::id(row, 1)?, read_phase(row)?)))
        })?;
        Ok(phases.into_iter().collect())
    }

    /// Calls `read` with each row of a table that phases divide into.
    fn each_part(
        &self,
        picked: &Picked,
        phases: &mut Phases,
        table: &str,
        read: ReadPart,
    ) -> Result<()> {
        let sql = format!(
            "SELECT part.phase_id, {table} AS part WHERE part.phase_id IN (SELECT phase.id FROM phase \
             JOIN ({}) AS picked ON phase.build_id = picked.id) ORDER BY 1, 2",
            picked.text
        );
        self.each_row(&sql, picked, |row| match phases.get_mut(&row.get(0)?) {
            Some((_, phase)) => phase
                .stats
                .as_mut()
                .map_or(Ok(()), |stats| read(stats, row)),
            None => Ok(()),
        })
    }
}

/// Reads hits, misses and errors of one language or compiler.
fn read_part(
    stats: &mut Stats,
    row: &Row<'_>,
    parts: fn(&mut Counts) -> &mut BTreeMap<String, u64>,
) -> rusqlite::Result<()> {
    let name: String = row.get(1)?;
    parts(&mut stats.hits).insert(name.clone(), row.get(2)?);
    parts(&mut stats.misses).insert(name.clone(), row.get(3)?);
    if let (Some(errors), Some(count)) = (&mut stats.errors, row.get(4)?) {
        parts(errors).insert(name, count);
    }
    Ok(())
}

fn read_phase(row: &Row<'_>) -> rusqlite::Result<Phase> {
    let attribution: String = row.get(5)?;
    let stats = match row.get::<_, Option<String>>(6)? {
        Some(code) => Err(NotMeasured {
            reason: NotMeasuredReason::from_code(&code),
            detail: row.get(7)?,
        }),
        None => Ok(read_stats(row)?),
    };
    Ok(Phase {
        name: row.get(2)?,
        started_at: time(row, 3)?,
        finished_at: time(row, 4)?,
        attribution: words::attribution(&attribution).ok_or(rusqlite::Error::InvalidQuery)?,
        read_only: row.get(17)?,
        stats,
    })
}

fn read_stats(row: &Row<'_>) -> rusqlite::Result<Stats> {
    let counts = |total| Counts {
        total,
        ..Counts::default()
    };
    let mut stats = Stats {
        hits: counts(row.get(8)?),
        misses: counts(row.get(9)?),
        errors: row.get::<_, Option<u64>>(10)?.map(counts),
        cache_location: row.get(11)?,
        cache_size: row.get(12)?,
        max_cache_size: row.get(13)?,
        preprocessor_cache_mode: row.get(14)?,
        version: row.get(15)?,
        base_directories: json(row, 16)?,
        dist_compiles: json(row, 18)?.unwrap_or_default(),
        ..Stats::default()
    };
    read_numbers(&mut stats, row, 19)?;
    Ok(stats)
}
