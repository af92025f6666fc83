//! Reads the builds for verdicts.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use rusqlite::Row;

use super::columns::read_duration;
use super::{Result, Store};
use crate::savings::verdict::{PastBuild, Prior, Verdict};

/// The most builds of a package for its verdict, so that years of builds take no longer, and a change of
/// settings shows.
const BUILDS_PER_PACKAGE: u32 = 50;

/// The number of newest builds of all packages for the prior.
const BUILDS_OF_PRIOR: u32 = 1000;

impl Store {
    /// Returns the verdicts on these packages. They rest on the newest builds of each package, whatever
    /// the filter of a report is.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn verdicts(&self, packages: &[&str]) -> Result<BTreeMap<String, Verdict>> {
        if packages.is_empty() {
            return Ok(BTreeMap::new());
        }
        let newest = self.past_builds(None)?;
        let prior = Prior::from_packages(newest.values().map(Vec::as_slice));
        let builds = self.past_builds(Some(packages))?;
        let without_evictions =
            |builds: &Vec<PastBuild>| builds.iter().map(PastBuild::without_evictions).collect();
        let undisturbed: Vec<Vec<PastBuild>> = newest.values().map(without_evictions).collect();
        let undisturbed_prior = Prior::from_packages(undisturbed.iter().map(Vec::as_slice));
        let verdicts = builds.into_iter().map(|(package, builds)| {
            let undisturbed: Vec<PastBuild> = without_evictions(&builds);
            let verdict = Verdict {
                kind_without_evictions: Verdict::new(&undisturbed, &undisturbed_prior).kind,
                ..Verdict::new(&builds, &prior)
            };
            (package, verdict)
        });
        Ok(verdicts.collect())
    }

    /// Returns the newest measured builds of these packages, or of all together, by package. Builds that
    /// could not store their objects are left out.
    fn past_builds(&self, names: Option<&[&str]>) -> Result<BTreeMap<String, Vec<PastBuild>>> {
        // sccache counts distributed compilations as forced.
        let sql = "SELECT build.package, build.host, build.version, build.hits, build.misses,
                build.time_saved_us, build.hit_cost_us, build.miss_cost_us,
                build.outcome IN ('merged', 'packaged')
                    AND total(iif(coalesce(phase.dist_errors, 0) = 0
                        AND phase.dist_compiles IS NULL, phase.forced_recaches, 0)) = 0
                    AND total(phase.read_errors) = 0,
                ifnull(build.evicted_misses, 0),
                iif(build.evicted_misses > 0, (SELECT total(miss_reason.compile_us) / 1e6
                    FROM phase CROSS JOIN miss_reason ON miss_reason.phase_id = phase.id
                    WHERE phase.build_id = build.id AND miss_reason.reason = 'evicted'), 0.0)
             FROM build LEFT JOIN phase ON phase.build_id = build.id
             WHERE build.hits IS NOT NULL AND build.id IN (
                SELECT newest.id FROM json_each(?1) AS name JOIN build AS newest ON newest.id IN
                    (SELECT id FROM build WHERE package = name.value
                     ORDER BY started_at_us DESC, uuid DESC LIMIT ?2)
                UNION ALL SELECT id FROM
                    (SELECT id FROM build WHERE ?1 IS NULL
                     ORDER BY started_at_us DESC, uuid DESC LIMIT ?3))
             GROUP BY build.id
             HAVING build.misses = 0
                OR total(iif(phase.is_cache_read_only, 0, phase.write_errors)) = 0
                    AND coalesce(sum(phase.writes), 1) > 0
             ORDER BY build.started_at_us, build.uuid";
        let names = names.map(|names| serde_json::Value::from(names).to_string());
        let params = (names, BUILDS_PER_PACKAGE, BUILDS_OF_PRIOR);
        let mut packages: BTreeMap<String, Vec<PastBuild>> = BTreeMap::new();
        self.each_row(sql, params, |row| {
            let package = row.get(0)?;
            packages.entry(package).or_default().push(read(row)?);
            Ok(())
        })?;
        Ok(packages)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<PastBuild> {
    let seconds = |index| {
        let duration = read_duration(row, index)?;
        Ok::<_, rusqlite::Error>(duration.map(TimeDelta::as_seconds_f64))
    };
    Ok(PastBuild {
        host: row.get(1)?,
        version: row.get(2)?,
        hits: row.get(3)?,
        misses: row.get(4)?,
        saved_seconds: seconds(5)?,
        costs: seconds(6)?.zip(seconds(7)?),
        is_example: row.get(8)?,
        evicted: (row.get(9)?, row.get(10)?),
    })
}
