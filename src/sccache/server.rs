//! Queries a server's statistics and stops it, with a time limit for both.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use super::address::{Address, is_listening};
use super::json::parse_json;
use super::parse::{ParseError, truncate};
use super::stats::Stats;
use super::text::parse_text;
use crate::process::{self, Output, RunError};

/// The time limit of `sccache --show-stats`, which needs about 3 ms.
const DEADLINE: Duration = Duration::from_secs(2);

/// The time limit of `sccache --stop-server`. With [`STOP_PATIENCE`] and the time for killing a
/// server, the end of a phase takes less than 5 s.
const STOP_DEADLINE: Duration = Duration::from_millis(1500);

/// How long a stopped server may go on listening, and the time limit of `sccache --stop-server` for
/// one that didn't answer.
const STOP_PATIENCE: Duration = Duration::from_millis(500);

/// Why a server couldn't be queried or stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// No server is listening at the address.
    #[error("no sccache server is running")]
    NotRunning,
    /// The program couldn't be started.
    #[error("could not run {}: {reason}", program.display())]
    CouldNotRun {
        /// The program, as it was given.
        program: PathBuf,
        /// The system's message.
        reason: String,
    },
    /// The program reached its time limit and was killed.
    #[error("sccache {command} took longer than {} s", limit.as_secs_f64())]
    TimedOut {
        /// sccache's option.
        command: &'static str,
        /// The time limit.
        limit: Duration,
    },
    /// The program failed.
    #[error("sccache {command} failed ({status}){}{message}", if message.is_empty() { "" } else { ": " })]
    Failed {
        /// sccache's option.
        command: &'static str,
        /// Its exit status or signal.
        status: ExitStatus,
        /// The beginning of its standard error.
        message: String,
    },
    /// The program succeeded, but its output can't be read.
    #[error("sccache {command} printed unusable output: {error}")]
    UnusableOutput {
        /// sccache's option.
        command: &'static str,
        /// What is wrong with the output.
        error: ParseError,
    },
    /// The program stopped the server, but a process still listens at its address.
    #[error("the sccache server did not stop")]
    StillListening,
}

/// Why a server's statistics couldn't be read, or the server couldn't be stopped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}{}", if *still_listening && *error != ServerError::StillListening { "; the server is still running" } else { "" })]
pub struct StopError {
    /// What failed.
    pub error: ServerError,
    /// The statistics, if only stopping failed.
    pub stats: Option<Box<Stats>>,
    /// Whether a process still listens at the address.
    pub still_listening: bool,
}

/// The sccache program, and the server that it queries and stops.
#[derive(Clone, Debug)]
pub struct Sccache {
    /// The program: a path, or a name on `PATH`.
    pub program: PathBuf,
    /// Where the server listens.
    pub address: Address,
    /// The time limit of each call of the program: 2 s by default.
    pub deadline: Duration,
}

impl Sccache {
    /// Returns the program (a path, or a name on `PATH`) for the server at `address`.
    pub fn new(program: impl Into<PathBuf>, address: Address) -> Self {
        Self {
            program: program.into(),
            address,
            deadline: DEADLINE,
        }
    }

    /// Returns what the server has counted so far: `sccache --show-stats --stats-format=json`
    /// (0.2.15 to 0.19.0). Up to 0.7.4 that command starts a server if there is none, so it is only
    /// run if [`is_listening`] sees one.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no server, or if sccache can't be run, fails, reaches the time
    /// limit, or prints something that [`parse_json`] can't read.
    pub fn show_stats(&self) -> Result<Stats, ServerError> {
        self.show_stats_timed().map(|(stats, _)| stats)
    }

    /// Returns the statistics, and the processor time of the client that printed them.
    fn show_stats_timed(&self) -> Result<(Stats, Duration), ServerError> {
        let command = "--show-stats";
        let output = self.run(&[command, "--stats-format=json"], self.deadline)?;
        let stats = parse_json(&output.stdout)
            .map_err(|error| ServerError::UnusableOutput { command, error })?;
        Ok((stats, output.processor_time))
    }

