//! Tests that need root, but no Portage: mounts, devices, and other users.
#![allow(clippy::too_many_lines, reason = "tables of cases")]

#[path = "../support/mod.rs"]
mod support;

/// A full or read-only disk, and lost permissions.
mod faults;
/// Device files in place of snapshots.
mod hostile_files;
/// Files that reports write as root.
mod output;
/// Any user can read a database while root writes it.
mod reading;
/// The links for stable paths.
mod stable_paths;
