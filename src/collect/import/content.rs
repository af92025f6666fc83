//! What one log says: the package, the phases, the statistics, the outcome.
//!
//! Portage 3.0.83 prints `>>> Compiling source in ...` and the like as phases begin and end
//! (`phase-functions.sh`), unless it is run with `--quiet`; `ERROR: CATEGORY/PF::REPO failed
//! (compile phase):` where one dies (`isolated-functions.sh`).

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::LazyLock;

use regex::Regex;
use uuid::Uuid;

use super::own::{Summary, WHOLE};
use super::server_counts::Server;
use crate::portage::log::{Prefix, scan};
use crate::portage::{Build, MAX_SNAPSHOTS, Outcome, PHASES};
use crate::sccache::{
    BlockInLog as Block, BlockReader, NotMeasured, NotMeasuredReason, ParseError, Stats,
};

static FAILED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ERROR: \S+/\S+ failed \((?<phase>[a-z]+) phase\):?$").expect("a valid pattern")
});

/// What begins each part of Portage's messages for people (`elog/messages.py`).
static ELOG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:LOG|INFO|WARN|ERROR|QA): (?:(?:pre|post)(?:inst|rm)|pretend|setup|unpack|prepare|configure|compile|test|install|other)$",
    )
    .expect("a valid pattern")
});

static PACKAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^Package: +(?<category>[^/\s]+)/(?<pf>[^/:\s]+)(?::(?<slot>\S+))?$")
        .expect("a valid pattern")
});

static REQUESTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"Compile requests\s+\d").expect("a valid pattern"));

/// The longest text of statistics that is kept of one log. A block has 2 KB, a build 20 KB.
const MAX_STATISTICS: usize = 1 << 20;

/// Statistics, and where in the log they are.
#[derive(Debug)]
pub struct Entry {
    /// What was printed.
    pub statistics: LogStatistics,
    /// The phase that had begun, or [`WHOLE`] before the first and after the last.
    pub phase: String,
    /// A phase had failed.
    pub after_failure: bool,
}

impl Entry {
    /// Whether sccache printed it, and not this project.
    pub fn is_block(&self) -> bool {
        matches!(self.statistics, LogStatistics::Block(_))
    }
}

/// What was printed, and by whom.
#[derive(Debug)]
pub enum LogStatistics {
    /// sccache's block, or why it can't be read.
    Block(Result<Box<Stats>, NotMeasured>),
    /// This project's brief lines, and the block below them.
    Summary(Summary, Option<Box<Stats>>),
    /// A whole build, in this project's last resort for one.
    Build(Result<Box<Build>, String>),
}

/// Why statistics of a log are not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Problem {
    /// There are more than [`MAX_SNAPSHOTS`] or [`MAX_STATISTICS`].
    #[error("it holds too many statistics")]
    TooMany,
    /// What a server had counted before the build is not known.
    #[error("running totals of a server that was not stopped, and no earlier ones to subtract")]
    RunningTotals,
    /// A block is not line by line in the log.
    #[error("its statistics have unknown text before or after each line")]
    Surrounded,
}

/// What a log says.
#[derive(Debug, Default)]
pub struct Content {
    /// `CATEGORY`, `PF` and `SLOT`.
    pub package: Option<(String, String, Option<String>)>,
    /// `PORTAGE_REPO_NAME`.
    pub repository: Option<String>,
    /// Statistics, in the order of the log; at most [`MAX_SNAPSHOTS`].
    pub entries: Vec<Entry>,
    /// Why other statistics are not among them.
    pub problems: BTreeSet<Problem>,
    /// Bytes of text that the entries were made from.
    pub bytes: usize,
    /// Identifies that text.
    pub text_id: Uuid,
    /// These are Portage's messages for people, whatever the file's name.
    pub is_elog: bool,
    server: Server,
    last_block: Option<(Option<&'static str>, Block)>,
    phase: Option<&'static str>,
    preparing: bool,
    failed: bool,
    installed: bool,
}

impl Content {
    /// Reads a log to its end.
    ///
    /// # Errors
    /// Those of reading.
    pub fn read(log: impl Read) -> io::Result<Self> {
        let mut content = Self::default();
        let mut blocks = BlockReader::default();
        let mut prefix = Prefix::default();
        scan(log, |raw, whole| {
            if content.problems.contains(&Problem::TooMany) {
                return false;
            }
            let (line, is_marked) = prefix.clean(raw);
            if let Some(block) = blocks.read_line(&line, is_marked, whole) {
                content.block(block);
            }
            if blocks.is_open() {
                content.keep_text(&line);
            } else if whole && REQUESTS.is_match(&line) {
                content.problems.insert(Problem::Surrounded);
            } else {
                content.line(&line, whole);
            }
            blocks.is_open()
        })?;
        if let Some(block) = blocks.end() {
            content.block(block);
        }
        let is_unused = match content.server {
            Server::Running { is_unused, .. } if content.entries.is_empty() => is_unused,
            _ => content.server.is_unused_in_build(),
        };
        if is_unused {
            content.problems.insert(Problem::RunningTotals);
        }
        if content.problems.contains(&Problem::TooMany) {
            content.entries.clear();
        } else if !content.entries.iter().all(Entry::is_block) {
            // This project's own numbers are there, and others don't count.
            content.problems.clear();
        }
        Ok(content)
    }

