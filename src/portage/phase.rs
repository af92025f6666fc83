//! The phases that may compile, and what a phase's numbers may be.

use std::collections::BTreeMap;

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
            Ok(stats) => {
                for map in maps_mut(stats) {
                    let cleaned = std::mem::take(map);
                    for (key, count) in cleaned.into_iter().take(MAX_ENTRIES) {
                        let sum = map.entry(printable(&key, MAX_STRING)).or_default();
                        *sum = sum.saturating_add(count);
                    }
                }
                stats.unrecognized.truncate(MAX_ENTRIES);
                stats.levels.truncate(MAX_LEVELS);
                for text in strings(stats) {
                    *text = printable(text, MAX_STRING);
                }
            }
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

fn check_stats(stats: &Stats) -> Result<()> {
    let totals = all_counts(stats).map(|counts| Some(counts.total));
    let levels = stats.levels.iter();
    let level_counts = levels.clone().flat_map(|level| {
        [level.hits, level.misses, level.writes, level.write_failures]
            .into_iter()
            .chain([level.backfills_from, level.backfills_to])
    });
    for count in stats
        .counters()
        .into_iter()
        .chain(totals)
        .chain(level_counts)
        .flatten()
    {
        ensure!(count <= MAX_COUNT, "a count of {count}");
    }
    let level_seconds = levels.flat_map(|level| [level.hit_seconds, level.write_seconds]);
    for seconds in stats.seconds().into_iter().chain(level_seconds).flatten() {
        ensure!(
            (0.0..=MAX_SECONDS).contains(&seconds),
            "a duration of {seconds} s"
        );
    }
    for size in [stats.cache_size, stats.max_cache_size]
        .into_iter()
        .flatten()
    {
        ensure!(i64::try_from(size).is_ok(), "a size of {size} bytes");
    }
    for map in maps(stats) {
        ensure!(map.len() <= MAX_ENTRIES, "{} entries", map.len());
        for (key, count) in map {
            check_string(key)?;
            ensure!(*count <= MAX_COUNT, "a count of {count}");
        }
    }
    all_counts(stats).try_for_each(check_sum)?;
    ensure!(
        stats.unrecognized.len() <= MAX_ENTRIES,
        "too many unrecognized lines"
    );
    ensure!(stats.levels.len() <= MAX_LEVELS, "too many levels");
    let directories = stats.base_directories.iter().flatten().count();
    ensure!(directories <= MAX_ENTRIES, "too many base directories");
    strings(&mut stats.clone())
        .iter()
        .try_for_each(|text| check_string(text))
}

/// The strings that aren't keys of a map.
fn strings(stats: &mut Stats) -> Vec<&mut String> {
    let levels = stats.levels.iter_mut();
    let levels = levels.flat_map(|level| [Some(&mut level.name), level.location.as_mut()]);
    [&mut stats.cache_location, &mut stats.version]
        .into_iter()
        .map(Option::as_mut)
        .chain(levels)
        .flatten()
        .chain(stats.base_directories.iter_mut().flatten())
        .chain(&mut stats.unrecognized)
        .collect()
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

/// What is divided by language and by compiler.
fn all_counts(stats: &Stats) -> impl Iterator<Item = &Counts> {
    [&stats.hits, &stats.misses]
        .into_iter()
        .chain(&stats.errors)
}

fn maps(stats: &Stats) -> impl Iterator<Item = &BTreeMap<String, u64>> {
    all_counts(stats)
        .flat_map(|counts| [&counts.languages, &counts.compilers])
        .chain([&stats.not_cached, &stats.dist_compiles])
}

fn maps_mut(stats: &mut Stats) -> impl Iterator<Item = &mut BTreeMap<String, u64>> {
    [&mut stats.hits, &mut stats.misses]
        .into_iter()
        .chain(&mut stats.errors)
        .flat_map(|counts| [&mut counts.languages, &mut counts.compilers])
        .chain([&mut stats.not_cached, &mut stats.dist_compiles])
}

fn check_string(text: &str) -> Result<()> {
    check_text(text, MAX_STRING)
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
