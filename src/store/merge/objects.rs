//! Merges the costs of objects.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::rc::Rc;

use chrono::Utc;
use rusqlite::{Row, ToSql, Transaction};

use super::source::{MAX_SECONDS, check_us};
use super::{MergeError, Merger};
use crate::error::{Result, ensure};
use crate::portage::{self, check_text};
use crate::store::columns::str_at;
use crate::store::compilations::objects;
use crate::store::insert::insert_rows;
use crate::store::{Result as StoreResult, Store};

/// The longest location of a cache in bytes, as that of a phase.
const MAX_LOCATION: usize = 512;

/// The number of slices of objects that are in memory at once.
const SLICES: usize = 16;

/// The number of objects that are written at once, between two checks of the time.
const OBJECTS: usize = 1024;

/// Objects by their keys.
type Objects = Vec<(i64, Object)>;

/// An object in one of the databases. Of two rows of an object, the greater one counts, which is newer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    used_on: i64,
    cached_at: Option<i64>,
    cost_us: Option<i64>,
    location: Option<Rc<str>>,
}

impl Merger<'_> {
    /// Adds the costs of objects.
    pub(super) fn merge_objects(&mut self) -> Result<(), MergeError> {
        let sql =
            "SELECT id, name FROM host WHERE EXISTS (SELECT 1 FROM object WHERE host_id = host.id)";
        let hosts = self.readable_rows(sql, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        let slices: Vec<(i64, i64)> = (0..objects::SLICES).map(objects::slice_range).collect();
        for (their_id, host) in hosts {
            let checked = check_text(&host, 255);
            if let Err(error) = checked {
                self.skip(|| format!("a host: {error}"));
                continue;
            }
            for slices in slices.chunks(SLICES) {
                self.merge_slices(their_id, &host, slices)?;
            }
        }
        Ok(())
    }

    /// Adds the objects of a host with keys in some ranges.
    fn merge_slices(
        &mut self,
        their_id: i64,
        host: &str,
        slices: &[(i64, i64)],
    ) -> Result<(), MergeError> {
        // No other database may push out what this host itself has recorded.
        let is_own = host == portage::host();
        let sql = "SELECT id FROM host WHERE name = ?";
        let our_id = self.store.query(sql, [host], |row| row.get(0));
        let our_id: Option<i64> = our_id.map_err(MergeError::Target)?.first().copied();
        let limited = self.source.store.limit_query_time();
        limited.map_err(MergeError::source)?;
        let theirs = read_slices(&self.source.store, Some(their_id), slices);
        let ours = read_slices(self.store, our_id, slices).map_err(MergeError::Target)?;
        let (mut changed, mut full) = (Vec::new(), Vec::new());
        let slices = slices
            .iter()
            .zip(theirs.map_err(MergeError::source)?)
            .zip(ours);
        for ((slice, theirs), ours) in slices {
            let count = ours.len();
            let (mut known, mut new) = self.newer_objects(host, theirs, ours);
            if is_own {
                keep_newest(&mut new, objects::MAX_PER_SLICE.saturating_sub(count));
            } else if count + new.len() > objects::MAX_PER_SLICE {
                full.push(*slice);
            }
            changed.append(&mut known);
            changed.append(&mut new);
        }
        let chunks: Vec<&[(i64, Object)]> = changed.chunks(OBJECTS).collect();
        self.write_all(&chunks, |transaction, objects| {
            write_objects(transaction, host, objects)
        })?;
        self.write_all(&full, |transaction, slice| {
            let host_id = objects::host_id(transaction, host)?;
            objects::remove_surplus(transaction, host_id, *slice)
        })
    }

    /// Returns the objects of a slice that are newer than ours, and those that are missing here.
    fn newer_objects(&mut self, host: &str, theirs: Objects, ours: Objects) -> (Objects, Objects) {
        // A day in the future would keep an object from being removed.
        let tomorrow = objects::day(Utc::now()) + 1;
        let (mut newer, mut missing) = (Vec::new(), Vec::new());
        let mut ours = ours.into_iter().peekable();
        for (key, object) in theirs {
            while ours.next_if(|(our_key, _)| *our_key < key).is_some() {}
            let ours = ours.next_if(|(our_key, _)| *our_key == key);
            if ours.as_ref().is_some_and(|(_, ours)| *ours >= object) {
                continue;
            }
            if let Err(error) = object.check(tomorrow) {
                self.skip(|| format!("an object of {host}: {error}"));
            } else if ours.is_some() {
                newer.push((key, object));
            } else {
                missing.push((key, object));
            }
        }
        (newer, missing)
    }
}

