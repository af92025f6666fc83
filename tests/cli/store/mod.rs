//! The database: what goes in, concurrent processes, faults, and upgrades.

/// What compilations cost, and why they missed.
mod compilations;
/// Collectors killed at random moments, with readers meanwhile.
mod crashes;
/// Why a cache lost objects.
mod evictions;
/// Databases that can't take a build.
mod faults;
/// Databases that other users can write.
mod foreign_database;
/// Builds kept outside the database until it can take them.
mod overlap;
mod pending;
/// What is recorded is there, once.
#[expect(clippy::module_inception, reason = "the basic tests of the store")]
mod store;
/// Opening a database: new, broken, locked, or by many processes.
mod store_open;
/// The sums kept beside the builds match them.
mod sums;
/// The time saved where compilations are unknown.
mod time_saved;
/// Several versions of the collector, and upgrades of the schema.
mod versions;
