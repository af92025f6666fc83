//! Taking builds out of the database, for good.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{Error, Result, Store, savings};

/// How many builds one transaction removes. It is in memory until it is committed.
const AT_ONCE: usize = 1000;

impl Store {
    /// Removes the builds with these ids and all that was recorded below them, and remembers that
    /// they were removed. Sums, costs and estimates are then as if they had never been there, and
    /// an emerge that has no builds left is removed too. Returns how many builds were there.
    ///
    /// # Errors
    /// As [`Store::record`]. Builds of earlier transactions are removed then, and no others.
    pub fn forget(&mut self, builds: &[Uuid]) -> Result<usize> {
        let path = self.path.clone();
        let mut removed = 0;
        for some in builds.chunks(AT_ONCE) {
            let mut forget = || -> rusqlite::Result<usize> {
                let transaction = self.connection.transaction()?;
                let count = remove(&transaction, some)?;
                transaction.commit()?;
                Ok(count)
            };
            removed += forget().map_err(|error| Error::from_sqlite(&path, error))?;
        }
        Ok(removed)
    }
}

fn remove(database: &Connection, builds: &[Uuid]) -> rusqlite::Result<usize> {
    let mut remember = database.prepare_cached(
        "INSERT OR IGNORE INTO forgotten \
         (uuid, package, version, started_at_us, hits, misses, is_imported) \
         SELECT uuid, package, version, started_at_us, hits, misses, is_imported \
         FROM build WHERE uuid = ?",
    )?;
    // What lies below a build goes with it (ON DELETE CASCADE), and triggers take it from the sums.
    let mut delete =
        database.prepare_cached("DELETE FROM build WHERE uuid = ? RETURNING package, emerge_id")?;
    let mut count = 0;
    let (mut packages, mut emerges) = (BTreeSet::<String>::new(), BTreeSet::<i64>::new());
    for build in builds {
        let uid = build.to_string();
        remember.execute([&uid])?;
        let removed: Option<(String, Option<i64>)> = delete
            .query_row([&uid], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((package, emerge)) = removed {
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
        savings::recompute(database, &package)?;
    }
    database.execute_batch(
        "DELETE FROM package_sum WHERE builds = 0; DELETE FROM hour_sum WHERE builds = 0",
    )?;
    Ok(count)
}
