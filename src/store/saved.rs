//! The estimate of the time saved (its formula: [`crate::portage::saving`]), kept with
//! every build, so that sums over any builds are as fast as those of hits.
//!
//! An estimate rests on what was known of the package when it was made. Builds come in any
//! order (an import after months of recording, the newest log first), so recording a build
//! estimates others of its package anew whenever what is known of a version, a language or
//! the package has doubled. That holds in any order: a build has an estimate as soon as
//! one miss of its package was measured, made from the nearest cost there is, with at least
//! half of the compilations that are known of it today. It costs little: a version's builds
//! are estimated anew once for its first compilation, its second, its fourth, and so on.
//!
//! What is known stays known: a build that somebody deletes by hand, and not with
//! [`Store::forget`](super::Store::forget), leaves what its compilations cost, and estimates rest on
//! it still.

use std::collections::HashMap;

use rusqlite::types::ToSql;
use rusqlite::{Connection, params};

use crate::portage::Build;
use crate::portage::saving::{Asked, Cost, Costs, time_saved};
use crate::sccache::{Counts, Stats};

/// Which builds to estimate.
enum Which<'a> {
    Build(i64),
    Version(&'a str, &'a str),
    Package(&'a str),
}

/// Learns what this build's compilations cost, and estimates it and whichever others of
/// its package are to be estimated anew. Within the transaction that records it.
pub(super) fn learn(database: &Connection, id: i64, build: &Build) -> rusqlite::Result<()> {
    let version = Some(build.version.as_str());
    let before = costs(database, &build.package, version)?;
    for stats in measured(build) {
        learn_phase(database, &build.package, &build.version, stats)?;
    }
    let after = costs(database, &build.package, version)?;
    let doubled = |version, language| {
        let known = |costs: &Costs| costs.known(version, language).compilations.checked_ilog2();
        known(&before) != known(&after)
    };
    let languages: Vec<Option<&str>> = measured(build).map(Cost::language).chain([None]).collect();
    if languages.iter().any(|language| doubled(None, *language)) {
        let all = costs(database, &build.package, None)?;
        estimate(database, Which::Package(&build.package), &all)?;
    } else if languages.iter().any(|language| doubled(version, *language)) {
        let which = Which::Version(&build.package, &build.version);
        estimate(database, which, &after)?;
    }
    estimate(database, Which::Build(id), &after)
}

fn measured(build: &Build) -> impl Iterator<Item = &Stats> {
    { build.phases.iter() }.filter_map(|phase| phase.stats.as_ref().ok())
}

/// Adds what the compilations of one phase cost to what is known.
fn learn_phase(
    database: &Connection,
    package: &str,
    version: &str,
    stats: &Stats,
) -> rusqlite::Result<()> {
    let Some(cost) = Cost::of(stats) else {
        return Ok(());
    };
    let sql = "INSERT INTO compile_cost (package, version, language, compilations, compiler_us) \
               VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
               compilations = compilations + excluded.compilations, \
               compiler_us = compiler_us + excluded.compiler_us";
    database.prepare_cached(sql)?.execute(params![
        package,
        version,
        Cost::language(stats).unwrap_or(""),
        cost.compilations as i64,
        micros(cost.seconds),
    ])?;
    Ok(())
}

/// What is known of a package: of one version apart and of the others together, or of each.
fn costs(database: &Connection, package: &str, version: Option<&str>) -> rusqlite::Result<Costs> {
    let sql = "SELECT iif(coalesce(version = ?2, 1), version, '') AS of, language, \
               sum(compilations), sum(compiler_us) FROM compile_cost WHERE package = ?1 GROUP BY of, language";
    let mut statement = database.prepare_cached(sql)?;
    let mut rows = statement.query(params![package, version])?;
    let mut costs = Costs::default();
    while let Some(row) = rows.next()? {
        let cost = Cost {
            compilations: row.get::<_, i64>(2)?.max(0) as u64,
            seconds: row.get::<_, i64>(3)? as f64 / 1e6,
        };
        let language = row.get_ref(1)?.as_str()?;
        let language = (!language.is_empty()).then_some(language);
        costs.learn(row.get_ref(0)?.as_str()?, language, cost);
    }
    Ok(costs)
}

