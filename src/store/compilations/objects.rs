//! The objects of caches: what they cost, and which cache had them last.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::sccache::compilations::{Compilation, Known, MAX_COMPILATIONS, ObjectKey};

/// For so many days after its last use, an object is kept.
const KEPT_DAYS: i64 = 365;

/// An object's last use is updated if it is older, so that a warm build doesn't write every object.
const USE_DAYS: i64 = 7;

/// About so many objects are kept, in 50 MB.
const MAX_OBJECTS: i64 = 2_000_000;

/// The key space has so many slices. Each record sweeps one, and one more for each
/// [`OBJECTS_PER_SLICE`] objects.
const SLICES: u64 = 256;

/// So that builds with many objects sweep as much as they add.
const OBJECTS_PER_SLICE: usize = 1000;

/// Returns the day of a time, counting from 1970.
pub(super) fn day(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(24 * 60 * 60)
}

/// Returns the row id of a host's cache.
pub(super) fn cache_id(database: &Connection, host: &str, location: &str) -> rusqlite::Result<i64> {
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

/// SQLite's integers are signed.
fn to_row_id(key: ObjectKey) -> i64 {
    key.0.cast_signed()
}

/// The objects of some compilations that are stored.
pub(super) struct StoredObjects(HashMap<ObjectKey, (Option<i64>, Option<i64>)>);

impl StoredObjects {
    /// Reads them in the order in which they are stored.
    pub fn read(database: &Connection, compilations: &[Compilation]) -> rusqlite::Result<Self> {
        let mut keys: Vec<i64> = compilations
            .iter()
            .filter_map(|compilation| compilation.key.map(to_row_id))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let mut select =
            database.prepare_cached("SELECT cost_us, cache_id FROM object WHERE key = ?")?;
        let mut objects = HashMap::new();
        for key in keys {
            let object = select.query_row([key], |row| Ok((row.get(0)?, row.get(1)?)));
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

    /// Whether the cache had the object.
    pub fn known(&self, key: ObjectKey, cache: Option<i64>) -> Known {
        match self.0.get(&key) {
            None => Known::Never,
            Some((_, of)) if of.is_some() && *of == cache => Known::Here,
            Some(_) => Known::Elsewhere,
        }
    }
}

/// The objects that a build compiled, or got from the cache.
#[derive(Debug, Default)]
pub(super) struct NewObjects(BTreeMap<i64, NewObject>);

#[derive(Debug)]
struct NewObject {
    cost_us: Option<i64>,
    cache_id: Option<i64>,
    used_on: i64,
}

impl NewObjects {
    /// Adds the objects of a phase, also those that were looked up only: that they aren't stored is
    /// known then. Of a build with more than [`MAX_COMPILATIONS`] objects, the others are ignored.
    ///
    /// `has_costs`: the times of the compilations are processor time.
    pub fn add(
        &mut self,
        compilations: &[Compilation],
        cache: Option<i64>,
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
                cache_id: None,
                used_on,
            });
            object.cost_us = cost_us.or(object.cost_us);
            object.cache_id = cache.filter(|_| was_cached).or(object.cache_id);
        }
    }

    /// Returns what compiling the object cost, in seconds.
    pub fn cost(&self, key: ObjectKey) -> Option<f64> {
        let object = self.0.get(&to_row_id(key))?;
        object.cost_us.map(|us| us as f64 / 1e6)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Stores the objects. A cost replaces an older one.
    pub fn insert(&self, database: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT INTO object (key, cost_us, used_on, cache_id) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT DO UPDATE SET cost_us = ifnull(?2, cost_us), \
                       used_on = max(used_on, ?3), cache_id = ifnull(?4, cache_id) \
                   WHERE ?2 IS NOT NULL OR ifnull(?4, cache_id) IS NOT cache_id \
                       OR used_on < ?3 - ?5";
        let mut insert = database.prepare_cached(sql)?;
        for (key, object) in &self.0 {
            let NewObject {
                cost_us,
                cache_id,
                used_on,
            } = object;
            insert.execute(params![key, cost_us, used_on, cache_id, USE_DAYS])?;
        }
        Ok(())
    }
}

/// Removes objects that were not used for a year, and the least recently used of too many, in a part of
/// the table that depends on how many objects were added, but not on how many there are.
///
/// The id of the build selects the part: keys and ids are equally distributed.
pub(super) fn sweep(
    database: &Connection,
    build: Uuid,
    added: usize,
    today: i64,
) -> rusqlite::Result<()> {
    let sql = "DELETE FROM object WHERE key BETWEEN ? AND ? AND used_on < ?";
    let mut remove_old = database.prepare_cached(sql)?;
    let sql = "SELECT count(*) FROM object WHERE key BETWEEN ? AND ?";
    let mut count = database.prepare_cached(sql)?;
    let sql = "DELETE FROM object WHERE key IN (SELECT key FROM object WHERE key BETWEEN ? AND ? \
               ORDER BY used_on, key LIMIT ?)";
    let mut remove = database.prepare_cached(sql)?;
    let first = u64::from(build.as_bytes()[0]);
    let slices = (1 + added / OBJECTS_PER_SLICE) as u64;
    for slice in first..first + slices.min(SLICES) {
        let width = u64::MAX / SLICES + 1;
        let start = (slice % SLICES) * width;
        // A slice is in one half of the key space, so its bounds keep their order as signed integers.
        let (start, end) = (start.cast_signed(), (start + (width - 1)).cast_signed());
        remove_old.execute([start, end, today - KEPT_DAYS - USE_DAYS])?;
        let objects: i64 = count.query_row([start, end], |row| row.get(0))?;
        let surplus = objects - MAX_OBJECTS / SLICES.cast_signed();
        if surplus > 0 {
            remove.execute([start, end, surplus])?;
        }
    }
    Ok(())
}
