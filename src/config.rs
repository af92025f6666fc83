//! The environment of the process, and the paths that depend on it. No other module reads environment
//! variables.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The default database, below the Gentoo Prefix.
pub const DEFAULT_DATABASE: &str = "/var/lib/sccache-report/stats.db";

/// The default number of builds of a package whose compilations are kept.
pub const KEPT_BUILDS: usize = 5;

/// The highest number, because recording a build reads all kept lists of its package.
const MAX_KEPT_BUILDS: usize = 100;

/// Returns the value of a variable that is not empty.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns the value of a variable that is not empty and is valid UTF-8.
pub fn text_variable(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

/// Returns the names of all variables.
pub fn variable_names() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name)
}

/// Returns the database named by `option` (`--db`) or by `SCCACHE_REPORT_DB`.
pub fn named_database(option: Option<&Path>) -> Option<PathBuf> {
    let option = option.filter(|path| !path.as_os_str().is_empty());
    let variable = || variable("SCCACHE_REPORT_DB").map(PathBuf::from);
    option.map(Path::to_path_buf).or_else(variable)
}

/// Returns the path of the database: see [`named_database`], else [`DEFAULT_DATABASE`] below
/// [`eprefix`].
pub fn database_path(option: Option<&Path>) -> PathBuf {
    named_database(option).unwrap_or_else(|| {
        let mut path = eprefix().into_os_string();
        path.push(DEFAULT_DATABASE);
        path.into()
    })
}

/// Returns the number of builds of a package whose compilations are kept (`SCCACHE_REPORT_KEEP`).
///
/// # Errors
/// The value isn't a number, or too high.
pub fn kept_builds() -> Result<usize> {
    match variable("SCCACHE_REPORT_KEEP") {
        Some(value) => parse_kept_builds(&value.to_string_lossy()),
        None => Ok(KEPT_BUILDS),
    }
}

fn parse_kept_builds(value: &str) -> Result<usize> {
    let count = value.trim().parse().ok();
    count
        .filter(|count| *count <= MAX_KEPT_BUILDS)
        .ok_or_else(|| {
            let value = value.escape_default();
            Error::Invalid(format!(
                "SCCACHE_REPORT_KEEP is `{value}`, not a number from 0 to {MAX_KEPT_BUILDS}: \
             {KEPT_BUILDS} is used"
            ))
        })
}

/// Returns the offset of the Gentoo Prefix that this program belongs to; empty on an ordinary system.
///
/// In a phase, `PORTAGE_OVERRIDE_EPREFIX` is that of the running Portage, even if it is empty, while
/// `EPREFIX` may belong to another system that is being built (`emerge --prefix`). A login shell has
/// neither, so the prefix is derived from the program's own path.
pub fn eprefix() -> PathBuf {
    std::env::var_os("PORTAGE_OVERRIDE_EPREFIX")
        .or_else(|| std::env::var_os("EPREFIX"))
        .filter(|prefix| !prefix.is_empty())
        .map(PathBuf::from)
        .or_else(|| prefix_of(&std::env::current_exe().ok()?))
        .unwrap_or_default()
}

/// Returns the user and group that own the system: root, or the owner of the Gentoo Prefix `prefix`.
pub fn system_owner(prefix: &Path) -> (u32, u32) {
    // On an ordinary system, the prefix is empty.
    let metadata = prefix.metadata();
    metadata.map_or((0, 0), |metadata| (metadata.uid(), metadata.gid()))
}

/// Returns the path of a file that was installed with this program, such as the hook.
pub fn installed_file(name: &str) -> PathBuf {
    let below = Path::new("share/sccache-report").join(name);
    let program = std::env::current_exe().ok();
    let prefix = program.as_deref().and_then(|p| p.parent()?.parent());
    prefix
        .map(|prefix| prefix.join(&below))
        .filter(|file| file.is_file())
        .unwrap_or_else(|| Path::new("/").join(eprefix()).join("usr").join(&below))
}

/// Returns the Gentoo Prefix that a program is installed in: the folder above its `bin` that has
/// Portage's configuration. `None` on an ordinary system.
fn prefix_of(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    ["usr/bin", "usr/local/bin", "bin"]
        .iter()
        .filter(|below| folder.ends_with(below))
        .filter_map(|below| folder.ancestors().nth(below.split('/').count()))
        .find(|prefix| prefix.parent().is_some() && prefix.join("etc/portage").is_dir())
        .map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_builds_are_a_number() {
        assert_eq!(parse_kept_builds("0").unwrap(), 0);
        assert_eq!(parse_kept_builds(" 12 ").unwrap(), 12);
        for invalid in ["-1", "101", "all", "5\u{1b}[0m"] {
            let error = parse_kept_builds(invalid).unwrap_err().to_string();
            assert!(error.contains("SCCACHE_REPORT_KEEP"), "{error}");
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn a_prefix_has_a_portage_configuration() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("usr/bin/sccache-report");
        assert_eq!(prefix_of(&program), None);
        std::fs::create_dir_all(root.path().join("etc/portage")).unwrap();
        assert_eq!(prefix_of(&program).as_deref(), Some(root.path()));
        let local = root.path().join("usr/local/bin/sccache-report");
        assert_eq!(prefix_of(&local).as_deref(), Some(root.path()));
        assert_eq!(prefix_of(&root.path().join("opt/sccache-report")), None);
        // The root of the system is no prefix.
        assert_eq!(prefix_of("/usr/bin/sccache-report".as_ref()), None);
    }
}
