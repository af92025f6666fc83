//! Running a program that must not take long or say much.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// The most that is read of either output, in bytes.
pub(crate) const OUTPUT_LIMIT: u64 = 1 << 20;

/// What a program that ended in time wrote, cut at [`OUTPUT_LIMIT`].
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// Why there is no [`Output`].
pub(crate) enum Failure {
    /// It couldn't be started.
    Start(io::Error),
    /// It didn't end in time, and was killed.
    Deadline,
}

/// Runs `command` in a process group of its own, without input, until it has ended and
/// closed its outputs. At the deadline the whole group is killed.
///
/// Whatever happens, the child is reaped and nothing of its group is left. Something that
/// left the group and holds an output open can't delay this past the deadline either.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Output, Failure> {
    let deadline = Instant::now() + limit;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(Failure::Start)?;
    let stdout = child.stdout.take().map(read_aside);
    let stderr = child.stderr.take().map(read_aside);
    let ended = (|| {
        let stdout = receive(stdout, deadline)?;
        let stderr = receive(stderr, deadline)?;
        let status = wait(&mut child, deadline)?;
        Some(Output {
            status,
            stdout,
            stderr,
        })
    })();
    ended.ok_or_else(|| {
        kill(&mut child);
        Failure::Deadline
    })
}

/// Reads a pipe in a thread of its own, so that two can be read at once and either can be
/// given up.
fn read_aside(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is all there is.
        let _ = pipe.by_ref().take(OUTPUT_LIMIT).read_to_end(&mut bytes);
        // Nobody waits any more if the deadline is over.
        let _ = sender.send(bytes);
    });
    receiver
}

fn receive(pipe: Option<Receiver<Vec<u8>>>, deadline: Instant) -> Option<Vec<u8>> {
    let left = deadline.saturating_duration_since(Instant::now());
    pipe?.recv_timeout(left).ok()
}

/// Waits for the end of a child that has closed its outputs, which is near as a rule.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Kills the child's group and reaps the child. The child isn't reaped yet, so its number
/// can't be another process's.
fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // An error says that the group is gone, which is what is wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, milliseconds: u64) -> Result<Output, Failure> {
        let mut command = Command::new("/bin/sh");
        run(
            command.args(["-c", script]),
            Duration::from_millis(milliseconds),
        )
    }

    #[test]
    fn output_and_status() {
        let output = sh("echo out; echo err >&2; exit 3", 5000).ok().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"out\n"[..], &b"err\n"[..])
        );
    }

    #[test]
    fn the_deadline_ends_it_with_its_children() {
        for script in ["sleep 60", "sleep 60 & sleep 60", "exec >&- 2>&-; sleep 60"] {
            let start = Instant::now();
            assert!(
                matches!(sh(script, 100), Err(Failure::Deadline)),
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
