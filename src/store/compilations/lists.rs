//! The lists of compilations of a package's newest builds.

use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension, params};

use crate::portage::{Build, Phase};
use crate::sccache::Stats;
use crate::sccache::compilations::{
    Comparison, CompilationList, Compilations, EarlierBuild, FormerUnits, c_keys_have_paths,
};
use crate::store::columns::micros;

/// How long after a build with unknown units a new unit is not certainly new. After that time, objects of
/// that build are forgotten as well.
const UNLISTED: TimeDelta = TimeDelta::days(365);

/// Stands for all phases in `former_units`.
const ALL_PHASES: &str = "";

/// Compares a phase with the phases of the same name in earlier builds of the host. Reads one list at a
/// time. What other hosts compiled, and how fast, is no measure for this one.
pub(super) fn compare<'a>(
    database: &Connection,
    build: &Build,
    phase: &Phase,
    stats: &Stats,
    now: &'a Compilations,
) -> rusqlite::Result<Comparison<'a>> {
    let mut comparison = Comparison::new(now);
    comparison.c_keys_have_paths = c_keys_have_paths(stats);
    let since = micros(build.started_at - UNLISTED);
    for name in [ALL_PHASES, &phase.name] {
        let (units, unlisted_at) =
            read_former_units(database, (&build.package, &build.host, name))?;
        comparison.former_units = units;
        comparison.is_complete &= unlisted_at.is_none_or(|unlisted_at| unlisted_at < since);
    }
    let mut statement = database.prepare_cached(
        "SELECT list.compilations, phase.sccache_version, slot, cache_location \
         FROM compilation_list AS list JOIN phase ON phase.id = phase_id \
         JOIN build ON build.id = build_id \
         WHERE list.package = ? AND list.host = ? AND name = ? AND list.started_at_us < ? \
         ORDER BY list.started_at_us DESC, build.uuid DESC, position DESC",
    )?;
    let started_at = micros(build.started_at);
    let values = params![build.package, build.host, phase.name, started_at];
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        let [version, slot, cache]: [Option<String>; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
        let earlier_build = EarlierBuild {
            is_of_same_sccache: version == stats.version,
            is_of_same_cache_and_slot: cache == stats.cache_location
                && main_slot(slot.as_ref()) == main_slot(build.slot.as_ref()),
        };
        match CompilationList::from_bytes(row.get(0)?).decode() {
            Some(earlier) => comparison.add(&earlier, earlier_build),
            None => comparison.is_complete = false,
        }
    }
    Ok(comparison)
}

/// Returns the slot without the sub-slot.
fn main_slot(slot: Option<&String>) -> Option<&str> {
    slot.and_then(|slot| slot.split('/').next())
}

pub(super) fn insert(
    database: &Connection,
    build: &Build,
    phase_id: i64,
    list: &CompilationList,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO compilation_list (phase_id, package, host, started_at_us, compilations) \
               VALUES (?, ?, ?, ?, ?)";
    let values = params![
        phase_id,
        build.package,
        build.host,
        micros(build.started_at),
        list.as_bytes()
    ];
    database.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Removes all lists of a package on a host except those of the newest `kept_builds` builds with lists, and
/// saves their units.
pub(in crate::store) fn remove_old(
    database: &Connection,
    package: &str,
    host: &str,
    kept_builds: usize,
) -> rusqlite::Result<()> {
    let mut statement = database.prepare_cached(
        "SELECT phase_id, build_id, name, list.started_at_us \
         FROM compilation_list AS list JOIN phase ON phase.id = phase_id \
         JOIN build ON build.id = build_id \
         WHERE list.package = ? AND list.host = ? \
         ORDER BY list.started_at_us DESC, build.uuid DESC, position",
    )?;
    let mut rows = statement.query([package, host])?;
    let (mut builds, mut last_build, mut old) = (0, None, Vec::new());
    while let Some(row) = rows.next()? {
        let build: i64 = row.get(1)?;
        builds += usize::from(last_build != Some(build));
        last_build = Some(build);
        if builds > kept_builds {
            old.push((row.get(0)?, row.get::<_, String>(2)?, row.get(3)?));
        }
    }
    for (phase_id, phase, started_at_us) in old {
        remove(database, (package, host, &phase), phase_id, started_at_us)?;
    }
    Ok(())
}

/// A package, a host, and the name of a phase.
pub(in crate::store) type PhaseOnHost<'a> = (&'a str, &'a str, &'a str);

