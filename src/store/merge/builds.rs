//! Merges builds, each with all its rows except its lists of compilations.

use std::collections::HashSet;
use std::sync::LazyLock;

use rusqlite::{OptionalExtension, ToSql, Transaction, TransactionBehavior};

use super::found::{Found, FoundBuilds, Known};
use super::source::SourceBuild;
use super::{MergeError, Merger};
use crate::portage::{Attribution, Build};
use crate::sccache::NotMeasuredReason;
use crate::store::columns::micros;
use crate::store::compilations::{self, BuildCosts};
use crate::store::insert::insert_build;
use crate::store::new_builds::NewBuilds;
use crate::store::{Error, forget, overlap};

/// The number of builds between two checks of the time. If another process has written, they are looked up again.
const LOOKUP: usize = 20;

/// The largest sum of a time over all builds. Recording more builds doesn't exceed SQLite's integers then.
const MAX_TOTAL_US: f64 = (1_u64 << 62) as f64;

/// As in `LogTimes`: the difference of clocks, the longest time that a log is written, and that for a log
/// whose end is unknown.
const CLOCKS_US: i64 = 2_000_000;
const LONGEST_US: i64 = 2 * UNKNOWN_US;
const UNKNOWN_US: i64 = 86_400_000_000;

/// The recorded build that the import of a log takes for the log's build (`known_builds`), but on any host: it
/// started while the log was written, which ended at `?6`. If phases are not measured, because builds shared a
/// server, all numbers match. The result is 1, or 2 if it was forgotten.
static RECORDED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT 1 FROM build
         WHERE package = ?1 AND version = ?2
            AND started_at_us BETWEEN ?5 - {CLOCKS_US} AND ?6 + {CLOCKS_US} AND NOT is_imported
            AND (hits IS ?3 AND misses IS ?4 OR attribution IS 'shared' AND measured_phases < phases)
         UNION ALL SELECT 2 FROM forgotten
         WHERE package = ?1 AND version = ?2
            AND started_at_us BETWEEN ?5 - {CLOCKS_US} AND ?6 + {CLOCKS_US} AND NOT is_imported
            AND hits IS ?3 AND misses IS ?4
         ORDER BY 1 LIMIT 1"
    )
});

/// The imported builds for which [`RECORDED`] finds the build of the parameters, `?6` if all numbers match.
static IMPORTED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT uuid FROM build
         WHERE package = ?1 AND version = ?2 AND (hits IS ?3 AND misses IS ?4 OR ?6) AND is_imported
            AND started_at_us BETWEEN ?5 - {LONGEST_US} AND ?5 + {CLOCKS_US}
            AND ?5 <= iif(finished_at_us > started_at_us, finished_at_us, started_at_us + {UNKNOWN_US}) + {CLOCKS_US}"
    )
});

/// The same for forgotten builds, whose ends are unknown.
static FORGOTTEN_IMPORT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT 1 FROM forgotten
         WHERE package = ?1 AND version = ?2 AND hits IS ?3 AND misses IS ?4 AND is_imported
            AND started_at_us BETWEEN ?5 - {LONGEST_US} AND ?5 + {CLOCKS_US}"
    )
});

/// What identifies a build in a log: the first parameters of [`RECORDED`], [`IMPORTED`], and [`FORGOTTEN_IMPORT`].
struct LogKey<'a> {
    package: &'a str,
    version: &'a str,
    hits: Option<u64>,
    misses: Option<u64>,
    started_at_us: i64,
}

impl LogKey<'_> {
    fn params(&self) -> [&dyn ToSql; 5] {
        [
            &self.package,
            &self.version,
            &self.hits,
            &self.misses,
            &self.started_at_us,
        ]
    }

    /// Returns the parameters with a sixth.
    fn params_and<'a>(&'a self, last: &'a dyn ToSql) -> [&'a dyn ToSql; 6] {
        let [a, b, c, d, e] = self.params();
        [a, b, c, d, e, last]
    }
}

/// What a transaction did with a build.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merged {
    Added,
    Recorded,
    Forgotten,
}

