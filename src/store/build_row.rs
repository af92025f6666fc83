//! The row of one build.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Statement};
use uuid::Uuid;

use super::columns::time;
use super::rows::{duration, id};
use super::words;
use crate::portage::{Attribution, Outcome};
use crate::sccache;

/// One build, as its row has it. Totals are `None` where unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuildRow {
    /// Globally unique.
    pub id: Uuid,
    /// The machine.
    pub host: String,
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`.
    pub version: String,
    /// `SLOT`.
    pub slot: Option<String>,
    /// `PORTAGE_REPO_NAME`.
    pub repository: Option<String>,
    /// The id of the emerge command that it was part of.
    pub emerge: Option<Uuid>,
    /// What came of it.
    pub outcome: Outcome,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended; never before the start.
    pub finished_at: DateTime<Utc>,
    /// `None` where sccache ran in no phase.
    pub attribution: Option<Attribution>,
    /// The latest version that any of its phases named.
    pub sccache_version: Option<String>,
    /// Runs of phases in which sccache ran.
    pub phases: u32,
    /// How many of these runs were measured.
    pub measured_phases: u32,
    /// Answered from the cache.
    pub hits: Option<u64>,
    /// Not found in the cache.
    pub misses: Option<u64>,
    /// Errors while handling a request.
    pub errors: Option<u64>,
    /// Requests from clients; 0 in client-side mode.
    pub requests: Option<u64>,
    /// Compilations that sccache could try to cache.
    pub executed: Option<u64>,
    /// Requests that sccache can't cache.
    pub non_cacheable: Option<u64>,
    /// Compilers that failed.
    pub compile_failures: Option<u64>,
    /// An estimate, over the measured phases: see [`crate::portage::saving`].
    pub time_saved: Option<TimeDelta>,
}

impl BuildRow {
    /// The columns of [`BuildRow::read`], of `build`.
    pub(super) const COLUMNS: &'static str = "uuid, host, package, version, slot, repository, \
        emerge_id, outcome, started_at_us, finished_at_us, attribution, \
        sccache_version, phases, measured_phases, hits, misses, errors, requests, executed, \
        non_cacheable, compile_failures, time_saved_us";

    /// Takes on what the row says, in the memory of what it was before: of very many rows, that
    /// saves much of the time that reading them takes.
    pub(super) fn read(
        &mut self,
        row: &Row<'_>,
        emerges: &mut EmergeIds<'_>,
    ) -> rusqlite::Result<()> {
        self.id = id(row, 0)?;
        text(row, 1, &mut self.host)?;
        text(row, 2, &mut self.package)?;
        text(row, 3, &mut self.version)?;
        known_text(row, 4, &mut self.slot)?;
        known_text(row, 5, &mut self.repository)?;
        self.emerge = match row.get(6)? {
            Some(number) => emerges.of(number)?,
            None => None,
        };
        let outcome = row.get_ref(7)?.as_str()?;
        self.outcome = words::outcome(outcome).ok_or(rusqlite::Error::InvalidQuery)?;
        self.started_at = time(row, 8)?;
        self.finished_at = time(row, 9)?;
        let attribution = row.get_ref(10)?.as_str_or_null()?;
        self.attribution = attribution.and_then(words::attribution);
        known_text(row, 11, &mut self.sccache_version)?;
        self.phases = row.get(12)?;
        self.measured_phases = row.get(13)?;
        let counts = [
            &mut self.hits,
            &mut self.misses,
            &mut self.errors,
            &mut self.requests,
            &mut self.executed,
            &mut self.non_cacheable,
            &mut self.compile_failures,
        ];
        for (index, count) in counts.into_iter().enumerate() {
            *count = row.get(14 + index)?;
        }
        self.time_saved = duration(row, 21)?;
        Ok(())
    }

    /// See [`sccache::hit_rate`]; `None` also where nothing was measured.
    pub fn hit_rate(&self) -> Option<f64> {
        sccache::hit_rate(self.hits?, self.misses?)
    }

    /// See [`sccache::coverage`]; `None` also where nothing was measured.
    pub fn coverage(&self) -> Option<f64> {
        sccache::coverage(self.hits?, self.misses?, self.executed, self.non_cacheable)
    }
}

/// The ids of emerge commands. Most builds have the one of the build before, and looking for it
/// once is far quicker than a query in the query.
pub(super) struct EmergeIds<'a> {
    statement: Statement<'a>,
    last: Option<(i64, Uuid)>,
}

impl<'a> EmergeIds<'a> {
    pub(super) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        let statement = connection.prepare("SELECT uuid FROM emerge WHERE id = ?")?;
        Ok(Self {
            statement,
            last: None,
        })
    }

    /// `None` where somebody's SQL took the command away.
    fn of(&mut self, number: i64) -> rusqlite::Result<Option<Uuid>> {
        match self.last {
            Some((last, uid)) if last == number => Ok(Some(uid)),
            _ => {
                let found = { self.statement.query_row([number], |row| id(row, 0)) }.optional()?;
                self.last = found.map(|uid| (number, uid));
                Ok(found)
            }
        }
    }
}

/// A text, into the memory of the one before it.
fn text(row: &Row<'_>, index: usize, to: &mut String) -> rusqlite::Result<()> {
    row.get_ref(index)?.as_str()?.clone_into(to);
    Ok(())
}

/// As [`text`], of what may be unknown.
fn known_text(row: &Row<'_>, index: usize, to: &mut Option<String>) -> rusqlite::Result<()> {
    match row.get_ref(index)?.as_str_or_null()? {
        Some(text) => text.clone_into(to.get_or_insert_default()),
        None => *to = None,
    }
    Ok(())
}
