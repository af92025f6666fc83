//! The log of a phase's servers, which shows whether the statistics are complete.
//!
//! A server's statistics include neither those of an earlier server nor those before a reset. The
//! hook therefore makes all servers of a phase log a few messages to one file
//! (`SCCACHE_LOG='sccache::server=debug/...'`, `SCCACHE_ERROR_LOG`). The messages are those of
//! sccache's `src/server.rs`, the same from 0.2.15 to 0.19.0. If first clients race for an abstract
//! socket or a port, only the winner's server logs that it started.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use rustix::fs::CWD;

use super::NotMeasuredReason;
use crate::files::open_regular_at;

/// Half a million requests if the user has everything logged (2.2 KB each at `debug`). The hook's
/// messages have 0.1 KB.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// Longer lines are not among the messages: they are read in parts.
const MAX_LINE: u64 = 4096;

/// What the log of a phase's servers shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ServerLog {
    has_started: bool,
    /// Whether the last server that started was not stopped.
    is_running: bool,
    /// Whether the last server has counted something.
    has_counted: bool,
    /// Whether the last server listens on a TCP port, as every server before 0.9 does.
    is_at_port: bool,
    /// Why statistics were lost, if they were.
    loss: Option<NotMeasuredReason>,
}

impl ServerLog {
    /// Reads a log; `None` if it doesn't exist or is empty, because no server was started.
    ///
    /// # Errors
    /// Returns an error if the log can't be read, is not a regular file, or is longer than 1 GiB.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let file = match open_regular_at(CWD, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        match file.metadata()?.len() {
            0 => Ok(None),
            length if length > MAX_BYTES => Err(io::ErrorKind::FileTooLarge.into()),
            _ => Self::parse(file.take(MAX_BYTES)).map(Some),
        }
    }

    fn parse(file: impl Read) -> io::Result<Self> {
        let mut log = Self::default();
        let mut file = BufReader::new(file);
        let mut line = Vec::new();
        while file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? > 0 {
            if let Some((_, message)) =
                String::from_utf8_lossy(&line).split_once(" sccache::server] ")
            {
                log.add_message(message.trim_end());
            }
            line.clear();
        }
        Ok(log)
    }

    fn add_message(&mut self, message: &str) {
        if let Some(address) = message.strip_prefix("server started") {
            if self.is_running {
                self.loss = Some(NotMeasuredReason::SecondServer);
            } else if self.has_counted {
                self.loss = Some(NotMeasuredReason::ServerRestarted);
            }
            *self = Self {
                has_started: true,
                is_running: true,
                has_counted: false,
                is_at_port: address.starts_with(", listening on port "),
                loss: self.loss,
            };
        } else if message.starts_with("shutting down due to")
            || message == "handle_client: shutdown"
        {
            self.is_running = false;
        } else if message == "handle_client: compile" || message == "handle_client: record_stats" {
            self.has_counted = true;
        } else if message == "handle_client: zero_stats" {
            if self.has_counted {
                self.loss = Some(NotMeasuredReason::StatisticsZeroed);
            }
            self.has_counted = false;
        }
    }

    /// Whether the last server listens on a TCP port because it is older than 0.9.
    pub fn is_at_port(&self) -> bool {
        self.is_at_port
    }

    /// Returns why the current statistics are incomplete; `None` if they are complete. `is_listening`:
    /// whether the last server is still there.
    pub fn loss(&self, is_listening: bool) -> Option<NotMeasuredReason> {
        if self.loss.is_some() || is_listening {
            self.loss
        } else if !self.has_started {
            Some(NotMeasuredReason::ServerNotStarted)
        } else if self.is_running {
            Some(NotMeasuredReason::ServerKilled)
        } else if self.has_counted {
            Some(NotMeasuredReason::ServerStopped)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S: a server starts, C: it counts, R: the same in client-side mode, Z: it is set to zero, D: it
    /// is stopped, I: it exits when idle.
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
        ServerLog::parse(lines.collect::<String>().as_bytes()).unwrap()
    }

    #[test]
    fn numbers_are_complete_or_have_a_reason() {
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
            assert_eq!(log(events).loss(listening), why, "{events}");
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
