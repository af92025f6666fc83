//! What a build's numbers show that its user should know at once.

use crate::config;
use crate::portage::{Build, Outcome, Phase};
use crate::sccache::Stats;

/// One warning for each cause.
pub fn warnings(build: &Build) -> Vec<String> {
    let measured = |phases: Vec<&Phase>| {
        let stats = phases.iter().filter_map(|phase| phase.stats.as_ref().ok());
        Stats::sum(stats)
    };
    // What isn't meant to be written isn't missing.
    let writable = build.phases.iter().filter(|phase| !phase.read_only);
    let writable = measured(writable.collect());
    let all = measured(build.phases.iter().collect());
    let not_writable = writable.and_then(|sum| cache_not_writable(&sum, build.outcome));
    let unknown = all.and_then(|sum| unknown_output(&sum));
    [not_writable, root_only_reads(build), unknown]
        .into_iter()
        .flatten()
        .collect()
}

/// sccache goes on with status 0 when it can't write: the next build misses all the same. Where it can't even make
/// its folders, each compilation fails, and is neither a hit nor a miss (0.16.0).
fn cache_not_writable(sum: &Stats, outcome: Outcome) -> Option<String> {
    let failed = sum.write_errors.unwrap_or(0);
    let not_stored = [sum.errors_total(), sum.non_cacheable_compilations];
    let not_stored = not_stored.into_iter().flatten().sum();
    let storable = sum.misses.total.saturating_sub(not_stored);
    // Of a build that was cut off, writes may be missing that were still to come.
    let none_written = outcome == Outcome::Merged && sum.writes == Some(0) && storable > 0;
    let refused = sum.errors_total().filter(|errors| {
        *errors > 0 && sum.hits.total == 0 && sum.misses.total == 0 && sum.writes == Some(0)
    });
    let what = if let Some(errors) = refused {
        let executed = sum.executed.unwrap_or(errors);
        format!(
            "failed in {errors} of {executed} compilations, perhaps because it can't write its cache"
        )
    } else if failed > 0 || none_written {
        let count = if failed > 0 { failed } else { storable };
        let all = storable.max(count);
        format!("could not write {count} of {all} objects into its cache")
    } else {
        return None;
    };
    Some(format!(
        "sccache {what}. Run `sccache-report doctor` as root for the cause and its fix"
    ))
}

/// Without userpriv, root builds everything. The hook keeps it from writing into a cache that another
/// user owns, and then nothing is ever stored.
fn root_only_reads(build: &Build) -> Option<String> {
    let features = config::text_variable("FEATURES")?;
    let is_users_choice = config::is_set("SCCACHE_LOCAL_RW_MODE");
    let has_userpriv = features.split_whitespace().any(|it| it == "userpriv");
    if is_users_choice || has_userpriv {
        return None;
    }
    let missed = |phase: &&Phase| {
        let misses = phase.stats.as_ref().map_or(0, |stats| stats.misses.total);
        phase.read_only && misses > 0
    };
    build.phases.iter().find(missed).map(|phase| {
        format!(
            "the {} phase ran as root without FEATURES=userpriv and could only read the cache, which \
             another user owns. If root alone builds here, make root the cache's owner",
            phase.name
        )
    })
}

fn unknown_output(sum: &Stats) -> Option<String> {
    let first = sum.unrecognized.first()?;
    let more = match sum.unrecognized.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more like it"),
    };
    let version = sum.version.as_deref().unwrap_or("of unknown version");
    Some(format!(
        "sccache {version} printed statistics that this version of sccache-report doesn't know: \"{first}\"{more}. \
         Everything else was recorded. Hint: update sccache-report"
    ))
}

#[cfg(test)]
mod tests {
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
    fn a_cache_that_cannot_be_written_names_doctor_and_no_path() {
        assert_eq!(cache_not_writable(&stats(), Outcome::Merged), None);
        let failing = Stats {
            writes: Some(2),
            write_errors: Some(3),
            ..stats()
        };
        let warning = cache_not_writable(&failing, Outcome::Failed).unwrap();
        assert!(warning.contains("3 of 5 objects"), "{warning}");
        assert!(warning.contains("sccache-report doctor"), "{warning}");
        assert!(!warning.contains('/'), "{warning}");
        let silent = Stats {
            writes: Some(0),
            ..stats()
        };
        assert!(cache_not_writable(&silent, Outcome::Merged).is_some());
        assert_eq!(cache_not_writable(&silent, Outcome::Interrupted), None);
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
        let warning = cache_not_writable(&refused, Outcome::Failed).unwrap();
        assert!(
            warning.contains("failed in 4 of 4 compilations"),
            "{warning}"
        );
        // Not known is not none.
        assert_eq!(
            cache_not_writable(
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
    fn what_is_unknown_is_said_once() {
        assert_eq!(unknown_output(&stats()), None);
        let unrecognized = vec!["Cache prophecies  3".to_owned(), "x".to_owned()];
        let warning = unknown_output(&Stats {
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
