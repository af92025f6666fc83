//! Bars, sparklines and column charts as text.

use super::{options::DEFAULT_WIDTH, text};

/// The width of a full bar in columns.
const BAR: usize = 20;

/// Returns a rate as a horizontal bar, in eighths of a character. Empty if the rate is unknown.
pub(super) fn bar(rate: Option<f64>) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let Some(rate) = rate else {
        return String::new();
    };
    let eighths = (rate.clamp(0.0, 1.0) * (BAR * 8) as f64).round() as usize;
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

/// Returns a rate as one of eight vertical bars, or a space if it is unknown.
pub(super) fn spark(rate: Option<f64>) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    rate.map_or(' ', |rate| BARS[((rate * 8.0) as usize).min(7)])
}

/// The hits and misses of a build; `None` if it was not measured.
pub(super) type Counts = Option<(u64, u64)>;

/// The height of a chart in lines.
const HEIGHT: u64 = 6;

/// Draws stacked columns of hits (`█`) and misses (`░`), one per build, for the newest builds that fit
/// the width. Returns the lines and the number of builds. Draws nothing for fewer than two builds.
pub(super) fn columns(builds: &[Counts], width: Option<usize>) -> (Vec<String>, usize) {
    let total = |(hits, misses): &(u64, u64)| hits.saturating_add(*misses);
    let highest = builds.iter().flatten().map(total).max().unwrap_or(0);
    let label = text::number(highest);
    let margin = label.len() + 3;
    let room = width.unwrap_or(DEFAULT_WIDTH).saturating_sub(margin);
    let shown = &builds[builds.len().saturating_sub(room)..];
    if builds.len() < 2 || highest == 0 || shown.is_empty() {
        return (Vec::new(), 0);
    }
    let gap = if shown.len() * 2 <= room { " " } else { "" };
    let line = |row: u64| {
        let name = match row {
            0 => "0",
            row if row + 1 == HEIGHT => &label,
            _ => "",
        };
        let cells = shown.iter().map(|counts| cell(*counts, highest, row));
        let cells: Vec<String> = cells.map(String::from).collect();
        let line = format!("{name:>width$} {}", cells.join(gap), width = margin - 1);
        line.trim_end().to_string()
    };
    let lines = (0..HEIGHT).rev().map(line).collect();
    (lines, shown.len())
}

/// Returns one character of a build's column, in line `row` counted from the bottom. `?` marks a build
/// that was not measured, `.` a build without hits and misses.
fn cell(counts: Counts, highest: u64, row: u64) -> char {
    let (hits, misses) = match counts {
        None => return if row == 0 { '?' } else { ' ' },
        Some((0, 0)) => return if row == 0 { '.' } else { ' ' },
        Some(counts) => counts,
    };
    let scale = |n: u64, of: u64, lines: u64| (n as f64 / of as f64 * lines as f64).round() as u64;
    let total = hits.saturating_add(misses);
    let height = scale(total, highest, HEIGHT).max(1);
    // A column of two or more characters shows even a few hits among many misses, and vice versa.
    let fewest = u64::from(hits > 0 && height > 1);
    let most = height - u64::from(misses > 0 && height > 1);
    let hit_height = scale(hits, total, height).clamp(fewest.min(most), most);
    if row < hit_height {
        '█'
    } else if row < height {
        '░'
    } else {
        ' '
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_stand_below_misses() {
        let builds = [
            Some((0, 60)),
            Some((59, 1)),
            None,
            Some((0, 0)),
            Some((5, 5)),
        ];
        let (lines, shown) = columns(&builds, Some(40));
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
    fn the_newest_builds_that_fit_are_shown() {
        let many: Vec<Counts> = (0..500).map(|n| Some((n, 500 - n))).collect();
        let (lines, shown) = columns(&many, Some(60));
        assert_eq!(shown, 54);
        assert!(
            lines.iter().all(|line| line.chars().count() <= 60),
            "{lines:?}"
        );
        assert_eq!(columns(&many[..1], Some(60)).1, 0, "one build");
        assert_eq!(columns(&[None, None], Some(60)).1, 0, "nothing measured");
        assert_eq!(columns(&many, Some(3)).1, 0, "no room");
    }

    #[test]
    fn bars_show_eighths() {
        assert_eq!(bar(Some(0.5)), "█".repeat(10));
        assert_eq!(bar(Some(0.00625)), "▏");
        assert_eq!(bar(None), "");
        assert_eq!([Some(0.0), Some(1.0), None].map(spark), ['▁', '█', ' ']);
    }
}
