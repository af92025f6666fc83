//! What Portage knows: packages, phases, the snapshots that a build leaves in `${T}`, and
//! its logs.

mod build;
mod emerge;
mod environment;
mod json;
pub mod log;
mod phase;
pub mod saving;
mod snapshot;

pub use crate::text::printable;
pub use build::{Attribution, BUILD_LINE, Build, Emerge, Outcome, Phase};
pub use emerge::told_to_stop;
pub use environment::{Environment, host};
pub use json::from_json;
pub use phase::{MAX_SNAPSHOTS, PHASES};
pub use snapshot::{
    FOLDER, Snapshots, lock, write as write_snapshot, write_as as write_snapshot_as,
};
