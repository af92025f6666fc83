//! The section on hits, misses, and time saved over time.

use chrono::{Days, Local};

use super::super::super::html::page::Charts;
use super::super::super::html::{Chart, Shapes};
use super::super::super::table::HtmlTable;
use super::super::super::text;
use super::super::trend::{self, Period};
use crate::store::TimedSums;
use crate::when::PeriodLength;

/// The id of the table in the page.
const TABLE: &str = "trend-table";

pub(super) fn charts(by: PeriodLength, timeline: Vec<(String, Option<Period>)>) -> Charts {
    let per = format!("per {by:?}").to_lowercase();
    let (names, periods): (Vec<String>, Vec<Option<Period>>) = timeline.into_iter().unzip();
    let slots = slots(&periods);
    let mut charts = vec![counts(&periods), rates(&periods), savings(&periods)];
    for (chart, (id, title)) in charts.iter_mut().zip([
        ("hits", "Hits and misses"),
        ("rate", "Hit rate"),
        ("saved", "Time saved"),
    ]) {
        chart.id = id.into();
        chart.title = format!("{title} {per}");
        chart.table = TABLE;
        chart.slots.clone_from(&slots);
        chart.labels = labels(&names);
    }
    let rows: Vec<Period> = periods.into_iter().flatten().collect();
    Charts {
        charts,
        table: HtmlTable::new("", &trend::columns(), &rows),
    }
}

/// The weeks of the calendar.
const WEEKS: i64 = 53;

/// Returns a calendar of the last year, or `None` if it has too few days to show anything.
pub(super) fn calendar(moments: &[TimedSums]) -> Option<Charts> {
    let mut days = trend::periods(moments, PeriodLength::Day, &Local);
    let last = days.last()?.first_day;
    let monday = PeriodLength::Week.first_day(last)? - Days::new(7 * (WEEKS as u64 - 1));
    days.retain(|day| day.first_day >= monday);
    if days.len() < 2 {
        return None;
    }
    let slot = |day: &Period| (day.first_day - monday).num_days() as usize;
    let squares: Vec<(usize, Option<f64>)> = days
        .iter()
        .map(|day| (slot(day), day.sums.hit_rate()))
        .collect();
    let slots: Vec<String> = squares.iter().map(|(slot, _)| slot.to_string()).collect();
    let mut columns = trend::columns();
    columns.retain(|column| ["period", "builds", "hit_rate"].contains(&column.name));
    let (from, to) = (monday.to_string(), last.to_string());
    let chart = Chart {
        id: "days".into(),
        title: "Hit rate per day".into(),
        description: "A column per week, from Monday to Sunday. The larger and darker a square, the higher the hit \
            rate; a small outline is a day without one."
            .into(),
        summary: format!("{} with builds.", text::count(days.len() as u64, "day")),
        class: "cal",
        labels: vec![from, to],
        table: "day-table",
        slots: slots.join(" "),
        rows: 7,
        shapes: Shapes::calendar(&squares),
        ..Chart::default()
    };
    Some(Charts {
        charts: vec![chart],
        table: HtmlTable::new("", &columns, &days),
    })
}

/// The positions of the periods that have builds.
fn slots(periods: &[Option<Period>]) -> String {
    let known = periods
        .iter()
        .enumerate()
        .filter(|(_, period)| period.is_some());
    let slots: Vec<String> = known.map(|(slot, _)| slot.to_string()).collect();
    slots.join(" ")
}

/// The first, the middle, and the last name.
pub(super) fn labels(names: &[String]) -> Vec<String> {
    let last = names.len().saturating_sub(1);
    let mut positions = vec![0, last / 2, last];
    positions.dedup();
    positions
        .iter()
        .filter_map(|&n| names.get(n).cloned())
        .collect()
}

fn counts(periods: &[Option<Period>]) -> Chart {
    let count = |period: &Option<Period>| {
        let sums = &period.as_ref()?.sums;
        Some((sums.hits?, sums.misses?))
    };
    let counts: Vec<Option<(u64, u64)>> = periods.iter().map(count).collect();
    let bar =
        |counts: &Option<(u64, u64)>| counts.map(|(hits, misses)| vec![hits as f64, misses as f64]);
    let bars: Vec<Option<Vec<f64>>> = counts.iter().map(bar).collect();
    let totals = counts
        .iter()
        .flatten()
        .map(|(hits, misses)| hits.saturating_add(*misses));
    let highest = totals.max().unwrap_or(0);
    let sum = |pick: fn(&(u64, u64)) -> u64| {
        let picked = counts.iter().flatten().map(pick);
        picked.fold(0, u64::saturating_add)
    };
    Chart {
        description: "Hits are filled, misses outlined above them.".into(),
        summary: format!(
            "{}; at most {}.",
            text::hits_and_misses(sum(|c| c.0), sum(|c| c.1)),
            text::count(highest, "compilation")
        ),
        top: text::number(highest),
        bottom: "0".into(),
        shapes: Shapes::stacked(&["hit", "miss"], &bars),
        ..Chart::default()
    }
}

fn rates(periods: &[Option<Period>]) -> Chart {
    let rate = |period: &Option<Period>| period.as_ref()?.sums.hit_rate();
    let rates: Vec<Option<f64>> = periods.iter().map(rate).collect();
    let known = || rates.iter().flatten().copied();
    let summary = match known().next() {
        None => "No hit rate is known.".to_string(),
        Some(first) => format!(
            "From {} to {}.",
            text::percent(known().fold(first, f64::min)),
            text::percent(known().fold(first, f64::max))
        ),
    };
    Chart {
        description: "The line has gaps where nothing was built.".into(),
        summary,
        class: "low",
        top: "100 %".into(),
        bottom: "0 %".into(),
        shapes: Shapes::line(&rates),
        ..Chart::default()
    }
}

fn savings(periods: &[Option<Period>]) -> Chart {
    let saved = |period: &Option<Period>| {
        let saved = period.as_ref()?.sums.time_saved?;
        Some(saved.as_seconds_f64())
    };
    let saved: Vec<Option<f64>> = periods.iter().map(saved).collect();
    let known = || saved.iter().flatten().copied();
    let (lowest, highest) = (known().fold(0.0, f64::min), known().fold(0.0, f64::max));
    Chart {
        description:
            "Processor time. Outlined bars below the line: the cache cost more than it saved."
                .into(),
        summary: format!(
            "From {} to {}.",
            text::duration(lowest),
            text::duration(highest)
        ),
        class: "low",
        top: text::duration(highest),
        bottom: text::duration(lowest),
        shapes: Shapes::signed(&saved),
        ..Chart::default()
    }
}
