//! One build into the database, whole or not at all, and only once.

use std::time::{Duration, Instant};

use rusqlite::{Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::columns::micros;
use super::insert::insert;
use super::{Error, Result, Store, savings, words};
use crate::portage::{Attribution, Build, Emerge};
use crate::sccache::Stats;

/// How long the statements of one transaction may take if the store has no deadline; 256 builds take
/// less than a second.
const RECORD_TIME: Duration = Duration::from_secs(30);

/// What became of a build that was to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the database now.
    New,
    /// It was there before, by its id, or was taken out with `forget`; nothing was changed.
    AlreadyThere,
}

impl Store {
    /// Records the build with all its phases in one transaction. When this returns,
    /// the build is on disk. A build whose id is there already is left as it is.
    ///
    /// Where the clock stepped back, an end before its start is stored as the start.
    /// `Stats::unrecognized` is not stored: it is for one warning at the build.
    ///
    /// # Errors
    /// [`Error::Locked`] after [`super::RECORD_WAIT`], [`Error::DiskFull`],
    /// [`Error::NotWritable`], [`Error::Damaged`], [`Error::QueryTimeout`]; [`Error::Invalid`] for values
    /// that no build can have (a name without its category, a count beyond 2^63,
    /// seconds that are no number). Nothing is recorded then.
    pub fn record(&mut self, build: &Build) -> Result<Recorded> {
        let all = self.record_all(std::slice::from_ref(build))?;
        Ok(all.first().copied().unwrap_or(Recorded::AlreadyThere))
    }

    /// Records several builds in one transaction, all or none of them, as [`Store::record`] does
    /// one: many at once take as long as one, which is mostly the wait for the disk.
    ///
    /// # Errors
    /// As [`Store::record`]. None of them is recorded then.
    pub fn record_all(&mut self, builds: &[Build]) -> Result<Vec<Recorded>> {
        self.record_restored(builds, &[])
    }

    /// Records builds as [`Store::record_all`] does, also the forgotten ones among them: `restored`
    /// has the ids under which they were removed.
    ///
    /// # Errors
    /// As [`Store::record`]. None of them is recorded or restored then.
    pub fn record_restored(
        &mut self,
        builds: &[Build],
        restored: &[Uuid],
    ) -> Result<Vec<Recorded>> {
        let until = self.deadline.unwrap_or(Instant::now() + RECORD_TIME);
        self.stop_at(Some(until))?;
        let recorded = self.record_in_one_transaction(builds, restored);
        self.stop_at(None)?;
        recorded
    }

    fn record_in_one_transaction(
        &mut self,
        builds: &[Build],
        restored: &[Uuid],
    ) -> Result<Vec<Recorded>> {
        let (path, deadline) = (self.path.clone(), self.deadline);
        let failed = |error| Error::from_sqlite(&path, error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        for id in restored {
            let sql = "DELETE FROM forgotten WHERE uuid = ?";
            transaction.execute(sql, [id.to_string()]).map_err(failed)?;
        }
        let all = builds.iter().map(|build| one(&transaction, build, &failed));
        let recorded = all.collect::<Result<Vec<_>>>()?;
        if recorded.contains(&Recorded::New) {
            // The lock for writing was one wait, and that for the last step would be another.
            if let Some(deadline) = deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                transaction.busy_timeout(left).map_err(failed)?;
            }
            transaction.commit().map_err(failed)?;
        }
        Ok(recorded)
    }
}

fn one(
    transaction: &Transaction<'_>,
    build: &Build,
    failed: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<Recorded> {
    let known = transaction
        .prepare_cached(
            "SELECT 1 FROM build WHERE uuid IN (?1, ?2) \
             UNION ALL SELECT 1 FROM forgotten WHERE uuid IN (?1, ?2)",
        )
        .and_then(|mut select| {
            select.exists([build.id.to_string(), build.imported_id().to_string()])
        })
        .map_err(failed)?;
    if known {
        return Ok(Recorded::AlreadyThere);
    }
    let emerge = match &build.emerge {
        Some(emerge) => Some(emerge_row(transaction, emerge, &build.host).map_err(failed)?),
        None => None,
    };
    let id = insert_build(transaction, build, emerge, failed)?;
    for (position, phase) in build.phases.iter().enumerate() {
        insert(transaction, id, position, phase).map_err(failed)?;
    }
    savings::add(transaction, id, build).map_err(failed)?;
    Ok(Recorded::New)
}

/// The row id of the emerge, which other builds may have brought in before.
fn emerge_row(transaction: &Transaction<'_>, emerge: &Emerge, host: &str) -> rusqlite::Result<i64> {
    let uid = emerge.id.to_string();
    transaction.execute(
        "INSERT INTO emerge (uuid, host, command, started_at_us) VALUES (?, ?, ?, ?) \
         ON CONFLICT (uuid) DO NOTHING",
        params![uid, host, emerge.command, micros(emerge.started_at)],
    )?;
    transaction.query_row("SELECT id FROM emerge WHERE uuid = ?", [uid], |row| {
        row.get(0)
    })
}

fn insert_build(
    transaction: &Transaction<'_>,
    build: &Build,
    emerge: Option<i64>,
    failed: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<i64> {
    let measured: Vec<&Stats> = build
        .phases
        .iter()
        .filter_map(|p| p.stats.as_ref().ok())
        .collect();
    let sum = Stats::sum(measured.iter().copied());
    let sum = sum.as_ref();
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    transaction
        .execute(
            "INSERT INTO build (uuid, host, package, version, slot, repository, \
             emerge_id, outcome, started_at_us, finished_at_us, attribution, sccache_version, phases, \
             measured_phases, hits, misses, errors, requests, executed, non_cacheable, \
             compile_failures) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                build.id.to_string(),
                build.host,
                build.package,
                build.version,
                filled(&build.slot),
                filled(&build.repository),
                emerge,
                words::outcome_word(build.outcome),
                micros(build.started_at),
                micros(build.finished_at.max(build.started_at)),
                attribution(build).map(words::attribution_word),
                sum.and_then(|s| s.version.clone()),
                build.phases.len() as i64,
                measured.len() as i64,
                sum.map(|s| s.hits.total),
                sum.map(|s| s.misses.total),
                sum.and_then(Stats::errors_total),
                sum.and_then(|s| s.requests),
                sum.and_then(|s| s.executed),
                sum.and_then(|s| s.non_cacheable),
                sum.and_then(|s| s.compile_failures),
            ],
        )
        .map_err(failed)?;
    Ok(transaction.last_insert_rowid())
}

/// A build is shared where one of its phases is: others' numbers may be in the sum.
fn attribution(build: &Build) -> Option<Attribution> {
    let shared = |p: &crate::portage::Phase| p.attribution == Attribution::Shared;
    match build.phases.is_empty() {
        true => None,
        false if build.phases.iter().any(shared) => Some(Attribution::Shared),
        false => Some(Attribution::Exact),
    }
}
