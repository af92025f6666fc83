//! The key figures.

use crate::report::commands::sums::note;
use crate::report::html::page::Figure;
use crate::report::{headline, text};
use crate::sccache::{Level, hit_rate};
use crate::store::Sums;

/// Returns the figures. `cache` is the fill of the cache and a note on it.
pub(super) fn figures(
    sums: &Sums,
    cache: Option<(Option<f64>, String)>,
    levels: &[Level],
) -> Vec<Figure> {
    let counts = sums.hits.zip(sums.misses);
    let counts = counts.map_or_else(
        || "not measured".to_string(),
        |(hits, misses)| text::hits_and_misses(hits, misses),
    );
    let by_cost = sums.hit_rate_by_cost().map_or_else(String::new, |rate| {
        format!("{} by cost; ", text::percent(rate))
    });
    let saved = sums
        .time_saved
        .map(|saved| text::duration(saved.as_seconds_f64()));
    let (fill, fill_note) = cache.unwrap_or_default();
    let rate = text::percent_or_dash;
    let mut figures = vec![
        Figure::new("builds", &text::number(sums.builds), &outcomes(sums)),
        Figure::new("hit rate", &rate(sums.hit_rate()), &(by_cost + &counts)),
        Figure::new(
            "time saved",
            saved.as_deref().unwrap_or("-"),
            &share(sums).unwrap_or_default(),
        ),
        Figure::new("coverage", &rate(sums.coverage()), "of compiler calls"),
        Figure::new("cache fill", &rate(fill), &fill_note),
    ];
    figures.extend(levels.iter().map(|level| {
        let rate = text::percent_or_dash(hit_rate(level.hits, level.misses));
        Figure::new(&level.name, &rate, &text::level_lookups(level))
    }));
    figures
}

/// Returns the failed builds, and what else limits the numbers.
fn outcomes(sums: &Sums) -> String {
    match sums.failed {
        0 => {
            let note = note(sums);
            let separator = if note.is_empty() { "" } else { ", " };
            format!("0 failed{separator}{note}")
        }
        _ => note(sums),
    }
}

/// Returns the share of the processor time without the cache that was saved.
fn share(sums: &Sums) -> Option<String> {
    let percent = headline::saved_percent(sums)?;
    Some(format!(
        "{percent:.0} % of the processor time without the cache"
    ))
}
