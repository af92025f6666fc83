//! Portage's settings: from `portageq`, or from make.conf if `portageq` is not available.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::make_conf;
use crate::config;
use crate::process::{self, RunError};
use crate::text::printable;

/// `portageq` takes half a second, and much longer on a cold disk.
const DEADLINE: Duration = Duration::from_secs(30);

/// The variables to query; `*` stands for any end.
const NAMES: &[&str] = &[
    "BUILD_CC",
    "CARGO_*",
    "CC",
    "CXX",
    "EPREFIX",
    "EROOT",
    "FEATURES",
    "PATH",
    "PORTAGE_CONFIGROOT",
    "PORTAGE_GRPNAME",
    "PORTAGE_TMPDIR",
    "PORTAGE_USERNAME",
    "RUSTC_*",
    "SANDBOX_WRITE",
    "SCCACHE_*",
];

/// A line of `portageq envvar -v`: `NAME=VALUE`, with the value quoted by Python's `shlex.quote`.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)^(\w+)=((?:'[^']*'|"'"|[^'"\n])*)$"#).expect("a valid pattern")
});

/// The settings of the installed Portage.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: BTreeMap<String, String>,
    /// Why `portageq` is not available. Then only plain values of make.conf are known.
    pub portageq_error: Option<String>,
    /// A line that Portage can't parse. The other settings are still known.
    pub syntax_error: Option<SyntaxError>,
    /// A file of make.conf that this user can't read. Then a variable that isn't set is unknown.
    pub unreadable_file: Option<PathBuf>,
}

/// A message of `getconfig` in Portage 3.0.83: `"FILE", line 17: Invalid token 'b' (not '=')`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The file.
    pub file: PathBuf,
    /// The line, counting from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl SyntaxError {
    fn find(stderr: &str) -> Option<Self> {
        stderr.lines().find_map(|line| {
            let (file, rest) = line.strip_prefix('"')?.split_once("\", line ")?;
            let (line, message) = rest.split_once(": ")?;
            Some(Self {
                file: file.into(),
                line: line.parse().ok()?,
                message: printable(message, 200),
            })
        })
    }
}

impl Settings {
    /// Reads the settings with `portageq`, or from make.conf. Variables of this process that a build
    /// would inherit are ignored: these are the configuration's settings, not one shell's.
    pub fn read() -> Self {
        let mut settings = Self::default();
        match settings.query_portageq() {
            Ok(values) => settings.values = values,
            Err(error) => {
                settings.portageq_error = Some(error);
                settings.read_make_conf();
            }
        }
        settings
    }

    fn query_portageq(&mut self) -> Result<BTreeMap<String, String>, String> {
        let mut command = Command::new("portageq");
        command.args(["envvar", "-v"]).args(NAMES);
        for name in config::variable_names() {
            let text = name.to_string_lossy();
            let prefixes = ["SCCACHE_", "RUSTC_", "CARGO_"];
            if prefixes.iter().any(|prefix| text.starts_with(prefix))
                || ["CC", "CXX", "BUILD_CC", "FEATURES"].contains(&&*text)
            {
                command.env_remove(&name);
            }
        }
        let output = process::run(&mut command, DEADLINE).map_err(|error| match error {
            RunError::NotStarted(error) if error.kind() == ErrorKind::NotFound => {
                "portageq can't be run: it is not in PATH".to_owned()
            }
            RunError::NotStarted(error) => format!("portageq can't be run: {error}"),
            RunError::TimedOut => format!("portageq took more than {} s", DEADLINE.as_secs()),
        })?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        self.syntax_error = SyntaxError::find(&stderr);
        // Status 1 means that a variable isn't set.
        if !output.stdout.starts_with(b"BUILD_CC=") {
            let last = stderr.lines().last().unwrap_or("it printed nothing");
            return Err(format!("portageq failed: {}", printable(last, 200)));
        }
        Ok(parse(&String::from_utf8_lossy(&output.stdout)))
    }

    fn read_make_conf(&mut self) {
        let make_conf = self.make_conf();
        let is_unreadable = |file: &PathBuf| {
            File::open(file).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
        };
        let mut files = make_conf::files(&make_conf).into_iter();
        self.unreadable_file = files.find(is_unreadable);
        let assignments = make_conf::assignments(&make_conf).into_iter();
        let plain = assignments.filter_map(|assignment| Some((assignment.name, assignment.value?)));
        self.values.extend(plain);
    }

