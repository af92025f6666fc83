//! Which `emerge` or `ebuild` command a process belongs to.
//!
//! Portage tells its phases nothing of the command line, so it is read from the process
//! tree. That is whole in `pkg_preinst`, which runs in the global PID namespace; src
//! phases under FEATURES=pid-sandbox see no further than their own phase.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Emerge;
use crate::process;
use crate::text::printable;

/// A command line longer than this is cut: hundreds of packages may stand in one.
pub(super) const MAX_COMMAND_BYTES: usize = 4096;

/// What /proc says of one process.
struct Process {
    pid: u32,
    parent: u32,
    /// In the ticks of [`process::ticks_per_second`] after boot.
    start_ticks: u64,
    arguments: Vec<String>,
}

impl Process {
    /// The `emerge` or `ebuild` that process `pid` runs under.
    fn of_command(proc: &Path, pid: u32) -> Option<Self> {
        let mut found: Option<Self> = None;
        let mut next = pid;
        // Depth is bounded for a /proc that changes underneath.
        for _ in 0..128 {
            let Some(process) = Self::read(proc, next) else {
                break;
            };
            next = process.parent;
            // Portage forks itself for each merge: the topmost of the copies is the command.
            match (&found, process.command()) {
                (None, None) => {}
                (None, Some(_)) => found = Some(process),
                (Some(below), Some(_)) if below.arguments == process.arguments => {
                    found = Some(process);
                }
                (Some(_), _) => break,
            }
            if next == 0 {
                break;
            }
        }
        found
    }

    fn read(proc: &Path, pid: u32) -> Option<Self> {
        let process = process::Process::read(proc, pid)?;
        let arguments = fs::read(proc.join(pid.to_string()).join("cmdline")).ok()?;
        Some(Self {
            pid,
            parent: process.parent,
            start_ticks: process.start_ticks,
            arguments: arguments
                .split(|&byte| byte == 0)
                .map(|argument| String::from_utf8_lossy(argument).into_owned())
                .collect(),
        })
    }

    /// The command as typed, without the interpreter: `emerge -1 app-portage/emlop`.
    /// `None` for everything else, `ebuild.sh` too.
    fn command(&self) -> Option<String> {
        // Python runs it, possibly with options of its own: `python3.13 -b /usr/bin/emerge`.
        let at = self.arguments.iter().take(4).position(|argument| {
            let name = argument.rsplit('/').next().unwrap_or_default();
            name == "emerge" || name == "ebuild"
        })?;
        let mut command = self.arguments[at].rsplit('/').next()?.to_owned();
        for argument in &self.arguments[at + 1..] {
            if !argument.is_empty() {
                command.push(' ');
                command.push_str(argument);
            }
        }
        Some(printable(&command, MAX_COMMAND_BYTES))
    }
}

impl Emerge {
    /// The command that this process runs under, from `/proc`; `None` where it can't be seen.
    pub fn above_this_process(host: &str) -> Option<Self> {
        Self::above(Path::new("/proc"), std::process::id(), host)
    }

    fn above(proc: &Path, pid: u32, host: &str) -> Option<Self> {
        let process = Process::of_command(proc, pid)?;
        let boot = fs::read_to_string(proc.join("sys/kernel/random/boot_id")).ok()?;
        // Containers of one machine count their processes from 1, each, and may start them in
        // the same tick.
        let namespace = fs::read_link(proc.join("self/ns/pid")).unwrap_or_default();
        let (boot, namespace) = (boot.trim(), namespace.display());
        let name = format!(
            "{host}/{boot}/{namespace}/{}/{}",
            process.pid, process.start_ticks
        );
        Some(Self {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            command: process.command()?,
            started_at: started_at(proc, process.start_ticks)?,
        })
    }
}

/// Whether the command that this process runs under was told to stop, by a signal or a Ctrl-C.
///
/// emerge then ignores SIGINT and SIGTERM while it waits for its phases to end (`sighandler` in
/// `Scheduler.merge`, Portage 3.0.83): the only way to tell a phase that was stopped from one that
/// failed, for both end in the same way.
pub fn told_to_stop() -> bool {
    let proc = Path::new("/proc");
    Process::of_command(proc, std::process::id())
        .and_then(|process| fs::read_to_string(proc.join(format!("{}/status", process.pid))).ok())
        .is_some_and(|status| ignores_int_and_term(&status))
}

