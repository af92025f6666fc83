//! Why compilations missed: the reasons of builds, and the units behind them.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::params;
use uuid::Uuid;

use super::columns::{read_time, read_uuid};
use super::filter::Filter;
use super::{CacheState, Result, Store};
use crate::sccache::compilations::{CompilationList, Compilations, Language, MissReason};

/// The misses with one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonSum {
    /// Why they missed.
    pub reason: MissReason,
    /// The number of misses.
    pub misses: u64,
    /// The processor time of compiling them.
    pub compile_time: TimeDelta,
}

impl ReasonSum {
    /// Adds other misses with the same reason.
    pub fn add(&mut self, other: &ReasonSum) {
        self.misses = self.misses.saturating_add(other.misses);
        self.compile_time = add_time(self.compile_time, other.compile_time);
    }
}

/// The misses of one unit with one reason in one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissedUnit {
    /// Why they missed.
    pub reason: MissReason,
    /// The object file or crate.
    pub unit: String,
    /// `None` if the arguments didn't show it.
    pub language: Option<Language>,
    /// The name of the phase.
    pub phase: String,
    /// The number of misses. Equal relative paths in several directories are one unit.
    pub misses: u64,
    /// The processor time of compiling them; `None` if it is unknown for all of them.
    pub compile_time: Option<TimeDelta>,
}

/// The units of a build that missed, the costliest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissedUnits {
    /// The units.
    pub units: Vec<MissedUnit>,
    /// The number of phases with a list of compilations.
    pub lists: usize,
    /// The number of damaged lists.
    pub damaged_lists: usize,
}

/// # Errors
/// As [`Store::builds`].
impl Store {
    /// Returns the newest build of the package whose compilations were recorded.
    pub fn newest_explained(&self, package: &str) -> Result<Option<Uuid>> {
        let sql = "SELECT uuid FROM build
             WHERE package = ? AND EXISTS (SELECT 1 FROM phase WHERE build_id = build.id
                AND (EXISTS (SELECT 1 FROM compilation_list WHERE phase_id = phase.id)
                  OR EXISTS (SELECT 1 FROM miss_reason WHERE phase_id = phase.id)))
             ORDER BY started_at_us DESC, uuid DESC LIMIT 1";
        let mut builds = self.query(sql, [package], |row| read_uuid(row, 0))?;
        Ok(builds.pop())
    }

    /// Whether the build was imported from a log.
    pub fn is_imported(&self, build: Uuid) -> Result<bool> {
        let sql = "SELECT is_imported FROM build WHERE uuid = ?";
        let imported = self.query(sql, [build.to_string()], |row| row.get(0))?;
        Ok(imported.contains(&true))
    }

    /// Returns the reasons of each matching build, the costliest first. Builds without known reasons are
    /// left out.
    pub fn miss_reasons(&self, filter: &Filter) -> Result<HashMap<Uuid, Vec<ReasonSum>>> {
        // CROSS JOIN keeps this order of tables, from the few builds to their phases.
        let query = filter.query(
            "SELECT matching.uuid, miss_reason.reason, sum(miss_reason.misses),
                sum(miss_reason.compile_us)
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             CROSS JOIN miss_reason ON miss_reason.phase_id = phase.id
             GROUP BY matching.id, miss_reason.reason",
        );
        let mut builds: HashMap<Uuid, Vec<ReasonSum>> = HashMap::new();
        self.each_row(&query.sql, &*query.params(), |row| {
            builds
                .entry(read_uuid(row, 0)?)
                .or_default()
                .push(ReasonSum {
                    reason: row.get(1)?,
                    misses: row.get(2)?,
                    compile_time: TimeDelta::microseconds(row.get(3)?),
                });
            Ok(())
        })?;
        builds.values_mut().for_each(|reasons| sort(reasons));
        Ok(builds)
    }

