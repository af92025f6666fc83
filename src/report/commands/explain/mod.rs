//! `sccache-report explain`: why the compilations of a build missed.

mod draw;
mod fetch;
mod unexplained;

use std::io::Write;

use chrono::TimeDelta;
use clap::value_parser;
use serde_json::json;

use self::fetch::Reason;
use super::super::options::{Database, OutputFormat, RowOptions, RowOrder};
use super::super::table::{Column, Importance::*, Value};
use super::super::{Status, miss_reasons, text};
use crate::error::Result;
use crate::sccache::compilations::{Language, MissReason};
use crate::store::MissedUnit;

/// Show why compilations missed, the costliest reason first
///
/// Explains the newest build of a package with known compilations, or the build with this ID. Units are kept
/// for the newest builds of a package, and reasons with their costs for all builds.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after_help())]
pub(super) struct Args {
    /// PN, CATEGORY/PN, or a build ID (at least 8 characters)
    #[arg(value_name = "PACKAGE|BUILD-ID")]
    target: String,

    /// Show at most N units per reason [default: 3; JSON: all]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..), help_heading = "Output")]
    limit: Option<u32>,

    /// Show these columns (their JSON names), in this order
    ///
    /// Tables then have no units.
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    columns: Option<Vec<String>>,

    #[command(flatten)]
    output: OutputFormat,
}

fn after_help() -> String {
    let reasons = MissReason::ALL
        .map(|reason| format!("  {:8} {}\n", reason.word(), miss_reasons::meaning(reason)));
    format!(
        "Reasons:\n{}\nEach reason except `unknown` is certain. A unit is an object file or a crate.\n\n\
         Examples:\n  sccache-report explain emlop\n  \
         sccache-report explain 7c1a3f20 --limit 20\n  \
         sccache-report explain emlop --format json | jq '.rows[].units[0].unit'",
        reasons.concat()
    )
}

/// Units per reason in a table.
const UNITS: usize = 3;

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    let store = database.open()?;
    match fetch::fetch(&store, args) {
        Ok(explanation) if args.output.is_table() && args.columns.is_none() => {
            draw::draw(&explanation, &mut args.output.page(out))?;
            Ok(Status::Success)
        }
        explanation => {
            let options = RowOptions {
                columns: args.columns.clone(),
                ..RowOptions::default()
            };
            let rows = explanation.map(|explanation| explanation.reasons);
            let options = (&options, RowOrder::Ranked);
            args.output.write_rows(columns(), rows, options, out)
        }
    }
}

fn columns() -> Vec<Column<Reason>> {
    type Col = Column<Reason>;
    vec![
        Col::data("reason", |reason| Value::text(reason.sum.reason.word())).shown(Key),
        Col::data("count", |reason| Value::Count(reason.sum.misses)).shown(Key),
        Col::data("compile_seconds", |reason| {
            Some(reason.sum.compile_time).into()
        })
        .shown(Key),
        Col::data("avoidable_with_stable_paths", |reason| {
            reason.avoidable.into()
        }),
        Col::nested("units", |reason| {
            let units = reason.units.iter();
            units.map(unit_json).collect()
        }),
    ]
}

fn unit_json(unit: &MissedUnit) -> serde_json::Value {
    json!({
        "unit": text::sanitize(&unit.unit),
        "language": unit.language.map(Language::as_str),
        "phase": unit.phase,
        "count": unit.misses,
        "compile_seconds": unit.compile_time.map(TimeDelta::as_seconds_f64),
    })
}
