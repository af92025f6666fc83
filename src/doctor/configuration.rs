//! The files in `etc/portage` that decide whether the hook runs and which settings builds have.
//!
//! They are only searched for text. The hook records the result of running them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::machine::HOOK;
use crate::portage::{Settings, make_conf};

/// The files, and when they changed.
pub(super) struct ConfigurationFiles {
    /// The files that Portage's bash may source: bashrc, bashrc.d, profile.bashrc, env.
    scripts: Vec<PathBuf>,
    /// The most recent change of bashrc, bashrc.d, or a file that names the hook.
    pub(super) hook_changed_at: DateTime<Utc>,
    /// The most recent change of any file that may set variables for builds.
    pub(super) settings_changed_at: DateTime<Utc>,
}

impl ConfigurationFiles {
    pub(super) fn find(settings: &Settings) -> Self {
        let config = settings.config();
        let (bashrc, bashrc_d) = (config.join("bashrc"), config.join("bashrc.d"));
        let mut scripts = vec![bashrc.clone(), config.join("profile/profile.bashrc")];
        // Dangling links as well.
        let entries = fs::read_dir(&bashrc_d).into_iter().flatten().flatten();
        scripts.extend(entries.map(|entry| entry.path()));
        scripts.extend(make_conf::files(&config.join("env")));
        let mut set_variables = scripts.clone();
        for name in ["make.conf", "package.env"] {
            set_variables.extend(make_conf::files(&config.join(name)));
        }
        let mut files = Self {
            scripts,
            hook_changed_at: DateTime::UNIX_EPOCH,
            settings_changed_at: last_change(&set_variables),
        };
        let mut name_hook = files.naming_hook();
        // The removal of bashrc changes its folder.
        name_hook.push(if bashrc.exists() { bashrc } else { config });
        name_hook.push(bashrc_d);
        files.hook_changed_at = last_change(&name_hook);
        files
    }

    /// Returns the files that name the hook.
    pub(super) fn naming_hook(&self) -> Vec<PathBuf> {
        let names_hook = |file: &Path| has_line(file, |line| line.contains(HOOK));
        let mut files = self.scripts.clone();
        files.retain(|file| is_hook(file) || names_hook(file));
        files
    }

    /// Returns the first file that contains `text`, except in comments and in the hook itself.
    pub(super) fn find_text(&self, text: &str) -> Option<&Path> {
        let contains = |line: &str| line.replace("sccache-report", "").contains(text);
        let mut files = self.scripts.iter().filter(|file| !is_hook(file));
        let found = files.find(|file| has_line(file, contains));
        found.map(PathBuf::as_path)
    }
}

/// Whether the file is the hook: a copy of it or a link to it.
fn is_hook(file: &Path) -> bool {
    let target = fs::read_link(file).unwrap_or_default();
    let mut paths = [file, &target].into_iter();
    paths.any(|path| path.to_string_lossy().ends_with(HOOK))
}

/// Whether a line that isn't a comment has the property.
fn has_line(file: &Path, has_property: impl Fn(&str) -> bool) -> bool {
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(str::trim_start);
    let mut code = lines.filter(|line| !line.starts_with('#'));
    code.any(has_property)
}

/// Returns the most recent change of the files, and of what they link to.
fn last_change(paths: &[PathBuf]) -> DateTime<Utc> {
    let own = paths.iter().map(|path| path.symlink_metadata());
    let metadata = own.chain(paths.iter().map(|path| path.metadata()));
    let times = metadata.flatten().map(|it| it.ctime().max(it.mtime()));
    DateTime::from_timestamp(times.max().unwrap_or_default(), 0).unwrap_or_default()
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
        let files = || ConfigurationFiles::find(&settings);
        let bashrc = config.join("bashrc");
        fs::write(&bashrc, "  # source /usr/share/sccache-report.sh\n").unwrap();
        assert!(files().naming_hook().is_empty());
        fs::write(&bashrc, "if x; then . \"$A\"/sccache-report.sh; fi").unwrap();
        assert_eq!(files().naming_hook(), std::slice::from_ref(&bashrc));
        assert_eq!(files().find_text("sccache"), None);
        fs::write(&bashrc, "PATH=/usr/lib/sccache:$PATH").unwrap();
        assert_eq!(files().find_text("sccache"), Some(bashrc.as_path()));
        let link = config.join("bashrc.d/90-report.sh");
        std::os::unix::fs::symlink("/nowhere/sccache-report.sh", &link).unwrap();
        assert_eq!(files().naming_hook(), [link]);
    }
}
