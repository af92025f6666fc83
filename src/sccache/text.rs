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

mod clean;
mod counts;
mod levels;
#[cfg(test)]
mod tests;
mod trailer;

use std::sync::LazyLock;

use regex::Regex;

use super::error::{ParseError, keep_unrecognized};
use super::stats::{Counts, Stats};
use super::units;
pub(super) use clean::{clean_line, ends_in_unit};
use counts::per_language;

/// `Cache hits (C/C++)      3`, `Average compiler   0.023 s`, `Max cache size   10 GiB`.
static COUNTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?<name>[A-Z][^()]*?)(?: \((?<of>.+)\))?\s+(?<value>-|[-+]?\d\S*)(?: (?<unit>%|[a-zµμA-Z]+))?$")
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

/// A line of a log without terminal escapes, `einfo`'s star, and white space at either end.
pub fn clean_log_line(line: &str) -> String {
    clean_line(line).0
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
pub(super) struct Block {
    section: Section,
    stats: Stats,
    hits: Option<Counts>,
    misses: Option<Counts>,
    errors: Option<Counts>,
    /// Whether the part after the counters was reached.
    trailer: bool,
    levels: levels::Levels,
    /// Seconds on average, until what they are an average of is known.
    average_read_hit: Option<f64>,
    average_compiler: Option<f64>,
}

impl Block {
    /// Whether none of its numbers was read.
    pub(super) fn is_empty(&self) -> bool {
        self.section == Section::Before
    }

    /// Whether the part after the counters was reached.
    pub(super) fn in_trailer(&self) -> bool {
        self.trailer
    }

    /// Whether the line is of another block: a later version may have `Compile requests`
    /// anywhere among its counters, but not twice, nor after them.
    pub(super) fn ends_before(&self, line: &str) -> bool {
        let again = self.stats.requests.is_some() || self.trailer || line.starts_with("Stopping");
        again && begins_block(line)
    }

    /// How many lines were not known.
    pub(super) fn unknown(&self) -> usize {
        self.stats.unrecognized.len()
    }

    /// Takes back the last `count` unknown lines: they were not the block's.
    pub(super) fn forget_unknown(&mut self, count: usize) {
        let keep = self.unknown().saturating_sub(count);
        self.stats.unrecognized.truncate(keep);
    }

    /// Reads a line. `false`: it is the first line of another block.
    pub(super) fn line(&mut self, line: &str) -> Result<bool, ParseError> {
        if line.is_empty() {
            if self.section != Section::Before {
                self.section = Section::Counters;
            }
            return Ok(true);
        }
        if self.section == Section::Before {
            self.counter(line)?;
            return Ok(true);
        }
        if self.section == Section::Counters && self.ends_before(line) {
            return Ok(false);
        }
        if line == "Non-cacheable reasons:" {
            self.section = Section::Reasons;
        } else if line == "Successful distributed compiles" {
            self.section = Section::Servers;
        } else if !(self.trailer_line(line)
            || self.row(line)?
            || self.levels.line(line, self.trailer)?)
        {
            self.counter(line)?;
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
        match ROW.captures(line) {
            // Something else got into the text: a count doesn't begin like this.
            Some(row) if !row["value"].starts_with(begins_number) => {
                keep_unrecognized(&mut self.stats.unrecognized, line);
            }
            Some(row) => {
                let (name, value) = (&row["name"], &row["value"]);
                let count = units::count(value);
                let count = count.ok_or_else(|| ParseError::bad_value(name, value))?;
                map.insert(name.to_owned(), count);
            }
            None => keep_unrecognized(&mut self.stats.unrecognized, line),
        }
        Ok(true)
    }

    /// A line of the block's first part. What is before the first of them is not the
    /// block's.
    fn counter(&mut self, line: &str) -> Result<(), ParseError> {
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
        let bad = || ParseError::bad_value(line, &c["value"]);
        let stats = &mut self.stats;
        let counter = match &c["name"] {
            "Cache hits" => return per_language(&mut self.hits, c).map(|()| true),
            "Cache misses" => return per_language(&mut self.misses, c).map(|()| true),
            "Cache errors" => return per_language(&mut self.errors, c).map(|()| true),
            // From the counts, and not exact.
            "Cache hits rate" | "Average cache write" => return Ok(true),
            "Average compiler" | "Average cache read miss" => {
                self.average_compiler = Some(seconds(c).ok_or_else(bad)?);
                return Ok(true);
            }
            "Average cache read hit" => {
                self.average_read_hit = Some(seconds(c).ok_or_else(bad)?);
                return Ok(true);
            }
            "Multi-level cache levels" => {
                self.levels.announce();
                return Ok(true);
            }
            "Compile requests" => &mut stats.requests,
            "Compile requests executed" => &mut stats.executed,
            "Cache timeouts" => &mut stats.timeouts,
            "Cache read errors" => &mut stats.read_errors,
            "Forced recaches" => &mut stats.forced_recaches,
            "Cache write errors" => &mut stats.write_errors,
            "Compilations" => &mut stats.compilations,
            "Compilation failures" => &mut stats.compile_failures,
            "Non-cacheable compilations" => &mut stats.non_cacheable_compilations,
            "Non-cacheable calls" => &mut stats.non_cacheable,
            "Non-compilation calls" => &mut stats.non_compilation,
            "Unsupported compiler calls" => &mut stats.unsupported_compiler,
            "Failed distributed compilations" => &mut stats.dist_errors,
            _ => return Ok(false),
        };
        if c.name("of").is_some() {
            // A part of what no known version divides: the whole has its own line.
            return Ok(false);
        }
        if c.name("unit").is_some() {
            return Err(bad());
        }
        *counter = Some(units::count(&c["value"]).ok_or_else(bad)?);
        Ok(true)
    }

    /// The whole of it.
    pub(super) fn end(self) -> Result<Stats, ParseError> {
        if self.section == Section::Before {
            return Err(ParseError::NoStatistics);
        }
        let missing = |name| ParseError::Missing { name };
        let mut stats = self.stats;
        stats.levels = self.levels.end();
        stats.hits = self.hits.ok_or(missing("Cache hits"))?;
        stats.misses = self.misses.ok_or(missing("Cache misses"))?;
        match self.errors {
            Some(errors) => stats.errors = Some(errors),
            None if self.trailer => {
                keep_unrecognized(&mut stats.unrecognized, "`Cache errors` is missing");
            }
            None => return Err(missing("Cache errors")),
        }
        let compilations = stats.compilations.unwrap_or(stats.misses.total);
        let total = |average: Option<f64>, count| average.map(|s| s * count as f64);
        stats.compiler_seconds = total(self.average_compiler, compilations);
        stats.read_hit_seconds = total(self.average_read_hit, stats.hits.total);
        Ok(stats)
    }
}

fn begins_number(first: char) -> bool {
    first.is_ascii_digit() || matches!(first, '-' | '+')
}

/// Whether a line is the first of a block, or of what `--stop-server` prints.
pub(super) fn begins_block(line: &str) -> bool {
    if !line.starts_with("Compile requests") {
        return line == "Stopping sccache server...";
    }
    let requests = |c: regex::Captures| &c["name"] == "Compile requests" && c.name("of").is_none();
    COUNTER.captures(line).is_some_and(requests)
}

fn seconds(c: &regex::Captures) -> Option<f64> {
    units::seconds(&c["value"], c.name("unit")?.as_str())
}
