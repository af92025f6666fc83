//! The builds of one log.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::content::{Content, Piece, What};
use super::own::whole_build;
use crate::portage::log::{LogName, Start, split_pf};
use crate::portage::{Attribution, Build, Outcome, Phase, host};
use crate::sccache::{NotMeasuredReason, Stats};

/// A log's builds, and what of it could not be understood.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order of the log; mostly one.
    pub builds: Vec<Build>,
    /// What could not be understood, a reason each.
    pub why_not: Vec<String>,
    /// Lines that no known version prints.
    pub unrecognized: Vec<String>,
}

/// Makes builds of what a log says. `start` is its begin, with the date in its name if any;
/// `text` is made of its whole text, and stands for a date that its name doesn't have.
pub fn builds(name: &LogName, start: &Start, text: Uuid, content: Content) -> Found {
    let mut found = Found::default();
    if content.pieces.is_empty() {
        return found;
    }
    if content.too_many {
        found.why_not.push("too many statistics in it".into());
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
        let why = "neither its name nor its text says which package it is of";
        found.why_not.push(why.into());
        return found;
    };
    let frame = Build {
        id: Uuid::nil(),
        host: host(),
        package: format!("{category}/{pn}"),
        version: pvr.to_owned(),
        slot,
        repository: content.repository.clone(),
        merge_type: None,
        emerge: None,
        outcome,
        started_at: start.at,
        finished_at: start.until,
        phases: Vec::new(),
    };
    let date = match name.date {
        Some(date) => date.to_string(),
        None => format!("text {text}"),
    };
    let identity = |index: usize| {
        let name = format!("sccache-report log {category}/{pf} {date} {index}");
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    };
    found.read(content.pieces, frame, identity);
    found
}

/// The pieces that this project printed. The summary of a build whose line follows says the same
/// again: both come from one call of the collector, which could write neither database nor file.
fn own(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut own: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (&piece.what, own.last().map(|before| &before.what)) {
            (What::Block(_), _) => continue,
            (What::Build(Ok(build)), Some(What::Summary(summary, _))) => {
                let stats = build.phases.iter().filter_map(|p| p.stats.as_ref().ok());
                let sum = Stats::sum(stats).unwrap_or_default();
                if (sum.hits.total, sum.misses.total) == (summary.hits, summary.misses) {
                    own.pop();
                }
            }
            _ => {}
        }
        own.push(piece);
    }
    own
}

impl Found {
    /// This project's own words count before the blocks of another recipe: it takes the
    /// server's numbers before that can.
    fn read(&mut self, pieces: Vec<Piece>, frame: Build, identity: impl Fn(usize) -> Uuid) {
        if pieces
            .iter()
            .all(|piece| matches!(piece.what, What::Block(_)))
        {
            let phases: Vec<Phase> = pieces.into_iter().filter_map(classic).collect();
            self.add(frame, phases, identity(0));
            return;
        }
        let pieces = own(pieces);
        let last = pieces.len();
        for (index, piece) in pieces.into_iter().enumerate() {
            let mut build = frame.clone();
            if index + 1 < last {
                // An earlier try in the same build directory.
                build.outcome = match piece.failed {
                    true => Outcome::Failed,
                    false => Outcome::Interrupted,
                };
            }
            match piece.what {
                What::Block(_) => {}
                What::Build(Err(why)) => self.why_not.push(format!("a build's line: {why}")),
                What::Build(Ok(whole)) => {
                    if (&whole.package, &whole.version) == (&frame.package, &frame.version) {
                        self.builds.push(*whole);
                    } else {
                        self.why_not
                            .push("a build's line of another package".into());
                    }
                }
                What::Summary(summary, full) => {
                    let stats = full.map_or_else(|| summary.stats(), |full| *full);
                    let mut phases = vec![whole_build(Ok(stats), Attribution::Exact)];
                    phases.extend(summary.not_measured.iter().map(|name| Phase {
                        name: name.clone(),
                        ..whole_build(Err(NotMeasuredReason::Other.into()), Attribution::Exact)
                    }));
                    self.add(build, phases, identity(index));
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
            let phase = phase.made_printable();
            if let Err(error) = phase.check_numbers() {
                self.why_not.push(error.to_string());
                return;
            }
            if let Err(why) = &phase.stats
                && why.reason == NotMeasuredReason::UnknownOutput
            {
                self.why_not.push(format!("a block of it: {why}"));
            }
            build.phases.push(phase);
        }
        // A build of which nothing was read is no build: it would only say that there was one.
        if build.phases.iter().any(|phase| phase.stats.is_ok()) {
            self.builds.push(build);
        }
    }
}

/// A block of the recipe's. The server was anybody's who compiled at that time.
fn classic(piece: Piece) -> Option<Phase> {
    let What::Block(block) = piece.what else {
        return None;
    };
    Some(Phase {
        name: piece.phase,
        ..whole_build(block.map(|stats| *stats), Attribution::Shared)
    })
}

/// Whether a log's build may go on: nothing shows its end, and the log was written within the
/// last hour.
pub fn may_be_running(builds: &[Build], start: &Start, now: DateTime<Utc>) -> bool {
    let open = |build: &Build| build.outcome == Outcome::Interrupted;
    builds.last().is_some_and(open)
        && start.until > start.at
        && now - start.until < TimeDelta::hours(1)
}
