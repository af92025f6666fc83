//! What to say where nothing can match, and what there is instead.

use super::close::closest;
use super::{Trouble, text};
use crate::store::{Filter, Store};

/// How many names a message suggests.
const SUGGESTIONS: usize = 3;

/// What a database without builds has to say.
pub(super) const NOTHING_YET: &str = "nothing is recorded yet: emerge a package that is built with \
    sccache (`sccache-report doctor` says whether it can be recorded), or import old build logs \
    (sccache-collect import /var/log/portage)";

/// That no package matches, and which ones may be meant.
pub(super) fn unknown_package(store: &Store, patterns: &[String]) -> Result<String, Trouble> {
    if store.is_empty()? {
        return Ok(NOTHING_YET.into());
    }
    let names = store.package_names()?;
    let names = || names.iter().map(String::as_str);
    let mut close: Vec<&str> = Vec::new();
    for pattern in patterns {
        let plain = pattern.trim_matches(['*', '?', '^', '$']);
        close.extend(closest(plain, names(), SUGGESTIONS));
    }
    close.dedup();
    let cause = format!("no recorded package matches {}", patterns.join(" "));
    Ok(text::clean(&match close.is_empty() {
        true => format!("{cause} (`sccache-report packages` lists all)"),
        false => format!("{cause}; did you mean {}?", close.join(" or ")),
    }))
}

/// That a repository or a language was asked for that no build has.
pub(super) fn unknown_names(store: &Store, filter: &Filter) -> Result<Option<String>, Trouble> {
    let why = |what: &str, asked: &[String], there: &[String]| {
        let (asked, there) = (asked.join(", "), there.join(", "));
        Ok(Some(text::clean(&format!(
            "no recorded build has the {what} {asked}; there are: {there}"
        ))))
    };
    // What there is takes a look at every build: only where somebody asks.
    let asked = &filter.repositories;
    if !asked.is_empty() {
        let there = store.repositories()?;
        if !asked.iter().any(|name| there.contains(name)) {
            return why("repository", asked, &there);
        }
    }
    if filter.languages.is_empty() {
        return Ok(None);
    }
    let (asked, there) = (&filter.languages, store.languages()?);
    let is = |asked: &str, name: &str| {
        let halves = name.split('/').chain([name]);
        halves
            .into_iter()
            .any(|half| half.eq_ignore_ascii_case(asked))
    };
    match asked.iter().any(|a| there.iter().any(|name| is(a, name))) {
        true => Ok(None),
        false => why("language", asked, &there),
    }
}