    /// Returns everything that the server has counted, and stops it.
    ///
    /// The statistics are those of the JSON, which is the most complete. If the JSON is not available,
    /// or if a request came in afterwards, they are those of the text that stopping prints. They have
    /// `client_seconds`, unless the server got no requests (client-side mode).
    ///
    /// # Errors
    ///
    /// Returns an error if there is no server, its statistics are not available, or it didn't stop.
    /// The error has the statistics if they are available, and whether the server is still running.
    pub fn read_and_stop(&self) -> Result<Stats, StopError> {
        let (shown, client_time) = match self.show_stats_timed() {
            Ok((stats, client_time)) => (Ok(stats), Some(client_time)),
            Err(error) => (Err(error), None),
        };
        let limit = match shown {
            Err(ServerError::TimedOut { .. }) => STOP_PATIENCE,
            _ => STOP_DEADLINE,
        };
        let (text, mut stop_error) = match self.stop(limit) {
            Ok(text) => (text.ok(), None),
            // It ended by itself in between.
            Err(ServerError::NotRunning) => (None, None),
            Err(error) => (None, Some(error)),
        };
        let stops = stop_error.is_none();
        let limit = if stops { STOP_PATIENCE } else { Duration::ZERO };
        let still_listening = self.is_listening_after(limit);
        if stops && still_listening {
            stop_error = Some(ServerError::StillListening);
        }
        let stats = match (shown, text) {
            (Ok(json), Some(text)) if !text.counts_more_than(&json) => Ok(json),
            (_, Some(text)) => Ok(text),
            (shown, None) => shown,
        };
        let stats = stats.map(|stats| add_client_time(stats, client_time));
        let (error, stats) = match (stats, stop_error) {
            (Ok(stats), None) => return Ok(stats),
            (Ok(stats), Some(error)) => (error, Some(Box::new(stats))),
            (Err(error), _) => (error, None),
        };
        Err(StopError {
            error,
            stats,
            still_listening,
        })
    }

    /// Runs `sccache --stop-server`, and returns the statistics that it prints.
    fn stop(&self, limit: Duration) -> Result<Result<Stats, ParseError>, ServerError> {
        let text = self.run(&["--stop-server"], self.deadline.min(limit))?;
        Ok(parse_text(&String::from_utf8_lossy(&text.stdout)))
    }

    /// Runs the program, and returns the output of a successful run.
    fn run(&self, arguments: &[&'static str], limit: Duration) -> Result<Output, ServerError> {
        if !is_listening(&self.address) {
            return Err(ServerError::NotRunning);
        }
        let command = arguments[0];
        let output = process::run(self.command().args(arguments), limit);
        let output = output.map_err(|error| match error {
            RunError::NotStarted(error) => ServerError::CouldNotRun {
                program: self.program.clone(),
                reason: error.to_string(),
            },
            RunError::TimedOut => ServerError::TimedOut { command, limit },
        })?;
        if output.status.success() {
            return Ok(output);
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let lines = stderr
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        Err(ServerError::Failed {
            command,
            status: output.status,
            message: truncate(&lines.take(3).collect::<Vec<_>>().join(" ")),
        })
    }

    /// Returns the program with the address in its environment, and without variables that would
    /// make it a server.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for variable in [
            "SCCACHE_SERVER_UDS",
            "SCCACHE_SERVER_PORT",
            "SCCACHE_START_SERVER",
            "SCCACHE_STARTUP_NOTIFY",
            "SCCACHE_NO_DAEMON",
        ] {
            command.env_remove(variable);
        }
        if !matches!(self.address, Address::Port(_)) {
            // sccache before 0.9.0 ignores SCCACHE_SERVER_UDS and would stop the server at port
            // 4226, whoever owns it. No process listens at port 1.
            command.env("SCCACHE_SERVER_PORT", "1");
        }
        let (name, value) = self.address.variable();
        command.env(name, value);
        command
    }

    /// Whether a process listens at the address, and still does after `limit`.
    fn is_listening_after(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while is_listening(&self.address) {
            if Instant::now() >= deadline {
                return true;
            }
            thread::sleep(Duration::from_millis(2));
        }
        false
    }
}

/// Adds the processor time of all clients, if each took as long as this one.
fn add_client_time(stats: Stats, client_time: Option<Duration>) -> Stats {
    let requests = stats.requests.filter(|requests| *requests > 0);
    let client_seconds = client_time
        .zip(requests)
        .map(|(time, requests)| time.as_secs_f64() * requests as f64);
    Stats {
        client_seconds,
        ..stats
    }
}
