//! The rows of builds, and reading them.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Statement};
use uuid::Uuid;

use super::columns::{read_duration, read_time, read_uuid, str_at};
use super::filter::Filter;
use super::rows::{exact_share, hit_rate_by_cost};
use super::{Result, Store};
use crate::portage::{Attribution, Outcome};
use crate::sccache;

/// A row of the `build` table. Counts are `None` if unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuildRow {
    /// Globally unique.
    pub id: Uuid,
    /// The name of the host.
    pub host: String,
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`.
    pub version: String,
    /// `SLOT`.
    pub slot: Option<String>,
    /// `PORTAGE_REPO_NAME`.
    pub repository: Option<String>,
    /// The id of the emerge that it was part of.
    pub emerge: Option<Uuid>,
    /// How it ended.
    pub outcome: Outcome,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended, which is never before the start.
    pub finished_at: DateTime<Utc>,
    /// `None` if sccache ran in no phase.
    pub attribution: Option<Attribution>,
    /// The version in the last of its phases that knows it.
    pub sccache_version: Option<String>,
    /// Runs of phases in which sccache ran.
    pub phases: u32,
    /// How many of these runs were measured.
    pub measured_phases: u32,
    /// Compilations answered from the cache.
    pub hits: Option<u64>,
    /// Compilations not found in the cache.
    pub misses: Option<u64>,
    /// Errors while handling a request; they are misses too.
    pub errors: Option<u64>,
    /// Requests from clients; 0 in client-side mode.
    pub requests: Option<u64>,
    /// Compilations that sccache could try to cache.
    pub executed: Option<u64>,
    /// Requests that sccache can't cache.
    pub non_cacheable: Option<u64>,
    /// Compilers that failed.
    pub compile_failures: Option<u64>,
    /// Over the measured phases: see `src/savings.rs`.
    pub time_saved: Option<TimeDelta>,
    /// Processor time of the phases in which sccache ran.
    pub processor_time: Option<TimeDelta>,
    /// What compiling the hits would have cost, in processor time.
    pub hit_cost: Option<TimeDelta>,
    /// What compiling the misses cost.
    pub miss_cost: Option<TimeDelta>,
    /// The part of `hit_cost` that is known from compiling exactly these objects.
    pub exact_cost: Option<TimeDelta>,
    /// Misses whose objects the cache lost.
    pub evicted_misses: Option<u64>,
}

impl Store {
    /// Calls `handle` with each build, the newest last. Every row is read into the same memory, which
    /// is much faster for very many builds.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn for_each_build(&self, filter: &Filter, mut handle: impl FnMut(&BuildRow)) -> Result<()> {
        // Sorting in an outer query is faster: SQLite sorts whole rows instead of following the
        // index.
        let query = filter.query(
            "SELECT uuid, host, package, version, slot, repository, emerge_id, outcome,
                started_at_us, finished_at_us, attribution, sccache_version, phases,
                measured_phases, hits, misses, errors, requests, executed, non_cacheable,
                compile_failures, time_saved_us, processor_us, hit_cost_us, miss_cost_us,
                exact_cost_us, evicted_misses
             FROM matching ORDER BY started_at_us, uuid",
        );
        let mut build = BuildRow::default();
        let mut emerges = EmergeIds::new(&self.connection).map_err(|error| self.error(error))?;
        self.each_row(&query.sql, &*query.params(), |row| {
            build.read(row, &mut emerges)?;
            handle(&build);
            Ok(())
        })
    }
}

impl BuildRow {
    /// Replaces all fields with the values of the row. For 100,000 rows, this is much faster than
    /// allocating each text again.
    fn read(&mut self, row: &Row<'_>, emerges: &mut EmergeIds<'_>) -> rusqlite::Result<()> {
        self.id = read_uuid(row, 0)?;
        read_text(row, 1, &mut self.host)?;
        read_text(row, 2, &mut self.package)?;
        read_text(row, 3, &mut self.version)?;
        read_optional_text(row, 4, &mut self.slot)?;
        read_optional_text(row, 5, &mut self.repository)?;
        self.emerge = match row.get(6)? {
            Some(id) => emerges.find(id)?,
            None => None,
        };
        self.outcome = row.get(7)?;
        self.started_at = read_time(row, 8)?;
        self.finished_at = read_time(row, 9)?;
        self.attribution = row.get(10)?;
        read_optional_text(row, 11, &mut self.sccache_version)?;
        self.phases = row.get(12)?;
        self.measured_phases = row.get(13)?;
        self.hits = row.get(14)?;
        self.misses = row.get(15)?;
        self.errors = row.get(16)?;
        self.requests = row.get(17)?;
        self.executed = row.get(18)?;
        self.non_cacheable = row.get(19)?;
        self.compile_failures = row.get(20)?;
        self.time_saved = read_duration(row, 21)?;
        self.processor_time = read_duration(row, 22)?;
        self.hit_cost = read_duration(row, 23)?;
        self.miss_cost = read_duration(row, 24)?;
        self.exact_cost = read_duration(row, 25)?;
        self.evicted_misses = row.get(26)?;
        Ok(())
    }

    /// Returns the [`sccache::hit_rate`]; `None` also if nothing was measured.
    pub fn hit_rate(&self) -> Option<f64> {
        sccache::hit_rate(self.hits?, self.misses?)
    }

    /// Returns the hit rate weighted by cost.
    pub fn hit_rate_by_cost(&self) -> Option<f64> {
        hit_rate_by_cost(self.hit_cost?, self.miss_cost?)
    }

    /// Returns the share of `hit_cost` that is known from compiling exactly these objects.
    pub fn exact_share(&self) -> Option<f64> {
        Some(exact_share(self.exact_cost?, self.hit_cost?))
    }

    /// Returns the [`sccache::coverage`]; `None` also if nothing was measured.
    pub fn coverage(&self) -> Option<f64> {
        sccache::coverage(self.hits?, self.misses?, self.executed, self.non_cacheable)
    }
}

/// Looks up the ids of emerges. Consecutive builds mostly have the same one, so remembering the last
/// is much faster than a join.
struct EmergeIds<'a> {
    statement: Statement<'a>,
    last: Option<(i64, Uuid)>,
}

impl<'a> EmergeIds<'a> {
    fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        let statement = connection.prepare("SELECT uuid FROM emerge WHERE id = ?")?;
        let last = None;
        Ok(Self { statement, last })
    }

    /// Returns `None` for a row that was deleted by hand.
    fn find(&mut self, row_id: i64) -> rusqlite::Result<Option<Uuid>> {
        if self.last.is_none_or(|(last, _)| last != row_id) {
            let found = self.statement.query_row([row_id], |row| read_uuid(row, 0));
            self.last = found.optional()?.map(|uuid| (row_id, uuid));
        }
        Ok(self.last.map(|(_, uuid)| uuid))
    }
}

fn read_text(row: &Row<'_>, index: usize, text: &mut String) -> rusqlite::Result<()> {
    str_at(row, index)?.unwrap_or_default().clone_into(text);
    Ok(())
}

fn read_optional_text(
    row: &Row<'_>,
    index: usize,
    text: &mut Option<String>,
) -> rusqlite::Result<()> {
    match str_at(row, index)? {
        Some(value) => value.clone_into(text.get_or_insert_default()),
        None => *text = None,
    }
    Ok(())
}
