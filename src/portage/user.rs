//! The user that builds.

use std::process::Command;
use std::time::Duration;

use crate::process;

/// A user with its groups.
#[derive(Clone, Debug)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The number of the user's own group.
    pub gid: u32,
    groups: Vec<u32>,
}

impl User {
    /// Looks the user up by `id`, which knows more than `/etc/passwd`; `None` if there is none.
    pub fn named(name: &str) -> Option<Self> {
        let numbers = |option: &str| -> Option<Vec<u32>> {
            let mut command = Command::new("id");
            command.args([option, "--", name]);
            let output = process::run(&mut command, Duration::from_secs(10)).ok()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let numbers = text.split_whitespace().map(|n| n.parse().ok()).collect();
            output.status.success().then_some(numbers)?
        };
        Some(Self {
            name: name.to_owned(),
            uid: *numbers("-u")?.first()?,
            gid: *numbers("-g")?.first()?,
            groups: numbers("-G")?,
        })
    }

    /// Returns the numbers of all the user's groups, separated by commas: a build has the same.
    pub fn groups(&self) -> String {
        let groups: Vec<String> = self.groups.iter().map(u32::to_string).collect();
        groups.join(",")
    }
}
