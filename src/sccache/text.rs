//! The text of `sccache --show-stats`, `--show-adv-stats` and `--stop-server`.
//!
//! It is what `ServerStats::print` and `ServerInfo::print` in sccache's `src/server.rs`
//! write: two columns, in sections. `--stop-server` (0.2.15 ... 0.19.0) prints the same
//! block as `--show-stats`, after the line `Stopping sccache server...`. Only
//! `--show-adv-stats` (0.6.0+) prints compilers, in the places of the languages.
//!
//! What changed: `Average cache read miss` became `Average compiler` and `Version (client)`
//! came with 0.4.0, `Use direct/preprocessor mode?` with 0.7.0, hit rates with 0.8.2,
//! `Compilations` with 0.9.0, `Base directories` with 0.14.0, cache levels with 0.15.0, `Effective cache mode`
//! (`--show-adv-stats` alone) with 0.19.0.

mod blocks;
mod clean;
mod levels;
mod print;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use regex::Regex;

use super::error::{ParseError, keep_unrecognized};
use super::stats::{Counts, Field, Statistics, Stats, version};
use super::units;
pub use blocks::{Blocks, Read};
pub use clean::clean_log_line;
use clean::ends_in_unit;
pub use print::print_block;

/// `Cache hits (C/C++)      3`, `Average compiler   0.023 s`, `Max cache size   10 GiB`.
static COUNTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?<name>[A-Z][^()]*?)(?: \((?<of>.+)\))?\s+(?<value>-|[-+]?\d\S*)(?: (?<unit>%|[a-zµμA-Z]+))?$")
        .expect("a valid pattern")
});

/// `Cache location                  Local disk: "/var/cache/sccache"`: after the counters.
static TRAILER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?<name>Cache location|Base directories|Use direct/preprocessor mode\?|Version \(client\)|Effective cache mode|Cache size|Max cache size)(?:\s+(?<value>\S.*))?$")
        .expect("a valid pattern")
});

/// `crate-type (bin)     15`, `-      3`: a reason or a server, and how often.
static ROW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?<name>.*\S)\s+(?<value>\S+)$").expect("a valid pattern"));

/// Reads the text that `sccache --show-stats`, `--show-adv-stats` or `--stop-server` of any
/// version prints, also as logs keep it: with anything in front of it, CRLF, terminal
/// escapes, or the ` * ` of `einfo` before each line. Of several blocks it reads the first.
///
/// What the text doesn't carry is unknown, or less exact than the JSON: sizes are rounded
/// to whole KiB, MiB ..., times are averages, and `writes` isn't there at all. Lines
/// that no known version prints are kept in [`Stats::unrecognized`].
///
/// A block that is cut short gives what is there, from hits, misses and errors on; a last
/// line that may be cut (no line feed after it, no unit at its end) is left out.
///
/// # Errors
///
/// There is no statistics line in it; hits, misses or errors are not in it, which would
/// otherwise read as 0 (a whole block without errors, as a later version may have, is
/// accepted); or a known line has a number that can't be one: negative, with thousands
/// separators, above 2^53.
pub fn parse_text(text: &str) -> Result<Stats, ParseError> {
    let mut block = Block::default();
    for line in clean::lines(text) {
        if !block.line(&line)? {
            break;
        }
    }
    block.end()
}

/// Which rows come next.
#[derive(Default, PartialEq)]
enum Section {
    /// Nothing of the block was seen yet.
    #[default]
    Before,
    Counters,
    Reasons,
    Servers,
}

/// A block of which some lines were read.
#[derive(Default)]
struct Block {
    section: Section,
    /// The times are averages until [`Block::end`].
    stats: Stats,
    hits: Option<Counts>,
    misses: Option<Counts>,
    errors: Option<Counts>,
    /// Whether the part after the counters was reached.
    trailer: bool,
    /// Whether the line `Multi-level cache levels` was there: without it there are none.
    has_levels: bool,
}

impl Block {
    /// Whether none of its numbers was read.
    fn is_empty(&self) -> bool {
        self.section == Section::Before
    }

    /// Whether the part after the counters was reached.
    fn in_trailer(&self) -> bool {
        self.trailer
    }

    /// Whether the line is of another block: a later version may have `Compile requests`
    /// anywhere among its counters, but not twice, nor after them.
    fn ends_before(&self, line: &str) -> bool {
        let again = self.stats.requests.is_some() || self.trailer || line.starts_with("Stopping");
        again && begins_block(line)
    }

