//! The SQLite database. No other module has SQL.
//!
//! To record: [`Store::open_for_recording`] and [`Store::record`]. To report:
//! [`Store::open_for_reading`] and the queries, each with a [`Filter`]. Builds that can't be recorded
//! wait in [`Pending`].
//!
//! # Why a rollback journal and not WAL
//! Every user must be able to read while root writes, without permission to write in the folder. As
//! user 65534, with a 0644 file in a 0755 folder, both root's (SQLite 3.46 and 3.5x):
//!
//! | | WAL | rollback journal |
//! |---|---|---|
//! | nobody writes | **fails**: `-shm` can't be created | reads |
//! | transaction open, rows inserted | reads | reads |
//! | the same, larger than the page cache | reads | **locked** |
//! | writer killed, journal not yet on disk | reads | reads |
//! | writer killed while it wrote the database | reads | **fails** until root opens it |
//!
//! WAL fails in the usual state. The journal fails in rare moments only: `cache_spill` is off, so that
//! a transaction writes the file only in its commit; readers wait for the end of a commit; and after
//! a crash, or if another process holds an exclusive lock, they read a private copy.
//!
//! `synchronous` is EXTRA, because with a rollback journal a commit is durable only when the deletion
//! of the journal is, which takes a sync of the folder.

mod build_row;
mod columns;
mod compilations;
mod eviction;
mod evidence;
mod explain;
mod filter;
mod forget;
mod history;
mod insert;
mod location;
mod merge;
mod metrics;
mod new_builds;
mod newest_emerges;
mod open;
mod overlap;
mod package_parts;
mod pending;
mod phases;
mod private_copy;
mod query;
mod record;
mod rows;
mod savings;
mod stable_paths;
mod stored_sums;
mod turn;
mod verdicts;

pub use crate::error::{Error, Result};
pub use build_row::BuildRow;
pub use eviction::EvictionCause;
pub use evidence::{CacheState, Evidence};
pub use explain::{MissedUnit, MissedUnits, ReasonSum, sum_reasons};
pub use filter::{Filter, Patterns};
pub use forget::KnownBuild;
pub use history::PackageBuild;
pub use location::check_trusted;
pub(crate) use location::make_folder;
pub use merge::{MergeError, MergeResult};
pub use metrics::{CounterName, Counters, PackageCounters, RecentSums};
pub use newest_emerges::{EmergeBuild, EmergeBuilds};
pub use open::{RECORD_WAIT, Store};
pub use package_parts::{PackageParts, PartCounts};
pub use pending::{Pending, PendingResult};
pub use record::Recorded;
pub use rows::{BuildCounts, EmergeRow, HostRow, PackageRow, Sums, TimedSums};
pub use stable_paths::StablePathEffect;
