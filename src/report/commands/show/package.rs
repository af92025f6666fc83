//! A package: its sums, advice, history, versions, breakdown and newest builds.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::json;

use super::super::super::advice::{self, Advice, Sample};
use super::super::super::headline::time_saved;
use super::super::super::options::OutputFormat;
use super::super::super::table::{Column, Page, json_rows};
use super::super::super::{Status, breakdown, chart, stable_paths, suggest, text, verdict};
use super::super::builds::{self, Details};
use super::super::{advise, packages, sums};
use super::build::draw_breakdown;
use super::versions::{self, Version};
use crate::error::{Error, Result};
use crate::portage::Phase;
use crate::savings::verdict::Verdict;
use crate::store::{
    BuildCounts, BuildRow, Filter, PackageRow, StablePathEffect, Store, sum_reasons,
};

/// Builds and versions that are listed.
const LISTED: usize = 10;

/// Tables break down the newest builds only: more take longer, and describe settings and compilers
/// that are long gone. JSON has all.
const DETAILED: u32 = 100;

/// A package and its builds.
pub(super) struct Package {
    row: PackageRow,
    /// The newest last.
    counts: Vec<BuildCounts>,
    /// All builds for JSON, only the newest for tables. The newest is the last.
    builds: Vec<BuildRow>,
    /// Of all builds for JSON, of the newest for tables.
    details: Details,
    /// In the order in which they were first built.
    versions: Vec<Version>,
    advice: Vec<Advice>,
    /// The builds that the advice is based on.
    sample: Option<Sample>,
    /// `None` if no build was measured.
    verdict: Option<Verdict>,
}

/// Reads the package of the filter.
///
/// # Errors
/// [`Error::NoMatch`] if none of its builds passes the filter.
pub(super) fn fetch(store: &Store, filter: &Filter, output: &OutputFormat) -> Result<Package> {
    suggest::check_period(store, filter)?;
    let Some(row) = store.packages(filter)?.pop() else {
        return Err(Error::NoMatch(suggest::NO_BUILD.into()));
    };
    let newest = Filter {
        last: Some(filter.last.map_or(DETAILED, |last| last.min(DETAILED))),
        ..filter.clone()
    };
    let detailed = if output.is_table() { &newest } else { filter };
    let details = Details {
        phases: store.phases(detailed)?,
        reasons: store.miss_reasons(detailed)?,
        stable_paths: store.stable_path_effects(detailed)?,
    };
    let builds = store.builds(detailed)?;
    let evidence = store.evidence(&newest)?;
    let counts = store.build_counts(filter)?;
    let verdict = store.verdicts(&[&row.package])?.remove(&row.package);
    // Which builds were the first of their version doesn't depend on the filter.
    let whole_package = Filter {
        packages: filter.packages.clone(),
        ..Filter::default()
    };
    let cold = if *filter == whole_package {
        versions::cold_builds(&counts)
    } else {
        versions::cold_builds(&store.build_counts(&whole_package)?)
    };
    Ok(Package {
        row,
        versions: versions::versions(&counts, &cold),
        counts,
        builds,
        details,
        sample: Sample::from_evidence(&evidence),
        advice: advice::advise(store, evidence)?,
        verdict,
    })
}

pub(super) fn write(
    package: Result<Package>,
    output: &OutputFormat,
    out: &mut dyn Write,
) -> Result<Status> {
    match package {
        Ok(package) if output.is_table() => {
            draw(package, &mut output.page(out))?;
            Ok(Status::Success)
        }
        Ok(package) => {
            let row = package.row.clone();
            output.write(columns(package), Ok(vec![row]), out)
        }
        Err(error) => output.write(packages::columns(), Err(error), out),
    }
}

impl Package {
    /// The phases of the builds, the oldest first.
    fn all_phases(&self) -> Vec<Phase> {
        let phases = self
            .builds
            .iter()
            .filter_map(|build| self.details.phases.get(&build.id));
        phases.flatten().cloned().collect()
    }
}

/// Builds per version of sccache, without those that don't name one.
fn sccache_versions(builds: &[BuildRow]) -> BTreeMap<&str, u64> {
    let mut versions = BTreeMap::new();
    for name in builds
        .iter()
        .filter_map(|build| build.sccache_version.as_deref())
    {
        *versions.entry(name).or_default() += 1;
    }
    versions
}

/// The columns of `packages`, and more.
fn columns(package: Package) -> Vec<Column<PackageRow>> {
    let phases = package.all_phases();
    let sccache_versions = json!(sccache_versions(&package.builds));
    let details = [
        ("languages", breakdown::languages(&phases)),
        ("compilers", breakdown::compilers(&phases)),
        ("not_cached", breakdown::not_cached(&phases)),
        ("phases", breakdown::phases(&phases)),
        (
            "history",
            json_rows(&builds::columns(package.details), &package.builds),
        ),
        (
            "versions",
            json_rows(&versions::columns(), &package.versions),
        ),
        ("sccache_versions", sccache_versions),
        ("advice", advise::nested(&package.advice, package.sample)),
        ("verdict_numbers", json!(package.verdict)),
    ];
    let verdicts = package
        .verdict
        .map(|verdict| (package.row.package, verdict));
    let mut columns = packages::all_columns(verdicts.into_iter().collect());
    columns.extend(details.map(|(name, value)| Column::nested(name, move |_| value.clone())));
    columns
}

