//! Which files to read.

use std::fs;
use std::path::{Path, PathBuf};

use super::Report;
use crate::portage::log::LogName;

/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 32;

/// The logs: files that were named, and in folders all `*.log` and `*.log.gz`, newest first by
/// the dates in their names. Links to folders are not followed, nor is `elog`, where Portage keeps
/// its messages of the same builds once more.
pub fn find(paths: &[PathBuf], report: &mut Report) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(what) if what.is_dir() => folder(path, 0, &mut found, report),
            Ok(_) => found.push(path.clone()),
            Err(error) => report.unreadable.push((path.clone(), error.to_string())),
        }
    }
    found.sort_by_cached_key(|path| (std::cmp::Reverse(LogName::of(path).date), path.clone()));
    found.dedup();
    found
}

fn folder(path: &Path, depth: usize, found: &mut Vec<PathBuf>, report: &mut Report) {
    let entries = match fs::read_dir(path) {
        Ok(entries) if depth < MAX_DEPTH => entries,
        Ok(_) => return,
        Err(error) => {
            report.unreadable.push((path.into(), error.to_string()));
            return;
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                report.unreadable.push((path.into(), error.to_string()));
                continue;
            }
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && name != "elog" {
            folder(&entry.path(), depth + 1, found, report);
        } else if is_folder {
        } else if name.ends_with(".log") || name.ends_with(".log.gz") {
            found.push(entry.path());
        } else if let Some((_, kind)) = name.rsplit_once(".log.")
            && ["bz2", "xz", "zst", "lz4", "lzo", "lz"].contains(&kind)
        {
            let why = format!("compressed with {kind}; only gzip is read");
            report.not_understood.push((entry.path(), why));
        }
    }
}
