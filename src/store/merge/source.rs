//! Reads the other database, and checks its builds.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Params, Row};
use rusqlite_migration::M;

use crate::error::ensure;
use crate::portage::{Build, Emerge, MAX_COMMAND_BYTES};
use crate::store::columns::{read_duration, read_time, read_uuid};
use crate::store::compilations::{BuildCosts, Reasons};
use crate::store::{Error, Filter, Result, StablePathEffect, Store};

/// The largest sum of times of a build or of a phase, in microseconds: 30 years of processor time.
const MAX_US: i64 = 1_000_000_000_000_000;

/// The latest second that a column can have: the year 2200.
pub(super) const MAX_SECONDS: i64 = 7_258_118_400;

/// The most misses of a phase with one reason.
const MAX_MISSES: u64 = 1_000_000_000;

/// The columns of an imported build, except its host, as text, to choose between two imports of a log.
pub(super) const RANK: &str = "iif(is_imported, json_array(version, slot, repository, outcome, started_at_us,
    finished_at_us, attribution, sccache_version, phases, measured_phases, hits, misses, errors, requests,
    executed, non_cacheable, compile_failures, time_saved_us), '')";

/// The other database: a private copy.
pub(super) struct Source {
    pub store: Store,
}

/// A build of the other database.
pub(super) struct SourceBuild {
    row_id: i64,
    /// Without lists of compilations.
    pub build: Build,
    pub costs: BuildCosts,
    /// Hits and misses of its measured phases.
    pub numbers: (Option<u64>, Option<u64>),
    /// The value of [`RANK`].
    pub rank: String,
    /// What the compilations of each phase showed.
    pub phases: Vec<PhaseDetails>,
    /// How many phases it should have.
    phase_count: usize,
    /// Whether the positions of its phases are those of their rows.
    is_in_order: bool,
}

#[derive(Default)]
pub(super) struct PhaseDetails {
    pub reasons: Reasons,
    pub effect: StablePathEffect,
}

impl Source {
    /// Opens a copy of the database at `path`, upgraded to these migrations.
    pub fn open(path: &Path, migrations: &[M<'static>]) -> Result<Self> {
        let store = Store::open_upgraded_copy(path, migrations)?;
        Ok(Self { store })
    }

    /// Returns the rows of a query, which may take as long as one on a database of another user.
    pub fn query<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let (rows, error) = self.rows_before_error(sql, params, read);
        error.map_or(Ok(rows), Err)
    }

    /// Returns the rows of a query up to the first that can't be read, and the error.
    pub fn rows_before_error<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> (Vec<T>, Option<Error>) {
        let mut rows = Vec::new();
        let limited = self.store.limit_query_time();
        let all = limited.and_then(|()| {
            self.store.each_row(sql, params, |row| {
                rows.push(read(row)?);
                Ok(())
            })
        });
        (rows, all.err())
    }

    /// Returns the first row of a query that is run many times.
    pub fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.store.limit_query_time()?;
        let select = self.store.connection.prepare_cached(sql);
        let row = select.and_then(|mut select| select.query_row(params, read).optional());
        row.map_err(|error| self.store.error(error))
    }

    /// Returns the builds with these row ids, or for each that no collector can have written, the problem. If the file is
    /// damaged, only those up to the damage, and the error.
    pub fn builds(&self, row_ids: &[i64]) -> (Vec<Result<SourceBuild>>, Option<Error>) {
        match self.read(row_ids) {
            Err(Error::BadRow(..) | Error::Damaged(..)) if row_ids.len() > 1 => {
                let (first, second) = row_ids.split_at(row_ids.len() / 2);
                let (mut builds, mut damage) = self.builds(first);
                if damage.is_none() {
                    let more;
                    (more, damage) = self.builds(second);
                    builds.extend(more);
                }
                (builds, damage)
            }
            Err(error @ Error::BadRow(..)) => (vec![Err(error)], None),
            Err(error) => (Vec::new(), Some(error)),
            Ok(builds) => {
                let checked = builds.into_iter().map(SourceBuild::checked);
                (checked.collect(), None)
            }
        }
    }

    fn read(&self, row_ids: &[i64]) -> Result<Vec<SourceBuild>> {
        self.store.limit_query_time()?;
        let filter = Filter {
            row_ids: Some(row_ids.to_vec()),
            ..Filter::default()
        };
        let mut builds = self.read_builds(&filter)?;
        if builds.len() != row_ids.len() {
            let problem = "a build can't be found by its row id".to_owned();
            return Err(Error::Damaged(self.store.path.clone(), problem));
        }
        let mut details = self.read_details(&filter)?;
        let ids = builds.iter().enumerate();
        let indexes: HashMap<i64, usize> = ids.map(|(n, build)| (build.row_id, n)).collect();
        for (phase_id, row) in self.store.phases_by_row(&filter)? {
            let build = indexes.get(&row.build_id);
            if let Some(build) = build.and_then(|index| builds.get_mut(*index)) {
                build.is_in_order &= usize::try_from(row.position) == Ok(build.phases.len());
                build.build.phases.push(*row.phase);
                let details = details.remove(&phase_id);
                build.phases.push(details.unwrap_or_default());
            }
        }
        Ok(builds)
    }

    fn read_builds(&self, filter: &Filter) -> Result<Vec<SourceBuild>> {
        // Many builds may share an emerge: no more of its command than shows that it is too long.
        let length = MAX_COMMAND_BYTES + 1;
        let sql = format!(
            "SELECT matching.uuid, matching.host, package, version, slot, repository, is_imported, outcome,
                matching.started_at_us, finished_at_us, processor_us, hit_cost_us, miss_cost_us,
                exact_cost_us, evicted_misses, time_saved_us, emerge.uuid, substr(command, 1, {length}), emerge.started_at_us, rank, hits, misses,
                matching.id, phases
             FROM (SELECT *, {RANK} AS rank FROM matching) AS matching
             LEFT JOIN emerge ON emerge.id = emerge_id ORDER BY matching.id"
        );
        let query = filter.query(&sql);
        self.store.query(&query.sql, &*query.params(), read_build)
    }

    /// Returns the details of phases by their row ids.
    fn read_details(&self, filter: &Filter) -> Result<HashMap<i64, PhaseDetails>> {
        let mut details: HashMap<i64, PhaseDetails> = HashMap::new();
        // CROSS JOIN keeps this order of tables, from the few builds to their phases.
        let query = filter.query(
            "SELECT phase_id, reason, miss_reason.misses, compile_us
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             CROSS JOIN miss_reason ON phase_id = phase.id",
        );
        self.store.each_row(&query.sql, &*query.params(), |row| {
            let (misses, us): (u64, i64) = (row.get(2)?, row.get(3)?);
            let reasons = &mut details.entry(row.get(0)?).or_default().reasons;
            reasons.insert(row.get(1)?, (misses, us as f64 / 1e6));
            Ok(())
        })?;
        let query = filter.query(
            "SELECT phase_id, avoidable_misses, avoidable_us, gained_hits, gained_us
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             CROSS JOIN stable_path_effect ON phase_id = phase.id",
        );
        self.store.each_row(&query.sql, &*query.params(), |row| {
            details.entry(row.get(0)?).or_default().effect = StablePathEffect {
                state: None,
                avoidable_misses: row.get(1)?,
                avoidable_time: read_duration(row, 2)?,
                gained_hits: row.get(3)?,
                gained_time: read_duration(row, 4)?,
            };
            Ok(())
        })?;
        Ok(details)
    }
}

