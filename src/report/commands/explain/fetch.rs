//! Reads what `explain` shows.

use chrono::TimeDelta;

use super::super::target::Target;
use super::unexplained::{newer, no_misses, nothing_recorded, vanished};
use super::{Args, UNITS};
use crate::error::Result;
use crate::portage::Phase;
use crate::sccache::compilations::MissReason;
use crate::store::{
    BuildRow, EvictionCause, Filter, MissedUnit, MissedUnits, ReasonSum, StablePathEffect, Store,
};

/// A reason and its units.
pub(super) struct Reason {
    pub(super) sum: ReasonSum,
    pub(super) units: Vec<MissedUnit>,
    /// The misses that would have been hits with stable paths, if the reason is `path`.
    pub(super) avoidable: Option<u64>,
}

/// What is known about the misses of a build.
pub(super) struct Explanation {
    pub(super) build: BuildRow,
    /// The number of newer builds of the package, and why the newest one isn't explained.
    pub(super) newer: Option<(u64, &'static str)>,
    pub(super) reasons: Vec<Reason>,
    pub(super) units: MissedUnits,
    pub(super) stable_paths: StablePathEffect,
    /// Whether neither this build nor the newest one of the package had them turned on.
    pub(super) has_stable_paths_off: bool,
    pub(super) phases: Vec<Phase>,
    /// Why the cache lost objects.
    pub(super) eviction_cause: EvictionCause,
    /// Objects in the cache that were used within a year.
    pub(super) used_objects: Option<u64>,
}

/// Reads the misses of a build.
pub(super) fn fetch(store: &Store, args: &Args) -> Result<Explanation> {
    let (id, is_newest) = match Target::find(store, &args.target)? {
        Target::Build(id) => (id, false),
        Target::Package(package) => match store.newest_explained(&package)? {
            Some(id) => (id, true),
            None => return Err(nothing_recorded(store, &package)?),
        },
    };
    let one = Filter {
        build: Some(id),
        ..Filter::default()
    };
    let build = store.builds(&one)?.pop().ok_or_else(vanished)?;
    let sums = store.miss_reasons(&one)?.remove(&id).unwrap_or_default();
    if sums.is_empty() {
        return Err(no_misses(store, &build)?);
    }
    let phases = store.phases(&one)?.remove(&id).unwrap_or_default();
    let mut units = store.missed_units(id)?;
    let limit = match args.limit {
        Some(limit) => limit as usize,
        None if args.output.is_table() => UNITS,
        None => usize::MAX,
    };
    let effect = store.stable_path_effects(&one)?.remove(&id);
    let effect = effect.unwrap_or_default();
    let reasons = sums.into_iter().map(|sum| Reason {
        avoidable: (sum.reason == MissReason::Path && effect.state.is_none())
            .then_some(effect.avoidable_misses),
        units: take_units(&mut units.units, sum.reason, limit),
        sum,
    });
    let reasons: Vec<Reason> = reasons.collect();
    let (eviction_cause, used_objects) = explain_evictions(store, &build, &reasons)?;
    Ok(Explanation {
        newer: if is_newest {
            newer(store, &build)?
        } else {
            None
        },
        has_stable_paths_off: effect.state.is_none() && !has_stable_paths(store, &build.package)?,
        build,
        reasons,
        units,
        stable_paths: effect,
        phases,
        eviction_cause,
        used_objects,
    })
}

/// Returns why the cache lost objects, and how many of its objects were used within a year.
fn explain_evictions(
    store: &Store,
    build: &BuildRow,
    reasons: &[Reason],
) -> Result<(EvictionCause, Option<u64>)> {
    let is_evicted = |reason: &Reason| reason.sum.reason == MissReason::Evicted;
    if !reasons.iter().any(is_evicted) {
        return Ok((EvictionCause::Unknown, None));
    }
    let cause = store.eviction_causes(&[build.id])?.remove(&build.id);
    let cause = cause.unwrap_or_default();
    let used_objects = match &cause {
        EvictionCause::TooSmall { full, .. } => {
            let since = build.started_at - TimeDelta::days(365);
            store.used_objects(&build.host, full, since)?
        }
        _ => None,
    };
    Ok((cause, used_objects))
}

/// Whether stable paths were turned on in the newest build of the package.
fn has_stable_paths(store: &Store, package: &str) -> Result<bool> {
    let newest = Filter {
        packages: Some(vec![package.to_string()]),
        last: Some(1),
        ..Filter::default()
    };
    let mut effects = store.stable_path_effects(&newest)?.into_values();
    Ok(effects.any(|effect| effect.state.is_some()))
}

/// Takes the first units with this reason, and removes the others.
fn take_units(units: &mut Vec<MissedUnit>, reason: MissReason, limit: usize) -> Vec<MissedUnit> {
    let mut taken: Vec<_> = units.extract_if(.., |unit| unit.reason == reason).collect();
    taken.truncate(limit);
    taken
}
