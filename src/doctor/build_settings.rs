//! The settings that the next build will have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::text_variable;
use crate::portage::{HookRecord, Settings};
use crate::sccache::{ConfigFile, RedisSettings, local_folder, remotes};

/// What the hook records in place of a password.
const HIDDEN: &str = "(hidden)";

/// The settings of the last cached build, which package.env, bashrc and the environment may have
/// changed. If the configuration changed since that build, Portage's own settings.
pub(super) struct BuildSettings {
    portage: Settings,
    variables: BTreeMap<String, String>,
    /// The last cached build, unless the configuration changed since.
    pub(super) record: Option<HookRecord>,
}

impl BuildSettings {
    pub(super) fn new(portage: Settings, record: Option<HookRecord>) -> Self {
        let own = |(name, value): (&String, &String)| (name.clone(), value.clone());
        let mut variables: BTreeMap<_, _> = portage.variables().map(own).collect();
        if let Some(record) = &record {
            let is_hidden =
                |name: &String| record.variables.get(name).is_some_and(|it| it == HIDDEN);
            // The hook doesn't record sandbox's variables.
            variables.retain(|name, _| name.starts_with("SANDBOX_") || is_hidden(name));
            let recorded = record.variables.clone().into_iter();
            variables.extend(recorded.filter(|(name, _)| !is_hidden(name)));
        }
        Self {
            portage,
            variables,
            record,
        }
    }

    /// Returns the value of a variable that is set, perhaps to the empty string.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Returns the value of a variable that isn't empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Returns the name of a secret variable whose value only builds have.
    pub(super) fn unknown_password(&self) -> Option<&str> {
        let recorded = self.record.as_ref()?.variables.keys();
        let mut names = recorded.filter(|name| !self.variables.contains_key(*name));
        names.next().map(String::as_str)
    }

    /// Returns all variables whose names start with `prefix`, sorted.
    pub(super) fn starting_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| (&**name, &**value));
        variables.filter(move |(name, _)| name.starts_with(prefix))
    }

    /// Returns the search path of builds.
    pub(super) fn path(&self) -> String {
        let inherited = || text_variable("PATH").unwrap_or_default();
        self.value("PATH").map_or_else(inherited, str::to_owned)
    }

    /// Returns the first program with this name in the search path of builds.
    pub(super) fn find_program(&self, name: &str) -> Option<PathBuf> {
        let path = self.path();
        let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
        candidates.find(|program| program.is_file())
    }

    /// Returns the variable that makes cargo call a wrapper, and its value.
    pub(super) fn rust_wrapper(&self) -> Option<(&'static str, &str)> {
        let mut names = ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"].into_iter();
        names.find_map(|name| Some((name, self.value(name)?)))
    }

    /// Reads the file that `SCCACHE_CONF` names, if possible.
    fn configuration_file(&self) -> Option<ConfigFile> {
        ConfigFile::read(self.value("SCCACHE_CONF")?.as_ref()).ok()
    }

    /// Returns the folder of the local cache as configured, absolute or not.
    pub(super) fn cache_folder(&self) -> Option<PathBuf> {
        local_folder(|name| self.get(name), self.configuration_file().as_ref())
    }

    /// Returns the kind of the first configured remote cache.
    pub(super) fn remote_cache(&self) -> Option<&'static str> {
        let set = remotes(|name| self.value(name));
        let kind = set.first().map(|(_, kind)| *kind);
        kind.or_else(|| self.configuration_file()?.remotes.first().copied())
    }

    /// Returns the settings of a Redis at a Unix socket.
    pub(super) fn redis(&self) -> Option<RedisSettings> {
        let get = |name: &str| self.get(name).map(str::to_owned);
        let file = self.configuration_file();
        RedisSettings::find(get, file.and_then(|file| file.redis))
    }

    /// Whether several caches are used together, the local one among them.
    pub(super) fn has_cache_chain(&self) -> bool {
        self.value("SCCACHE_MULTILEVEL_CHAIN").is_some()
            || self.configuration_file().is_some_and(|file| file.has_chain)
    }

    /// Whether FEATURES has an entry, if that is known.
    pub(super) fn has_feature(&self, name: &str) -> Option<bool> {
        match &self.record {
            Some(record) => Some(record.features.split_whitespace().any(|it| it == name)),
            None => self.portage.has_feature(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(variables: &[(&str, &str)]) -> HookRecord {
        let variables = variables.iter();
        HookRecord {
            variables: variables
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            ..HookRecord::default()
        }
    }

    #[test]
    fn a_recorded_build_replaces_portages_settings() {
        let portage = Settings::of(&[("SCCACHE_DIR", "/conf"), ("SCCACHE_RECACHE", "")]);
        let build = record(&[("SCCACHE_DIR", "/build"), ("RUSTC_WRAPPER", "sccache")]);
        let settings = BuildSettings::new(portage.clone(), Some(build));
        assert_eq!(settings.get("SCCACHE_DIR"), Some("/build"));
        assert_eq!(settings.get("SCCACHE_RECACHE"), None);
        assert_eq!(settings.rust_wrapper(), Some(("RUSTC_WRAPPER", "sccache")));
        let settings = BuildSettings::new(portage, None);
        assert_eq!(settings.get("SCCACHE_DIR"), Some("/conf"));
        assert_eq!(settings.get("SCCACHE_RECACHE"), Some(""));
        assert_eq!(settings.value("SCCACHE_RECACHE"), None);
        assert_eq!(settings.rust_wrapper(), None);
    }

    #[test]
    fn what_the_hook_does_not_record_comes_from_portages_settings() {
        let portage = Settings::of(&[
            ("SANDBOX_WRITE", "/cache/"),
            ("SCCACHE_REDIS", "redis://u:p@h"),
        ]);
        let hidden = ["SCCACHE_REDIS", "SCCACHE_GHA_RUNTIME_TOKEN"].map(|name| (name, HIDDEN));
        let settings = BuildSettings::new(portage, Some(record(&hidden)));
        assert_eq!(settings.get("SANDBOX_WRITE"), Some("/cache/"));
        assert_eq!(settings.get("SCCACHE_REDIS"), Some("redis://u:p@h"));
        assert_eq!(settings.get("SCCACHE_GHA_RUNTIME_TOKEN"), None);
        let unknown = settings.unknown_password();
        assert_eq!(unknown, Some("SCCACHE_GHA_RUNTIME_TOKEN"));
    }
}