    /// How many lines were not known.
    fn unknown(&self) -> usize {
        self.stats.unrecognized.len()
    }

    /// Takes back the last `count` unknown lines: they were not the block's.
    fn forget_unknown(&mut self, count: usize) {
        let keep = self.unknown().saturating_sub(count);
        self.stats.unrecognized.truncate(keep);
    }

    /// Reads a line. `false`: it is the first line of another block.
    fn line(&mut self, line: &str) -> Result<bool, ParseError> {
        if line.is_empty() {
            if self.section != Section::Before {
                self.section = Section::Counters;
            }
            return Ok(true);
        }
        if self.section == Section::Counters && self.ends_before(line) {
            return Ok(false);
        }
        let is_read = match (&self.section, line) {
            (Section::Before, _) => false,
            (_, "Non-cacheable reasons:") => {
                self.section = Section::Reasons;
                true
            }
            (_, "Successful distributed compiles") => {
                self.section = Section::Servers;
                true
            }
            _ => self.trailer_line(line) || self.row(line)? || self.level_line(line)?,
        };
        if !is_read {
            self.counter_line(line)?;
        }
        Ok(true)
    }

    /// A row of the reasons or of the servers, if these are being read.
    fn row(&mut self, line: &str) -> Result<bool, ParseError> {
        let map = match self.section {
            Section::Reasons => &mut self.stats.not_cached,
            Section::Servers => &mut self.stats.dist_compiles,
            Section::Before | Section::Counters => return Ok(false),
        };
        // A line of something else may have got in between: a count doesn't begin like that.
        let begins_number = |first: char| first.is_ascii_digit() || matches!(first, '-' | '+');
        match ROW.captures(line) {
            Some(row) if row["value"].starts_with(begins_number) => {
                let (name, value) = (&row["name"], &row["value"]);
                let count = units::count(value);
                let count = count.ok_or_else(|| ParseError::bad_value(name, value))?;
                map.insert(name.to_owned(), count);
            }
            _ => keep_unrecognized(&mut self.stats.unrecognized, line),
        }
        Ok(true)
    }

    /// A line about a level, if the cache has several.
    fn level_line(&mut self, line: &str) -> Result<bool, ParseError> {
        let levels = &mut self.stats.levels;
        let is_counter = self.has_levels && !self.trailer && levels::counter(levels, line)?;
        Ok(is_counter || levels::location(levels, line))
    }

    /// A line of the block's first part. Nothing before the first of them is the block's.
    fn counter_line(&mut self, line: &str) -> Result<(), ParseError> {
        let known = match COUNTER.captures(line) {
            Some(c) => self.known_counter(line, &c)?,
            None => false,
        };
        if known {
            self.section = Section::Counters;
        } else if self.section != Section::Before {
            keep_unrecognized(&mut self.stats.unrecognized, line);
        }
        Ok(())
    }

