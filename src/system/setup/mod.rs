//! What a fresh install still needs, done and undone: the hook's line in bashrc, folders with their
//! owners, the sandbox's rule, lines in make.conf.
//!
//! Edits take effect at once and the file as it was is kept beside it, as `FILE.bak` (in
//! folders of which all is read, `.FILE~`): the person who
//! runs this has seen and agreed to each line, so Portage's `._cfg0000_` files, which wait for
//! `dispatch-conf`, would only ask the same a second time. What was done is kept in `setup.json`
//! beside the database; `undo` goes by that.

mod file;
mod journal;
mod lines;
mod lock;
mod obstacle;
mod owner;
mod plan;
mod refusal;
mod step;

pub use journal::Journal;
pub use lock::lock;
pub use owner::Owner;
pub use plan::{Plan, forgotten, plan};
pub use refusal::Refusal;
pub use step::Step;
