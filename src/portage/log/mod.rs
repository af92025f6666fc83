//! Portage's build logs: which package a file is about, when its build ran, its lines.

mod date;
mod lines;
mod name;
mod prefix;

pub use date::BuildTime;
pub use lines::{MAX_LINE, scan};
pub use name::{LogName, split_pf, without_packing};
pub use prefix::Prefix;
