//! Whether the hook runs in builds.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Context, Finding, SETUP, State, ago, quoted};
use crate::portage::HookRecord;

const CHECK: &str = "hook";

pub(super) fn check(context: &Context) -> Finding {
    let machine = &context.machine;
    let naming = context.files.naming_hook();
    let config = machine.settings.config();
    let changed_at = context.files.hook_changed_at;
    let proof = context.last_merge.as_ref();
    let proof = proof.filter(|record| record.time >= changed_at);
    let Some(first) = naming.first() else {
        return match proof {
            Some(record) => ran(context, record),
            None => {
                let shown = config.display();
                let message = format!("no file below {shown} names the hook: nothing is recorded");
                Finding::new(CHECK, State::Red, message).fix(SETUP)
            }
        };
    };
    // A link is sourced as the file it leads to.
    let is_gone = |file: &&PathBuf| file.is_symlink() && !file.exists();
    if let Some(link) = naming.iter().find(is_gone) {
        let message = format!("{} is a dangling link: nothing is recorded", link.display());
        return Finding::new(CHECK, State::Red, message).fix(machine.reinstall_command());
    }
    if proof.is_none() && !machine.hook().is_file() && !first.is_symlink() {
        let message = format!(
            "the hook isn't installed: there is no {}",
            machine.hook().display()
        );
        return Finding::new(CHECK, State::Red, message).fix(machine.reinstall_command());
    }
    if let Some(finding) = unreadable(context, &naming) {
        return finding;
    }
    match proof {
        Some(record) => ran(context, record),
        None => not_seen(context, first),
    }
}

fn ran(context: &Context, record: &HookRecord) -> Finding {
    let age = ago(context.now - record.time);
    let message = format!("the hook ran {age} for {}", quoted(&record.package));
    Finding::new(CHECK, State::Green, message)
}

/// The build user sources what it can read only; phases that root runs prove nothing.
fn unreadable(context: &Context, naming: &[PathBuf]) -> Option<Finding> {
    let user = context.user.as_ref().ok()?;
    let bashrc = context.machine.settings.config().join("bashrc");
    let mut files: Vec<PathBuf> = naming.to_vec();
    files.extend([bashrc, context.machine.hook()]);
    files.retain(|file| file.exists());
    let file = user.unreadable(&files)?;
    let message = format!(
        "user {} can't read {}: the phases that this user runs aren't recorded",
        user.name,
        file.display()
    );
    Some(Finding::new(CHECK, State::Red, message))
}

/// The hook is named, but hasn't run since.
fn not_seen(context: &Context, naming: &Path) -> Finding {
    let machine = &context.machine;
    let shown = naming.display();
    let folder = HookRecord::folder(&machine.database);
    let Ok(metadata) = folder.symlink_metadata() else {
        let message = format!(
            "{shown} names the hook, but the hook can't record its runs: there is no {}",
            folder.display()
        );
        return Finding::new(CHECK, State::Yellow, message).fix(SETUP);
    };
    let made_at = metadata.modified().map(DateTime::<Utc>::from);
    let since = made_at.map_or(context.now, |at| at.max(context.files.hook_changed_at));
    if let Some(package) = merged_since(&machine.settings.installed(), since) {
        let message = format!(
            "{shown} names the hook, but it didn't run when {} was merged: \
             check that Portage's bash reaches that line, with no `return` above it",
            quoted(&package)
        );
        return Finding::new(CHECK, State::Red, message);
    }
    let message = format!(
        "{shown} names the hook, and nothing was merged since it changed: \
         emerge any package to verify"
    );
    Finding::new(CHECK, State::Yellow, message)
}

/// Returns a package that was merged later than that, `CATEGORY/PF`: one from before the hook could
/// have run proves nothing.
fn merged_since(installed: &Path, since: DateTime<Utc>) -> Option<String> {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let packages = list(installed).flat_map(|category| list(&category.path()));
    // Whole seconds are compared.
    let since = since + TimeDelta::seconds(2);
    let mut later = packages.filter(|package| {
        let merged_at = package.path().join("COUNTER").metadata();
        let merged_at = merged_at.and_then(|metadata| metadata.modified());
        merged_at.is_ok_and(|at| DateTime::<Utc>::from(at) > since)
    });
    let path = later.next()?.path();
    let name = path.strip_prefix(installed).ok()?;
    Some(name.to_string_lossy().into_owned())
}
