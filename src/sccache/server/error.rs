//! What can go wrong with a server, in one clear sentence each.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::sccache::error::ParseError;
use crate::sccache::stats::Stats;

/// Why a server couldn't be asked or stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// Nobody listens at the address.
    #[error("no sccache server is running")]
    NotRunning,
    /// The program isn't there, may not be run, or the like.
    #[error("could not run {}: {why}", program.display())]
    CouldNotRun {
        /// The program, as it was given.
        program: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The program ran longer than it may, and was killed.
    #[error("sccache {command} took longer than {} s", after.as_secs_f64())]
    TimedOut {
        /// sccache's option.
        command: &'static str,
        /// How long it may run.
        after: Duration,
    },
    /// The program ran and said that it failed.
    #[error("sccache {command} failed ({status}){}{message}", if message.is_empty() { "" } else { ": " })]
    Failed {
        /// sccache's option.
        command: &'static str,
        /// Its exit status or signal.
        status: ExitStatus,
        /// The beginning of its standard error.
        message: String,
    },
    /// The program succeeded, and what it printed can't be read.
    #[error("sccache {command} printed unusable output: {why}")]
    Unusable {
        /// sccache's option.
        command: &'static str,
        /// What is wrong with it.
        why: ParseError,
    },
    /// The server said that it stops, and somebody listens at its address all the same.
    #[error("the sccache server did not stop")]
    StillListening,
}

/// Why a server's numbers couldn't be taken, or the server not stopped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{why}{}", if *still_listening && *why != ServerError::StillListening { "; the server is still running" } else { "" })]
pub struct TakeError {
    /// What went wrong.
    pub why: ServerError,
    /// The numbers, where it was only the stopping that went wrong: not to be lost.
    pub stats: Option<Box<Stats>>,
    /// Whether somebody still listens at the address.
    pub still_listening: bool,
}
