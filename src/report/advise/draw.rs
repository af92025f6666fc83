//! Advice as people read it.

use std::io::{self, Write};

use super::super::format::Look;
use super::super::text;
use super::{Advice, divided};

/// Sentences longer than this are hard to read, however wide the terminal is.
const WIDEST: usize = 100;

/// Every piece with its numbers and the lines to paste, those that ask for a change numbered.
pub(in super::super) fn draw_all(
    advice: &[Advice],
    look: &Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (changes, notes) = divided(advice);
    if changes.is_empty() {
        let nothing = "Nothing to change: these numbers show no trouble that a setting would cure.";
        writeln!(out, "{}", indented("", nothing, look))?;
    }
    for (index, piece) in changes.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        draw(&format!("{}. ", index + 1), piece, look, out)?;
    }
    if !notes.is_empty() {
        let known = "Good to know, and as it has to be:";
        writeln!(out, "\n{}", indented("", known, look))?;
    }
    for piece in notes {
        writeln!(out)?;
        draw("*  ", piece, look, out)?;
    }
    Ok(())
}

fn draw(number: &str, piece: &Advice, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", indented(number, &piece.says, look))?;
    for sentence in &piece.evidence {
        writeln!(out, "{}", indented("   - ", sentence, look))?;
    }
    writeln!(out, "{}", indented("   ", &piece.to_do, look))?;
    if !piece.setting.is_empty() {
        writeln!(out)?;
    }
    // Not wrapped: they are for pasting.
    for line in &piece.setting {
        writeln!(out, "       {}", text::clean(line))?;
    }
    Ok(())
}

/// What is the matter, without the rest, for other reports.
pub(in super::super) fn draw_titles(
    advice: &[&Advice],
    look: &Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut titles = advice.iter().map(|piece| indented("- ", &piece.says, look));
    titles.try_for_each(|title| writeln!(out, "{title}"))
}

/// The text after `start`, its further lines set in below it.
pub(in super::super) fn indented(start: &str, body: &str, look: &Look) -> String {
    let indent = " ".repeat(start.chars().count());
    let width = look.width.map(|width| width.min(WIDEST));
    text::wrap(&format!("{start}{}", text::clean(body)), width, &indent)
}
