//! What can go wrong with a server, in one clear sentence each.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::sccache::error::ParseError;
use crate::sccache::stats::Stats;

/// Why a server couldn't be asked or stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerError {
    /// Nobody listens at the address.
    NotRunning,
    /// The program isn't there, may not be run, or the like.
    CouldNotRun {
        /// The program, as it was given.
        program: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The program ran longer than it may, and was killed.
    TimedOut {
        /// sccache's option.
        command: &'static str,
        /// How long it may run.
        after: Duration,
    },
    /// The program ran and said that it failed.
    Failed {
        /// sccache's option.
        command: &'static str,
        /// Its exit status or signal.
        status: ExitStatus,
        /// The beginning of its standard error.
        message: String,
    },
    /// The program succeeded, and what it printed can't be read.
    Unusable {
        /// sccache's option.
        command: &'static str,
        /// What is wrong with it.
        why: ParseError,
    },
    /// The server said that it stops, and somebody listens at its address all the same.
    StillListening,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerError::NotRunning => write!(f, "no sccache server is running"),
            ServerError::CouldNotRun { program, why } => {
                write!(f, "could not run {}: {why}", program.display())
            }
            ServerError::TimedOut { command, after } => {
                let seconds = after.as_secs_f64();
                write!(f, "sccache {command} took longer than {seconds} s")
            }
            ServerError::Failed {
                command,
                status,
                message,
            } => {
                write!(f, "sccache {command} failed ({status})")?;
                match message.as_str() {
                    "" => Ok(()),
                    message => write!(f, ": {message}"),
                }
            }
            ServerError::Unusable { command, why } => {
                write!(f, "sccache {command} printed unusable output: {why}")
            }
            ServerError::StillListening => write!(f, "the sccache server did not stop"),
        }
    }
}

impl std::error::Error for ServerError {}

/// Why a server's numbers couldn't be taken, or the server not stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct TakeError {
    /// What went wrong.
    pub why: ServerError,
    /// The numbers, where it was only the stopping that went wrong: not to be lost.
    pub stats: Option<Box<Stats>>,
    /// Whether somebody still listens at the address.
    pub still_listening: bool,
}

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.why)?;
        if self.still_listening && self.why != ServerError::StillListening {
            write!(f, "; the server is still running")?;
        }
        Ok(())
    }
}

impl std::error::Error for TakeError {}
