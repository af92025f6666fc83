//! The rows of phases, and reading them.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Row;
use uuid::Uuid;

use super::columns::{read_json, read_time, read_uuid};
use super::filter::{BuildQuery, Filter};
use super::{Result, Store};
use crate::portage::{Phase, StablePaths};
use crate::sccache::{Counts, NotMeasured, NotMeasuredReason, Stats};

/// The columns of a phase, in the order of [`super::insert::insert_build`] and [`read_phase`]. Those of
/// [`number_columns`] follow.
pub(super) const COLUMNS: &str = "name, started_at_us, finished_at_us, attribution, is_cache_read_only, shell_seconds, \
    stable_paths, not_measured_reason, not_measured_detail, hits, misses, errors, cache_location, \
    cache_size_bytes, max_cache_size_bytes, preprocessor_cache_mode, sccache_version, \
    base_directories, dist_compiles, cache_levels";

/// The index of the first of [`number_columns`], because [`COLUMNS`] begin at 2.
const NUMBERS: usize = 22;

/// Returns the columns of all counters and times.
pub(super) fn number_columns() -> String {
    let counters = Stats::COUNTERS.iter().map(|field| field.name);
    let seconds = Stats::SECONDS.iter().map(|field| field.name);
    counters.chain(seconds).collect::<Vec<_>>().join(", ")
}

/// Phases by row id.
pub(super) type Phases = BTreeMap<i64, PhaseRow>;

/// A row of `phase`.
pub(super) struct PhaseRow {
    /// The row id of its build.
    pub build_id: i64,
    pub build_uuid: Uuid,
    /// Its number in the build, from 0.
    pub position: i64,
    /// Boxed, because a B-tree moves its values.
    pub phase: Box<Phase>,
}

/// Adds counts from a row, whose columns begin at 1.
type AddCounts = fn(&mut Stats, &Row<'_>) -> rusqlite::Result<()>;

impl Store {
    /// Returns the phases of every build that passes the filter, by the build's id, each list in
    /// the order in which the phases ended.
    ///
    /// # Errors
    /// The database can't be read.
    pub fn phases(&self, filter: &Filter) -> Result<HashMap<Uuid, Vec<Phase>>> {
        let mut builds: HashMap<Uuid, Vec<Phase>> = HashMap::new();
        for row in self.phases_by_row(filter)?.into_values() {
            builds.entry(row.build_uuid).or_default().push(*row.phase);
        }
        Ok(builds)
    }

    /// Returns the same phases by their row ids.
    pub(super) fn phases_by_row(&self, filter: &Filter) -> Result<Phases> {
        // The columns of statistics follow from their table in `Stats`, so this is no literal.
        let sql = format!(
            "SELECT phase.id, build_uuid, {COLUMNS}, {}, build_id, position
             FROM (SELECT id AS build_id, uuid AS build_uuid FROM matching)
             JOIN phase USING (build_id)",
            number_columns(),
        );
        let query = filter.query(&sql);
        let read = |row: &Row<'_>| {
            let next = NUMBERS + Stats::COUNTERS.len() + Stats::SECONDS.len();
            let phase = PhaseRow {
                build_id: row.get(next)?,
                build_uuid: read_uuid(row, 1)?,
                position: row.get(next + 1)?,
                phase: Box::new(read_phase(row)?),
            };
            Ok((row.get(0)?, phase))
        };
        let phases = self.query(&query.sql, &*query.params(), read)?;
        let mut phases: Phases = phases.into_iter().collect();
        let parts = |select: &str| parts_of(filter, &phases, select);
        let languages =
            parts("SELECT phase_id, language, hits, misses, errors FROM phase_language");
        let compilers =
            parts("SELECT phase_id, compiler, hits, misses, errors FROM phase_compiler");
        let reasons = parts("SELECT phase_id, reason, calls FROM not_cached");
        self.add_counts(&languages, &mut phases, |stats, row| {
            add_hits_and_misses(stats, row, |counts| &mut counts.languages)
        })?;
        self.add_counts(&compilers, &mut phases, |stats, row| {
            add_hits_and_misses(stats, row, |counts| &mut counts.compilers)
        })?;
        self.add_counts(&reasons, &mut phases, |stats, row| {
            stats.not_cached.insert(row.get(1)?, row.get(2)?);
            Ok(())
        })?;
        Ok(phases)
    }

    /// Adds the counts of a query to their phases, whose row ids are in its first column.
    fn add_counts(&self, query: &BuildQuery, phases: &mut Phases, add: AddCounts) -> Result<()> {
        self.each_row(&query.sql, &*query.params(), |row| {
            let phase = phases.get_mut(&row.get(0)?);
            match phase.and_then(|row| row.phase.stats.as_mut().ok()) {
                Some(stats) => add(stats, row),
                None => Ok(()),
            }
        })
    }
}

