//! `sccache-report show`: all that is known about one package, or one build.

use std::io::Write;

use uuid::Uuid;

use super::advise;
use super::builds::{self, Detailed};
use super::common::Common;
use super::format::{Format, json_rows};
use super::history::{self, Package};
use super::output::Keep;
use super::sections::draw_build;
use super::sheet::{Column, Name, Sheet};
use super::show_package::draw_package;
use super::unknown::{unknown_package, why_nothing};
use super::{Shown, Trouble, breakdown, packages};
use crate::store::{Filter, Store};

/// All that is known about a package or a build
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A package (PN or CATEGORY/PN), or a build's id or the first 8 characters of it
    #[arg(value_name = "PACKAGE|BUILD-ID")]
    what: String,
}

/// How many candidates an ambiguous request names.
const CANDIDATES: usize = 8;

/// The newest so many builds are divided into phases, languages and reasons for people; JSON
/// has them all. More take longer, and tell of settings and compilers long gone.
const DETAILED: u32 = 100;

pub(super) fn run(args: &Args, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    let store = common.open()?;
    let wanted = common.patterns(std::slice::from_ref(&args.what))?;
    let names = store.matching_packages(&wanted)?;
    match names.as_slice() {
        [name] => show_package(store, name, common, out),
        [] => match build_id(&store, &args.what)? {
            Some(id) => {
                common.refuse_filters("a build is named by its id")?;
                show_build(store, id, common, out)
            }
            None => {
                let why = unknown_package(&store, std::slice::from_ref(&args.what), &[])?;
                common.nothing(package_sheet(vec![]), why, out)
            }
        },
        several => Err(ambiguous(&args.what, several.iter().map(String::as_str))),
    }
}

/// Everything about the package with exactly this name.
pub(super) fn package(name: &str, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    show_package(common.open()?, name, common, out)
}

fn ambiguous<'a>(what: &str, candidates: impl Iterator<Item = &'a str>) -> Trouble {
    let all: Vec<&str> = candidates.collect();
    let more = if all.len() > CANDIDATES { " ..." } else { "" };
    Trouble::Request(
        format!("`{what}` is ambiguous"),
        format!(
            "say which: {}{more}",
            all[..all.len().min(CANDIDATES)].join(" ")
        ),
    )
}

/// The build whose id is meant, if the text can be the beginning of one.
fn build_id(store: &Store, text: &str) -> Result<Option<Uuid>, Trouble> {
    let could_be = text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if !could_be {
        return Ok(None);
    }
    let found = store.builds_with_id(text, CANDIDATES as u32 + 1)?;
    match found.as_slice() {
        [] => Ok(None),
        [id] => Ok(Some(*id)),
        several => {
            let ids: Vec<String> = several.iter().map(Uuid::to_string).collect();
            Err(ambiguous(text, ids.iter().map(String::as_str)))
        }
    }
}

fn show_package(
    store: Store,
    name: &str,
    common: &Common,
    out: &mut dyn Write,
) -> Result<Shown, Trouble> {
    let filter = Filter {
        packages: Some(vec![name.to_string()]),
        ..common.filter()?
    };
    if let Some(why) = why_nothing(&store, &filter)? {
        return common.nothing(package_sheet(vec![]), why, out);
    }
    let package = fetch(&store, filter, common.format == Format::Table)?;
    drop(store);
    let Some(package) = package else {
        let why = "no recorded build matches".to_string();
        return common.nothing(package_sheet(vec![]), why, out);
    };
    if common.format == Format::Table {
        draw_package(package, &common.look(), out)?;
        return Ok(Shown::Something);
    }
    common.finish(package_sheet(vec![package]), Keep::First, out)
}

/// `None` where no build passes the filter; with the details of the newest builds only, if
/// that is enough.
fn fetch(store: &Store, filter: Filter, newest_only: bool) -> Result<Option<Package>, Trouble> {
    let Some(row) = store.packages(&filter)?.pop() else {
        return Ok(None);
    };
    let newest = Filter {
        last: Some(filter.last.map_or(DETAILED, |last| last.min(DETAILED))),
        ..filter.clone()
    };
    let detailed_are = if newest_only { &newest } else { &filter };
    let phases = store.phases(detailed_are)?;
    let evidence = store.evidence_with(&newest, &phases)?;
    let mut history = builds::detailed(store.builds(detailed_are)?, phases);
    // A table lists the builds without them.
    let phases = { history.iter_mut() }.flat_map(|build| match newest_only {
        true => std::mem::take(&mut build.phases),
        false => build.phases.clone(),
    });
    let phases = phases.collect();
    let builds = store.briefs(&filter)?;
    // What was first of its version does not depend on what is asked for.
    let whole = Filter {
        packages: filter.packages.clone(),
        ..Filter::default()
    };
    let cold = match filter == whole {
        true => history::cold(&builds),
        false => history::cold(&store.briefs(&whole)?),
    };
    Ok(Some(Package {
        row,
        versions: history::versions(builds.iter(), &cold),
        builds,
        phases,
        looked: advise::looked_at(&evidence),
        advice: advise::advise(evidence),
        history,
    }))
}

fn show_build(
    store: Store,
    id: Uuid,
    common: &Common,
    out: &mut dyn Write,
) -> Result<Shown, Trouble> {
    let filter = Filter {
        build: Some(id),
        ..Filter::default()
    };
    let mut builds = builds::detailed(store.builds(&filter)?, store.phases(&filter)?);
    drop(store);
    if common.format == Format::Table
        && let Some(build) = builds.pop()
    {
        draw_build(&build, &common.look(), out)?;
        return Ok(Shown::Something);
    }
    common.finish(build_sheet(builds), Keep::First, out)
}

/// The build's columns as `builds` has them, and what lies below.
fn build_sheet(rows: Vec<Detailed>) -> Sheet<Detailed> {
    let mut sheet = builds::sheet(rows);
    sheet.columns.extend(of_build_only());
    sheet
}

fn of_build_only() -> Vec<Column<Detailed>> {
    vec![
        Column::<Detailed>::nested("compilers", |d| breakdown::compilers(&d.phases)),
        Column::<Detailed>::nested("levels", |d| breakdown::levels(&d.phases)),
    ]
}

/// The names of the columns that a build has here and not in `builds`.
pub(super) fn names_of_build_only() -> Vec<Name> {
    let (columns, rows) = (of_build_only(), vec![]);
    Sheet { columns, rows }.names()
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    package_sheet(vec![]).names()
}

/// The package's columns as `packages` has them, and what lies below.
fn package_sheet(rows: Vec<Package>) -> Sheet<Package> {
    let known = packages::columns().into_iter();
    let mut columns: Vec<Column<Package>> = known.map(|c| c.within(|p: &Package| &p.row)).collect();
    columns.extend([
        Column::<Package>::nested("languages", |p| breakdown::languages(&p.phases)),
        Column::<Package>::nested("compilers", |p| breakdown::compilers(&p.phases)),
        Column::<Package>::nested("not_cached", |p| breakdown::not_cached(&p.phases)),
        Column::<Package>::nested("levels", |p| breakdown::levels(&p.phases)),
        Column::<Package>::nested("phases", |p| breakdown::phases(&p.phases)),
        Column::<Package>::nested("history", |p| json_rows(&builds::columns(), &p.history)),
        Column::<Package>::nested("versions", |p| history::nested(&p.versions)),
        Column::<Package>::nested("sccache_versions", history::nested_sccache),
        Column::<Package>::nested("advice", |p| advise::nested(&p.advice, p.looked)),
    ]);
    Sheet { columns, rows }
}
