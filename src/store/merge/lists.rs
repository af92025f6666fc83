//! Merges lists of compilations, and former units.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::source::MAX_SECONDS;
use super::{MergeError, Merger};
use crate::error::{Result, ensure};
use crate::portage::check_text;
use crate::sccache::compilations::{CompilationList, FormerUnits};
use crate::store::Error;
use crate::store::columns::read_uuid;
use crate::store::compilations::lists;

/// The build of a list and the position of its phase, the newest build first.
const LISTS: &str = "SELECT list.phase_id, build.uuid, phase.position
    FROM compilation_list AS list CROSS JOIN phase ON phase.id = list.phase_id
    CROSS JOIN build ON build.id = phase.build_id
    ORDER BY list.started_at_us DESC, build.uuid DESC, phase.position";

/// The phase of a list that is missing here, and whether there are lists of less than `?3` newer builds.
const MISSING_LIST: &str =
    "SELECT phase.id, phase.name, build.package, build.host, build.started_at_us,
        ?3 > (SELECT count(DISTINCT newer.id) FROM compilation_list AS list
            CROSS JOIN phase AS its ON its.id = list.phase_id
            CROSS JOIN build AS newer ON newer.id = its.build_id
            WHERE list.package = build.package AND list.host = build.host
                AND (list.started_at_us, newer.uuid) > (build.started_at_us, build.uuid))
    FROM build CROSS JOIN phase ON phase.build_id = build.id AND phase.position = ?2
    WHERE uuid = ?1 AND phase.not_measured_reason IS NULL
        AND NOT EXISTS (SELECT 1 FROM compilation_list WHERE phase_id = phase.id)";

/// The list of a phase in the other database.
struct SourceList {
    phase_id: i64,
    uuid: String,
    position: i64,
}

/// The phase here that lacks a list.
struct MissingList {
    phase_id: i64,
    phase: String,
    package: String,
    host: String,
    started_at_us: i64,
    is_kept: bool,
}

/// The former units of a phase of a package on a host.
struct Units {
    names: [String; 3],
    units: Vec<u8>,
    unlisted_at_us: Option<i64>,
}

impl Merger<'_> {
    /// Adds the lists that builds lack here. Only those of the newest builds are kept, and the units of others.
    pub(super) fn merge_lists(&mut self) -> Result<(), MergeError> {
        // Builds without a UUID were skipped.
        let read = |row: &Row<'_>| -> rusqlite::Result<SourceList> {
            Ok(SourceList {
                phase_id: row.get(0)?,
                uuid: read_uuid(row, 1)?.to_string(),
                position: row.get(2)?,
            })
        };
        let lists = self.source.query(LISTS, (), |row| Ok(read(row).ok()));
        let kept_builds = self.store.kept_builds;
        let mut missing = Vec::new();
        for list in lists.map_err(MergeError::source)?.into_iter().flatten() {
            let found = find_missing(&self.store.connection, &list, kept_builds);
            if found.map_err(|error| self.failed(error))?.is_some() {
                missing.push(list);
            }
        }
        self.write_batches(
            &missing,
            Merger::read_list,
            |transaction, list, compilations| list.merge(transaction, compilations, kept_builds),
        )
    }

    /// Reads a list that changes something here.
    fn read_list(
        &mut self,
        list: &SourceList,
    ) -> Result<Option<(CompilationList, usize)>, MergeError> {
        let sql = "SELECT compilations FROM compilation_list WHERE phase_id = ?";
        // A value that can't be read: empty, and so not valid.
        let read = |row: &Row<'_>| Ok(row.get(0).unwrap_or_default());
        let bytes = self.source.row(sql, [list.phase_id], read);
        let bytes: Vec<u8> = match bytes {
            Err(Error::Damaged(..)) => Vec::new(),
            bytes => bytes.map_err(MergeError::source)?.unwrap_or_default(),
        };
        let length = bytes.len();
        let compilations = CompilationList::from_bytes(bytes);
        if !compilations.is_valid() {
            self.skip(|| format!("the compilations of build {} are damaged", list.uuid));
            return Ok(None);
        }
        let database = &self.store.connection;
        let is_known = list.is_known(database, &compilations, self.store.kept_builds);
        let is_known = is_known.map_err(|error| self.failed(error))?;
        Ok((!is_known).then_some((compilations, length)))
    }

    /// Adds the units of builds whose lists are no longer kept.
    pub(super) fn merge_former_units(&mut self) -> Result<(), MergeError> {
        let sql = "SELECT package, host, phase FROM former_units";
        let names = self.readable_rows(sql, |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
        self.write_batches(
            &names,
            Merger::read_former_units,
            |transaction, [package, host, phase], theirs| {
                let units = FormerUnits::from_bytes(&theirs.units);
                lists::add_former_units(transaction, (package, host, phase), units)?;
                match theirs.unlisted_at_us {
                    Some(at) => lists::mark_unlisted_at(transaction, (package, host, phase), at),
                    None => Ok(()),
                }
            },
        )
    }

    /// Reads the former units of a phase that aren't known here.
    fn read_former_units(
        &mut self,
        names: &[String; 3],
    ) -> Result<Option<(Units, usize)>, MergeError> {
        let sql = "SELECT units, unlisted_at_us FROM former_units
             WHERE package = ? AND host = ? AND phase = ?";
        let read = |row: &Row<'_>| {
            Ok(Units {
                names: names.clone(),
                units: row.get(0)?,
                unlisted_at_us: row.get(1)?,
            })
        };
        let theirs = self.source.row(sql, names.clone(), read);
        let Some(theirs) = theirs.map_err(MergeError::source)? else {
            return Ok(None);
        };
        if let Err(error) = theirs.check() {
            self.skip(|| format!("former units: {error}"));
            return Ok(None);
        }
        let is_known = theirs.is_known(&self.store.connection);
        let is_known = is_known.map_err(|error| self.failed(error))?;
        let length = theirs.units.len() + names.iter().map(String::len).sum::<usize>();
        Ok((!is_known).then_some((theirs, length)))
    }
}

