//! sccache-report on this machine: what `sccache-report setup` changes, and what `doctor` sees.
//!
//! Both read Portage's settings once ([`Machine`]). Nothing here prints, asks, or writes the
//! database: a person's side of it is in `report`.

pub(crate) mod machine;
mod shell;

pub use machine::Machine;
