//! `sccache-report doctor`: prints the checks.

use std::io::{self, Write};
use std::path::PathBuf;

use super::super::options::OutputFormat;
use super::super::table::{Column, Terminal, Value};
use super::super::{Status, text};
use crate::doctor::{Finding, State, examine};
use crate::error::Error;

/// Check whether the next build will be cached and recorded
///
/// Prints one line per check and, below each problem that a command can fix, the commands for root's
/// shell. States: green; yellow (needs attention); red (builds are not cached or not recorded);
/// unknown (could not be checked). Run it as root: then it compiles a small C file and a Rust file
/// twice as the user that builds, with the settings of your builds. It changes nothing else.
///
/// Exit status: 0 nothing is red, 1 something is red, 2 an error occurred.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputFormat,
}

/// The width of text if the output isn't a terminal.
const WIDTH: usize = 80;

pub(super) fn run(
    args: &Args,
    database: Option<PathBuf>,
    out: &mut dyn Write,
) -> Result<Status, Error> {
    let rows = examine(database);
    let is_red = rows.iter().any(|row| row.state == State::Red);
    if args.output.is_table() {
        print(&rows, args.output.terminal(), out)?;
    } else {
        args.output.write(columns(), Ok(rows), out)?;
    }
    if is_red {
        Ok(Status::Problems)
    } else {
        Ok(Status::Success)
    }
}

fn columns() -> Vec<Column<Finding>> {
    vec![
        Column::data("check", |row: &Finding| Value::text(row.check)),
        Column::data("state", |row: &Finding| Value::text(row.state.name())),
        Column::data("message", |row: &Finding| Value::text(&row.message)),
        Column::data("fix", |row: &Finding| {
            if row.fix.is_empty() {
                Value::Unknown
            } else {
                Value::text(row.fix.join("\n"))
            }
        }),
    ]
}

fn print(rows: &[Finding], terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let width = terminal.width.unwrap_or(WIDTH).clamp(50, 100);
    for row in rows {
        let state = row.state.name();
        let prefix = format!("{state:7}  {:12}  ", row.check);
        let line = text::hanging(&prefix, &row.message, Some(width));
        if terminal.color {
            let line = line.strip_prefix(state).unwrap_or_default();
            writeln!(out, "\x1b[{}m{state}\x1b[0m{line}", color(row.state))?;
        } else {
            writeln!(out, "{line}")?;
        }
        // Whole, so that they can be copied.
        for command in &row.fix {
            let indent = prefix.len();
            writeln!(out, "{:indent$}fix: {}", "", text::sanitize(command))?;
        }
    }
    let states = [State::Green, State::Yellow, State::Red, State::Unknown];
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    let counts: Vec<String> = states
        .into_iter()
        .filter(|state| count(*state) > 0)
        .map(|state| format!("{} {}", count(state), state.name()))
        .collect();
    writeln!(out, "\n{}", counts.join(", "))
}

/// Returns the parameter of the terminal's escape sequence.
fn color(state: State) -> u8 {
    match state {
        State::Green => 32,
        State::Yellow => 33,
        State::Red => 31,
        State::Unknown => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wrap_and_commands_do_not() {
        let command = "find /var/cache/sccache -xdev -mindepth 1 -user root -delete # and nothing else at all";
        let rows = [
            Finding::new("hook", State::Green, "fine"),
            Finding::new("cache", State::Red, "word ".repeat(15)).fix(command),
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
