//! The man page of `sccache-report`: from the definition of the command line, and from the very
//! columns that the reports write.

use clap_mangen::roff::{Roff, bold, roman};

use super::meanings::MEANINGS;
use super::sheet::Name;
use super::{advise, builds, emerges, overview, packages, show, trend};
use crate::manual::{page, terms};
use crate::store;

/// Every report that has rows: its command (`overview`: without a command), and the names of its
/// columns.
pub(super) fn reports() -> Vec<(&'static str, Vec<Name>)> {
    vec![
        ("overview", overview::names()),
        ("packages", packages::names()),
        ("builds", builds::names()),
        ("emerges", emerges::names()),
        ("trend", trend::names()),
        ("show", show::names()),
        ("advise", advise::names()),
    ]
}

/// The page, ready for man.
pub(super) fn manual() -> String {
    let mut more = Roff::new();
    columns(&mut more);
    more.control("SH", ["ENVIRONMENT"]);
    terms(&mut more, ENVIRONMENT.iter().copied());
    more.control("SH", ["FILES"]);
    terms(&mut more, FILES.iter().copied());
    more.control("SH", ["SEE ALSO"]);
    for page in ["sccache-collect(1),", "sccache-report(5),", "emerge(1)"] {
        let (name, section) = page.split_once('(').unwrap_or((page, ""));
        more.text([bold(name), roman(format!("({section}"))]);
    }
    page(&super::command(), &more)
}

fn columns(roff: &mut Roff) {
    roff.control("SH", ["JSON, CSV AND TSV"]);
    roff.text([roman(
        "JSON is one document, {\"schema\": 1, \"rows\": [...]}. The schema's number grows when a \
         name goes or changes its meaning; new names may come at any time. CSV and TSV have the \
         same columns except those in brackets, a header, and full precision. Columns after \
         `asked for` are there only where --columns names them. What is unknown is null, and empty in CSV and TSV; it is never 0.",
    )]);
    let texts: Vec<(&str, String)> = reports()
        .into_iter()
        .map(|(report, names)| (report, list(&names)))
        .collect();
    terms(
        roff,
        texts.iter().map(|(report, text)| (*report, text.as_str())),
    );
    let of_build: Vec<String> = show::names_of_build_only()
        .iter()
        .map(in_brackets)
        .collect();
    roff.control("PP", []);
    roff.text([
        bold("show"),
        roman(" of a build has the columns of "),
        bold("builds"),
        roman(format!(", and {}.", of_build.join(" "))),
    ]);
    roff.control("SS", ["What the columns mean"]);
    terms(roff, MEANINGS.iter().copied());
}

fn list(names: &[Name]) -> String {
    let shown = |extra: bool| -> Vec<String> {
        let names = names.iter().filter(|name| name.extra == extra);
        names.map(in_brackets).collect()
    };
    match shown(true) {
        none if none.is_empty() => shown(false).join(" "),
        extra => format!("{}; asked for: {}", shown(false).join(" "), extra.join(" ")),
    }
}

fn in_brackets(name: &Name) -> String {
    match name.nested {
        true => format!("[{}]", name.name),
        false => name.name.to_string(),
    }
}

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "SCCACHE_REPORT_DB",
        "The database, where --db doesn't say. What make.conf says to the hook has to be said here \
         again.",
    ),
    (
        "NO_COLOR",
        "Set to anything: no colours, unless --color asks for them.",
    ),
    (
        "EPREFIX",
        "Gentoo Prefix: the folder below which the default database lies. Where it isn't \
     set, it is seen from where the program lies.",
    ),
    ("TZ", "The time zone of dates, days and weeks."),
];

const FILES: &[(&str, &str)] = &[
    (
        store::DEFAULT_PATH,
        "The database, SQLite; on Gentoo Prefix below EPREFIX. Any user can read it.",
    ),
    (
        "/var/lib/sccache-report/stats.db.pending/",
        "Builds that could not be recorded yet; the next recorded build takes them up.",
    ),
    (
        "/usr/share/sccache-report/sccache-report.sh",
        "The hook for Portage's bashrc.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands whose output has no rows.
    const WITHOUT_ROWS: &[&str] = &["help", "doctor", "setup"];

    #[test]
    fn every_report_and_column_is_in_the_page() {
        let reports = reports();
        for command in super::super::command().get_subcommands() {
            let name = command.get_name();
            assert!(
                WITHOUT_ROWS.contains(&name) || reports.iter().any(|(known, _)| *known == name),
                "{name}: its columns belong into reports() above, so that the man page has them"
            );
        }
        let used: Vec<&str> = reports
            .iter()
            .flat_map(|(_, names)| names.iter().map(|name| name.name))
            .collect();
        for name in &used {
            assert!(
                MEANINGS.iter().any(|(known, _)| known == name),
                "{name} has no meaning in meanings.rs"
            );
        }
        for (name, _) in MEANINGS {
            assert!(
                used.contains(name),
                "no report has a column {name} any more"
            );
        }
    }

    #[test]
    fn columns_of_a_build_and_those_asked_for_are_in_the_page() {
        let page = manual();
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in [
            "and [compilers] [levels]. .SS \"What the columns mean\" .TP",
            // A term is one line, whose meaning starts on the next.
            ".TP \\fBnotes\\fR failed, interrupted, partial",
            "last_hit_rate; asked for: failed interrupted incomplete shared",
        ] {
            assert!(page.contains(text), "no {text} in {page}");
        }
    }

    #[test]
    fn the_page_has_every_option_and_section() {
        let page = manual();
        for argument in super::super::command().get_arguments() {
            if let Some(long) = argument.get_long() {
                let long = long.replace('-', "\\-");
                assert!(page.contains(&format!("\\-\\-{long}")), "no --{long}");
            }
        }
        for title in [
            "NAME",
            "SYNOPSIS",
            "EXAMPLES",
            "\"EXIT STATUS\"",
            "ENVIRONMENT",
            "FILES",
        ] {
            assert!(
                page.contains(&format!("\n.SH {title}\n")),
                "no {title} in {page}"
            );
        }
    }
}
