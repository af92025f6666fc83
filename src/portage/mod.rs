//! What Portage knows: packages, phases, and the snapshots that a build leaves in `${T}`.

mod build;

pub use build::{Attribution, Build, Emerge, Outcome, Phase};
