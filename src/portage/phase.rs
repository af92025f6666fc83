//! The phases that may compile, and what a phase's numbers may be.

use anyhow::{Result, bail, ensure};
use chrono::{DateTime, Utc};

use super::Phase;
use crate::sccache::{Counts, NotMeasured, Stats};
use crate::text::printable;

/// The phases that a server of ours can run in, in the order in which Portage runs them
/// (PMS 8, chapter 9).
pub const PHASES: [&str; 6] = [
    "unpack",
    "prepare",
    "configure",
    "compile",
    "test",
    "install",
];

/// A build leaves one snapshot a phase, and some more where it was interrupted and resumed.
pub const MAX_SNAPSHOTS: usize = 256;

/// No phase counts this much; the sum of [`MAX_SNAPSHOTS`] of them is what the store takes.
const MAX_COUNT: u64 = 1_000_000_000;
/// 30 years.
const MAX_SECONDS: f64 = 1e9;
/// The longest string taken: a reason, a compiler, a place.
const MAX_STRING: usize = 512;
/// The most languages, compilers, reasons, servers.
const MAX_ENTRIES: usize = 512;
/// The most levels of a cache. sccache has four kinds; `{}` is a level too, and a hundred
/// times larger in memory than in the file.
const MAX_LEVELS: usize = 16;

impl Phase {
    /// Makes every string one that [`check`](Self::check) takes: sccache quotes compiler
    /// arguments, and those may hold anything.
    #[must_use]
    pub fn made_printable(mut self) -> Self {
        match &mut self.stats {
            Err(why) => {
                let detail = why.detail.take().unwrap_or_default();
                *why = NotMeasured::with_detail(why.reason, detail);
            }
            Ok(stats) => make_printable(stats),
        }
        self
    }

    /// Whether these are numbers that a collector can have written.
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn check(&self) -> Result<()> {
        ensure!(PHASES.contains(&self.name.as_str()), "an unknown phase");
        self.check_numbers()
    }

    /// As [`check`](Self::check), of a phase with whatever name.
    ///
    /// # Errors
    /// The first thing that can't be.
    pub fn check_numbers(&self) -> Result<()> {
        check_time(self.started_at)?;
        check_time(self.finished_at)?;
        match &self.stats {
            Err(why) => why.detail.iter().try_for_each(|detail| {
                ensure!(!detail.is_empty(), "an empty detail");
                check_text(detail, NotMeasured::MAX_DETAIL)
            }),
            Ok(stats) => check_stats(stats),
        }
    }
}

/// Makes the strings printable, and cuts them and the lists to what a collector writes.
fn make_printable(stats: &mut Stats) {
    for map in stats.maps_mut() {
        for (key, count) in std::mem::take(map).into_iter().take(MAX_ENTRIES) {
            let sum = map.entry(printable(&key, MAX_STRING)).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    stats.unrecognized.truncate(MAX_ENTRIES);
    stats.levels.truncate(MAX_LEVELS);
    if let Some(directories) = &mut stats.base_directories {
        directories.truncate(MAX_ENTRIES);
    }
    let levels = stats.levels.iter_mut();
    let levels = levels.flat_map(|level| [Some(&mut level.name), level.location.as_mut()]);
    let texts = [stats.cache_location.as_mut(), stats.version.as_mut()];
    let texts = texts.into_iter().chain(levels).flatten();
    let lists = stats.base_directories.iter_mut().flatten();
    for text in texts.chain(lists).chain(&mut stats.unrecognized) {
        *text = printable(text, MAX_STRING);
    }
}

fn check_stats(stats: &Stats) -> Result<()> {
    for count in stats.all_counts() {
        ensure!(count <= MAX_COUNT, "a count of {count}");
    }
    for seconds in stats.all_seconds() {
        let possible = 0.0..=MAX_SECONDS;
        ensure!(possible.contains(&seconds), "a duration of {seconds} s");
    }
    let sizes = [stats.cache_size, stats.max_cache_size];
    for size in sizes.into_iter().flatten() {
        ensure!(i64::try_from(size).is_ok(), "a size of {size} bytes");
    }
    stats.divided().try_for_each(check_sum)?;
    let mut printable = stats.clone();
    make_printable(&mut printable);
    ensure!(
        printable == *stats,
        "control characters in a string, or too many or too long ones"
    );
    Ok(())
}

/// The parts can't be more than the whole.
fn check_sum(counts: &Counts) -> Result<()> {
    for parts in [&counts.languages, &counts.compilers] {
        let sum: u64 = parts.values().sum();
        ensure!(
            sum <= counts.total,
            "parts of {sum} in a total of {}",
            counts.total
        );
    }
    Ok(())
}

/// Whether `text` is one that can go to a terminal as it is.
pub(super) fn check_text(text: &str, max: usize) -> Result<()> {
    ensure!(text.len() <= max, "a string of {} bytes", text.len());
    if printable(text, max) != text {
        bail!("control characters in a string");
    }
    Ok(())
}

pub(super) fn check_time(time: DateTime<Utc>) -> Result<()> {
    // 2000 to 2200: room for a machine whose clock is off, none for overflow.
    let range = 946_684_800..7_258_118_400;
    ensure!(range.contains(&time.timestamp()), "a time of {time}");
    Ok(())
}
