//! The newest builds of each package.

use std::collections::{BTreeMap, VecDeque};

use rusqlite::{Row, params};
use uuid::Uuid;

use super::columns::{entry_at, read_uuid};
use super::{Filter, Result, Store};

/// A build in the history of its package.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageBuild {
    /// Globally unique.
    pub id: Uuid,
    /// `PVR`.
    pub version: String,
    /// Whether it is the first measured build of its version on its host, whatever the filter is.
    pub is_cold: bool,
    /// Compilations answered from the cache and not found in it. `None` if no phase was measured.
    pub counts: Option<(u64, u64)>,
}

/// A build that may be in the history of its package.
struct Candidate {
    build: PackageBuild,
    host: String,
    started_at_us: i64,
}

impl Store {
    /// Returns at most `limit` of the newest matching builds of each package, the newest first.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn histories(
        &self,
        filter: &Filter,
        limit: usize,
    ) -> Result<BTreeMap<String, Vec<PackageBuild>>> {
        let query = filter.query(
            "SELECT uuid, version, hits, misses, host, started_at_us, package
             FROM matching ORDER BY started_at_us, uuid",
        );
        let mut histories: BTreeMap<String, VecDeque<Candidate>> = BTreeMap::new();
        self.each_row(&query.sql, &*query.params(), |row| {
            let newest = entry_at(&mut histories, row, 6)?;
            add_newer(newest, read_candidate(row)?, limit);
            Ok(())
        })?;
        let failed = |error| self.error(error);
        let mut earlier = self.connection.prepare(EARLIER).map_err(failed)?;
        let mut newest_first = BTreeMap::new();
        for (package, newest) in histories {
            let mut builds = Vec::new();
            for Candidate {
                mut build,
                host,
                started_at_us,
            } in newest.into_iter().rev()
            {
                if build.is_cold {
                    let (version, id) = (&build.version, build.id.to_string());
                    let params = params![package, version, host, started_at_us, id];
                    build.is_cold = !earlier.exists(params).map_err(failed)?;
                }
                builds.push(build);
            }
            newest_first.insert(package, builds);
        }
        Ok(newest_first)
    }
}

/// Finds a measured build of a version before another one, whatever the filter is. The `+` keeps SQLite from reading
/// all builds of the host instead of those of the package.
const EARLIER: &str = "SELECT 1 FROM build
    WHERE package = ?1 AND version = ?2 AND +host = ?3 AND hits IS NOT NULL
        AND started_at_us <= ?4 AND (started_at_us, uuid) < (?4, ?5)";

/// Adds a newer build to the newest builds of its package among the rows that were read so far. It can be cold only if
/// these have no measured build of its version on its host.
fn add_newer(newest: &mut VecDeque<Candidate>, mut candidate: Candidate, limit: usize) {
    let is_earlier = |known: &Candidate| {
        known.build.counts.is_some()
            && known.build.version == candidate.build.version
            && known.host == candidate.host
    };
    candidate.build.is_cold = candidate.build.counts.is_some() && !newest.iter().any(is_earlier);
    newest.push_back(candidate);
    if newest.len() > limit {
        newest.pop_front();
    }
}

fn read_candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    let (hits, misses): (Option<u64>, Option<u64>) = (row.get(2)?, row.get(3)?);
    Ok(Candidate {
        build: PackageBuild {
            id: read_uuid(row, 0)?,
            version: row.get(1)?,
            is_cold: false,
            counts: hits.zip(misses),
        },
        host: row.get(4)?,
        started_at_us: row.get(5)?,
    })
}
