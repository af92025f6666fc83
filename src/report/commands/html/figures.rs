//! The key figures.

use crate::report::commands::sums::note;
use crate::report::html::page::Figure;
use crate::report::{headline, text};
use crate::sccache::{Level, hit_rate};
use crate::store::Sums;

/// If the time is known for at least this share of the hits, the figure doesn't mention the rest.
const MOST_HITS: f64 = 0.95;

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
        Figure::new("time saved", saved.as_deref().unwrap_or("-"), &share(sums)),
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

/// Returns the share of the processor time without the cache that was saved, and of how many hits the time is known.
fn share(sums: &Sums) -> String {
    let percent = headline::saved_percent(sums);
    let percent =
        percent.map(|percent| format!("{percent:.0} % of the processor time without the cache"));
    let share = sums.hits.filter(|hits| *hits > 0);
    let share = share.map(|hits| sums.estimated_hits as f64 / hits as f64);
    let known = share
        .filter(|share| *share < MOST_HITS)
        .map(|share| format!("known for {} of the hits", text::percent(share)));
    percent
        .into_iter()
        .chain(known)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_saved_says_for_how_many_hits_it_is_known() {
        let share = |estimated_hits, hits| {
            let sums = Sums {
                hits: Some(hits),
                estimated_hits,
                ..Sums::default()
            };
            share(&sums)
        };
        assert_eq!(share(64, 100), "known for 64.0 % of the hits");
        assert_eq!(share(95, 100), "");
        assert_eq!(share(0, 0), "");
    }
}
