//! Merges builds, each with all its rows.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::{MergeResult, Merger, PIECE};
use crate::sccache::{Counts, Stats};
use crate::store::compilations::lists;
use crate::store::{Error, Result, savings};

/// Selects the builds of a piece that are in neither `build` nor `forgotten`. The line of a build in a log has
/// another uuid than the recorded build: see [`imported_id`](crate::portage::imported_id).
const SELECT_NEW: &str = "INSERT INTO temp.new_build
    SELECT theirs.* FROM source.build AS theirs
    WHERE theirs.id > ? AND theirs.id <= ?
        AND NOT EXISTS (SELECT 1 FROM main.build WHERE uuid = theirs.uuid)
        AND NOT EXISTS (SELECT 1 FROM main.forgotten WHERE uuid = theirs.uuid)
        AND CASE WHEN theirs.is_imported THEN
            NOT EXISTS (SELECT 1 FROM main.build AS ours
                WHERE ours.package = theirs.package AND ours.started_at_us = theirs.started_at_us
                    AND imported_uuid(ours.package, ours.version, ours.uuid) = theirs.uuid)
            AND NOT EXISTS (SELECT 1 FROM main.forgotten AS ours
                WHERE ours.package = theirs.package AND ours.started_at_us = theirs.started_at_us
                    AND imported_uuid(ours.package, ours.version, ours.uuid) = theirs.uuid)
        ELSE
            NOT EXISTS (SELECT 1 FROM main.build
                WHERE uuid = imported_uuid(theirs.package, theirs.version, theirs.uuid))
            AND NOT EXISTS (SELECT 1 FROM main.forgotten
                WHERE uuid = imported_uuid(theirs.package, theirs.version, theirs.uuid))
        END";

/// Selects the builds of a piece that replace the same one here. Of two imports of a log, the one counts that
/// comes first in the order of their columns. A recorded build changes only if its phases turn out to have
/// shared their server.
const SELECT_CHANGED: &str = "INSERT INTO temp.new_build
    SELECT theirs.* FROM source.build AS theirs JOIN main.build AS ours ON ours.uuid = theirs.uuid
    WHERE theirs.id > ? AND theirs.id <= ? AND CASE WHEN theirs.is_imported AND ours.is_imported THEN
        json_array(theirs.host, theirs.version, theirs.slot, theirs.repository, theirs.outcome,
            theirs.started_at_us, theirs.finished_at_us, theirs.attribution, theirs.sccache_version,
            theirs.phases, theirs.measured_phases, theirs.hits, theirs.misses, theirs.errors,
            theirs.requests, theirs.executed, theirs.non_cacheable, theirs.compile_failures,
            theirs.time_saved_us)
        < json_array(ours.host, ours.version, ours.slot, ours.repository, ours.outcome,
            ours.started_at_us, ours.finished_at_us, ours.attribution, ours.sccache_version,
            ours.phases, ours.measured_phases, ours.hits, ours.misses, ours.errors,
            ours.requests, ours.executed, ours.non_cacheable, ours.compile_failures,
            ours.time_saved_us)
    ELSE theirs.measured_phases < ours.measured_phases END";

/// Selects the recorded builds of a piece that are here from their lines in logs.
const SELECT_RECORDED: &str = "INSERT INTO temp.new_build
    SELECT theirs.* FROM source.build AS theirs
    WHERE theirs.id > ? AND theirs.id <= ? AND NOT theirs.is_imported
        AND NOT EXISTS (SELECT 1 FROM main.build WHERE uuid = theirs.uuid)
        AND NOT EXISTS (SELECT 1 FROM main.forgotten WHERE uuid = theirs.uuid)
        AND EXISTS (SELECT 1 FROM main.build AS ours
            WHERE ours.uuid = imported_uuid(theirs.package, theirs.version, theirs.uuid))";

const COUNT_FORGOTTEN: &str = "SELECT count(*) FROM source.build AS theirs
    WHERE theirs.id > ? AND theirs.id <= ?
        AND NOT EXISTS (SELECT 1 FROM main.build WHERE uuid = theirs.uuid)
        AND (EXISTS (SELECT 1 FROM main.forgotten WHERE uuid IN
                (theirs.uuid, imported_uuid(theirs.package, theirs.version, theirs.uuid)))
            OR theirs.is_imported AND EXISTS (SELECT 1 FROM main.forgotten AS ours
                WHERE ours.package = theirs.package AND ours.started_at_us = theirs.started_at_us
                    AND imported_uuid(ours.package, ours.version, ours.uuid) = theirs.uuid))";

