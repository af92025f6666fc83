//! `sccache-report setup`: configures Portage for sccache and the hook, after confirmation.
//!
//! Setup adds a marked block to bashrc and to make.conf, a sandbox rule, and a link in bashrc.d.
//! `--undo` finds them by these marks and names, so setup keeps no record of its changes.

mod block;
mod files;
mod plan;
mod settings;

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::text::printable;
use plan::Plan;

/// Configure Portage for sccache and sccache-report
///
/// Shows the changes and asks for confirmation. Setup adds the hook to Portage's bashrc (or a link to
/// it to portage-bashrc-mv's bashrc.d), creates the directories of the database and the cache, adds a
/// sandbox rule for the cache, and adds sccache's settings to make.conf. Its lines are in a block
/// between BEGIN and END marks, which --undo removes. It keeps your own settings. If bashrc or env/
/// configures sccache, or if builds were cached in the last 30 days, setup adds no settings. Before it
/// edits a file, it copies it to .FILE.sccache-report~. If you edited its block, it copies the file to
/// .FILE.sccache-report-edited~ before it changes or removes the block.
///
/// With --redis, builds also use a Redis or Valkey at a Unix socket, behind the local cache. Several hosts
/// can share it: docs/shared-cache.md. Without --redis, setup keeps what it added for Redis before.
///
/// Exit status: 0 if done or if there is nothing to do, 1 if you declined, 2 after an error.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Remove what setup added, except database and cache
    #[arg(long)]
    undo: bool,

    /// Also cache in a Redis at this Unix socket
    #[arg(long, value_name = "SOCKET", conflicts_with = "undo")]
    redis: Option<PathBuf>,

    /// Show the changes without making them
    #[arg(long)]
    dry_run: bool,

    /// Make the changes without asking
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
}

/// Runs `setup`. `database` comes from the command line or the environment.
///
/// # Errors
/// Something prevents a change, the person declines, or `out` can't be written.
pub fn run(args: &Args, database: Option<PathBuf>, out: &mut dyn Write) -> Result<()> {
    let machine = Machine::detect(database);
    let plan = if args.undo {
        Plan::undo(&machine)?
    } else {
        Plan::complete(&machine, args.redis.as_deref())?
    };
    for note in &plan.notes {
        writeln!(out, "Unchanged: {}", printable(note, usize::MAX))?;
    }
    if plan.steps.is_empty() {
        let action = if args.undo { "undo" } else { "change" };
        writeln!(out, "There is nothing to {action}.")?;
        return Ok(());
    }
    for line in plan.steps.iter().flat_map(|step| &step.lines) {
        writeln!(out, "{}", printable(line, usize::MAX))?;
    }
    if args.dry_run {
        writeln!(out, "Nothing was changed (--dry-run).")?;
        return Ok(());
    }
    if !machine.can_change_system() {
        let problem = format!(
            "only {} can make these changes",
            machine.system_owner_name()
        );
        return Err(Error::usage(
            problem,
            "use --dry-run to see what would change",
        ));
    }
    if !args.yes && !is_confirmed(out)? {
        return Err(Error::NoMatch("nothing was changed".into()));
    }
    for step in &plan.steps {
        if let Err(error) = (step.run)() {
            writeln!(out, "Setup is incomplete: run it again, or `setup --undo`.")?;
            return Err(error);
        }
    }
    let next = "Done. Emerge any package, then run `sccache-report doctor`.";
    writeln!(out, "{}", if args.undo { "Undone." } else { next })?;
    Ok(())
}

fn is_confirmed(out: &mut dyn Write) -> Result<bool> {
    write!(out, "Apply these changes? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    let result = io::stdin().lock().read_line(&mut answer);
    result.map_err(|error| Error::failed("can't read the answer", error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
