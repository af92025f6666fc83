//! Runs programs as the build user, so that the kernel enforces that user's permissions.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::machine::Machine;
use crate::portage::User;
use crate::process;

/// The time limit of a program.
const DEADLINE: Duration = Duration::from_secs(10);

/// The search path of doctor's own programs. Builds may have another one.
pub(super) const SYSTEM_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns the user that packages are built as.
///
/// # Errors
/// Returns the reason why this process can't become the user.
pub(super) fn build_user(machine: &Machine) -> Result<User, String> {
    let name = machine.settings.builder().0;
    let user = machine.builder.clone();
    let user = user.ok_or_else(|| format!("not checked: there is no user {name}"))?;
    let own = rustix::process::geteuid();
    if own.is_root() || own.as_raw() == user.uid {
        return Ok(user);
    }
    let message = format!("not checked: only root can act as user {}", user.name);
    Err(message + ". Run doctor as root")
}

impl User {
    /// Runs a program as the user. Returns its standard output, and whether it succeeded; nothing
    /// if it can't be started or takes too long.
    pub(super) fn run(&self, words: &[&str], path: &str) -> Option<(String, bool)> {
        let output = process::run(&mut self.command(words, path), DEADLINE).ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Some((text, output.status.success()))
    }

    /// As [`Self::run`], with more variables. Returns its standard output and error.
    pub(super) fn run_with<'a>(
        &self,
        words: &[&str],
        path: &str,
        variables: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Option<(String, String)> {
        let mut command = self.command(words, path);
        command.envs(variables);
        let output = process::run(&mut command, DEADLINE).ok()?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Some((text(&output.stdout), text(&output.stderr)))
    }

    fn command(&self, words: &[&str], path: &str) -> Command {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_clear();
        command.env("PATH", path).env("LC_ALL", "C");
        if rustix::process::geteuid().is_root() {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Returns the first of the files that the user can't read.
    pub(super) fn first_unreadable(&self, files: &[PathBuf]) -> Option<PathBuf> {
        const SCRIPT: &str = r#"for f; do [ -r "$f" ] || { printf %s "$f"; break; }; done"#;
        let mut words = vec!["/bin/sh", "-c", SCRIPT, "sh"];
        words.extend(files.iter().filter_map(|file| file.to_str()));
        let (first, _) = self.run(&words, SYSTEM_PATH)?;
        (!first.is_empty()).then(|| first.into())
    }

    /// Returns the version that `PROGRAM --version` prints.
    pub(super) fn version(&self, program: &Path, path: &str) -> Option<String> {
        let (text, _) = self.run(&[program.to_str()?, "--version"], path)?;
        let version = text.lines().next()?.split_whitespace().nth(1)?;
        Some(super::quoted(version))
    }
}
