//! The section on hits, misses, and time saved over time.

use std::iter;

use chrono::{DateTime, Datelike, Days, Local, NaiveDate, TimeDelta, Utc};

use crate::report::commands::trend::{self, Period};
use crate::report::html::page::Charts;
use crate::report::html::{Chart, Shapes, chart};
use crate::report::table::{Column, HtmlTable, Importance::High};
use crate::report::text;
use crate::store::TimedSums;
use crate::when::PeriodLength;

/// Returns the charts of the periods. Those without builds are gaps. The first and the last one can be cut by `since` and
/// by the newest build.
pub(super) fn charts(
    by: PeriodLength,
    periods: &[Period],
    since: Option<DateTime<Utc>>,
    last_at: DateTime<Utc>,
) -> Charts {
    let per = by.noun();
    let mut charts = vec![counts(periods), rates(periods), savings(periods)];
    for (chart, title) in charts
        .iter_mut()
        .zip(["Hits and misses", "Hit rate", "Time saved"])
    {
        chart.title = format!("{title} per {per}");
        chart.table = "trend-table";
        chart.labels = labels(periods);
    }
    let show = |column: Column<Period>| match column.name {
        // The numbers of a chart are never hidden.
        "hits" | "misses" => column.shown(High),
        _ => column,
    };
    let columns: Vec<_> = trend::columns().into_iter().map(show).collect();
    let day = |time: DateTime<Utc>| time.with_timezone(&Local).date_naive();
    Charts {
        note: incomplete(by, periods, since.map(day), day(last_at)),
        charts,
        table_title: format!("Table: hits, misses, and time saved per {per}"),
        table: HtmlTable::new("", &columns, periods),
    }
}

/// Returns which of the first and the last period the page doesn't have whole: their bars are lower than they would
/// be.
fn incomplete(
    by: PeriodLength,
    periods: &[Period],
    since: Option<NaiveDate>,
    last: NaiveDate,
) -> String {
    let (Some(first), Some(newest)) = (periods.first(), periods.last()) else {
        return String::new();
    };
    let noun = by.noun();
    let mut cut = Vec::new();
    if let Some(since) = since.filter(|since| *since > first.first_day) {
        cut.push(format!(
            "the first {noun} ({}) begins on {since}",
            first.name
        ));
    }
    if by
        .next_day(newest.first_day)
        .and_then(|next| next.pred_opt())
        > Some(last)
    {
        cut.push(format!("the last {noun} ({}) ends on {last}", newest.name));
    }
    if cut.is_empty() {
        return String::new();
    }
    format!("Partial: {}.", cut.join(", and "))
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
        description: "A column per week. The larger a square, the higher the hit rate; days without builds are empty."
            .into(),
        summary: format!("{} with builds.", text::count(days.len() as u64, "day")),
        class: "cal",
        table: "day-table",
        shapes: Shapes::calendar(&weeks, &months(monday)),
        ..Chart::default()
    };
    let headings = iter::once("week of").chain(chart::DAYS);
    Some(Charts {
        note: String::new(),
        charts: vec![chart],
        table_title: "Table: hit rate per day".into(),
        table: HtmlTable {
            caption: "In %. A day without builds is empty.".into(),
            classes: "n2 n3 n4 n5 n6 n7 n8".into(),
            headings: headings.map(str::to_string).collect(),
            rows: rows.collect(),
        },
    })
}

/// Returns the names of the months that begin in the weeks after a Monday, with the positions of these weeks. The first
/// one and each January have their year. A name without enough room is left out.
fn months(monday: NaiveDate) -> Vec<(usize, String)> {
    let sundays = monday
        .iter_weeks()
        .take(WEEKS - 1)
        .map(|monday| monday + Days::new(6));
    let mut months: Vec<(usize, NaiveDate)> = Vec::new();
    for (week, sunday) in sundays.enumerate() {
        let is_new = months
            .last()
            .is_none_or(|(_, last)| last.month() != sunday.month());
        if is_new {
            if months
                .last()
                .is_some_and(|(last, _)| week - last < WIDTH_OF_MONTH)
            {
                months.pop();
            }
            months.push((week, sunday));
        }
    }
    let first = months.first().map(|(week, _)| *week);
    let months = months.into_iter().map(|(week, day)| {
        let has_year = Some(week) == first || day.month() == 1;
        let format = if has_year { "%b %Y" } else { "%b" };
        (week, day.format(format).to_string())
    });
    months.collect()
}

