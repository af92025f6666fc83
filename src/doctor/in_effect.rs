//! The settings that the next build will have.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::portage::{HookRecord, Settings};
use crate::sccache::{ConfigFile, local_folder};

/// What the hook writes in place of a value that not everybody may read.
const HIDDEN: &str = "(hidden)";

/// Whether the hook writes this variable down if it is set (`___sccache_report_save_settings`).
fn is_recorded(name: &str) -> bool {
    let names = [
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_RUSTC_WRAPPER",
        "CC",
        "CXX",
        "PATH",
        "PORTAGE_USERNAME",
        "PORTAGE_GRPNAME",
    ];
    let is_launcher = name.starts_with("CMAKE_") && name.ends_with("_COMPILER_LAUNCHER");
    names.contains(&name) || name.starts_with("SCCACHE_") || is_launcher
}

/// What a build had wins over what make.conf says: package.env, bashrc and the environment can set
/// everything. After a change of the configuration, make.conf's values win where it has some.
pub(super) struct InEffect {
    settings: Settings,
    pub(super) record: Option<HookRecord>,
    /// Whether the configuration is still the one that the recorded build had.
    pub(super) is_current: bool,
}

impl InEffect {
    pub(super) fn new(
        settings: &Settings,
        record: Option<HookRecord>,
        changed_at: DateTime<Utc>,
    ) -> Self {
        Self {
            settings: settings.clone(),
            is_current: record.as_ref().is_some_and(|it| it.time >= changed_at),
            record,
        }
    }

    /// Returns the value of a variable that is set, the empty text included.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let recorded = self.record.as_ref().and_then(|it| it.variables.get(name));
        let set = self.settings.get_set(name);
        match recorded.map(String::as_str) {
            Some(HIDDEN) => set,
            Some(value) if self.is_current => Some(value),
            None if self.is_current && is_recorded(name) => None,
            recorded => set.or(recorded),
        }
    }

    fn is_hidden(&self, name: &str) -> bool {
        let record = self.record.as_ref();
        record.is_some_and(|it| it.variables.get(name).is_some_and(|value| value == HIDDEN))
    }

    /// Returns a variable of sccache whose value only builds know, because the hook doesn't write it
    /// down.
    pub(super) fn secret(&self) -> Option<&str> {
        let mut names = self.record.iter().flat_map(|it| it.variables.keys());
        names
            .find(|name| self.is_hidden(name) && self.get(name).is_none())
            .map(String::as_str)
    }

    /// Returns the value of a variable that isn't empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Whether only the recorded build had the variable, and Portage's own settings don't.
    pub(super) fn is_only_recorded(&self, name: &str) -> bool {
        self.settings.get_set(name).is_none()
    }

    /// Returns all variables in effect whose names start so, sorted.
    pub(super) fn starting_with(&self, prefix: &str) -> Vec<(&str, &str)> {
        let recorded = self.record.iter().flat_map(|it| it.variables.keys());
        let mut names: Vec<&str> = recorded
            .map(String::as_str)
            .chain(self.settings.names())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .filter_map(|name| Some((name, self.get(name)?)))
            .collect()
    }

    /// Returns the search path of builds.
    pub(super) fn path(&self) -> String {
        let own = || crate::config::text_variable("PATH").unwrap_or_default();
        self.value("PATH").map_or_else(own, str::to_owned)
    }

    /// Returns the first program of this name in the search path of builds.
    pub(super) fn find_program(&self, name: &str) -> Option<PathBuf> {
        let path = self.path();
        let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
        candidates.find(|program| program.is_file())
    }

    /// Returns the content of the file that `SCCACHE_CONF` names, if it can be read.
    pub(super) fn configuration(&self) -> Option<ConfigFile> {
        ConfigFile::read(self.value("SCCACHE_CONF")?.as_ref()).ok()
    }

    /// Returns the folder of the local cache as it is set, absolute or not.
    pub(super) fn cache_folder(&self) -> Option<PathBuf> {
        local_folder(|name| self.get(name), self.configuration().as_ref())
    }

    /// Returns the kind of the remote cache that is used instead of a local one.
    pub(super) fn only_remote(&self) -> Option<&'static str> {
        let file = self.configuration();
        let has_chain = self.value("SCCACHE_MULTILEVEL_CHAIN").is_some()
            || file.as_ref().is_some_and(|file| file.has_chain);
        if has_chain {
            return None;
        }
        self.remotes().into_iter().next()
    }

    /// Returns the kinds of the remote caches that are set.
    pub(super) fn remotes(&self) -> Vec<&'static str> {
        let from_variables = crate::sccache::remotes(|name| self.value(name));
        let mut kinds: Vec<&str> = from_variables.into_iter().map(|(_, kind)| kind).collect();
        kinds.extend(self.configuration().into_iter().flat_map(|it| it.remotes));
        kinds
    }

    /// Whether FEATURES of the next build has it; `None` if that isn't known.
    pub(super) fn has_feature(&self, name: &str) -> Option<bool> {
        match &self.record {
            Some(record) if self.is_current => {
                Some(record.features.split_whitespace().any(|it| it == name))
            }
            _ => self.settings.has_feature(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_s_settings_win_until_the_configuration_changes() {
        let settings = Settings::of(&[("SCCACHE_DIR", "/conf"), ("SCCACHE_RECACHE", "")]);
        let set = [("SCCACHE_DIR", "/build"), ("RUSTC_WRAPPER", "sccache")];
        let record = HookRecord {
            variables: set.map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
            ..HookRecord::default()
        };
        let in_effect = |changed| {
            let changed = DateTime::from_timestamp(changed, 0).unwrap();
            InEffect::new(&settings, Some(record.clone()), changed)
        };
        let current = in_effect(0);
        assert_eq!(current.get("SCCACHE_DIR"), Some("/build"));
        assert_eq!(current.get("SCCACHE_RECACHE"), None);
        let changed = in_effect(1);
        assert_eq!(changed.get("SCCACHE_DIR"), Some("/conf"));
        assert_eq!(changed.get("SCCACHE_RECACHE"), Some(""));
        assert_eq!(changed.value("SCCACHE_RECACHE"), None);
        assert_eq!(changed.get("RUSTC_WRAPPER"), Some("sccache"));
    }

    #[test]
    fn what_the_hook_does_not_write_down_comes_from_portages_settings() {
        let settings = Settings::of(&[
            ("SANDBOX_WRITE", "/cache/"),
            ("SCCACHE_REDIS", "redis://u:p@h"),
        ]);
        let hidden = ["SCCACHE_REDIS", "SCCACHE_GHA_RUNTIME_TOKEN"];
        let record = HookRecord {
            variables: hidden
                .map(|name| (name.to_owned(), HIDDEN.to_owned()))
                .into(),
            ..HookRecord::default()
        };
        let changed = DateTime::from_timestamp(0, 0).unwrap();
        let in_effect = InEffect::new(&settings, Some(record), changed);
        assert!(in_effect.is_current);
        assert_eq!(in_effect.get("SANDBOX_WRITE"), Some("/cache/"));
        assert_eq!(in_effect.get("SCCACHE_REDIS"), Some("redis://u:p@h"));
        assert_eq!(in_effect.get("SCCACHE_GHA_RUNTIME_TOKEN"), None);
        assert_eq!(in_effect.secret(), Some("SCCACHE_GHA_RUNTIME_TOKEN"));
    }
}
