//! `sccache-report show`: everything about one package or one build.

mod build;
mod history;
mod package;

use std::io::Write;

use uuid::Uuid;

use self::history::Package;
use super::super::options::{BuildFilter, Database, OutputFormat};
use super::super::table::{Column, json_rows};
use super::super::{Status, advice, breakdown, suggest};
use super::advise;
use super::builds::{self, Build};
use super::packages;
use crate::error::Error;
use crate::store::{Filter, Store};

/// Show everything about one package or build
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// PN, CATEGORY/PN, or the first 8 characters of a build id
    #[arg(value_name = "PACKAGE|BUILD-ID")]
    target: String,

    #[command(flatten)]
    filter: BuildFilter,

    #[command(flatten)]
    output: OutputFormat,
}

/// Candidates that the message about an ambiguous target names.
const CANDIDATES: usize = 8;

/// Tables break down the newest builds only: more take longer, and describe settings and compilers
/// that are long gone. JSON has all.
const DETAILED: u32 = 100;

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status, Error> {
    let targets = std::slice::from_ref(&args.target);
    let patterns = args.filter.patterns(targets)?;
    let store = database.open()?;
    let packages = store.matching_packages(&patterns)?;
    match packages.as_slice() {
        [name] => package(name, &args.filter, &args.output, database, out),
        [] => {
            let build = find_build(&store, &args.target)?;
            let rows = match build {
                Some(id) => fetch_build(&store, id, args.filter.filter()?),
                None => Err(suggest::require_builds(&store)
                    .and_then(|()| suggest::unknown_package(&store, targets, &[]))
                    .unwrap_or_else(|error| error)),
            };
            show_build(rows, &args.output, out)
        }
        several => Err(ambiguous(&args.target, several)),
    }
}

fn ambiguous(target: &str, candidates: &[String]) -> Error {
    let more = if candidates.len() > CANDIDATES {
        " ..."
    } else {
        ""
    };
    let named = candidates[..candidates.len().min(CANDIDATES)].join(" ");
    let hint = format!("choose one of: {named}{more}");
    Error::usage(format!("`{target}` is ambiguous"), hint)
}

/// The build whose id starts with the text.
fn find_build(store: &Store, text: &str) -> Result<Option<Uuid>, Error> {
    let is_digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if text.len() < 8 || !text.bytes().all(is_digit) {
        return Ok(None);
    }
    let found = store.builds_with_id(text, CANDIDATES as u32 + 1)?;
    if found.len() > 1 {
        let ids: Vec<String> = found.iter().map(Uuid::to_string).collect();
        return Err(ambiguous(text, &ids));
    }
    Ok(found.first().copied())
}

fn fetch_build(store: &Store, id: Uuid, filter: Filter) -> Result<Vec<Build>, Error> {
    let filter = Filter {
        build: Some(id),
        ..filter
    };
    Ok(builds::with_phases(
        store.builds(&filter)?,
        store.phases(&filter)?,
    ))
}

fn show_build(
    rows: Result<Vec<Build>, Error>,
    output: &OutputFormat,
    out: &mut dyn Write,
) -> Result<Status, Error> {
    match rows.as_deref() {
        Ok([build]) if output.is_table() => {
            build::draw(build, output.terminal(), out)?;
            Ok(Status::Success)
        }
        _ => output.write(build_columns(), rows, out),
    }
}

/// Everything about the package with exactly this name.
pub(super) fn package(
    name: &str,
    filter: &BuildFilter,
    output: &OutputFormat,
    database: &Database,
    out: &mut dyn Write,
) -> Result<Status, Error> {
    let store = database.open()?;
    let filter = Filter {
        packages: Some(vec![name.to_string()]),
        ..filter.filter()?
    };
    let rows = fetch_package(&store, filter, output.is_table());
    drop(store);
    match rows {
        Ok(mut rows) if output.is_table() && rows.len() == 1 => {
            package::draw(rows.remove(0), output.terminal(), out)?;
            Ok(Status::Success)
        }
        rows => output.write(package_columns(), rows, out),
    }
}

/// The package with its builds, none if no build passes the filter. `newest_only` reads the
/// details of the newest builds only.
fn fetch_package(store: &Store, filter: Filter, newest_only: bool) -> Result<Vec<Package>, Error> {
    suggest::check_period(store, &filter)?;
    let Some(row) = store.packages(&filter)?.pop() else {
        return Ok(Vec::new());
    };
    let newest = Filter {
        last: Some(filter.last.map_or(DETAILED, |last| last.min(DETAILED))),
        ..filter.clone()
    };
    let detailed = if newest_only { &newest } else { &filter };
    let phases = store.phases(detailed)?;
    let evidence = store.evidence(&newest)?;
    let history = builds::with_phases(store.builds(detailed)?, phases);
    let builds = store.briefs(&filter)?;
    // Which builds were the first of their version doesn't depend on the filter.
    let whole_package = Filter {
        packages: filter.packages.clone(),
        ..Filter::default()
    };
    let cold = if filter == whole_package {
        history::cold_builds(&builds)
    } else {
        history::cold_builds(&store.briefs(&whole_package)?)
    };
    Ok(vec![Package {
        row,
        versions: history::versions(&builds, &cold),
        builds,
        phases: history
            .iter()
            .flat_map(|build| build.phases.clone())
            .collect(),
        sample: advice::Sample::of(&evidence),
        advice: advice::derive(evidence),
        history,
    }])
}

/// The columns of `builds`, and more.
pub(super) fn build_columns() -> Vec<Column<Build>> {
    let mut columns = builds::columns();
    columns.extend([Column::nested("compilers", |b: &Build| {
        breakdown::compilers(&b.phases)
    })]);
    columns
}

/// The columns of `packages`, and more.
pub(super) fn package_columns() -> Vec<Column<Package>> {
    type Col = Column<Package>;
    let shared = packages::columns().into_iter();
    let mut columns: Vec<Col> = shared.map(|c| c.within(|p: &Package| &p.row)).collect();
    columns.extend([
        Col::nested("languages", |p| breakdown::languages(&p.phases)),
        Col::nested("compilers", |p| breakdown::compilers(&p.phases)),
        Col::nested("not_cached", |p| breakdown::not_cached(&p.phases)),
        Col::nested("phases", |p| breakdown::phases(&p.phases)),
        Col::nested("history", |p| json_rows(&builds::columns(), &p.history)),
        Col::nested("versions", |p| json_rows(&history::columns(), &p.versions)),
        Col::nested("sccache_versions", |p| {
            serde_json::json!(history::sccache_versions(&p.builds))
        }),
        Col::nested("advice", |p| advise::nested(&p.advice, p.sample)),
    ]);
    columns
}