/// The weeks that the name of a month and its year cover.
const WIDTH_OF_MONTH: usize = 4;

/// All names if they are few. Otherwise the first and the last one, and the middle one if it is the name of the bar in
/// the middle.
pub(super) fn labels(periods: &[Period]) -> Vec<String> {
    let positions = match periods.len() {
        count @ 0..=3 => (0..count).collect(),
        count if count % 2 == 1 => vec![0, count / 2, count - 1],
        count => vec![0, count - 1],
    };
    let names = positions.iter().map(|&n| periods[n].name.clone());
    names.collect()
}

/// Returns the hits and misses of all bars, and the most in one of them.
pub(super) fn summary_of_counts(counts: &[Option<(u64, u64)>]) -> String {
    if counts.iter().flatten().next().is_none() {
        return "Nothing was measured.".into();
    }
    let sum = |pick: fn(&(u64, u64)) -> u64| {
        let picked = counts.iter().flatten().map(pick);
        picked.fold(0, u64::saturating_add)
    };
    format!(
        "{}; at most {}.",
        text::hits_and_misses(sum(|c| c.0), sum(|c| c.1)),
        text::count(highest_count(counts), "compilation")
    )
}

fn highest_count(counts: &[Option<(u64, u64)>]) -> u64 {
    let counts = counts.iter().flatten();
    let totals = counts.map(|(hits, misses)| hits.saturating_add(*misses));
    totals.max().unwrap_or(0)
}

/// Returns a chart of hits and misses, without a title.
pub(super) fn chart_of_counts(counts: &[Option<(u64, u64)>]) -> Chart {
    let bar =
        |counts: &Option<(u64, u64)>| counts.map(|(hits, misses)| vec![hits as f64, misses as f64]);
    let bars: Vec<Option<Vec<f64>>> = counts.iter().map(bar).collect();
    let highest = highest_count(counts);
    Chart {
        description: "Hits are filled, misses outlined above them. Nothing is drawn where nothing was measured."
            .into(),
        summary: summary_of_counts(counts),
        scale: vec![text::number(highest), "0".into()],
        shapes: Shapes::stacked(&["hit", "miss"], &bars, highest as f64),
        ..Chart::default()
    }
}

fn counts(periods: &[Period]) -> Chart {
    let counts = periods.iter().map(|period| {
        let sums = &period.sums;
        sums.hits.zip(sums.misses)
    });
    chart_of_counts(&counts.collect::<Vec<_>>())
}

fn rates(periods: &[Period]) -> Chart {
    let rate = |period: &Period| period.sums.hit_rate();
    let rates: Vec<Option<f64>> = periods.iter().map(rate).collect();
    let summary = match range(&rates) {
        None => "No hit rate is known.".to_string(),
        Some((lowest, highest)) => format!(
            "From {} to {}.",
            text::percent(lowest),
            text::percent(highest)
        ),
    };
    Chart {
        description: "The line has gaps where nothing was measured.".into(),
        summary,
        class: "low",
        scale: vec!["100 %".into(), "0 %".into()],
        shapes: Shapes::line(&rates),
        ..Chart::default()
    }
}

fn savings(periods: &[Period]) -> Chart {
    let saved = |period: &Period| period.sums.time_saved.map(TimeDelta::as_seconds_f64);
    let saved: Vec<Option<f64>> = periods.iter().map(saved).collect();
    let (lowest, highest) = range(&saved).unwrap_or_default();
    let largest = highest.max(-lowest);
    let summary = match range(&saved) {
        None => "No time saved is known.".to_string(),
        Some(_) => format!(
            "From {} to {}.",
            text::duration(lowest),
            text::duration(highest)
        ),
    };
    let mut description =
        "Processor time. A line without a bar is 0; nothing is drawn where it is unknown."
            .to_string();
    let mut scale = vec![text::duration(largest), "0".into()];
    if lowest < 0.0 {
        description.push_str(" Outlined bars below the line: the cache cost more than it saved.");
        scale.push(text::duration(-largest));
    }
    Chart {
        description,
        summary,
        class: "low",
        scale,
        shapes: Shapes::signed(&saved, largest),
        ..Chart::default()
    }
}