const REMOVE_REPLACED: &str = "
    CREATE TEMP TABLE kept_counter AS SELECT * FROM main.counter;
    CREATE TEMP TABLE kept_package_counter AS SELECT * FROM main.package_counter;
    DELETE FROM main.build WHERE uuid IN (SELECT uuid FROM temp.new_build UNION ALL
        SELECT imported_uuid(package, version, uuid) FROM temp.new_build WHERE NOT is_imported)";

/// The counters have the replaced builds already.
const KEEP_COUNTERS: &str = "DELETE FROM main.counter";

/// The same, except what follows from compilations, which imported builds don't have.
const KEEP_COUNTERS_OF_LINES: &str =
    "DELETE FROM main.counter WHERE name NOT IN ('misses', 'lookup_cost_us')";

const RESTORE_COUNTERS: &str = "
    INSERT OR IGNORE INTO main.counter SELECT * FROM temp.kept_counter;
    DELETE FROM main.package_counter;
    INSERT INTO main.package_counter SELECT * FROM temp.kept_package_counter;
    DROP TABLE temp.kept_counter;
    DROP TABLE temp.kept_package_counter;
    DELETE FROM main.hour_sum WHERE builds = 0";

/// Finds values of a piece with which sums would overflow, or which no report can read. The bounds are those of
/// `src/portage/check.rs`, for 256 phases.
const FIND_IMPOSSIBLE: &str = "
    SELECT uuid FROM temp.new_build
    WHERE uuid NOT GLOB '????????-????-????-????-????????????' OR uuid GLOB '*[^-0-9a-f]*'
        OR length(replace(uuid, '-', '')) <> 32
        OR NOT (started_at_us BETWEEN 0 AND 253402300799999999
            AND finished_at_us BETWEEN 0 AND 253402300799999999
            AND min(ifnull(hits, 0), ifnull(misses, 0), ifnull(errors, 0), ifnull(requests, 0),
                ifnull(executed, 0), ifnull(non_cacheable, 0), ifnull(compile_failures, 0),
                ifnull(evicted_misses, 0), ifnull(processor_us, 0), ifnull(hit_cost_us, 0),
                ifnull(miss_cost_us, 0), ifnull(exact_cost_us, 0), phases, measured_phases) >= 0
            AND max(ifnull(hits, 0), ifnull(misses, 0), ifnull(errors, 0), ifnull(requests, 0),
                ifnull(executed, 0), ifnull(non_cacheable, 0), ifnull(compile_failures, 0),
                ifnull(evicted_misses, 0)) <= 256000000000
            AND max(phases, measured_phases) <= 1000
            AND max(ifnull(processor_us, 0), ifnull(hit_cost_us, 0), ifnull(miss_cost_us, 0),
                ifnull(exact_cost_us, 0), abs(ifnull(time_saved_us, 0))) <= 1000000000000000)
    UNION ALL
    SELECT new_build.uuid FROM temp.new_phase JOIN temp.new_build ON new_build.id = build_id
    WHERE NOT (new_phase.started_at_us BETWEEN 0 AND 253402300799999999
        AND new_phase.finished_at_us BETWEEN 0 AND 253402300799999999
        AND ifnull(new_phase.read_errors, 0) BETWEEN 0 AND 1000000000
        AND ifnull(new_phase.write_errors, 0) BETWEEN 0 AND 1000000000
        AND ifnull(new_phase.misses, 0) BETWEEN 0 AND 1000000000
        AND ifnull(new_phase.compilations, 0) BETWEEN 0 AND 1000000000)
    LIMIT 1";

const INSERT_EMERGES: &str = "
    INSERT INTO main.emerge (uuid, host, command, started_at_us)
    SELECT uuid, host, command, started_at_us FROM source.emerge
    WHERE id IN (SELECT emerge_id FROM temp.new_build) ORDER BY id
    ON CONFLICT (uuid) DO NOTHING;
    UPDATE temp.new_build SET emerge_id = (SELECT ours.id
        FROM source.emerge AS theirs JOIN main.emerge AS ours ON ours.uuid = theirs.uuid
        WHERE theirs.id = emerge_id)
    WHERE emerge_id IS NOT NULL";

const SELECT_PHASES: &str = "INSERT INTO temp.new_phase SELECT phase.*
    FROM temp.new_build CROSS JOIN source.phase ON phase.build_id = new_build.id";

