//! What the database has that a value can name. Where it can't be read there is nothing to offer, and
//! the command itself says why.

use std::path::Path;

use clap_complete::engine::CompletionCandidate;

use super::super::builds::short;
use super::super::text;
use super::starting_with;
use crate::store::{BuildRow, Filter, Result, Store};

/// Repositories and languages are looked for in so many builds, the newest: of a million builds all
/// would take longer than somebody waits who types.
const NEWEST: u32 = 10_000;

/// So many builds are offered at most: where more begin with a word, more of it has to be typed.
const BUILDS: usize = 20;

/// CATEGORY/PN as far as the word goes along with it, or else PN alone.
pub(super) fn packages(database: &Path, word: &str) -> Vec<CompletionCandidate> {
    let packages = names(database, Store::package_names);
    let mut found = starting_with(packages.iter().map(String::as_str), word);
    if !word.is_empty() && !word.contains('/') {
        let mut names: Vec<&str> = packages
            .iter()
            .filter_map(|package| Some(package.split_once('/')?.1))
            .collect();
        names.sort_unstable();
        names.dedup();
        found.extend(starting_with(names.into_iter(), word));
    }
    found
}

/// Packages, and the ids of builds that begin with the word; of all, those of the newest builds.
pub(super) fn packages_and_builds(database: &Path, word: &str) -> Vec<CompletionCandidate> {
    let mut found = packages(database, word);
    let builds = Store::open_for_reading(database).and_then(|store| builds_with(&store, word));
    found.extend(builds.unwrap_or_default());
    found
}

fn builds_with(store: &Store, word: &str) -> Result<Vec<CompletionCandidate>> {
    if word.is_empty() {
        let newest = Filter {
            last: Some(BUILDS as u32),
            ..Filter::default()
        };
        return Ok(store.builds(&newest)?.iter().rev().map(candidate).collect());
    }
    let ids = store.builds_with_id(word, BUILDS as u32 + 1)?;
    let mut found = Vec::new();
    for id in ids.iter().filter(|_| ids.len() <= BUILDS) {
        let one = Filter {
            build: Some(*id),
            ..Filter::default()
        };
        found.extend(store.builds(&one)?.iter().map(candidate));
    }
    // Longer than the short form that is offered.
    found.retain(|candidate| candidate.get_value().len() >= word.len());
    Ok(found)
}

/// The id as tables have it, and for shells that show it, what it is the id of.
fn candidate(build: &BuildRow) -> CompletionCandidate {
    let what = format!(
        "{}-{}, {}",
        build.package,
        build.version,
        text::day(build.started_at)
    );
    CompletionCandidate::new(short(build.id)).help(Some(text::clean(&what).into()))
}

/// The repositories of builds.
pub(super) fn repositories(database: &Path, word: &str) -> Vec<CompletionCandidate> {
    let names = names(database, |store| store.repositories(Some(NEWEST)));
    starting_with(names.iter().map(String::as_str), word)
}

/// Languages, whole and by halves; also in small letters where the word is in those.
pub(super) fn languages(database: &Path, word: &str) -> Vec<CompletionCandidate> {
    let names = names(database, |store| store.languages(Some(NEWEST)));
    let parts = names.iter().flat_map(|name| {
        let halves = name.split('/').filter(move |half| half != name);
        std::iter::once(name.as_str()).chain(halves)
    });
    let small = !word.is_empty() && word.to_lowercase() == word;
    let mut parts: Vec<String> = parts
        .map(|name| {
            if small {
                name.to_lowercase()
            } else {
                name.to_string()
            }
        })
        .collect();
    parts.sort_unstable();
    parts.dedup();
    starting_with(parts.iter().map(String::as_str), word)
}

/// The shell reads them: nothing that it could take for more than a name.
fn names(database: &Path, ask: impl Fn(&Store) -> Result<Vec<String>>) -> Vec<String> {
    let names = Store::open_for_reading(database).and_then(|store| ask(&store));
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_+.".contains(c);
    let mut names = names.unwrap_or_default();
    names.retain(|name| name.chars().all(plain));
    names
}