/// Returns the lowest and the highest known value.
fn range(values: &[Option<f64>]) -> Option<(f64, f64)> {
    let known = || values.iter().flatten().copied();
    let first = known().next()?;
    Some((known().fold(first, f64::min), known().fold(first, f64::max)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Sums;

    fn periods(saved: &[Option<i64>]) -> Vec<Period> {
        let day = |n| NaiveDate::from_ymd_opt(2026, 11, 2 + n).unwrap();
        let period = |(n, saved): (usize, &Option<i64>)| Period {
            name: day(n as u32).to_string(),
            first_day: day(n as u32),
            sums: Sums {
                time_saved: saved.map(TimeDelta::seconds),
                hits: saved.map(|_| n as u64),
                misses: saved.map(|_| 1),
                ..Sums::default()
            },
        };
        saved.iter().enumerate().map(period).collect()
    }

    #[test]
    fn descriptions_have_only_known_numbers() {
        let chart = savings(&periods(&[Some(300), None, Some(1380)]));
        assert_eq!(chart.summary, "From 5 min 00 s to 23 min.");
        assert_eq!(chart.scale, ["23 min", "0"]);
        let chart = savings(&periods(&[Some(-300), Some(-60)]));
        assert_eq!(chart.summary, "From -5 min 00 s to -1 min 00 s.");
        assert_eq!(chart.scale, ["5 min 00 s", "0", "-5 min 00 s"]);
        assert_eq!(
            savings(&periods(&[None])).summary,
            "No time saved is known."
        );
        assert_eq!(counts(&periods(&[None])).summary, "Nothing was measured.");
        assert_eq!(rates(&periods(&[None])).summary, "No hit rate is known.");
        assert_eq!(
            counts(&periods(&[Some(1), None, Some(1)])).summary,
            "2 hits, 2 misses; at most 3 compilations."
        );
        assert_eq!(
            rates(&periods(&[Some(1), None, Some(1)])).summary,
            "From 0.0 % to 66.7 %."
        );
    }

    #[test]
    fn the_months_of_the_calendar_are_named_where_they_begin() {
        let months = |month, day| months(NaiveDate::from_ymd_opt(2025, month, day).unwrap());
        let from_november = months(11, 3);
        let named: Vec<(usize, &str)> = from_november
            .iter()
            .map(|(n, name)| (*n, &**name))
            .collect();
        assert_eq!(
            named[..4],
            [(0, "Nov 2025"), (4, "Dec"), (8, "Jan 2026"), (12, "Feb")]
        );
        assert_eq!(named.len(), 13);
        // October has too little room.
        assert_eq!(months(10, 20)[0], (1, "Nov 2025".into()));
        assert_eq!(months(10, 6)[0], (3, "Nov 2025".into()));
    }

    #[test]
    fn a_label_in_the_middle_names_the_bar_in_the_middle() {
        let shown = |count: usize| labels(&periods(&vec![None; count])).len();
        assert_eq!([0, 1, 2, 3, 4, 5].map(shown), [0, 1, 2, 3, 2, 3]);
        assert_eq!(labels(&periods(&[None; 5]))[1], "2026-11-04");
    }

    #[test]
    fn periods_that_are_cut_are_named() {
        let day = |n| NaiveDate::from_ymd_opt(2026, 11, n).unwrap();
        let week = |first: u32| Period {
            name: format!("W{first}"),
            first_day: day(first),
            sums: Sums::default(),
        };
        let weeks = [week(2), week(9)];
        let note = |since, last| incomplete(PeriodLength::Week, &weeks, since, last);
        assert_eq!(note(None, day(15)), "");
        assert_eq!(note(Some(day(2)), day(15)), "");
        assert_eq!(
            note(Some(day(4)), day(13)),
            "Partial: the first week (W2) begins on 2026-11-04, and the last week (W9) ends on 2026-11-13."
        );
    }
}
