//! The configuration that cargo.eclass writes in `src_unpack`, and the one that replaces two values of it
//! during a phase.

use std::ffi::OsString;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::crates::{Time, modified};
use crate::config::variable;
use crate::error::{Error, Result, ensure};
use crate::files::open_regular;

/// cargo.eclass writes less than 1 kB.
const MAX_BYTES: u64 = 1 << 20;

/// Variables with which cargo ignores `build.target-dir`, or part of it.
const TARGET_VARIABLES: [&str; 3] = [
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
];

/// The settings in `${CARGO_HOME}/config.toml`.
pub(super) struct CargoHome {
    pub(super) path: PathBuf,
    /// The name of the source that is a directory of vendored crates.
    source: String,
    /// That directory.
    pub(super) vendor: PathBuf,
    /// Whether the build chose a target directory.
    pub(super) has_target_directory: bool,
    /// Sources of crates that come from git repositories.
    pub(super) patches: Vec<PathBuf>,
    /// Whether some crates come from git repositories, but not from `patches`.
    pub(super) has_git: bool,
    /// When it was written.
    pub(super) written: Time,
}

impl CargoHome {
    /// Reads `CARGO_HOME`, which must be below `workdir`.
    ///
    /// # Errors
    /// There is no configuration, or not exactly one directory of vendored crates below `workdir`.
    pub(super) fn read(workdir: &Path) -> Result<Self> {
        let path = PathBuf::from(variable("CARGO_HOME").unwrap_or_default());
        ensure!(is_below(workdir, &path), "CARGO_HOME is not in WORKDIR");
        let file = path.join("config.toml");
        let failed = |error| Error::NotReadable(file.clone(), error);
        let opened = open_regular(&file).map_err(failed)?;
        let written = modified(&rustix::fs::fstat(&opened)?);
        let mut text = String::new();
        opened
            .take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(failed)?;
        let mut home = Self::parse(path, written, &text, workdir)?;
        home.has_target_directory |= target_variables().next().is_some();
        Ok(home)
    }

    fn parse(path: PathBuf, written: Time, text: &str, workdir: &Path) -> Result<Self> {
        // Without the parser's message, which quotes the file: root follows a link of the build user.
        let config: Table = text
            .parse()
            .map_err(|_| Error::invalid("config.toml can't be parsed"))?;
        let sources = config.get("source").and_then(Value::as_table);
        let directories: Vec<(&String, &str)> = sources
            .into_iter()
            .flatten()
            .filter_map(|(name, source)| Some((name, source.get("directory")?.as_str()?)))
            .collect();
        let [(source, vendor)] = directories[..] else {
            let count = directories.len();
            return Err(Error::invalid(format!(
                "{count} directories of vendored crates"
            )));
        };
        let vendor = PathBuf::from(vendor);
        ensure!(
            is_below(workdir, &vendor),
            "the vendored crates are not in WORKDIR"
        );
        let mut sources = sources.into_iter().flat_map(Table::values);
        let build = config.get("build").and_then(Value::as_table);
        let patches = config.get("patch").and_then(Value::as_table);
        let patched = patches
            .into_iter()
            .flat_map(Table::values)
            .filter_map(Value::as_table);
        Ok(Self {
            path,
            source: source.clone(),
            vendor,
            has_target_directory: build.is_some_and(|build| {
                build.contains_key("target-dir") || build.contains_key("build-dir")
            }),
            patches: patched
                .flat_map(Table::values)
                .filter_map(|patch| Some(PathBuf::from(patch.get("path")?.as_str()?)))
                .collect(),
            has_git: sources.any(|source| source.get("git").is_some()),
            written,
        })
    }

    /// Returns the configuration with another directory of vendored crates, and a target directory.
    pub(super) fn replacement(&self, vendor: &Path, target: Option<&Path>) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        let mut text = format!(
            "# By sccache-report, for the running phase.\n[source.{}]\ndirectory = {}\n",
            quoted(&self.source),
            quoted(&vendor.to_string_lossy())
        );
        if let Some(target) = target {
            // A build script may run a cargo of its own, which would wait forever for the lock of the one
            // that runs the script. It gets its own target directory back: a relative path in the
            // environment is relative to the directory that it runs in.
            let target = quoted(&target.to_string_lossy());
            let _ = write!(
                text,
                "[build]\ntarget-dir = {target}\n[env]\nCARGO_BUILD_TARGET_DIR = \"target\"\n"
            );
        }
        text
    }
}

