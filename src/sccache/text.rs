//! The text of `sccache --show-stats`, `--show-adv-stats`, and `--stop-server`: two columns, in
//! sections (`ServerStats::print` and `ServerInfo::print` in sccache's `src/server.rs`).
//!
//! `--stop-server` prints the block of `--show-stats` after the line `Stopping sccache server...`
//! (0.2.15 to 0.19.0). `--show-adv-stats` (0.6.0+) prints compilers instead of languages.
//!
//! Changes: `Average cache read miss` became `Average compiler` and `Version (client)` came with
//! 0.4.0, `Use direct/preprocessor mode?` with 0.7.0, hit rates with 0.8.2, `Compilations` with 0.9.0,
//! `Base directories` with 0.14.0, cache levels with 0.15.0, `Effective cache mode` (only
//! `--show-adv-stats`) with 0.19.0.

mod in_logs;
mod print;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use regex::Regex;

use super::parse::{self, ParseError, add_unrecognized};
use super::stats::{Counts, Field, Level, Stats, version};
pub use in_logs::{BlockInLog, BlockReader, clean_log_line};
pub use print::print_block;

/// The first line that `sccache --stop-server` prints.
const STOPPING: &str = "Stopping sccache server...";

/// `Cache hits (C/C++)      3`, `Average compiler   0.023 s`, `Cache hits rate   50.00 %`.
static COUNTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?<label>[A-Z][^()]*?)(?: \((?<part>.+)\))?\s+(?<value>-|[-+]?\d\S*)(?: (?<unit>%|[a-zA-Z]+))?$")
        .expect("a valid pattern")
});

/// The beginnings of the lines after the counters.
const TRAILER: [&str; 7] = [
    "Cache location",
    "Base directories",
    "Use direct/preprocessor mode?",
    "Version (client)",
    "Effective cache mode",
    "Cache size",
    "Max cache size",
];

/// Parses the text that `sccache --show-stats`, `--show-adv-stats`, or `--stop-server` of any version
/// prints. Text before it, CRLF, terminal escapes, and the ` * ` of `einfo` before each line are
/// skipped. Of several blocks, the first is read.
///
/// A text has less than the JSON: sizes are rounded to whole KiB, MiB ..., times are averages, and
/// `writes` is missing. Lines that no known version prints are added to [`Stats::unrecognized`].
///
/// An incomplete block gives the lines that it has, if it has at least hits, misses, and errors. A
/// last line that may be incomplete is ignored.
///
/// # Errors
///
/// Returns an error if there is no line of statistics, if hits, misses, or errors are missing (a
/// complete block without errors is accepted), or if a known line has an invalid number: negative,
/// with thousands separators, or above 2^53.
pub fn parse_text(text: &str) -> Result<Stats, ParseError> {
    let mut block = Block::default();
    for raw in text.split_inclusive('\n') {
        let (line, _) = clean_log_line(raw);
        if block.ends_before(&line) || !(raw.ends_with('\n') || is_complete(&line)) {
            break;
        }
        block.read_line(&line);
    }
    block.end()
}

/// Whether a last line without line feed is complete: `Cache hits   14` may have been `144`, but
/// sizes, averages, and rates end in their unit.
fn is_complete(line: &str) -> bool {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "s", "%"];
    line.rsplit_once(' ').is_some_and(|(before, unit)| {
        units.contains(&unit) && before.ends_with(|last: char| last.is_ascii_digit())
    })
}

/// The section that the next line belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Section {
    #[default]
    BeforeBlock,
    Counters,
    Reasons,
    Servers,
}

/// A partially read block.
#[derive(Debug, Default)]
struct Block {
    section: Section,
    /// Whether the part after the counters has begun.
    in_trailer: bool,
    /// Times are averages until [`Block::end`].
    stats: Stats,
    hits: Option<Counts>,
    misses: Option<Counts>,
    errors: Option<Counts>,
    /// The first error.
    error: Option<ParseError>,
}

impl Block {
    /// Whether no line of a block was read.
    fn is_empty(&self) -> bool {
        self.section == Section::BeforeBlock
    }

    /// Whether `line` is the first of another block. A later version may print `Compile requests`
    /// anywhere among the counters, but neither twice nor after them.
    fn ends_before(&self, line: &str) -> bool {
        let may_end = self.stats.requests.is_some() || self.in_trailer || line == STOPPING;
        !self.is_empty() && may_end && is_first_line(line)
    }

