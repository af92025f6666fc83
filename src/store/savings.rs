//! Stores the costs of compilations and the estimates that rest on them: see [`crate::savings`].

use rusqlite::{Connection, params};

use crate::portage::Build;
use crate::savings::{CacheUse, Cost, Costs};
use crate::sccache::{Counts, Stats};

/// Adds the costs of a new build, and estimates it and the builds whose estimates are outdated.
pub(super) fn add(database: &Connection, id: i64, build: &Build) -> rusqlite::Result<()> {
    let (package, version) = (&build.package, Some(&*build.version));
    let before = read_costs(database, package)?;
    let stats = || build.phases.iter().filter_map(|p| p.stats.as_ref().ok());
    for stats in stats() {
        add_cost(database, package, &build.version, stats)?;
    }
    let costs = read_costs(database, package)?;
    let languages: Vec<_> = stats().map(Cost::language).collect();
    if costs.have_doubled(&before, None, &languages) {
        estimate(database, package, None, None, &costs)
    } else if costs.have_doubled(&before, version, &languages) {
        estimate(database, package, version, None, &costs)
    } else {
        estimate(database, package, version, Some(id), &costs)
    }
}

/// Computes the costs of a package again, and estimates all of its builds.
pub(super) fn recompute(database: &Connection, package: &str) -> rusqlite::Result<()> {
    database.execute("DELETE FROM compile_cost WHERE package = ?", [package])?;
    let mut statement = database.prepare(
        "SELECT version, phase.misses, compilations, compiler_seconds, processor_seconds, \
                (SELECT json_group_object(language, misses) FROM phase_language \
                 WHERE phase_id = phase.id) \
         FROM build JOIN phase ON build_id = build.id \
         WHERE package = ? AND compiler_seconds IS NOT NULL",
    )?;
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
        add_cost(database, package, row.get_ref(0)?.as_str()?, &stats)?;
    }
    let costs = read_costs(database, package)?;
    estimate(database, package, None, None, &costs)
}

/// Adds the cost of one phase.
fn add_cost(
    database: &Connection,
    package: &str,
    version: &str,
    stats: &Stats,
) -> rusqlite::Result<()> {
    let Some(cost) = Cost::from_stats(stats) else {
        return Ok(());
    };
    let language = Cost::language(stats).unwrap_or_default();
    let mut statement = database.prepare_cached(
        "INSERT INTO compile_cost (package, version, language, compilations, compiler_us) \
         VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET compilations = compilations + excluded.compilations, \
                                   compiler_us = compiler_us + excluded.compiler_us",
    )?;
    statement.execute(params![
        package,
        version,
        language,
        cost.compilations,
        cost.compiler_us
    ])?;
    Ok(())
}

fn read_costs(database: &Connection, package: &str) -> rusqlite::Result<Costs> {
    let mut statement = database.prepare_cached(
        "SELECT version, nullif(language, ''), compilations, compiler_us \
         FROM compile_cost WHERE package = ?",
    )?;
    let mut rows = statement.query([package])?;
    let mut costs = Costs::default();
    while let Some(row) = rows.next()? {
        let cost = Cost {
            compilations: row.get(2)?,
            compiler_us: row.get(3)?,
        };
        costs.add(row.get(0)?, row.get(1)?, cost);
    }
    Ok(costs)
}

/// Writes the estimates of a package's builds: those of one version or all, or only one build.
fn estimate(
    database: &Connection,
    package: &str,
    version: Option<&str>,
    id: Option<i64>,
    costs: &Costs,
) -> rusqlite::Result<()> {
    // One build must not cost a search through all builds of the package.
    let condition = match id {
        Some(_) => "id = ?3",
        None => "?3 IS NULL AND package = ?1 AND version = ifnull(?2, version)",
    };
    let sql = format!(
        "SELECT id, version, hits, misses, \
                (SELECT total(read_hit_seconds) + total(write_seconds) FROM phase \
                 WHERE build_id = build.id), \
                (SELECT json_group_array(json_array(language, l.hits, l.misses)) \
                 FROM phase JOIN phase_language AS l ON phase_id = phase.id \
                 WHERE build_id = build.id) \
         FROM build WHERE {condition} AND hits IS NOT NULL"
    );
    let mut statement = database.prepare_cached(&sql)?;
    let mut rows = statement.query(params![package, version, id])?;
    let mut estimates = Vec::new();
    while let Some(row) = rows.next()? {
        let (mut hits, mut misses): (u64, u64) = (row.get(2)?, row.get(3)?);
        let languages = row.get_ref(5)?.as_str()?;
        let mut lookups: Vec<_> = serde_json::from_str(languages).unwrap_or_default();
        for (_, language_hits, language_misses) in &lookups {
            hits = hits.saturating_sub(*language_hits);
            misses = misses.saturating_sub(*language_misses);
        }
        lookups.push((None, hits, misses));
        let seconds = row.get(4)?;
        let cache_use = CacheUse { lookups, seconds };
        let time_saved_us = cache_use.time_saved_us(row.get_ref(1)?.as_str()?, costs);
        estimates.push((time_saved_us, row.get::<_, i64>(0)?));
    }
    let mut statement = database.prepare_cached(
        "UPDATE build SET time_saved_us = ?1 WHERE id = ?2 AND time_saved_us IS NOT ?1",
    )?;
    for estimate in estimates {
        statement.execute(estimate)?;
    }
    Ok(())
}
