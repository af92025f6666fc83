//! A package for people: its sums, advice, history, versions, breakdown and newest builds.

use std::io::{self, Write};

use super::super::super::table::Terminal;
use super::super::super::verdict::time_saved;
use super::super::super::{advice, chart, text};
use super::super::{builds, sums};
use super::build::{draw_breakdown, draw_table, rates};
use super::history::{self, Group, Package, Version};

/// Builds and versions that are listed.
const LISTED: usize = 10;

pub(super) fn draw(
    mut package: Package,
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    draw_sums(&package, terminal, out)?;
    draw_advice(&package, terminal, out)?;
    draw_chart(&package, terminal, out)?;
    draw_versions(std::mem::take(&mut package.versions), terminal, out)?;
    let (all, detailed) = (package.builds.len(), package.history.len());
    if detailed < all {
        let all = text::number(all as u64);
        writeln!(
            out,
            "\nBelow: the newest {detailed} of {all} builds (JSON has all)"
        )?;
    }
    draw_breakdown(&package.phases, terminal, out)?;
    let title = if all > LISTED {
        let all = text::number(all as u64);
        let name = &package.row.package;
        format!("the newest of {all} builds (all: sccache-report builds {name})")
    } else {
        "builds".to_string()
    };
    let newest = package.history.split_off(detailed.saturating_sub(LISTED));
    let mut columns = builds::columns();
    columns.retain(|column| column.name != "package");
    draw_table(&title, columns, newest, terminal, out)
}

fn draw_sums(package: &Package, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let (row, sums) = (&package.row, &package.row.sums);
    let (first, last) = (text::date(row.first_at), text::date(row.last_at));
    let period = if first == last {
        format!("on {first}")
    } else {
        format!("from {first} to {last}")
    };
    let builds = text::count(sums.builds, "build");
    let mut lines = vec![
        format!("{builds} {period}, newest version {}", row.last_version),
        rates((sums.hits, sums.misses), sums.hit_rate(), sums.coverage()),
        format!("time saved {}", time_saved(sums)),
    ];
    let note = sums::note(sums);
    if !note.is_empty() {
        lines.push(format!("note: {note}"));
    }
    let mut versions: Vec<_> = history::sccache_versions(&package.builds)
        .into_iter()
        .collect();
    versions.sort_by_key(|(_, builds)| std::cmp::Reverse(*builds));
    let versions: Vec<String> = versions
        .iter()
        .take(LISTED)
        .map(|(name, builds)| format!("{name} ({})", text::count(*builds, "build")))
        .collect();
    if !versions.is_empty() {
        lines.push(format!("sccache {}", versions.join(", ")));
    }
    writeln!(out, "{}", text::sanitize(&row.package))?;
    for line in lines {
        terminal.line(out, "  ", &line)?;
    }
    Ok(())
}

fn draw_advice(package: &Package, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let (changes, notes) = advice::changes_and_notes(&package.advice);
    let how = format!(
        "to change (how: sccache-report advise {}):",
        package.row.package
    );
    for (title, pieces) in [(how.as_str(), changes), ("for your information:", notes)] {
        if !pieces.is_empty() {
            writeln!(out)?;
            terminal.line(out, "", title)?;
        }
        for piece in pieces {
            terminal.line(out, "- ", &piece.summary)?;
        }
    }
    Ok(())
}

/// Hits and misses of the newest builds.
fn draw_chart(package: &Package, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let counts: Vec<chart::Counts> = package
        .builds
        .iter()
        .map(|build| build.hits.zip(build.misses))
        .collect();
    let (lines, shown) = chart::columns(&counts, terminal.width);
    if lines.is_empty() {
        return Ok(());
    }
    let newest = if shown < counts.len() {
        "the newest "
    } else {
        ""
    };
    let is_incomplete = counts[counts.len() - shown..].contains(&None);
    let unknown = if is_incomplete {
        ", ? not measured"
    } else {
        ""
    };
    let title =
        format!("hits █ and misses ░ of {newest}{shown} builds, the newest on the right{unknown}");
    writeln!(out)?;
    terminal.line(out, "", &title)?;
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn draw_versions(
    mut versions: Vec<Version>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (mut cold, mut warm) = (Group::default(), Group::default());
    for version in &versions {
        cold.add(version.cold);
        warm.add(version.warm);
    }
    let sums = format!(
        "cold (first build of a version): {}; warm (later builds): {}",
        group(cold),
        group(warm)
    );
    let all = versions.len();
    let newest = versions.split_off(all.saturating_sub(LISTED));
    let title = if all > LISTED {
        format!("the newest of {} versions", text::number(all as u64))
    } else {
        "versions".to_string()
    };
    draw_table(&title, history::columns(), newest, terminal, out)?;
    terminal.line(out, "", &sums)
}

fn group(group: Group) -> String {
    match group.hit_rate() {
        None if group.builds == 0 => "none".to_string(),
        None => text::count(group.builds, "build"),
        Some(rate) => {
            let builds = text::count(group.builds, "build");
            format!("{builds}, hit rate {}", text::percent(rate))
        }
    }
}
