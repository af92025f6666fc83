//! Portage's build logs: which package a file is of, when its build began, its lines.

mod date;
mod lines;
mod name;

pub use date::{FileTimes, Start};
pub use lines::{MAX_LINE, scan};
pub use name::{LogName, split_pf};
