//! Asking a server for its numbers and stopping it, never waiting long for either.

mod error;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

pub use error::{ServerError, TakeError};

use super::address::{Address, is_listening};
use super::error::{ParseError, short};
use super::json::parse_json;
use super::stats::Stats;
use super::text::parse_text;
use crate::process::child::{self, Failure};

/// How long `sccache --show-stats` may take; it needs about 3 ms.
const DEADLINE: Duration = Duration::from_secs(2);

/// How long `sccache --stop-server` may take. Together with [`GOODBYE`] and the time for killing a
/// server, the end of a phase stays below 5 s.
const STOP_DEADLINE: Duration = Duration::from_millis(1500);

/// How long a server that was told to stop may go on listening, and how long one that didn't answer
/// is told.
const GOODBYE: Duration = Duration::from_millis(500);

/// The sccache program, and the one server that it is to talk to.
#[derive(Clone, Debug)]
pub struct Sccache {
    /// The program: a path, or a name to be looked up on `PATH`.
    pub program: PathBuf,
    /// Where the server listens.
    pub address: Address,
    /// How long each call of the program may take; 2 s unless changed.
    pub deadline: Duration,
}

/// What a server said when it was stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// What it had counted at its very end, from the text that `--stop-server` prints.
    pub stats: Result<Stats, ParseError>,
    /// Somebody listens there all the same, half a second later: the server doesn't end, or a
    /// client has started another.
    pub still_listening: bool,
}

impl Sccache {
    /// The program (a path, or a name on `PATH`) for the server at `address`.
    pub fn new(program: impl Into<PathBuf>, address: Address) -> Sccache {
        Sccache {
            program: program.into(),
            address,
            deadline: DEADLINE,
        }
    }

    /// What the server has counted so far: `sccache --show-stats --stats-format=json`
    /// (0.2.15 ... 0.17.0).
    ///
    /// Up to 0.7.4 that command starts a server where there is none, so that it is only
    /// run where [`is_listening`] sees one.
    ///
    /// # Errors
    ///
    /// No server, or sccache can't be run, fails, takes longer than the deadline, or
    /// prints what [`parse_json`] can't read.
    pub fn show_stats(&self) -> Result<Stats, ServerError> {
        let arguments = ["--show-stats", "--stats-format=json"];
        let json = self.run("--show-stats", &arguments, self.deadline)?;
        parse_json(&json).map_err(|why| ServerError::Unusable {
            command: "--show-stats",
            why,
        })
    }

    /// Stops the server, `sccache --stop-server`, and waits up to half a second for its end.
    ///
    /// # Errors
    ///
    /// No server, or sccache can't be run, fails, or takes longer than the deadline. A
    /// text that can't be read is no error: the server was stopped.
    pub fn stop(&self) -> Result<Stop, ServerError> {
        self.stop_within(self.deadline.min(STOP_DEADLINE))
    }

    fn stop_within(&self, limit: Duration) -> Result<Stop, ServerError> {
        let text = self.run("--stop-server", &["--stop-server"], limit)?;
        Ok(Stop {
            stats: parse_text(&String::from_utf8_lossy(&text)),
            still_listening: self.listens_on(GOODBYE),
        })
    }

    /// Takes all that the server has counted, and stops it.
    ///
    /// The numbers are the JSON's, which says most. They are the stop's text's where the
    /// JSON can't be had, and where the text has counted more: then a request came in
    /// between the two.
    ///
    /// # Errors
    ///
    /// There is no server, its numbers can't be had, or it didn't stop. The error carries
    /// the numbers as far as they were had, and whether the server is still there.
    pub fn take(&self) -> Result<Stats, TakeError> {
        let asked = self.show_stats();
        // Whatever came of the question, the server has to go; one that went by itself in
        // between is as good.
        let limit = match asked {
            Err(ServerError::TimedOut { .. }) => GOODBYE,
            _ => STOP_DEADLINE,
        };
        let (stopped, still_listening) = match self.stop_within(self.deadline.min(limit)) {
            Ok(stop) => (Ok(Some(stop.stats)), stop.still_listening),
            Err(ServerError::NotRunning) => (Ok(None), false),
            Err(why) => (Err(why), is_listening(&self.address)),
        };
        let (end, stop_failure) = match stopped {
            Ok(end) => (end, None),
            Err(why) => (None, Some(why)),
        };
        let stats = match (asked, end) {
            (Ok(json), Some(Ok(text))) if text.counts_more_than(&json) => Ok(text),
            (Ok(json), _) => Ok(json),
            (Err(_), Some(Ok(text))) => Ok(text),
            (Err(why), _) => Err(why),
        };
        let error = |why, stats| TakeError {
            why,
            stats,
            still_listening,
        };
        match (stats, stop_failure) {
            (Ok(stats), None) if !still_listening => Ok(stats),
            (Ok(stats), failure) => {
                let why = failure.unwrap_or(ServerError::StillListening);
                Err(error(why, Some(Box::new(stats))))
            }
            (Err(why), _) => Err(error(why, None)),
        }
    }

    /// Runs the program, and gives what it wrote to standard output.
    fn run(
        &self,
        command: &'static str,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<Vec<u8>, ServerError> {
        if !is_listening(&self.address) {
            return Err(ServerError::NotRunning);
        }
        let output = child::run(self.command().args(arguments), limit);
        let output = output.map_err(|failure| match failure {
            Failure::Start(why) => ServerError::CouldNotRun {
                program: self.program.clone(),
                why: why.to_string(),
            },
            Failure::Deadline => ServerError::TimedOut {
                command,
                after: limit,
            },
        })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().map(str::trim).filter(|line| !line.is_empty());
        Err(ServerError::Failed {
            command,
            status: output.status,
            message: short(&said.take(3).collect::<Vec<_>>().join(" ")),
        })
    }

    /// The program with the address in its environment, and nothing that would make it a
    /// server.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for other in [
            "SCCACHE_SERVER_UDS",
            "SCCACHE_SERVER_PORT",
            "SCCACHE_START_SERVER",
            "SCCACHE_STARTUP_NOTIFY",
            "SCCACHE_NO_DAEMON",
        ] {
            command.env_remove(other);
        }
        if !matches!(self.address, Address::Port(_)) {
            // Before 0.9.0 sccache doesn't know SCCACHE_SERVER_UDS: it would stop whatever
            // server is at port 4226. Nobody is at port 1.
            command.env("SCCACHE_SERVER_PORT", "1");
        }
        let (name, value) = self.address.variable();
        command.env(name, value);
        command
    }

    /// Whether somebody listens, and still does after `patience`.
    fn listens_on(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while is_listening(&self.address) {
            if Instant::now() >= deadline {
                return true;
            }
            thread::sleep(Duration::from_millis(2));
        }
        false
    }
}
