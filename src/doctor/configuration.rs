//! The files below `etc/portage` that decide whether the hook runs and which settings builds have.
//!
//! They are searched as plain text: what bash makes of them is for the hook's record to tell.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::OFlags;

use crate::portage::{Settings, make_conf};

/// The longest part of a file that is searched, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The files, and when they changed.
pub(super) struct ConfigurationFiles {
    /// What Portage's bash may source: bashrc, bashrc.d, profile.bashrc, env.
    scripts: Vec<PathBuf>,
    /// The most recent change of bashrc, bashrc.d, or a file that names the hook.
    pub(super) hook_changed_at: DateTime<Utc>,
    /// The most recent change of any file that may set variables for builds.
    pub(super) settings_changed_at: DateTime<Utc>,
}

impl ConfigurationFiles {
    pub(super) fn read(settings: &Settings) -> Self {
        let config = settings.config();
        let bashrc = config.join("bashrc");
        let bashrc_d = config.join("bashrc.d");
        let mut scripts = vec![bashrc.clone(), config.join("profile/profile.bashrc")];
        // Links that lead nowhere, too.
        let entries = fs::read_dir(&bashrc_d).into_iter().flatten().flatten();
        scripts.extend(entries.map(|entry| entry.path()));
        scripts.extend(make_conf::files(&config.join("env")));
        let mut files = Self {
            scripts,
            hook_changed_at: DateTime::UNIX_EPOCH,
            settings_changed_at: DateTime::UNIX_EPOCH,
        };
        // Without bashrc, its removal is a change of the folder.
        let bashrc = if bashrc.exists() {
            bashrc
        } else {
            config.clone()
        };
        let mut of_hook = vec![bashrc, bashrc_d];
        of_hook.extend(files.all_naming(HOOK_NAME));
        let mut of_settings = files.scripts.clone();
        for name in ["make.conf", "package.env"] {
            of_settings.extend(make_conf::files(&config.join(name)));
        }
        files.hook_changed_at = last_change(&of_hook);
        files.settings_changed_at = last_change(&of_settings);
        files
    }

    /// Returns the files that name the hook.
    pub(super) fn naming_hook(&self) -> Vec<PathBuf> {
        self.all_naming(HOOK_NAME)
    }

    /// Returns the first file with `text` in it, outside comments.
    pub(super) fn naming(&self, text: &str) -> Option<PathBuf> {
        self.all_naming(text).into_iter().next()
    }

    fn all_naming(&self, text: &str) -> Vec<PathBuf> {
        let mut found = self.scripts.clone();
        found.retain(|file| names(file, text));
        found
    }
}

/// The hook's file name.
const HOOK_NAME: &str = "sccache-report.sh";

/// Whether a line of the file other than a comment, or the target of the link, has `text` in it.
/// The hook itself is a file of bashrc.d where it is a link or a copy.
fn names(file: &Path, text: &str) -> bool {
    let target = fs::read_link(file).unwrap_or_default();
    if target.to_string_lossy().contains(text) {
        return true;
    }
    let content = read(file);
    let is_hook = content.contains("\n___sccache_report_main() {");
    if is_hook {
        return text == HOOK_NAME;
    }
    let mut code = content
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    code.any(|line| line.contains(text))
}

/// Reads a regular file, whatever is in it.
fn read(file: &Path) -> String {
    let mut bytes = Vec::new();
    let mut options = File::options();
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32);
    if let Ok(file) = options.open(file)
        && file.metadata().is_ok_and(|metadata| metadata.is_file())
    {
        // A part that can't be read isn't found either.
        let _ = file.take(MAX_BYTES).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Links count by themselves and by what they lead to.
fn last_change(paths: &[PathBuf]) -> DateTime<Utc> {
    let times = paths.iter().flat_map(|path| {
        [fs::symlink_metadata(path), fs::metadata(path)]
            .into_iter()
            .flatten()
            .map(|metadata| metadata.ctime().max(metadata.mtime()))
    });
    let last = times.max().unwrap_or_default();
    DateTime::from_timestamp(last, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hook_is_found_as_text_and_as_a_link() {
        let prefix = tempfile::tempdir().unwrap();
        let config = prefix.path().join("etc/portage");
        fs::create_dir_all(config.join("bashrc.d")).unwrap();
        let settings = Settings::of(&[("EPREFIX", &prefix.path().to_string_lossy())]);
        let naming = || ConfigurationFiles::read(&settings).naming_hook();
        let bashrc = config.join("bashrc");
        fs::write(&bashrc, "  # source /usr/share/sccache-report.sh\n").unwrap();
        assert!(naming().is_empty());
        fs::write(&bashrc, "if x; then . \"$A\"/sccache-report.sh; fi").unwrap();
        assert_eq!(naming(), std::slice::from_ref(&bashrc));
        fs::write(&bashrc, "").unwrap();
        let link = config.join("bashrc.d/90-report.sh");
        std::os::unix::fs::symlink("/nowhere/sccache-report.sh", &link).unwrap();
        assert_eq!(naming(), [link]);
    }
}
