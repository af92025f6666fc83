//! Blocks of statistics in a build log, line by line.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::{Block, STOPPING, is_complete, is_first_line};
use crate::sccache::parse::ParseError;
use crate::sccache::stats::Stats;

/// Terminal escapes: CSI sequences (colors), OSC (titles), and single ones.
static ESCAPE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])")
        .expect("a valid pattern")
});

/// The star that Portage's `einfo` and its relatives print before each line.
static EINFO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^ ?\*(?: |$)").expect("a valid pattern"));

/// The most lines of a block, far more than any version prints.
const MAX_LINES: usize = 1000;
/// Lines in a row that are not the block's own, after which it has ended: among the counters, ...
const MAX_OTHER_LINES: usize = 20;
/// ... and after them, where a cache without a size has no last line.
const MAX_OTHER_LINES_AT_END: usize = 3;

/// Returns a line of a log without terminal escapes, `einfo`'s star, and white space at both ends,
/// and whether it had the star.
pub fn clean_log_line(line: &str) -> (String, bool) {
    let line = if line.contains('\x1b') {
        ESCAPE.replace_all(line, "")
    } else {
        Cow::Borrowed(line)
    };
    match EINFO.find(line.trim_end_matches(['\r', '\n'])) {
        Some(star) => (line[star.end()..].trim().to_owned(), true),
        None => (line.trim().to_owned(), false),
    }
}

/// Finds the blocks of statistics in a text that is passed line by line.
///
/// A block begins with `Compile requests` or `Stopping sccache server...`, as in every version from
/// 0.2.15 to 0.19.0. It ends with `Max cache size`, before the next block, or where other lines
/// follow. If its first line is marked (with `einfo`'s star or a prefix), lines without a mark are
/// not its own.
#[derive(Debug, Default)]
pub struct BlockReader {
    open: Option<OpenBlock>,
}

#[derive(Debug, Default)]
struct OpenBlock {
    block: Block,
    is_marked: bool,
    is_stopped: bool,
    line_count: usize,
    /// Lines since the last one that is the block's own.
    other_lines: usize,
    /// How many of [`Stats::unrecognized`] came before these.
    unrecognized: usize,
}

/// A block that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockInLog {
    /// Its statistics. [`ParseError::NoStatistics`] if a server was stopped without printing any.
    pub stats: Result<Stats, ParseError>,
    /// Whether the server was stopped: the next block is of another one.
    pub is_stopped: bool,
}

impl BlockReader {
    /// Whether a block has begun and not ended, so that it needs the next line.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Reads a line that [`clean_log_line`] returned. `has_line_feed` is `false` for a last line that
    /// may be incomplete. Returns a block that ended with this line or before it.
    pub fn read_line(
        &mut self,
        line: &str,
        is_marked: bool,
        has_line_feed: bool,
    ) -> Option<BlockInLog> {
        if !has_line_feed && !is_complete(line) {
            return None;
        }
        let Some(open) = &mut self.open else {
            self.begin(line, is_marked);
            return None;
        };
        if open.block.ends_before(line) || line.starts_with(">>> ") {
            let ended = self.end();
            self.begin(line, is_marked);
            return ended;
        }
        let ends = open.read_line(line, is_marked);
        if ends { self.end() } else { None }
    }

    /// Ends the block that is open, at the end of the text.
    pub fn end(&mut self) -> Option<BlockInLog> {
        let mut open = self.open.take()?;
        // Unknown lines at the end are not the block's.
        open.block.stats.unrecognized.truncate(open.unrecognized);
        Some(BlockInLog {
            stats: open.block.end(),
            is_stopped: open.is_stopped,
        })
    }

    fn begin(&mut self, line: &str, is_marked: bool) {
        if is_first_line(line) {
            let mut open = OpenBlock {
                is_marked,
                is_stopped: line == STOPPING,
                ..OpenBlock::default()
            };
            open.block.read_line(line);
            self.open = Some(open);
        }
    }
}