/// The rows below a phase. The parameter is what was added to the ids of phases.
const INSERT_PARTS: [&str; 6] = [
    "INSERT INTO main.phase_language
     SELECT new_phase.id, part.language, part.hits, part.misses, part.errors
     FROM temp.new_phase CROSS JOIN source.phase_language AS part ON part.phase_id = new_phase.id - ?",
    "INSERT INTO main.phase_compiler
     SELECT new_phase.id, part.compiler, part.hits, part.misses, part.errors
     FROM temp.new_phase CROSS JOIN source.phase_compiler AS part ON part.phase_id = new_phase.id - ?",
    "INSERT INTO main.not_cached SELECT new_phase.id, part.reason, part.calls
     FROM temp.new_phase CROSS JOIN source.not_cached AS part ON part.phase_id = new_phase.id - ?",
    "INSERT INTO main.miss_reason SELECT new_phase.id, part.reason, part.misses, part.compile_us
     FROM temp.new_phase CROSS JOIN source.miss_reason AS part ON part.phase_id = new_phase.id - ?",
    "INSERT INTO main.stable_path_effect SELECT new_phase.id, part.avoidable_misses, part.avoidable_us,
         part.gained_hits, part.gained_us
     FROM temp.new_phase CROSS JOIN source.stable_path_effect AS part
         ON part.phase_id = new_phase.id - ?",
    "INSERT INTO main.compilation_list
     SELECT new_phase.id, part.package, part.host, part.started_at_us, part.compilations
     FROM temp.new_phase CROSS JOIN source.compilation_list AS part ON part.phase_id = new_phase.id - ?",
];

impl Merger<'_> {
    /// Merges the builds of the attached database, a copy of the one at `source`.
    pub(super) fn builds(&mut self, source: &Path) -> Result<MergeResult> {
        let mut result = MergeResult::default();
        let connection = &self.store.connection;
        create_tables(connection).map_err(|error| self.store.error(error))?;
        let mut start = i64::MIN;
        while let Some((end, builds)) = self.next_piece(start)? {
            let range = (start, end);
            let added = self.add(SELECT_NEW, range, |transaction| insert(transaction, source))?;
            self.add(SELECT_CHANGED, range, |transaction| {
                replace(transaction, source, KEEP_COUNTERS)
            })?;
            self.add(SELECT_RECORDED, range, |transaction| {
                replace(transaction, source, KEEP_COUNTERS_OF_LINES)
            })?;
            let forgotten = self
                .store
                .connection
                .prepare_cached(COUNT_FORGOTTEN)
                .and_then(|mut count| count.query_row(range, |row| row.get(0)));
            let forgotten: u64 = forgotten.map_err(|error| self.store.error(error))?;
            result.added += added;
            result.forgotten += forgotten;
            result.recorded += builds - added - forgotten;
            start = end;
        }
        Ok(result)
    }

    /// Returns the last id of the piece that begins after `start`, and its number of builds.
    fn next_piece(&self, start: i64) -> Result<Option<(i64, u64)>> {
        let sql = "SELECT max(id), count(*) FROM
            (SELECT id FROM source.build WHERE id > ? ORDER BY id LIMIT ?) HAVING count(*) > 0";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let piece = self
            .store
            .connection
            .query_row(sql, (start, PIECE), read)
            .optional();
        piece.map_err(|error| self.store.error(error))
    }

    /// Runs a transaction on the builds that a statement selects, if there are any. Returns their number.
    fn add(
        &mut self,
        select: &str,
        range: (i64, i64),
        insert: impl FnOnce(&Connection) -> Result<()>,
    ) -> Result<u64> {
        let selected = fill(&self.store.connection, select, range);
        if selected.map_err(|error| self.store.error(error))? == 0 {
            return Ok(0);
        }
        let path = self.store.path.clone();
        let kept_builds = self.store.kept_builds;
        self.write(|transaction| {
            // Another process may have recorded or removed some.
            let failed = |error| Error::from_sqlite(&path, error);
            let selected = fill(transaction, select, range).map_err(failed)?;
            insert(transaction)?;
            remove_old_lists(transaction, kept_builds).map_err(failed)?;
            Ok(selected)
        })
    }
}

fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TEMP TABLE new_build AS SELECT * FROM source.build LIMIT 0;
         CREATE TEMP TABLE new_phase AS SELECT * FROM source.phase LIMIT 0",
    )
}

/// Fills `new_build`, and returns the number of its rows.
fn fill(connection: &Connection, select: &str, range: (i64, i64)) -> rusqlite::Result<u64> {
    let clear = "DELETE FROM temp.new_build";
    connection.prepare_cached(clear)?.execute(())?;
    let selected = connection.prepare_cached(select)?.execute(range)?;
    Ok(selected as u64)
}

/// Inserts the builds of `new_build`, and adds their costs.
fn insert(connection: &Connection, source: &Path) -> Result<()> {
    insert_rows(connection, source)?;
    let path = connection.path().unwrap_or_default();
    add_costs(connection).map_err(|error| Error::from_sqlite(Path::new(path), error))
}

