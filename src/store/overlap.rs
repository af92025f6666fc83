//! Phases of several builds that used a shared server at the same time.
//!
//! The difference of the server's numbers contains what all of them did, and in client-side mode several
//! times as much. So these phases are not measured. Their detail is the name of the other build; of several,
//! the first in alphabetical order, so that the order of recording and merging makes no difference.

use std::borrow::Cow;
use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::micros;
use super::new_builds::NewBuilds;
use super::phases::number_columns;
use super::savings;
use crate::portage::{Attribution, Build, Phase};
use crate::sccache::{NotMeasured, NotMeasuredReason};

const REASON: NotMeasuredReason = NotMeasuredReason::SharedServerOverlap;

/// A recorded phase of another build.
struct OtherPhase {
    id: i64,
    package: String,
    version: String,
}

/// Returns the build with each phase as not measured that overlaps with another build's on a shared
/// server. Does the same with the recorded phases that it overlaps with.
pub(super) fn resolve<'a>(
    database: &Connection,
    build: &'a Build,
    new: &mut NewBuilds,
) -> rusqlite::Result<Cow<'a, Build>> {
    let mut resolved = Cow::Borrowed(build);
    for (index, phase) in build.phases.iter().enumerate() {
        if phase.attribution != Attribution::Shared || build.is_imported {
            continue;
        }
        let others = find(database, build, phase)?;
        let names = others
            .iter()
            .map(|other| name(&other.package, &other.version));
        let Some(first) = names.min() else {
            continue;
        };
        let first = Some(first.as_str());
        let detail = match &phase.stats {
            Ok(_) => first,
            Err(reason) if reason.reason == REASON => first_detail(reason.detail.as_deref(), first),
            Err(_) => None,
        };
        if let Some(detail) = detail {
            let reason = NotMeasured::with_detail(REASON, detail);
            resolved.to_mut().phases[index].stats = Err(reason);
        }
        new.flush(database)?;
        for other in &others {
            withdraw(
                database,
                other.id,
                Some(&name(&build.package, &build.version)),
            )?;
        }
    }
    Ok(resolved)
}

/// Returns the detail that comes first.
fn first_detail<'a>(one: Option<&'a str>, other: Option<&'a str>) -> Option<&'a str> {
    one.into_iter().chain(other).min()
}

fn name(package: &str, version: &str) -> String {
    format!("{package}-{version}")
}

/// Finds the phases of other builds that ran at the same time, on any shared server of the host. Starts that an older
/// hook recorded are in whole seconds: a build that began in the second in which another one ended may have the
/// other's numbers, so it counts.
fn find(database: &Connection, build: &Build, phase: &Phase) -> rusqlite::Result<Vec<OtherPhase>> {
    let sql = "SELECT phase.id, package, version
         FROM phase INDEXED BY shared_phase JOIN build ON build.id = phase.build_id
         WHERE phase.attribution = 'shared' AND phase.finished_at_us >= ?1
            AND phase.started_at_us <= ?2 AND host = ?3 AND NOT is_imported";
    let (start, end) = (micros(phase.started_at), micros(phase.finished_at));
    let mut statement = database.prepare_cached(sql)?;
    let others = statement.query_map(params![start, end, build.host], |row| {
        Ok(OtherPhase {
            id: row.get(0)?,
            package: row.get(1)?,
            version: row.get(2)?,
        })
    })?;
    others.collect()
}

/// Makes a recorded phase one that is not measured because of another build: removes its numbers, also from the
/// sums of its build. If it is such a phase already, only its detail may change.
pub(super) fn withdraw(
    database: &Connection,
    phase_id: i64,
    other: Option<&str>,
) -> rusqlite::Result<()> {
    let sql = "SELECT build_id, not_measured_reason, not_measured_detail FROM phase WHERE id = ?";
    let mut select = database.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let phase: Option<(i64, Option<String>, Option<String>)> =
        select.query_row([phase_id], read).optional()?;
    let Some((build_id, reason, detail)) = phase else {
        return Ok(());
    };
    match reason {
        None => remove_numbers(database, build_id, phase_id)?,
        Some(reason) if reason != REASON.code() => return Ok(()),
        Some(_) => {}
    }
    let other = other.and_then(|other| NotMeasured::with_detail(REASON, other).detail);
    let first = first_detail(detail.as_deref(), other.as_deref());
    if first != detail.as_deref() {
        let sql = "UPDATE phase SET not_measured_detail = ? WHERE id = ?";
        let mut update = database.prepare_cached(sql)?;
        update.execute(params![first, phase_id])?;
    }
    Ok(())
}

fn remove_numbers(database: &Connection, build_id: i64, phase_id: i64) -> rusqlite::Result<()> {
    static UPDATE: LazyLock<String> = LazyLock::new(|| {
        let columns = number_columns();
        let numbers = columns.split(", ").map(|column| format!("{column} = NULL"));
        let numbers = numbers.collect::<Vec<_>>().join(", ");
        format!(
            "UPDATE phase SET not_measured_reason = ?, hits = NULL, misses = NULL, errors = NULL,
             cache_location = NULL, cache_size_bytes = NULL, max_cache_size_bytes = NULL,
             preprocessor_cache_mode = NULL, sccache_version = NULL, base_directories = NULL,
             dist_compiles = NULL, cache_levels = NULL, {numbers} WHERE id = ?"
        )
    });
    savings::subtract(database, build_id, Some(phase_id))?;
    let mut update = database.prepare_cached(&UPDATE)?;
    update.execute(params![REASON.code(), phase_id])?;
    for sql in [
        "DELETE FROM phase_language WHERE phase_id = ?",
        "DELETE FROM phase_compiler WHERE phase_id = ?",
        "DELETE FROM not_cached WHERE phase_id = ?",
        "DELETE FROM miss_reason WHERE phase_id = ?",
        "DELETE FROM stable_path_effect WHERE phase_id = ?",
        "DELETE FROM compilation_list WHERE phase_id = ?",
    ] {
        database.prepare_cached(sql)?.execute([phase_id])?;
    }
    // As `Stats::sum`: unknown if one phase doesn't know it. What the other phases saved is only known in the sum.
    let sql = "UPDATE build SET
            (measured_phases, hits, misses, errors, requests, executed, non_cacheable, compile_failures) =
            (SELECT count(hits), sum(hits), sum(misses),
                iif(count(errors) = count(hits), sum(errors), NULL),
                iif(count(requests) = count(hits), sum(requests), NULL),
                iif(count(executed) = count(hits), sum(executed), NULL),
                iif(count(non_cacheable) = count(hits), sum(non_cacheable), NULL),
                iif(count(compile_failures) = count(hits), sum(compile_failures), NULL)
             FROM phase WHERE build_id = build.id),
            sccache_version = (SELECT sccache_version FROM phase
                WHERE build_id = build.id AND sccache_version IS NOT NULL
                ORDER BY position DESC LIMIT 1),
            processor_us = NULL, hit_cost_us = NULL, miss_cost_us = NULL, exact_cost_us = NULL,
            evicted_misses = NULL, time_saved_us = NULL
         WHERE id = ?";
    database.prepare_cached(sql)?.execute([build_id])?;
    Ok(())
}