    /// Reads a line. Returns whether it is known.
    fn read_line(&mut self, line: &str) -> bool {
        if line.is_empty() {
            if !self.is_empty() {
                self.section = Section::Counters;
            }
            return true;
        }
        let read = match (self.section, line) {
            (Section::BeforeBlock, _) => self.read_counter(line),
            (_, "Non-cacheable reasons:") => {
                self.section = Section::Reasons;
                Ok(true)
            }
            (_, "Successful distributed compiles") => {
                self.section = Section::Servers;
                Ok(true)
            }
            _ if self.read_trailer(line) => Ok(true),
            (Section::Counters, _) if is_level(line) => self.read_level(line),
            (Section::Counters, _) => self.read_counter(line),
            (Section::Reasons | Section::Servers, _) => self.read_row(line),
        };
        let is_known = read.unwrap_or_else(|error| {
            self.error.get_or_insert(error);
            true
        });
        if is_known && self.is_empty() {
            self.section = Section::Counters;
        }
        if !is_known && !self.is_empty() {
            add_unrecognized(&mut self.stats.unrecognized, line);
        }
        is_known
    }

    /// Reads a reason or a server with its count: `crate-type (bin)     15`.
    fn read_row(&mut self, line: &str) -> Result<bool, ParseError> {
        let Some((name, value)) = line.rsplit_once(char::is_whitespace) else {
            return Ok(false);
        };
        // Another program's line may be in between.
        if !value.starts_with(|first: char| first.is_ascii_digit() || "+-".contains(first)) {
            return Ok(false);
        }
        let name = name.trim_end();
        let count = parse::count(value).ok_or_else(|| ParseError::bad_value(name, value))?;
        let counts = match self.section {
            Section::Servers => &mut self.stats.dist_compiles,
            _ => &mut self.stats.not_cached,
        };
        counts.insert(name.to_owned(), count);
        Ok(true)
    }

