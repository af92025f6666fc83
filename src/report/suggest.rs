//! Messages for requests that match nothing, with what exists instead.

use chrono::{DateTime, Utc};

use super::text;
use crate::error::Error;
use crate::store::{Filter, Store};

/// Names less similar than this (0 to 1) are not suggested.
const MIN_SIMILARITY: f64 = 0.8;

/// How many names a message suggests.
const SUGGESTIONS: usize = 3;

pub(super) const NO_BUILD: &str = "no recorded build matches";

const EMPTY_DATABASE: &str = "nothing is recorded yet: emerge a package that is built with sccache \
    (`sccache-report doctor` checks whether it will be recorded), or import old build logs \
    (sccache-collect import /var/log/portage)";

/// The names most similar to `wanted`, best first.
pub(super) fn closest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut similar: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (similarity(&wanted, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .collect();
    similar.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    similar.truncate(limit);
    similar.into_iter().map(|(_, name)| name).collect()
}

/// Compares a package by its full name, or by the part after the slash.
fn similarity(wanted: &str, name: &str) -> f64 {
    let short = name.split_once('/').map(|(_, short)| short);
    let name = short.filter(|_| !wanted.contains('/')).unwrap_or(name);
    let similarity = strsim::jaro_winkler(wanted, name);
    if wanted.len() >= 3 && name.contains(wanted) {
        similarity.max(0.9)
    } else {
        similarity
    }
}

/// # Errors
/// [`Error::NoMatch`] if no build is recorded at all.
pub(super) fn require_builds(store: &Store) -> Result<(), Error> {
    if store.is_empty()? {
        return Err(Error::NoMatch(EMPTY_DATABASE.into()));
    }
    Ok(())
}

/// The message that no package matches. `commands` are subcommands that the first pattern may be
/// a misspelling of.
pub(super) fn unknown_package(
    store: &Store,
    patterns: &[String],
    commands: &[&str],
) -> Result<Error, Error> {
    let packages = store.package_names()?;
    let mut similar: Vec<String> = Vec::new();
    if let Some(first) = patterns.first() {
        let commands = closest(first, commands.iter().copied(), 1);
        similar.extend(commands.iter().map(|name| format!("the command `{name}`")));
    }
    for pattern in patterns {
        let plain = pattern.trim_matches(['*', '?', '^', '$']);
        let names = packages.iter().map(String::as_str);
        let names = closest(plain, names, SUGGESTIONS);
        similar.extend(names.into_iter().map(String::from));
    }
    similar.dedup();
    let message = format!("no recorded package matches {}", patterns.join(" "));
    let hint = if similar.is_empty() {
        "`sccache-report packages` lists all packages".to_string()
    } else {
        format!("did you mean {}?", similar.join(" or "))
    };
    Ok(Error::NoMatch(text::sanitize(&format!(
        "{message}; {hint}"
    ))))
}

/// # Errors
/// [`Error::NoMatch`] if the filter names a period without builds.
pub(super) fn check_period(store: &Store, filter: &Filter) -> Result<(), Error> {
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
    let date = |time: Option<DateTime<Utc>>| time.map_or("-".to_string(), text::date);
    let (oldest, newest) = (date(store.oldest(&all)?), date(store.newest(&all)?));
    let message = "no matching build started in that period";
    Err(Error::NoMatch(format!(
        "{message}; the oldest started on {oldest}, the newest on {newest}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_found() {
        let names = [
            "app-portage/emlop",
            "www-client/firefox",
            "sys-apps/ripgrep",
            "sys-apps/fd",
        ];
        for (wanted, expected) in [
            ("emlopp", &["app-portage/emlop"][..]),
            ("fire", &["www-client/firefox"]),
            ("rigrep", &["sys-apps/ripgrep"]),
            ("app-protage/emlop", &["app-portage/emlop"]),
            ("FIREFOX-bin", &["www-client/firefox"]),
            ("zzz", &[]),
            ("", &[]),
        ] {
            assert_eq!(closest(wanted, names, 3), expected, "{wanted}");
        }
        assert_eq!(closest("hitrate", ["hits", "hit_rate"], 1), ["hit_rate"]);
    }
}
