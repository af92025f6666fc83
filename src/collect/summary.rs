//! What the merge log shows about a build: a summary, and warnings about problems.

use crate::config;
use crate::portage::{Build, Outcome, Phase};
use crate::sccache::{Stats, print_block};
use crate::store::BuildRow;
use crate::text::{format_bytes, percent, plural, time_saved};

/// Returns the lines for a build, which `import` parses. `SCCACHE_REPORT_OUTPUT` selects how many:
/// `full` adds sccache's own block of statistics. `recorded` is the build's row in the database.
pub(super) fn lines(build: &Build, recorded: Option<&BuildRow>) -> Vec<String> {
    let output = config::text_variable("SCCACHE_REPORT_OUTPUT").unwrap_or_default();
    if output == "none" {
        return Vec::new();
    }
    let Some(sum) = build.total() else {
        return vec!["sccache ran, but its statistics are not available".into()];
    };
    let mut lines = vec![format_rates(&sum)];
    let phases: Vec<String> = build.phases.iter().filter_map(format_phase).collect();
    if phases.len() > 1 {
        lines.push(format!("hits by phase: {}", phases.join(", ")));
    }
    lines.extend(recorded.and_then(format_savings));
    lines.extend(format_cache(&sum));
    // Portage's own messages are the same as with FEATURES=buildpkg.
    if build.outcome == Outcome::Packaged {
        lines.push("outcome: packaged".into());
    }
    for line in &mut lines {
        line.insert_str(0, "sccache: ");
    }
    if output == "full" {
        lines.push(String::new());
        lines.extend(print_block(&sum).lines().map(str::to_owned));
    }
    lines
}

/// `53 hits, 1 miss, hit rate 98.1 %, coverage 70.5 %`.
fn format_rates(stats: &Stats) -> String {
    let (hits, misses) = (stats.hits.total, stats.misses.total);
    let misses_noun = if misses == 1 { "miss" } else { "misses" };
    let errors = match stats.errors_total() {
        None | Some(0) => String::new(),
        Some(count) => format!(", {count} {}", plural(count, "error")),
    };
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".into(), percent);
    format!(
        "{hits} {}, {misses} {misses_noun}{errors}, hit rate {}, coverage {}",
        plural(hits, "hit"),
        rate(stats.hit_rate()),
        rate(stats.coverage()),
    )
}

/// `configure 3 of 4`, or nothing for a phase without hits and misses.
fn format_phase(phase: &Phase) -> Option<String> {
    let Ok(stats) = &phase.stats else {
        return Some(format!("{} not measured", phase.name));
    };
    let (hits, misses) = (stats.hits.total, stats.misses.total);
    (hits + misses > 0).then(|| format!("{} {hits} of {}", phase.name, hits + misses))
}

/// `saved 35 s of 1 min 19 s of processor time (44 %; exact for 93 %)`.
fn format_savings(row: &BuildRow) -> Option<String> {
    let (saved, processor_time) = (row.time_saved?, row.processor_time?);
    let savings = time_saved(saved, Some(processor_time), row.exact_share());
    Some(format!("saved {savings}"))
}

/// `cache 261 MiB of 10 GiB (3 %)`.
fn format_cache(stats: &Stats) -> Option<String> {
    let size = stats.cache_size?;
    let used = format_bytes(size);
    Some(match stats.max_cache_size {
        Some(max) if max > 0 => {
            let percent = 100.0 * size as f64 / max as f64;
            format!("cache {used} of {} ({percent:.0} %)", format_bytes(max))
        }
        _ => format!("cache {used}"),
    })
}

/// Returns one warning per problem.
pub(super) fn warnings(build: &Build) -> Vec<String> {
    // A phase with a read-only cache counts write errors on purpose.
    let writable = build.phases.iter().filter(|phase| !phase.read_only);
    let not_written =
        Phase::total(writable).and_then(|stats| find_write_problem(&stats, build.outcome));
    let unrecognized = build.total().and_then(|stats| find_unrecognized(&stats));
    not_written.into_iter().chain(unrecognized).collect()
}

