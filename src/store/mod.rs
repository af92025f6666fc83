//! SQLite: one row per build, kept for good. No other room knows a word of SQL.
//!
//! Recording: [`Store::open_for_recording`], then [`Store::record`]. Reporting:
//! [`Store::open_for_reading`], then the queries, each with a [`Filter`]. What can't be
//! recorded is [`Pending`].
//!
//! # Why a rollback journal, and not WAL
//! Any user has to be able to read while root writes, also where they have no right to
//! write in the database's folder. Tried as user 65534 on root's 0644 file in root's
//! 0755 folder (SQLite 3.46 and 3.5x):
//!
//! | | WAL | rollback journal |
//! |---|---|---|
//! | nobody writes | **fails**: `-shm` can't be made | reads |
//! | transaction open, rows inserted | reads | reads |
//! | the same, larger than the page cache | reads | **locked** out |
//! | writer killed, journal not yet on disk | reads | reads |
//! | writer killed while it wrote the database | reads | **fails** until root opens it |
//!
//! WAL fails in the state in which the database is nearly always, and keeping its two
//! files there for good hangs on every program that ever opens the file. The journal
//! fails only in rare moments, and each has a cure here: `cache_spill` is off, so a
//! transaction touches the file only in its commit; readers wait for that moment; and
//! for a crash's remains, or a stranger who holds an exclusive lock, they read a
//! private copy, which SQLite makes whole.
//!
//! `synchronous` is EXTRA: in this mode a commit is durable only when the journal's
//! removal is, which takes a sync of the folder. When [`Store::record`] has returned,
//! the build survives a power cut.

mod bad_row;
mod build_row;
mod check;
mod columns;
mod evidence;
mod filter;
mod forget;
mod insert;
mod known;
mod open;
mod pending;
mod phases;
mod place;
mod query;
mod record;
mod rows;
mod savings;
mod snapshot;
mod summary;
mod words;

pub use crate::error::{Error, Result};
pub use build_row::BuildRow;
pub use evidence::{CacheState, Evidence};
pub use filter::{Filter, Patterns};
pub use known::KnownBuild;
pub use open::{RECORD_WAIT, Store};
pub use pending::{Pending, TakenUp};
pub use place::check_trusted;
pub(crate) use place::make_folder;
pub use record::Recorded;
pub use rows::{EmergeRow, Moment, PackageRow, Sums};
pub use words::{attribution_word, outcome_word};
