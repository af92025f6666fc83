//! Portage's database of installed packages (`/var/db/pkg`).

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

/// Returns the folder of each installed package, and when the package was merged.
pub fn list_merges(installed: &Path) -> impl Iterator<Item = (PathBuf, DateTime<Utc>)> {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let packages = list(installed).flat_map(move |category| list(&category.path()));
    packages.filter_map(|package| {
        let path = package.path();
        // Portage writes it at each merge.
        let counter = path.join("COUNTER").metadata().ok()?;
        Some((path, counter.modified().ok()?.into()))
    })
}
