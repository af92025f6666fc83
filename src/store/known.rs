//! Whether a build is in the database, or was taken out of it with `forget`.

use chrono::{DateTime, Utc};
use rusqlite::Row;
use uuid::Uuid;

use super::columns::{micros, time};
use super::rows::id;
use super::{Result, Store};
use crate::portage::Build;
use crate::sccache::Stats;

/// A build that the database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownBuild {
    /// Its id.
    pub id: Uuid,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// It came from a log, whose times are whole seconds; the hook's are not.
    pub is_imported: bool,
    /// It was taken out with [`Store::forget`].
    pub is_forgotten: bool,
}

impl Store {
    /// Returns the known builds that `build` can be: by its id, or by package, version, hits and
    /// misses if they started between `first` and `last`.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn known_builds(
        &self,
        build: &Build,
        first: DateTime<Utc>,
        last: DateTime<Utc>,
    ) -> Result<Vec<KnownBuild>> {
        let measured = build.phases.iter().filter_map(|p| p.stats.as_ref().ok());
        let sum = Stats::sum(measured).unwrap_or_default();
        let read = |row: &Row<'_>| {
            Ok(KnownBuild {
                id: id(row, 0)?,
                started_at: time(row, 1)?,
                is_imported: row.get(2)?,
                is_forgotten: row.get(3)?,
            })
        };
        let query = || -> rusqlite::Result<Vec<KnownBuild>> {
            self.connection
                .prepare_cached(
                    "WITH known AS NOT MATERIALIZED ( \
                         SELECT uuid, package, version, started_at_us, hits, misses, \
                         is_imported, 0 AS is_forgotten FROM build \
                         UNION ALL SELECT uuid, package, version, started_at_us, hits, misses, \
                         is_imported, 1 FROM forgotten) \
                     SELECT uuid, started_at_us, is_imported, is_forgotten FROM known \
                     WHERE uuid = ?1 \
                     UNION SELECT uuid, started_at_us, is_imported, is_forgotten FROM known \
                     WHERE package = ?2 AND started_at_us BETWEEN ?3 AND ?4 \
                     AND version = ?5 AND hits = ?6 AND misses = ?7",
                )?
                .query_map(
                    (
                        build.id.to_string(),
                        &build.package,
                        micros(first),
                        micros(last),
                        &build.version,
                        sum.hits.total as i64,
                        sum.misses.total as i64,
                    ),
                    read,
                )?
                .collect()
        };
        query().map_err(|error| self.error(error))
    }
}
