//! The builds of one log.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::content::{Content, Entry, LogStatistics};
use super::own::whole_build;
use crate::portage::log::{BuildTime, LogName, split_pf};
use crate::portage::{Attribution, Build, Outcome, PHASES, Phase, host};
use crate::sccache::{NotMeasuredReason, Stats};

/// The builds of a log, and what in it was not understood.
#[derive(Debug, Default)]
pub struct LogBuilds {
    /// In the order of the log; mostly one.
    pub builds: Vec<Build>,
    /// What was not understood, one reason each.
    pub problems: Vec<String>,
    /// Lines that no known version prints.
    pub unrecognized: Vec<String>,
}

impl LogBuilds {
    /// Makes builds from a log.
    pub fn new(name: &LogName, time: &BuildTime, content: Content) -> Self {
        let mut found = Self::default();
        if content.entries.is_empty() {
            return found;
        }
        let outcome = content.outcome();
        let slot = content.package.as_ref().and_then(|p| p.2.clone());
        let package = name.package.clone();
        let package = package.or(content.package.map(|(category, pf, _)| (category, pf)));
        let Some((category, pf, (pn, pvr))) = package
            .as_ref()
            .and_then(|(category, pf)| Some((category, pf, split_pf(pf)?)))
        else {
            let why = "neither its name nor its text says which package it is about";
            found.problems.push(why.into());
            return found;
        };
        let build = Build {
            id: Uuid::nil(),
            host: host(),
            package: format!("{category}/{pn}"),
            version: pvr.to_owned(),
            slot,
            repository: content.repository,
            emerge: None,
            outcome,
            started_at: time.started_at,
            finished_at: time.finished_at,
            phases: Vec::new(),
        };
        let date = match name.date {
            Some(date) => date.to_string(),
            None => format!("text {}", content.text_id),
        };
        let id = |index: usize| {
            let name = format!("sccache-report log {category}/{pf} {date} {index}");
            Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
        };
        // This project's own numbers win over the blocks of another recipe, because it reads the
        // server's numbers before that can.
        if content.entries.iter().all(Entry::is_block) {
            let mut phases: Vec<Phase> = content.entries.into_iter().filter_map(classic).collect();
            phases.sort_by_key(|phase| {
                PHASES
                    .iter()
                    .position(|name| *name == phase.name)
                    .unwrap_or(PHASES.len())
            });
            found.add(build, phases, id(0));
        } else {
            found.read_own(content.entries, &build, id);
        }
        found
    }

    fn read_own(&mut self, entries: Vec<Entry>, log: &Build, id: impl Fn(usize) -> Uuid) {
        let entries = own(entries);
        let last = entries.len() - 1;
        for (index, entry) in entries.into_iter().enumerate() {
            let mut build = log.clone();
            if index < last {
                // An earlier attempt in the same build directory.
                build.outcome = match entry.after_failure {
                    true => Outcome::Failed,
                    false => Outcome::Interrupted,
                };
            }
            match entry.statistics {
                LogStatistics::Block(_) => {}
                LogStatistics::Build(Err(why)) => {
                    self.problems.push(format!("a build's line: {why}"))
                }
                LogStatistics::Build(Ok(line)) => {
                    if (&line.package, &line.version) == (&log.package, &log.version) {
                        self.builds.push(Build {
                            id: line.imported_id(),
                            // Its id could be that of another emerge.
                            emerge: None,
                            ..*line
                        });
                    } else {
                        self.problems
                            .push("a build's line of another package".into());
                    }
                }
                LogStatistics::Summary(summary, full) => {
                    let stats = full.map_or_else(|| summary.stats(), |full| *full);
                    let mut phases = vec![whole_build(Ok(stats), Attribution::Exact)];
                    phases.extend(summary.not_measured.iter().map(|name| Phase {
                        name: name.clone(),
                        ..whole_build(Err(NotMeasuredReason::Other.into()), Attribution::Exact)
                    }));
                    self.add(build, phases, id(index));
                }
            }
        }
    }

    fn add(&mut self, mut build: Build, phases: Vec<Phase>, id: Uuid) {
        build.id = id;
        for mut phase in phases {
            (phase.started_at, phase.finished_at) = (build.started_at, build.finished_at);
            if let Ok(stats) = &mut phase.stats {
                self.unrecognized.append(&mut stats.unrecognized);
            }
            let phase = phase.sanitized();
            if let Err(error) = phase.check_numbers() {
                self.problems.push(error.to_string());
                return;
            }
            if let Err(why) = &phase.stats
                && why.reason == NotMeasuredReason::UnknownOutput
            {
                self.problems.push(format!("a block of it: {why}"));
            }
            build.phases.push(phase);
        }
        // Without any numbers the build would only say that there was one.
        if build.phases.iter().any(|phase| phase.stats.is_ok()) {
            self.builds.push(build);
        }
    }
}

/// Returns the entries that this project printed. Where it could write neither database nor
/// file, the summary and the line of one build follow each other.
fn own(entries: Vec<Entry>) -> Vec<Entry> {
    let mut own: Vec<Entry> = Vec::new();
    for entry in entries {
        match (&entry.statistics, own.last().map(|last| &last.statistics)) {
            (LogStatistics::Block(_), _) => continue,
            (LogStatistics::Build(Ok(build)), Some(LogStatistics::Summary(summary, _))) => {
                let stats = build.phases.iter().filter_map(|p| p.stats.as_ref().ok());
                let sum = Stats::sum(stats).unwrap_or_default();
                if (sum.hits.total, sum.misses.total) == (summary.hits, summary.misses) {
                    own.pop();
                }
            }
            _ => {}
        }
        own.push(entry);
    }
    own
}

/// Returns the phase of a recipe's block. Whoever compiled at that time could use the server.
fn classic(entry: Entry) -> Option<Phase> {
    let LogStatistics::Block(block) = entry.statistics else {
        return None;
    };
    Some(Phase {
        name: entry.phase,
        ..whole_build(block.map(|stats| *stats), Attribution::Shared)
    })
}

/// Whether the log's build may still run: nothing shows its end, and the log was written within
/// the last hour.
pub fn may_be_running(builds: &[Build], time: &BuildTime, now: DateTime<Utc>) -> bool {
    let is_open = |build: &Build| build.outcome == Outcome::Interrupted;
    builds.last().is_some_and(is_open)
        && time.finished_at > time.started_at
        && now - time.finished_at < TimeDelta::hours(1)
}
