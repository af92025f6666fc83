//! Persistent sccache statistics for Portage.
//!
//! sccache forgets its statistics when its server exits, and under Portage the server exits many
//! times per build. This crate saves the statistics at the end of every phase, records one row per
//! build in SQLite, and reports on them.
//!
//! Dependencies go one way: [`sccache`] (its output and its server), [`portage`] (packages, phases,
//! snapshots, logs), [`store`] (SQLite), and above these [`collect`] (the hook's collector),
//! [`report`], [`doctor`] and [`setup`].

// First, because a macro is known only after its declaration.
#[macro_use]
mod codes;

pub mod collect;
pub mod config;
pub mod doctor;
mod error;
mod files;
pub mod generate;
mod machine;
pub mod portage;
mod process;
pub mod report;
pub mod savings;
pub mod sccache;
pub mod setup;
pub mod store;
mod text;
mod when;

pub use error::{Error, Result};
