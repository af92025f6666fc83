//! Builds whose compilations are known.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};
use sccache_report::portage::Build;
use sccache_report::sccache::compilations::{
    Compilation, CompilationList, CompilationResult, Compilations, Language, MissReason,
};

use super::*;

/// Returns a compilation that missed for this reason, and took `millis` to compile.
pub fn missed(unit: &str, reason: MissReason, millis: u64) -> Compilation {
    Compilation {
        unit: unit.into(),
        metadata: None,
        key: None,
        language: Some(Language::CFamily),
        result: CompilationResult::Miss,
        is_stored: true,
        lookup: Some(Duration::from_millis(10)),
        cache_read: Some(Duration::ZERO),
        compile: Some(Duration::from_millis(millis)),
        flags: Some(1),
        names_directory: false,
        is_ambiguous: false,
        miss_reason: Some(reason),
    }
}

/// Records what is known of the compilations of a phase.
pub fn insert_list(db: &Path, build: &Build, position: usize, list: Vec<Compilation>) {
    let database = Connection::open(db).unwrap();
    let phase: i64 = database
        .query_row(
            "SELECT phase.id FROM phase JOIN build ON build.id = build_id \
             WHERE uuid = ? AND position = ?",
            params![build.id.to_string(), position],
            |row| row.get(0),
        )
        .unwrap();
    let mut evicted = 0;
    let mut cost_us = 0;
    for compilation in &list {
        let reason = compilation.miss_reason.unwrap();
        let us = compilation.compile.unwrap_or_default().as_micros() as i64;
        evicted += u64::from(reason == MissReason::Evicted);
        cost_us += us;
        database
            .execute(
                "INSERT INTO miss_reason VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET \
                 misses = misses + 1, compile_us = compile_us + excluded.compile_us",
                params![phase, reason.word(), us],
            )
            .unwrap();
    }
    let list = CompilationList::encode(&Compilations { directory: 1, list });
    let insert = "INSERT INTO compilation_list SELECT ?1, package, started_at_us, ?2 \
                  FROM build WHERE uuid = ?3";
    let id = build.id.to_string();
    database
        .execute(insert, params![phase, list.as_bytes(), id])
        .unwrap();
    database
        .execute(
            "UPDATE build SET miss_cost_us = ifnull(miss_cost_us, 0) + ?2, \
             hit_cost_us = ifnull(hit_cost_us, 30000000), exact_cost_us = ifnull(exact_cost_us, 28000000), \
             evicted_misses = ifnull(evicted_misses, 0) + ?3, processor_us = 44000000, \
             time_saved_us = 35000000 WHERE uuid = ?1",
            params![build.id.to_string(), cost_us, evicted],
        )
        .unwrap();
}

/// Returns a build with two measured phases, and records it with the reasons of its misses.
pub fn record_explained(db: &Path) -> Build {
    let mut stats = c_stats(30, 9);
    stats.cache_location = Some("Local disk: \"/var/cache/sccache\"".into());
    stats.cache_size = Some(19 << 29);
    stats.max_cache_size = Some(10 << 30);
    let mut build = build(1, "app-misc/foo", "1.2", "2026-11-01T10:00:00Z", stats);
    let start = build.started_at;
    build
        .phases
        .insert(0, phase("configure", start, Ok(c_stats(0, 1))));
    record(db, std::slice::from_ref(&build));
    insert_list(
        db,
        &build,
        0,
        vec![missed("conftest.o", MissReason::Unknown, 20)],
    );
    let mut list = vec![
        missed("src/parser/grammar.cpp.o", MissReason::Evicted, 12_000),
        missed("src/main.cpp.o", MissReason::Evicted, 4000),
        missed("src/util.cpp.o", MissReason::Evicted, 900),
        missed("src/util.cpp.o", MissReason::Evicted, 300),
        missed("src/small.cpp.o", MissReason::Evicted, 100),
        missed("src/new.cpp.o", MissReason::First, 2500),
        missed("src/old.cpp.o", MissReason::Changed, 8000),
        missed("src/bare.cpp.o", MissReason::Flags, 10),
    ];
    list.push(Compilation {
        language: None,
        compile: None,
        ..missed("x\u{1b}[31m\u{202e}.o", MissReason::Path, 0)
    });
    insert_list(db, &build, 1, list);
    let day = build.started_at.timestamp() / 86_400;
    let objects = format!(
        "INSERT INTO cache VALUES (1, 'gentoo', 'Local disk: \"/var/cache/sccache\"');
         INSERT INTO object VALUES (1, 0, {day}, 1), (2, 0, {day} - 364, 1), (3, 0, {day} - 366, 1),
             (4, 0, {day}, NULL);"
    );
    let database = Connection::open(db).unwrap();
    database.execute_batch(&objects).unwrap();
    build
}
