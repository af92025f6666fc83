//! The emerge.log of generated builds, for emlop.

use std::io::Write;

use anyhow::Result;
use sccache_report::portage::Build;

/// Writes the lines that Portage writes for a merge (`lib/_emerge/` of 3.0.83, `emergelog`).
pub fn log(out: &mut dyn Write, build: &Build, first: bool) -> Result<()> {
    let (begin, end) = (build.started_at.timestamp(), build.finished_at.timestamp());
    let what = format!("{}-{}", build.package, build.version);
    let ebuild = format!(
        "{what}::/var/db/repos/gentoo/{}/{what}.ebuild",
        build.package
    );
    if first {
        let command = build.emerge.as_ref().map_or("", |emerge| &emerge.command);
        let command = command.trim_start_matches("emerge");
        writeln!(
            out,
            "{begin}: Started emerge on: {}",
            build.started_at.format("%b %d, %Y %H:%M:%S")
        )?;
        writeln!(out, "{begin}:  *** emerge {command}")?;
    }
    writeln!(out, "{begin}:  >>> emerge (1 of 1) {what} to /")?;
    writeln!(out, "{begin}:  === (1 of 1) Cleaning ({ebuild})")?;
    writeln!(out, "{begin}:  === (1 of 1) Compiling/Merging ({ebuild})")?;
    writeln!(out, "{end}:  === (1 of 1) Merging ({ebuild})")?;
    writeln!(out, "{end}:  === (1 of 1) Post-Build Cleaning ({ebuild})")?;
    writeln!(out, "{end}:  ::: completed emerge (1 of 1) {what} to /")?;
    Ok(())
}