fn read_build(row: &Row<'_>) -> rusqlite::Result<SourceBuild> {
    let emerge = match row.get_ref(16)? {
        ValueRef::Null => None,
        _ => Some(Emerge {
            id: read_uuid(row, 16)?,
            command: row.get(17)?,
            started_at: read_time(row, 18)?,
        }),
    };
    Ok(SourceBuild {
        row_id: row.get(22)?,
        build: Build {
            id: read_uuid(row, 0)?,
            host: row.get(1)?,
            package: row.get(2)?,
            version: row.get(3)?,
            slot: row.get(4)?,
            repository: row.get(5)?,
            is_imported: row.get(6)?,
            outcome: row.get(7)?,
            started_at: read_time(row, 8)?,
            finished_at: read_time(row, 9)?,
            emerge,
            phases: Vec::new(),
        },
        costs: BuildCosts {
            processor_us: row.get(10)?,
            hit_cost_us: row.get(11)?,
            miss_cost_us: row.get(12)?,
            exact_cost_us: row.get(13)?,
            evicted_misses: row.get(14)?,
            time_saved_us: row.get(15)?,
        },
        numbers: (row.get(20)?, row.get(21)?),
        rank: row.get(19)?,
        phases: Vec::new(),
        phase_count: row.get(23)?,
        is_in_order: true,
    })
}

impl SourceBuild {
    /// Returns the build if a collector can have written it.
    fn checked(self) -> Result<Self> {
        let id = self.build.id;
        let checked = self.build.check().and_then(|()| self.check_details());
        match checked {
            Ok(()) => Ok(self),
            Err(error) => Err(Error::Invalid(format!("build {id}: {error}"))),
        }
    }

    /// Returns the sum of its times, as they are added to sums over builds.
    pub fn total_us(&self) -> f64 {
        let costs = &self.costs;
        let times = [
            costs.processor_us,
            costs.hit_cost_us,
            costs.miss_cost_us,
            costs.exact_cost_us,
            costs.time_saved_us,
        ];
        times
            .iter()
            .flatten()
            .map(|us| us.unsigned_abs() as f64)
            .sum()
    }

    /// Checks the values that only a database stores.
    fn check_details(&self) -> Result<()> {
        let is_complete = self.is_in_order && self.phases.len() == self.phase_count;
        ensure!(is_complete, "its phases are incomplete or not in order");
        let costs = &self.costs;
        for us in [
            costs.processor_us,
            costs.hit_cost_us,
            costs.miss_cost_us,
            costs.exact_cost_us,
        ] {
            check_us(us)?;
        }
        check_us(costs.time_saved_us.map(i64::saturating_abs))?;
        let most = MAX_MISSES * self.phases.len() as u64;
        ensure!(
            costs.evicted_misses.unwrap_or_default() <= most,
            "a count is too large"
        );
        for PhaseDetails { reasons, effect } in &self.phases {
            for (misses, seconds) in reasons.values() {
                ensure!(*misses <= MAX_MISSES, "a count is too large: {misses}");
                check_us(Some((seconds * 1e6) as i64))?;
            }
            for count in [effect.avoidable_misses, effect.gained_hits] {
                ensure!(count <= MAX_MISSES, "a count is too large: {count}");
            }
            for time in [effect.avoidable_time, effect.gained_time] {
                check_us(time.and_then(|time| time.num_microseconds()))?;
            }
        }
        Ok(())
    }
}

pub(super) fn check_us(us: Option<i64>) -> Result<()> {
    let us = us.unwrap_or_default();
    ensure!(
        (0..=MAX_US).contains(&us),
        "a time is out of range: {us} us"
    );
    Ok(())
}
