//! `sccache-report doctor`: prints the checks.

use std::io::{self, Write};
use std::path::PathBuf;

use super::super::options::{DEFAULT_WIDTH, OutputFormat};
use super::super::table::{Column, Terminal, Value};
use super::super::{Status, text};
use crate::doctor::{Finding, State, run_checks};
use crate::error::Error;

/// Check whether the next build will be cached and recorded
///
/// Prints one line per check, and the commands that fix a problem, which root must run. States:
/// green, yellow (needs attention), red (builds aren't cached or aren't recorded), and unknown (not
/// checked). As root, doctor also compiles a small C file and a small Rust file twice, as the build
/// user and with the settings of your builds. It changes nothing else.
///
/// Exit status: 0 if nothing is red, 1 if something is red, 2 after an error.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(
    args: &Args,
    database: Option<PathBuf>,
    out: &mut dyn Write,
) -> Result<Status, Error> {
    let findings = run_checks(database);
    let is_red = findings.iter().any(|row| row.state == State::Red);
    if args.output.is_table() {
        print(&findings, args.output.terminal(), out)?;
    } else {
        args.output.write(columns(), Ok(findings), out)?;
    }
    if is_red {
        return Ok(Status::Problems);
    }
    Ok(Status::Success)
}

fn columns() -> Vec<Column<Finding>> {
    vec![
        Column::data("check", |row: &Finding| Value::text(row.check)),
        Column::data("state", |row: &Finding| Value::text(describe(row.state).0)),
        Column::data("message", |row: &Finding| Value::text(&row.message)),
        Column::data("fix", |row: &Finding| match row.fix.join("\n") {
            fix if fix.is_empty() => Value::Unknown,
            fix => Value::text(fix),
        }),
    ]
}

/// Returns the state's name, and its color as the parameter of a terminal's escape sequence.
fn describe(state: State) -> (&'static str, u8) {
    match state {
        State::Green => ("green", 32),
        State::Yellow => ("yellow", 33),
        State::Red => ("red", 31),
        State::Unknown => ("unknown", 2),
    }
}

fn print(findings: &[Finding], terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let width = terminal.width.unwrap_or(DEFAULT_WIDTH).clamp(50, 100);
    for finding in findings {
        let (state, color) = describe(finding.state);
        let prefix = format!("{state:7}  {:12}  ", finding.check);
        let line = text::hanging(&prefix, &finding.message, Some(width));
        if terminal.color {
            let rest = line.strip_prefix(state).unwrap_or_default();
            writeln!(out, "\x1b[{color}m{state}\x1b[0m{rest}")?;
        } else {
            writeln!(out, "{line}")?;
        }
        // On one line, so that they can be copied.
        for command in &finding.fix {
            let indent = prefix.len();
            writeln!(out, "{:indent$}fix: {}", "", text::sanitize(command))?;
        }
    }
    let states = [State::Green, State::Yellow, State::Red, State::Unknown];
    let count = |state| findings.iter().filter(|row| row.state == state).count();
    let counts = states.map(|state| (count(state), describe(state).0));
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    writeln!(out, "\n{}", counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wrap_and_commands_do_not() {
        let command = "find /var/cache/sccache -xdev -mindepth 1 -user root -delete # and nothing else at all";
        let finding = |check, state, message: &str| Finding {
            check,
            ..Finding::new(state, message)
        };
        let rows = [
            finding("hook", State::Green, "fine"),
            finding("cache", State::Red, &"word ".repeat(15)).fix(command),
        ];
        let print = |color| {
            let width = Some(60);
            let mut out = Vec::new();
            print(&rows, Terminal { color, width }, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = print(false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "green    hook          fine");
        assert!(lines[1].starts_with("red      cache         word word"));
        let indent = " ".repeat(23);
        assert!(lines[2].starts_with(&format!("{indent}word")));
        assert!(lines[1..3].iter().all(|line| line.trim_end().len() <= 60));
        assert!(lines.contains(&&*format!("{indent}fix: {command}")));
        assert_eq!(lines.last(), Some(&"1 green, 1 red"));
        assert!(print(true).starts_with("\x1b[32mgreen\x1b[0m    hook"));
    }
}
