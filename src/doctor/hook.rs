//! Checks that the hook runs in builds.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Context, Finding, SETUP, green, quoted, red, yellow};
use crate::machine::REINSTALL;
use crate::portage::{HookRecord, list_merges};

pub(super) fn check(context: &Context) -> Finding {
    let last_run = context.last_merge.as_ref();
    let last_run = last_run.filter(|record| record.time >= context.files.hook_changed_at);
    let proof = last_run.map(|record| {
        let age = context.age(record.time);
        green(format!("ran {age} for {}", quoted(&record.package)))
    });
    let naming = context.files.naming_hook();
    let Some(first) = naming.first() else {
        let config = context.machine.settings.config();
        let message = format!("no file in {} sources the hook", config.display());
        return proof.unwrap_or_else(|| red(message + ", so nothing is recorded").fix(SETUP));
    };
    let hook = installed_hook(context);
    // A line in bashrc may name another copy of the hook, a link can't.
    if !hook.exists() && (hook.is_symlink() || proof.is_none()) {
        let message = format!("{} is missing, so nothing is recorded", hook.display());
        return red(message).fix(REINSTALL);
    }
    let unreadable = check_readable(context, naming.clone());
    unreadable
        .or(proof)
        .unwrap_or_else(|| not_seen(context, first))
}

/// Returns the link to the hook in bashrc.d, or else the hook that belongs to this program.
pub(super) fn installed_hook(context: &Context) -> PathBuf {
    let mut naming = context.files.naming_hook().into_iter();
    let link = naming.find(|file| file.is_symlink());
    link.unwrap_or_else(|| context.machine.hook())
}

/// Finds a file that the build user can't read. The hook records its runs as root, which proves
/// nothing for the phases of another user.
fn check_readable(context: &Context, mut files: Vec<PathBuf>) -> Option<Finding> {
    let user = context.user.as_ref().ok()?;
    let bashrc = context.machine.settings.config().join("bashrc");
    files.extend([bashrc, context.machine.hook()]);
    files.retain(|file| file.exists());
    let file = user.first_unreadable(&files)?;
    let (name, file) = (&user.name, file.display());
    let message = format!("user {name} can't read {file}, so compilations aren't recorded");
    Some(red(message))
}

/// A file names the hook, but the hook hasn't run since.
fn not_seen(context: &Context, naming: &Path) -> Finding {
    let shown = naming.display();
    let folder = HookRecord::folder(&context.machine.database);
    let Ok(created_at) = folder.metadata().and_then(|metadata| metadata.modified()) else {
        let message = format!(
            "the hook can't record its runs: there is no {}",
            folder.display()
        );
        return yellow(message).fix(SETUP);
    };
    let since = DateTime::<Utc>::from(created_at).max(context.files.hook_changed_at);
    match find_merge(&context.machine.settings.installed(), since, context.now) {
        Some(package) => red(format!(
            "{shown} names the hook, but it didn't run when {} was merged. Check that bash \
             reaches that line: is there a `return` or a condition above it?",
            quoted(&package)
        )),
        None => yellow(format!(
            "{shown} names the hook, and no package has been merged since it changed. Emerge any \
             package to verify"
        )),
    }
}

/// Returns a package, `CATEGORY/PF`, that was merged after a time. One that was merged while the clock was wrong
/// is ignored.
fn find_merge(installed: &Path, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
    // File times may lack fractions of seconds.
    let period = since + TimeDelta::seconds(2)..now + TimeDelta::days(1);
    let (path, _) = list_merges(installed).find(|(_, merged_at)| period.contains(merged_at))?;
    let name = path.strip_prefix(installed).ok()?;
    Some(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_of_the_future_is_none() {
        let installed = tempfile::tempdir().unwrap();
        let package = installed.path().join("app-misc/foo-1");
        std::fs::create_dir_all(&package).unwrap();
        let counter = std::fs::File::create(package.join("COUNTER")).unwrap();
        let now = Utc::now();
        let find = |merged_at: DateTime<Utc>| {
            counter.set_modified(merged_at.into()).unwrap();
            find_merge(installed.path(), now - TimeDelta::days(1), now)
        };
        assert_eq!(find(now).as_deref(), Some("app-misc/foo-1"));
        assert_eq!(find(now - TimeDelta::days(2)), None);
        assert_eq!(find(now + TimeDelta::days(1000)), None);
    }
}
