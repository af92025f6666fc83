//! Rows that no report can read. The schema keeps them out: only SQL of others that turns its checks
//! off, or a broken disk, lets them in. Whoever meets one learns which it is.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::columns::time_of;
use super::summary::hour;
use super::words;

/// The most that a counter of a build may be, that sums of them stay below 2^63.
const MAX_OF_BUILD: i64 = 1_000_000_000_000;

/// Whether a row that can't be read may be what is behind the error.
pub(super) fn may_cause(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::*;
    match error {
        FromSqlConversionFailure(..) | InvalidColumnType(..) | IntegralValueOutOfRange(..) => true,
        Utf8Error(..) | InvalidQuery => true,
        SqliteFailure(_, Some(why)) => why == "integer overflow",
        _ => false,
    }
}

/// The first so many rows that can't be read, a line each. It reads the whole database.
pub(super) fn find(connection: &Connection, at_most: usize) -> rusqlite::Result<Vec<String>> {
    // The sums last: those over a bad row are as bad, and no cause.
    let mut tables = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
         ORDER BY name LIKE '%_sum', rowid",
    )?;
    let tables = tables.query_map([], |row| row.get(0))?;
    let mut found = Vec::new();
    for table in tables.collect::<rusqlite::Result<Vec<String>>>()? {
        let columns = columns(connection, &table)?;
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let sql = format!("SELECT {} FROM {table}", names.join(", "));
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if found.len() == at_most {
                return Ok(found);
            }
            for (index, column) in columns.iter().enumerate() {
                if let Some(why) = column.wrong(&table, row.get_ref(index)?) {
                    let key = key(&columns, row)?;
                    let name = &column.name;
                    found.push(format!(
                        "in the table {table}, the row of {key}: {name} {why}"
                    ));
                    break;
                }
            }
        }
    }
    Ok(found)
}

struct Column {
    name: String,
    /// As STRICT tables name types.
    kind: String,
    required: bool,
    in_key: bool,
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let sql = "SELECT name, type, \"notnull\", pk FROM pragma_table_info(?)";
    let mut statement = connection.prepare(sql)?;
    let columns = statement.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            kind: row.get(1)?,
            required: row.get(2)?,
            in_key: row.get::<_, i64>(3)? > 0,
        })
    })?;
    columns.collect()
}

/// What tells the row from the others: `id 17`, `phase 3, language Rust`.
fn key(columns: &[Column], row: &Row<'_>) -> rusqlite::Result<String> {
    let mut parts = Vec::new();
    for (index, column) in columns.iter().enumerate().filter(|(_, c)| c.in_key) {
        let value = match row.get_ref(index)? {
            ValueRef::Integer(n) => n.to_string(),
            ValueRef::Real(n) => n.to_string(),
            ValueRef::Null => "NULL".into(),
            ValueRef::Text(text) | ValueRef::Blob(text) => {
                String::from_utf8_lossy(text).into_owned()
            }
        };
        parts.push(format!("{} {value}", column.name));
    }
    Ok(parts.join(", "))
}

impl Column {
    /// What is wrong with the value, if anything.
    fn wrong(&self, table: &str, value: ValueRef<'_>) -> Option<&'static str> {
        match (value, self.kind.as_str()) {
            (ValueRef::Null, _) => self.required.then_some("is missing"),
            (ValueRef::Integer(n), "INTEGER") => self.wrong_number(table, n),
            (ValueRef::Real(n), "REAL") => (n < 0.0).then_some("is negative"),
            (ValueRef::Text(text), "TEXT") => match std::str::from_utf8(text) {
                Ok(text) => self.wrong_text(text),
                Err(_) => Some("is not UTF-8"),
            },
            (_, "INTEGER") => Some("is not a whole number"),
            (_, "REAL") => Some("is not a number"),
            _ => Some("is not a text"),
        }
    }

    fn wrong_number(&self, table: &str, n: i64) -> Option<&'static str> {
        let most = match self.name.as_str() {
            "id" | "build_id" | "emerge_id" | "phase_id" | "time_saved_us" => return None,
            "started_at_us" | "finished_at_us" => {
                return time_of(n)
                    .is_none()
                    .then_some("is no time of the years 0 to 9999");
            }
            "hour" => {
                return hour(n)
                    .is_none()
                    .then_some("is no hour of the years 0 to 9999");
            }
            "phases" | "measured_phases" => u32::MAX.into(),
            _ if table == "build" => MAX_OF_BUILD,
            _ => i64::MAX,
        };
        match n {
            _ if n < 0 => Some("is negative"),
            _ if n > most => Some("is too large"),
            _ => None,
        }
    }

    fn wrong_text(&self, text: &str) -> Option<&'static str> {
        let (known, otherwise) = match self.name.as_str() {
            "uuid" => (Uuid::parse_str(text).is_ok(), "is no UUID"),
            "outcome" => (words::outcome(text).is_some(), "is no outcome"),
            "attribution" => (words::attribution(text).is_some(), "is no attribution"),
            _ => return None,
        };
        (!known).then_some(otherwise)
    }
}