/// Returns a query for the parts of these phases. If they are most of the phases in their range of ids, it selects the
/// range, which takes half the time; others are ignored.
fn parts_of(filter: &Filter, phases: &Phases, select: &str) -> BuildQuery {
    let ends = phases.first_key_value().zip(phases.last_key_value());
    match ends.map(|((first, _), (last, _))| (*first, *last)) {
        Some((first, last)) if last.abs_diff(first) < 2 * phases.len() as u64 => {
            let query = filter.query(&format!("{select} WHERE phase_id BETWEEN :first AND :last"));
            query.with(":first", first).with(":last", last)
        }
        _ => filter.query(&format!(
            "{select} WHERE phase_id IN
             (SELECT phase.id FROM phase JOIN matching ON phase.build_id = matching.id)"
        )),
    }
}

/// Adds hits, misses and errors of one language or compiler.
fn add_hits_and_misses(
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

/// Reads a phase without its parts. [`COLUMNS`] begin at 2.
fn read_phase(row: &Row<'_>) -> rusqlite::Result<Phase> {
    let stats = match row.get::<_, Option<String>>(9)? {
        Some(code) => Err(NotMeasured {
            reason: NotMeasuredReason::from_code(&code),
            detail: row.get(10)?,
        }),
        None => Ok(read_stats(row)?),
    };
    let stable_paths: Option<String> = row.get(8)?;
    Ok(Phase {
        name: row.get(2)?,
        started_at: read_time(row, 3)?,
        finished_at: read_time(row, 4)?,
        attribution: row.get(5)?,
        read_only: row.get(6)?,
        shell_seconds: row.get(7)?,
        stable_paths: stable_paths.as_deref().map(StablePaths::from_code),
        stats,
        compilations: None,
    })
}

fn read_stats(row: &Row<'_>) -> rusqlite::Result<Stats> {
    let counts = |total| Counts {
        total,
        ..Counts::default()
    };
    let mut stats = Stats {
        hits: counts(row.get(11)?),
        misses: counts(row.get(12)?),
        errors: row.get::<_, Option<u64>>(13)?.map(counts),
        cache_location: row.get(14)?,
        cache_size: row.get(15)?,
        max_cache_size: row.get(16)?,
        preprocessor_cache_mode: row.get(17)?,
        version: row.get(18)?,
        base_directories: read_json(row, 19)?,
        dist_compiles: read_json(row, 20)?.unwrap_or_default(),
        levels: read_json(row, 21)?.unwrap_or_default(),
        ..Stats::default()
    };
    for (index, field) in Stats::COUNTERS.iter().enumerate() {
        *(field.get_mut)(&mut stats) = row.get(NUMBERS + index)?;
    }
    for (index, field) in Stats::SECONDS.iter().enumerate() {
        *(field.get_mut)(&mut stats) = row.get(NUMBERS + Stats::COUNTERS.len() + index)?;
    }
    Ok(stats)
}
