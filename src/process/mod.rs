//! Processes, for the rooms that look for one (`/proc/PID/stat`) or run one (`child`).

pub(crate) mod child;

use std::fs;
use std::path::Path;

/// A process, as proc_pid_stat(5) has it.
pub(crate) struct Process {
    pub(crate) parent: u32,
    /// When it started, in [`ticks_per_second`] after boot.
    pub(crate) start_ticks: u64,
}

impl Process {
    /// `None` where there is no such process.
    pub(crate) fn read(proc: &Path, pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
        // The command in the second field may hold anything, a ")" too.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
        Some(Self {
            parent: fields.next()?.parse().ok()?,
            start_ticks: fields.nth(17)?.parse().ok()?,
        })
    }
}

/// The unit of times in `/proc` (sysconf(3), `_SC_CLK_TCK`).
pub(crate) fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}
