//! The hook: sourced once, and of this version.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use chrono::{DateTime, TimeDelta};

use super::super::{Machine, shell};
use super::Finding;
use super::bashrc::{broken, closed, syntax_error};
use super::edits::{Scripts, edits};
use crate::portage::bashrc::{Bashrc, Obstacle, Reach, Sourcing, Way};
use crate::portage::host;
use crate::store::{Filter, Store};

pub(super) const CHECK: &str = "hook";
const VERSION: &str = "hook-version";

/// The hook that this program was made with.
const HOOK: &str = include_str!("../../../hooks/sccache-report.sh");

pub(super) fn findings(machine: &Machine) -> [Finding; 2] {
    let bashrc = match &machine.bashrc {
        Ok(bashrc) => bashrc,
        Err(error) => {
            let config = machine.settings.config();
            let why = format!("{} can't be read: {error}", config.join("bashrc").display());
            return [
                Finding::unknown(CHECK, why.clone()),
                Finding::unknown(VERSION, why),
            ];
        }
    };
    let version = match bashrc.sourcings.first() {
        None => Finding::unknown(VERSION, "no hook is sourced"),
        Some(first) if !first.hook.is_file() => Finding::unknown(VERSION, "there is no such file"),
        Some(first) => version(machine, &first.hook),
    };
    [sourced(machine, bashrc), version]
}

fn sourced(machine: &Machine, bashrc: &Bashrc) -> Finding {
    let config = machine.settings.config();
    let (file, hook) = (config.join("bashrc"), machine.hook());
    let mut all = bashrc.sourcings.iter().chain(&bashrc.unreached);
    if !hook.is_file() && !all.any(|one| one.hook.is_file()) {
        let message = format!("the hook is not installed: there is no {}", hook.display());
        return Finding::red(CHECK, message).cure(machine.install_again());
    }
    if file.is_dir() {
        // `__try_source` in Portage 3.0.83's ebuild.sh takes regular files alone.
        let message = format!("{} is a folder: Portage reads none of it", file.display());
        let aside = file.with_extension("folder");
        let line = format!("source {}", shell::path(&hook));
        return Finding::red(CHECK, message)
            .cure(format!(
                "mv -n {} {}",
                shell::path(&file),
                shell::path(&aside)
            ))
            .cure(shell::append(&line, &file));
    }
    let best = |one: &&Sourcing| std::cmp::Reverse(one.way.reach);
    let Some(first) = bashrc.sourcings.iter().min_by_key(best) else {
        return match bashrc.unreached.first() {
            Some(one) if !is_recorded(machine, one) => doubtful(machine, &bashrc.unreached, one),
            Some(one) => green(one),
            None => missing(&config, &hook, bashrc),
        };
    };
    // What a variable in its path stands for only a build knows.
    let is_gone =
        |one: &&Sourcing| !one.hook.is_file() && !one.hook.to_string_lossy().contains('$');
    if let Some(gone) = bashrc.sourcings.iter().find(is_gone) {
        let (by, from) = (gone.by.display(), gone.hook.display());
        let message = format!("{by} sources {from}, which is not there");
        let is_other = bashrc.sourcings.iter().any(|one| one.hook.is_file());
        let to = if is_other {
            ":".to_owned()
        } else {
            source(machine)
        };
        return edits(&[(gone, &to)]).fold(Finding::red(CHECK, message), Finding::cure);
    }
    if let Some(finding) = closed(machine, first) {
        return finding;
    }
    if let Some(finding) = broken(machine, first) {
        return finding;
    }
    if first.way.reach < Reach::Always && !is_recorded(machine, first) {
        return doubtful(machine, &bashrc.sourcings, first);
    }
    let others = bashrc
        .sourcings
        .iter()
        .filter(|one| !std::ptr::eq(*one, first));
    match &others.collect::<Vec<_>>()[..] {
        [] => green(first),
        others => several(first, others),
    }
}

fn green(one: &Sourcing) -> Finding {
    let by = one.by.display();
    let message = match &one.way.obstacle {
        // It may hang on the package: one that was recorded doesn't speak for all.
        Some((_, obstacle)) if one.way.reach < Reach::Always => format!(
            "{by} sources the hook, and builds were recorded since it is so; for some, `{}` in line {} \
             may keep bash from it",
            obstacle.word, obstacle.line
        ),
        _ => format!("{by} sources the hook, once"),
    };
    Finding::green(CHECK, message)
}

pub(super) fn source(machine: &Machine) -> String {
    format!("source {}", shell::path(&machine.hook()))
}

/// Whether a build was recorded since these files are as they are: then it is met, whatever it looks like.
/// What was imported has no emerge.
pub(super) fn is_recorded(machine: &Machine, one: &Sourcing) -> bool {
    let bashrc = machine.settings.config().join("bashrc");
    let at = one.way.obstacle.as_ref().map(|(file, _)| file);
    let changed = [&bashrc, &one.by].into_iter().chain(at).map(|file| {
        let what = file.metadata().ok()?;
        DateTime::from_timestamp(what.ctime().max(what.mtime()), 0)
    });
    let Some(changed) = changed.collect::<Option<Vec<_>>>() else {
        return false;
    };
    let newest = Filter {
        since: changed
            .into_iter()
            .max()
            .map(|at| at + TimeDelta::seconds(1)),
        last: Some(100),
        ..Filter::default()
    };
    let builds = Store::open_for_reading(&machine.database).and_then(|store| store.builds(&newest));
    let here = host();
    builds.is_ok_and(|builds| {
        { builds.iter() }.any(|build| build.emerge.is_some() && build.host == here)
    })
}

