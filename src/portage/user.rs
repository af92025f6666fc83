//! The user that builds.

use std::process::Command;
use std::time::Duration;

use crate::process;

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The number of the user's own group.
    pub gid: u32,
}

impl User {
    /// Looks the user up by `id`, which knows more than `/etc/passwd`; `None` if there is none.
    pub fn named(name: &str) -> Option<Self> {
        let number = |option: &str| -> Option<u32> {
            let mut command = Command::new("id");
            command.args([option, "--", name]);
            let output = process::run(&mut command, Duration::from_secs(10)).ok()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.trim().parse().ok().filter(|_| output.status.success())
        };
        Some(Self {
            name: name.to_owned(),
            uid: number("-u")?,
            gid: number("-g")?,
        })
    }
}
