//! Records compilations: what they cost, and why they missed.
//!
//! [`assess`] compares the compilations of a build with the database before the build is inserted, and
//! computes columns of its row. [`Assessment::insert`] inserts everything else.

pub(super) mod lists;
pub(super) mod objects;

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use rusqlite::{Connection, params};

use self::objects::{Cached, NewObjects, StoredObjects, day};
use super::{StablePathEffect, savings};
use crate::portage::{Build, Phase};
use crate::savings::{
    Costs, PhaseCosts, Worth, estimate, processor_ratio, to_processor_time, to_us,
};
use crate::sccache::Stats;
use crate::sccache::compilations::{
    Comparison, CompilationList, Compilations, Language, MissReason,
};

/// The columns of a build's row that depend on costs.
#[derive(Debug, Default)]
pub(super) struct BuildCosts {
    pub processor_us: Option<i64>,
    pub hit_cost_us: Option<i64>,
    pub miss_cost_us: Option<i64>,
    pub exact_cost_us: Option<i64>,
    pub evicted_misses: Option<u64>,
    pub time_saved_us: Option<i64>,
}

/// The misses of a phase with each reason, and the seconds of processor time of compiling them.
pub(super) type Reasons = BTreeMap<MissReason, (u64, f64)>;

/// The costs and reasons of a build.
#[derive(Debug, Default)]
pub(super) struct Assessment {
    pub costs: BuildCosts,
    /// The compilations of each phase; `None` if they are unknown.
    phases: Vec<Option<ListedPhase>>,
    objects: NewObjects,
}

/// The compilations of a phase, with reasons.
#[derive(Debug)]
struct ListedPhase {
    list: CompilationList,
    reasons: Reasons,
    effect: StablePathEffect,
    costs: PhaseCosts,
}

/// The sums over the phases of a build. `None` if the value of a phase is unknown.
struct Totals {
    processor: Option<f64>,
    time_saved: Option<f64>,
    costs: Option<PhaseCosts>,
    evicted: u64,
}

/// Compares a new build with the database, and adds its costs to those of the package.
pub(super) fn assess(database: &Connection, build: &Build) -> rusqlite::Result<Assessment> {
    savings::add(database, build)?;
    let package_costs = savings::read_costs(database, &build.package, &build.host)?;
    let mut assessment = Assessment::default();
    let mut totals = Totals {
        processor: Some(0.0),
        time_saved: Some(0.0),
        costs: Some(PhaseCosts::default()),
        evicted: 0,
    };
    for phase in &build.phases {
        let mut listed = None;
        if let Ok(stats) = &phase.stats {
            let compilations = phase
                .compilations
                .as_ref()
                .and_then(CompilationList::decode);
            if let Some(compilations) = compilations {
                let objects = &mut assessment.objects;
                let assessor = Assessor {
                    database,
                    build,
                    phase,
                    stats,
                    costs: &package_costs,
                };
                listed = Some(assessor.assess(compilations, objects)?);
            }
            let estimate = || estimate(stats, &build.version, &package_costs);
            totals.add(phase, stats, listed.as_ref(), estimate);
        }
        assessment.phases.push(listed);
    }
    if build.phases.iter().any(|phase| phase.stats.is_ok()) {
        assessment.costs = totals.columns();
    }
    Ok(assessment)
}

/// Whether the server compiled nothing, so that the phase needs no list.
fn is_idle(stats: &Stats) -> bool {
    stats.executed == Some(0)
}

impl Totals {
    fn add(
        &mut self,
        phase: &Phase,
        stats: &Stats,
        listed: Option<&ListedPhase>,
        estimate: impl Fn() -> Option<f64>,
    ) {
        let add = |sum: &mut Option<f64>, seconds: Option<f64>| {
            *sum = sum.zip(seconds).map(|(sum, seconds)| sum + seconds);
        };
        add(&mut self.processor, phase.shell_seconds);
        add(&mut self.processor, stats.processor_seconds);
        add(&mut self.processor, stats.server_seconds);
        // If the processor time is unknown, the times in the list are wall-clock times.
        let costed = listed.filter(|_| stats.processor_seconds.is_some());
        let saved = costed.and_then(|listed| listed.costs.time_saved(stats));
        add(&mut self.time_saved, saved.or_else(estimate));
        match (costed, &mut self.costs) {
            (Some(listed), Some(sum)) if listed.costs.unknown_hits == 0 => {
                sum.hits += listed.costs.hits;
                sum.exact_hits += listed.costs.exact_hits;
                sum.misses += listed.costs.misses;
                let evicted = listed.reasons.get(&MissReason::Evicted);
                self.evicted += evicted.map_or(0, |(count, _)| *count);
            }
            (None, _) if is_idle(stats) => {}
            (_, costs) => *costs = None,
        }
    }