/// Returns the objects of a host in each of these ranges of keys, sorted by key: no more than may be kept, the newest.
fn read_slices(
    store: &Store,
    host_id: Option<i64>,
    slices: &[(i64, i64)],
) -> StoreResult<Vec<Objects>> {
    let sql = "SELECT id, location FROM cache";
    // A text that can't be read is an unknown location.
    let read = |row: &Row<'_>| Ok((row.get(0)?, str_at(row, 1).ok().flatten().map(Rc::from)));
    let locations = store.query(sql, (), read)?.into_iter();
    let locations: HashMap<i64, Rc<str>> = locations
        .filter_map(|(id, location)| Some((id, location?)))
        .collect();
    let mut read = Vec::new();
    for (start, end) in slices {
        let mut objects = Vec::new();
        let sql = "SELECT key, used_on, cached_at, cost_us, cache_id FROM object
             WHERE host_id = ? AND key BETWEEN ? AND ? ORDER BY key";
        store.each_row(sql, (host_id, start, end), |row| {
            if objects.len() == 2 * objects::MAX_PER_SLICE {
                keep_newest(&mut objects, objects::MAX_PER_SLICE);
            }
            objects.push(Object::read(row, &locations)?);
            Ok(())
        })?;
        keep_newest(&mut objects, objects::MAX_PER_SLICE);
        read.push(objects);
    }
    Ok(read)
}

/// Removes all but so many of the newest objects.
fn keep_newest(objects: &mut Objects, count: usize) {
    if objects.len() > count {
        objects.sort_unstable_by_key(|(key, object)| Reverse((object.used_on, *key)));
        objects.truncate(count);
        objects.sort_unstable_by_key(|(key, _)| *key);
    }
}

fn write_objects(
    transaction: &Transaction<'_>,
    host: &str,
    objects: &[(i64, Object)],
) -> rusqlite::Result<()> {
    let host_id = objects::host_id(transaction, host)?;
    let mut cache_ids: HashMap<&str, i64> = HashMap::new();
    let mut cache_id = |location| -> rusqlite::Result<i64> {
        if let Some(id) = cache_ids.get(location) {
            return Ok(*id);
        }
        let id = objects::cache_id(transaction, host, location)?;
        cache_ids.insert(location, id);
        Ok(id)
    };
    let mut rows: Vec<[Option<i64>; 6]> = Vec::new();
    for (key, object) in objects {
        let cache_id = object.location.as_deref().map(&mut cache_id).transpose()?;
        let (used_on, cached_at) = (Some(object.used_on), object.cached_at);
        let (host_id, key) = (Some(host_id), Some(*key));
        rows.push([host_id, key, object.cost_us, used_on, cache_id, cached_at]);
    }
    // Another process may have recorded a newer row.
    let sql =
        "INSERT INTO object (host_id, key, cost_us, used_on, cache_id, cached_at) VALUES {rows}
         ON CONFLICT DO UPDATE SET cost_us = excluded.cost_us, used_on = excluded.used_on,
            cache_id = excluded.cache_id, cached_at = excluded.cached_at
         WHERE (object.used_on, ifnull(object.cached_at, -1), ifnull(object.cost_us, -1))
            <= (excluded.used_on, ifnull(excluded.cached_at, -1), ifnull(excluded.cost_us, -1))";
    insert_rows(transaction, sql, &rows, |row| {
        row.each_ref().map(|value| value as &dyn ToSql)
    })
}

impl Object {
    fn read(row: &Row<'_>, locations: &HashMap<i64, Rc<str>>) -> rusqlite::Result<(i64, Self)> {
        let cache_id: Option<i64> = row.get(4)?;
        let object = Self {
            used_on: row.get(1)?,
            cached_at: row.get(2)?,
            cost_us: row.get(3)?,
            location: cache_id.and_then(|id| locations.get(&id)).cloned(),
        };
        Ok((row.get(0)?, object))
    }

    fn check(&self, tomorrow: i64) -> Result<()> {
        check_us(self.cost_us)?;
        let days = 0..=tomorrow;
        ensure!(
            days.contains(&self.used_on),
            "a day is out of range: {}",
            self.used_on
        );
        let at = self.cached_at.unwrap_or_default();
        ensure!(
            (0..=MAX_SECONDS).contains(&at),
            "a time is out of range: {at}"
        );
        check_text(self.location.as_deref().unwrap_or_default(), MAX_LOCATION)
    }
}
