//! Databases of several hosts, with the real programs that collect and analyze them.

#![allow(clippy::too_many_lines, reason = "tables of cases")]

#[path = "../support/mod.rs"]
mod support;

/// What docs/fleet.md shows of DuckDB.
mod duckdb;
/// A PostgreSQL of its own.
mod postgres;
/// `packaging/fleet/sccache-fleet-pull` over a real sshd.
mod pull;
/// `packaging/postgresql` on a real PostgreSQL.
mod push;
/// Pushing again after changes.
mod push_again;
/// `push` when something fails.
mod push_faults;
