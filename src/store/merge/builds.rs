//! Merges builds, each with all its rows except its lists of compilations.

use std::sync::LazyLock;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::source::{MAX_US, RANK, SourceBuild};
use super::{MergeError, Merger};
use crate::portage::{Attribution, Build};
use crate::sccache::NotMeasuredReason;
use crate::store::columns::micros;
use crate::store::compilations::{self, BuildCosts};
use crate::store::counted::Counted;
use crate::store::record::insert_build;
use crate::store::{Error, forget, overlap, savings};

/// The number of builds that are read at once.
const PIECE: i64 = 1000;

/// The largest sum of a time over all builds. Recording more builds doesn't exceed SQLite's integers then.
const MAX_TOTAL_US: f64 = (1_u64 << 62) as f64;

/// Selects what decides whether another database's row of a build changes ours.
static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT id, uuid, is_imported, attribution IS 'shared' AND measured_phases < phases, host, {RANK}
         FROM build"
    )
});

/// The recorded build that the import of a log takes for the log's build (`known_builds`), but on any host: it
/// started while the log was written. If phases are not measured, because builds shared a server, all numbers
/// match. The result is 1, or 2 if it was forgotten.
const RECORDED: &str = "SELECT 1 FROM build
    WHERE package = ?1 AND version = ?2 AND started_at_us BETWEEN ?5 AND ?6 AND NOT is_imported
        AND (hits IS ?3 AND misses IS ?4 OR attribution IS 'shared' AND measured_phases < phases)
    UNION ALL SELECT 2 FROM forgotten
    WHERE package = ?1 AND version = ?2 AND started_at_us BETWEEN ?5 AND ?6 AND NOT is_imported
        AND hits IS ?3 AND misses IS ?4
    ORDER BY 1 LIMIT 1";

/// The imported builds for which [`RECORDED`] finds the build of the parameters, `?6` if all numbers match.
const IMPORTED: &str = "SELECT uuid FROM build
    WHERE package = ?1 AND version = ?2 AND (hits IS ?3 AND misses IS ?4 OR ?6) AND is_imported
        AND started_at_us BETWEEN ?5 - ?8 AND ?5 + ?7
        AND ?5 <= iif(finished_at_us > started_at_us, finished_at_us, started_at_us + ?9) + ?7";

/// The same for forgotten builds, whose ends are unknown.
const FORGOTTEN_IMPORT: &str = "SELECT 1 FROM forgotten
    WHERE package = ?1 AND version = ?2 AND hits IS ?3 AND misses IS ?4 AND is_imported
        AND started_at_us BETWEEN ?5 - ?7 AND ?5 + ?6";

/// As in `LogTimes`: the difference of clocks, the longest time that a log is written, and that for a log
/// whose end is unknown.
const CLOCKS_US: i64 = 2_000_000;
const LONGEST_US: i64 = 2 * UNKNOWN_US;
const UNKNOWN_US: i64 = 86_400_000_000;

/// A row of [`SELECT`].
struct Known {
    row_id: i64,
    uuid: String,
    is_imported: bool,
    is_withdrawn: bool,
    host: String,
    rank: String,
}

