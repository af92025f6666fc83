//! What Portage knows: packages, phases, the snapshots that a build leaves in `${T}`, its logs,
//! and its settings.

mod build;
mod emerge;
mod environment;
mod hook_record;
mod json;
mod leftover;
pub mod log;
pub mod make_conf;
mod permission;
mod phase;
mod settings;
mod snapshot;
pub mod user;

pub use crate::text::printable;
pub use build::{Attribution, BUILD_LINE, Build, Emerge, Outcome, Phase};
pub use emerge::told_to_stop;
pub use environment::{Environment, host, is_package};
pub use hook_record::HookRecord;
pub use json::from_json;
pub use leftover::{Unfinished, forget, set_aside, unfinished};
pub use permission::plain;
pub use phase::{MAX_SNAPSHOTS, PHASES};
pub use settings::Settings;
pub use snapshot::{
    FOLDER, Snapshots, exists as snapshot_exists, lock, write as write_snapshot,
    write_as as write_snapshot_as,
};
