//! `sccache-report show`: everything about one package or one build.

pub(super) mod build;
mod package;
pub(super) mod versions;

use std::io::Write;

use super::super::Status;
use super::super::options::{BuildFilter, Database, OutputFormat};
use super::target::Target;
use crate::error::Result;
use crate::store::{Filter, Store};

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

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    let mut filter = args.filter.filter()?;
    let store = database.open()?;
    let build = match Target::find(&store, &args.target) {
        Ok(Target::Package(name)) => {
            return show_package(&store, &name, filter, &args.output, out);
        }
        Ok(Target::Build(id)) => {
            filter.build = Some(id);
            build::fetch(&store, &filter)
        }
        Err(error) => Err(error),
    };
    build::write(build, &args.output, out)
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
