//! `sccache-report setup`: shows what it would change, asks, does it, and undoes it.

use std::io::{self, BufRead, Write};

use super::common::Common;
use super::format::Format;
use super::layout::OF_ROWS;
use super::{Shown, Trouble, text};
use crate::system::Machine;
use crate::system::setup::{Journal, Refusal, forgotten, lock, plan};

/// Configure Portage for sccache and sccache-report
///
/// Shows what it would change, asks, and does it: the hook's line in Portage's bashrc (or its link
/// in bashrc.d), the folders of database and cache with their owners, the sandbox's rule for the
/// cache, and what is missing in make.conf. What you set stays as it is. A file that is edited is
/// kept as FILE.bak, and where Portage would read that, as .FILE~. If a step fails, those before it
/// are taken back.
///
/// Exit status: 0 done, or nothing to do, 1 you said no, 2 an error.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Take back what setup did; the database and a cache that is not empty stay
    #[arg(long)]
    undo: bool,

    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,

    /// Don't ask
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
}

pub(super) fn run(args: &Args, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    common.refuse_filters("`setup` is about this machine")?;
    common.refuse(OF_ROWS, "`setup` has no rows")?;
    if common.format != Format::Table {
        let cause = "`setup` has a conversation, and no other format for it";
        return Err(Trouble::Request(cause.into(), "leave --format out".into()));
    }
    let _lock = match args.dry_run {
        true => None,
        false => lock().map_err(failed)?,
    };
    let machine = Machine::look(common.named_database());
    let folder = machine.settings.below("var/lib/sccache-report");
    let mut journal = Journal::read(&folder, machine.keeper()).map_err(failed)?;
    let (steps, changes): (Vec<_>, Vec<String>) = match args.undo {
        true => (
            Vec::new(),
            journal.to_undo().map(|step| step.describe_undo()).collect(),
        ),
        false => {
            let plan = plan(&machine).map_err(failed)?;
            for kept in &plan.kept {
                tell(&format!("left alone: {kept}"), common, out)?;
            }
            let shown = plan.steps.iter().map(|step| step.describe()).collect();
            (plan.steps, shown)
        }
    };
    if changes.is_empty() {
        if args.undo && !args.dry_run && machine.may_change() {
            // A setup that was killed may have left something all the same.
            journal.undo().map_err(failed)?;
        }
        if args.undo {
            for file in forgotten(&machine) {
                let line = format!(
                    "{}: setup's lines are there, but what it did is not known any more (setup.json is \
                     gone): take them out by hand",
                    file.display()
                );
                tell(&line, common, out)?;
            }
        }
        let what = if args.undo { "undo" } else { "change" };
        writeln!(out, "There is nothing to {what}.")?;
        return Ok(Shown::Something);
    }
    for change in &changes {
        for line in change.lines() {
            tell(line, common, out)?;
        }
    }
    if args.dry_run {
        writeln!(out, "Nothing was changed (--dry-run).")?;
        return Ok(Shown::Something);
    }
    if !machine.may_change() {
        out.flush()?;
        let who = machine.who_may_change();
        let cause = format!("only {who} can change that");
        let cure = format!("run it as {who}, or with --dry-run to see no more than this");
        return Err(Trouble::Request(cause, cure));
    }
    if !args.yes && !agreed(out)? {
        return Ok(Shown::Nothing("nothing was changed".into()));
    }
    out.flush()?;
    let stays = match args.undo {
        true => journal.undo(),
        false => journal.apply(steps).map(|()| Vec::new()),
    };
    for line in stays.map_err(failed)? {
        tell(&line, common, out)?;
    }
    let next = if args.undo {
        "Undone."
    } else {
        "Done. `sccache-report doctor` tells whether all is well."
    };
    tell(next, common, out)?;
    Ok(Shown::Something)
}

/// A line for people; what stands in a file is shown as it is.
fn tell(line: &str, common: &Common, out: &mut dyn Write) -> io::Result<()> {
    let line = text::clean(line);
    let words = line.trim_start();
    let width = match words.starts_with(['+', '-']) {
        true => None,
        false => common.look().width,
    };
    let indent = &line[..line.len() - words.len()];
    let width = width.map(|width| width.saturating_sub(indent.len()));
    for part in text::wrap(words, width, "  ").lines() {
        writeln!(out, "{indent}{part}")?;
    }
    Ok(())
}

fn agreed(out: &mut dyn Write) -> io::Result<bool> {
    write!(out, "Do this? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !answer.ends_with('\n') {
        writeln!(out)?;
        out.flush()?;
    }
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn failed(refusal: Refusal) -> Trouble {
    Trouble::Request(text::clean(&refusal.cause), text::clean(&refusal.cure))
}