    fn known_counter(&mut self, line: &str, c: &regex::Captures) -> Result<bool, ParseError> {
        let unit = c.name("unit").map_or("", |unit| unit.as_str());
        let bad = || ParseError::bad_value(line, &c["value"]);
        let count = || match unit {
            "" => units::count(&c["value"]).ok_or_else(bad),
            _ => Err(bad()),
        };
        let part = c.name("of").map(|of| of.as_str());
        let label = match &c["name"] {
            // Its name before 0.4.0.
            "Average cache read miss" => "Average compiler",
            label => label,
        };
        match label {
            "Cache hits" => add_part(&mut self.hits, part, count()?),
            "Cache misses" => add_part(&mut self.misses, part, count()?),
            "Cache errors" => add_part(&mut self.errors, part, count()?),
            // It follows from the counts, and is less exact.
            "Cache hits rate" => {}
            "Multi-level cache levels" => self.has_levels = true,
            // A part of what no known version divides: the whole has its own line.
            _ if part.is_some() => return Ok(false),
            _ => {
                if let Some(field) = labeled(Stats::COUNTERS, label) {
                    *(field.get_mut)(&mut self.stats) = Some(count()?);
                } else if let Some(field) = labeled(Stats::SECONDS, label) {
                    let average = units::seconds(&c["value"], unit).ok_or_else(bad)?;
                    *(field.get_mut)(&mut self.stats) = Some(average);
                } else {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// A line after the counters: where the cache is, how large, and how it is used.
    fn trailer_line(&mut self, line: &str) -> bool {
        let Some(c) = TRAILER.captures(line) else {
            return false;
        };
        self.trailer = true;
        self.section = Section::Counters;
        let Some(value) = c.name("value").map(|value| value.as_str()) else {
            return true;
        };
        let size = || {
            let (number, unit) = value.split_once(' ')?;
            units::bytes(number, unit)
        };
        let stats = &mut self.stats;
        match (&c["name"], value) {
            // 0.19.0, --show-adv-stats: the counts show what came of it.
            ("Effective cache mode", _) => {}
            ("Cache location", _) => stats.cache_location = Some(value.to_owned()),
            ("Version (client)", _) => stats.version = version(value),
            ("Base directories", "(none)") => stats.base_directories = Some(Vec::new()),
            ("Base directories", _) => {
                let directories = value.split(", ").map(str::to_owned);
                stats.base_directories = Some(directories.collect());
            }
            ("Cache size", _) if size().is_some() => stats.cache_size = size(),
            ("Max cache size", _) if size().is_some() => stats.max_cache_size = size(),
            (_, "yes") => stats.preprocessor_cache_mode = Some(true),
            (_, "no") => stats.preprocessor_cache_mode = Some(false),
            _ => keep_unrecognized(&mut stats.unrecognized, line),
        }
        true
    }

    /// The whole of it.
    fn end(self) -> Result<Stats, ParseError> {
        if self.section == Section::Before {
            return Err(ParseError::NoStatistics);
        }
        let missing = |name| ParseError::Missing { name };
        let mut stats = self.stats;
        stats.hits = self.hits.ok_or(missing("Cache hits"))?;
        stats.misses = self.misses.ok_or(missing("Cache misses"))?;
        match self.errors {
            Some(errors) => stats.errors = Some(errors),
            None if self.trailer => {
                keep_unrecognized(&mut stats.unrecognized, "`Cache errors` is missing");
            }
            None => return Err(missing("Cache errors")),
        }
        stats.levels.iter_mut().for_each(total_seconds);
        total_seconds(&mut stats);
        Ok(stats)
    }
}

/// Returns the field that sccache's text calls `label`.
fn labeled<S, T>(fields: &'static [Field<S, T>], label: &str) -> Option<&'static Field<S, T>> {
    fields.iter().find(|field| field.label == label)
}

/// Makes totals of averages. What an unknown number of calls took is unknown.
fn total_seconds<S: Statistics>(stats: &mut S) {
    for field in S::SECONDS {
        let average = (field.get)(stats);
        let total = average.zip((field.calls)(stats));
        *(field.get_mut)(stats) = total.map(|(average, calls)| average * calls as f64);
    }
}

/// `Cache hits    4`, `Cache hits (Rust)    1`, `Cache hits (c [gcc])   2`.
///
/// A name in parentheses is a language (`CompilerKind::lang_kind` in sccache's
/// `src/compiler/compiler.rs`: `Rust`, `C/C++`, `CUDA`, `CUDA (Device code)`, `Assembler` ...) or a
/// language with its compiler (`lang_comp_kind`: `rust`, `c [gcc]`, `c++Header [clang]` ...). The
/// former begin with a capital, the latter never do, in every version from 0.2.15 to 0.19.0.
fn add_part(counts: &mut Option<Counts>, part: Option<&str>, count: u64) {
    match (part, counts) {
        (None, counts) => counts.get_or_insert_default().total = count,
        // Only the line without a name carries the total, and it comes first.
        (Some(_), None) => {}
        (Some(name), Some(counts)) => {
            let is_language = name.starts_with(|first: char| first.is_ascii_uppercase());
            let parts = if is_language {
                &mut counts.languages
            } else {
                &mut counts.compilers
            };
            parts.insert(name.to_owned(), count);
        }
    }
}

/// Whether a line is the first of a block, or of what `--stop-server` prints.
fn begins_block(line: &str) -> bool {
    if !line.starts_with("Compile requests") {
        return line == "Stopping sccache server...";
    }
    let requests = |c: regex::Captures| &c["name"] == "Compile requests" && c.name("of").is_none();
    COUNTER.captures(line).is_some_and(requests)
}
