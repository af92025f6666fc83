//! Runs programs as the user that builds: the kernel decides what that user may do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::machine::Machine;
use crate::process;

/// The user that compiles in builds.
#[derive(Clone, Debug)]
pub(super) struct BuildUser {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The command that becomes this user; empty for the user of this process.
    switch: Vec<String>,
}

impl BuildUser {
    /// # Errors
    /// Returns the reason, as text, why this process can't become the user.
    pub(super) fn new(machine: &Machine) -> Result<Self, String> {
        let name = machine.settings.builder().0;
        let Some(user) = &machine.builder else {
            return Err(format!("there is no user {name}"));
        };
        let mut switch = Vec::new();
        if rustix::process::geteuid().as_raw() != user.uid {
            if !machine.is_root {
                let name = &user.name;
                return Err(format!(
                    "only root can run programs as user {name}: run `sccache-report doctor` as root"
                ));
            }
            let Some(setpriv) = find_tool("setpriv") else {
                return Err("setpriv (sys-apps/util-linux) isn't installed".to_owned());
            };
            switch = vec![
                setpriv,
                format!("--reuid={}", user.uid),
                format!("--regid={}", user.gid),
                format!("--groups={}", user.groups()),
                "--".to_owned(),
            ];
        }
        Ok(Self {
            name: user.name.clone(),
            uid: user.uid,
            gid: user.gid,
            switch,
        })
    }

    /// Creates a command with an empty environment but for PATH. `outer` runs as this process's
    /// user, before the switch.
    pub(super) fn command(&self, outer: &[String], arguments: &[String], path: &str) -> Command {
        let words: Vec<&String> = outer.iter().chain(&self.switch).chain(arguments).collect();
        let (program, rest) = words.split_first().expect("a program");
        let mut command = Command::new(program);
        command.args(rest).env_clear();
        command.env("PATH", path).env("LC_ALL", "C");
        command
    }

    /// Returns the first of the files that the user can't read.
    pub(super) fn unreadable(&self, files: &[PathBuf]) -> Option<PathBuf> {
        const SCRIPT: &str = r#"for f; do [ -r "$f" ] || { printf %s "$f"; break; }; done"#;
        let mut words = ["/bin/sh", "-c", SCRIPT, "sh"].map(str::to_owned).to_vec();
        words.extend(files.iter().map(|file| file.to_string_lossy().into_owned()));
        let mut command = self.command(&[], &words, "/usr/bin:/bin");
        let output = process::run(&mut command, Duration::from_secs(10)).ok()?;
        let first = String::from_utf8_lossy(&output.stdout).into_owned();
        (!first.is_empty()).then(|| first.into())
    }

    /// Returns the version that `PROGRAM --version` prints after the program's name.
    pub(super) fn version(&self, program: &Path, path: &str) -> Option<String> {
        let words = [program.to_string_lossy().into_owned(), "--version".into()];
        let mut command = self.command(&[], &words, path);
        let output = process::run(&mut command, Duration::from_secs(10)).ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().next()?.split_whitespace().nth(1)?;
        output.status.success().then(|| super::quoted(version))
    }
}

/// Returns the path of a program of util-linux that root runs: never what PATH says.
pub(super) fn find_tool(name: &str) -> Option<String> {
    let places = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
    let mut paths = places.iter().map(|folder| format!("{folder}/{name}"));
    paths.find(|path| Path::new(path).is_file())
}
