//! What one log says: the package, the phases, the statistics, what came of the build.
//!
//! Portage 3.0.83 prints `>>> Compiling source in ...` and the like as phases begin and end
//! (`phase-functions.sh`), unless it is run with `--quiet`; `ERROR: CATEGORY/PF::REPO failed
//! (compile phase):` where one dies (`isolated-functions.sh`).

use std::io::{self, Read};
use std::sync::LazyLock;

use regex::Regex;

use super::own::{Summary, WHOLE};
use crate::portage::log::scan;
use crate::portage::{Build, MAX_SNAPSHOTS, Outcome, PHASES};
use crate::sccache::{
    Blocks, NotMeasured, NotMeasuredReason, ParseError, Read as Block, Stats, clean_log_line,
};

static FAILED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ERROR: \S+/\S+ failed \((?<phase>[a-z]+) phase\):?$").expect("a valid pattern")
});

static PACKAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^Package: +(?<category>[^/\s]+)/(?<pf>[^/:\s]+)(?::(?<slot>\S+))?$")
        .expect("a valid pattern")
});

/// A block or summary, and what the log had said until then.
#[derive(Debug)]
pub struct Piece {
    /// What was printed.
    pub what: What,
    /// The phase after whose begin it stands, [`WHOLE`] after the last of them.
    pub phase: String,
    /// A phase had failed.
    pub failed: bool,
}

/// What somebody printed.
#[derive(Debug)]
pub enum What {
    /// A block of sccache's, or why it can't be read.
    Block(Result<Box<Stats>, NotMeasured>),
    /// This project's brief lines, and sccache's block below them if it was asked for.
    Summary(Summary, Option<Box<Stats>>),
    /// This project's build, whole.
    Build(Result<Box<Build>, String>),
}

/// What a log says.
#[derive(Debug, Default)]
pub struct Content {
    /// `CATEGORY`, `PF` and `SLOT`.
    pub package: Option<(String, String, Option<String>)>,
    /// `PORTAGE_REPO_NAME`.
    pub repository: Option<String>,
    /// Statistics, in the order of the log; at most [`MAX_SNAPSHOTS`].
    pub pieces: Vec<Piece>,
    /// Pieces beyond all bounds were there.
    pub too_many: bool,
    /// A block had at least the numbers of the one before, whose server was not stopped in
    /// between: it was taken for the same server, and only what came on top is in the pieces.
    pub counted_on: bool,
    /// The last numbers of a server that was not stopped.
    running: Option<Stats>,
    phase: Option<&'static str>,
    preparing: bool,
    failed: bool,
    installed: bool,
    packaged: bool,
    merged: bool,
}

impl Content {
    /// Reads a log to its end.
    ///
    /// # Errors
    /// Those of reading.
    pub fn read(log: impl Read) -> io::Result<Self> {
        let mut content = Self::default();
        let mut blocks = Blocks::default();
        scan(log, |raw, whole| {
            if let Some(block) = blocks.line(raw, whole) {
                content.block(block);
            }
            if !blocks.is_open() {
                content.line(&clean_log_line(raw), whole);
            }
            blocks.is_open()
        })?;
        if let Some(block) = blocks.end() {
            content.block(block);
        }
        Ok(content)
    }

    fn line(&mut self, line: &str, whole: bool) {
        if let Some(mark) = line.strip_prefix(">>> ") {
            self.mark(mark);
        } else if line.starts_with("--- /") {
            self.merged = true;
        } else if let Some(build) = Build::from_log_line(line) {
            self.push(What::Build(
                build.map(Box::new).map_err(|error| error.to_string()),
            ));
        } else if line.starts_with("sccache: ") && whole {
            match (Summary::begin(line), self.pieces.last_mut()) {
                (Some(summary), _) => self.push(What::Summary(summary, None)),
                (None, Some(piece)) => {
                    if let What::Summary(summary, _) = &mut piece.what {
                        summary.more(line);
                    }
                }
                (None, None) => {}
            }
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
        self.packaged |=
            mark.starts_with("Building package") || mark.starts_with("Creating binpkg");
        self.merged |= mark.starts_with('/');
        if let Some(phase) = phase {
            self.phase = Some(phase);
            self.preparing |= phase == "prepare";
            self.installed |= phase == WHOLE;
        }
    }

    fn block(&mut self, block: Block) {
        if let (Ok(stats), Some(piece)) = (&block.stats, self.pieces.last_mut())
            && let What::Summary(summary, full @ None) = &mut piece.what
            && summary.hits == stats.hits.total
            && summary.misses == stats.misses.total
        {
            *full = Some(Box::new(stats.clone()));
            return;
        }
        let stats = match block.stats {
            Ok(stats) => Ok(self.on_top(stats)),
            Err(error) => Err(error),
        };
        if block.stopped {
            self.running = None;
        }
        // The recipe stops a server in prepare so that it counts from 0: what that one had
        // counted is not this build's. Nor is a block with nothing in it a measurement.
        let before = self.phase == Some("unpack") && !self.preparing;
        let nothing = match &stats {
            Ok(stats) => stats.is_idle(),
            Err(error) => *error == ParseError::NoStatistics,
        };
        if !before && !nothing {
            let unreadable =
                |error| NotMeasured::with_detail(NotMeasuredReason::UnknownOutput, error);
            let block = stats.map(Box::new).map_err(unreadable);
            self.push(What::Block(block));
        }
    }

    /// What a block says that the one before of the same server didn't.
    ///
    /// A recipe that prints in each phase and doesn't stop the server prints numbers that
    /// grow. Two servers may look the same by chance, and then the first one's numbers are
    /// missed here: too few of them is better than the same twice.
    fn on_top(&mut self, stats: Stats) -> Stats {
        let before = self.running.replace(stats.clone());
        match before.and_then(|before| Some((stats.since(&before)?, before.is_idle()))) {
            Some((difference, idle)) => {
                self.counted_on |= !idle;
                difference
            }
            None => stats,
        }
    }

    fn push(&mut self, what: What) {
        if self.pieces.len() >= MAX_SNAPSHOTS {
            self.too_many = true;
            return;
        }
        self.pieces.push(Piece {
            what,
            phase: self.phase.unwrap_or(WHOLE).to_owned(),
            failed: self.failed,
        });
        self.failed = false;
    }

    /// What came of the build whose statistics are the log's last.
    ///
    /// A log of `emerge --quiet` shows no phases: the recipe prints in preinst, so it
    /// was merged.
    pub fn outcome(&self) -> Outcome {
        let failed = self.failed || self.pieces.last().is_some_and(|piece| piece.failed);
        if failed {
            Outcome::Failed
        } else if self.phase.is_some() && !self.installed {
            Outcome::Interrupted
        } else if self.packaged && !self.merged {
            Outcome::Packaged
        } else {
            Outcome::Merged
        }
    }
}
