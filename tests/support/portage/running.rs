//! A command in a throw-away Portage while it runs.

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

    /// `script` gives it a pseudo-terminal; what is written to script's standard input is typed there.
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

    /// Types Ctrl-C: all processes of the terminal's foreground group get SIGINT.
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
    pub fn until(&mut self, text: &str) -> &mut Running {
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

    /// The command's process, by its number on the host: below the harness (unshare by now) there is the namespace's init,
    /// and the command is init's first child.
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

    /// `signal("INT")`: to emerge alone, as `kill` does it. A Ctrl-C also reaches what runs below it: `ctrl_c`.
    pub fn signal(&self, name: &str) {
        kill(name, &self.pid().to_string());
    }

    pub fn wait(mut self) -> Run {
        let terminal = self.child.stdin.take(); // kept open: script takes its end for a Ctrl-D
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
    /// A test that failed half-way doesn't leave its emerge running; the namespace goes with its parent.
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
