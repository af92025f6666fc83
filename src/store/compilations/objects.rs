//! The objects that builds compiled or hit: what they cost, and which cache had them last.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::sccache::compilations::{Compilation, Known, MAX_COMPILATIONS, ObjectKey};

/// The days after its last use for which an object is kept.
const KEPT_DAYS: i64 = 365;

/// The last use of an object is updated when it is this many days old, so that a warm build doesn't write
/// every object.
const USE_DAYS: i64 = 7;

/// The approximate limit of the number of objects of a host, which take 50 MB.
const MAX_OBJECTS: u64 = 2_000_000;

/// The number of slices of the key space. Recording a build sweeps one, and one more per
/// [`OBJECTS_PER_SLICE`] objects.
pub(in crate::store) const SLICES: u64 = 256;

/// The number of objects of a host in a slice that remain after it was swept.
pub(in crate::store) const MAX_PER_SLICE: usize = (MAX_OBJECTS / SLICES) as usize;

/// See [`SLICES`]. Large builds must sweep as much as they add.
const OBJECTS_PER_SLICE: usize = 1000;

/// Returns the days between 1970 and a time.
pub(in crate::store) fn day(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(24 * 60 * 60)
}

/// Returns the row id of a host.
pub(in crate::store) fn host_id(database: &Connection, name: &str) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO host (name, builds) VALUES (?, 0) ON CONFLICT DO NOTHING";
    database.prepare_cached(sql)?.execute([name])?;
    let sql = "SELECT id FROM host WHERE name = ?";
    let mut select = database.prepare_cached(sql)?;
    select.query_row([name], |row| row.get(0))
}

/// Returns the row id of a host's cache.
pub(in crate::store) fn cache_id(
    database: &Connection,
    host: &str,
    location: &str,
) -> rusqlite::Result<i64> {
    let sql = "SELECT id FROM cache WHERE host = ? AND location = ?";
    let mut select = database.prepare_cached(sql)?;
    if let Some(id) = select
        .query_row([host, location], |row| row.get(0))
        .optional()?
    {
        return Ok(id);
    }
    database.execute(
        "INSERT INTO cache (host, location) VALUES (?, ?)",
        [host, location],
    )?;
    Ok(database.last_insert_rowid())
}

/// Returns the key as SQLite's signed integer.
fn to_row_id(key: ObjectKey) -> i64 {
    key.0.cast_signed()
}

/// A cache that had an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cached {
    pub cache_id: i64,
    /// The end of the first phase that stored or hit the object, in seconds since 1970.
    pub at: i64,
}

/// The recorded objects of some compilations: what each cost on the host, and which cache had it.
pub(super) struct StoredObjects(HashMap<ObjectKey, (Option<i64>, Option<Cached>)>);

impl StoredObjects {
    /// Reads the objects in the order of their rows.
    pub fn read(
        database: &Connection,
        host_id: i64,
        compilations: &[Compilation],
    ) -> rusqlite::Result<Self> {
        let mut keys: Vec<i64> = compilations
            .iter()
            .filter_map(|compilation| compilation.key.map(to_row_id))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let mut select = database.prepare_cached(
            "SELECT cost_us, cache_id, cached_at FROM object WHERE host_id = ? AND key = ?",
        )?;
        let mut objects = HashMap::new();
        for key in keys {
            let object = select.query_row([host_id, key], |row| {
                let cached: (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
                let cached = cached.0.zip(cached.1);
                let cached = cached.map(|(cache_id, at)| Cached { cache_id, at });
                Ok((row.get(0)?, cached))
            });
            if let Some(object) = object.optional()? {
                objects.insert(ObjectKey(key.cast_unsigned()), object);
            }
        }
        Ok(Self(objects))
    }

    /// Returns what compiling the object cost, in seconds.
    pub fn cost(&self, key: ObjectKey) -> Option<f64> {
        let (cost_us, _) = self.0.get(&key)?;
        cost_us.map(|us| us as f64 / 1e6)
    }

    /// Returns whether the cache had the object when a phase started. A build that ran at the same time
    /// may have been recorded first: what it stored or hit may be what this phase stored.
    pub fn known(&self, key: ObjectKey, cache: Option<i64>, started_at: DateTime<Utc>) -> Known {
        match self.0.get(&key) {
            None => Known::Never,
            Some((_, Some(cached)))
                if Some(cached.cache_id) == cache && cached.at < started_at.timestamp() =>
            {
                Known::Here
            }
            Some(_) => Known::Elsewhere,
        }
    }
}

/// The objects that a build requested.
#[derive(Debug, Default)]
pub(super) struct NewObjects(BTreeMap<i64, NewObject>);

#[derive(Debug)]
struct NewObject {
    cost_us: Option<i64>,
    cached: Option<Cached>,
    used_on: i64,
}

impl NewObjects {
    /// Adds the objects of a phase, including those that were neither hit nor stored: then they are known
    /// not to be in the cache. Ignores objects beyond [`MAX_COMPILATIONS`].
    ///
    /// `has_costs`: whether the times of the compilations are processor time.
    pub fn add(
        &mut self,
        compilations: &[Compilation],
        cached: Option<Cached>,
        used_on: i64,
        has_costs: bool,
    ) {
        for compilation in compilations {
            let Some(key) = compilation.key.map(to_row_id) else {
                continue;
            };
            if self.0.len() >= MAX_COMPILATIONS && !self.0.contains_key(&key) {
                continue;
            }
            let was_cached = compilation.result.is_hit() || compilation.is_stored;
            let compile = compilation.compile.filter(|_| has_costs);
            let cost_us = compile.and_then(|time| i64::try_from(time.as_micros()).ok());
            let object = self.0.entry(key).or_insert(NewObject {
                cost_us: None,
                cached: None,
                used_on,
            });
            object.cost_us = cost_us.or(object.cost_us);
            let cache_id = |cached: Cached| cached.cache_id;
            if was_cached && object.cached.map(cache_id) != cached.map(cache_id) {
                object.cached = cached.or(object.cached);
            }
        }
    }