    fn columns(&self) -> BuildCosts {
        let time_saved_us = self.time_saved.and_then(to_us);
        let processor_us = self.processor.and_then(to_us);
        let costs = self.costs.and_then(|costs| {
            let (hits, exact) = (to_us(costs.hits)?, to_us(costs.exact_hits)?);
            Some((hits, to_us(costs.misses)?, exact))
        });
        BuildCosts {
            processor_us,
            hit_cost_us: costs.map(|(hits, _, _)| hits),
            miss_cost_us: costs.map(|(_, misses, _)| misses),
            exact_cost_us: costs.map(|(_, _, exact)| exact),
            evicted_misses: costs.map(|_| self.evicted),
            time_saved_us,
        }
    }
}

/// One phase to assess.
struct Assessor<'a> {
    database: &'a Connection,
    build: &'a Build,
    phase: &'a Phase,
    stats: &'a Stats,
    costs: &'a Costs,
}

impl Assessor<'_> {
    fn assess(
        &self,
        mut now: Compilations,
        objects: &mut NewObjects,
    ) -> rusqlite::Result<ListedPhase> {
        let ratio = processor_ratio(&now.list, self.stats.processor_seconds);
        to_processor_time(&mut now, ratio);
        let cache = match &self.stats.cache_location {
            Some(location) => Some(objects::cache_id(
                self.database,
                &self.build.host,
                location,
            )?),
            None => None,
        };
        // Objects of earlier phases of this build aren't in the database yet: an object that is compiled
        // twice in a build isn't evicted.
        let host_id = objects::host_id(self.database, &self.build.host)?;
        let stored = StoredObjects::read(self.database, host_id, &now.list)?;
        let comparison = lists::compare(self.database, self.build, self.phase, self.stats, &now)?;
        let started_at = self.phase.started_at;
        let reasons = comparison.reasons(|key| stored.known(key, cache, started_at));
        let has_costs = self.stats.processor_seconds.is_some();
        let known = (&stored, &*objects);
        let effect = self.measure_stable_path_effect(&comparison, &now, &reasons, known);
        let at = self.phase.finished_at.timestamp();
        let cached = cache.map(|cache_id| Cached { cache_id, at });
        objects.add(&now.list, cached, day(self.build.finished_at), has_costs);
        let mut costs = PhaseCosts::default();
        costs.add(&now.list, |compilation| {
            let key = compilation.key;
            let object = key.and_then(|key| objects.cost(key).or_else(|| stored.cost(key)));
            let unit = comparison.compile_time(&compilation.unit);
            let language = compilation.language.map(Language::as_str);
            let average = self.costs.average(&self.build.version, language);
            Worth::new(object, unit.map(|time| time.as_secs_f64()), average)
        });
        drop(comparison);
        for (compilation, reason) in now.list.iter_mut().zip(reasons) {
            compilation.miss_reason = reason;
        }
        Ok(ListedPhase {
            reasons: sum_reasons(&now),
            list: CompilationList::encode(&now),
            effect,
            costs,
        })
    }

    /// The objects are those that earlier builds and earlier phases of this build requested.
    fn measure_stable_path_effect(
        &self,
        comparison: &Comparison<'_>,
        now: &Compilations,
        reasons: &[Option<MissReason>],
        (stored, objects): (&StoredObjects, &NewObjects),
    ) -> StablePathEffect {
        let to_time = |seconds: f64| to_us(seconds).map(TimeDelta::microseconds);
        // Otherwise, the times in the list are wall-clock times.
        let has_costs = self.stats.processor_seconds.is_some();
        let mut effect = StablePathEffect::default();
        let mut requested = HashSet::new();
        for (compilation, reason) in now.list.iter().zip(reasons) {
            let is_new = |key| requested.insert(key) && !objects.contains(key);
            let is_new = compilation.key.is_some_and(is_new);
            let is_avoidable = self.phase.stable_paths.is_none()
                && *reason == Some(MissReason::Path)
                && comparison.would_hit_at_stable_path(compilation);
            if is_avoidable {
                let time = compilation.compile.filter(|_| has_costs);
                effect.add(&StablePathEffect {
                    avoidable_misses: 1,
                    avoidable_time: time.and_then(|time| to_time(time.as_secs_f64())),
                    ..StablePathEffect::default()
                });
            } else if is_new && comparison.is_hit_of_stable_path(compilation) {
                let cost = compilation.key.and_then(|key| stored.cost(key));
                effect.add(&StablePathEffect {
                    gained_hits: 1,
                    gained_time: cost.and_then(to_time),
                    ..StablePathEffect::default()
                });
            }
        }
        effect
    }
}