    /// Calls `handle` with the package and the start of the build, and with a reason of misses, for each phase of
    /// the matching builds, in no order.
    pub fn each_miss_reason(
        &self,
        filter: &Filter,
        mut handle: impl FnMut(&str, DateTime<Utc>, ReasonSum),
    ) -> Result<()> {
        let query = filter.query(
            "SELECT matching.started_at_us, miss_reason.reason, miss_reason.misses,
                miss_reason.compile_us, matching.package
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             CROSS JOIN miss_reason ON miss_reason.phase_id = phase.id",
        );
        self.each_row(&query.sql, &*query.params(), |row| {
            let sum = ReasonSum {
                reason: row.get(1)?,
                misses: row.get(2)?,
                compile_time: TimeDelta::microseconds(row.get(3)?),
            };
            let package = row.get_ref(4)?.as_str()?;
            handle(package, read_time(row, 0)?, sum);
            Ok(())
        })
    }

    /// Returns the units of a build that missed.
    pub fn missed_units(&self, build: Uuid) -> Result<MissedUnits> {
        let sql = "SELECT phase.name, compilation_list.compilations
             FROM build CROSS JOIN phase ON phase.build_id = build.id
             CROSS JOIN compilation_list ON compilation_list.phase_id = phase.id
             WHERE build.uuid = ? ORDER BY phase.position";
        let lists = self.query(sql, [build.to_string()], |row| {
            let list = CompilationList::from_bytes(row.get(1)?);
            Ok((row.get(0)?, list.decode()))
        })?;
        Ok(missed_units(lists))
    }

    /// Returns how many objects of a cache recorded builds have used since a time. `None` if no build used
    /// the cache.
    pub fn used_objects(
        &self,
        host: &str,
        cache: &CacheState,
        since: DateTime<Utc>,
    ) -> Result<Option<u64>> {
        let sql = "SELECT (SELECT count(*) FROM object
                WHERE host_id = (SELECT id FROM host WHERE name = ?1)
                    AND cache_id = cache.id AND used_on >= ?3)
             FROM cache WHERE host = ?1 AND location = ?2";
        let day = since.timestamp().div_euclid(86_400);
        let mut counts = self.query(sql, params![host, cache.location, day], |row| row.get(0))?;
        Ok(counts.pop())
    }
}

/// Sorts the costliest first.
fn sort(reasons: &mut [ReasonSum]) {
    reasons.sort_by_key(|sum| std::cmp::Reverse((sum.compile_time, sum.misses)));
}

/// Adds up the reasons of several builds, and sorts the costliest first.
pub fn sum_reasons<'a>(reasons: impl IntoIterator<Item = &'a ReasonSum>) -> Vec<ReasonSum> {
    let mut sums: BTreeMap<MissReason, ReasonSum> = BTreeMap::new();
    for added in reasons {
        let sum = sums.entry(added.reason).or_insert(ReasonSum {
            misses: 0,
            compile_time: TimeDelta::zero(),
            ..*added
        });
        sum.add(added);
    }
    let mut sums: Vec<ReasonSum> = sums.into_values().collect();
    sort(&mut sums);
    sums
}

/// Adds durations, which are arbitrary in a foreign database.
fn add_time(a: TimeDelta, b: TimeDelta) -> TimeDelta {
    a.checked_add(&b).unwrap_or(a)
}

/// Adds up the misses of phases by unit.
fn missed_units(lists: Vec<(String, Option<Compilations>)>) -> MissedUnits {
    let mut missed = MissedUnits {
        lists: lists.len(),
        ..MissedUnits::default()
    };
    let mut units: BTreeMap<_, (u64, Option<TimeDelta>)> = BTreeMap::new();
    for (phase, compilations) in lists {
        let Some(compilations) = compilations else {
            missed.damaged_lists += 1;
            continue;
        };
        for compilation in compilations.list {
            let Some(reason) = compilation.miss_reason else {
                continue;
            };
            let key = (
                reason,
                compilation.unit,
                compilation.language,
                phase.clone(),
            );
            let (misses, sum) = units.entry(key).or_default();
            *misses += 1;
            if let Some(time) = compilation.compile {
                let time = TimeDelta::from_std(time).unwrap_or_default();
                *sum = Some(add_time(sum.unwrap_or_default(), time));
            }
        }
    }
    for ((reason, unit, language, phase), (misses, compile_time)) in units {
        missed.units.push(MissedUnit {
            reason,
            unit: unit.into(),
            language,
            phase,
            misses,
            compile_time,
        });
    }
    let cost = |unit: &MissedUnit| (unit.compile_time, unit.misses);
    missed
        .units
        .sort_by_key(|unit| std::cmp::Reverse(cost(unit)));
    missed
}
