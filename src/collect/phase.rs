//! `sccache-collect phase`: saves the statistics of one phase.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Messages, own_server, shared_server};
use crate::config::variable;
use crate::error::Result;
use crate::portage::{
    Attribution, Environment, PHASES, Phase, StablePaths, has_snapshot, lock, parse_start,
    remove_snapshot, write_snapshot,
};
use crate::sccache::compilations::CompilationList;
use crate::sccache::{Address, NotMeasured, NotMeasuredReason, Sccache, Stats};

/// How long to wait for another collector of the same phase, which usually takes 0.1 s.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// The path socket that the hook chooses in a shared network, in `${T}`.
pub(super) const SOCKET_NAME: &str = ".sccache-report.sock";

/// The statistics of a phase, or why they are not available. `None` if the phase didn't use sccache.
pub(super) type Measurement = Option<Result<Stats, NotMeasured>>;

/// Save the statistics of a src phase's server, and stop it
///
/// The server is the one at SCCACHE_SERVER_UDS or SCCACHE_SERVER_PORT. The statistics are saved in
/// ${T}/.sccache-report, for `record`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Start of the phase, in seconds since 1970, with six decimals or none
    #[arg(long, value_name = "SECONDS", value_parser = parse_started)]
    started: Option<DateTime<Utc>>,
    /// The sccache program
    #[arg(long, value_name = "PROGRAM", default_value = "sccache")]
    pub(super) sccache: PathBuf,
    /// Only query the server, because the user configured it
    #[arg(long)]
    shared: bool,
    /// Print the current counts of the shared server, at the start of a phase
    #[arg(long, requires = "shared")]
    begin: bool,
    /// Log file of the phase's servers
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,
    /// Output of bash's `times` in the phase's shell, at the start of the phase and at its end
    #[arg(long, value_name = "TEXT")]
    times: Option<OsString>,
    /// Whether the phase used stable paths: the first line that `paths enter` printed
    #[arg(long, value_name = "CODE")]
    stable_paths: Option<String>,
}

fn parse_started(text: &str) -> Result<DateTime<Utc>, &'static str> {
    parse_start(text).ok_or("not a number of seconds")
}

/// Returns the seconds of processor time of the shell and the programs that it waited for. An output of
/// bash's `times` has four times such as `1m2.345s`. The result is the difference of two outputs, or the
/// sum of the only one. `None` if a time is missing.
fn shell_seconds(times: &OsStr) -> Option<f64> {
    let millis = |time: &str| {
        let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
        // The decimal separator depends on the locale.
        let (seconds, millis) = seconds.split_once(|c: char| !c.is_ascii_digit())?;
        let seconds = i64::from(minutes.parse::<u32>().ok()?) * 60 + seconds.parse::<i64>().ok()?;
        Some(seconds * 1000 + millis.parse::<i64>().ok()?)
    };
    let times = times.to_string_lossy();
    let times: Vec<i64> = times
        .split_whitespace()
        .map(millis)
        .collect::<Option<_>>()?;
    let (start, end) = times.split_at_checked(times.len().saturating_sub(4))?;
    let millis = end.iter().sum::<i64>() - start.iter().sum::<i64>();
    let is_complete = end.len() == 4 && matches!(start.len(), 0 | 4);
    (is_complete && millis >= 0).then_some(millis as f64 / 1000.0)
}

/// Saves a snapshot in `${T}`. Takes less than 5 s. If a server can't be queried, the snapshot has the
/// reason. Once it exists, further calls for the same phase do nothing.
///
/// # Errors
/// This is not a phase, or the snapshot can't be written.
pub(super) fn run(args: &Args) -> Result<Messages> {
    let addresses = addresses();
    let shared = || Sccache::new(&args.sccache, addresses[0].clone());
    if args.begin {
        return shared_server::begin(&shared());
    }
    let environment = Environment::read(None)?;
    let t = &environment.t;
    let mut messages = Messages::default();
    let own_id = snapshot_id(args, &environment, &addresses);
    if !args.shared && has_snapshot(t, own_id) {
        return Ok(messages);
    }
    // Several subshells can die at once, and both the function and the trap of a phase can run.
    let lock = lock(t, LOCK_WAIT);
    let mut compilations = None;
    let (id, measurement) = if args.shared {
        shared_server::end(&shared(), &mut io::stdin().lock())
    } else if has_snapshot(t, own_id) {
        (own_id, None)
    } else if lock.is_none() {
        // The other collector replaces or removes this snapshot.
        let reason = NotMeasured::with_detail(NotMeasuredReason::NoAnswer, "${T} is locked");
        (own_id, Some(Err(reason)))
    } else {
        let measurement;
        (measurement, compilations) =
            own_server::collect(args, &addresses, &environment, &mut messages);
        if measurement.is_none() {
            remove_snapshot(t, own_id);
        }
        (own_id, measurement)
    };
    if let Some(stats) = measurement {
        save_snapshot(id, args, &environment, stats, compilations, &mut messages)?;
    }
    // Only now: until there is a snapshot, these files show that the phase was not measured.
    if lock.is_some() {
        let socket = t.join(SOCKET_NAME);
        for file in [Some(&socket), args.log.as_ref()].into_iter().flatten() {
            let _ = std::fs::remove_file(file);
        }
    }
    Ok(messages)
}

