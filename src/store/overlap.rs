//! Phases of several builds that used a shared server at the same time.
//!
//! The difference of the server's numbers contains what all of them did, and in client-side mode several
//! times as much. So these phases are not measured.

use std::borrow::Cow;

use rusqlite::{Connection, params};

use super::columns::micros;
use super::phases::number_columns;
use super::savings;
use crate::portage::{Attribution, Build, Phase};
use crate::sccache::{NotMeasured, NotMeasuredReason};

const REASON: NotMeasuredReason = NotMeasuredReason::SharedServerOverlap;

/// A recorded phase of another build.
struct OtherPhase {
    id: i64,
    build_id: i64,
    package: String,
    version: String,
    is_measured: bool,
}

/// Returns the build with each phase as not measured that overlaps with another build's on a shared
/// server. Does the same with the recorded phases that it overlaps with.
pub(super) fn resolve<'a>(
    database: &Connection,
    build: &'a Build,
) -> rusqlite::Result<Cow<'a, Build>> {
    let mut resolved = Cow::Borrowed(build);
    for (index, phase) in build.phases.iter().enumerate() {
        if phase.attribution != Attribution::Shared || build.is_imported {
            continue;
        }
        let others = find(database, build, phase)?;
        let Some(first) = others.first() else {
            continue;
        };
        if phase.stats.is_ok() {
            let reason = NotMeasured::with_detail(REASON, name(&first.package, &first.version));
            resolved.to_mut().phases[index].stats = Err(reason);
        }
        for other in others.iter().filter(|other| other.is_measured) {
            withdraw(database, other, build)?;
        }
    }
    Ok(resolved)
}

fn name(package: &str, version: &str) -> String {
    format!("{package}-{version}")
}

/// Finds the phases of other builds that ran at the same time. The start of a phase is in whole seconds.
fn find(database: &Connection, build: &Build, phase: &Phase) -> rusqlite::Result<Vec<OtherPhase>> {
    let sql = "SELECT phase.id, build.id, package, version, not_measured_reason IS NULL
         FROM phase INDEXED BY shared_phase JOIN build ON build.id = phase.build_id
         WHERE phase.attribution = 'shared' AND phase.finished_at_us >= ?
            AND phase.started_at_us <= ? AND host = ? AND NOT is_imported";
    let (start, end) = (micros(phase.started_at), micros(phase.finished_at));
    let mut statement = database.prepare_cached(sql)?;
    let others = statement.query_map(params![start, end, build.host], |row| {
        Ok(OtherPhase {
            id: row.get(0)?,
            build_id: row.get(1)?,
            package: row.get(2)?,
            version: row.get(3)?,
            is_measured: row.get(4)?,
        })
    })?;
    others.collect()
}

/// Removes the numbers of a recorded phase, and from the sums of its build.
fn withdraw(database: &Connection, other: &OtherPhase, build: &Build) -> rusqlite::Result<()> {
    let columns = number_columns();
    let numbers = columns.split(", ").map(|column| format!("{column} = NULL"));
    let numbers = numbers.collect::<Vec<_>>().join(", ");
    let sql = format!(
        "UPDATE phase SET not_measured_reason = ?, not_measured_detail = ?, hits = NULL, misses = NULL,
         errors = NULL, cache_levels = NULL, {numbers} WHERE id = ?"
    );
    let reason = NotMeasured::with_detail(REASON, name(&build.package, &build.version));
    database.execute(&sql, params![REASON.code(), reason.detail, other.id])?;
    for sql in [
        "DELETE FROM phase_language WHERE phase_id = ?",
        "DELETE FROM phase_compiler WHERE phase_id = ?",
        "DELETE FROM not_cached WHERE phase_id = ?",
    ] {
        database.execute(sql, [other.id])?;
    }
    // What the other phases saved is only known in the sum.
    let sql = "UPDATE build SET
            (measured_phases, hits, misses, errors, requests, executed, non_cacheable, compile_failures) =
            (SELECT count(hits), sum(hits), sum(misses), sum(errors), sum(requests), sum(executed),
                sum(non_cacheable), sum(compile_failures) FROM phase WHERE build_id = build.id),
            processor_us = NULL, hit_cost_us = NULL, miss_cost_us = NULL, exact_cost_us = NULL,
            evicted_misses = NULL, time_saved_us = NULL
         WHERE id = ?";
    database.execute(sql, [other.build_id])?;
    savings::recompute(database, &other.package)
}
