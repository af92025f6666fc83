//! `sccache-report doctor`: what is wrong, and what to do.

use std::io::{self, Write};
use std::path::PathBuf;

use unicode_width::UnicodeWidthStr;

use super::error::Error;
use super::options::OutputFormat;
use super::table::{Column, Terminal, Value};
use super::{Status, text};
use crate::system::doctor::{Finding, State, examine};

/// Check the installation
///
/// Prints one line per check and, for each problem, how to fix it: green, yellow (it works, but not
/// as well as it could), red (builds are not cached, not recorded, or reports are wrong), or
/// unknown if it could not be checked. Nothing is changed. Run it as root to check everything.
///
/// Exit status: 0 nothing is red, 1 something is red, 2 an error occurred.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputFormat,
}

/// The width where the terminal doesn't tell one.
const WIDTH: usize = 80;

pub(super) fn run(
    args: &Args,
    database: Option<PathBuf>,
    out: &mut dyn Write,
) -> Result<Status, Error> {
    let rows = examine(database);
    let is_red = rows.iter().any(|row| row.state == State::Red);
    if args.output.is_table() {
        draw(&rows, args.output.terminal(), out)?;
    } else {
        args.output.write(columns(), Ok(rows), out)?;
    }
    Ok(if is_red {
        Status::Problems
    } else {
        Status::Success
    })
}

fn columns() -> Vec<Column<Finding>> {
    type Col = Column<Finding>;
    vec![
        Col::data("check", |row| Value::text(row.check)),
        Col::data("state", |row| Value::text(word(row.state))),
        Col::data("message", |row| Value::text(&row.message)),
        Col::data("cure", |row| match row.cure.is_empty() {
            true => Value::Unknown,
            false => Value::text(row.cure.join("\n")),
        }),
    ]
}

fn word(state: State) -> &'static str {
    match state {
        State::Green => "green",
        State::Yellow => "yellow",
        State::Red => "red",
        State::Unknown => "unknown",
    }
}

fn draw(rows: &[Finding], look: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let width = look.width.unwrap_or(WIDTH).clamp(40, 100);
    let names = rows.iter().map(|row| row.check.len()).max().unwrap_or(0);
    let beside = "unknown".len() + 2 + names + 2;
    // Where little is left beside the names, messages go below them.
    let is_narrow = width < beside + 36;
    let indent = " ".repeat(if is_narrow {
        "unknown".len() + 2
    } else {
        beside
    });
    for row in rows {
        let message = text::sanitize(&row.message);
        let lines = fill(message.split(' '), width - indent.len(), "");
        let lines = lines.join(&format!("\n{indent}"));
        let state = paint(row.state, look.color);
        match is_narrow {
            true => writeln!(out, "{state}  {}\n{indent}{lines}", row.check)?,
            false => writeln!(out, "{state}  {:names$}  {lines}", row.check)?,
        }
        for command in &row.cure {
            let command = text::sanitize(command);
            let lines = fill(words(&command), width - 4, " \\");
            writeln!(out, "    {}", lines.join("\n      "))?;
        }
    }
    let lines = fill(summary(rows).split(' '), width, "").join("\n");
    writeln!(out, "\n{lines}")
}

fn paint(state: State, color: bool) -> String {
    let word = format!("{:7}", word(state));
    let code = match state {
        State::Green => 32,
        State::Yellow => 33,
        State::Red => 31,
        State::Unknown => 2,
    };
    if color {
        format!("\x1b[{code}m{word}\x1b[0m")
    } else {
        word
    }
}

fn summary(rows: &[Finding]) -> String {
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    let states = [State::Green, State::Yellow, State::Red, State::Unknown];
    let counts: Vec<String> = states
        .into_iter()
        .filter(|state| count(*state) > 0)
        .map(|state| format!("{} {}", count(state), word(state)))
        .collect();
    let commands = rows.iter().any(|row| !row.cure.is_empty());
    let hint = if commands {
        "; the commands are for root's shell"
    } else {
        ""
    };
    format!("{}{hint}", counts.join(", "))
}

/// Words in lines no wider than `width`, where a word isn't wider itself: a path that is broken could
/// not be copied. Every line but the last
/// ends with `joint`; all but the first have two places less, to be set in.
fn fill<'a>(words: impl Iterator<Item = &'a str>, width: usize, joint: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        let inset = if lines.len() > 1 && !joint.is_empty() {
            2
        } else {
            0
        };
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() + joint.width() + inset <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(line) => {
                line.push_str(joint);
                lines.push(word.to_owned());
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A command's words, those in quotes whole.
fn words(command: &str) -> impl Iterator<Item = &str> {
    let (mut quote, mut is_escaped) = (None, false);
    command.split(move |c: char| {
        if std::mem::take(&mut is_escaped) {
            return false;
        }
        match (quote, c) {
            (None | Some('"'), '\\') => is_escaped = true,
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        c == ' ' && quote.is_none()
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_go_below_the_names_where_it_is_narrow() {
        let drawn = |width| {
            let row = Finding::of(
                "cache-folder",
                State::Red,
                "it is not there at all",
                "mkdir /a",
            );
            let look = Terminal {
                color: false,
                width: Some(width),
            };
            let mut out = Vec::new();
            draw(&[row], look, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let wide = "red      cache-folder  it is not there at all\n    mkdir /a\n";
        assert!(drawn(80).starts_with(wide), "{}", drawn(80));
        let narrow = "red      cache-folder\n         it is not there at all\n    mkdir /a\n";
        assert!(drawn(50).starts_with(narrow), "{}", drawn(50));
    }

    #[test]
    fn a_command_can_be_pasted_however_narrow() {
        let command = "echo 'A=\"b c\"' >> /etc/portage/make.conf";
        assert_eq!(fill(words(command), 80, " \\"), [command]);
        let lines = fill(words(command), 20, " \\");
        assert_eq!(lines, ["echo 'A=\"b c\"' >> \\", "/etc/portage/make.conf"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is in it, of what a shell minds and a terminal shows.
        #[test]
        fn a_shell_sees_the_same_words(parts in vec("[a '\"\\\\$#;é]{0,12}", 1..6), width in 10..60_usize) {
            let quoted: Vec<String> = { parts.iter() }
                .map(|part| format!("'{}'", part.replace('\'', r"'\''")))
                .collect();
            let command = format!("printf '%s\\n' {} \"a \\\" b\"", quoted.join(" "));
            let lines = fill(words(&command), width, " \\").join("\n      ");
            let run = Command::new("sh").args(["-c", &lines]).output().unwrap();
            let expected = format!("{}\na \" b\n", parts.join("\n"));
            prop_assert_eq!(String::from_utf8_lossy(&run.stdout), expected, "{}", lines);
        }
    }

    #[test]
    fn a_message_is_wrapped_at_words() {
        assert_eq!(fill("aa bb cc".split(' '), 5, ""), ["aa bb", "cc"]);
    }
}
