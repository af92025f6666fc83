//! Why a report could not be made.

use std::io;

use crate::store;

/// Why there is no report, or an empty one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// An empty report. The text says why.
    #[error("{0}")]
    NoMatch(String),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("can't write the report: {0}")]
    Output(#[from] io::Error),
    /// A request that can't be fulfilled.
    #[error("{message}")]
    Usage { message: String, hint: String },
}

impl Error {
    pub(super) fn usage(message: impl Into<String>, hint: String) -> Error {
        let message = message.into();
        Error::Usage { message, hint }
    }

    /// The next step, if there is one.
    pub(super) fn hint(&self) -> Option<&str> {
        match self {
            Error::NoMatch(_) | Error::Output(_) => None,
            Error::Store(error) => Some(error.hint()),
            Error::Usage { hint, .. } => Some(hint),
        }
    }

    /// 1 if nothing matched, 2 for an error.
    pub(super) fn exit_status(&self) -> u8 {
        match self {
            Error::NoMatch(_) => 1,
            _ => 2,
        }
    }
}
