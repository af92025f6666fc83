//! Messages for requests that match nothing, with suggestions.

use super::text;
use crate::error::{Error, Result};
use crate::store::{Filter, Store};
use crate::text::closest;

/// How many names a message suggests.
const SUGGESTIONS: usize = 3;

pub(super) const NO_BUILD: &str = "no recorded build matches";

const EMPTY_DATABASE: &str = "nothing is recorded yet: emerge a package that is built with sccache \
    (`sccache-report doctor` checks whether it will be recorded), or import old build logs \
    (sccache-collect import /var/log/portage)";

/// The message that the filter matches nothing. It names the start of the period, which may be a
/// default.
pub(super) fn no_build(filter: &Filter) -> Error {
    Error::NoMatch(match filter.since {
        Some(since) => format!("{NO_BUILD} since {}", text::date(since)),
        None => NO_BUILD.to_string(),
    })
}

/// # Errors
/// [`Error::NoMatch`] if no build is recorded at all.
pub(super) fn require_builds(store: &Store) -> Result<()> {
    match store.newest(&Filter::default())? {
        Some(_) => Ok(()),
        None => Err(Error::NoMatch(EMPTY_DATABASE.into())),
    }
}

/// The message that none of the packages matches these patterns.
pub(super) fn unknown_package(packages: &[String], patterns: &[&str]) -> Error {
    let mut similar: Vec<&str> = Vec::new();
    for pattern in patterns {
        let plain = pattern.trim_matches(['*', '?', '^', '$']);
        let names = packages.iter().map(String::as_str);
        similar.extend(closest(plain, names, SUGGESTIONS));
    }
    let hint = if similar.is_empty() {
        "`sccache-report packages` lists all packages".to_string()
    } else {
        format!("did you mean {}?", similar.join(" or "))
    };
    let patterns = patterns.join(" ");
    Error::NoMatch(format!("no recorded package matches {patterns}; {hint}"))
}

/// # Errors
/// [`Error::NoMatch`] if the filter names a host without builds.
pub(super) fn check_hosts(store: &Store, filter: &Filter) -> Result<()> {
    if filter.hosts.is_empty() {
        return Ok(());
    }
    let names = store.host_names()?;
    let unknown = |host: &&String| !names.contains(host);
    match filter.hosts.iter().find(unknown) {
        None => Ok(()),
        Some(host) => {
            let names = names.join(", ");
            let why = format!("no recorded build is from the host {host}; the hosts are: {names}");
            Err(Error::NoMatch(why))
        }
    }
}

/// # Errors
/// [`Error::NoMatch`] if the filter names a period without builds.
pub(super) fn check_period(store: &Store, filter: &Filter) -> Result<()> {
    let all = Filter {
        packages: filter.packages.clone(),
        ..Filter::default()
    };
    let period = Filter {
        since: filter.since,
        until: filter.until,
        ..all.clone()
    };
    if period == all || store.newest(&period)?.is_some() {
        return Ok(());
    }
    let mut why = "no matching build started in that period".to_string();
    if let Some((oldest, newest)) = store.period(&all)? {
        let (oldest, newest) = (text::date(oldest), text::date(newest));
        why.push_str(&format!(
            "; the oldest started on {oldest}, the newest on {newest}"
        ));
    }
    Err(Error::NoMatch(why))
}
