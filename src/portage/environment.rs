//! The variables that Portage sets in a phase (PMS 8, 11.1), and the host name.

use std::fs;
use std::path::PathBuf;

use super::check::check_name;
use crate::config;
use crate::error::{Error, Result, ensure};
use crate::text::printable;

/// The variables of one package's phase.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `T`.
    pub t: PathBuf,
    /// `EBUILD_PHASE`; empty in some of Portage's helper calls.
    pub phase: String,
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`.
    pub version: String,
    /// `SLOT`, a variable of the ebuild, which the hook passes because Portage doesn't export it.
    pub slot: Option<String>,
    /// `PORTAGE_REPO_NAME`.
    pub repository: Option<String>,
    /// Where the package is built: `S`, `WORKDIR`, and `T`, without a slash at the end; empty if unknown.
    pub directories: [String; 3],
}

impl Environment {
    /// Reads the environment of the process. An invalid `slot` is ignored.
    ///
    /// # Errors
    /// Returns an error if this isn't a phase of a package: a variable is missing, or not a name that
    /// PMS allows.
    pub fn read(slot: Option<String>) -> Result<Self> {
        Self::from_variables(config::text_variable, slot)
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>, slot: Option<String>) -> Result<Self> {
        let required = |name: &str| {
            let problem =
                || format!("{name} is not set: this command only works in a phase of Portage");
            get(name).ok_or_else(|| Error::Invalid(problem()))
        };
        let name = |variable: &str| -> Result<String> {
            let value = required(variable)?;
            check_name(&value).map_err(|error| Error::failed(variable, error))?;
            Ok(value)
        };
        let t = PathBuf::from(required("T")?);
        ensure!(t.is_absolute(), "T is not an absolute path");
        Ok(Self {
            t,
            phase: get("EBUILD_PHASE").unwrap_or_default(),
            package: format!("{}/{}", name("CATEGORY")?, name("PN")?),
            version: name("PVR")?,
            slot: slot.filter(|slot| slot.split('/').all(|part| check_name(part).is_ok())),
            repository: name("PORTAGE_REPO_NAME").ok(),
            directories: ["S", "WORKDIR", "T"].map(|name| {
                let path = get(name).unwrap_or_default();
                path.trim_end_matches('/').to_owned()
            }),
        })
    }
}

/// Returns the name of the host. Under FEATURES=network-sandbox Portage sets it to `localhost`
/// (3.0.83: in the `clean` phase too); then it is read from the system's configuration.
pub fn host() -> String {
    let uname = rustix::system::uname();
    let mut name = uname.nodename().to_string_lossy().into_owned();
    if name == "localhost" {
        name = configured_host().unwrap_or(name);
    }
    printable(&name, 64)
}

/// Reads systemd's `/etc/hostname`, or OpenRC's `/etc/conf.d/hostname` (`hostname="name"`).
fn configured_host() -> Option<String> {
    ["/etc/hostname", "/etc/conf.d/hostname"]
        .iter()
        .flat_map(fs::read_to_string)
        .find_map(|text| {
            let name = |line: &str| {
                let line = line.trim();
                let name = line.strip_prefix("hostname=").unwrap_or(line);
                name.trim_matches(['"', '\'']).to_owned()
            };
            let is_name = |name: &String| check_name(name).is_ok();
            text.lines().map(name).find(is_name)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)], slot: &str) -> Result<Environment> {
        let get = |name: &str| {
            let value = variables.iter().find(|(of, _)| *of == name)?.1;
            (!value.is_empty()).then(|| value.to_owned())
        };
        Environment::from_variables(get, Some(slot.to_owned()))
    }

    #[test]
    fn names_are_what_pms_allows() {
        let good = [
            ("T", "/t"),
            ("CATEGORY", "x11-libs"),
            ("PN", "gtk+"),
            ("PVR", "2.24_p1-r1"),
            ("S", "/work/gtk+-2.24/"),
        ];
        let read = environment(&good, "0/2.4").unwrap();
        assert_eq!(
            (&*read.package, &*read.version),
            ("x11-libs/gtk+", "2.24_p1-r1")
        );
        assert_eq!(read.slot.as_deref(), Some("0/2.4"));
        assert_eq!(read.directories, ["/work/gtk+-2.24", "", "/t"]);
        assert_eq!(environment(&good, "a b").unwrap().slot, None);
        for (at, bad) in [(0, "relative"), (1, ""), (2, "a/b"), (3, "1\u{1b}")] {
            let mut variables = good;
            variables[at].1 = bad;
            assert!(environment(&variables, "0").is_err(), "{bad:?}");
        }
    }
}