impl Merger<'_> {
    /// Merges all builds, of a damaged file those before the first damaged page.
    pub(super) fn merge_builds(&mut self) -> Result<(), MergeError> {
        let mut total_us = self.total_us()?;
        let mut last = i64::MIN;
        loop {
            let (piece, damage) = Known::read_piece(self.source, last);
            let Some(end) = piece.last() else {
                return damage.map_or(Ok(()), |error| Err(MergeError::source(error)));
            };
            last = end.row_id;
            let found = self.find(&piece).map_err(|error| self.failed(error))?;
            let candidates = self.candidates(&piece, &found);
            let (builds, earlier) = self.source.builds(&candidates);
            let (mut checked, mut ids) = (Vec::new(), HashSet::new());
            for build in builds {
                match build {
                    Ok(build) if ids.insert(build.build.id) => checked.push(build),
                    Ok(build) => self.skip(|| format!("build {} is there twice", build.build.id)),
                    Err(error) => self.skip(|| error.to_string()),
                }
            }
            total_us += checked.iter().map(SourceBuild::total_us).sum::<f64>();
            if total_us >= MAX_TOTAL_US {
                let problem = "the times of its builds are too large".to_owned();
                let path = self.source.store.path.clone();
                return Err(MergeError::source(Error::BadRow(path, problem)));
            }
            self.write_builds(&checked, &found)?;
            if let Some(error) = earlier.or(damage) {
                return Err(MergeError::source(error));
            }
        }
    }

    /// Returns the sum of all times of the builds here.
    fn total_us(&self) -> Result<f64, MergeError> {
        let sql = "SELECT total(processor_us) + total(hit_cost_us) + total(miss_cost_us)
                + total(exact_cost_us) + total(abs(time_saved_us)) FROM hour_sum";
        let total = self.store.query(sql, (), |row| row.get::<_, f64>(0));
        Ok(total.map_err(MergeError::Target)?.iter().sum())
    }

    /// Finds the builds of a piece that are here.
    fn find(&self, piece: &[Known]) -> rusqlite::Result<FoundBuilds> {
        let behavior = TransactionBehavior::Deferred;
        let reader = Transaction::new_unchecked(&self.store.connection, behavior)?;
        FoundBuilds::find(&reader, piece.iter().filter_map(|theirs| theirs.uuid))
    }

    /// Returns the row ids of the builds that may change something here. Counts the others.
    fn candidates(&mut self, piece: &[Known], found: &FoundBuilds) -> Vec<i64> {
        let mut candidates = Vec::new();
        for theirs in piece {
            match theirs.uuid.and_then(|id| found.get(id)) {
                None => candidates.push(theirs.row_id),
                Some(Found::Recorded(ours)) if theirs.may_change(ours) => {
                    candidates.push(theirs.row_id);
                }
                Some(Found::Recorded(_)) => self.result.recorded += 1,
                Some(Found::Forgotten) => self.result.forgotten += 1,
            }
        }
        candidates
    }

    fn write_builds(
        &mut self,
        mut builds: &[SourceBuild],
        found: &FoundBuilds,
    ) -> Result<(), MergeError> {
        while !builds.is_empty() {
            let merged = self.write(|transaction, limit| {
                let is_outdated = found.is_outdated(transaction)?;
                let (mut merged, mut new) = (Vec::new(), NewBuilds::default());
                for builds in builds.chunks(LOOKUP) {
                    let ids = builds.iter().map(|it| it.build.id);
                    let again = is_outdated.then(|| FoundBuilds::find(transaction, ids));
                    let again = again.transpose()?;
                    let found = again.as_ref().unwrap_or(found);
                    for build in builds {
                        let ours = found.get(build.build.id);
                        merged.push(build.merge(transaction, ours, &mut new)?);
                    }
                    if limit.is_reached() {
                        break;
                    }
                }
                new.write(transaction)?;
                Ok(merged)
            })?;
            builds = &builds[merged.len()..];
            let count = |kind| merged.iter().filter(|it| **it == kind).count() as u64;
            self.result.added += count(Merged::Added);
            self.result.recorded += count(Merged::Recorded);
            self.result.forgotten += count(Merged::Forgotten);
        }
        Ok(())
    }
}

/// Whether a phase of the build shared its server.
fn is_shared(build: &Build) -> bool {
    let mut phases = build.phases.iter();
    phases.any(|it| it.attribution == Attribution::Shared)
}

impl SourceBuild {
    /// Merges this build, with what was found here by its id.
    fn merge(
        &self,
        transaction: &Transaction<'_>,
        found: Option<&Found>,
        new: &mut NewBuilds,
    ) -> rusqlite::Result<Merged> {
        match found {
            Some(Found::Forgotten) => Ok(Merged::Forgotten),
            Some(Found::Recorded(ours)) => self.change(transaction, ours, new),
            None if self.build.is_imported => self.add_imported(transaction, new),
            None => self.add_recorded(transaction, new),
        }
    }

    /// Changes our row of this build if necessary.
    fn change(
        &self,
        transaction: &Transaction<'_>,
        ours: &Known,
        new: &mut NewBuilds,
    ) -> rusqlite::Result<Merged> {
        match (self.build.is_imported, ours.is_imported) {
            (true, true) if ours.is_after(&self.build.host, &self.rank) => {
                new.flush(transaction)?;
                if forget::delete(transaction, &self.build.id.to_string())?.is_none() {
                    // A recorded build removed it since it was found.
                    return self.add_imported(transaction, new);
                }
                forget::remove_unused_units(transaction, &self.build.package)?;
                self.insert(transaction, new)?;
            }
            (false, false) => {
                new.flush(transaction)?;
                self.withdraw(transaction, ours.row_id)?;
                self.remove_imports(transaction, new)?;
            }
            _ => {}
        }
        Ok(Merged::Recorded)
    }

