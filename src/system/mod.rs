//! This machine, as `sccache-report setup` and `doctor` see it before they do anything.

pub(crate) mod machine;

pub use machine::Machine;
