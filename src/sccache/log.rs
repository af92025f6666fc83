//! A server's own account of what it went through.
//!
//! A server's numbers say nothing of a server before it, nor of what was zeroed: partial numbers
//! look like whole ones. So the hook has servers log the few messages that tell
//! (`SCCACHE_LOG='sccache::server=debug/...'`, `SCCACHE_ERROR_LOG`): all servers of a phase append
//! to one file. The messages are those of `src/server.rs`, the same from 0.2.15 to 0.19.0; of first
//! clients that race for an abstract socket or a port, only the winner's server says that it started.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::NotMeasuredReason;

/// Half a million requests of a user who has everything logged (2.2 KB each at `debug`); ours are 0.1 KB.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// What is longer isn't one of the messages: it is read in pieces.
const MAX_LINE: u64 = 4096;

/// What the log of a phase's servers says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ServerLog {
    started: bool,
    /// The last server that started was not stopped.
    lives: bool,
    /// The last server has counted something.
    counted: bool,
    /// The last server listens on a TCP port, as any before 0.9 does.
    at_port: bool,
    lost: Option<NotMeasuredReason>,
}

impl ServerLog {
    /// Reads a log; `None` where there is none or an empty one, because no server was started.
    ///
    /// # Errors
    /// Where it can't be read, isn't a regular file, or is longer than a phase makes it.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits() as i32)
            .open(path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(io::Error::other("it is not one of a phase's server"));
        }
        if metadata.len() == 0 {
            return Ok(None);
        }
        Self::from_lines(file.take(MAX_BYTES)).map(Some)
    }

    fn from_lines(file: impl Read) -> io::Result<Self> {
        let mut log = Self::default();
        let mut file = BufReader::new(file);
        let mut line = Vec::new();
        while file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? > 0 {
            log.take_in(&String::from_utf8_lossy(&line));
            line.clear();
        }
        Ok(log)
    }

    fn take_in(&mut self, line: &str) {
        let Some((_, message)) = line.split_once(" sccache::server] ") else {
            return;
        };
        match message.trim_end() {
            "handle_client: compile" | "handle_client: record_stats" => self.counted = true,
            "handle_client: zero_stats" => {
                if self.counted {
                    self.lost = Some(NotMeasuredReason::StatisticsZeroed);
                }
                self.counted = false;
            }
            "handle_client: shutdown" => self.lives = false,
            message if message.starts_with("shutting down due to") => self.lives = false,
            message if message.starts_with("server started") => {
                if self.lives {
                    self.lost = Some(NotMeasuredReason::SecondServer);
                } else if self.counted {
                    self.lost = Some(NotMeasuredReason::ServerRestarted);
                }
                *self = Self {
                    started: true,
                    lives: true,
                    counted: false,
                    at_port: message.starts_with("server started, listening on port "),
                    lost: self.lost,
                };
            }
            _ => {}
        }
    }

    /// Whether the last server listens on a TCP port because it is older than 0.9.
    pub fn is_at_port(&self) -> bool {
        self.at_port
    }

    /// Why the numbers that can be had now are not all; `None` where they are. `listening`: whether
    /// the last server is still there.
    pub fn lost(&self, listening: bool) -> Option<NotMeasuredReason> {
        match self {
            Self {
                lost: Some(why), ..
            } => Some(*why),
            _ if listening => None,
            Self { started: false, .. } => Some(NotMeasuredReason::ServerNotStarted),
            Self { lives: true, .. } => Some(NotMeasuredReason::ServerKilled),
            Self { counted: true, .. } => Some(NotMeasuredReason::ServerStopped),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S: a server starts, C: it counts, R: the same in client-side mode, Z: zeroed, D: told to stop.
    fn log(events: &str) -> ServerLog {
        let line = |event| match event {
            'S' => "INFO  sccache::server] server started, listening on port 4226",
            'C' => "DEBUG sccache::server] handle_client: compile",
            'R' => "DEBUG sccache::server] handle_client: record_stats",
            'Z' => "DEBUG sccache::server] handle_client: zero_stats",
            'D' => "DEBUG sccache::server] handle_client: shutdown",
            'I' => "INFO  sccache::server] shutting down due to being idle or request",
            _ => "sccache: error: Address already in use (os error 98)",
        };
        let lines = events
            .chars()
            .map(|event| format!("[2026-11-22T15:38:09Z {}\n", line(event)));
        ServerLog::from_lines(lines.collect::<String>().as_bytes()).unwrap()
    }

    #[test]
    fn numbers_are_whole_or_it_is_said_why_not() {
        use NotMeasuredReason::*;
        for (events, listening, why) in [
            ("SCxC", true, None),
            ("xxSC", true, None),
            ("SR", true, None),
            ("SZC", true, None),
            ("SDSC", true, None),
            ("SD", false, None),
            ("SCZ", true, Some(StatisticsZeroed)),
            ("SCZC", true, Some(StatisticsZeroed)),
            ("SRZC", true, Some(StatisticsZeroed)),
            ("SCD", false, Some(ServerStopped)),
            ("SCDSC", true, Some(ServerRestarted)),
            ("SCISC", true, Some(ServerRestarted)),
            ("SCSC", true, Some(SecondServer)),
            ("SCSC", false, Some(SecondServer)),
            ("SC", false, Some(ServerKilled)),
            ("x", false, Some(ServerNotStarted)),
        ] {
            let lost = log(events).lost(listening);
            assert_eq!(lost, why, "{events}");
        }
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ServerLog::read(&folder.path().join("none")).unwrap(), None);
        assert!(ServerLog::read(folder.path()).is_err());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(ServerLog::read(&link).is_err());
    }
}
