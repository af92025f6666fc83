//! A running command in a throw-away Portage.

use super::Run;
use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

pub struct Running {
    child: Child,
    log: PathBuf,
    leftovers: PathBuf,
}

impl Running {
    pub(super) fn start(mut harness: Command, log: PathBuf, leftovers: PathBuf) -> Running {
        let file = File::create(&log).unwrap();
        harness
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        Running {
            child: harness.spawn().unwrap(),
            log,
            leftovers,
        }
    }

    /// Runs the command in a pseudo-terminal of `script`, which types its standard input there.
    pub(super) fn start_in_terminal(harness: Command, log: PathBuf, leftovers: PathBuf) -> Running {
        let quoted =
            |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''"));
        let words: Vec<_> = std::iter::once(harness.get_program())
            .chain(harness.get_args())
            .map(quoted)
            .collect();
        let mut script = Command::new("script");
        script.args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &format!("exec {}", words.join(" ")),
            "/dev/null",
        ]);
        let file = File::create(&log).unwrap();
        script
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        Running {
            child: script.spawn().unwrap(),
            log,
            leftovers,
        }
    }

    /// Types Ctrl-C, so that all processes of the foreground group get SIGINT.
    pub fn ctrl_c(&mut self) {
        let terminal = self.child.stdin.as_mut().expect("started in a terminal");
        terminal
            .write_all(b"\x03")
            .and_then(|()| terminal.flush())
            .unwrap();
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// Waits until the command has printed something.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Running {
        let begin = Instant::now();
        while !self.log().contains(text) {
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "ended without {text:?}:\n{}",
                self.log()
            );
            assert!(
                begin.elapsed() < Duration::from_secs(120),
                "no {text:?} in two minutes:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(20));
        }
        self
    }

    /// Returns the command's PID on the host. The harness has become unshare, whose child is init of the PID namespace, and
    /// the command is init's first child.
    pub fn pid(&self) -> u32 {
        let begin = Instant::now();
        loop {
            if let Some(pid) = first_child(self.child.id()).and_then(first_child)
                && fs::read(format!("/proc/{pid}/cmdline"))
                    .is_ok_and(|line| !line.ends_with(b"tests/portage-root/inside"))
            {
                return pid;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(10),
                "the command didn't start:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal such as `INT` to the command alone; [`ctrl_c`](Self::ctrl_c) also reaches its children.
    pub fn signal(&self, name: &str) {
        kill(name, &self.pid().to_string());
    }

    pub fn wait(mut self) -> Run {
        // Open until the end: script types Ctrl-D when it is closed.
        let terminal = self.child.stdin.take();
        let status = self.child.wait().unwrap();
        drop(terminal);
        let leftovers = fs::read_to_string(&self.leftovers).unwrap_or_default();
        Run {
            status,
            log: self.log(),
            leftovers: leftovers.lines().map(String::from).collect(),
        }
    }
}

impl Drop for Running {
    /// Kills the command of a test that failed. The namespace ends with it.
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn first_child(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn kill(signal: &str, pid: &str) {
    let status = Command::new("kill")
        .args(["-s", signal, pid])
        .status()
        .unwrap();
    assert!(status.success(), "kill -s {signal} {pid}: {status}");
}
