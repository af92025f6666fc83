//! The costs of a package's compilations: see [`crate::savings`].

use rusqlite::{Connection, params};

use crate::portage::Build;
use crate::savings::{Cost, Costs};
use crate::sccache::{Counts, Stats};

/// Adds the costs of a new build, and returns those of its package.
pub(super) fn add(database: &Connection, build: &Build) -> rusqlite::Result<Costs> {
    for stats in build
        .phases
        .iter()
        .filter_map(|phase| phase.stats.as_ref().ok())
    {
        let names = (&*build.package, &*build.host, &*build.version);
        add_cost(database, names, stats)?;
    }
    read_costs(database, &build.package, &build.host)
}

/// Computes the costs of a package again, on all hosts.
pub(super) fn recompute(database: &Connection, package: &str) -> rusqlite::Result<()> {
    database.execute("DELETE FROM compile_cost WHERE package = ?", [package])?;
    let mut statement = database.prepare(
        "SELECT version, host, phase.misses, compilations, compiler_seconds, processor_seconds, \
                (SELECT json_group_object(language, misses) FROM phase_language \
                 WHERE phase_id = phase.id) \
         FROM build JOIN phase ON build_id = build.id \
         WHERE package = ? AND compiler_seconds IS NOT NULL",
    )?;
    let mut rows = statement.query([package])?;
    while let Some(row) = rows.next()? {
        let stats = Stats {
            misses: Counts {
                total: row.get(2)?,
                languages: serde_json::from_str(row.get_ref(6)?.as_str()?).unwrap_or_default(),
                ..Counts::default()
            },
            compilations: row.get(3)?,
            compiler_seconds: row.get(4)?,
            processor_seconds: row.get(5)?,
            ..Stats::default()
        };
        let [version, host] = [row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?];
        add_cost(database, (package, host, version), &stats)?;
    }
    Ok(())
}

/// Adds the cost of one phase of a package on a host, with this version.
pub(super) fn add_cost(
    database: &Connection,
    (package, host, version): (&str, &str, &str),
    stats: &Stats,
) -> rusqlite::Result<()> {
    let Some(cost) = Cost::from_stats(stats) else {
        return Ok(());
    };
    let language = Cost::language(stats).unwrap_or_default();
    let mut statement = database.prepare_cached(
        "INSERT INTO compile_cost (package, host, version, language, compilations, compiler_us) \
         VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET compilations = compilations + excluded.compilations, \
                                   compiler_us = compiler_us + excluded.compiler_us",
    )?;
    statement.execute(params![
        package,
        host,
        version,
        language,
        cost.compilations,
        cost.compiler_us
    ])?;
    Ok(())
}

fn read_costs(database: &Connection, package: &str, host: &str) -> rusqlite::Result<Costs> {
    let mut statement = database.prepare_cached(
        "SELECT version, nullif(language, ''), compilations, compiler_us \
         FROM compile_cost WHERE package = ? AND host = ?",
    )?;
    let mut rows = statement.query([package, host])?;
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