/// `SigIgn` in proc_pid_status(5): a mask in hex, signal 1 in its lowest bit.
fn ignores_int_and_term(status: &str) -> bool {
    const INT_AND_TERM: u64 = 1 << (2 - 1) | 1 << (15 - 1);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & INT_AND_TERM == INT_AND_TERM)
}

fn started_at(proc: &Path, ticks: u64) -> Option<DateTime<Utc>> {
    let stat = fs::read_to_string(proc.join("stat")).ok()?;
    let boot: i64 = stat
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    let milliseconds = ticks.checked_mul(1000)? / process::ticks_per_second();
    let milliseconds = i64::try_from(milliseconds).ok()?;
    DateTime::from_timestamp_millis(boot.checked_mul(1000)?.checked_add(milliseconds)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A /proc with just what is read of it. Processes: (pid, parent, arguments).
    fn proc(processes: &[(u32, u32, &[&str])]) -> tempfile::TempDir {
        let proc = tempfile::tempdir().unwrap();
        let root = proc.path();
        fs::create_dir_all(root.join("sys/kernel/random")).unwrap();
        fs::write(root.join("sys/kernel/random/boot_id"), "b\n").unwrap();
        fs::write(root.join("stat"), "cpu 1 2\nbtime 1700000000\n").unwrap();
        for (pid, parent, arguments) in processes {
            let dir = root.join(pid.to_string());
            fs::create_dir(&dir).unwrap();
            let zeros = "0 ".repeat(17);
            let stat = format!("{pid} (a) b) S {parent} {zeros}{} 0", pid * 100);
            fs::write(dir.join("stat"), stat).unwrap();
            fs::write(dir.join("cmdline"), arguments.join("\0") + "\0").unwrap();
        }
        proc
    }

    #[test]
    fn the_topmost_copy_of_emerge_is_the_command() {
        let emerge: &[&str] = &[
            "/usr/bin/python3.13",
            "-b",
            "/usr/lib/python-exec/python3.13/emerge",
            "-1",
            "dev/x",
        ];
        let proc = proc(&[
            (1, 0, &["init"]),
            (10, 1, &["bash", "-c", "emerge"]),
            (20, 10, emerge),
            (30, 20, emerge),
            (
                40,
                30,
                &[
                    "/bin/bash",
                    "/usr/lib/portage/python3.13/ebuild.sh",
                    "preinst",
                ],
            ),
            (50, 40, &["sccache-collect", "record"]),
        ]);
        let found = Emerge::above(proc.path(), 50, "host").unwrap();
        assert_eq!(found.command, "emerge -1 dev/x");
        assert_eq!(found.started_at.timestamp(), 1_700_000_000 + 20);
        assert_eq!(Emerge::above(proc.path(), 40, "host").unwrap().id, found.id);
        assert_ne!(
            Emerge::above(proc.path(), 40, "other").unwrap().id,
            found.id
        );
    }

    #[test]
    fn a_command_that_was_told_to_stop_ignores_being_told_again() {
        // Of an emerge before and after its SIGINT.
        assert!(!ignores_int_and_term(
            "Name:\temerge\nSigIgn:\t0000000001001000\n"
        ));
        assert!(ignores_int_and_term(
            "Name:\temerge\nSigIgn:\t0000000001005002\n"
        ));
        assert!(!ignores_int_and_term(
            "Name:\temerge\nSigIgn:\t0000000000000002\n"
        ));
        assert!(!ignores_int_and_term(""));
    }

    #[test]
    fn no_emerge_is_none() {
        let proc = proc(&[(1, 0, &["init"]), (50, 1, &["/x/ebuild.sh", "preinst"])]);
        assert_eq!(Emerge::above(proc.path(), 50, "host"), None);
        assert_eq!(Emerge::above(proc.path(), 77, "host"), None);
    }

    #[test]
    fn escapes_in_a_command_line_are_made_visible() {
        let proc = proc(&[(50, 0, &["/usr/bin/ebuild", "a\u{1b}[2J.ebuild", "merge"])]);
        let found = Emerge::above(proc.path(), 50, "host").unwrap();
        assert_eq!(found.command, "ebuild a\\u{1b}[2J.ebuild merge");
    }
}
