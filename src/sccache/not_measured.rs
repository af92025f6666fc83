//! Why a phase in which sccache ran has no statistics.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ServerError;
use crate::text::printable;

/// Why a phase has no statistics, with an optional detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotMeasured {
    /// What happened.
    pub reason: NotMeasuredReason,
    /// A program's message. It may come from a build: quote it, but never print it as advice or
    /// inside a command.
    pub detail: Option<String>,
}

impl NotMeasured {
    /// The longest detail, in bytes.
    pub const MAX_DETAIL: usize = 80;

    /// Returns the reason with `detail` made printable and cut to [`Self::MAX_DETAIL`] bytes.
    pub fn with_detail(reason: NotMeasuredReason, detail: impl fmt::Display) -> Self {
        let detail = printable(detail.to_string().trim(), Self::MAX_DETAIL);
        Self {
            reason,
            detail: (!detail.is_empty()).then_some(detail),
        }
    }
}

impl From<NotMeasuredReason> for NotMeasured {
    fn from(reason: NotMeasuredReason) -> Self {
        Self {
            reason,
            detail: None,
        }
    }
}

impl From<&ServerError> for NotMeasured {
    fn from(error: &ServerError) -> Self {
        let reason = match error {
            ServerError::NotRunning => NotMeasuredReason::ServerKilled,
            ServerError::CouldNotRun { .. } => NotMeasuredReason::SccacheNotRun,
            ServerError::TimedOut { .. } => NotMeasuredReason::NoAnswer,
            ServerError::Failed { .. } => NotMeasuredReason::SccacheFailed,
            ServerError::UnusableOutput { .. } => NotMeasuredReason::UnknownOutput,
            ServerError::StillListening => NotMeasuredReason::ServerDidNotStop,
        };
        Self::with_detail(reason, error)
    }
}

impl fmt::Display for NotMeasured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        match &self.detail {
            // A detail from a database may be longer and contain any text.
            Some(detail) => write!(f, ": {}", printable(detail, Self::MAX_DETAIL)),
            None => Ok(()),
        }
    }
}

codes! {
    /// Why a phase has no statistics.
    pub enum NotMeasuredReason {
        /// The server was gone at the end of the phase, and nothing had stopped it.
        ServerKilled "server_killed" "the sccache server was killed, or listens at another address",
        /// No server ever logged that it had started.
        ServerNotStarted "server_not_started" "the sccache server could not start, or was killed",
        /// The server was stopped before the end of the phase.
        ServerStopped "server_stopped" "the sccache server was stopped during the phase",
        /// As [`Self::ServerStopped`], and another server has been started since.
        ServerRestarted "server_restarted" "the sccache server was stopped, and another one was started",
        /// Another server was started although the first had not been stopped.
        SecondServer "second_server" "a second sccache server was started during the phase",
        /// Several servers were running at the end of the phase.
        SeveralServers "several_servers" "several sccache servers were started at once",
        /// `sccache --zero-stats` was run.
        StatisticsZeroed "statistics_zeroed" "the sccache server's statistics were reset during the phase",
        /// The server didn't stop on request.
        ServerDidNotStop "server_did_not_stop" "the sccache server did not stop",
        /// The server has no log, so nothing shows that it counted this phase alone.
        NoLog "no_log" "the sccache server has no log: an earlier phase started it, or ${T} was emptied",
        /// The server's log can't be read.
        LogUnreadable "log_unreadable" "the sccache server's log can't be read",
        /// `sccache` reached its time limit.
        NoAnswer "no_answer" "the sccache server did not answer",
        /// `sccache` exited with an error.
        SccacheFailed "sccache_failed" "sccache reported an error",
        /// `sccache` couldn't be executed.
        SccacheNotRun "sccache_not_run" "sccache could not be run",
        /// `sccache` printed statistics that no known version prints.
        UnknownOutput "unknown_output" "sccache's statistics could not be read",
        /// The phase's shell was killed before the hook could query the server.
        ShellKilled "shell_killed" "the phase's shell ended before the statistics could be read",
        /// The phase's own clients started a server at a shared path socket.
        SharedServerNotRunning "shared_server_not_running" "the shared sccache server was not running when the phase began",
        /// A shared server was stopped during the phase.
        SharedServerGone "shared_server_gone" "the shared sccache server was stopped during the phase",
        /// A shared server counted less at the end of the phase than at its start.
        SharedServerRestarted "shared_server_restarted" "the shared sccache server was restarted or reset during the phase",
        /// Other builds used the shared server at the same time, so its counts contain theirs.
        SharedServerOverlap "shared_server_overlap" "another build used the shared sccache server at the same time",
        /// The counts of a shared server at the start of the phase are unknown.
        NoStartNumbers "no_start_numbers" "the shared sccache server's counts at the start of the phase are unknown",
        /// sccache before 0.9 has only TCP ports, which every local user can connect to unless the
        /// phase's network is private.
        OldSccacheSharedNetwork "old_sccache_shared_network" "sccache before 0.9 is not measured in a shared network",
        /// Any other reason, and the codes of newer versions.
        Other "other" "unknown reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_survive_json() {
        for reason in NotMeasuredReason::ALL {
            assert_eq!(NotMeasuredReason::from_code(reason.code()), *reason);
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.code()));
            let back: NotMeasuredReason = serde_json::from_str(&json).unwrap();
            assert_eq!(back, *reason);
        }
        let newer: NotMeasuredReason = serde_json::from_str("\"of_next_year\"").unwrap();
        assert_eq!(newer, NotMeasuredReason::Other);
    }

    #[test]
    fn details_are_short_and_printable() {
        let why = NotMeasured::with_detail(NotMeasuredReason::Other, "\u{1b}[31m".repeat(99));
        assert!(why.detail.unwrap().len() <= NotMeasured::MAX_DETAIL);
        let why = NotMeasured::with_detail(NotMeasuredReason::Other, " \n");
        assert_eq!(why.detail, None);
        let forged = NotMeasured {
            reason: NotMeasuredReason::NoAnswer,
            detail: Some("\u{1b}[31m".repeat(99)),
        };
        let text = forged.to_string();
        assert!(text.starts_with("the sccache server did not answer: \\u{1b}[31m"));
        assert!(text.len() < 120);
    }
}
