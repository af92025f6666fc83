//! Recording builds: each whole or not at all, and only once.

use std::time::{Duration, Instant};

use rusqlite::Transaction;
use uuid::Uuid;

use super::compilations;
use super::insert::insert_build;
use super::new_builds::NewBuilds;
use super::{Error, Result, Store, overlap};
use crate::portage::Build;

/// How long one transaction may take if the store has no deadline. 256 builds take less than a
/// second.
const TRANSACTION_TIME: Duration = Duration::from_secs(30);

/// What recording a build changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The build was added.
    New,
    /// Nothing: the build was there, or [`Store::forget`] removed it.
    AlreadyRecorded,
}

impl Store {
    /// Records the build in one transaction. When this returns, the build is on disk.
    ///
    /// An end before its start (the clock was set back) is stored as the start.
    /// `Stats::unrecognized` isn't stored.
    ///
    /// # Errors
    /// The database is locked, full, damaged or not writable, or a count is larger than SQLite's
    /// integers. Nothing is recorded then.
    pub fn record(&mut self, build: &Build) -> Result<Recorded> {
        let recorded = self.record_all(std::slice::from_ref(build))?;
        Ok(recorded[0])
    }

    /// Records several builds in one transaction. That takes hardly longer than one build, because
    /// most of the time is the wait for the disk.
    ///
    /// # Errors
    /// As [`Store::record`]. None of them is recorded then.
    pub fn record_all(&mut self, builds: &[Build]) -> Result<Vec<Recorded>> {
        self.record_restored(builds, &[])
    }

    /// As [`Store::record_all`], but also records forgotten builds. `restored` has the ids with which
    /// they were removed.
    ///
    /// # Errors
    /// As [`Store::record`]. None of them is recorded or restored then.
    pub fn record_restored(
        &mut self,
        builds: &[Build],
        restored: &[Uuid],
    ) -> Result<Vec<Recorded>> {
        let limit = Instant::now() + TRANSACTION_TIME;
        self.set_time_limit(Some(self.deadline.unwrap_or(limit)))?;
        let recorded = self.record_in_transaction(builds, restored);
        self.set_time_limit(None)?;
        recorded.map_err(|error| Error::from_sqlite(&self.path, error))
    }

    fn record_in_transaction(
        &mut self,
        builds: &[Build],
        restored: &[Uuid],
    ) -> rusqlite::Result<Vec<Recorded>> {
        let (kept_builds, deadline) = (self.kept_builds, self.deadline);
        let transaction = self.begin()?;
        for id in restored {
            let sql = "DELETE FROM forgotten WHERE uuid = ?";
            transaction.execute(sql, [id.to_string()])?;
        }
        let (mut recorded, mut new) = (Vec::new(), NewBuilds::default());
        for build in builds {
            recorded.push(record_one(&transaction, build, kept_builds, &mut new)?);
        }
        new.write(&transaction)?;
        if let Some(deadline) = deadline {
            // Beginning the transaction may have waited for a lock, and committing it may too.
            transaction.busy_timeout(deadline.saturating_duration_since(Instant::now()))?;
        }
        transaction.commit()?;
        Ok(recorded)
    }
}

fn record_one(
    transaction: &Transaction<'_>,
    build: &Build,
    kept_builds: usize,
    new: &mut NewBuilds,
) -> rusqlite::Result<Recorded> {
    let is_known = transaction
        .prepare_cached(
            "SELECT 1 FROM build WHERE uuid IN (?1, ?2) \
             UNION ALL SELECT 1 FROM forgotten WHERE uuid IN (?1, ?2)",
        )?
        .exists([build.id.to_string(), build.imported_id().to_string()])?;
    if is_known {
        return Ok(Recorded::AlreadyRecorded);
    }
    let build = &*overlap::resolve(transaction, build, new)?;
    let assessment = compilations::assess(transaction, build)?;
    let sum = build.total();
    let phase_ids = insert_build(transaction, build, sum.as_ref(), &assessment.costs, new)?;
    new.count(build, sum.as_ref(), &assessment.costs, assessment.misses());
    assessment.insert(transaction, build, &phase_ids, kept_builds)?;
    Ok(Recorded::New)
}
