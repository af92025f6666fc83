//! The section on hits, misses, and time saved over time.

use std::iter;

use chrono::{Days, Local};

use super::super::super::html::page::Charts;
use super::super::super::html::{Chart, Shapes};
use super::super::super::table::{Column, HtmlTable, Importance::High};
use super::super::super::text;
use super::super::trend::{self, Period};
use crate::store::TimedSums;
use crate::when::PeriodLength;

/// Returns the charts of the periods. Those without builds are gaps.
pub(super) fn charts(by: PeriodLength, periods: &[Period]) -> Charts {
    let per = format!("per {by:?}").to_lowercase();
    let mut charts = vec![counts(periods), rates(periods), savings(periods)];
    for (chart, title) in charts
        .iter_mut()
        .zip(["Hits and misses", "Hit rate", "Time saved"])
    {
        chart.title = format!("{title} {per}");
        chart.table = "trend-table";
        chart.labels = labels(periods);
    }
    let show = |column: Column<Period>| match column.name {
        // The numbers of a chart are never hidden.
        "hits" | "misses" => column.shown(High),
        _ => column,
    };
    let columns: Vec<_> = trend::columns().into_iter().map(show).collect();
    Charts {
        charts,
        table: HtmlTable::new("", &columns, periods),
    }
}

/// The weeks of the calendar.
const WEEKS: usize = 53;

/// Returns a calendar of the last year, or `None` if it has too few days to show anything.
pub(super) fn calendar(moments: &[TimedSums]) -> Option<Charts> {
    let mut days = trend::periods(moments, PeriodLength::Day, &Local);
    let last = days.last()?.first_day;
    let monday = PeriodLength::Week.first_day(last)? - Days::new(7 * (WEEKS as u64 - 1));
    days.retain(|day| day.first_day >= monday);
    if days.len() < 2 {
        return None;
    }
    let mut weeks = [[None; 7]; WEEKS];
    for day in &days {
        let position = (day.first_day - monday).num_days() as usize;
        weeks[position / 7][position % 7] = Some(day.sums.hit_rate());
    }
    let mondays = monday.iter_weeks().map(|monday| monday.to_string());
    let text = |rate: &Option<Option<f64>>| {
        let text = rate.map_or_else(String::new, text::percent_or_dash);
        text.trim_end_matches(" %").to_string()
    };
    let rows = mondays.zip(&weeks).map(|(monday, week)| {
        let rates = week.iter().map(text);
        iter::once(monday).chain(rates).collect()
    });
    let chart = Chart {
        title: "Hit rate per day".into(),
        description: "A column per week, from Monday to Sunday. The larger and darker a square, the higher the hit \
            rate; a dash is a day without one."
            .into(),
        summary: format!("{} with builds.", text::count(days.len() as u64, "day")),
        class: "cal",
        labels: vec![monday.to_string(), last.to_string()],
        table: "day-table",
        shapes: Shapes::calendar(&weeks),
        ..Chart::default()
    };
    let headings = ["week of", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    Some(Charts {
        charts: vec![chart],
        table: HtmlTable {
            caption: "in %".into(),
            classes: "n2 n3 n4 n5 n6 n7 n8".into(),
            headings: headings.map(str::to_string).into(),
            rows: rows.collect(),
        },
    })
}

/// The first, the middle, and the last name.
pub(super) fn labels(periods: &[Period]) -> Vec<String> {
    let last = periods.len().saturating_sub(1);
    let mut positions = vec![0, last / 2, last];
    positions.dedup();
    positions
        .iter()
        .filter_map(|&n| Some(periods.get(n)?.name.clone()))
        .collect()
}

fn counts(periods: &[Period]) -> Chart {
    let count = |period: &Period| {
        let sums = &period.sums;
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

fn rates(periods: &[Period]) -> Chart {
    let rate = |period: &Period| period.sums.hit_rate();
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

fn savings(periods: &[Period]) -> Chart {
    let saved = |period: &Period| {
        let saved = period.sums.time_saved?;
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
