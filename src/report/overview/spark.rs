//! The hit rate over the period as a line of bars.

use chrono::{Days, Local};
use serde_json::{Value as Json, json};

use super::super::text;
use super::super::trend::{By, periods};
use crate::store::Moment;

/// The most bars in a line.
const BARS: usize = 60;

/// A bar for each of the shortest steps that fit, gaps included.
pub(super) struct Spark {
    /// `day`, `week`, `month` or `year`.
    pub(super) step: &'static str,
    /// The steps' names and hit rates.
    rates: Vec<(String, Option<f64>)>,
}

impl Spark {
    /// Of moments in order; empty of none.
    pub(super) fn of(moments: &[Moment]) -> Spark {
        let local = |m: &Moment| m.started_at.with_timezone(&Local).date_naive();
        let ends = moments.first().map(local).zip(moments.last().map(local));
        let days = ends.map_or(0, |(first, last)| {
            (last - first).num_days().max(0) as usize + 1
        });
        let (by, step) = match days {
            d if d <= BARS => (By::Day, "day"),
            d if d <= BARS * 7 => (By::Week, "week"),
            d if d <= BARS * 30 => (By::Month, "month"),
            _ => (By::Year, "year"),
        };
        let mut known = periods(moments, by, &Local).into_iter().peekable();
        let mut rates: Vec<(String, Option<f64>)> = Vec::new();
        let first = ends.map(|(first, _)| first);
        for day in (0..days).filter_map(|n| first?.checked_add_days(Days::new(n as u64))) {
            let name = day.format(by.pattern()).to_string();
            if rates.last().is_none_or(|(last, _)| *last != name) {
                let period = known.next_if(|period| period.name == name);
                rates.push((name, period.and_then(|period| period.sums.hit_rate())));
            }
        }
        Spark { step, rates }
    }

    /// The bars, a gap where no rate is known; `None` where there is no bar at all.
    pub(super) fn bars(&self) -> Option<String> {
        let bars: String = self
            .rates
            .iter()
            .map(|(_, rate)| text::spark(*rate))
            .collect();
        Some(bars.trim_end().to_string()).filter(|bars| !bars.is_empty())
    }

    /// `[{period, hit_rate}]`.
    pub(super) fn json(&self) -> Json {
        let rates = self.rates.iter();
        rates
            .map(|(period, rate)| json!({ "period": period, "hit_rate": rate }))
            .collect()
    }
}