/// Returns the addresses in the environment: the socket, which sccache 0.9 and later use, and the
/// port, which older versions use. There is at least one.
fn addresses() -> Vec<Address> {
    let socket = variable("SCCACHE_SERVER_UDS");
    let port = variable("SCCACHE_SERVER_PORT");
    let address_of = |socket| Address::from_variables(Some(socket), None);
    let mut addresses: Vec<Address> = socket.as_deref().map(address_of).into_iter().collect();
    if port.is_some() || addresses.is_empty() {
        addresses.push(Address::from_variables(None, port.as_deref()));
    }
    addresses
}

/// Returns the id of this phase's snapshot, which is the same for each call.
fn snapshot_id(args: &Args, environment: &Environment, addresses: &[Address]) -> Uuid {
    let name = format!(
        "{} {:?} {addresses:?} {:?}",
        environment.phase, args.started, args.log
    );
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

fn save_snapshot(
    id: Uuid,
    args: &Args,
    environment: &Environment,
    stats: Result<Stats, NotMeasured>,
    compilations: Option<CompilationList>,
    messages: &mut Messages,
) -> Result<()> {
    let name = &environment.phase;
    if let Err(reason) = &stats {
        messages.warn(format!("the {name} phase was not measured: {reason}"));
    }
    let read_only = variable("SCCACHE_LOCAL_RW_MODE").is_some_and(|mode| mode == "READ_ONLY");
    let is_root = rustix::process::geteuid().is_root();
    let has_writes = stats.as_ref().is_ok_and(|stats| stats.writes > Some(0));
    if is_root && read_only && has_writes {
        messages.warn(format!(
            "sccache wrote to its cache as root in the {name} phase, and other builds can't use \
             these files: sccache before 0.7 ignores SCCACHE_LOCAL_RW_MODE. \
             Update sccache, and run `sccache-report doctor`"
        ));
    }
    // In setup and pretend, the server is only stopped.
    if !PHASES.contains(&name.as_str()) {
        return Ok(());
    }
    let attribution = if args.shared {
        Attribution::Shared
    } else {
        Attribution::Exact
    };
    let finished_at = Utc::now();
    let phase = Phase {
        name: name.clone(),
        // The clock can have been set back.
        started_at: args.started.unwrap_or(finished_at).min(finished_at),
        finished_at,
        attribution,
        read_only,
        shell_seconds: args.times.as_deref().and_then(shell_seconds),
        stable_paths: args.stable_paths.as_deref().map(StablePaths::from_code),
        compilations,
        stats,
    };
    write_snapshot(id, &environment.t, &phase.sanitized())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_phase_is_the_difference() {
        let shell_seconds = |times: &str| shell_seconds(OsStr::new(times));
        let start = "0m0.120s 0m0.030s\n0m1.000s 0m0.000s\n";
        let end = "0m0.220s 0m0.031s\n61m1,500s 0m0.009s\n";
        assert_eq!(shell_seconds(&format!("{start}{end}")), Some(3660.61));
        assert_eq!(shell_seconds(start), Some(1.15));
        for other in [
            "",
            "0m0.1s",
            &format!("{end}{start}"),
            &"0m0.1s ".repeat(9),
            "é",
        ] {
            assert_eq!(shell_seconds(other), None, "{other}");
        }
        assert_eq!(shell_seconds("99999999999m0.1s"), None);
    }
}
