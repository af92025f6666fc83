//! Which files to read.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Report, Trouble};
use crate::portage::log::{LogName, without_packing};

/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 32;

/// Returns the logs: the named files, and in folders every `*.log` and every file with the name
/// of a log, also compressed. The newest come first by the dates in their names, messages for
/// people after all build logs. Links to folders are not followed, and folders `elog` are
/// skipped, because Portage keeps messages of the same builds there.
pub fn find(paths: &[PathBuf], report: &mut Report) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => folder(path, 0, &mut found, report),
            Ok(_) => found.push(path.clone()),
            Err(error) => report.trouble(Trouble::Unreadable, path, error),
        }
    }
    found.sort_by_cached_key(|path| {
        let name = LogName::of(path);
        (name.is_elog, Reverse(name.date), path.clone())
    });
    found.dedup();
    found
}

fn folder(path: &Path, depth: usize, found: &mut Vec<PathBuf>, report: &mut Report) {
    let entries = match fs::read_dir(path) {
        Ok(entries) if depth < MAX_DEPTH => entries,
        Ok(_) => return,
        Err(error) => {
            report.trouble(Trouble::Unreadable, path, error);
            return;
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                report.trouble(Trouble::Unreadable, path, error);
                continue;
            }
        };
        let (name, path) = (entry.file_name(), entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if name != "elog" {
                folder(&path, depth + 1, found, report);
            }
        } else if without_packing(&name.to_string_lossy()).ends_with(".log")
            || LogName::of(&path).date.is_some()
        {
            found.push(path);
        }
    }
}
