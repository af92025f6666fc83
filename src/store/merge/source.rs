//! Attaches a private copy of the other database.

use std::path::Path;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use crate::portage::imported_id;
use crate::store::private_copy::PrivateCopy;
use crate::store::{Error, Result, Store};

/// Attaches a copy of the database at `path` as `source`, and creates the temporary tables for a piece of it.
pub(super) fn attach(store: &Store, path: &Path) -> Result<()> {
    let copy = PrivateCopy::new(path)?;
    Store::back_up(path, &copy)?;
    Store::upgrade_copy(path, &copy, &store.migrations)?;
    let file = copy.path();
    let file = file
        .to_str()
        .ok_or_else(|| Error::invalid("TMPDIR is not UTF-8"))?;
    let attach = || -> rusqlite::Result<()> {
        let connection = &store.connection;
        add_function(connection)?;
        connection.execute("ATTACH ? AS source", [file])?;
        // A transaction over two databases with a journal would need a third one, whose name readers distrust.
        // Nothing writes the copy.
        connection
            .execute_batch("PRAGMA source.synchronous = OFF; PRAGMA source.journal_mode = MEMORY")
    };
    attach().map_err(|error| Error::from_sqlite(path, error))
    // SQLite has the copy open. Without a name, it leaves nothing if this process is killed.
}

/// Detaches the copy, and drops the temporary tables.
pub(super) fn detach(store: &Store) -> Result<()> {
    store.connection.flush_prepared_statement_cache();
    let tables = "DROP TABLE IF EXISTS temp.new_build; DROP TABLE IF EXISTS temp.new_phase; \
                  DROP TABLE IF EXISTS temp.object_host; DETACH source";
    let detached = store.connection.execute_batch(tables);
    detached.map_err(|error| store.error(error))
}

/// Adds the SQL function `imported_uuid(package, version, uuid)`: see [`imported_id`].
fn add_function(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("imported_uuid", 3, flags, |context| {
        let text = |index: usize| Ok::<_, rusqlite::Error>(context.get_raw(index).as_str()?);
        let (package, version) = (text(0)?, text(1)?);
        let id = Uuid::parse_str(text(2)?).ok();
        Ok(id.map(|id| imported_id(package, version, id).to_string()))
    })
}

/// Checks that the tables of the other database are ours: views instead of tables could have SQL without end.
pub(super) fn check_schema(store: &Store, path: &Path) -> Result<()> {
    let sql = "SELECT name FROM main.sqlite_schema AS ours
         WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT EXISTS
            (SELECT 1 FROM source.sqlite_schema AS theirs
             WHERE theirs.type = 'table' AND theirs.name = ours.name AND theirs.sql = ours.sql)";
    let other = store.connection.query_row(sql, [], |row| row.get(0));
    let other: Option<String> = other.optional().map_err(|error| store.error(error))?;
    match other {
        None => Ok(()),
        Some(table) => {
            let problem = format!("its table {table} is not as sccache-report creates it");
            Err(Error::Damaged(path.to_path_buf(), problem))
        }
    }
}

/// Returns the error of a merge, with the path of the other database if that is the damaged one.
pub(super) fn blame(store: &Store, path: &Path, error: Error) -> Error {
    let Error::Damaged(_, problem) = &error else {
        return error;
    };
    let sql = "PRAGMA source.quick_check(1)";
    let check = store
        .connection
        .query_row(sql, [], |row| row.get::<_, String>(0));
    match check {
        Ok(result) if result == "ok" => error,
        _ => Error::Damaged(path.to_path_buf(), problem.clone()),
    }
}
