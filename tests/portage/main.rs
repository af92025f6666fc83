//! Tests in a real Portage, in throwaway roots that `tests/portage-root/harness` makes. They need root and package
//! registries.
#![allow(clippy::too_many_lines, reason = "tables of cases")]

#[path = "../support/mod.rs"]
mod support;

/// The commands that `advise` prints have the promised effect.
mod advise_portage;
/// What root's compilations leave in the cache of user portage.
mod cache_folder;
/// The compilations of each phase, and its processor time.
mod compilations;
/// Each check of `sccache-report doctor`.
mod doctor;
/// The ebuild of this repository: install, use, and remove.
mod gentoo_package;
/// The throwaway root itself.
mod harness;
/// The hook leaves the user's bashrc and the build alone.
mod hook;
/// Import of logs that a real Portage wrote.
mod import_portage;
/// Killed phases and builds.
mod killed;
/// Compilations miss for planted reasons.
mod miss_reasons;
/// The hook's record of each merge.
mod observed;
/// Every outcome of a build.
mod outcomes;
/// The processor time of a phase's compilers.
mod processor_time;
/// Recorded numbers match sccache's own.
mod recording;
/// `sccache-collect redis` compared with a real sccache.
mod redis_guard;
/// Every kind of server that a build can find.
mod servers;
/// `sccache-report setup`, and its undo.
mod setup;
/// A Redis at a Unix socket that several roots share.
mod shared_cache;
/// One database for several roots.
mod shared_database;
/// A server that several builds share.
mod shared_server;
/// `SCCACHE_REPORT_STABLE_PATHS`.
mod stable_paths;
mod stable_paths_advice;