/// Bash gets to none of these, or perhaps: one plain command goes before what is in the way.
fn doubtful(machine: &Machine, all: &[Sourcing], first: &Sourcing) -> Finding {
    let by = first.by.display();
    let Some((file, obstacle)) = &first.way.obstacle else {
        let message = format!(
            "{by} sources {}: where that is only a build knows",
            first.hook.display()
        );
        let to = source(machine);
        return edits(&[(first, &to)]).fold(Finding::yellow(CHECK, message), Finding::cure);
    };
    let place = match *file == first.by {
        true => format!("`{}` in line {}", obstacle.word, obstacle.line),
        false => {
            let file = file.display();
            format!("`{}` in line {} of {file}", obstacle.word, obstacle.line)
        }
    };
    let finding = match first.way.reach {
        Reach::Never => Finding::red(
            CHECK,
            format!(
                "{by} sources the hook, but bash never gets there: {place} is in the way. Nothing \
                 is recorded"
            ),
        ),
        // Yellow: it may be so on purpose, or always hold.
        _ => Finding::yellow(
            CHECK,
            format!(
                "{by} sources the hook, but {place} may keep bash from it. If the next build is \
                 recorded, it does not"
            ),
        ),
    };
    let mut scripts = Scripts::default();
    all.iter().for_each(|one| scripts.replace(one, ":"));
    scripts.add(file, before(obstacle, &source(machine)));
    scripts.commands().fold(finding, Finding::cure)
}

/// Nobody sources it.
fn missing(config: &Path, hook: &Path, bashrc: &Bashrc) -> Finding {
    let file = config.join("bashrc");
    let shown = file.display();
    let message = match bashrc.unread.first() {
        None => format!("{shown} doesn't source the hook: nothing is recorded"),
        Some(one) if bashrc.reads_folder => {
            let one = one.display();
            format!("{one} is there, but in bashrc.d only what ends in .sh is read")
        }
        Some(one) => format!(
            "{} is there, but {shown} doesn't read bashrc.d",
            one.display()
        ),
    };
    if let Some(said) = syntax_error(&file).filter(|_| !bashrc.reads_folder) {
        let message = format!("{message}, and a line at its end is not met: {said}");
        return Finding::red(CHECK, message).note("Mend that by hand");
    }
    let line = format!("source {}", shell::path(hook));
    let cure = add_line(bashrc, &line, &file);
    match (&bashrc.unseen, bashrc.reads_folder) {
        (_, true) => Finding::red(CHECK, message).cure(link_command(config, hook)),
        (None, false) => Finding::red(CHECK, message).cure(cure),
        (Some((by, command)), false) => {
            let message = format!(
                "{shown} doesn't source the hook, unless `{}` does ({}, line {})",
                command.text,
                by.display(),
                command.line
            );
            Finding::yellow(CHECK, message).cure(cure)
        }
    }
}

/// At the end, or before what bash never gets past.
pub(in crate::system) fn add_line(bashrc: &Bashrc, line: &str, file: &Path) -> String {
    match &bashrc.end {
        Way {
            reach: Reach::Never,
            obstacle: Some((at, obstacle)),
        } => shell::edit(&before(obstacle, line), at),
        _ => shell::append(line, file),
    }
}

fn before(obstacle: &Obstacle, line: &str) -> String {
    format!("{}i\\{}", obstacle.before, line.replace('\\', r"\\"))
}

fn link_command(config: &Path, hook: &Path) -> String {
    let link = config.join("bashrc.d/90-sccache-report.sh");
    shell::link(hook, &link)
}

/// Yellow: no harm is done, for the hook runs once in a shell.
fn several(first: &Sourcing, others: &[&Sourcing]) -> Finding {
    let (by, second) = (first.by.display(), &others[0]);
    let message = match others.iter().all(|one| one.by == first.by) {
        true => format!(
            "{by} sources the hook {} times; once is enough",
            others.len() + 1
        ),
        false => format!(
            "{by} and {} source the hook; once is enough",
            second.by.display()
        ),
    };
    let others: Vec<(&Sourcing, &str)> = others.iter().map(|one| (*one, ":")).collect();
    edits(&others).fold(Finding::yellow(CHECK, message), Finding::cure)
}

fn version(machine: &Machine, hook: &Path) -> Finding {
    const CHECK: &str = VERSION;
    let installed = machine.hook();
    match fs::read_to_string(hook) {
        Err(error) => Finding::unknown(CHECK, format!("{} can't be read: {error}", hook.display())),
        Ok(text) if text == HOOK => {
            let version = env!("CARGO_PKG_VERSION");
            Finding::green(
                CHECK,
                format!("{} is of {version}, as this program", hook.display()),
            )
        }
        Ok(_) => {
            let message = format!("{} is of another version than this program", hook.display());
            let same = fs::read_to_string(&installed).is_ok_and(|text| text == HOOK);
            // Red: a hook and a collector of two versions may not understand each other.
            Finding::red(CHECK, message).cure(match same {
                true => format!("cp {} {}", shell::path(&installed), shell::path(hook)),
                false => machine.install_again(),
            })
        }
    }
}