fn remove(
    database: &Connection,
    phase: PhaseOnHost<'_>,
    phase_id: i64,
    started_at_us: i64,
) -> rusqlite::Result<()> {
    let sql = "DELETE FROM compilation_list WHERE phase_id = ? RETURNING compilations";
    let mut delete = database.prepare_cached(sql)?;
    let bytes: Vec<u8> = delete.query_row([phase_id], |row| row.get(0))?;
    match units(&CompilationList::from_bytes(bytes)) {
        Some(units) => add_former_units(database, phase, units),
        None => mark_unlisted_at(database, phase, started_at_us),
    }
}

/// Returns the units of a list; `None` if it can't be decoded.
pub(in crate::store) fn units(list: &CompilationList) -> Option<FormerUnits> {
    let list = list.decode()?.list;
    let mut units = FormerUnits::default();
    units.add(list.iter().map(|compilation| &*compilation.unit));
    Some(units)
}

/// Whether these are among the units of a phase whose lists are no longer kept.
pub(in crate::store) fn has_former_units(
    database: &Connection,
    phase: PhaseOnHost<'_>,
    units: &FormerUnits,
) -> rusqlite::Result<bool> {
    let (mut known, _) = read_former_units(database, phase)?;
    Ok(!known.merge(units.clone()))
}

/// Adds to the units of a phase whose lists are no longer kept.
pub(in crate::store) fn add_former_units(
    database: &Connection,
    (package, host, phase): PhaseOnHost<'_>,
    more: FormerUnits,
) -> rusqlite::Result<()> {
    let (mut units, _) = read_former_units(database, (package, host, phase))?;
    if !units.merge(more) {
        return Ok(());
    }
    let sql = "INSERT INTO former_units (package, host, phase, units) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT DO UPDATE SET units = ?4";
    let mut insert = database.prepare_cached(sql)?;
    insert.execute(params![package, host, phase, units.to_bytes()])?;
    Ok(())
}

/// Saves that the units of a phase are unknown. For an imported build, this applies to all phases, because
/// its log may not show them.
pub(super) fn mark_unlisted(
    database: &Connection,
    build: &Build,
    phase: &Phase,
) -> rusqlite::Result<()> {
    let name = if build.is_imported {
        ALL_PHASES
    } else {
        &*phase.name
    };
    let phase = (&*build.package, &*build.host, name);
    mark_unlisted_at(database, phase, micros(build.started_at))
}

pub(in crate::store) fn mark_unlisted_at(
    database: &Connection,
    (package, host, phase): PhaseOnHost<'_>,
    started_at_us: i64,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO former_units (package, host, phase, unlisted_at_us) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT DO UPDATE SET unlisted_at_us = max(ifnull(unlisted_at_us, ?4), ?4)";
    let mut insert = database.prepare_cached(sql)?;
    insert.execute(params![package, host, phase, started_at_us])?;
    Ok(())
}

fn read_former_units(
    database: &Connection,
    (package, host, phase): PhaseOnHost<'_>,
) -> rusqlite::Result<(FormerUnits, Option<i64>)> {
    let sql = "SELECT units, unlisted_at_us FROM former_units \
               WHERE package = ? AND host = ? AND phase = ?";
    let mut select = database.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok((
            FormerUnits::from_bytes(row.get_ref(0)?.as_blob()?),
            row.get(1)?,
        ))
    };
    Ok(select
        .query_row([package, host, phase], read)
        .optional()?
        .unwrap_or_default())
}
