//! The costs of a package's compilations: see [`crate::savings`].

use std::collections::BTreeMap;
use std::mem;

use rusqlite::{Connection, params};

use super::insert::insert_rows;
use crate::portage::Build;
use crate::savings::{Cost, Costs};
use crate::sccache::{Counts, Stats};

/// The costs of new builds that aren't added yet.
#[derive(Default)]
pub(super) struct NewCosts(BTreeMap<CostKey, Cost>);

/// A package, a host, a version, and a language.
type CostKey = [String; 4];

impl NewCosts {
    /// Adds the costs of a build.
    pub fn add(&mut self, build: &Build) {
        for stats in build.phases.iter().flat_map(|phase| &phase.stats) {
            let Some(cost) = Cost::from_stats(stats) else {
                continue;
            };
            let language = Cost::language(stats).unwrap_or_default();
            let key = [&build.package, &build.host, &build.version, language].map(str::to_owned);
            self.0.entry(key).or_default().add(&cost);
        }
    }

    /// Adds them to those of the database, which stop at the largest integer.
    pub fn write(&mut self, database: &Connection) -> rusqlite::Result<()> {
        let costs: Vec<(CostKey, Cost)> = mem::take(&mut self.0).into_iter().collect();
        let sql =
            "INSERT INTO compile_cost (package, host, version, language, compilations, compiler_us)
             VALUES {rows} ON CONFLICT DO UPDATE SET
                compilations = min(compilations + excluded.compilations, 9223372036854775807),
                compiler_us = min(compiler_us + excluded.compiler_us, 9223372036854775807)";
        insert_rows(
            database,
            sql,
            &costs,
            |([package, host, version, language], cost)| {
                let (compilations, us) = (&cost.compilations, &cost.compiler_us);
                [package, host, version, language, compilations, us]
            },
        )
    }
}

/// Adds the costs of a new build.
pub(super) fn add(database: &Connection, build: &Build) -> rusqlite::Result<()> {
    let mut costs = NewCosts::default();
    costs.add(build);
    costs.write(database)
}

/// Subtracts the costs of the phases of a build that is removed, or of one of its phases.
pub(super) fn subtract(
    database: &Connection,
    build_id: i64,
    phase_id: Option<i64>,
) -> rusqlite::Result<()> {
    let mut select = database.prepare_cached(
        "SELECT package, host, version, phase.misses, compilations, compiler_seconds, processor_seconds, \
                (SELECT json_group_object(language, misses) FROM phase_language \
                 WHERE phase_id = phase.id) \
         FROM build CROSS JOIN phase ON build_id = build.id \
         WHERE build.id = ?1 AND phase.id = ifnull(?2, phase.id) AND compiler_seconds IS NOT NULL",
    )?;
    let mut update = database.prepare_cached(
        "UPDATE compile_cost SET compilations = compilations - ?5, compiler_us = compiler_us - ?6 \
         WHERE package = ?1 AND host = ?2 AND version = ?3 AND language = ?4",
    )?;
    let mut remove = database.prepare_cached(
        "DELETE FROM compile_cost \
         WHERE package = ? AND host = ? AND version = ? AND language = ? AND compilations <= 0",
    )?;
    let mut rows = select.query((build_id, phase_id))?;
    while let Some(row) = rows.next()? {
        let [package, host, version] =
            [row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?].map(|text| text.as_str());
        let stats = Stats {
            misses: Counts {
                total: row.get(3)?,
                languages: serde_json::from_str(row.get_ref(7)?.as_str()?).unwrap_or_default(),
                ..Counts::default()
            },
            compilations: row.get(4)?,
            compiler_seconds: row.get(5)?,
            processor_seconds: row.get(6)?,
            ..Stats::default()
        };
        let Some(cost) = Cost::from_stats(&stats) else {
            continue;
        };
        let language = Cost::language(&stats).unwrap_or_default();
        let names = params![package?, host?, version?, language];
        let counts = params![cost.compilations, cost.compiler_us];
        update.execute(&*[names, counts].concat())?;
        remove.execute(names)?;
    }
    Ok(())
}

/// Returns the costs of a package on a host.
pub(super) fn read_costs(
    database: &Connection,
    package: &str,
    host: &str,
) -> rusqlite::Result<Costs> {
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
