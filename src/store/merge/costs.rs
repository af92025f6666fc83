//! Merges what recording compares a host's next build with: lists of compilations, former units, and objects.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Merger, PIECE};
use crate::sccache::compilations::FormerUnits;
use crate::store::compilations::{lists, objects};
use crate::store::{Error, Result};

/// The lists of builds that are here without them, because another database kept fewer, unless here, too, are
/// `?` newer ones.
const MISSING_LISTS: &str = "SELECT theirs.phase_id, ours.id, theirs.package, theirs.host
    FROM source.compilation_list AS theirs
    CROSS JOIN source.phase AS their_phase ON their_phase.id = theirs.phase_id
    CROSS JOIN source.build AS their_build ON their_build.id = their_phase.build_id
    CROSS JOIN main.build AS our_build ON our_build.uuid = their_build.uuid
    CROSS JOIN main.phase AS ours
        ON ours.build_id = our_build.id AND ours.position = their_phase.position
    WHERE NOT EXISTS (SELECT 1 FROM main.compilation_list WHERE phase_id = ours.id)
        AND ? > (SELECT count(DISTINCT build_id) FROM main.compilation_list AS newer
            CROSS JOIN main.phase ON phase.id = newer.phase_id
            WHERE newer.package = theirs.package AND newer.host = theirs.host
                AND newer.started_at_us > theirs.started_at_us)";

const INSERT_LIST: &str = "INSERT INTO main.compilation_list
    SELECT ?2, package, host, started_at_us, compilations FROM source.compilation_list
    WHERE phase_id = ?1 ON CONFLICT DO NOTHING";

/// The units of packages that are here, where they differ.
const OTHER_UNITS: &str = "SELECT package, host, phase, theirs.units, theirs.unlisted_at_us, ours.units,
        theirs.unlisted_at_us > ifnull(ours.unlisted_at_us, theirs.unlisted_at_us - 1)
    FROM source.former_units AS theirs LEFT JOIN main.former_units AS ours USING (package, host, phase)
    WHERE (ours.units IS NOT theirs.units
            OR theirs.unlisted_at_us > ifnull(ours.unlisted_at_us, theirs.unlisted_at_us - 1))
        AND EXISTS (SELECT 1 FROM main.build
            WHERE build.package = theirs.package AND build.host = theirs.host)";

const MERGE_UNITS: &str =
    "INSERT INTO main.former_units (package, host, phase, units, unlisted_at_us)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT DO UPDATE SET units = ?4,
        unlisted_at_us = max(ifnull(unlisted_at_us, ?5), ifnull(?5, unlisted_at_us))";

const INSERT_HOSTS: &str = "
    INSERT INTO main.host (name, builds) SELECT name, 0 FROM source.host WHERE TRUE ON CONFLICT DO NOTHING;
    INSERT INTO main.cache (host, location) SELECT host, location FROM source.cache WHERE TRUE
    ON CONFLICT DO NOTHING";

/// The hosts of objects, with their ids in both databases, and the day since when their objects are kept.
const CREATE_OBJECT_HOSTS: &str = "CREATE TEMP TABLE object_host AS
    SELECT theirs.id AS their_id, ours.id AS our_id, newest.used_on - ? AS since, newest.used_on AS today
    FROM source.host AS theirs JOIN main.host AS ours ON ours.name = theirs.name
    JOIN (SELECT host_id, max(used_on) AS used_on FROM source.object GROUP BY host_id) AS newest
        ON newest.host_id = theirs.id";

/// The number of objects of which a transaction writes those that differ.
const OBJECTS: i64 = 20_000;

/// Whether objects of a host, with keys above the first and up to the second parameter, differ.
const DIFFERENT_OBJECTS: &str = "SELECT EXISTS (SELECT 1 FROM temp.object_host
    CROSS JOIN source.object AS theirs ON theirs.host_id = their_id
    LEFT JOIN main.object AS ours ON ours.host_id = our_id AND ours.key = theirs.key
    WHERE their_id = ? AND theirs.key BETWEEN ? AND ? AND theirs.used_on >= since
        AND (ours.key IS NULL
            OR (theirs.used_on, ifnull(theirs.cached_at, -1), ifnull(theirs.cost_us, -1))
                > (ours.used_on, ifnull(ours.cached_at, -1), ifnull(ours.cost_us, -1))))";

/// Of two rows of an object, the newer one counts.
const MERGE_OBJECTS: &str =
    "INSERT INTO main.object (host_id, key, cost_us, used_on, cache_id, cached_at)
    SELECT our_id, theirs.key, theirs.cost_us, theirs.used_on, our_cache.id, theirs.cached_at
    FROM temp.object_host
    CROSS JOIN source.object AS theirs ON theirs.host_id = their_id
    LEFT JOIN source.cache AS their_cache ON their_cache.id = theirs.cache_id
    LEFT JOIN main.cache AS our_cache
        ON our_cache.host = their_cache.host AND our_cache.location = their_cache.location
    WHERE their_id = ? AND theirs.key BETWEEN ? AND ? AND theirs.used_on >= since
    ON CONFLICT DO UPDATE SET cost_us = excluded.cost_us, used_on = excluded.used_on,
        cache_id = excluded.cache_id, cached_at = excluded.cached_at
    WHERE (excluded.used_on, ifnull(excluded.cached_at, -1), ifnull(excluded.cost_us, -1))
        > (used_on, ifnull(cached_at, -1), ifnull(cost_us, -1))";