    /// Withdraws the phases that turned out to have shared their server.
    fn withdraw(&self, transaction: &Transaction<'_>, row_id: i64) -> rusqlite::Result<()> {
        for (position, phase) in self.build.phases.iter().enumerate() {
            let Err(reason) = &phase.stats else {
                continue;
            };
            if reason.reason != NotMeasuredReason::SharedServerOverlap {
                continue;
            }
            let sql = "SELECT id FROM phase
                 WHERE build_id = ? AND position = ? AND attribution = 'shared'";
            let mut select = transaction.prepare_cached(sql)?;
            let phase_id = select.query_row((row_id, position), |row| row.get(0));
            if let Some(phase_id) = phase_id.optional()? {
                overlap::withdraw(transaction, phase_id, reason.detail.as_deref())?;
            }
        }
        Ok(())
    }

    fn log_key(&self) -> LogKey<'_> {
        let (hits, misses) = self.numbers;
        LogKey {
            package: &self.build.package,
            version: &self.build.version,
            hits,
            misses,
            started_at_us: micros(self.build.started_at),
        }
    }

    fn add_imported(
        &self,
        transaction: &Transaction<'_>,
        new: &mut NewBuilds,
    ) -> rusqlite::Result<Merged> {
        let key = self.log_key();
        let (start, end) = (key.started_at_us, micros(self.build.finished_at));
        let end = if end > start { end } else { start + UNKNOWN_US };
        let mut select = transaction.prepare_cached(&RECORDED)?;
        let found = select.query_row(key.params_and(&end), |row| row.get(0));
        match found.optional()? {
            Some(1) => Ok(Merged::Recorded),
            Some(_) => Ok(Merged::Forgotten),
            None => {
                self.insert(transaction, new)?;
                Ok(Merged::Added)
            }
        }
    }

    fn add_recorded(
        &self,
        transaction: &Transaction<'_>,
        new: &mut NewBuilds,
    ) -> rusqlite::Result<Merged> {
        let mut forgotten = transaction.prepare_cached(&FORGOTTEN_IMPORT)?;
        if forgotten.exists(self.log_key().params())? {
            return Ok(Merged::Forgotten);
        }
        let is_known = self.remove_imports(transaction, new)?;
        self.insert(transaction, new)?;
        Ok(if is_known {
            Merged::Recorded
        } else {
            Merged::Added
        })
    }

    /// Removes the builds from logs that are this recorded build. Returns whether there are any.
    fn remove_imports(
        &self,
        transaction: &Transaction<'_>,
        new: &mut NewBuilds,
    ) -> rusqlite::Result<bool> {
        let mut phases = self.build.phases.iter();
        let is_withdrawn = is_shared(&self.build) && phases.any(|it| it.stats.is_err());
        let mut select = transaction.prepare_cached(&IMPORTED)?;
        let key = self.log_key();
        let imports = select.query_map(key.params_and(&is_withdrawn), |row| row.get(0))?;
        let imports = imports.collect::<rusqlite::Result<Vec<String>>>()?;
        for uuid in &imports {
            new.flush(transaction)?;
            forget::delete(transaction, uuid)?;
            forget::remove_unused_units(transaction, key.package)?;
        }
        Ok(!imports.is_empty())
    }

    /// Inserts the build with everything that was recorded about it except its lists.
    fn insert(&self, transaction: &Transaction<'_>, new: &mut NewBuilds) -> rusqlite::Result<()> {
        let build = &*overlap::resolve(transaction, &self.build, new)?;
        let measured = |build: &Build| build.phases.iter().filter(|it| it.stats.is_ok()).count();
        // What the other phases saved is only known in the sum.
        let unknown = BuildCosts::default();
        let is_known = measured(build) == measured(&self.build) && measured(build) > 0;
        let costs = if is_known { &self.costs } else { &unknown };
        new.add_costs(build);
        let sum = build.total();
        let phase_ids = insert_build(transaction, build, sum.as_ref(), costs, new)?;
        let phases = build.phases.iter().zip(&self.phases).zip(phase_ids);
        let mut misses = Vec::new();
        for ((phase, details), phase_id) in phases {
            if phase.stats.is_ok() {
                compilations::insert_reasons(transaction, phase_id, &details.reasons)?;
                compilations::insert_effect(transaction, phase_id, &details.effect)?;
            }
            if phase.stats.is_ok() && phase.attribution == Attribution::Exact {
                let reasons = details.reasons.iter();
                misses.extend(reasons.map(|(reason, (count, _))| (*reason, *count)));
            }
        }
        if is_shared(build) {
            // Whether these phases are withdrawn may depend on the order of merges.
            let mut exact = build.clone();
            exact
                .phases
                .retain(|it| it.attribution != Attribution::Shared);
            let sum = exact.total();
            new.count(&exact, sum.as_ref(), &BuildCosts::default(), misses);
        } else {
            new.count(build, sum.as_ref(), costs, misses);
        }
        Ok(())
    }
}