    /// Returns settings with these values, for tests.
    #[cfg(test)]
    pub(crate) fn of(values: &[(&str, &str)]) -> Self {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            values: values.iter().map(own).collect(),
            ..Self::default()
        }
    }

    /// Returns the value of a variable that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name)?.as_str();
        (!value.is_empty()).then_some(value)
    }

    /// Returns the variables that are set, even if they are empty: some take effect by being set.
    pub fn variables(&self) -> impl Iterator<Item = (&String, &String)> {
        // portageq prints a variable without `*` even if it isn't set.
        let is_set = |name: &str, value: &str| !value.is_empty() || !NAMES.contains(&name);
        self.values
            .iter()
            .filter(move |(name, value)| is_set(name, value))
    }

    /// Whether FEATURES contains `name`; `None` if that is unknown, because Portage's defaults are not
    /// in make.conf.
    pub fn has_feature(&self, name: &str) -> Option<bool> {
        let features = self.get("FEATURES").unwrap_or_default();
        let mut features = features.split_whitespace();
        if features.clone().any(|feature| feature == name) {
            return Some(true);
        }
        let is_off = features.any(|feature| feature.strip_prefix('-') == Some(name));
        (is_off || self.portageq_error.is_none()).then_some(false)
    }

    /// Returns the offset of a Gentoo Prefix; empty on an ordinary system.
    pub fn eprefix(&self) -> PathBuf {
        if self.portageq_error.is_some() {
            config::eprefix()
        } else {
            self.get("EPREFIX").unwrap_or_default().into()
        }
    }

    /// Returns a path of the system, below the prefix: `below("etc/sandbox.d")`.
    pub fn below(&self, path: &str) -> PathBuf {
        let mut whole = self.eprefix().into_os_string();
        whole.push("/");
        whole.push(path);
        whole.into()
    }

    /// Returns the folder of Portage's configuration, usually `/etc/portage`.
    pub fn config(&self) -> PathBuf {
        self.below_root("PORTAGE_CONFIGROOT", "etc/portage")
    }

    /// Returns make.conf: a file, or a folder of files.
    pub fn make_conf(&self) -> PathBuf {
        self.config().join("make.conf")
    }

    /// Returns the database of installed packages: `EROOT/var/db/pkg`.
    pub fn installed(&self) -> PathBuf {
        self.below_root("EROOT", "var/db/pkg")
    }

    fn below_root(&self, variable: &str, path: &str) -> PathBuf {
        match self.get(variable) {
            Some(root) => Path::new(root).join(path),
            None => self.below(path),
        }
    }

    /// Returns the names of the user and group that compile under FEATURES=userpriv.
    pub fn builder(&self) -> (&str, &str) {
        (
            self.get("PORTAGE_USERNAME").unwrap_or("portage"),
            self.get("PORTAGE_GRPNAME").unwrap_or("portage"),
        )
    }
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let unquote = |value: &str| {
        let parts = value.split(r#"'"'"'"#).map(|part| part.replace('\'', ""));
        parts.collect::<Vec<_>>().join("'")
    };
    VARIABLE
        .captures_iter(text)
        .map(|variable| (variable[1].to_owned(), unquote(&variable[2])))
        .collect()
}

/// A user of the system.
#[derive(Clone, Debug)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The user ID.
    pub uid: u32,
    /// The ID of the user's primary group.
    pub gid: u32,
}

impl User {
    /// Looks up a user with `id`, which knows more users than `/etc/passwd`; `None` if there is none.
    pub fn find(name: &str) -> Option<Self> {
        let query = |option: &str| -> Option<u32> {
            let mut command = Command::new("id");
            command.args([option, "--", name]);
            let output = process::run(&mut command, Duration::from_secs(10)).ok()?;
            let number = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
            number.filter(|_| output.status.success())
        };
        Some(Self {
            name: name.to_owned(),
            uid: query("-u")?,
            gid: query("-g")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_portageq_is_parsed() {
        let values = parse("A=''\nB=plain\nC='two words'\nD='it'\"'\"'s'\nE='l1\nl2=x'\nF=/z\n");
        let get = |name: &str| values[name].as_str();
        assert_eq!((get("A"), get("B"), get("C")), ("", "plain", "two words"));
        assert_eq!((get("D"), get("E"), get("F")), ("it's", "l1\nl2=x", "/z"));
    }
}
