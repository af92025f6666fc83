//! Blocks of statistics in a longer text, such as a build log, line by line.

use super::{Block, begins_block, ends_in_unit};
use crate::sccache::error::ParseError;
use crate::sccache::stats::Stats;

/// Lines that a block may have: far more than any version prints.
const MAX_LINES: usize = 1000;
/// Lines of others that may stand between a block's own.
const MAX_FOREIGN: usize = 20;
/// Lines after `Stopping sccache server...` in which its numbers begin, if it had any.
const MAX_UNTIL_NUMBERS: usize = 20;
/// Unknown lines at its end after which a block is over.
const MAX_UNKNOWN: usize = 3;

/// Finds the blocks of a text that is handed over line by line.
///
/// A block begins with `Compile requests` or `Stopping sccache server...`, as every version from
/// 0.2.15 to 0.19.0 does, and ends with `Max cache size`, with the next block, or where what
/// follows is not of it. In a block whose first line is marked (with `einfo`'s star, or a
/// prefix), lines without a mark are somebody else's.
#[derive(Default)]
pub struct Blocks {
    open: Option<Open>,
}

#[derive(Default)]
struct Open {
    block: Block,
    is_marked: bool,
    stopped: bool,
    lines: usize,
    foreign: usize,
    unknown: usize,
    /// The first thing that was wrong.
    error: Option<ParseError>,
}

/// A block as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// Its numbers. [`ParseError::NoStatistics`]: a server was to be stopped, and printed none.
    pub stats: Result<Stats, ParseError>,
    /// The server was stopped: what is printed next is of another.
    pub stopped: bool,
}

impl Blocks {
    /// Whether a block has begun and not ended: the next line is to be handed over too.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Takes a line as [`clean_log_line`](super::clean_log_line) returns it; `whole` is `false`
    /// for a last line that had no line feed. Returns a block that ended with or before it.
    pub fn line(&mut self, line: &str, is_marked: bool, whole: bool) -> Option<Read> {
        if !whole && !ends_in_unit(line) {
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
        open.lines += 1;
        let over = if open.is_marked && !is_marked {
            open.foreign += 1;
            open.foreign > MAX_FOREIGN
        } else {
            open.foreign = 0;
            let failed = line.starts_with("error: ") || line.starts_with("sccache: error: ");
            let none = open.block.is_empty() && (failed || open.lines > MAX_UNTIL_NUMBERS);
            none || open.take(line) || line.starts_with("Max cache size") && open.block.in_trailer()
        };
        (over || open.lines > MAX_LINES)
            .then(|| self.end())
            .flatten()
    }

    /// The end of the text, or of what can be a block's: the block that was open.
    pub fn end(&mut self) -> Option<Read> {
        let mut open = self.open.take()?;
        open.block.forget_unknown(open.unknown);
        let stats = match open.error {
            Some(error) => Err(error),
            None => open.block.end(),
        };
        let stopped = open.stopped;
        Some(Read { stats, stopped })
    }

    fn begin(&mut self, line: &str, is_marked: bool) {
        if begins_block(line) {
            let mut open = Open {
                is_marked,
                stopped: line.starts_with("Stopping"),
                ..Open::default()
            };
            open.take(line);
            self.open = Some(open);
        }
    }
}

impl Open {
    /// Whether the block was over before this line.
    fn take(&mut self, line: &str) -> bool {
        let before = self.block.unknown();
        if let Err(error) = self.block.line(line) {
            self.error.get_or_insert(error);
        }
        let trailing = self.block.in_trailer();
        self.unknown = match self.block.unknown() > before {
            true if trailing => self.unknown + 1,
            false if line.is_empty() => self.unknown,
            _ => 0,
        };
        self.unknown > MAX_UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sccache::clean_log_line;

    fn read(text: &str) -> Vec<Read> {
        let mut blocks = Blocks::default();
        let mut all: Vec<Read> = text
            .lines()
            .filter_map(|raw| {
                let (line, is_marked) = clean_log_line(raw);
                blocks.line(&line, is_marked, true)
            })
            .collect();
        all.extend(blocks.end());
        all
    }

    const BLOCK: &str = "Compile requests   5\nCache hits   2\nCache misses   1\nCache errors   0\n\nNon-cacheable reasons:\n-E   2\n\nCache location   redis\nVersion (client)   0.16.0\n";

    #[test]
    fn noise_around_blocks_is_not_theirs() {
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
    fn lines_without_star_are_not_of_a_block_with_stars() {
        let starred: String = BLOCK.lines().map(|line| format!(" * {line}\n")).collect();
        let noisy = starred.replace(" * Cache misses", "warning: 3\n * Cache misses");
        let all = read(&noisy);
        assert_eq!(all[0].stats.as_ref().unwrap().unrecognized, [""; 0]);
        let half = &starred[..starred.find("Cache misses").unwrap()];
        assert!(read(half)[0].stats.is_err());
    }

    #[test]
    fn a_server_that_is_stopped_says_so() {
        let stop = "Stopping sccache server...\n";
        let stopped = |text: &str| -> Vec<(bool, bool)> {
            let all = read(text).into_iter();
            all.map(|read| (read.stopped, read.stats.is_ok())).collect()
        };
        assert_eq!(stopped(BLOCK), [(false, true)]);
        assert_eq!(stopped(&format!("{stop}{BLOCK}")), [(true, true)]);
        assert_eq!(stopped(&format!("{stop}error: none\n")), [(true, false)]);
        // Whose numbers those are that come much later is not known from it.
        let late = format!("{stop}{}{BLOCK}", "make\n".repeat(30));
        assert_eq!(stopped(&late), [(true, false), (false, true)]);
    }
}
