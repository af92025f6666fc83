//! Charts as inline SVG. All but the calendar have no text, so that they can be stretched to any width; their labels
//! are HTML beside them.

use askama::Template;

/// The least width of a bar and its gap, in units of the chart.
const STEP: usize = 10;

/// The least width of a chart: browsers draw one of a few units blurred, because they stretch it more.
const WIDTH: usize = 600;

/// The largest width of a bar.
const WIDEST: usize = 40;

/// The side of a day in a calendar, with its margin.
const CELL: usize = 12;

/// The room for the names beside and above the days of a calendar, and for the scale below them.
const WEEKDAYS: usize = 28;
const MONTHS: usize = 14;
const SCALE: usize = 18;

/// The names of the days of a week.
pub(in crate::report) const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// What the marks of a calendar mean: their classes, their sides, and the hit rates.
const LEVELS: [(&str, usize, &str); 5] = [
    ("c0", 4, "not measured"),
    ("c1", 4, "below 25 %"),
    ("c2", 6, "25 to 50 %"),
    ("c3", 8, "50 to 75 %"),
    ("c4", 10, "75 % or more"),
];

/// The height of a chart, in units of the chart.
const HEIGHT: f64 = 100.0;

/// The smallest height of a part that isn't 0, so that it can be seen.
const LEAST: f64 = 1.5;

/// A chart: shapes, and the texts around them.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "chart.html")]
pub(in crate::report) struct Chart {
    pub(in crate::report) title: String,
    /// What the shapes mean.
    pub(in crate::report) description: String,
    /// The main numbers, for people who don't see the chart.
    pub(in crate::report) summary: String,
    pub(in crate::report) class: &'static str,
    /// The labels of the vertical axis from the top, evenly spaced.
    pub(in crate::report) scale: Vec<String>,
    /// The labels of the horizontal axis: each below its bar, or evenly spaced.
    pub(in crate::report) labels: Vec<String>,
    /// The id of the element with the table of the numbers, for tooltips: a row for each position, or for
    /// a calendar a row for each column with a cell for each position. If it is empty, the table is beside
    /// the chart.
    pub(in crate::report) table: &'static str,
    pub(in crate::report) shapes: Shapes,
}

impl Chart {
    /// Whether a narrow window scrolls the chart instead of squeezing it.
    fn is_calendar(&self) -> bool {
        self.class == "cal"
    }

    /// Whether each bar has a label.
    fn has_all_labels(&self) -> bool {
        self.labels.len() == self.shapes.slots
    }
}

/// The shapes of a chart, and the part of their plane that it shows.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Shapes {
    /// Bars, points, or weeks.
    slots: usize,
    x: i32,
    y: f64,
    width: usize,
    height: f64,
    marks: Vec<Mark>,
    texts: Vec<Text>,
}

/// A text in a calendar.
#[derive(Clone, Debug, Default, PartialEq)]
struct Text {
    x: i32,
    y: i32,
    text: String,
}

/// The outline of shapes; the style sheet has the colors of its class.
#[derive(Clone, Debug, Default)]
struct Mark {
    class: &'static str,
    path: String,
}

/// A bar, whose edges are measured from the top of the chart.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bar {
    class: &'static str,
    slot: usize,
    top: f64,
    bottom: f64,
}

/// A point of a line, measured from the top of the chart.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    slot: usize,
    y: f64,
    /// Whether the slot before has a point.
    is_connected: bool,
}

/// A day of a calendar.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Day {
    class: &'static str,
    week: usize,
    weekday: usize,
    side: usize,
}

