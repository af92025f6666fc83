//! Processes: reading one from `/proc`, and running one with limits on its time and output.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::process::{Pid, Signal, kill_process_group};

/// The maximum number of bytes that are read from each output.
pub(crate) const OUTPUT_LIMIT: u64 = 1 << 20;

/// A process, as proc_pid_stat(5) describes it.
pub(crate) struct Process {
    pub(crate) parent: u32,
    /// When it started, in [`ticks_per_second`] after boot.
    pub(crate) start_ticks: u64,
    /// Its processor time, user and system.
    pub(crate) own_ticks: u64,
    /// Processor time, user and system, of its children that ended, and of their children that they
    /// waited for.
    pub(crate) children_ticks: u64,
}

impl Process {
    /// Reads a process below `proc`; `None` if it doesn't exist.
    pub(crate) fn read(proc: &Path, pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
        // The second field, the command, may contain anything, even ")". Fields count from 1.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: field(4)?.try_into().ok()?,
            own_ticks: field(14)? + field(15)?,
            children_ticks: field(16)? + field(17)?,
            start_ticks: field(22)?,
        })
    }
}

/// Returns the unit of times in `/proc` (sysconf(3), `_SC_CLK_TCK`).
pub(crate) fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}

/// The output of a program that ended within its time limit, truncated to [`OUTPUT_LIMIT`].
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// The processor time, user and system, of the program, and of other children of this process that
    /// ended at the same time.
    pub(crate) processor_time: Duration,
}

/// Why there is no [`Output`].
pub(crate) enum RunError {
    /// The program couldn't be started.
    NotStarted(io::Error),
    /// The program reached its time limit and was killed.
    TimedOut,
}

/// Runs `command` in its own process group, without input, until it has ended and closed its
/// outputs. Kills the group at the time limit, and always reaps the child. A process that left the
/// group and holds an output open can't delay this beyond the limit.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Output, RunError> {
    let deadline = Instant::now() + limit;
    let time_before = children_time();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(RunError::NotStarted)?;
    let stdout = child.stdout.take().map(read_in_thread);
    let stderr = child.stderr.take().map(read_in_thread);
    let output = (|| {
        Some(Output {
            stdout: receive(stdout, deadline)?,
            stderr: receive(stderr, deadline)?,
            status: wait(&mut child, deadline)?,
            processor_time: children_time().saturating_sub(time_before),
        })
    })();
    output.ok_or_else(|| {
        kill_group(&mut child);
        RunError::TimedOut
    })
}

/// Returns the processor time, user and system, of the children of this process that ended.
fn children_time() -> Duration {
    // SAFETY: all bits 0 is a valid rusage, and getrusage writes nothing else.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let duration = |time: libc::timeval| {
        let micros = time.tv_sec.saturating_mul(1_000_000) + time.tv_usec;
        Duration::from_micros(micros.unsigned_abs())
    };
    duration(usage.ru_utime) + duration(usage.ru_stime)
}

/// Reads a pipe in its own thread, so that two can be read at once and either can be abandoned.
fn read_in_thread(pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // After an error, what was read before it is the output.
        let _ = pipe.take(OUTPUT_LIMIT).read_to_end(&mut bytes);
        // After the deadline, there is no receiver.
        let _ = sender.send(bytes);
    });
    receiver
}

fn receive(pipe: Option<Receiver<Vec<u8>>>, deadline: Instant) -> Option<Vec<u8>> {
    let left = deadline.saturating_duration_since(Instant::now());
    pipe?.recv_timeout(left).ok()
}

/// Waits for a child that has closed its outputs, and therefore usually exits soon.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Kills the child's group and reaps the child. The child isn't reaped yet, so its PID can't have
/// been reused.
fn kill_group(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // An error means that the group has ended.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell's `times` prints the same two numbers, user and system time of its children.
    #[test]
    fn processor_time_of_children_is_that_of_times() {
        let work = "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); times; read -r s < /proc/$$/stat; echo \"$$\"; echo \"$s\"";
        let output = Command::new("sh").args(["-c", work]).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let seconds = |time: &str| {
            let (minutes, seconds) = time.strip_suffix('s').unwrap().split_once('m').unwrap();
            minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
        };
        let expected: f64 = lines[1].split(' ').map(seconds).sum();
        let proc = tempfile::tempdir().unwrap();
        let pid: u32 = lines[2].parse().unwrap();
        fs::create_dir(proc.path().join(lines[2])).unwrap();
        fs::write(proc.path().join(lines[2]).join("stat"), lines[3]).unwrap();
        let ticks = Process::read(proc.path(), pid).unwrap().children_ticks;
        let read = ticks as f64 / ticks_per_second() as f64;
        assert!(
            expected > 0.0 && (read - expected).abs() < 0.021,
            "{read}, {expected}"
        );
    }

    fn sh(script: &str, milliseconds: u64) -> Result<Output, RunError> {
        let mut command = Command::new("/bin/sh");
        run(
            command.args(["-c", script]),
            Duration::from_millis(milliseconds),
        )
    }

    #[test]
    fn output_and_status_are_returned() {
        let output = sh("echo out; echo err >&2; exit 3", 5000).ok().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"out\n"[..], &b"err\n"[..])
        );
    }

    #[test]
    fn the_processor_time_is_that_of_the_program() {
        let work = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        let output = sh(work, 60_000).ok().unwrap();
        assert!(output.processor_time > Duration::from_millis(5));
    }

    #[test]
    fn the_time_limit_ends_it_with_its_children() {
        for script in ["sleep 60", "sleep 60 & sleep 60", "exec >&- 2>&-; sleep 60"] {
            let start = Instant::now();
            assert!(
                matches!(sh(script, 100), Err(RunError::TimedOut)),
                "{script}"
            );
            assert!(start.elapsed() < Duration::from_secs(5), "{script}");
        }
    }

    #[test]
    fn output_is_bounded() {
        let output = sh(
            "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2",
            9000,
        );
        let output = output.ok().unwrap();
        assert_eq!(output.stdout.len() as u64, OUTPUT_LIMIT);
        assert_eq!(output.stderr.len() as u64, OUTPUT_LIMIT);
    }
}
