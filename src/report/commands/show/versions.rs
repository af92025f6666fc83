//! A package's builds, version by version.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::super::table::{Column, Importance::*, Value, WARNING, tone_of_hit_rate};
use super::super::super::text;
use crate::store::{BuildCounts, Sums};

/// The builds of a version: the first on each host, which is cold, apart from the later ones.
pub(in super::super) struct Version {
    version: String,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    pub(super) cold: Sums,
    pub(super) warm: Sums,
    /// Builds without numbers, neither cold nor warm.
    unmeasured: u64,
}

impl Version {
    fn time_saved(&self) -> Option<TimeDelta> {
        let mut sums = self.cold;
        sums.add(&self.warm);
        sums.time_saved
    }
}

/// The builds that are the first measured one of their version on their host. `builds` has the
/// newest last.
pub(in super::super) fn cold_builds(builds: &[BuildCounts]) -> HashSet<i64> {
    let mut seen = HashSet::new();
    let measured = builds.iter().filter(|build| build.hits.is_some());
    measured
        .filter(|build| seen.insert((&build.host, &build.version)))
        .map(|build| build.id)
        .collect()
}

/// The versions of the builds, in the order in which they were first built.
pub(in super::super) fn versions(builds: &[BuildCounts], cold: &HashSet<i64>) -> Vec<Version> {
    let mut versions: Vec<Version> = Vec::new();
    for build in builds {
        let known = versions.iter().rposition(|v| v.version == build.version);
        let index = known.unwrap_or_else(|| {
            versions.push(Version {
                version: build.version.clone(),
                first_at: build.started_at,
                last_at: build.started_at,
                cold: Sums::default(),
                warm: Sums::default(),
                unmeasured: 0,
            });
            versions.len() - 1
        });
        let version = &mut versions[index];
        version.last_at = build.started_at;
        let sums = if build.hits.is_none() {
            version.unmeasured += 1;
            continue;
        } else if cold.contains(&build.id) {
            &mut version.cold
        } else {
            &mut version.warm
        };
        sums.add(&Sums {
            builds: 1,
            hits: build.hits,
            misses: build.misses,
            time_saved: build.time_saved,
            ..Sums::default()
        });
    }
    versions
}

pub(in super::super) fn columns() -> Vec<Column<Version>> {
    type Col = Column<Version>;
    let count = |number: Option<u64>| Value::Count(number.unwrap_or(0));
    vec![
        Col::data("version", |v| Value::text(&v.version)).shown(Key),
        Col::data("first_at", |v| Value::Time(v.first_at))
            .shown(Low)
            .heading("first built")
            .display(|v| text::date(v.first_at)),
        Col::data("last_at", |v| Value::Time(v.last_at)),
        Col::data("cold_builds", |v| Value::Count(v.cold.builds)),
        Col::data("cold_hits", move |v| count(v.cold.hits)),
        Col::data("cold_misses", move |v| count(v.cold.misses)),
        Col::data("cold_hit_rate", |v| v.cold.hit_rate().into())
            .shown(High)
            .heading("cold rate"),
        Col::data("warm_builds", |v| Value::Count(v.warm.builds)).shown(Low),
        Col::data("warm_hits", move |v| count(v.warm.hits)),
        Col::data("warm_misses", move |v| count(v.warm.misses)),
        Col::data("warm_hit_rate", |v| v.warm.hit_rate().into())
            .shown(High)
            .heading("warm rate")
            .tone(|v| tone_of_hit_rate(v.warm.hit_rate())),
        Col::data("unmeasured_builds", |v| Value::Count(v.unmeasured)),
        Col::data("time_saved_seconds", |v| v.time_saved().into()).shown(Medium),
        Col::note("note", |v| unmeasured_note(v.unmeasured))
            .shown(Medium)
            .tone(|_| WARNING),
    ]
}

/// `2 unmeasured`, or nothing.
pub(super) fn unmeasured_note(unmeasured: u64) -> String {
    if unmeasured == 0 {
        String::new()
    } else {
        format!("{unmeasured} unmeasured")
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn build(id: i64, version: &str, host: &str, counts: Option<(u64, u64)>) -> BuildCounts {
        BuildCounts {
            id,
            host: host.into(),
            version: version.into(),
            started_at: DateTime::UNIX_EPOCH + TimeDelta::hours(id),
            hits: counts.map(|c| c.0),
            misses: counts.map(|c| c.1),
            time_saved: counts.map(|c| TimeDelta::seconds(c.0 as i64)),
        }
    }

    #[test]
    fn the_first_build_of_a_version_is_cold_and_the_others_warm() {
        let builds = [
            build(1, "1.0", "one", None),
            build(2, "1.0", "one", Some((0, 9))),
            build(3, "1.0", "one", Some((9, 0))),
            build(4, "1.0", "two", Some((0, 9))),
            build(5, "0.9", "one", Some((1, 8))),
        ];
        let versions = versions(&builds, &cold_builds(&builds));
        let names: Vec<&str> = versions.iter().map(|v| v.version.as_str()).collect();
        assert_eq!(names, ["1.0", "0.9"], "in order of time");
        let counts = |sums: &Sums| (sums.builds, sums.hits, sums.misses);
        let (first, second) = (&versions[0], &versions[1]);
        assert_eq!(counts(&first.cold), (2, Some(0), Some(18)), "one per host");
        assert_eq!(counts(&first.warm), (1, Some(9), Some(0)));
        assert_eq!(first.unmeasured, 1);
        assert_eq!(first.time_saved(), Some(TimeDelta::seconds(9)));
        assert_eq!(counts(&second.cold), (1, Some(1), Some(8)));
        assert_eq!(second.warm.hit_rate(), None);
    }
}
