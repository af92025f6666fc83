//! The newest builds of each package.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::columns::read_uuid;
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

impl Store {
    /// Returns at most `limit` of the newest matching builds of each package, the newest first.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn histories(
        &self,
        filter: &Filter,
        limit: u32,
    ) -> Result<BTreeMap<String, Vec<PackageBuild>>> {
        let query = filter.query(
            ", newest AS (SELECT id, uuid, package, host, version, started_at_us, hits, misses,
                row_number() OVER (PARTITION BY package ORDER BY started_at_us DESC, uuid DESC) AS age
                FROM matching)
             SELECT package, uuid, version, hits, misses, hits IS NOT NULL AND NOT EXISTS
                (SELECT 1 FROM build AS earlier
                 WHERE earlier.package = newest.package AND earlier.version = newest.version
                    AND earlier.host = newest.host AND earlier.hits IS NOT NULL
                    AND earlier.started_at_us <= newest.started_at_us
                    AND (earlier.started_at_us, earlier.uuid) < (newest.started_at_us, newest.uuid))
             FROM newest WHERE age <= :limit ORDER BY package, age",
        );
        let mut params = query.params();
        params.push((":limit", &limit));
        let mut histories: BTreeMap<String, Vec<PackageBuild>> = BTreeMap::new();
        self.each_row(&query.sql, &*params, |row| {
            let (hits, misses): (Option<u64>, Option<u64>) = (row.get(3)?, row.get(4)?);
            histories
                .entry(row.get(0)?)
                .or_default()
                .push(PackageBuild {
                    id: read_uuid(row, 1)?,
                    version: row.get(2)?,
                    counts: hits.zip(misses),
                    is_cold: row.get(5)?,
                });
            Ok(())
        })?;
        Ok(histories)
    }
}
