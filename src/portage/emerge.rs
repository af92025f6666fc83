//! The `emerge` or `ebuild` command that a process belongs to.
//!
//! Portage doesn't pass the command line to its phases, so it is read from the process tree. The tree
//! is complete in `pkg_preinst`, which runs in the global PID namespace; src phases under
//! FEATURES=pid-sandbox see only their own phase.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Emerge;
use crate::process::{Process, ticks_per_second};
use crate::text::printable;

/// The longest command line in bytes. Longer ones, with hundreds of packages, are truncated.
pub(crate) const MAX_COMMAND_BYTES: usize = 4096;

/// A bound on the depth of the process tree, in case `/proc` changes while it is read.
const MAX_DEPTH: usize = 128;

/// The process of an `emerge` or `ebuild` command.
#[derive(Debug)]
struct EmergeProcess {
    pid: u32,
    /// In [`ticks_per_second`] after boot.
    start_ticks: u64,
    command: String,
}

impl EmergeProcess {
    /// Finds the command above process `pid`. Portage forks itself for each merge, so it is the
    /// topmost of the processes with the same command line.
    fn find(proc: &Path, mut pid: u32) -> Option<Self> {
        let mut found: Option<Self> = None;
        for _ in 0..MAX_DEPTH {
            let Some(process) = Process::read(proc, pid) else {
                break;
            };
            let command = read_command(proc, pid);
            match (&found, command) {
                (Some(below), command) if command.as_ref() != Some(&below.command) => break,
                (_, Some(command)) => {
                    found = Some(Self {
                        pid,
                        start_ticks: process.start_ticks,
                        command,
                    });
                }
                (_, None) => {}
            }
            pid = process.parent;
        }
        found
    }
}

/// Returns the command as typed, without the interpreter: `emerge -1 app-portage/emlop`. `None` for
/// every other program, including `ebuild.sh`.
fn read_command(proc: &Path, pid: u32) -> Option<String> {
    let line = fs::read(proc.join(pid.to_string()).join("cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line);
    let mut arguments: Vec<&str> = line.split('\0').filter(|it| !it.is_empty()).collect();
    let file_name = |argument: &str| argument.rsplit('/').next().unwrap_or_default().to_owned();
    // Python runs it, possibly with options of its own: `python3.13 -b /usr/bin/emerge`.
    let program = arguments.iter().take(4).position(|argument| {
        let name = file_name(argument);
        name == "emerge" || name == "ebuild"
    })?;
    let name = file_name(arguments[program]);
    arguments[program] = &name;
    Some(printable(
        &arguments[program..].join(" "),
        MAX_COMMAND_BYTES,
    ))
}

impl Emerge {
    /// Returns the command above this process, from `/proc`; `None` if it isn't visible.
    pub fn above_this_process(host: &str) -> Option<Self> {
        Self::above(Path::new("/proc"), std::process::id(), host)
    }

    fn above(proc: &Path, pid: u32, host: &str) -> Option<Self> {
        let process = EmergeProcess::find(proc, pid)?;
        let boot = fs::read_to_string(proc.join("sys/kernel/random/boot_id")).ok()?;
        // Containers of one machine each count their processes from 1, and may start them in the same
        // tick.
        let namespace = fs::read_link(proc.join("self/ns/pid")).unwrap_or_default();
        let (boot, namespace) = (boot.trim(), namespace.display());
        let (pid, start) = (process.pid, process.start_ticks);
        let name = format!("{host}/{boot}/{namespace}/{pid}/{start}");
        Some(Self {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            command: process.command,
            started_at: start_time(proc, start)?,
        })
    }
}

/// Whether the command above this process was asked to stop, by a signal or Ctrl-C.
///
/// emerge then ignores SIGINT and SIGTERM while it waits for its phases (`sighandler` in
/// `Scheduler.merge`, Portage 3.0.83). Nothing else distinguishes a stopped phase from a failed
/// one.
pub fn is_emerge_stopping() -> bool {
    let proc = Path::new("/proc");
    EmergeProcess::find(proc, std::process::id())
        .and_then(|process| fs::read_to_string(proc.join(format!("{}/status", process.pid))).ok())
        .is_some_and(|status| ignores_int_and_term(&status))
}

/// Reads `SigIgn` of proc_pid_status(5): a hexadecimal mask, signal 1 in its lowest bit.
fn ignores_int_and_term(status: &str) -> bool {
    const INT_AND_TERM: u64 = 1 << (2 - 1) | 1 << (15 - 1);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & INT_AND_TERM == INT_AND_TERM)
}

fn start_time(proc: &Path, ticks: u64) -> Option<DateTime<Utc>> {
    let stat = fs::read_to_string(proc.join("stat")).ok()?;
    let boot = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot: i64 = boot.trim().parse().ok()?;
    let milliseconds = ticks.checked_mul(1000)? / ticks_per_second();
    let milliseconds = i64::try_from(milliseconds).ok()?;
    DateTime::from_timestamp_millis(boot.checked_mul(1000)?.checked_add(milliseconds)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a /proc with the files that are read. Processes: (pid, parent, arguments).
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
    fn a_stopping_command_ignores_signals() {
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
