//! Which part of a block's numbers was counted within the log.
//!
//! A server that nobody stops counts on from build to build, so its numbers are running totals.
//! They start at 0 only after sccache said that it stopped the server before; of a server that
//! runs on, the difference of two blocks was counted between them. A server that is stopped has
//! no later numbers, so its block counts whole, less what a block before the build had.

use crate::sccache::Stats;

/// The server whose block was read last.
#[derive(Debug, Default)]
pub struct ServerCounts(Last);

#[derive(Debug, Default)]
enum Last {
    #[default]
    Unknown,
    Stopped,
    Running {
        stats: Box<Stats>,
        lone: Option<Lone>,
    },
}

/// The numbers of a running server have not been used, neither for a build nor to be subtracted.
#[derive(Clone, Copy, Debug)]
struct Lone {
    /// The phase of the build, `None` before the build.
    phase: Option<&'static str>,
}

/// What a block shows to have been counted within the log.
pub struct Counted {
    /// By the block before, until then.
    pub earlier: Option<(&'static str, Stats)>,
    /// By this block.
    pub now: Option<Stats>,
    /// The block before remains unused.
    pub has_lone: bool,
}

impl ServerCounts {
    /// Takes the next block, which was printed in `phase` of the build, `None` before the build.
    pub fn counted(
        &mut self,
        stats: Stats,
        is_stopped: bool,
        phase: Option<&'static str>,
    ) -> Counted {
        let mut counted = Counted {
            earlier: None,
            now: None,
            has_lone: false,
        };
        match std::mem::take(&mut self.0) {
            Last::Unknown if is_stopped => counted.now = Some(stats.clone()),
            Last::Unknown => {}
            Last::Stopped => counted.now = Some(stats.clone()),
            Last::Running { stats: last, lone } => {
                counted.now = difference(&stats, &last);
                let lone_phase = lone.and_then(|lone| lone.phase);
                if counted.now.is_none() {
                    counted.has_lone = lone_phase.is_some();
                    counted.now = is_stopped.then(|| stats.clone());
                } else if is_stopped && let Some(phase) = lone_phase {
                    counted.earlier = Some((phase, *last));
                }
            }
        }
        let is_lone = counted.now.is_none() && !stats.is_idle();
        self.0 = match is_stopped {
            true => Last::Stopped,
            false => Last::Running {
                stats: Box::new(stats),
                lone: is_lone.then_some(Lone { phase }),
            },
        };
        counted
    }

    /// Forgets the server: what the next block's numbers start from is unknown.
    pub fn forget(&mut self) {
        if !matches!(self.0, Last::Running { lone: Some(_), .. }) {
            self.0 = Last::Unknown;
        }
    }

    /// Whether the last block remains unused at the end of a log, `without_others` to use.
    pub fn is_lone(&self, without_others: bool) -> bool {
        match &self.0 {
            Last::Running {
                lone: Some(lone), ..
            } => lone.phase.is_some() || without_others,
            _ => false,
        }
    }
}

/// Returns what came on top. Averages are cut to milliseconds, so a difference of two sums is
/// noise where the sums are large: then the seconds are unknown.
fn difference(now: &Stats, before: &Stats) -> Option<Stats> {
    let mut difference = now.since(before)?;
    let is_precise =
        |seconds: &f64, count: u64| *seconds >= 10.0 * 0.001 * count as f64 || count == 0;
    let compilations = now.compilations.unwrap_or(now.misses.total);
    difference
        .compiler_seconds
        .take_if(|seconds| !is_precise(seconds, compilations));
    difference
        .read_hit_seconds
        .take_if(|seconds| !is_precise(seconds, now.hits.total));
    Some(difference)
}
