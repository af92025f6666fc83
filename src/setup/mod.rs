//! `sccache-report setup`: shows what Portage still needs for sccache and the hook, asks, and does it.
//!
//! Setup owns one marked block in bashrc and in make.conf, the sandbox's rule, and in bashrc.d a link.
//! What it did is seen from these, so there is no record of it, and `--undo` removes them.

mod block;
mod files;
mod plan;
mod settings;
mod step;

use std::io::{self, BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::machine::Machine;
use crate::text::printable;
use plan::Plan;

/// Configure Portage for sccache and sccache-report
///
/// Shows what it would change, asks, and does it: the hook in Portage's bashrc (or a link to it in
/// portage-bashrc-mv's bashrc.d), the folders of database and cache, sandbox's rule for the cache, and
/// sccache's settings in make.conf. The lines are in a block between BEGIN and END marks, which --undo
/// removes. Your own settings stay. If bashrc or env/ set sccache up, or builds were cached in the last
/// 30 days, setup adds none. The first edit of a file keeps a copy of it, .FILE.sccache-report~.
///
/// Exit status: 0 done, or nothing to do, 1 you said no, 2 an error.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Remove what setup added; the database and the cache stay
    #[arg(long)]
    undo: bool,

    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,

    /// Don't ask
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is as asked for.
    Done,
    /// The person said no.
    Declined,
}

/// Why setup stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is in the way.
    #[error("{problem}")]
    Refused {
        /// What, with its path.
        problem: String,
        /// What to do about it; may be empty.
        hint: String,
    },
    /// The answer can't be read, or the output not be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

impl Error {
    fn new(path: &Path, problem: &str, hint: &str) -> Self {
        let problem = format!("{} {problem}", path.display());
        let hint = hint.to_owned();
        Self::Refused { problem, hint }
    }
}

/// Names the file in an error of the system's.
fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => "run setup as root; `lsattr` shows immutable files",
            ErrorKind::ReadOnlyFilesystem => "mount the file system writable",
            ErrorKind::ResourceBusy => "it is a mount point: unmount it first",
            _ => "",
        };
        Error::new(path, &format!("can't be used: {error}"), hint)
    })
}

/// Runs `setup`. `database` is what the command line or the environment names.
///
/// # Errors
/// Where something is in the way, a change fails, or `out` can't be written.
pub fn run(args: &Args, database: Option<PathBuf>, out: &mut dyn Write) -> Result<Outcome, Error> {
    let machine = Machine::detect(database);
    let plan = if args.undo {
        Plan::undo(&machine)?
    } else {
        Plan::setup(&machine)?
    };
    for note in &plan.notes {
        writeln!(out, "Left alone: {}", printable(note, usize::MAX))?;
    }
    if plan.steps.is_empty() {
        let what = if args.undo { "undo" } else { "change" };
        writeln!(out, "There is nothing to {what}.")?;
        return Ok(Outcome::Done);
    }
    for line in plan.steps.iter().flat_map(|step| &step.lines) {
        writeln!(out, "{}", printable(line, usize::MAX))?;
    }
    if args.dry_run {
        writeln!(out, "Nothing was changed (--dry-run).")?;
        return Ok(Outcome::Done);
    }
    if !machine.can_change_system() {
        let who = machine.system_owner_name();
        let problem = format!("only {who} can change that");
        let hint = "use --dry-run to see what would change".to_owned();
        return Err(Error::Refused { problem, hint });
    }
    if !args.yes && !is_confirmed(out)? {
        return Ok(Outcome::Declined);
    }
    for step in &plan.steps {
        if let Err(error) = (step.run)() {
            writeln!(out, "Stopped there: run setup again, or `setup --undo`.")?;
            return Err(error);
        }
    }
    if args.undo {
        writeln!(out, "Undone.")?;
    } else {
        writeln!(
            out,
            "Done. Emerge any package, then run `sccache-report doctor`."
        )?;
    }
    Ok(Outcome::Done)
}

fn is_confirmed(out: &mut dyn Write) -> io::Result<bool> {
    write!(out, "Apply these changes? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !answer.ends_with('\n') {
        writeln!(out)?;
    }
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