    fn line(&mut self, line: &str, whole: bool) {
        if let Some(mark) = line.strip_prefix(">>> ") {
            self.mark(mark);
        } else if let Some(build) = Build::from_log_line(line) {
            self.keep_text(line);
            let build = build.map(Box::new).map_err(|error| error.to_string());
            self.push(WHOLE, LogStatistics::Build(build));
        } else if line.starts_with("sccache: ") && whole {
            match (Summary::begin(line), self.entries.last_mut()) {
                (Some(summary), _) => {
                    self.keep_text(line);
                    self.push(WHOLE, LogStatistics::Summary(summary, None));
                }
                (None, Some(entry)) => {
                    if let LogStatistics::Summary(summary, _) = &mut entry.statistics {
                        summary.more(line);
                    }
                }
                (None, None) => {}
            }
        } else if ELOG.is_match(line) {
            self.is_elog |= self.phase.is_none();
        } else if let Some(failed) = FAILED.captures(line) {
            // After preinst it counts as merged, as the hook counts it.
            self.failed |= PHASES.contains(&&failed["phase"]);
        } else if let Some(package) = PACKAGE.captures(line) {
            let slot = package.name("slot").map(|slot| slot.as_str().to_owned());
            let named = (package["category"].to_owned(), package["pf"].to_owned());
            self.package.get_or_insert((named.0, named.1, slot));
        } else if let Some(repository) = line.strip_prefix("Repository: ") {
            self.repository.get_or_insert(repository.trim().to_owned());
        }
    }

    fn mark(&mut self, mark: &str) {
        let phase = match mark.split(' ').next().unwrap_or_default() {
            "Unpacking" if mark.starts_with("Unpacking source") => Some("unpack"),
            "Preparing" => Some("prepare"),
            "Configuring" => Some("configure"),
            "Compiling" => Some("compile"),
            "Test" => Some("test"),
            "Install" => Some("install"),
            "Completed" if mark.starts_with("Completed installing") => Some(WHOLE),
            _ => None,
        };
        if let Some(phase) = phase {
            if self.phase.is_none() {
                // What pkg_setup printed was counted before the build.
                self.entries.retain(|entry| !entry.is_block());
            }
            self.phase = Some(phase);
            self.preparing |= phase == "prepare";
            self.installed |= phase == WHOLE;
        }
    }

    fn block(&mut self, block: Block) {
        if self.is_copy(&block) {
            return;
        }
        if let (Ok(stats), Some(entry)) = (&block.stats, self.entries.last_mut())
            && let LogStatistics::Summary(summary, full @ None) = &mut entry.statistics
            && summary.hits == stats.hits.total
            && summary.misses == stats.misses.total
        {
            *full = Some(Box::new(stats.clone()));
            return;
        }
        let phase = self.phase.unwrap_or(WHOLE);
        // The recipe stops a server in prepare so that the next one counts from 0.
        let is_before = self.phase == Some("unpack") && !self.preparing;
        let stats = match block.stats {
            Ok(stats) => stats,
            Err(ParseError::NoStatistics) => return,
            Err(error) => {
                self.server = Server::Unknown;
                if !is_before {
                    let reason = NotMeasuredReason::UnknownOutput;
                    let why = NotMeasured::with_detail(reason, error);
                    self.push(phase, LogStatistics::Block(Err(why)));
                }
                return;
            }
        };
        let was_unused = self.server.is_unused_in_build();
        let in_build = self.phase.filter(|_| !is_before);
        let (earlier, now) = self.server.next(&stats, block.is_stopped, in_build);
        if was_unused && earlier.is_none() && (block.is_stopped || now.is_none()) {
            self.problems.insert(Problem::RunningTotals);
        }
        let now = now.filter(|stats| !is_before && !stats.is_idle());
        for (phase, stats) in earlier.into_iter().chain(now.map(|now| (phase, now))) {
            self.push(phase, LogStatistics::Block(Ok(Box::new(stats))));
        }
    }

    /// Whether the block is the last one, printed again.
    fn is_copy(&mut self, block: &Block) -> bool {
        let is_copy = self.last_block.as_ref().is_some_and(|(phase, last)| {
            *phase == self.phase
                && block.stats.is_ok()
                && last.stats == block.stats
                && (last.is_stopped || !block.is_stopped)
        });
        if !is_copy && block.stats.is_ok() {
            self.last_block = Some((self.phase, block.clone()));
        }
        is_copy
    }

    fn keep_text(&mut self, line: &str) {
        self.bytes += line.len();
        self.text_id = Uuid::new_v5(&self.text_id, line.as_bytes());
    }

    fn push(&mut self, phase: &str, statistics: LogStatistics) {
        if self.entries.len() >= MAX_SNAPSHOTS || self.bytes > MAX_STATISTICS {
            self.problems.insert(Problem::TooMany);
            return;
        }
        self.entries.push(Entry {
            statistics,
            phase: phase.to_owned(),
            after_failure: self.failed,
        });
        self.failed = false;
    }

    /// Returns the outcome of the build whose statistics are the log's last.
    ///
    /// A log of `emerge --quiet` shows no phases: the recipe prints in preinst, so it was merged.
    /// Portage makes a binary package with FEATURES=buildpkg too, so only this project's own
    /// lines tell that it made nothing else.
    pub fn outcome(&self) -> Outcome {
        let last = self.entries.last();
        let is_packaged = last.is_some_and(|entry| match &entry.statistics {
            LogStatistics::Summary(summary, _) => summary.is_packaged,
            _ => false,
        });
        if self.failed || last.is_some_and(|entry| entry.after_failure) {
            Outcome::Failed
        } else if self.phase.is_some() && !self.installed {
            Outcome::Interrupted
        } else if is_packaged {
            Outcome::Packaged
        } else {
            Outcome::Merged
        }
    }
}
