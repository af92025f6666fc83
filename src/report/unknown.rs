//! What to say where nothing can match, and what there is instead.

use super::close::closest;
use super::{Trouble, say, text};
use crate::store::{Filter, Store};

/// How many names a message suggests.
const SUGGESTIONS: usize = 3;

/// What a database without builds has to say.
pub(super) const NOTHING_YET: &str = "nothing is recorded yet: emerge a package that is built with \
    sccache (`sccache-report doctor` says whether it can be recorded), or import old build logs \
    (sccache-collect import /var/log/portage)";

/// That no package matches, and which ones may be meant, or which of the commands, where the first
/// pattern stands in the place of one.
pub(super) fn unknown_package(
    store: &Store,
    patterns: &[String],
    commands: &[&str],
) -> Result<String, Trouble> {
    if store.is_empty()? {
        return Ok(NOTHING_YET.into());
    }
    let names = store.package_names()?;
    let names = || names.iter().map(String::as_str);
    let mut close: Vec<String> = Vec::new();
    for (at, pattern) in patterns.iter().enumerate() {
        let plain = pattern.trim_matches(['*', '?', '^', '$']);
        let commands = if at == 0 { commands } else { &[] };
        let meant = names().chain(commands.iter().copied());
        let shown = |name: &str| match commands.contains(&name) {
            true => format!("the command `{name}`"),
            false => name.to_owned(),
        };
        close.extend(closest(plain, meant, SUGGESTIONS).into_iter().map(shown));
    }
    close.dedup();
    let cause = format!("no recorded package matches {}", patterns.join(" "));
    Ok(text::clean(&match close.is_empty() {
        true if let Some(id) = build(store, patterns)? => {
            format!("{cause}; it is the id of a build: sccache-report show {id}")
        }
        true if patterns.iter().any(|pattern| is_id(pattern)) => {
            format!("{cause}, nor is it the id of a build, or its first 8 characters")
        }
        true => format!("{cause} (`sccache-report packages` lists all)"),
        false => format!("{cause}; did you mean {}?", any_of(&close)),
    }))
}

fn is_id(pattern: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    pattern.len() >= 4 && pattern.bytes().all(plain)
}

/// The first of the patterns that `show` takes for the id of a build.
fn build<'a>(store: &Store, patterns: &'a [String]) -> Result<Option<&'a String>, Trouble> {
    for pattern in patterns.iter().filter(|p| p.len() >= 8 && is_id(p)) {
        if !store.builds_with_id(pattern, 1)?.is_empty() {
            return Ok(Some(pattern));
        }
    }
    Ok(None)
}

/// `a, b or c`.
fn any_of(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match &names[..] {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.join(""),
    }
}

/// Why the filter can leave nothing: a name that no build has, or a period without any.
pub(super) fn why_nothing(store: &Store, filter: &Filter) -> Result<Option<String>, Trouble> {
    match unknown_names(store, filter)? {
        None => outside(store, filter),
        why => Ok(why),
    }
}

/// That no build is of the period, whatever else is asked of it, and of which they are.
fn outside(store: &Store, filter: &Filter) -> Result<Option<String>, Trouble> {
    let all = Filter {
        packages: filter.packages.clone(),
        ..Filter::default()
    };
    let (since, until) = (filter.since, filter.until);
    let period = Filter {
        since,
        until,
        ..all.clone()
    };
    if period == all || store.newest(&period)?.is_some() {
        return Ok(None);
    }
    let (Some(oldest), Some(newest)) = (store.oldest(&all)?, store.newest(&all)?) else {
        return Ok(None);
    };
    let these = match all.packages.as_deref() {
        None => String::new(),
        Some([one]) => format!(" of {one}"),
        Some(_) => " of these packages".into(),
    };
    let (oldest, newest) = (text::day(oldest), text::day(newest));
    Ok(Some(text::clean(&match oldest == newest {
        true => format!("no recorded build{these} started in that period: all did on {newest}"),
        false => format!(
            "no recorded build{these} started in that period: the oldest did on {oldest}, the \
             newest on {newest}"
        ),
    })))
}

/// That a repository or a language was asked for that no build has; `None` where some of those that
/// were asked for are there: the others are told of here.
fn unknown_names(store: &Store, filter: &Filter) -> Result<Option<String>, Trouble> {
    // What there is takes a look at every build: only where somebody asks.
    let asked = &filter.repositories;
    if !asked.is_empty() {
        let there = store.repositories(None)?;
        let why = unknown("repository", asked, &there, |asked, name| asked == name);
        if why.is_some() {
            return Ok(why);
        }
    }
    if filter.languages.is_empty() {
        return Ok(None);
    }
    let is = |asked: &str, name: &str| {
        let mut halves = name.split('/').chain([name]);
        halves.any(|half| half.eq_ignore_ascii_case(asked))
    };
    let there = store.languages(None)?;
    Ok(unknown("language", &filter.languages, &there, is))
}

fn unknown(
    what: &str,
    asked: &[String],
    there: &[String],
    is: impl Fn(&str, &str) -> bool,
) -> Option<String> {
    let unknown: Vec<&str> = { asked.iter().map(String::as_str) }
        .filter(|asked| !there.iter().any(|name| is(asked, name)))
        .collect();
    if unknown.is_empty() {
        return None;
    }
    let names = || there.iter().map(String::as_str);
    let mut close: Vec<&str> = { unknown.iter() }
        .flat_map(|name| closest(name, names(), 1))
        .collect();
    close.dedup();
    let there = match close.is_empty() {
        true => format!("there are: {}", there.join(", ")),
        false => format!("did you mean {}?", any_of(&close)),
    };
    let why = format!(
        "no recorded build has the {what} {}; {there}",
        unknown.join(", ")
    );
    let why = text::clean(&why);
    match unknown.len() == asked.len() {
        true => Some(why),
        false => {
            say(&why);
            None
        }
    }
}
