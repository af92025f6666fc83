//! Parses a log: the package, the outcome, and sccache's statistics.

use std::io::{self, Read};
use std::sync::LazyLock;

use regex::Regex;
use uuid::Uuid;

use super::server_blocks::{LogPhase, ServerBlock, count_phases};
use super::summary::Problem;
use crate::error::{Error, Result};
use crate::portage::log::{LogName, LogTimes, clean_line, parse_package, read_lines};
use crate::portage::{Attribution, Build, MAX_SNAPSHOTS, Outcome, PHASES};
use crate::sccache::{BlockInLog, BlockReader, Counts, NotMeasuredReason, ParseError, Stats};

/// The name of a "phase" that stands for the whole build: the recipe prints one block, in preinst.
pub const WHOLE_BUILD: &str = "build";

/// The most bytes of statistics that are used from one log. A block has 2 KB, a build 20 KB.
const MAX_STATISTICS: usize = 1 << 20;

/// Lines of Portage 3.0.83 about the start of a phase, which `--quiet` suppresses, and its failure
/// (`phase-functions.sh`, `isolated-functions.sh`), about the package, and at the start of an elog
/// file (`elog/messages.py`); and the summary of `sccache-collect record`.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?x)^(?:
        >>>\ (?<started>Unpacking\ source|Preparing|Configuring|Compiling|Test|Install|Completed\ installing)\b.*
        | ERROR:\ \S+/\S+\ failed\ \((?<failed>[a-z]+)\ phase\):?
        | Package:\ +(?<category>[^/\s]+)/(?<pf>[^/:\s]+)(?::(?<slot>\S+))?
        | Repository:\ (?<repository>.*)
        | (?<elog>(?:LOG|INFO|WARN|ERROR|QA):\ (?:pre|post)?[a-z]+)
        | sccache:\ (?<hits>\d{1,9})\ hits?,\ (?<misses>\d{1,9})\ miss(?:es)?
            (?:,\ (?<errors>\d{1,9})\ errors?)?,\ hit\ rate\ .*
        | sccache:\ hits\ by\ phase:\ (?<phases>.*)
        | sccache:\ outcome:\ (?<outcome>packaged)
        | .*(?<requests>Compile\ requests\s+\d).*
    )$";
    Regex::new(pattern).expect("a valid pattern")
});

/// A build that a log contains without its line.
#[derive(Debug)]
pub struct LogBuild {
    pub outcome: Outcome,
    pub attribution: Attribution,
    /// The phases with their statistics; the first is the whole build if `record` printed it.
    pub phases: Vec<LogPhase>,
}

impl LogBuild {
    /// Whether these are the totals of its summary.
    fn has_totals(&self, stats: &Stats) -> bool {
        let totals = |stats: &Stats| (stats.hits.total, stats.misses.total);
        let summary = self.phases[0].1.as_ref();
        summary.is_ok_and(|summary| totals(summary) == totals(stats))
    }
}

/// A parsed log.
#[derive(Debug, Default)]
pub struct Log {
    /// The information in the path. `is_elog` also depends on the content.
    pub name: LogName,
    /// The times in the log.
    pub times: LogTimes,
    /// `CATEGORY/PN` and the version.
    pub package: Option<(String, String)>,
    /// `SLOT`.
    pub slot: Option<String>,
    /// `PORTAGE_REPO_NAME`.
    pub repository: Option<String>,
    /// Builds that `record` printed because it could not save them.
    pub builds: Vec<Build>,
    /// The other builds, in the order of the log. Several share one build directory: all but the last
    /// were attempts that did not succeed.
    pub attempts: Vec<LogBuild>,
    /// What could not be imported.
    pub problem: Option<Problem>,
    /// The length of the text that contains the statistics.
    pub bytes: usize,
    /// Identifies that text.
    pub text_id: Uuid,
    /// The phase that was started last; [`WHOLE_BUILD`] after `src_install`.
    phase: Option<&'static str>,
    has_failed: bool,
    /// The last build is among `builds`.
    ends_with_line: bool,
    blocks: Vec<ServerBlock>,
    has_unknown_block: bool,
}

impl Log {
    /// Parses the text of a log.
    ///
    /// # Errors
    /// The text can't be read.
    pub fn parse(text: impl Read) -> io::Result<Self> {
        let (mut log, mut blocks) = (Self::default(), BlockReader::default());
        let mut has_prefix = false;
        read_lines(text, |raw, is_complete| {
            if log.is_full() {
                return false;
            }
            let (line, is_marked) = clean_line(raw, &mut has_prefix);
            if let Some(block) = blocks.read_line(&line, is_marked, is_complete) {
                log.add_block(block);
            }
            if blocks.is_open() {
                log.add_text(&line);
            } else if let Some(build) = Build::from_log_line(&line) {
                log.add_text(&line);
                log.add_build(build);
            } else if is_complete {
                log.add_line(&line);
            }
            blocks.is_open()
        })?;
        if let Some(block) = blocks.end() {
            log.add_block(block);
        }
        log.complete_attempts();
        Ok(log)
    }

    /// Returns the outcome of the log's last build.
    ///
    /// A log of `emerge --quiet` shows no phases: the recipe prints in preinst, so the build was
    /// merged. Portage also creates a binary package with FEATURES=buildpkg, so only the summary
    /// shows that it was not merged.
    pub fn outcome(&self) -> Outcome {
        let summary = self.attempts.last().map(|attempt| attempt.outcome);
        if self.has_failed || summary == Some(Outcome::Failed) {
            Outcome::Failed
        } else if self.phase.is_some_and(|phase| phase != WHOLE_BUILD) {
            Outcome::Interrupted
        } else if summary == Some(Outcome::Packaged) {
            Outcome::Packaged
        } else {
            Outcome::Merged
        }
    }

