//! The builds of a log.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use uuid::Uuid;

use super::log::{Log, LogBuild};
use super::log_text::LogText;
use super::summary::Problem;
use crate::error::{Error, Result};
use crate::portage::log::{LogName, LogTimes};
use crate::portage::{Build, Outcome, Phase, host};
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
        if log.builds.is_empty() && log.attempts.is_empty() {
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

    /// Checks the builds that `record` printed, and adds the other builds.
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
            // Compilations would change what is known about the objects of other packages.
            (build.id, build.emerge, build.is_imported) = (build.imported_id(), None, true);
            self.builds.push(build.without_compilations());
        }
        for (index, attempt) in std::mem::take(&mut self.attempts).into_iter().enumerate() {
            let build = Build {
                id: self.build_id(&package, &version, index),
                host: host(),
                package: package.clone(),
                version: version.clone(),
                slot: self.slot.clone(),
                repository: self.repository.clone(),
                emerge: None,
                is_imported: true,
                outcome: attempt.outcome,
                // In the order of the log: builds have no other order than that of their starts.
                started_at: self.times.started_at + TimeDelta::microseconds(index as i64),
                finished_at: self.times.finished_at,
                phases: self.make_phases(attempt),
            };
            build.check()?;
            let mut errors = build
                .phases
                .iter()
                .filter_map(|phase| phase.stats.as_ref().err());
            if let Some(error) =
                errors.find(|error| error.reason == NotMeasuredReason::UnknownOutput)
            {
                let problem = format!("a block of it: {error}");
                self.problem = Some(Error::Invalid(problem).into());
            }
            if build.phases.iter().any(|phase| phase.stats.is_ok()) {
                self.builds.push(build);
            }
        }
        Ok(())
    }

    fn make_phases(&self, build: LogBuild) -> Vec<Phase> {
        let phases = build.phases.into_iter().map(|(name, stats)| Phase {
            name: name.to_owned(),
            started_at: self.times.started_at,
            finished_at: self.times.finished_at,
            attribution: build.attribution,
            read_only: false,
            shell_seconds: None,
            stable_paths: None,
            compilations: None,
            stats,
        });
        phases.map(Phase::sanitized).collect()
    }

    /// Returns an id that is the same on every host and for every copy of the log, and does not
    /// depend on what is read from the log. Without a date in the name, the text identifies it.
    fn build_id(&self, package: &str, version: &str, index: usize) -> Uuid {
        let text = || format!("text {}", self.text_id);
        let date = self.name.date.map_or_else(text, |date| date.to_string());
        let name = format!("sccache-report log {package}-{version} {date} {index}");
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }
}
