//! Tests that run anywhere, as any user, without Portage.
#![allow(clippy::too_many_lines, reason = "tables of cases")]

#[path = "../support/mod.rs"]
mod support;

/// `sccache-collect import`, `forget`, and `record` with hostile input.
mod collect;
/// Shell completion: what bash, zsh, and fish complete.
mod completions;
/// The parsers, on the fuzz corpus and mutations of it.
mod corpus;
/// Output of a future sccache version.
mod future;
/// The generated databases of the benchmarks resemble recorded ones.
mod generated;
/// `make install` and `make uninstall`.
mod install;
/// Which process listens at an address.
mod listening;
/// The ebuild lists the crates of Cargo.lock.
mod packaging;
/// What `sccache-report` prints.
mod report;
/// Output of real servers of many sccache versions.
mod sccache_fixtures;
/// The database: content, concurrent processes, faults, and upgrades.
mod store;