impl Shapes {
    /// Returns stacked bars, each part with its class, the first one below. Unknown bars are gaps, and a bar of
    /// nothing is a line. `highest` is the total of a bar of full height.
    pub(in crate::report) fn stacked(
        classes: &[&'static str],
        bars: &[Option<Vec<f64>>],
        highest: f64,
    ) -> Shapes {
        Shapes::from_bars(bars.len(), &stacked_bars(classes, bars, highest))
    }

    /// Returns bars above 0, and below it if there are losses: then 0 is in the middle. `largest` is the size
    /// of a bar of full height.
    pub(in crate::report) fn signed(bars: &[Option<f64>], largest: f64) -> Shapes {
        let (bars_at, zero) = signed_bars(bars, largest);
        let mut shapes = Shapes::from_bars(bars.len(), &bars_at);
        let width = shapes.width;
        shapes.add("grid", &format!("M0 {}h{width}", decimal(zero)));
        shapes
    }

    /// Returns a line of rates, with a dot for each. Unknown rates are gaps.
    pub(in crate::report) fn line(rates: &[Option<f64>]) -> Shapes {
        let mut shapes = Shapes::empty(rates.len());
        // Room for the dots at 0 and 100 %.
        (shapes.y, shapes.height) = (-4.0, HEIGHT + 8.0);
        let (width, step) = (shapes.width, step(rates.len()));
        shapes.add("grid", &format!("M0 0h{width}M0 50h{width}M0 100h{width}"));
        for point in points(rates) {
            let (x, y) = (point.slot * step + step / 2, decimal(point.y));
            let command = if point.is_connected { 'L' } else { 'M' };
            shapes.add("line", &format!("{command}{x} {y}"));
            // A line of no length with round ends is a dot, however the chart is stretched.
            shapes.add("dot", &format!("M{x} {y}h0"));
        }
        shapes
    }

    /// Returns a calendar of weeks of days with a column for each week. Each day with builds has a square,
    /// the larger the higher its rate, or a dash if it has no rate. `months` are names and the weeks above which they
    /// stand.
    pub(in crate::report) fn calendar(
        weeks: &[[Option<Option<f64>>; 7]],
        months: &[(usize, String)],
    ) -> Shapes {
        let mut shapes = Shapes {
            slots: weeks.len(),
            x: -(WEEKDAYS as i32),
            y: -(MONTHS as f64),
            width: WEEKDAYS + weeks.len() * CELL,
            height: (MONTHS + 7 * CELL + SCALE) as f64,
            ..Shapes::default()
        };
        for day in days(weeks) {
            // A square is a line as long as the style sheet makes it wide.
            let x = day.week * CELL + (CELL - day.side) / 2;
            let y = day.weekday * CELL + CELL / 2;
            shapes.add(day.class, &format!("M{x} {y}h{}", day.side));
        }
        for (week, month) in months {
            shapes.add_text((week * CELL) as i32, -4, month);
        }
        for (weekday, name) in DAYS.iter().enumerate() {
            shapes.add_text(shapes.x, (weekday * CELL + CELL - 3) as i32, name);
        }
        shapes.add_scale();
        shapes
    }

    /// Adds what the marks of a calendar mean, below it.
    fn add_scale(&mut self) {
        let y = 7 * CELL + SCALE / 2 + 2;
        for (position, (class, side, meaning)) in LEVELS.into_iter().enumerate() {
            let x = position * 84;
            self.add(class, &format!("M{} {y}h{side}", x + (CELL - side) / 2));
            self.add_text((x + CELL + 2) as i32, y as i32 + 3, meaning);
        }
    }

    fn add_text(&mut self, x: i32, y: i32, text: &str) {
        let text = text.to_string();
        self.texts.push(Text { x, y, text });
    }

    fn empty(slots: usize) -> Shapes {
        Shapes {
            slots,
            width: slots.max(1) * step(slots),
            height: HEIGHT,
            ..Shapes::default()
        }
    }

    fn from_bars(slots: usize, bars: &[Bar]) -> Shapes {
        let mut shapes = Shapes::empty(slots);
        let step = step(slots);
        let width = (step - 2).min(WIDEST);
        for bar in bars {
            let x = bar.slot * step + (step - width) / 2;
            let (top, bottom) = (decimal(bar.top), decimal(bar.bottom));
            let path = if bar.top < bar.bottom {
                format!("M{x} {bottom}V{top}h{width}V{bottom}")
            } else {
                format!("M{x} {bottom}h{width}")
            };
            shapes.add(bar.class, &path);
        }
        shapes
    }

    /// Adds to the outline of a class.
    fn add(&mut self, class: &'static str, path: &str) {
        match self.marks.iter_mut().find(|mark| mark.class == class) {
            Some(mark) => mark.path.push_str(path),
            None => self.marks.push(Mark {
                class,
                path: path.to_string(),
            }),
        }
    }
}

/// Returns the width of a bar and its gap.
fn step(slots: usize) -> usize {
    (WIDTH / slots.max(1)).max(STEP)
}

/// Returns the parts of the bars from below. The outline of a bar of nothing has the class `zero`.
fn stacked_bars(classes: &[&'static str], bars: &[Option<Vec<f64>>], highest: f64) -> Vec<Bar> {
    let mut placed = Vec::new();
    for (slot, parts) in bars.iter().enumerate() {
        let Some(parts) = parts else { continue };
        let mut bottom = HEIGHT;
        for (height, class) in heights(parts, highest).into_iter().zip(classes) {
            if height > 0.0 {
                let top = bottom - height;
                placed.push(Bar {
                    class,
                    slot,
                    top,
                    bottom,
                });
                bottom = top;
            }
        }
        if bottom >= HEIGHT {
            placed.push(nothing(slot, HEIGHT));
        }
    }
    placed
}

/// Returns the heights of the parts of a bar. What makes a small part visible is taken from the largest, so that the
/// bar is as high as its total, if it is high enough for all its parts.
fn heights(parts: &[f64], highest: f64) -> Vec<f64> {
    let exact: Vec<f64> = parts
        .iter()
        .map(|part| part_of_height(*part, highest))
        .collect();
    let mut heights: Vec<f64> = exact.iter().map(|height| visible(*height)).collect();
    let added: f64 = heights.iter().sum::<f64>() - exact.iter().sum::<f64>();
    if let Some(largest) = heights.iter_mut().max_by(|a, b| a.total_cmp(b)) {
        *largest = (*largest - added).max(LEAST).min(*largest);
    }
    heights
}

fn signed_bars(bars: &[Option<f64>], largest: f64) -> (Vec<Bar>, f64) {
    let has_losses = bars.iter().flatten().any(|bar| *bar < 0.0);
    let room = if has_losses { HEIGHT / 2.0 } else { HEIGHT };
    let zero = room;
    let mut placed = Vec::new();
    for (slot, bar) in bars.iter().enumerate() {
        let Some(bar) = *bar else { continue };
        let height = visible(part_of_height(bar.abs(), largest) * room / HEIGHT);
        placed.push(match bar {
            _ if height == 0.0 => nothing(slot, zero),
            0.0.. => Bar {
                class: "gain",
                slot,
                top: zero - height,
                bottom: zero,
            },
            _ => Bar {
                class: "loss",
                slot,
                top: zero,
                bottom: zero + height,
            },
        });
    }
    (placed, zero)
}

/// Returns the bar of a known 0.
fn nothing(slot: usize, y: f64) -> Bar {
    Bar {
        class: "zero",
        slot,
        top: y,
        bottom: y,
    }
}

fn points(rates: &[Option<f64>]) -> Vec<Point> {
    let mut points = Vec::new();
    let mut before = None;
    for (slot, rate) in rates.iter().enumerate() {
        if let Some(rate) = rate {
            points.push(Point {
                slot,
                y: HEIGHT * (1.0 - rate),
                is_connected: before.is_some(),
            });
        }
        before = *rate;
    }
    points
}

fn days(weeks: &[[Option<Option<f64>>; 7]]) -> Vec<Day> {
    let mut days = Vec::new();
    for (week, rates) in weeks.iter().enumerate() {
        for (weekday, rate) in rates.iter().enumerate() {
            let Some(rate) = rate else { continue };
            let level = rate.map_or(0, |rate| 1 + ((rate * 4.0) as usize).min(3));
            let (class, side, _) = LEVELS[level];
            days.push(Day {
                class,
                week,
                weekday,
                side,
            });
        }
    }
    days
}

/// Returns the height that shows the part of `highest`.
fn part_of_height(part: f64, highest: f64) -> f64 {
    if part > 0.0 && highest > 0.0 {
        HEIGHT * part / highest
    } else {
        0.0
    }
}

/// Returns a height that can be seen if it isn't 0.
fn visible(height: f64) -> f64 {
    if height > 0.0 { height.max(LEAST) } else { 0.0 }
}

/// Returns the number with one decimal, if it needs it.
fn decimal(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    // -0 becomes 0.
    format!("{}", rounded + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(class: &'static str, slot: usize, top: f64, bottom: f64) -> Bar {
        Bar {
            class,
            slot,
            top,
            bottom,
        }
    }

    #[test]
    fn bars_stand_on_the_base_and_unknown_ones_are_gaps() {
        let bars = [
            Some(vec![30.0, 10.0]),
            None,
            Some(vec![0.0, 20.0]),
            Some(vec![0.0, 0.0]),
        ];
        assert_eq!(
            stacked_bars(&["hit", "miss"], &bars, 40.0),
            [
                bar("hit", 0, 25.0, 100.0),
                bar("miss", 0, 0.0, 25.0),
                bar("miss", 2, 50.0, 100.0),
                bar("zero", 3, 100.0, 100.0),
            ]
        );
        let shapes = Shapes::stacked(&["hit", "miss"], &bars, 40.0);
        let paths: Vec<(&str, &str)> = shapes.marks.iter().map(|m| (m.class, &*m.path)).collect();
        assert_eq!(
            paths,
            [
                ("hit", "M55 100V25h40V100"),
                ("miss", "M55 25V0h40V25M355 100V50h40V100"),
                ("zero", "M505 100h40"),
            ]
        );
        assert_eq!((shapes.width, shapes.height), (600, 100.0));
    }

    #[test]
    fn a_small_part_is_visible_and_the_bar_as_high_as_its_total() {
        assert_eq!(heights(&[1.0, 999.0], 1000.0), [LEAST, 100.0 - LEAST]);
        assert_eq!(heights(&[1.0, 1.0], 1000.0), [LEAST, LEAST]);
        assert_eq!(heights(&[1.0], 1000.0), [LEAST]);
        assert_eq!(heights(&[0.0, 5.0], 5.0), [0.0, 100.0]);
        assert_eq!(heights(&[0.0, 0.0], 0.0), [0.0, 0.0]);
    }

    #[test]
    fn gains_are_above_losses_below_and_0_is_on_the_line() {
        let (bars, zero) = signed_bars(&[Some(20.0), None, Some(-10.0), Some(0.0)], 20.0);
        assert_eq!(zero, 50.0);
        assert_eq!(
            bars,
            [
                bar("gain", 0, 0.0, 50.0),
                bar("loss", 2, 50.0, 75.0),
                bar("zero", 3, 50.0, 50.0),
            ]
        );
        let (bars, zero) = signed_bars(&[Some(5.0), Some(20.0)], 20.0);
        assert_eq!(zero, 100.0);
        assert_eq!(
            bars,
            [bar("gain", 0, 75.0, 100.0), bar("gain", 1, 0.0, 100.0)]
        );
    }

    #[test]
    fn a_line_is_higher_for_a_higher_rate_and_breaks_at_gaps() {
        let point = |slot, y, is_connected| Point {
            slot,
            y,
            is_connected,
        };
        let rates = [Some(1.0), Some(0.25), None, Some(0.0)];
        assert_eq!(
            points(&rates),
            [
                point(0, 0.0, false),
                point(1, 75.0, true),
                point(3, 100.0, false)
            ]
        );
        let shapes = Shapes::line(&rates);
        let line = shapes.marks.iter().find(|mark| mark.class == "line");
        assert_eq!(line.unwrap().path, "M75 0L225 75M525 100");
    }

    #[test]
    fn a_day_is_larger_for_a_higher_rate() {
        let mut week = [None; 7];
        week[0] = Some(Some(0.0));
        week[2] = Some(Some(0.5));
        week[5] = Some(Some(1.0));
        week[6] = Some(None);
        let placed = days(&[[None; 7], week]);
        let placed: Vec<_> = placed
            .iter()
            .map(|day| (day.week, day.weekday, day.class, day.side))
            .collect();
        assert_eq!(
            placed,
            [
                (1, 0, "c1", 4),
                (1, 2, "c3", 8),
                (1, 5, "c4", 10),
                (1, 6, "c0", 4)
            ]
        );
        let shapes = Shapes::calendar(&[[None; 7], week], &[(1, "Nov 2026".into())]);
        let levels: Vec<&str> = shapes.marks.iter().map(|mark| mark.class).collect();
        assert_eq!(levels.len(), 5, "a scale of all levels: {levels:?}");
        assert!(
            shapes.marks[0].path.starts_with("M16 6h4M"),
            "{:?}",
            shapes.marks
        );
        assert_eq!((shapes.x, shapes.width), (-28, 28 + 24));
        assert_eq!((shapes.y, shapes.height), (-14.0, 14.0 + 84.0 + 18.0));
        let text = |text: &str| shapes.texts.iter().find(|found| found.text == text);
        assert_eq!(
            text("Nov 2026").map(|text| (text.x, text.y)),
            Some((12, -4))
        );
        assert_eq!(text("Sun").map(|text| (text.x, text.y)), Some((-28, 81)));
        assert!(LEVELS.iter().all(|(_, _, meaning)| text(meaning).is_some()));
    }

    #[test]
    fn a_chart_of_few_bars_is_as_wide_as_one_of_many_and_its_bars_are_not() {
        let bars = |count| vec![Some(vec![1.0]); count];
        for (count, width, first) in [
            (1, 600, "M280 100V0h40V100"),
            (12, 600, "M5 100V0h40V100"),
            (60, 600, "M1 100V0h8V100"),
            (100, 1000, "M1 100V0h8V100"),
        ] {
            let shapes = Shapes::stacked(&["hit"], &bars(count), 1.0);
            assert_eq!(shapes.width, width, "{count}");
            assert!(
                shapes.marks[0].path.starts_with(first),
                "{:?}",
                shapes.marks
            );
        }
    }

    #[test]
    fn numbers_have_one_decimal_at_most() {
        assert_eq!(
            [0.04, -0.0, 12.34, 100.0].map(decimal),
            ["0", "0", "12.3", "100"]
        );
    }
}
