//! Checks that the database is intact and safe, and contains recent builds.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use chrono::TimeDelta;

use super::{Context, Finding, green, quoted, red, unknown, yellow};
use crate::error::Error;
use crate::store::{BuildRow, Filter, Pending, Store, check_trusted};
use crate::text::plural;

/// The number of days before now that are considered.
const DAYS: i64 = 30;

pub(super) fn check(context: &Context) -> Finding {
    let path = &context.machine.database;
    Finding::merge([check_content(path), check_access(context, path)])
}

fn check_content(path: &Path) -> Finding {
    let shown = path.display();
    let faults = Store::open_for_reading(path).and_then(|store| store.check_integrity());
    let error = match faults.as_deref() {
        Ok([]) => return green(format!("{shown} is intact")),
        Ok([fault, ..]) => &Error::Damaged(path.to_path_buf(), fault.clone()),
        Err(error) => error,
    };
    let message = format!("{error}: {}", error.hint().unwrap_or_default());
    match error {
        Error::MissingDatabase(_) => green(format!("{shown}: nothing is recorded yet")),
        Error::Damaged(_, fault) => {
            let advice =
                "Restore a backup, or recover the remaining data with `sqlite3 FILE .recover`";
            red(format!("{shown} is damaged: {}. {advice}", quoted(fault)))
        }
        Error::EmptyDatabase(_) | Error::OlderSchema(..) => yellow(message),
        Error::Locked(_) | Error::QueryTimeout(_) => unknown(message),
        _ => red(message),
    }
}

/// Checks that root alone can change the database, and every user can read it.
fn check_access(context: &Context, path: &Path) -> Finding {
    let folders = || path.ancestors().skip(1);
    let shown = path.display();
    if !path.is_absolute() {
        return red(format!("{shown} isn't an absolute path"));
    }
    if let Err(error @ Error::Untrusted(..)) = check_trusted(path) {
        let hint = error.hint().unwrap_or_default();
        return red(format!("{error}, so nothing is recorded: {hint}"));
    }
    let lacks = |path: &Path, right: u32| path.metadata().is_ok_and(|it| it.mode() & right == 0);
    // The owner of a prefix may close the folders above it.
    let prefix = context.machine.settings.eprefix();
    let mut in_prefix = folders().filter(|folder| folder.starts_with(&prefix));
    let closed = in_prefix.find(|folder| lacks(folder, 0o001));
    if let Some(closed) = closed.or_else(|| lacks(path, 0o004).then_some(path)) {
        let closed = closed.display();
        let message =
            format!("{closed} isn't accessible for all users, so they can't read the database");
        return yellow(message);
    }
    let parent = folders().find(|folder| folder.exists()).unwrap_or(path);
    let is_writable = rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).is_ok();
    if context.machine.can_change_system() && !is_writable {
        return red(format!("{shown} can't be written, so nothing is recorded"));
    }
    green("writable for root only, readable for all users")
}

/// Whether builds that called sccache are in the database.
pub(super) fn check_recorded(context: &Context) -> Finding {
    let filter = Filter {
        since: Some(context.now - TimeDelta::days(DAYS)),
        // A build with a future date proves nothing.
        until: Some(context.now + TimeDelta::days(1)),
        ..Filter::default()
    };
    let store = Store::open_for_reading(&context.machine.database);
    let builds = match store.and_then(|store| store.builds(&filter)) {
        Ok(builds) => builds,
        Err(Error::MissingDatabase(_)) => Vec::new(),
        Err(error) => return unknown(error.to_string()),
    };
    let cached = context.last_cached.as_ref();
    let is_pending = Pending::for_database(&context.machine.database).count() != Some(0);
    let is_old = |at| at < context.now - TimeDelta::days(DAYS - 1);
    if let Some(cached) = cached.filter(|cached| !is_pending && !is_old(cached.time)) {
        let is_recorded = |build: &BuildRow| {
            let name = format!("{}-{}", build.package, build.version);
            name == cached.package && build.finished_at >= cached.time - TimeDelta::minutes(10)
        };
        if !builds.iter().any(is_recorded) {
            let (package, age) = (quoted(&cached.package), context.age(cached.time));
            // Not red, because the build may have been removed on purpose.
            let message = format!("{package} used sccache {age}, but isn't in the database");
            return yellow(message);
        }
    }
    let Some(newest) = builds.iter().max_by_key(|build| build.finished_at) else {
        return unknown(format!("no build was recorded in the last {DAYS} days"));
    };
    let package = quoted(&format!("{}-{}", newest.package, newest.version));
    let age = context.age(newest.finished_at);
    green(format!("{package} was recorded {age}"))
}

/// Checks for builds that could not be recorded yet.
pub(super) fn check_pending(context: &Context) -> Finding {
    let pending = Pending::for_database(&context.machine.database);
    let folder = pending.folder().display();
    let count = match pending.count() {
        Some(0) => return green("no pending builds"),
        Some(count) => count as u64,
        None => return unknown(format!("can't read {folder}: run this as root")),
    };
    let builds = plural(count, "build");
    yellow(format!(
        "{count} pending {builds} in {folder}. The next recorded build adds them"
    ))
}