fn sum_reasons(compilations: &Compilations) -> Reasons {
    let mut reasons = BTreeMap::new();
    for compilation in &compilations.list {
        if let Some(reason) = compilation.miss_reason {
            let (misses, seconds) = reasons.entry(reason).or_default();
            *misses += 1;
            *seconds += compilation.compile.unwrap_or_default().as_secs_f64();
        }
    }
    reasons
}

impl Assessment {
    /// Returns the misses with each reason, by phase.
    pub fn misses(&self) -> impl Iterator<Item = (MissReason, u64)> {
        let phases = self.phases.iter().flatten();
        let reasons = phases.flat_map(|listed| &listed.reasons);
        reasons.map(|(reason, (misses, _))| (*reason, *misses))
    }

    /// Inserts the compilations of the build, whose phases have these row ids. Removes old lists and
    /// objects.
    pub fn insert(
        &self,
        database: &Connection,
        build: &Build,
        phase_ids: &[i64],
        kept_builds: usize,
    ) -> rusqlite::Result<()> {
        let phases = build.phases.iter().zip(&self.phases).zip(phase_ids);
        for ((phase, listed), phase_id) in phases {
            match listed {
                Some(listed) => {
                    lists::insert(database, build, *phase_id, &listed.list)?;
                    insert_reasons(database, *phase_id, &listed.reasons)?;
                    insert_effect(database, *phase_id, &listed.effect)?;
                }
                None if !phase.stats.as_ref().is_ok_and(is_idle) => {
                    lists::mark_unlisted(database, build, phase)?;
                }
                None => {}
            }
        }
        if self.phases.iter().any(Option::is_some) {
            lists::remove_old(database, &build.package, &build.host, kept_builds)?;
            let host_id = objects::host_id(database, &build.host)?;
            self.objects.insert(database, host_id)?;
            objects::sweep(
                database,
                host_id,
                build.id,
                self.objects.len(),
                day(build.finished_at),
            )?;
        }
        Ok(())
    }
}

pub(super) fn insert_reasons(
    database: &Connection,
    phase_id: i64,
    reasons: &Reasons,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO miss_reason (phase_id, reason, misses, compile_us) VALUES (?, ?, ?, ?)";
    let mut insert = database.prepare_cached(sql)?;
    for (reason, (misses, seconds)) in reasons {
        let compile_us = to_us(*seconds).unwrap_or_default();
        insert.execute(params![phase_id, reason.word(), misses, compile_us])?;
    }
    Ok(())
}

pub(super) fn insert_effect(
    database: &Connection,
    phase_id: i64,
    effect: &StablePathEffect,
) -> rusqlite::Result<()> {
    if effect.avoidable_misses == 0 && effect.gained_hits == 0 {
        return Ok(());
    }
    let sql = "INSERT INTO stable_path_effect
                   (phase_id, avoidable_misses, avoidable_us, gained_hits, gained_us)
               VALUES (?, ?, ?, ?, ?)";
    database.prepare_cached(sql)?.execute(params![
        phase_id,
        effect.avoidable_misses,
        effect
            .avoidable_time
            .and_then(|time| time.num_microseconds()),
        effect.gained_hits,
        effect.gained_time.and_then(|time| time.num_microseconds()),
    ])?;
    Ok(())
}
