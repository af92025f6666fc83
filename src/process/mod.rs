//! Processes, for the rooms that look for one (`/proc/PID/stat`) or run one (`child`).

pub(crate) mod child;

use std::fs;
use std::path::Path;

/// A process, as proc_pid_stat(5) has it.
pub(crate) struct Process {
    pub(crate) parent: u32,
    /// When it started, in [`ticks_per_second`] after boot.
    pub(crate) start_ticks: u64,
    /// What the processes that it started and that ended took of the processors, in user and
    /// system mode, with all that they waited for in turn.
    pub(crate) children_ticks: u64,
}

impl Process {
    /// `None` where there is no such process.
    pub(crate) fn read(proc: &Path, pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
        // The command in the second field may hold anything, a ")" too.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        let (user, system): (u64, u64) =
            (fields.nth(11)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Self {
            parent,
            children_ticks: user + system,
            start_ticks: fields.nth(4)?.parse().ok()?,
        })
    }
}

/// The unit of times in `/proc` (sysconf(3), `_SC_CLK_TCK`).
pub(crate) fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell's `times` prints the same two numbers, user and system time of its children.
    #[test]
    fn children_s_processor_time_is_what_times_says() {
        let work = "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); times; read -r s < /proc/$$/stat; echo \"$$\"; echo \"$s\"";
        let output = std::process::Command::new("sh").args(["-c", work]).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let seconds = |time: &str| {
            let (minutes, seconds) = time.strip_suffix('s').unwrap().split_once('m').unwrap();
            minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
        };
        let expected: f64 = lines[1].split(' ').map(seconds).sum();
        let proc = tempfile::tempdir().unwrap();
        let pid: u32 = lines[2].parse().unwrap();
        std::fs::create_dir(proc.path().join(lines[2])).unwrap();
        std::fs::write(proc.path().join(lines[2]).join("stat"), lines[3]).unwrap();
        let ticks = Process::read(proc.path(), pid).unwrap().children_ticks;
        let read = ticks as f64 / ticks_per_second() as f64;
        assert!(
            expected > 0.0 && (read - expected).abs() < 0.021,
            "{read}, {expected}"
        );
    }
}
