//! Facts about Portage: packages, phases, the snapshots of a build in `${T}`, logs, and settings.

mod build;
mod check;
mod emerge;
mod environment;
mod hook_record;
mod installed;
pub mod log;
pub mod make_conf;
mod settings;
mod snapshot;
mod stable_paths;

pub use crate::text::{plain_path, printable};
pub use build::{Attribution, BUILD_LINE, Build, Emerge, Outcome, Phase, imported_id};
pub(crate) use check::check_name;
pub(crate) use check::check_text;
pub use check::{MAX_SNAPSHOTS, PHASES, is_package, parse_json, parse_start};
pub(crate) use emerge::MAX_COMMAND_BYTES;
pub use emerge::is_emerge_stopping;
pub use environment::{Environment, host};
pub use hook_record::HookRecord;
pub use installed::list_merges;
pub use settings::{Settings, User};
pub use snapshot::{
    FOLDER, Snapshots, find_set_aside, find_unfinished, has_snapshot, lock, remove_snapshot,
    write_snapshot,
};
pub use stable_paths::StablePaths;