    fn read_counter(&mut self, line: &str) -> Result<bool, ParseError> {
        let Some(parts) = COUNTER.captures(line) else {
            return Ok(false);
        };
        let (label, value) = (&parts["label"], &parts["value"]);
        let part = parts.name("part").map(|part| part.as_str());
        let unit = parts.name("unit").map_or("", |unit| unit.as_str());
        let bad_value = || ParseError::bad_value(line, value);
        let count = || {
            let count = parse::count(value).filter(|_| unit.is_empty());
            count.ok_or_else(bad_value)
        };
        // Its name before 0.4.0.
        let label = if label == "Average cache read miss" {
            "Average compiler"
        } else {
            label
        };
        match (label, part) {
            ("Cache hits", _) => add_part(&mut self.hits, part, count()?),
            ("Cache misses", _) => add_part(&mut self.misses, part, count()?),
            ("Cache errors", _) => add_part(&mut self.errors, part, count()?),
            // These follow from other lines.
            ("Cache hits rate" | "Multi-level cache levels", _) => {}
            (_, Some(_)) => return Ok(false),
            (_, None) => {
                if let Some(field) = find_field(Stats::COUNTERS, label) {
                    *(field.get_mut)(&mut self.stats) = Some(count()?);
                } else if let Some(field) = find_field(Stats::SECONDS, label) {
                    // All versions print seconds with three decimals, truncated
                    // (`fmt_duration_as_secs` in sccache's `src/util.rs`).
                    if unit != "s" {
                        return Ok(false);
                    }
                    let average = parse::decimal(value).ok_or_else(bad_value)?;
                    *(field.get_mut)(&mut self.stats) = Some(average);
                } else {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Reads a count or the location of a level: `L1 (redis) hits     3`. Averages and rates are
    /// skipped.
    fn read_level(&mut self, line: &str) -> Result<bool, ParseError> {
        let Some((kind, rest)) = line.split_once(')') else {
            return Ok(false);
        };
        let (name, rest) = (format!("{kind})"), rest.trim_start());
        let levels = &mut self.stats.levels;
        let index = levels.iter().position(|level| level.name == name);
        let index = index.unwrap_or_else(|| {
            levels.push(Level {
                name,
                ..Level::default()
            });
            levels.len() - 1
        });
        let level = &mut levels[index];
        if self.in_trailer {
            level.location = Some(rest.to_owned());
        } else if let Some((label, value)) = rest.rsplit_once(char::is_whitespace)
            && let Some(count) = level.count_mut(label.trim_end())
        {
            *count = parse::count(value).ok_or_else(|| ParseError::bad_value(line, value))?;
        }
        Ok(true)
    }

    /// Reads a line after the counters, about the cache. Returns whether it is one.
    fn read_trailer(&mut self, line: &str) -> bool {
        let split = |name: &&'static str| Some((*name, line.strip_prefix(*name)?));
        let Some((name, value)) = TRAILER.iter().find_map(split) else {
            return false;
        };
        self.in_trailer = true;
        self.section = Section::Counters;
        let value = value.trim_start();
        let stats = &mut self.stats;
        match (name, value, parse::bytes(value)) {
            // The counts show the result of the mode.
            (_, "", _) | ("Effective cache mode", ..) => {}
            ("Cache location", ..) => stats.cache_location = Some(value.to_owned()),
            ("Version (client)", ..) => stats.version = version(value),
            ("Base directories", "(none)", _) => stats.base_directories = Some(Vec::new()),
            ("Base directories", ..) => {
                let directories = value.split(", ").map(str::to_owned);
                stats.base_directories = Some(directories.collect());
            }
            ("Cache size", _, size @ Some(_)) => stats.cache_size = size,
            ("Max cache size", _, size @ Some(_)) => stats.max_cache_size = size,
            (_, "yes", _) => stats.preprocessor_cache_mode = Some(true),
            (_, "no", _) => stats.preprocessor_cache_mode = Some(false),
            _ => return false,
        }
        true
    }

    fn end(self) -> Result<Stats, ParseError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.is_empty() {
            return Err(ParseError::NoStatistics);
        }
        let missing = |name| ParseError::Missing { name };
        let mut stats = self.stats;
        stats.hits = self.hits.ok_or(missing("Cache hits"))?;
        stats.misses = self.misses.ok_or(missing("Cache misses"))?;
        stats.errors = self.errors;
        if stats.errors.is_none() {
            if !self.in_trailer {
                return Err(missing("Cache errors"));
            }
            add_unrecognized(&mut stats.unrecognized, "`Cache errors` is missing");
        }
        for field in Stats::SECONDS {
            let average = (field.get)(&stats).zip((field.calls)(&stats));
            let total = average.map(|(average, calls)| average * calls as f64);
            *(field.get_mut)(&mut stats) = total;
        }
        stats.remove_credentials();
        Ok(stats)
    }
}

/// Adds `Cache hits    4`, `Cache hits (Rust)    1`, or `Cache hits (c [gcc])   2`.
///
/// The name in parentheses is a language (`CompilerKind::lang_kind` in sccache's
/// `src/compiler/compiler.rs`: `Rust`, `C/C++`, `CUDA`, `CUDA (Device code)`, `Assembler` ...) or a
/// language with its compiler (`lang_comp_kind`: `rust`, `c [gcc]`, `c++Header [clang]` ...). Only
/// languages begin with a capital, from 0.2.15 to 0.19.0.
fn add_part(counts: &mut Option<Counts>, part: Option<&str>, count: u64) {
    let Some(name) = part else {
        counts.get_or_insert_default().total = count;
        return;
    };
    // Without the total, which comes first, the parts are not the whole.
    if let Some(counts) = counts {
        let parts = if name.starts_with(|first: char| first.is_ascii_uppercase()) {
            &mut counts.languages
        } else {
            &mut counts.compilers
        };
        parts.insert(name.to_owned(), count);
    }
}

fn find_field<T>(fields: &'static [Field<T>], label: &str) -> Option<&'static Field<T>> {
    fields.iter().find(|field| field.label == label)
}

/// Whether a line is about one level of a multi-level cache (0.15+): `L0 (disk) hits     3`.
fn is_level(line: &str) -> bool {
    let level = line
        .strip_prefix('L')
        .and_then(|rest| rest.split_once(" ("));
    level.is_some_and(|(number, _)| parse::count(number).is_some())
}

/// Whether a line begins a block.
fn is_first_line(line: &str) -> bool {
    let is_requests = |parts: regex::Captures| {
        &parts["label"] == "Compile requests" && parts.name("part").is_none()
    };
    line == STOPPING
        || line.starts_with("Compile requests") && COUNTER.captures(line).is_some_and(is_requests)
}