/// Writes the estimates of these builds of one package.
fn estimate(database: &Connection, which: Which<'_>, costs: &Costs) -> rusqlite::Result<()> {
    let sql = "UPDATE build SET time_saved_us = ?1 WHERE id = ?2 AND time_saved_us IS NOT ?1";
    let mut update = database.prepare_cached(sql)?;
    for (id, (version, asked)) in asked(database, which)? {
        let saved = time_saved(&version, &asked, costs).map(micros);
        update.execute(params![saved, id])?;
    }
    Ok(())
}

/// What each of the builds asked of the cache, with its version, by row id.
fn asked(
    database: &Connection,
    which: Which<'_>,
) -> rusqlite::Result<HashMap<i64, (String, Asked)>> {
    let (condition, values): (&str, Vec<&dyn ToSql>) = match &which {
        Which::Build(id) => ("build.id = ?1", vec![id]),
        Which::Version(package, version) => (
            "build.package = ?1 AND build.version = ?2",
            vec![package, version],
        ),
        Which::Package(package) => ("build.package = ?1", vec![package]),
    };
    let mut builds: HashMap<i64, (String, Asked)> = HashMap::new();
    // Whole builds first, with the language unknown; each language then takes its part away.
    let totals = format!(
        "SELECT build.id, build.version, build.hits, build.misses, \
         total(phase.read_hit_seconds), total(phase.write_seconds) \
         FROM build JOIN phase ON phase.build_id = build.id \
         WHERE {condition} AND build.hits IS NOT NULL GROUP BY build.id"
    );
    let mut statement = database.prepare_cached(&totals)?;
    let mut rows = statement.query(values.as_slice())?;
    while let Some(row) = rows.next()? {
        let asked = Asked {
            parts: vec![(None, row.get(2)?, row.get(3)?)],
            read_seconds: row.get(4)?,
            write_seconds: row.get(5)?,
        };
        builds.insert(row.get(0)?, (row.get(1)?, asked));
    }
    let languages = format!(
        "SELECT build.id, language, sum(phase_language.hits), sum(phase_language.misses) \
         FROM build JOIN phase ON phase.build_id = build.id \
         JOIN phase_language ON phase_language.phase_id = phase.id \
         WHERE {condition} GROUP BY build.id, language"
    );
    let mut statement = database.prepare_cached(&languages)?;
    let mut rows = statement.query(values.as_slice())?;
    while let Some(row) = rows.next()? {
        if let Some((_, asked)) = builds.get_mut(&row.get(0)?) {
            let (hits, misses) = (row.get(2)?, row.get(3)?);
            let rest = &mut asked.parts[0];
            rest.1 = rest.1.saturating_sub(hits);
            rest.2 = rest.2.saturating_sub(misses);
            asked.parts.push((Some(row.get(1)?), hits, misses));
        }
    }
    Ok(builds)
}

/// Learns anew what one package's compilations cost, and estimates all of its builds.
pub(super) fn relearn_package(database: &Connection, package: &str) -> rusqlite::Result<()> {
    database.execute("DELETE FROM compile_cost WHERE package = ?", [package])?;
    each_measured(database, package, |version, stats| {
        learn_phase(database, package, version, stats)
    })?;
    let costs = costs(database, package, None)?;
    estimate(database, Which::Package(package), &costs)
}

/// Calls with version and what [`Cost`] needs, for each phase of a package that measured compilers.
fn each_measured(
    database: &Connection,
    package: &str,
    mut call: impl FnMut(&str, &Stats) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let sql = "SELECT build.version, phase.misses, phase.compilations, \
               phase.compiler_seconds, phase.processor_seconds, \
               (SELECT json_group_object(language, misses) FROM phase_language \
                WHERE phase_language.phase_id = phase.id) \
               FROM phase JOIN build ON build.id = phase.build_id \
               WHERE phase.compiler_seconds IS NOT NULL AND build.package = ?";
    let mut statement = database.prepare(sql)?;
    let mut rows = statement.query([package])?;
    while let Some(row) = rows.next()? {
        let stats = Stats {
            misses: Counts {
                total: row.get(1)?,
                languages: serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default(),
                ..Counts::default()
            },
            compilations: row.get(2)?,
            compiler_seconds: row.get(3)?,
            processor_seconds: row.get(4)?,
            ..Stats::default()
        };
        call(row.get_ref(0)?.as_str()?, &stats)?;
    }
    Ok(())
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}