/// If sccache can't write an object, it continues with status 0, and the next build misses again. If it
/// can't create the folders of the cache, each compilation is an error, and neither a hit nor a miss
/// (0.16.0).
fn find_write_problem(sum: &Stats, outcome: Outcome) -> Option<String> {
    let write_errors = sum.write_errors.unwrap_or(0);
    let errors = sum.errors_total().unwrap_or(0);
    let not_stored = errors + sum.non_cacheable_compilations.unwrap_or(0);
    let storable = sum.misses.total.saturating_sub(not_stored);
    let has_no_writes = sum.writes == Some(0);
    let problem = if has_no_writes && errors > 0 && sum.hits.total == 0 && sum.misses.total == 0 {
        let executed = sum.executed.unwrap_or(errors);
        format!(
            "failed in {errors} of {executed} compilations, perhaps because it can't write its cache"
        )
    } else if write_errors > 0 {
        let objects = storable.max(write_errors);
        format!("could not write {write_errors} of {objects} objects to its cache")
    } else if has_no_writes && storable > 0 && outcome == Outcome::Merged {
        // An interrupted build can end before its writes.
        format!("could not write {storable} of {storable} objects to its cache")
    } else {
        return None;
    };
    Some(format!(
        "sccache {problem}. Run `sccache-report doctor` as root for the cause and its fix"
    ))
}

fn find_unrecognized(sum: &Stats) -> Option<String> {
    let first = sum.unrecognized.first()?;
    let more = match sum.unrecognized.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let version = sum.version.as_deref().unwrap_or("of unknown version");
    Some(format!(
        "sccache {version} printed statistics that this version of sccache-report doesn't support: \
         \"{first}\"{more}. Everything else was recorded. Hint: update sccache-report"
    ))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn stats() -> Stats {
        Stats {
            misses: crate::sccache::Counts {
                total: 5,
                ..Default::default()
            },
            writes: Some(5),
            write_errors: Some(0),
            cache_location: Some("Local disk: \"/var/cache/sccache\"".into()),
            ..Stats::default()
        }
    }

    #[test]
    fn a_cache_that_is_not_writable_names_doctor_and_no_path() {
        assert_eq!(find_write_problem(&stats(), Outcome::Merged), None);
        let failing = Stats {
            writes: Some(2),
            write_errors: Some(3),
            ..stats()
        };
        let warning = find_write_problem(&failing, Outcome::Failed).unwrap();
        assert!(warning.contains("3 of 5 objects"), "{warning}");
        assert!(warning.contains("sccache-report doctor"), "{warning}");
        assert!(!warning.contains('/'), "{warning}");
        let silent = Stats {
            writes: Some(0),
            ..stats()
        };
        assert!(find_write_problem(&silent, Outcome::Merged).is_some());
        assert_eq!(find_write_problem(&silent, Outcome::Interrupted), None);
        let refused = Stats {
            misses: crate::sccache::Counts::default(),
            executed: Some(4),
            errors: Some(crate::sccache::Counts {
                total: 4,
                ..Default::default()
            }),
            writes: Some(0),
            ..stats()
        };
        let warning = find_write_problem(&refused, Outcome::Failed).unwrap();
        assert!(
            warning.contains("failed in 4 of 4 compilations"),
            "{warning}"
        );
        // Unknown is not 0.
        assert_eq!(
            find_write_problem(
                &Stats {
                    writes: None,
                    ..stats()
                },
                Outcome::Merged
            ),
            None
        );
    }

    #[test]
    fn savings_are_printed_if_both_times_are_known() {
        let row = BuildRow {
            time_saved: Some(TimeDelta::seconds(35)),
            processor_time: Some(TimeDelta::seconds(24)),
            hit_cost: Some(TimeDelta::seconds(40)),
            exact_cost: Some(TimeDelta::seconds(40)),
            ..BuildRow::default()
        };
        assert_eq!(
            format_savings(&row).unwrap(),
            "saved 35 s of 59 s of processor time (59 %; exact)"
        );
        let unknown = BuildRow {
            processor_time: None,
            ..row
        };
        assert_eq!(format_savings(&unknown), None);
    }

    #[test]
    fn unrecognized_lines_are_one_warning() {
        assert_eq!(find_unrecognized(&stats()), None);
        let unrecognized = vec!["Cache prophecies  3".to_owned(), "x".to_owned()];
        let warning = find_unrecognized(&Stats {
            unrecognized,
            ..stats()
        })
        .unwrap();
        assert!(
            warning.contains("\"Cache prophecies  3\" and 1 more"),
            "{warning}"
        );
    }
}
