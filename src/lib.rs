//! Lasting sccache statistics for Portage.
//!
//! sccache forgets what it counted when its server exits, and under Portage the
//! server exits many times in one build. This crate takes the numbers at the end of
//! every phase, keeps one record per build in SQLite, and reports on them.
//!
//! Four rooms, one for each thing that has to be known. Each may use those above it
//! in this list and nothing below:
//!
//! - [`sccache`] knows its numbers, its output formats, its server
//! - [`portage`] knows packages, phases, snapshots
//! - [`store`] knows SQLite
//! - [`report`] knows what people look at
//!
//! [`collect`] is what `sccache-collect` does with the first three. [`doctor`] checks this machine's
//! configuration, and [`setup`] changes it.

pub mod collect;
pub mod config;
pub mod doctor;
mod error;
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