impl Known {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            row_id: row.get(0)?,
            uuid: row.get(1)?,
            is_imported: row.get(2)?,
            is_withdrawn: row.get(3)?,
            host: row.get(4)?,
            rank: row.get(5)?,
        })
    }

    /// Whether this row of another database may change ours.
    fn may_change(&self, ours: &Self) -> bool {
        match (self.is_imported, ours.is_imported) {
            (true, true) => ours.is_after(&self.host, &self.rank),
            (false, false) => self.is_withdrawn,
            _ => false,
        }
    }

    /// Of two imports of a log, the one counts whose host comes first, and of one host, the one whose columns do.
    fn is_after(&self, host: &str, rank: &str) -> bool {
        (host, rank) < (&self.host, &self.rank)
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
    /// Checks that sums over the builds of both databases can't overflow: the bounds of a build's times allow it.
    pub(super) fn check_totals(&self) -> Result<(), MergeError> {
        // Builds with larger times are skipped.
        let sql = "SELECT total(iif(processor_us <= ?1, processor_us, 0))
                + total(iif(hit_cost_us <= ?1, hit_cost_us, 0))
                + total(iif(miss_cost_us <= ?1, miss_cost_us, 0))
                + total(iif(exact_cost_us <= ?1, exact_cost_us, 0))
                + total(iif(time_saved_us BETWEEN -?1 AND ?1, abs(time_saved_us), 0)) FROM build";
        let theirs = self.source.query(sql, [MAX_US], |row| row.get::<_, f64>(0));
        let theirs: f64 = theirs.map_err(MergeError::Source)?.iter().sum();
        let sql = "SELECT total(processor_us) + total(hit_cost_us) + total(miss_cost_us)
                + total(exact_cost_us) + total(abs(time_saved_us)) FROM hour_sum";
        let ours = self.store.query(sql, (), |row| row.get::<_, f64>(0));
        let ours: f64 = ours.map_err(MergeError::Target)?.iter().sum();
        if ours + theirs < MAX_TOTAL_US {
            return Ok(());
        }
        let problem = "the times of its builds are too large".to_owned();
        let path = self.source.store.path.clone();
        Err(MergeError::Source(Error::BadRow(path, problem)))
    }

    /// Merges all builds.
    pub(super) fn merge_builds(&mut self) -> Result<(), MergeError> {
        let sql = format!("{} WHERE id > ? ORDER BY id LIMIT ?", *SELECT);
        let mut last = i64::MIN;
        loop {
            let piece = self.source.query(&sql, (last, PIECE), Known::read);
            let piece = piece.map_err(MergeError::Source)?;
            let Some(end) = piece.last() else {
                return Ok(());
            };
            last = end.row_id;
            let candidates = self.candidates(&piece)?;
            let builds = self.source.builds(&candidates);
            let mut checked = Vec::new();
            for build in builds.map_err(MergeError::Source)? {
                match build {
                    Ok(build) => checked.push(build),
                    Err(error) => self.skip(|| error.to_string()),
                }
            }
            self.write_builds(&checked)?;
        }
    }

    /// Returns the row ids of the builds that may change something here. Counts the others.
    fn candidates(&mut self, piece: &[Known]) -> Result<Vec<i64>, MergeError> {
        let mut candidates = Vec::new();
        // In one transaction, queries don't lock the file again and again.
        let behavior = TransactionBehavior::Deferred;
        let reader = Transaction::new_unchecked(&self.store.connection, behavior);
        let reader = reader.map_err(|error| self.failed(error))?;
        for theirs in piece {
            let found = find(&reader, &theirs.uuid);
            match found.map_err(|error| self.failed(error))? {
                Found::New => candidates.push(theirs.row_id),
                Found::Recorded(ours) if theirs.may_change(&ours) => candidates.push(theirs.row_id),
                Found::Recorded(_) => self.result.recorded += 1,
                Found::Forgotten => self.result.forgotten += 1,
            }
        }
        Ok(candidates)
    }

    fn write_builds(&mut self, mut builds: &[SourceBuild]) -> Result<(), MergeError> {
        while !builds.is_empty() {
            let merged = self.write(|transaction, end| {
                let (mut merged, mut counted) = (Vec::new(), Counted::default());
                for build in builds {
                    merged.push(build.merge(transaction, &mut counted)?);
                    if Instant::now() >= end {
                        break;
                    }
                }
                counted.write(transaction)?;
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

enum Found {
    New,
    Recorded(Known),
    Forgotten,
}

/// Finds the build with this id.
fn find(database: &Connection, uuid: &str) -> rusqlite::Result<Found> {
    static SQL: LazyLock<String> = LazyLock::new(|| format!("{} WHERE uuid = ?", *SELECT));
    let mut select = database.prepare_cached(&SQL)?;
    if let Some(known) = select.query_row([uuid], Known::read).optional()? {
        return Ok(Found::Recorded(known));
    }
    let sql = "SELECT 1 FROM forgotten WHERE uuid = ?";
    let is_forgotten = database.prepare_cached(sql)?.exists([uuid])?;
    Ok(if is_forgotten {
        Found::Forgotten
    } else {
        Found::New
    })
}

impl SourceBuild {
    /// Merges this build. Another process may have recorded or removed it since it was read.
    fn merge(
        &self,
        transaction: &Transaction<'_>,
        counted: &mut Counted,
    ) -> rusqlite::Result<Merged> {
        match find(transaction, &self.build.id.to_string())? {
            Found::Forgotten => Ok(Merged::Forgotten),
            Found::Recorded(ours) => {
                self.change(transaction, &ours)?;
                Ok(Merged::Recorded)
            }
            Found::New if self.build.is_imported => self.add_imported(transaction, counted),
            Found::New => self.add_recorded(transaction, counted),
        }
    }

    /// Changes our row of this build if necessary.
    fn change(&self, transaction: &Transaction<'_>, ours: &Known) -> rusqlite::Result<()> {
        match (self.build.is_imported, ours.is_imported) {
            (true, true) if ours.is_after(&self.build.host, &self.rank) => {
                forget::delete(transaction, &ours.uuid)?;
                forget::remove_unused_units(transaction, &self.build.package)?;
                self.insert(transaction, None)
            }
            (false, false) => {
                self.withdraw(transaction, ours.row_id)?;
                self.remove_imports(transaction)?;
                Ok(())
            }
            _ => Ok(()),
        }
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

    fn add_imported(
        &self,
        transaction: &Transaction<'_>,
        counted: &mut Counted,
    ) -> rusqlite::Result<Merged> {
        let (hits, misses) = self.numbers;
        let [start, end] = [self.build.started_at, self.build.finished_at].map(micros);
        let end = if end > start { end } else { start + UNKNOWN_US };
        let values = params![
            self.build.package,
            self.build.version,
            hits,
            misses,
            start - CLOCKS_US,
            end + CLOCKS_US
        ];
        let mut select = transaction.prepare_cached(RECORDED)?;
        match select.query_row(values, |row| row.get(0)).optional()? {
            Some(1) => Ok(Merged::Recorded),
            Some(_) => Ok(Merged::Forgotten),
            None => {
                self.insert(transaction, Some(counted))?;
                Ok(Merged::Added)
            }
        }
    }

    fn add_recorded(
        &self,
        transaction: &Transaction<'_>,
        counted: &mut Counted,
    ) -> rusqlite::Result<Merged> {
        let (hits, misses) = self.numbers;
        let Build {
            package,
            version,
            started_at,
            ..
        } = &self.build;
        let start = micros(*started_at);
        let values = params![package, version, hits, misses, start, CLOCKS_US, LONGEST_US];
        let mut forgotten = transaction.prepare_cached(FORGOTTEN_IMPORT)?;
        if forgotten.exists(values)? {
            return Ok(Merged::Forgotten);
        }
        // Their imports are in the counters.
        if self.remove_imports(transaction)? {
            self.insert(transaction, None)?;
            return Ok(Merged::Recorded);
        }
        self.insert(transaction, Some(counted))?;
        Ok(Merged::Added)
    }

    /// Removes the builds from logs that are this recorded build. Returns whether there are any.
    fn remove_imports(&self, transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
        let (hits, misses) = self.numbers;
        let Build {
            package,
            version,
            started_at,
            ..
        } = &self.build;
        let is_shared = self
            .build
            .phases
            .iter()
            .any(|it| it.attribution == Attribution::Shared);
        let is_withdrawn = is_shared && self.build.phases.iter().any(|it| it.stats.is_err());
        let values = params![
            package,
            version,
            hits,
            misses,
            micros(*started_at),
            is_withdrawn,
            CLOCKS_US,
            LONGEST_US,
            UNKNOWN_US
        ];
        let mut select = transaction.prepare_cached(IMPORTED)?;
        let imports = select.query_map(values, |row| row.get(0))?;
        let imports = imports.collect::<rusqlite::Result<Vec<String>>>()?;
        for uuid in &imports {
            forget::delete(transaction, uuid)?;
            forget::remove_unused_units(transaction, package)?;
        }
        Ok(!imports.is_empty())
    }

    /// Inserts the build with everything that was recorded about it except its lists.
    fn insert(
        &self,
        transaction: &Transaction<'_>,
        counted: Option<&mut Counted>,
    ) -> rusqlite::Result<()> {
        let build = &*overlap::resolve(transaction, &self.build)?;
        let measured = |build: &Build| build.phases.iter().filter(|it| it.stats.is_ok()).count();
        // What the other phases saved is only known in the sum.
        let unknown = BuildCosts::default();
        let is_known = measured(build) == measured(&self.build) && measured(build) > 0;
        let costs = if is_known { &self.costs } else { &unknown };
        savings::add(transaction, build)?;
        let phase_ids = insert_build(transaction, build, costs)?;
        let phases = build.phases.iter().zip(&self.phases).zip(phase_ids);
        let mut misses = Vec::new();
        for ((phase, details), phase_id) in phases {
            if phase.stats.is_ok() {
                compilations::insert_reasons(transaction, phase_id, &details.reasons)?;
                compilations::insert_effect(transaction, phase_id, &details.effect)?;
                misses.extend(
                    details
                        .reasons
                        .iter()
                        .map(|(reason, (count, _))| (*reason, *count)),
                );
            }
        }
        if let Some(counted) = counted {
            counted.add(build, costs, misses);
        }
        Ok(())
    }
}
