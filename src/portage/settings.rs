//! Portage's settings, as `portageq` tells them; without it, as far as make.conf does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::make_conf;
use crate::config;
use crate::process;

/// `portageq` takes half a second, and much longer on a cold disk.
const DEADLINE: Duration = Duration::from_secs(30);

/// What is asked; `*` stands for all names that begin so.
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

/// The settings of the installed Portage.
#[derive(Clone, Debug)]
pub struct Settings {
    values: BTreeMap<String, String>,
    /// Why `portageq` was not heard: then only plain lines of make.conf are known.
    pub without_portageq: Option<String>,
    /// What in its files Portage can't read; what it comes to without that is known all the same.
    pub complaint: Option<Complaint>,
    /// The file of make.conf that could not be read either: then what is not set isn't known.
    pub unread: Option<PathBuf>,
}

/// What `getconfig` in Portage 3.0.83 says of a file: `"FILE", line 17: Invalid token 'b' (not '=')`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The file.
    pub file: PathBuf,
    /// The line that it came to, from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

impl Complaint {
    fn find(said: &[u8]) -> Option<Self> {
        let said = String::from_utf8_lossy(said);
        said.lines().find_map(|line| {
            let (file, rest) = line.strip_prefix('"')?.split_once("\", line ")?;
            let (line, why) = rest.split_once(": ")?;
            Some(Self {
                file: file.into(),
                line: line.parse().ok()?,
                why: super::printable(why, 200),
            })
        })
    }
}

impl Settings {
    /// Asks `portageq`, or else reads make.conf. The variables of this process that a build would
    /// inherit are not part of it: it is the configuration, not one shell's.
    pub fn read() -> Self {
        let (values, complaint) = portageq();
        match values {
            Ok(values) => Self {
                values,
                without_portageq: None,
                complaint,
                unread: None,
            },
            Err(why) => {
                let mut settings = Self {
                    values: BTreeMap::new(),
                    without_portageq: Some(why),
                    complaint,
                    unread: None,
                };
                let is_closed = |file: &PathBuf| {
                    std::fs::File::open(file)
                        .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
                };
                let files = make_conf::files(&settings.make_conf());
                settings.unread = files.into_iter().find(is_closed);
                for one in make_conf::assignments(&settings.make_conf()) {
                    if let Some(value) = one.value {
                        settings.values.insert(one.name, value);
                    }
                }
                settings
            }
        }
    }

    /// As if Portage had told these.
    #[cfg(test)]
    pub(crate) fn of(values: &[(&str, &str)]) -> Self {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            values: values.iter().map(own).collect(),
            without_portageq: None,
            complaint: None,
            unread: None,
        }
    }

    /// A variable's value; an empty one is none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name)?.as_str();
        (!value.is_empty()).then_some(value)
    }

    /// Returns the value of a variable that is set, the empty text included: some variables count by
    /// being set.
    pub fn get_set(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name).map(String::as_str)?;
        // portageq prints a variable that it is asked for by its whole name, set or not.
        let is_set = !value.is_empty() || !NAMES.contains(&name);
        is_set.then_some(value)
    }

    /// Returns the names of all variables that are known.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Whether FEATURES has it; `None` where FEATURES isn't known, for Portage's defaults are not in
    /// make.conf.
    pub fn has_feature(&self, name: &str) -> Option<bool> {
        let features: Vec<&str> = self
            .get("FEATURES")
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let off = features.iter().any(|f| f.strip_prefix('-') == Some(name));
        match self.without_portageq {
            None => Some(features.contains(&name)),
            Some(_) if off => Some(false),
            Some(_) => features.contains(&name).then_some(true),
        }
    }

    /// The offset of a Gentoo Prefix; empty on an ordinary system.
    pub fn eprefix(&self) -> PathBuf {
        match self.without_portageq {
            None => self.get("EPREFIX").unwrap_or_default().into(),
            Some(_) => config::eprefix(),
        }
    }

    /// A path of the system, below the prefix: `below("etc/sandbox.d")`.
    pub fn below(&self, path: &str) -> PathBuf {
        let mut whole = self.eprefix().into_os_string();
        whole.push("/");
        whole.push(path);
        whole.into()
    }

    /// `/etc/portage`, wherever Portage's configuration is.
    pub fn config(&self) -> PathBuf {
        match self.get("PORTAGE_CONFIGROOT") {
            Some(root) => Path::new(root).join("etc/portage"),
            None => self.below("etc/portage"),
        }
    }

    /// Its make.conf: a file, or a folder of files.
    pub fn make_conf(&self) -> PathBuf {
        self.config().join("make.conf")
    }

    /// Where the installed packages are: `EROOT/var/db/pkg`.
    pub fn installed(&self) -> PathBuf {
        match self.get("EROOT") {
            Some(root) => Path::new(root).join("var/db/pkg"),
            None => self.below("var/db/pkg"),
        }
    }

    /// Who builds under FEATURES=userpriv: the user's name and the group's.
    pub fn builder(&self) -> (&str, &str) {
        (
            self.get("PORTAGE_USERNAME").unwrap_or("portage"),
            self.get("PORTAGE_GRPNAME").unwrap_or("portage"),
        )
    }
}

fn portageq() -> (Result<BTreeMap<String, String>, String>, Option<Complaint>) {
    let mut command = Command::new("portageq");
    command.args(["envvar", "-v"]).args(NAMES);
    for name in config::variable_names() {
        let text = name.to_string_lossy();
        let told = |prefix: &&str| text.starts_with(*prefix);
        if ["SCCACHE_", "RUSTC_", "CARGO_"].iter().any(told)
            || ["CC", "CXX", "BUILD_CC", "FEATURES"].contains(&&*text)
        {
            command.env_remove(&name);
        }
    }
    // Status 1 says that one of them isn't set.
    let output = match process::run(&mut command, DEADLINE) {
        Ok(output) => output,
        Err(process::RunError::NotStarted(error)) => {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "there is none in PATH".to_owned(),
                _ => error.to_string(),
            };
            return (Err(format!("portageq can't be run: {why}")), None);
        }
        Err(process::RunError::TimedOut) => {
            let why = format!("portageq took more than {} s", DEADLINE.as_secs());
            return (Err(why), None);
        }
    };
    let complaint = Complaint::find(&output.stderr);
    if output.stdout.starts_with(b"BUILD_CC=") {
        return (
            Ok(parse(&String::from_utf8_lossy(&output.stdout))),
            complaint,
        );
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or("it said nothing");
    let why = format!("portageq failed: {}", super::printable(last, 200));
    (Err(why), complaint)
}

/// `NAME=VALUE` lines, the values quoted as Python's shlex.quote does.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (mut value, mut quote, mut end) = (String::new(), None, after.len());
        for (at, character) in after.char_indices() {
            match (quote, character) {
                (Some(open), c) if c == open => quote = None,
                (Some(_), c) => value.push(c),
                (None, '\'' | '"') => quote = Some(character),
                (None, '\n') => {
                    end = at;
                    break;
                }
                (None, c) => value.push(c),
            }
        }
        values.insert(name.to_owned(), value);
        rest = after.get(end + 1..).unwrap_or_default();
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_portageq_prints_is_read_back() {
        let values = parse("A=''\nB=plain\nC='two words'\nD='it'\"'\"'s'\nE='l1\nl2=x'\nF=/z\n");
        let get = |name: &str| values[name].as_str();
        assert_eq!((get("A"), get("B"), get("C")), ("", "plain", "two words"));
        assert_eq!((get("D"), get("E"), get("F")), ("it's", "l1\nl2=x", "/z"));
    }
}
