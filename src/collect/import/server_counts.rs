//! Which part of a block's numbers was counted within the log.
//!
//! A server that nobody stops counts on from build to build, so its numbers are running totals.
//! They start at 0 only after sccache printed that it stopped the server before; of a server that
//! runs on, the difference of two blocks was counted between them. A server that is stopped has
//! no later numbers, so its block counts whole, less what a block before the build had.

use crate::sccache::Stats;

/// The server whose block was read last.
#[derive(Debug, Default)]
pub enum Server {
    /// Nothing is known about it.
    #[default]
    Unknown,
    /// It was stopped, so the next one starts from 0.
    Stopped,
    /// It ran on, with these numbers.
    Running(Box<Stats>, Use),
}

/// What the last numbers of a running server were used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// They count, or later ones were compared with them.
    Used,
    /// Nothing; they were printed before the build.
    UnusedBefore,
    /// Nothing; they were printed in this phase of the build.
    Unused(&'static str),
}

impl Server {
    /// Takes the next block, and returns what was counted in the phase of the block before, and
    /// what was counted since; `None` where that is unknown.
    pub fn next(
        &mut self,
        stats: &Stats,
        is_stopped: bool,
        unused: Use,
    ) -> (Option<(&'static str, Stats)>, Option<Stats>) {
        let (mut earlier, mut now) = (None, None);
        match std::mem::take(self) {
            Self::Running(last, used) => {
                now = difference(stats, &last);
                if let (Use::Unused(phase), true, true) = (used, is_stopped, now.is_some()) {
                    earlier = Some((phase, *last));
                }
            }
            Self::Stopped => now = Some(stats.clone()),
            Self::Unknown => {}
        }
        if is_stopped {
            now.get_or_insert_with(|| stats.clone());
            *self = Self::Stopped;
        } else {
            let is_used = now.is_some() || stats.is_idle();
            let used = if is_used { Use::Used } else { unused };
            *self = Self::Running(Box::new(stats.clone()), used);
        }
        (earlier, now)
    }
}

/// Returns what came on top. Averages are cut to milliseconds, so a difference of two sums is
/// noise where the sums are large: then the seconds are unknown.
fn difference(now: &Stats, before: &Stats) -> Option<Stats> {
    let mut difference = now.since(before)?;
    let compilations = now.compilations.unwrap_or(now.misses.total);
    let is_noise = |seconds: f64, count: u64| seconds < 10.0 * 0.001 * count as f64;
    let (compiler, hits) = (&mut difference.compiler_seconds, now.hits.total);
    compiler.take_if(|seconds| is_noise(*seconds, compilations));
    difference.read_hit_seconds.take_if(|s| is_noise(*s, hits));
    Some(difference)
}