fn draw(mut package: Package, page: &mut Page<'_>) -> io::Result<()> {
    draw_sums(&package, page)?;
    draw_advice(&package, page)?;
    draw_chart(&package, page)?;
    draw_versions(std::mem::take(&mut package.versions), page)?;
    let all = package.counts.len();
    let count = text::number(all as u64);
    if all > DETAILED as usize {
        page.blank()?;
        page.line(
            "",
            &format!("Below: the newest {DETAILED} of {count} builds (JSON has all)"),
        )?;
    }
    draw_breakdown(&package.all_phases(), page)?;
    let title = if all > LISTED {
        let name = &package.row.package;
        format!("the newest of {count} builds (all: sccache-report builds {name})")
    } else {
        "builds".to_string()
    };
    let before_listed = package.builds.len().saturating_sub(LISTED);
    let newest = package.builds.split_off(before_listed);
    let mut columns = builds::columns(Details::default());
    columns.retain(|column| column.name != "package");
    page.table(&title, columns, newest)
}

fn draw_sums(package: &Package, page: &mut Page<'_>) -> io::Result<()> {
    let (row, sums) = (&package.row, &package.row.sums);
    page.line("", &row.package)?;
    let builds = text::count(sums.builds, "build");
    let period = text::period(row.first_at, row.last_at);
    page.line(
        "  ",
        &format!("{builds}, {period}, newest version {}", row.last_version),
    )?;
    page.line("  ", &format!("hit rate {}", sums::rates(sums)))?;
    page.line("  ", &format!("time saved {}", time_saved(sums)))?;
    if let Some(verdict) = &package.verdict {
        page.line("  ", &verdict::sentence(verdict))?;
    }
    let reasons = sum_reasons(package.details.reasons.values().flatten());
    let title = if package.counts.len() > DETAILED as usize {
        format!("misses of the newest {DETAILED} builds")
    } else {
        "misses".to_string()
    };
    let misses = package.builds.iter().filter_map(|build| build.misses).sum();
    sums::draw_misses(&title, (&reasons, misses), &row.package, page)?;
    let mut effect = StablePathEffect::default();
    let effects = package.details.stable_paths.values();
    effects.for_each(|build| effect.add(build));
    if effect.gained_hits > 0 {
        let gained = stable_paths::gained(&effect);
        page.line("  ", &format!("stable paths: {gained}"))?;
    }
    let note = sums::note(sums);
    if !note.is_empty() {
        page.line("  ", &format!("note: {note}"))?;
    }
    Ok(())
}

fn draw_advice(package: &Package, page: &mut Page<'_>) -> io::Result<()> {
    let (changes, notes) = advice::changes_and_notes(&package.advice);
    let name = &package.row.package;
    let how = format!("to change (details: sccache-report advise {name}):");
    for (title, pieces) in [(how.as_str(), changes), ("for your information:", notes)] {
        if !pieces.is_empty() {
            page.blank()?;
            page.line("", title)?;
        }
        for piece in pieces {
            page.line("- ", &piece.summary)?;
        }
    }
    Ok(())
}

/// Hits and misses of the newest builds.
fn draw_chart(package: &Package, page: &mut Page<'_>) -> io::Result<()> {
    let counts = package
        .counts
        .iter()
        .map(|build| build.hits.zip(build.misses));
    let counts: Vec<chart::Counts> = counts.collect();
    let (lines, shown) = chart::columns(&counts, page.terminal.width);
    if lines.is_empty() {
        return Ok(());
    }
    let mut title = format!("hits █ and misses ░ of {shown} builds, the newest on the right");
    if shown < counts.len() {
        title = title.replace("of ", "of the newest ");
    }
    if counts[counts.len() - shown..].contains(&None) {
        title.push_str(", ? not measured");
    }
    page.blank()?;
    page.line("", &title)?;
    lines
        .iter()
        .try_for_each(|line| writeln!(page.out, "{line}"))
}

fn draw_versions(mut versions: Vec<Version>, page: &mut Page<'_>) -> io::Result<()> {
    let all = versions.len();
    let newest = versions.split_off(all.saturating_sub(LISTED));
    let mut title = "versions (cold: the first build on a host, warm: later builds)".to_string();
    if all > LISTED {
        title = format!("the newest of {} {title}", text::number(all as u64));
    }
    page.table(&title, versions::columns(), newest)
}
