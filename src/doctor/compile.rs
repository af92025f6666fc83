//! What came of compiling as the build user.

use super::attempt::{Attempt, Outcome};
use super::{Finding, SETUP, State};

pub(super) fn c(attempt: &Result<Attempt, String>) -> Finding {
    check("compile-c", attempt, |attempt| &attempt.c)
}

pub(super) fn rust(attempt: &Result<Attempt, String>) -> Finding {
    check("compile-rust", attempt, |attempt| &attempt.rust)
}

fn check(
    name: &'static str,
    attempt: &Result<Attempt, String>,
    outcome: impl Fn(&Attempt) -> &Outcome,
) -> Finding {
    let attempt = match attempt {
        Ok(attempt) => attempt,
        Err(reason) => return Finding::new(name, State::Unknown, reason.clone()),
    };
    match outcome(attempt) {
        Outcome::Cached(through, is_configured) => {
            let mut message = format!("compiled twice through {through}: a miss, then a hit");
            if !is_configured {
                message += " (builds call sccache for this language only if they do so themselves)";
            }
            Finding::new(name, State::Green, message)
        }
        Outcome::NotTried(reason) => Finding::new(name, State::Unknown, reason.clone()),
        Outcome::Failed(reason) => Finding::new(name, State::Red, reason.clone()),
        Outcome::SandboxDenied(reason) => {
            let message = format!("sandbox has no rule that lets builds write the cache: {reason}");
            Finding::new(name, State::Red, message).fix(SETUP)
        }
    }
}