    /// Returns what compiling the object cost, in seconds.
    pub fn cost(&self, key: ObjectKey) -> Option<f64> {
        let object = self.0.get(&to_row_id(key))?;
        object.cost_us.map(|us| us as f64 / 1e6)
    }

    pub fn contains(&self, key: ObjectKey) -> bool {
        self.0.contains_key(&to_row_id(key))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Inserts or updates the objects. A new cost replaces an old one.
    pub fn insert(&self, database: &Connection, host_id: i64) -> rusqlite::Result<()> {
        let sql = "INSERT INTO object (key, cost_us, used_on, cache_id, cached_at, host_id) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?7) \
                   ON CONFLICT DO UPDATE SET cost_us = ifnull(?2, cost_us), \
                       used_on = max(used_on, ?3), cache_id = ifnull(?4, cache_id), \
                       cached_at = CASE WHEN ?4 IS NULL THEN cached_at \
                           WHEN cache_id = ?4 THEN min(cached_at, ?5) ELSE ?5 END \
                   WHERE ?2 IS NOT NULL OR ifnull(?4, cache_id) IS NOT cache_id \
                       OR used_on < ?3 - ?6";
        let mut insert = database.prepare_cached(sql)?;
        for (key, object) in &self.0 {
            let NewObject {
                cost_us,
                cached,
                used_on,
            } = object;
            let (cache_id, at) = (cached.map(|c| c.cache_id), cached.map(|c| c.at));
            insert.execute(params![
                key, cost_us, used_on, cache_id, at, USE_DAYS, host_id
            ])?;
        }
        Ok(())
    }
}

/// Removes objects of a host that were not used for a year, and if there are too many, the least recently used
/// ones. Looks only at some slices, because the time must not depend on the size of the table. The first byte
/// of the build's id, which is random, selects the first slice.
pub(super) fn sweep(
    database: &Connection,
    host_id: i64,
    build: Uuid,
    added: usize,
    today: i64,
) -> rusqlite::Result<()> {
    let first = u64::from(build.as_bytes()[0]);
    let slices = (1 + added / OBJECTS_PER_SLICE) as u64;
    for slice in first..first + slices.min(SLICES) {
        sweep_slice(database, host_id, slice % SLICES, today)?;
    }
    Ok(())
}

/// Returns the first and the last key of a slice.
pub(in crate::store) fn slice_range(slice: u64) -> (i64, i64) {
    let width = u64::MAX / SLICES + 1;
    // No slice contains both negative and positive keys.
    let start = slice * width;
    (start.cast_signed(), (start + (width - 1)).cast_signed())
}

fn sweep_slice(
    database: &Connection,
    host_id: i64,
    slice: u64,
    today: i64,
) -> rusqlite::Result<()> {
    let sql = "DELETE FROM object WHERE host_id = ? AND key BETWEEN ? AND ? AND used_on < ?";
    let mut remove_old = database.prepare_cached(sql)?;
    let (start, end) = slice_range(slice);
    remove_old.execute([host_id, start, end, today - KEPT_DAYS - USE_DAYS])?;
    remove_surplus(database, host_id, (start, end))
}

/// Removes the least recently used objects of a slice if there are too many.
pub(in crate::store) fn remove_surplus(
    database: &Connection,
    host_id: i64,
    (start, end): (i64, i64),
) -> rusqlite::Result<()> {
    let sql = "SELECT count(*) FROM object WHERE host_id = ? AND key BETWEEN ? AND ?";
    let mut count = database.prepare_cached(sql)?;
    let objects: usize = count.query_row([host_id, start, end], |row| row.get(0))?;
    let surplus = objects.saturating_sub(MAX_PER_SLICE);
    let sql = "DELETE FROM object WHERE host_id = ?1 AND key IN (SELECT key FROM object \
                   WHERE host_id = ?1 AND key BETWEEN ?2 AND ?3 ORDER BY used_on, key LIMIT ?4)";
    let mut remove = database.prepare_cached(sql)?;
    if surplus > 0 {
        remove.execute(params![host_id, start, end, surplus])?;
    }
    Ok(())
}