/// A list that is missing here.
struct MissingList {
    their_phase: i64,
    our_phase: i64,
    package: String,
    host: String,
}

/// The former units of a phase of a package on a host.
struct Units {
    names: [String; 3],
    units: Vec<u8>,
    unlisted_at_us: Option<i64>,
}

impl Merger<'_> {
    /// Adds the lists that builds lack.
    pub(super) fn lists(&mut self) -> Result<()> {
        let kept_builds = self.store.kept_builds;
        let missing = self.store.query(MISSING_LISTS, [kept_builds], |row| {
            Ok(MissingList {
                their_phase: row.get(0)?,
                our_phase: row.get(1)?,
                package: row.get(2)?,
                host: row.get(3)?,
            })
        })?;
        self.write_pieces(&missing, |connection, list| {
            let ids = (list.their_phase, list.our_phase);
            connection.prepare_cached(INSERT_LIST)?.execute(ids)?;
            lists::remove_old(connection, &list.package, &list.host, kept_builds)
        })
    }

    /// Adds the units of builds whose lists are no longer kept.
    pub(super) fn former_units(&mut self) -> Result<()> {
        let others = self.store.query(OTHER_UNITS, (), |row| {
            let theirs: Vec<u8> = row.get(3)?;
            let ours: Option<Vec<u8>> = row.get(5)?;
            let mut units = FormerUnits::from_bytes(&theirs);
            units.merge(FormerUnits::from_bytes(ours.as_deref().unwrap_or_default()));
            let units = units.to_bytes();
            let is_later = row.get::<_, Option<bool>>(6)? == Some(true);
            let is_new = is_later || ours.is_none_or(|ours| ours != units);
            Ok(is_new.then_some(Units {
                names: [row.get(0)?, row.get(1)?, row.get(2)?],
                units,
                unlisted_at_us: row.get(4)?,
            }))
        })?;
        let others: Vec<Units> = others.into_iter().flatten().collect();
        self.write_pieces(&others, |connection, other| {
            let [package, host, phase] = &other.names;
            let values = params![package, host, phase, other.units, other.unlisted_at_us];
            connection.prepare_cached(MERGE_UNITS)?.execute(values)?;
            Ok(())
        })
    }

    /// Writes rows, some in each transaction.
    fn write_pieces<T>(
        &mut self,
        rows: &[T],
        write: impl Fn(&Connection, &T) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let path = self.store.path.clone();
        for piece in rows.chunks(PIECE as usize) {
            self.write(|transaction| {
                let written = piece.iter().try_for_each(|row| write(transaction, row));
                written.map_err(|error| Error::from_sqlite(&path, error))
            })?;
        }
        Ok(())
    }

    /// Adds the costs of objects.
    pub(super) fn objects(&mut self) -> Result<()> {
        let path = self.store.path.clone();
        let failed = |error| Error::from_sqlite(&path, error);
        let sql = "SELECT EXISTS (SELECT 1 FROM source.host WHERE name NOT IN (SELECT name FROM main.host))
            OR EXISTS (SELECT host, location FROM source.cache EXCEPT SELECT host, location FROM main.cache)";
        let is_new = self.store.connection.query_row(sql, (), |row| row.get(0));
        if is_new.map_err(failed)? {
            self.write(|transaction| transaction.execute_batch(INSERT_HOSTS).map_err(failed))?;
        }
        let connection = &self.store.connection;
        let days = objects::KEPT_DAYS + objects::USE_DAYS;
        connection
            .execute(CREATE_OBJECT_HOSTS, [days])
            .map_err(failed)?;
        let sql = "SELECT their_id, our_id, today FROM temp.object_host";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        for (their_id, our_id, today) in self.store.query(sql, (), read)? {
            if self.objects_of(their_id)? {
                self.write(|transaction| {
                    objects::sweep_all(transaction, our_id, today).map_err(failed)
                })?;
            }
        }
        Ok(())
    }

    /// Adds the objects of a host. Returns whether one of them differs.
    fn objects_of(&mut self, their_id: i64) -> Result<bool> {
        let path = self.store.path.clone();
        let failed = |error| Error::from_sqlite(&path, error);
        let (mut start, mut has_changed) = (i64::MIN, false);
        loop {
            let sql = "SELECT key FROM source.object WHERE host_id = ? AND key >= ?
                 ORDER BY key LIMIT 1 OFFSET ?";
            let connection = &self.store.connection;
            let key = connection.query_row(sql, (their_id, start, OBJECTS), |row| row.get(0));
            let end: i64 = key.optional().map_err(failed)?.unwrap_or(i64::MAX);
            let range = (their_id, start, end);
            let differs = connection
                .prepare_cached(DIFFERENT_OBJECTS)
                .and_then(|mut statement| statement.query_row(range, |row| row.get(0)));
            if differs.map_err(failed)? {
                has_changed = true;
                self.write(|transaction| {
                    let merge = transaction.prepare_cached(MERGE_OBJECTS);
                    let merged = merge.and_then(|mut merge| merge.execute(range));
                    merged.map_err(failed)
                })?;
            }
            if end == i64::MAX {
                return Ok(has_changed);
            }
            start = end;
        }
    }
}
