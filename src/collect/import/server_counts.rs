//! Which part of a block's numbers was counted within the log.
//!
//! A server that nobody stops counts on from build to build, so its numbers are running totals.
//! They start at 0 only after sccache printed that it stopped the server before; of a server that
//! runs on, the difference of two blocks was counted between them. A server that is stopped has
//! no later numbers, so its block counts whole, less what a block before the build had.

use super::own::WHOLE;
use crate::sccache::Stats;

/// The server whose block was read last.
#[derive(Debug, Default)]
pub enum Server {
    /// Nothing is known about it.
    #[default]
    Unknown,
    /// It was stopped in this phase, so the next one starts from 0.
    Stopped(Option<&'static str>),
    /// It ran on.
    Running {
        /// Its numbers.
        last: Box<Stats>,
        /// The numbers of its first block in the build, and the phase: they count once it is
        /// stopped.
        first: Option<(&'static str, Box<Stats>)>,
        /// The last numbers neither count, nor were later ones compared with them.
        is_unused: bool,
    },
}

impl Server {
    /// Whether the last block is unused, and was printed in the build.
    pub fn is_unused_in_build(&self) -> bool {
        matches!(
            self,
            Self::Running {
                first: Some(_),
                is_unused: true,
                ..
            }
        )
    }

    /// Takes the next block, which was printed in `phase` of the build, `None` before the build.
    /// Returns what was counted by the first block, with its phase, and what was counted since
    /// the last; `None` where that is unknown.
    pub fn next(
        &mut self,
        stats: &Stats,
        is_stopped: bool,
        phase: Option<&'static str>,
    ) -> (Option<(&'static str, Stats)>, Option<Stats>) {
        let (mut earlier, mut now) = (None, None);
        let was_unused = self.is_unused_in_build();
        match std::mem::take(self) {
            Self::Running { last, first, .. } => {
                now = difference(stats, &last);
                earlier = first.filter(|_| now.is_some());
            }
            Self::Stopped(before) if is_same_network(before, phase) => now = Some(stats.clone()),
            Self::Stopped(_) | Self::Unknown => {}
        }
        if is_stopped {
            *self = Self::Stopped(phase);
            let earlier = earlier.map(|(phase, stats)| (phase, *stats));
            return (earlier, now.or_else(|| Some(stats.clone())));
        }
        let is_unused = match &now {
            Some(now) => was_unused && now.is_idle(),
            None => !stats.is_idle(),
        };
        if now.is_none() && is_unused {
            earlier = phase.map(|phase| (phase, Box::new(stats.clone())));
        }
        *self = Self::Running {
            last: Box::new(stats.clone()),
            first: earlier,
            is_unused,
        };
        (None, now)
    }
}

/// Whether a server that runs in `phase` can have replaced the one that was stopped in `before`.
/// With FEATURES=network-sandbox, src phases have servers of their own, and preinst reaches one of
/// the host. Nothing runs yet where a src phase begins, so a server that is stopped before
/// src_configure is the host's.
fn is_same_network(before: Option<&str>, phase: Option<&str>) -> bool {
    phase != Some(WHOLE) || matches!(before, None | Some("unpack" | "prepare" | WHOLE))
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
