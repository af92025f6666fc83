//! Hits and misses of builds, side by side, as columns of text.

use unicode_width::UnicodeWidthStr;

use super::text;

/// Rows of the tallest column.
const HEIGHT: u64 = 6;

/// How wide a chart gets that doesn't go to a terminal.
const UNKNOWN_WIDTH: usize = 80;

const HIT: char = '█';
const MISS: char = '░';
/// A build that asked for nothing.
const NOTHING: char = '.';
/// A build without numbers.
const UNKNOWN: char = '?';

/// Hits and misses of a build; `None` where it was not measured.
pub(super) type Bar = Option<(u64, u64)>;

/// The lines of a chart of the newest of these builds that fit into the width, and how many
/// builds those are. Nothing of fewer than two, which make no picture.
pub(super) fn chart(bars: &[Bar], width: Option<usize>) -> (Vec<String>, usize) {
    let most = bars
        .iter()
        .flatten()
        .map(|(h, m)| h.saturating_add(*m))
        .max();
    let top = most.unwrap_or(0);
    let label = text::number(top);
    let axis = label.width() + 3;
    let room = width.unwrap_or(UNKNOWN_WIDTH).saturating_sub(axis);
    let shown = &bars[bars.len().saturating_sub(room)..];
    if bars.len() < 2 || top == 0 || shown.is_empty() {
        return (Vec::new(), 0);
    }
    // Apart where there is room for it.
    let step = if shown.len() * 2 <= room { 2 } else { 1 };
    let highest = shown
        .iter()
        .flatten()
        .map(|(h, m)| h.saturating_add(*m))
        .max();
    let scale = highest.unwrap_or(0).max(1);
    let label = text::number(scale);
    let lines = (0..HEIGHT).rev().map(|row| {
        let name = match row {
            r if r + 1 == HEIGHT => label.clone(),
            0 => "0".to_string(),
            _ => String::new(),
        };
        let cells: String = shown
            .iter()
            .flat_map(|bar| {
                let mut cell = String::from(cell(*bar, scale, row));
                cell.extend(std::iter::repeat_n(' ', step - 1));
                cell.chars().collect::<Vec<char>>()
            })
            .collect();
        format!(
            "{name:>width$} {}",
            cells.trim_end(),
            width = label.width() + 2
        )
    });
    (lines.collect(), shown.len())
}

/// What stands in a row, counted from the bottom, of a build's column.
fn cell(bar: Bar, scale: u64, row: u64) -> char {
    let Some((hits, misses)) = bar else {
        return if row == 0 { UNKNOWN } else { ' ' };
    };
    let all = hits.saturating_add(misses);
    if all == 0 {
        return if row == 0 { NOTHING } else { ' ' };
    }
    let part = |n: u64, of: u64, cells: u64| (n as f64 / of as f64 * cells as f64).round() as u64;
    let height = part(all, scale, HEIGHT).max(1);
    // A few hits among many misses, or the other way round, are seen where there are two cells.
    let least = u64::from(hits > 0 && height > 1);
    let most = height - u64::from(misses > 0 && height > 1);
    let hit = part(hits, all, height).clamp(least.min(most), most);
    match row {
        r if r < hit => HIT,
        r if r < height => MISS,
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_below_and_misses_above() {
        let bars = [
            Some((0, 60)),
            Some((59, 1)),
            None,
            Some((0, 0)),
            Some((5, 5)),
        ];
        let (lines, shown) = chart(&bars, Some(40));
        assert_eq!(shown, 5);
        assert_eq!(
            lines,
            [
                "  60 ░ ░",
                "     ░ █",
                "     ░ █",
                "     ░ █",
                "     ░ █",
                "   0 ░ █ ? . █"
            ]
        );
    }

    #[test]
    fn the_newest_that_fit() {
        let many: Vec<Bar> = (0..500).map(|n| Some((n, 500 - n))).collect();
        let (lines, shown) = chart(&many, Some(60));
        assert_eq!(shown, 54);
        assert!(lines.iter().all(|line| line.width() <= 60), "{lines:?}");
        assert_eq!(chart(&many[..1], Some(60)).1, 0, "one build is no picture");
        assert_eq!(chart(&[None, None], Some(60)).1, 0);
        assert_eq!(chart(&many, Some(3)).1, 0, "no room at all");
    }
}
