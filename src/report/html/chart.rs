//! Charts as inline SVG. They have no text, so that they can be stretched to any width; their labels are
//! HTML beside them.

use std::fmt::Write;

use askama::Template;

/// The width of a bar and its gap, in units of the chart.
const STEP: usize = 10;

/// The side of a day in a calendar, with its margin.
const CELL: usize = 12;

/// The height of a chart, in units of the chart.
const HEIGHT: f64 = 100.0;

/// The smallest height of a bar that isn't 0, so that it can be seen.
const LEAST: f64 = 1.5;

/// A chart: shapes, and the texts around them.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "chart.html")]
pub(in super::super) struct Chart {
    pub(in super::super) title: String,
    /// What the shapes mean. If it is empty, no caption is shown.
    pub(in super::super) description: String,
    /// The main numbers, for people who don't see the chart.
    pub(in super::super) summary: String,
    pub(in super::super) class: &'static str,
    /// The labels of the vertical axis.
    pub(in super::super) top: String,
    pub(in super::super) bottom: String,
    /// The labels of the horizontal axis, evenly spaced.
    pub(in super::super) labels: Vec<String>,
    /// The id of the element with the table of the numbers, for tooltips: a row for each position, or for
    /// a calendar a row for each column with a cell for each position.
    pub(in super::super) table: &'static str,
    pub(in super::super) shapes: Shapes,
}

/// The shapes of a chart, and the part of their plane that it shows.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Shapes {
    y: f64,
    width: usize,
    height: f64,
    marks: Vec<Mark>,
}

/// A shape; the style sheet has the colors of its class.
#[derive(Clone, Debug, Default)]
struct Mark {
    class: &'static str,
    path: String,
}

impl Shapes {
    /// Returns stacked bars, each part with its class. Unknown bars are gaps.
    pub(in super::super) fn stacked(classes: &[&'static str], bars: &[Option<Vec<f64>>]) -> Shapes {
        let totals = bars.iter().flatten().map(|parts| parts.iter().sum::<f64>());
        let highest = totals.fold(0.0, f64::max);
        let mut marks: Vec<Mark> = classes.iter().map(|class| Mark::new(class)).collect();
        for (slot, parts) in bars.iter().enumerate() {
            let mut base = HEIGHT;
            for (part, mark) in parts.iter().flatten().zip(&mut marks) {
                let height = height(*part, highest);
                mark.bar(slot, base, base - height);
                base -= height;
            }
        }
        Shapes::new(bars.len(), 0.0, HEIGHT, marks)
    }

    /// Returns bars above and below a line at 0.
    pub(in super::super) fn signed(bars: &[Option<f64>]) -> Shapes {
        let known = || bars.iter().flatten();
        let highest = known().fold(0.0, |a: f64, b| a.max(*b));
        let lowest = known().fold(0.0, |a: f64, b| a.min(*b));
        let range = (highest - lowest).max(f64::MIN_POSITIVE);
        let zero = HEIGHT * highest / range;
        let mut marks = ["gain", "loss", "zero"].map(Mark::new);
        for (slot, bar) in bars.iter().enumerate() {
            let height = height(bar.unwrap_or(0.0).abs(), range);
            match bar {
                Some(bar) if *bar < 0.0 => marks[1].bar(slot, zero, zero + height),
                Some(_) => marks[0].bar(slot, zero, zero - height),
                None => {}
            }
        }
        let width = bars.len() * STEP;
        marks[2].path = format!("M0 {}h{width}", decimal(zero));
        Shapes::new(bars.len(), 0.0, HEIGHT, marks.into())
    }

    /// Returns a line of rates, with a dot for each. Unknown rates are gaps.
    pub(in super::super) fn line(rates: &[Option<f64>]) -> Shapes {
        let mut marks = ["grid", "line", "dot"].map(Mark::new);
        let width = rates.len() * STEP;
        marks[0].path = format!("M0 0h{width}M0 50h{width}M0 100h{width}");
        let mut is_connected = false;
        for (slot, rate) in rates.iter().enumerate() {
            let Some(rate) = rate else {
                is_connected = false;
                continue;
            };
            let (x, y) = (slot * STEP + STEP / 2, decimal(HEIGHT * (1.0 - rate)));
            let command = if is_connected { 'L' } else { 'M' };
            let _ = write!(marks[1].path, "{command}{x} {y}");
            // A line of no length with round ends is a dot, however the chart is stretched.
            let _ = write!(marks[2].path, "M{x} {y}h0");
            is_connected = true;
        }
        // Room for the dots at 0 and 100 %.
        Shapes::new(rates.len(), -4.0, HEIGHT + 8.0, marks.into())
    }

    /// Returns a calendar of weeks of days with a column for each week. Each day with builds has a square,
    /// the larger and darker the higher its rate, or a dash if it has no rate.
    pub(in super::super) fn calendar(weeks: &[[Option<Option<f64>>; 7]]) -> Shapes {
        // A square is a line as long as the style sheet makes it wide.
        let mut marks = ["c0", "c1", "c2", "c3", "c4"].map(Mark::new);
        for (column, week) in weeks.iter().enumerate() {
            for (line, rate) in week.iter().enumerate() {
                let Some(rate) = rate else { continue };
                let level = rate.map_or(0, |rate| 1 + ((rate * 4.0) as usize).min(3));
                let side = [4, 4, 6, 8, 10][level];
                let (x, y) = (column * CELL + (CELL - side) / 2, line * CELL + CELL / 2);
                let _ = write!(marks[level].path, "M{x} {y}h{side}");
            }
        }
        Shapes {
            y: 0.0,
            width: weeks.len() * CELL,
            height: (7 * CELL) as f64,
            marks: marks.into(),
        }
    }

    /// Returns bars of one class, with the given height of the chart.
    pub(in super::super) fn bars(bars: &[f64], highest: f64) -> Shapes {
        let mut mark = Mark::new("cost");
        for (slot, bar) in bars.iter().enumerate() {
            mark.bar(slot, HEIGHT, HEIGHT - height(*bar, highest));
        }
        Shapes::new(bars.len(), 0.0, HEIGHT, vec![mark])
    }

    fn new(slots: usize, y: f64, height: f64, marks: Vec<Mark>) -> Shapes {
        Shapes {
            y,
            width: slots.max(1) * STEP,
            height,
            marks,
        }
    }
}

impl Mark {
    fn new(class: &'static str) -> Mark {
        Mark {
            class,
            path: String::new(),
        }
    }

    /// Adds a bar between two heights, which are measured from the top.
    fn bar(&mut self, slot: usize, from: f64, to: f64) {
        if from != to {
            let (x, from, to) = (slot * STEP + 1, decimal(from), decimal(to));
            let _ = write!(self.path, "M{x} {from}V{to}h{}V{from}", STEP - 2);
        }
    }
}

/// Returns the height of a part of the range.
fn height(part: f64, range: f64) -> f64 {
    if part > 0.0 && range > 0.0 {
        (HEIGHT * part / range).max(LEAST)
    } else {
        0.0
    }
}

/// Returns the number with one decimal, if it needs it.
fn decimal(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    format!("{}", rounded + 0.0)
}
