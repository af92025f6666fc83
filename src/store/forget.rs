//! Removing builds for good, and recognizing them and the recorded ones.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::columns::{micros, read_time, read_uuid};
use super::{Error, Result, Store, savings};
use crate::portage::Build;

/// How many builds one transaction removes. Its changes are in memory until the commit.
const BATCH: usize = 1000;

/// A build that is in the database, or that was removed from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownBuild {
    /// Its id.
    pub id: Uuid,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// As [`Build::is_imported`].
    pub is_imported: bool,
    /// [`Store::forget`] removed it.
    pub is_forgotten: bool,
}

impl Store {
    /// Removes the builds with these ids and their compilations, and remembers that they were removed.
    /// Sums and average costs are then as if the builds had never been recorded. The time saved by other
    /// builds and the costs of objects don't change. Emerges without builds are removed too. Returns the
    /// number of removed builds.
    ///
    /// # Errors
    /// As [`Store::record`]. Builds of earlier batches are removed then, and no others.
    pub fn forget(&mut self, builds: &[Uuid]) -> Result<usize> {
        let (mut removed, mut turns) = (0, self.turns());
        for batch in builds.chunks(BATCH) {
            let mut forget = || -> rusqlite::Result<usize> {
                turns.let_others_go_first();
                let transaction = self.begin()?;
                let count = remove(&transaction, batch)?;
                transaction.commit()?;
                Ok(count)
            };
            removed += forget().map_err(|error| Error::from_sqlite(&self.path, error))?;
        }
        Ok(removed)
    }

    /// Returns the known builds that `build` can be: by its id, or by package, version, hits and
    /// misses if they started between `first` and `last`.
    ///
    /// # Errors
    /// The database can't be read.
    pub fn known_builds(
        &self,
        build: &Build,
        first: DateTime<Utc>,
        last: DateTime<Utc>,
    ) -> Result<Vec<KnownBuild>> {
        let sum = build.total().unwrap_or_default();
        let query = || -> rusqlite::Result<Vec<KnownBuild>> {
            let sql = "WITH known AS NOT MATERIALIZED ( \
                           SELECT uuid, package, version, started_at_us, hits, misses, \
                                  is_imported, 0 AS is_forgotten FROM build \
                           UNION ALL \
                           SELECT uuid, package, version, started_at_us, hits, misses, \
                                  is_imported, 1 FROM forgotten) \
                       SELECT uuid, started_at_us, is_imported, is_forgotten FROM known \
                       WHERE uuid = ?1 \
                       UNION \
                       SELECT uuid, started_at_us, is_imported, is_forgotten FROM known \
                       WHERE package = ?2 AND version = ?3 AND hits = ?4 AND misses = ?5 \
                       AND started_at_us BETWEEN ?6 AND ?7";
            let values = params![
                build.id.to_string(),
                build.package,
                build.version,
                sum.hits.total,
                sum.misses.total,
                micros(first),
                micros(last),
            ];
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(values, read_known_build)?.collect()
        };
        query().map_err(|error| self.error(error))
    }
}

fn read_known_build(row: &Row<'_>) -> rusqlite::Result<KnownBuild> {
    Ok(KnownBuild {
        id: read_uuid(row, 0)?,
        started_at: read_time(row, 1)?,
        is_imported: row.get(2)?,
        is_forgotten: row.get(3)?,
    })
}

fn remove(database: &Connection, builds: &[Uuid]) -> rusqlite::Result<usize> {
    let mut remember = database.prepare_cached(
        "INSERT OR IGNORE INTO forgotten \
         (uuid, package, version, started_at_us, hits, misses, is_imported) \
         SELECT uuid, package, version, started_at_us, hits, misses, is_imported \
         FROM build WHERE uuid = ?",
    )?;
    let mut count = 0;
    let (mut packages, mut emerges) = (BTreeSet::<String>::new(), BTreeSet::<i64>::new());
    for build in builds {
        let uuid = build.to_string();
        remember.execute([&uuid])?;
        if let Some((package, emerge)) = delete(database, &uuid)? {
            count += 1;
            packages.insert(package);
            emerges.extend(emerge);
        }
    }
    for emerge in emerges {
        database.execute(
            "DELETE FROM emerge WHERE id = ?1 \
             AND NOT EXISTS (SELECT 1 FROM build WHERE emerge_id = ?1)",
            [emerge],
        )?;
    }
    for package in packages {
        remove_unused_units(database, &package)?;
    }
    database.execute_batch(
        "DELETE FROM package_sum WHERE builds = 0; DELETE FROM hour_sum WHERE builds = 0; \
         DELETE FROM level_sum WHERE phases = 0; \
         DELETE FROM host WHERE builds = 0 \
             AND NOT EXISTS (SELECT 1 FROM object WHERE host_id = host.id)",
    )?;
    Ok(count)
}

/// Removes the former units of a package of hosts that have no builds of it.
pub(super) fn remove_unused_units(database: &Connection, package: &str) -> rusqlite::Result<()> {
    let sql = "DELETE FROM former_units WHERE package = ?1 AND NOT EXISTS (SELECT 1 FROM build
        WHERE build.package = ?1 AND build.host = former_units.host)";
    database.prepare_cached(sql)?.execute([package])?;
    Ok(())
}

/// Deletes a build with everything that belongs to it. Returns its package and the row id of its emerge.
pub(super) fn delete(
    database: &Connection,
    uuid: &str,
) -> rusqlite::Result<Option<(String, Option<i64>)>> {
    let sql = "SELECT id, package, emerge_id FROM build WHERE uuid = ?";
    let mut select = database.prepare_cached(sql)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
    let Some((id, build)) = select.query_row([uuid], read).optional()? else {
        return Ok(None);
    };
    savings::subtract(database, id, None)?;
    // ON DELETE CASCADE removes the phases, and triggers update the sums.
    let mut delete = database.prepare_cached("DELETE FROM build WHERE id = ?")?;
    delete.execute([id])?;
    Ok(Some(build))
}
