//! The page of `sccache-report html`: texts and shapes in, HTML out.
//!
//! Templates escape every text. The page loads nothing, and its Content-Security-Policy allows only its own
//! style and script, by their hashes.

pub(super) mod chart;
pub(super) mod page;
mod prose;

pub(super) use chart::{Chart, Shapes};
pub(super) use page::{Page, START};