impl OpenBlock {
    /// Reads a line. Returns whether the block ends with it or ended before it.
    fn read_line(&mut self, line: &str, is_marked: bool) -> bool {
        self.line_count += 1;
        let is_own = (is_marked || !self.is_marked) && self.block.read_line(line);
        if is_own && !line.is_empty() {
            self.other_lines = 0;
            self.unrecognized = self.block.stats.unrecognized.len();
        } else if !is_own {
            self.other_lines += 1;
        }
        let is_error = line.starts_with("error: ") || line.starts_with("sccache: error: ");
        let max = if self.block.in_trailer {
            MAX_OTHER_LINES_AT_END
        } else {
            MAX_OTHER_LINES
        };
        is_own && line.starts_with("Max cache size")
            || self.block.is_empty() && is_error
            || self.other_lines > max
            || self.line_count > MAX_LINES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<BlockInLog> {
        let mut blocks = BlockReader::default();
        let mut all: Vec<BlockInLog> = text
            .lines()
            .filter_map(|raw| {
                let (line, is_marked) = clean_log_line(raw);
                blocks.read_line(&line, is_marked, true)
            })
            .collect();
        all.extend(blocks.end());
        all
    }

    const BLOCK: &str = "Compile requests   5\nCache hits   2\nCache misses   1\nCache errors   0\n\nNon-cacheable reasons:\n-E   2\n\nCache location   redis\nVersion (client)   0.16.0\n";

    #[test]
    fn lines_around_blocks_are_not_theirs() {
        let text = format!("x\n{BLOCK} * Final size: 3\nfoo\nbar\nbaz   5\nqux\n{BLOCK}");
        let all = read(&text);
        assert_eq!(all.len(), 2);
        for stats in all {
            let stats = stats.stats.unwrap();
            assert_eq!((stats.hits.total, stats.requests), (2, Some(5)));
            assert_eq!(stats.unrecognized, [""; 0]);
        }
    }

    #[test]
    fn lines_without_a_star_are_not_part_of_a_block_with_stars() {
        let starred: String = BLOCK.lines().map(|line| format!(" * {line}\n")).collect();
        let noisy = starred.replace(" * Cache misses", "warning: 3\n * Cache misses");
        let all = read(&noisy);
        assert_eq!(all[0].stats.as_ref().unwrap().unrecognized, [""; 0]);
        let half = &starred[..starred.find("Cache misses").unwrap()];
        assert!(read(half)[0].stats.is_err());
    }

    #[test]
    fn a_stopped_server_is_reported() {
        let stop = "Stopping sccache server...\n";
        let stopped = |text: &str| -> Vec<(bool, bool)> {
            let all = read(text).into_iter();
            all.map(|read| (read.is_stopped, read.stats.is_ok()))
                .collect()
        };
        assert_eq!(stopped(BLOCK), [(false, true)]);
        assert_eq!(stopped(&format!("{stop}{BLOCK}")), [(true, true)]);
        assert_eq!(stopped(&format!("{stop}error: none\n")), [(true, false)]);
        // Numbers that come much later may be another server's.
        let late = format!("{stop}{}{BLOCK}", "make\n".repeat(30));
        assert_eq!(stopped(&late), [(true, false), (false, true)]);
    }

    #[test]
    fn escapes_stars_and_carriage_returns_are_removed() {
        let clean = |line| clean_log_line(line).0;
        let line = "\x1b[32;01m * \x1b[39;49;00mCompile requests   1\r\n";
        assert_eq!(clean(line), "Compile requests   1");
        assert_eq!(clean(" *\r\n"), "");
        assert_eq!(clean(" *   L0 (disk) hits  1\n"), "L0 (disk) hits  1");
        assert_eq!(clean_log_line("*.c").0, "*.c");
    }

    #[test]
    fn an_incomplete_last_line_is_ignored() {
        let mut blocks = BlockReader::default();
        let text = format!("{BLOCK}Cache size   10");
        for line in text.split_inclusive('\n') {
            assert_eq!(
                blocks.read_line(line.trim(), false, line.ends_with('\n')),
                None
            );
        }
        assert_eq!(blocks.end().unwrap().stats.unwrap().cache_size, None);
    }
}
