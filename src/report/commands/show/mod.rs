//! `sccache-report show`: everything about one package or one build.

mod build;
mod package;
mod versions;

use std::io::Write;

use self::build::Build;
use super::super::options::{BuildFilter, Database, OutputFormat};
use super::super::{Status, suggest};
use crate::error::{Error, Result};
use crate::store::{Filter, Patterns, Store};

/// Show everything about one package or build
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// PN, CATEGORY/PN, or a build ID (at least 8 characters)
    #[arg(value_name = "PACKAGE|BUILD-ID")]
    target: String,

    #[command(flatten)]
    filter: BuildFilter,

    #[command(flatten)]
    output: OutputFormat,
}

/// Candidates that the message about an ambiguous target names.
const CANDIDATES: usize = 8;

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    let filter = args.filter.filter()?;
    let patterns = Patterns::parse(&[&args.target], false)?;
    let store = database.open()?;
    match *store.matching_packages(&patterns)? {
        [ref name] => show_package(&store, name, filter, &args.output, out),
        [] => {
            let build = find_build(&store, &args.target, filter);
            build::write(build, &args.output, out)
        }
        ref several => Err(ambiguous(&args.target, several)),
    }
}

/// Shows everything about the package with exactly this name.
pub(super) fn show_package(
    store: &Store,
    name: &str,
    mut filter: Filter,
    output: &OutputFormat,
    out: &mut dyn Write,
) -> Result<Status> {
    filter.packages = Some(vec![name.to_string()]);
    package::write(package::fetch(store, &filter, output), output, out)
}

/// Reads the build whose id starts with the text.
fn find_build(store: &Store, text: &str, mut filter: Filter) -> Result<Build> {
    let ids = store.builds_with_id(text, CANDIDATES as u32 + 1)?;
    match *ids {
        [] => {
            suggest::require_builds(store)?;
            Err(suggest::unknown_package(&store.package_names()?, &[text]))
        }
        [id] => {
            filter.build = Some(id);
            build::fetch(store, &filter)
        }
        ref several => Err(ambiguous(text, several)),
    }
}

fn ambiguous(target: &str, candidates: &[impl ToString]) -> Error {
    let named = candidates.iter().take(CANDIDATES).map(ToString::to_string);
    let mut hint = format!("choose one of: {}", named.collect::<Vec<_>>().join(" "));
    if candidates.len() > CANDIDATES {
        hint.push_str(" ...");
    }
    Error::usage(format!("`{target}` is ambiguous"), hint)
}
