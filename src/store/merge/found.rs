//! Which builds of the other database are here, or were removed.

use std::collections::HashMap;
use std::sync::LazyLock;

use rusqlite::{Row, Transaction, ffi};
use uuid::Uuid;

use super::source::{RANK, Source};
use crate::store::Error;

/// The number of builds that are read at once, and written in one transaction or more.
const PIECE: i64 = 8000;

/// Selects what decides whether another database's row of a build changes ours.
static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT id, uuid, is_imported, attribution IS 'shared' AND measured_phases < phases, host, {RANK}
         FROM build"
    )
});

/// A row of [`SELECT`].
#[derive(Default)]
pub(super) struct Known {
    pub row_id: i64,
    /// `None` if it can't be parsed.
    pub uuid: Option<Uuid>,
    pub is_imported: bool,
    is_withdrawn: bool,
    host: String,
    rank: String,
}

impl Known {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            row_id: row.get(0)?,
            uuid: read_id(row, 1)?,
            is_imported: row.get(2)?,
            is_withdrawn: row.get(3)?,
            host: row.get(4)?,
            rank: row.get(5)?,
        })
    }

    /// Reads the next builds of the other database in the order of their row ids: up to the first that can't be read,
    /// and the error.
    pub fn read_piece(source: &Source, after: i64) -> (Vec<Self>, Option<Error>) {
        let sql = format!("{} WHERE id > ? ORDER BY id LIMIT ?", *SELECT);
        let mut last = after;
        source.rows_before_error(&sql, (after, PIECE), |row| {
            let theirs = Self::read_theirs(row)?;
            // SQLite doesn't notice a page in the place of another, and would return the same rows again and again.
            if theirs.row_id <= last {
                return Err(rusqlite::Error::SqliteFailure(
                    ffi::Error::new(ffi::SQLITE_CORRUPT),
                    Some("the rows of its builds are not in order".into()),
                ));
            }
            last = theirs.row_id;
            Ok(theirs)
        })
    }

    /// Reads a row of the other database. If a value is impossible, only the row id is set.
    fn read_theirs(row: &Row<'_>) -> rusqlite::Result<Self> {
        let row_id = row.get(0)?;
        Ok(Self::read(row).unwrap_or_else(|_| Self {
            row_id,
            ..Self::default()
        }))
    }

    /// Whether this row of another database may change ours.
    pub fn may_change(&self, ours: &Self) -> bool {
        match (self.is_imported, ours.is_imported) {
            (true, true) => ours.is_after(&self.host, &self.rank),
            (false, false) => self.is_withdrawn,
            _ => false,
        }
    }

    /// Of two imports of a log, the one counts whose host comes first, and of one host, the one whose columns do.
    pub fn is_after(&self, host: &str, rank: &str) -> bool {
        (host, rank) < (&self.host, &self.rank)
    }
}

/// Reads the id of a build; `None` if it isn't a UUID.
fn read_id(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Uuid>> {
    let text = row.get_ref(index)?.as_str().ok();
    Ok(text.and_then(|text| Uuid::try_parse(text).ok()))
}

/// What is here of a build.
pub(super) enum Found {
    Recorded(Known),
    Forgotten,
}

/// Builds of the other database that are here, or were removed.
///
/// They stay right after transactions of this connection, which write each build of the other database once: of the
/// builds found, these remove only imports, and code that changes one checks that it still exists.
pub(super) struct FoundBuilds {
    builds: HashMap<Uuid, Found>,
    data_version: i64,
}

impl FoundBuilds {
    /// Finds the builds with these ids.
    pub fn find(
        transaction: &Transaction<'_>,
        ids: impl Iterator<Item = Uuid>,
    ) -> rusqlite::Result<Self> {
        static SQL: LazyLock<String> =
            LazyLock::new(|| format!("{} WHERE uuid IN (SELECT value FROM json_each(?))", *SELECT));
        let data_version = data_version(transaction)?;
        let ids: serde_json::Value = ids.map(|id| id.to_string()).collect();
        let ids = ids.to_string();
        let mut builds = HashMap::new();
        let sql = "SELECT uuid FROM forgotten WHERE uuid IN (SELECT value FROM json_each(?))";
        let mut select = transaction.prepare_cached(sql)?;
        for id in select.query_map([&ids], |row| read_id(row, 0))? {
            if let Some(id) = id? {
                builds.insert(id, Found::Forgotten);
            }
        }
        let mut select = transaction.prepare_cached(&SQL)?;
        for known in select.query_map([&ids], Known::read)? {
            let known = known?;
            if let Some(id) = known.uuid {
                builds.insert(id, Found::Recorded(known));
            }
        }
        Ok(Self {
            builds,
            data_version,
        })
    }

    /// Whether another process may have recorded or removed builds since.
    pub fn is_outdated(&self, transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
        Ok(self.data_version != data_version(transaction)?)
    }

    pub fn get(&self, id: Uuid) -> Option<&Found> {
        self.builds.get(&id)
    }
}

/// Returns a number of this connection that changes when another one has changed the database, but not when this one has.
fn data_version(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    transaction.pragma_query_value(None, "data_version", |row| row.get(0))
}
