//! Determines which statistics in a log belong to its build.
//!
//! A server that keeps running adds up the statistics of several builds, so its blocks are running
//! totals. They start at 0 only if sccache printed before that it stopped a server. If the server
//! keeps running, the difference between two blocks was counted between them. A stopped server has
//! no later statistics, so its blocks count completely, except for a block from before the build.

use super::log::WHOLE_BUILD;
use crate::sccache::{NotMeasured, NotMeasuredReason, ParseError, Stats};

/// The name and the statistics of a phase.
pub type LogPhase = (&'static str, Result<Stats, NotMeasured>);

/// One block of statistics.
#[derive(Debug, PartialEq)]
pub struct ServerBlock {
    /// The phase in which it was printed; `None` before `src_prepare`. The recipe stops a server
    /// there so that the next one counts from 0.
    pub phase: Option<&'static str>,
    /// Sccache stopped the server.
    pub is_stopped: bool,
    /// The statistics since the server's start.
    pub stats: Result<Stats, ParseError>,
}

impl ServerBlock {
    /// Whether the next block only repeats this one.
    pub fn is_repeated_by(&self, next: &Self) -> bool {
        let is_equal = self.phase == next.phase && self.stats == next.stats;
        is_equal && self.stats.is_ok() && (self.is_stopped || !next.is_stopped)
    }

    fn is_of_same_server(&self, next: &Self) -> bool {
        !self.is_stopped && difference(next, self).is_some()
    }
}

/// Returns the statistics of the build's phases, and whether a server's statistics were not used
/// because they are running totals. The log of `emerge --quiet` shows no phases.
pub fn count_phases(blocks: &[ServerBlock], has_phases: bool) -> (Vec<LogPhase>, bool) {
    let (mut phases, mut has_totals, mut has_early_totals) = (Vec::new(), false, false);
    let unknown = |error| NotMeasured::with_detail(NotMeasuredReason::UnknownOutput, error);
    let mut stopped_in = None;
    for server in blocks.chunk_by(ServerBlock::is_of_same_server) {
        let (first, last) = (&server[0], &server[server.len() - 1]);
        let starts_at_zero = stopped_in.is_some_and(|phase| can_be_replaced(phase, first.phase));
        let is_known =
            starts_at_zero || (last.is_stopped && (first.phase.is_some() || server.len() == 1));
        let count_before = phases.len();
        for (index, block) in server.iter().enumerate() {
            let stats = match index.checked_sub(1) {
                Some(previous) => difference(block, &server[previous]).map(Ok),
                None => Some(block.stats.clone()).filter(|stats| is_known || stats.is_err()),
            };
            let stats = stats.filter(|stats| !stats.as_ref().is_ok_and(Stats::is_idle));
            let name = block.phase.or((!has_phases).then_some(WHOLE_BUILD));
            phases.extend(name.zip(stats.map(|stats| stats.map_err(unknown))));
        }
        let has_counted = first.stats.as_ref().is_ok_and(|stats| !stats.is_idle());
        if has_counted && !is_known && phases.len() == count_before {
            has_totals |= first.phase.is_some();
            has_early_totals |= server.len() == 1;
        }
        stopped_in = last.is_stopped.then_some(last.phase);
    }
    has_totals |= has_early_totals && phases.is_empty();
    (phases, has_totals)
}

/// Whether a server that runs in `phase` can be the one that replaced the server that was stopped
/// in `stopped_in`. With FEATURES=network-sandbox, the src phases have servers of their own, while
/// preinst reaches one of the host. No server of a build runs before `src_configure`.
fn can_be_replaced(stopped_in: Option<&str>, phase: Option<&str>) -> bool {
    phase != Some(WHOLE_BUILD) || matches!(stopped_in, None | Some("prepare" | WHOLE_BUILD))
}

/// Returns what one server counted between two blocks, `None` if they are of different servers.
/// Averages are rounded to milliseconds, so the difference of large sums of seconds is noise: then
/// the seconds are unknown.
fn difference(now: &ServerBlock, before: &ServerBlock) -> Option<Stats> {
    let (now, before) = (now.stats.as_ref().ok()?, before.stats.as_ref().ok()?);
    let mut difference = now.since(before)?;
    let compilations = now.compilations.unwrap_or(now.misses.total);
    let is_noise = |seconds: f64, count: u64| seconds < 10.0 * 0.001 * count as f64;
    let compiler = &mut difference.compiler_seconds;
    compiler.take_if(|seconds| is_noise(*seconds, compilations));
    let hits = &mut difference.read_hit_seconds;
    hits.take_if(|seconds| is_noise(*seconds, now.hits.total));
    Some(difference)
}
