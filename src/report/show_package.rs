//! A package for people: what it is, what to change, how it went, what it divides into.

use std::io::{self, Write};

use super::advise::{self, draw_titles, indented};
use super::format::Look;
use super::history::{self, Group, Package, Version};
use super::packages::note;
use super::sections::{divided, rates, section};
use super::verdict::saved;
use super::{builds, chart, text};

/// So many builds and versions are listed; the rest only count.
const LISTED: usize = 10;

/// A package: its sums, how it went over time, what its numbers divide into, its builds.
pub(super) fn draw_package(
    mut package: Package,
    look: &Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    head(&package, look, out)?;
    let (changes, notes) = advise::divided(&package.advice);
    let name = text::clean(&package.row.package);
    let titles = [
        (
            changes,
            format!("to change (sccache-report advise {name}):"),
        ),
        (notes, "good to know, and as it has to be:".to_string()),
    ];
    for (pieces, title) in titles {
        if !pieces.is_empty() {
            writeln!(out, "\n{}", indented("", &title, look))?;
            draw_titles(&pieces, look, out)?;
        }
    }
    picture(&package, look, out)?;
    let versions = std::mem::take(&mut package.versions);
    draw_versions(versions, look, out)?;
    let (all, newest) = (package.builds.len(), package.history.len());
    if newest < all {
        let of_all = text::number(all as u64);
        writeln!(
            out,
            "\nbelow, the newest {newest} of {of_all} builds (JSON has all)"
        )?;
    }
    divided(&package.phases, look, out)?;
    let listed = package.history.split_off(newest.saturating_sub(LISTED));
    let title = match all > LISTED {
        true => format!(
            "the newest builds, of {} (sccache-report builds)",
            text::number(all as u64)
        ),
        false => "builds".to_string(),
    };
    let mut sheet = builds::sheet(listed);
    sheet.columns.retain(|column| column.name != "package");
    section(&title, sheet, look, out)
}

/// Who it is, and its sums.
fn head(package: &Package, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let (row, sums) = (&package.row, &package.row.sums);
    let (first, last) = (text::day(row.first_at), text::day(row.last_at));
    let when = match first == last {
        true => format!("on {first}"),
        false => format!("from {first} to {last}"),
    };
    let builds = text::of(sums.builds, "build");
    writeln!(out, "{}", text::clean(&row.package))?;
    let mut line = |text: String| writeln!(out, "{}", indented("  ", &text, look));
    line(format!(
        "{builds} {when}, the last of version {}",
        row.last_version
    ))?;
    line(rates(
        sums.hits,
        sums.misses,
        sums.hit_rate(),
        sums.coverage(),
    ))?;
    line(format!("time saved {}", saved(sums)))?;
    let remarks = note(sums);
    if !remarks.is_empty() {
        line(format!("of them {remarks}"))?;
    }
    let versions = history::sccache_versions(package.builds.iter());
    let mut versions: Vec<(&str, u64)> = versions.into_iter().collect();
    versions.sort_by_key(|(_, builds)| std::cmp::Reverse(*builds));
    let named = versions.iter().take(LISTED);
    let named: Vec<String> = named
        .map(|(name, builds)| format!("{name} ({})", text::of(*builds, "build")))
        .collect();
    match named.is_empty() {
        true => Ok(()),
        false => line(format!("sccache {}", named.join(", "))),
    }
}

/// Hits and misses over builds.
fn picture(package: &Package, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let bars: Vec<chart::Bar> = { package.builds.iter() }
        .map(|build| build.hits.zip(build.misses))
        .collect();
    let (lines, shown) = chart::chart(&bars, look.width);
    if lines.is_empty() {
        return Ok(());
    }
    let of = match shown < bars.len() {
        true => format!("the newest {shown} builds"),
        false => format!("{shown} builds"),
    };
    let unknown = match bars[bars.len() - shown..].contains(&None) {
        true => ", ? not measured",
        false => "",
    };
    let title = format!("hits █ and misses ░ of {of}, the newest on the right{unknown}");
    writeln!(out, "\n{}", indented("", &title, look))?;
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// How versions began, and how they went on.
fn draw_versions(mut versions: Vec<Version>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let (mut cold, mut warm) = (Group::default(), Group::default());
    for version in &versions {
        cold.add(version.cold);
        warm.add(version.warm);
    }
    let said = |group: Group| match group.hit_rate() {
        None if group.builds == 0 => "none".to_string(),
        Some(rate) => format!(
            "{}, hit rate {}",
            text::of(group.builds, "build"),
            text::rate(rate)
        ),
        None => text::of(group.builds, "build"),
    };
    let all = versions.len();
    let listed = versions.split_off(all.saturating_sub(LISTED));
    let title = match all > LISTED {
        true => format!("the newest versions, of {}", text::number(all as u64)),
        false => "versions".to_string(),
    };
    section(&title, history::sheet(listed), look, out)?;
    let sums = format!(
        "cold, the first build of a version: {}; warm, the later ones: {}",
        said(cold),
        said(warm)
    );
    writeln!(out, "{}", indented("", &sums, look))
}
