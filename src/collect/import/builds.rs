//! The builds of a log.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use uuid::Uuid;

use super::log::Log;
use super::log_text::LogText;
use super::report::Problem;
use crate::error::{Error, Result};
use crate::portage::log::{LogName, LogTimes};
use crate::portage::{Attribution, Build, Outcome, Phase, host};
use crate::sccache::NotMeasuredReason;

/// For this long after its last write, a log without an end is not imported.
const UNFINISHED: TimeDelta = TimeDelta::hours(1);

impl Log {
    /// Reads a log and its builds, usually one.
    ///
    /// # Errors
    /// It can't be read, or nothing in it can be imported.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let mut file = LogText::open(path)?;
        let mut log = Self::parse(&mut file.text)?;
        let is_elog = log.name.is_elog;
        log.name = LogName::parse(path);
        log.name.is_elog |= is_elog;
        let now = Utc::now();
        log.times = LogTimes::new(&log.name, file.modified, now)?;
        log.problem = file.finish()?.or(log.problem.take());
        if log.builds.is_empty() && log.phases.is_empty() {
            return Ok(log);
        }
        let (start, end) = (log.times.started_at, log.times.finished_at);
        let may_be_running = end > start && now - end < UNFINISHED;
        if may_be_running && log.outcome() == Outcome::Interrupted {
            let problem = Error::invalid("its build may still be running: import it later");
            return Err(problem.into());
        }
        if let Err(error) = log.complete_builds() {
            log.problem = Some(error.into());
        }
        Ok(log)
    }

    /// Checks the builds that `record` printed, and adds the build of the other phases.
    fn complete_builds(&mut self) -> Result<()> {
        let builds = std::mem::take(&mut self.builds);
        let package = self.name.package.clone().or(self.package.take());
        let problem = "neither its name nor its text contains the package and its version";
        let (package, version) = package.ok_or_else(|| Error::invalid(problem))?;
        for mut build in builds {
            if build.package != package || build.version != version {
                return Err(Error::invalid(
                    "it contains the line of another package's build",
                ));
            }
            // Any build can print such a line. Its ids could be those of other builds and emerges.
            (build.id, build.emerge) = (build.imported_id(), None);
            self.builds.push(build);
        }
        let (started_at, finished_at) = (self.times.started_at, self.times.finished_at);
        let attribution = match self.summary {
            Some(_) => Attribution::Exact,
            // The server of a bashrc recipe is open to every process.
            None => Attribution::Shared,
        };
        let mut phases = Vec::new();
        for (name, stats) in self.phases.drain(..) {
            let (name, read_only) = (name.to_owned(), false);
            let phase = Phase {
                name,
                started_at,
                finished_at,
                attribution,
                read_only,
                stats,
            };
            phases.push(phase.sanitized());
        }
        phases.iter().try_for_each(Phase::check_numbers)?;
        let mut errors = phases.iter().filter_map(|phase| phase.stats.clone().err());
        let unknown = errors.find(|why| why.reason == NotMeasuredReason::UnknownOutput);
        if phases.iter().any(|phase| phase.stats.is_ok()) {
            self.builds.push(Build {
                id: self.build_id(&package, &version),
                host: host(),
                package,
                version,
                slot: self.slot.take(),
                repository: self.repository.take(),
                emerge: None,
                outcome: self.outcome(),
                started_at,
                finished_at,
                phases,
            });
        }
        match unknown {
            Some(reason) => Err(Error::Invalid(format!("a block of it: {reason}"))),
            None => Ok(()),
        }
    }

    /// Returns an id that is the same on every host and for every copy of the log, and does not
    /// depend on what is read from the log. Without a date in the name, the text identifies it.
    fn build_id(&self, package: &str, version: &str) -> Uuid {
        let text = || format!("text {}", self.text_id);
        let date = self.name.date.map_or_else(text, |date| date.to_string());
        let name = format!("sccache-report log {package}-{version} {date} 0");
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }
}