/// Inserts the builds of `new_build` instead of those that they replace.
fn replace(connection: &Connection, source: &Path, keep_counters: &str) -> Result<()> {
    let path = connection.path().unwrap_or_default();
    let failed = |error| Error::from_sqlite(Path::new(path), error);
    connection.execute_batch(REMOVE_REPLACED).map_err(failed)?;
    insert_rows(connection, source)?;
    let restored = connection.execute_batch(keep_counters);
    restored.map_err(failed)?;
    connection.execute_batch(RESTORE_COUNTERS).map_err(failed)?;
    let sql = "SELECT DISTINCT package FROM temp.new_build";
    let packages = || -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(sql)?;
        let packages = statement.query_map((), |row| row.get(0))?;
        packages.collect()
    };
    for package in packages().map_err(failed)? {
        savings::recompute(connection, &package).map_err(failed)?;
    }
    Ok(())
}

/// Inserts the builds of `new_build` with all their rows. Their ids follow on those that are there.
fn insert_rows(connection: &Connection, source: &Path) -> Result<()> {
    let path = connection.path().unwrap_or_default();
    let failed = |error| Error::from_sqlite(Path::new(path), error);
    connection.execute_batch(INSERT_EMERGES).map_err(failed)?;
    let execute = |sql, params: &[i64]| -> rusqlite::Result<usize> {
        let params = rusqlite::params_from_iter(params);
        connection.prepare_cached(sql)?.execute(params)
    };
    let insert = || -> rusqlite::Result<Option<String>> {
        execute("DELETE FROM temp.new_phase", &[])?;
        execute(SELECT_PHASES, &[])?;
        let mut impossible = connection.prepare_cached(FIND_IMPOSSIBLE)?;
        if let Some(uuid) = impossible.query_row((), |row| row.get(0)).optional()? {
            return Ok(Some(uuid));
        }
        let sql = "SELECT (SELECT ifnull(max(id), 0) + 1 FROM main.build)
                - (SELECT min(id) FROM temp.new_build),
            (SELECT ifnull(max(id), 0) + 1 FROM main.phase)
                - (SELECT ifnull(min(id), 0) FROM temp.new_phase)";
        let (builds, phases) =
            connection.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        execute("UPDATE temp.new_build SET id = id + ?", &[builds])?;
        let sql = "UPDATE temp.new_phase SET id = id + ?, build_id = build_id + ?";
        execute(sql, &[phases, builds])?;
        let sql = "INSERT INTO main.build SELECT * FROM temp.new_build ORDER BY id";
        execute(sql, &[])?;
        let sql = "INSERT INTO main.phase SELECT * FROM temp.new_phase ORDER BY id";
        execute(sql, &[])?;
        for sql in INSERT_PARTS {
            execute(sql, &[phases])?;
        }
        Ok(None)
    };
    match insert().map_err(failed)? {
        None => Ok(()),
        Some(uuid) => {
            let uuid = crate::text::printable(&uuid, 64);
            let problem = format!("build {uuid} has an impossible value");
            Err(Error::BadRow(source.to_path_buf(), problem))
        }
    }
}

/// Adds what the compilations of the inserted phases cost.
fn add_costs(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT package, host, version, phase.misses, compilations, compiler_seconds, processor_seconds,
            (SELECT json_group_object(language, misses) FROM main.phase_language
             WHERE phase_id = phase.id)
         FROM temp.new_build CROSS JOIN temp.new_phase AS phase ON phase.build_id = new_build.id
         WHERE compiler_seconds IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let text = |index: usize| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_str()?);
        let stats = Stats {
            misses: Counts {
                total: row.get(3)?,
                languages: serde_json::from_str(text(7)?).unwrap_or_default(),
                ..Counts::default()
            },
            compilations: row.get(4)?,
            compiler_seconds: row.get(5)?,
            processor_seconds: row.get(6)?,
            ..Stats::default()
        };
        let names = (text(0)?, text(1)?, text(2)?);
        savings::add_cost(connection, names, &stats)?;
    }
    Ok(())
}

/// Removes the lists that newer ones have pushed out.
fn remove_old_lists(connection: &Connection, kept_builds: usize) -> rusqlite::Result<()> {
    let sql = "SELECT DISTINCT package, host FROM temp.new_phase
         CROSS JOIN main.compilation_list ON phase_id = new_phase.id";
    let mut statement = connection.prepare_cached(sql)?;
    let names = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let names = names.collect::<rusqlite::Result<Vec<(String, String)>>>()?;
    names
        .iter()
        .try_for_each(|(package, host)| lists::remove_old(connection, package, host, kept_builds))
}
