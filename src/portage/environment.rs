//! What Portage tells a phase about the package, in environment variables (PMS 8, 11.1).

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

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
    /// `SLOT`, which is the ebuild's and not exported: the hook hands it over.
    pub slot: Option<String>,
    /// `PORTAGE_REPO_NAME`.
    pub repository: Option<String>,
}

impl Environment {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Where this isn't a phase of a package: a variable is missing, or not a name that PMS allows.
    pub fn read() -> Result<Self> {
        Self::from(crate::config::text_variable)
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let name = |of: &str| {
            let value = variable(of)
                .with_context(|| format!("{of} is not set: this is for Portage's phases"))?;
            check_name(&value).with_context(|| of.to_owned())?;
            Ok::<_, anyhow::Error>(value)
        };
        let optional = |of: &str| variable(of).filter(|value| check_name(value).is_ok());
        let t = PathBuf::from(variable("T").context("T is not set: this is for Portage's phases")?);
        ensure!(t.is_absolute(), "T is not an absolute path");
        Ok(Self {
            t,
            phase: variable("EBUILD_PHASE").unwrap_or_default(),
            package: format!("{}/{}", name("CATEGORY")?, name("PN")?),
            version: name("PVR")?,
            slot: None,
            repository: optional("PORTAGE_REPO_NAME"),
        })
    }

    /// With the slot that the hook handed over, where it is one.
    #[must_use]
    pub fn with_slot(mut self, slot: Option<String>) -> Self {
        self.slot = slot.filter(|slot| slot.split('/').all(|part| check_name(part).is_ok()));
        self
    }
}

/// PMS 8, 3.1: letters, digits and `+_.-` are all that names of categories, packages,
/// versions, slots and repositories are made of, and none begins with a sign or a dot.
pub(super) fn check_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+_.-".contains(&byte);
    ensure!(
        !name.is_empty() && name.len() <= 255,
        "it is {} bytes long",
        name.len()
    );
    ensure!(
        name.bytes().all(allowed) && !name.starts_with(['-', '+', '.']),
        "{name:?} is not a name that PMS allows"
    );
    Ok(())
}

/// Whether this is `CATEGORY/PN` with names that PMS allows, safe as the end of a path.
pub fn is_package(name: &str) -> bool {
    let parts = name.split_once('/');
    parts.is_some_and(|(category, name)| check_name(category).is_ok() && check_name(name).is_ok())
}

/// The machine's name. Under FEATURES=network-sandbox Portage calls it `localhost` (3.0.83: in the
/// `clean` phase too); there it is what the system's configuration says.
pub fn host() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let name = match name.as_str() {
        "localhost" => configured_host().unwrap_or(name),
        _ => name,
    };
    crate::text::printable(&name, 64)
}

/// systemd's `/etc/hostname`, or OpenRC's `/etc/conf.d/hostname` (`hostname="name"`).
fn configured_host() -> Option<String> {
    let systemd = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let openrc = std::fs::read_to_string("/etc/conf.d/hostname").unwrap_or_default();
    let openrc = openrc
        .lines()
        .filter_map(|line| line.trim().strip_prefix("hostname="));
    systemd
        .lines()
        .chain(openrc)
        .map(|name| name.trim().trim_matches(['"', '\'']))
        .find(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Environment> {
        Environment::from(|name| {
            let value = variables.iter().find(|(of, _)| *of == name)?.1;
            (!value.is_empty()).then(|| value.to_owned())
        })
    }

    #[test]
    fn names_are_what_pms_allows() {
        let good = [
            ("T", "/t"),
            ("CATEGORY", "x11-libs"),
            ("PN", "gtk+"),
            ("PVR", "2.24_p1-r1"),
        ];
        let read = environment(&good).unwrap();
        assert_eq!(
            (&*read.package, &*read.version),
            ("x11-libs/gtk+", "2.24_p1-r1")
        );
        assert_eq!(
            read.clone().with_slot(Some("0/2.4".into())).slot.as_deref(),
            Some("0/2.4")
        );
        assert_eq!(read.with_slot(Some("a b".into())).slot, None);
        for (at, bad) in [(0, "relative"), (1, ""), (2, "a/b"), (3, "1\u{1b}")] {
            let mut variables = good;
            variables[at].1 = bad;
            assert!(environment(&variables).is_err(), "{bad:?}");
        }
    }
}