    fn add_line(&mut self, line: &str) {
        let Some(parts) = LINE.captures(line) else {
            return;
        };
        let part = |name| parts.name(name).map(|part| part.as_str());
        if let Some(started) = part("started") {
            // `Compiling` starts with `compil`. No phase matches `Completed installing`.
            let name = started.to_lowercase();
            let mut phases = PHASES.into_iter();
            let phase = phases.find(|phase| name.starts_with(&phase[..phase.len() - 1]));
            self.phase = phase.or(Some(WHOLE_BUILD));
            // An earlier attempt in the same build directory failed.
            self.has_failed = false;
        } else if let Some(failed) = part("failed") {
            // If preinst or a later phase fails, the build still counts as merged, as in the hook.
            self.has_failed |= PHASES.contains(&failed);
        } else if let (Some(category), Some(pf)) = (part("category"), part("pf")) {
            self.package = self.package.take().or_else(|| parse_package(category, pf));
            self.slot = self.slot.take().or_else(|| part("slot").map(str::to_owned));
        } else if let Some(repository) = part("repository") {
            self.repository.get_or_insert(repository.trim().to_owned());
        } else if let Some(hits) = part("hits") {
            self.add_text(line);
            let counts = |text: Option<&str>| Counts {
                total: text.map_or(Ok(0), str::parse).unwrap_or(0),
                ..Counts::default()
            };
            let stats = Stats {
                hits: counts(Some(hits)),
                misses: counts(part("misses")),
                errors: Some(counts(part("errors"))),
                ..Stats::default()
            };
            self.ends_with_line = false;
            // Portage prints a failure first.
            let has_failed = std::mem::take(&mut self.has_failed);
            self.attempts.push(LogBuild {
                outcome: if has_failed {
                    Outcome::Failed
                } else {
                    Outcome::Interrupted
                },
                attribution: Attribution::Exact,
                phases: vec![(WHOLE_BUILD, Ok(stats))],
            });
        } else if let Some(attempt) = self.attempts.last_mut() {
            if let Some(list) = part("phases") {
                let is_listed = |phase: &&str| list.contains(&format!("{phase} not measured"));
                let not_measured = PHASES.into_iter().filter(is_listed);
                let unknown = not_measured.map(|name| (name, Err(NotMeasuredReason::Other.into())));
                attempt.phases.truncate(1);
                attempt.phases.extend(unknown);
            } else if part("outcome").is_some() {
                attempt.outcome = Outcome::Packaged;
            }
        }
        // A block would start here, but there is something before or after the line.
        self.has_unknown_block |= part("requests").is_some();
        self.name.is_elog |= part("elog").is_some() && self.phase.is_none();
    }

    fn add_build(&mut self, build: Result<Build>) {
        match build {
            Ok(build) => {
                // The summary above it can be of the same build.
                if let Some(sum) = build.total() {
                    let same = self.attempts.pop_if(|attempt| attempt.has_totals(&sum));
                    self.has_failed |= same.is_some_and(|same| same.outcome == Outcome::Failed);
                }
                self.ends_with_line = true;
                self.builds.push(build);
            }
            Err(error) => {
                let problem = format!("a build's line: {error}");
                self.problem = Some(Error::Invalid(problem).into());
            }
        }
    }

    fn add_block(&mut self, block: BlockInLog) {
        // `SCCACHE_REPORT_OUTPUT=full` prints a block below the summary of the same build.
        if let (Ok(stats), Some(attempt)) = (&block.stats, self.attempts.last_mut())
            && attempt.has_totals(stats)
        {
            attempt.phases[0].1 = Ok(stats.clone());
            return;
        }
        let has_numbers = block.stats != Err(ParseError::NoStatistics);
        let block = ServerBlock {
            phase: self.phase.filter(|phase| *phase != "unpack"),
            is_stopped: block.is_stopped && block.stats.is_ok(),
            stats: block.stats,
        };
        let is_repeated = |last: &ServerBlock| last.is_repeated_by(&block);
        if has_numbers && !self.blocks.last().is_some_and(is_repeated) {
            self.blocks.push(block);
        }
    }

    /// Adds text to what identifies the log's statistics.
    fn add_text(&mut self, line: &str) {
        self.bytes += line.len();
        self.text_id = Uuid::new_v5(&self.text_id, line.as_bytes());
    }

    /// Whether the log has more statistics than a log of Portage can contain.
    fn is_full(&self) -> bool {
        let count = self.blocks.len() + self.builds.len() + self.attempts.len();
        count >= MAX_SNAPSHOTS || self.bytes > MAX_STATISTICS
    }

    /// Completes the attempts. A summary is used rather than a block: `record` reads a server's
    /// numbers before the bashrc recipe stops it.
    fn complete_attempts(&mut self) {
        let outcome = self.outcome();
        if self.is_full() {
            self.builds.clear();
            self.attempts.clear();
            self.problem = Some(Error::invalid("it contains too many statistics").into());
        } else if let Some(last) = self.attempts.last_mut() {
            if !self.ends_with_line {
                last.outcome = outcome;
            }
        } else if self.builds.is_empty() {
            let (phases, has_totals) = count_phases(&self.blocks, self.phase.is_some());
            if !phases.is_empty() {
                let attribution = Attribution::Shared;
                self.attempts.push(LogBuild {
                    outcome,
                    attribution,
                    phases,
                });
            }
            if has_totals {
                self.problem = Some(Problem::RunningTotals);
            }
            if self.has_unknown_block {
                let problem = "its statistics have unknown text before or after each line";
                self.problem = Some(Error::invalid(problem).into());
            }
        }
    }
}
