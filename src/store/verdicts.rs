//! Reads the builds for verdicts.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Row;
use uuid::Uuid;

use super::columns::{read_duration, read_time, read_uuid};
use super::{Result, Store};
use crate::savings::verdict::{PastBuild, Prior, Verdict};

/// The most builds of a package for its verdict, so that years of builds take no longer, and a change of
/// settings shows. Builds that started at the same time as the oldest of these are included.
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
        // Finding the oldest of the newest builds by an offset reads only an index: with a limit and an order
        // by time and uuid, SQLite sorts the builds of each time. A subquery of a build's phases is faster than
        // a group; its bits are named below. sccache counts distributed compilations as forced.
        let sql =
            "SELECT package, host, version, hits, misses, time_saved_us, hit_cost_us, miss_cost_us,
                outcome IN ('merged', 'packaged'), ifnull(evicted_misses, 0),
                iif(evicted_misses > 0, (SELECT total(miss_reason.compile_us) / 1e6
                    FROM phase CROSS JOIN miss_reason ON miss_reason.phase_id = phase.id
                    WHERE phase.build_id = build.id AND miss_reason.reason = 'evicted'), 0.0),
                (SELECT (total(iif(ifnull(dist_errors, 0) = 0 AND dist_compiles IS NULL,
                            forced_recaches, 0)) = 0 AND total(read_errors) = 0)
                        + 2 * (total(iif(is_cache_read_only, 0, write_errors)) = 0
                            AND ifnull(sum(writes), 1) > 0)
                    FROM phase WHERE build_id = build.id),
                started_at_us, uuid
             FROM build WHERE hits IS NOT NULL AND id IN (
                SELECT newest.id FROM json_each(?1) AS name
                    CROSS JOIN build AS newest ON newest.package = name.value
                    AND newest.started_at_us >= ifnull(
                        (SELECT started_at_us FROM build WHERE package = name.value
                         ORDER BY started_at_us DESC LIMIT 1 OFFSET ?2), -1e300)
                UNION ALL SELECT id FROM build WHERE ?1 IS NULL AND started_at_us >= ifnull(
                    (SELECT started_at_us FROM build
                     ORDER BY started_at_us DESC LIMIT 1 OFFSET ?3), -1e300))";
        let names = names.map(|names| serde_json::Value::from(names).to_string());
        let params = (names, BUILDS_PER_PACKAGE - 1, BUILDS_OF_PRIOR - 1);
        let mut packages: BTreeMap<String, Vec<(DateTime<Utc>, Uuid, PastBuild)>> = BTreeMap::new();
        self.each_row(sql, params, |row| {
            let (build, is_stored) = read(row)?;
            if is_stored || build.misses == 0 {
                let build = (read_time(row, 12)?, read_uuid(row, 13)?, build);
                packages.entry(row.get(0)?).or_default().push(build);
            }
            Ok(())
        })?;
        let sorted = packages.into_iter().map(|(package, mut builds)| {
            builds.sort_unstable_by_key(|(started_at, id, _)| (*started_at, *id));
            let builds = builds.into_iter().map(|(_, _, build)| build);
            (package, builds.collect())
        });
        Ok(sorted.collect())
    }
}

/// Bits of the column on all phases of a build.
const HAS_NO_FORCED_MISSES: u8 = 1;
const IS_STORED: u8 = 2;

/// Reads a build, and whether it could store its objects.
fn read(row: &Row<'_>) -> rusqlite::Result<(PastBuild, bool)> {
    let seconds = |index| {
        let duration = read_duration(row, index)?;
        Ok::<_, rusqlite::Error>(duration.map(TimeDelta::as_seconds_f64))
    };
    let (is_complete, phases): (bool, u8) = (row.get(8)?, row.get(11)?);
    let build = PastBuild {
        host: row.get(1)?,
        version: row.get(2)?,
        hits: row.get(3)?,
        misses: row.get(4)?,
        saved_seconds: seconds(5)?,
        costs: seconds(6)?.zip(seconds(7)?),
        is_example: is_complete && phases & HAS_NO_FORCED_MISSES != 0,
        evicted: (row.get(9)?, row.get(10)?),
    };
    Ok((build, phases & IS_STORED != 0))
}