fn target_variables() -> impl Iterator<Item = OsString> {
    TARGET_VARIABLES.iter().filter_map(|name| variable(name))
}

/// Whether the build chose a target directory in `PORTAGE_BUILDDIR`, which sccache's keys contain.
pub(super) fn has_target_variable_in(directory: &Path) -> bool {
    target_variables().any(|value| Path::new(&value).starts_with(directory))
}

/// Whether a path leads to something below `folder` without `..`.
fn is_below(folder: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(folder);
    below.is_ok_and(|below| {
        let mut parts = below.components().peekable();
        parts.peek().is_some() && parts.all(|part| matches!(part, std::path::Component::Normal(_)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cargo.eclass of 2026 writes it, with a git crate and a crate that overrides others.
    const CONFIG: &str = r#"
        paths = [
        '/w/work/cargo_home/gentoo/openssl-0.10.35',
        ]

        [source.gentoo]
        directory = "/w/work/cargo_home/gentoo"

        [source.crates-io]
        replace-with = "gentoo"
        local-registry = "/nonexistent"

        [build]
        jobs = 4
        incremental = false

        [patch.'https://example.org/RustPython']
        rustpython-common = { path = "/w/work/RustPython-1/common" }
    "#;

    fn parse(text: &str) -> Result<CargoHome> {
        CargoHome::parse(PathBuf::new(), (0, 0), text, Path::new("/w/work"))
    }

    #[test]
    fn the_configuration_of_the_eclass_is_read() {
        let home = parse(CONFIG).unwrap();
        assert_eq!(home.source, "gentoo");
        assert_eq!(home.vendor, Path::new("/w/work/cargo_home/gentoo"));
        assert!(!home.has_target_directory && !home.has_git);
        assert_eq!(home.patches, [Path::new("/w/work/RustPython-1/common")]);
        let own_target = CONFIG.replace("incremental = false", "target-dir = 'x'");
        assert!(parse(&own_target).unwrap().has_target_directory);
        let git = format!("{CONFIG}\n[source.g]\ngit = \"https://example.org/g\"");
        assert!(parse(&git).unwrap().has_git);
    }

    #[test]
    fn other_configurations_are_refused() {
        let second = format!("{CONFIG}\n[source.more]\ndirectory = '/w/work/more'");
        let outside = CONFIG.replace("\"/w/work/cargo_home", "\"/w/home");
        let above = CONFIG.replace("/w/work/cargo_home", "/w/work/../cargo_home");
        for (text, reason) in [
            (&*second, "2 directories of vendored crates"),
            ("", "0 directories of vendored crates"),
            (&outside, "the vendored crates are not in WORKDIR"),
            (&above, "the vendored crates are not in WORKDIR"),
        ] {
            let error = parse(text).err().unwrap();
            assert_eq!(error.to_string(), reason);
        }
        assert!(parse("no TOML").is_err());
    }

    #[test]
    fn the_replacement_is_what_cargo_reads() {
        let home = parse(&CONFIG.replace("gentoo", "a\\\"b")).err();
        assert!(home.is_some(), "no such key");
        let home = CargoHome {
            source: "a.\"b\\".to_owned(),
            ..parse(CONFIG).unwrap()
        };
        let (vendor, target) = (Path::new("/p \"\\\u{7f}/vendor"), Path::new("/p/target"));
        let text = home.replacement(vendor, Some(target));
        let config: Table = text.parse().unwrap();
        let directory = config["source"]["a.\"b\\"]["directory"].as_str();
        assert_eq!(directory, vendor.to_str());
        assert_eq!(config["build"]["target-dir"].as_str(), target.to_str());
        assert!(!home.replacement(vendor, None).contains("build"));
    }
}