fn find_missing(
    database: &Connection,
    list: &SourceList,
    kept_builds: usize,
) -> rusqlite::Result<Option<MissingList>> {
    let mut select = database.prepare_cached(MISSING_LIST)?;
    let read = |row: &Row<'_>| {
        Ok(MissingList {
            phase_id: row.get(0)?,
            phase: row.get(1)?,
            package: row.get(2)?,
            host: row.get(3)?,
            started_at_us: row.get(4)?,
            is_kept: row.get(5)?,
        })
    };
    let values = params![list.uuid, list.position, kept_builds];
    select.query_row(values, read).optional()
}

impl SourceList {
    /// Whether the list needn't be kept here, and its units are known.
    fn is_known(
        &self,
        database: &Connection,
        compilations: &CompilationList,
        kept_builds: usize,
    ) -> rusqlite::Result<bool> {
        let Some(missing) = find_missing(database, self, kept_builds)? else {
            return Ok(true);
        };
        if missing.is_kept {
            return Ok(false);
        }
        let phase = (&*missing.package, &*missing.host, &*missing.phase);
        lists::has_former_units(
            database,
            phase,
            &lists::units(compilations).unwrap_or_default(),
        )
    }

    /// Merges this list. Another process may have recorded or removed builds since it was read.
    fn merge(
        &self,
        transaction: &Transaction<'_>,
        compilations: &CompilationList,
        kept_builds: usize,
    ) -> rusqlite::Result<()> {
        let Some(missing) = find_missing(transaction, self, kept_builds)? else {
            return Ok(());
        };
        let MissingList {
            package,
            host,
            phase,
            ..
        } = &missing;
        if !missing.is_kept {
            let units = lists::units(compilations).unwrap_or_default();
            return lists::add_former_units(transaction, (package, host, phase), units);
        }
        let sql =
            "INSERT INTO compilation_list (phase_id, package, host, started_at_us, compilations)
             VALUES (?, ?, ?, ?, ?)";
        let (id, at, bytes) = (
            missing.phase_id,
            missing.started_at_us,
            compilations.as_bytes(),
        );
        let values = params![id, package, host, at, bytes];
        transaction.prepare_cached(sql)?.execute(values)?;
        lists::remove_old(transaction, package, host, kept_builds)
    }
}

impl Units {
    /// Whether no row here lacks anything, or the package has no builds here.
    fn is_known(&self, database: &Connection) -> rusqlite::Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM build WHERE package = ?1 AND host = ?2)
                OR EXISTS (SELECT 1 FROM former_units
                    WHERE package = ?1 AND host = ?2 AND phase = ?3 AND units = ?4
                        AND ifnull(unlisted_at_us, -1) >= ifnull(?5, -1))";
        let [package, host, phase] = &self.names;
        let values = params![package, host, phase, self.units, self.unlisted_at_us];
        let mut select = database.prepare_cached(sql)?;
        select.query_row(values, |row| row.get(0))
    }

    fn check(&self) -> Result<()> {
        let [_, _, phase] = &self.names;
        check_text(phase, 255)?;
        let length = self.units.len();
        ensure!(length <= FormerUnits::MAX_BYTES, "they have {length} bytes");
        let at = self.unlisted_at_us.unwrap_or_default();
        let is_possible = (0..=MAX_SECONDS * 1_000_000).contains(&at);
        ensure!(is_possible, "a time is out of range: {at}");
        Ok(())
    }
}
