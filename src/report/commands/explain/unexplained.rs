//! Why builds have no misses to explain.

use super::super::super::text;
use super::draw::title;
use crate::error::{Error, Result};
use crate::portage::Attribution;
use crate::store::{BuildRow, Filter, Store};

/// Returns an error: the build is gone.
pub(super) fn vanished() -> Error {
    Error::NoMatch("the build was removed in the meantime".into())
}

/// Returns the number of newer builds, and why the newest one isn't explained.
pub(super) fn newer(store: &Store, build: &BuildRow) -> Result<Option<(u64, &'static str)>> {
    let since = Filter {
        packages: Some(vec![build.package.clone()]),
        since: Some(build.started_at),
        ..Filter::default()
    };
    let builds = store.builds(&since)?;
    let newer = builds
        .iter()
        .skip_while(|other| other.id != build.id)
        .skip(1);
    Ok(match newer.clone().last() {
        Some(newest) => Some((newer.count() as u64, why_unknown(store, newest)?)),
        None => None,
    })
}

/// Returns why no reason is known for the misses of a build.
fn why_unknown(store: &Store, build: &BuildRow) -> Result<&'static str> {
    Ok(if build.misses == Some(0) {
        "no compilation missed"
    } else if store.is_imported(build.id)? {
        "it was imported from a log, which doesn't list them"
    } else if build.measured_phases == 0 {
        "it was not measured"
    } else if build.attribution == Some(Attribution::Shared) {
        "its server was shared with other builds"
    } else {
        "the server's log was missing or incomplete (client-side mode, or SCCACHE_LOG is set)"
    })
}

/// Returns an error: no build of the package can be explained.
pub(super) fn nothing_recorded(store: &Store, package: &str) -> Result<Error> {
    let newest = Filter {
        packages: Some(vec![package.to_string()]),
        last: Some(1),
        ..Filter::default()
    };
    let build = store.builds(&newest)?.pop().ok_or_else(vanished)?;
    let why = why_unknown(store, &build)?;
    Ok(Error::NoMatch(format!(
        "no build of {package} has recorded compilations; the newest: {why}"
    )))
}

/// Returns an error about a build without known misses.
pub(super) fn no_misses(store: &Store, build: &BuildRow) -> Result<Error> {
    let title = title(build);
    if build.misses != Some(0) {
        let why = why_unknown(store, build)?;
        return Ok(Error::NoMatch(format!(
            "the compilations of {title} are unknown: {why}"
        )));
    }
    let mut message = format!("no compilation missed in {title}");
    let earlier = Filter {
        packages: Some(vec![build.package.clone()]),
        until: Some(build.started_at),
        ..Filter::default()
    };
    let reasons = store.miss_reasons(&earlier)?;
    let mut builds = store.builds(&earlier)?.into_iter().rev();
    if let Some(other) = builds.find(|other| reasons.contains_key(&other.id)) {
        let id = text::short_id(other.id);
        message.push_str(&format!("; earlier misses: `sccache-report explain {id}`"));
    }
    Ok(Error::NoMatch(message))
}
