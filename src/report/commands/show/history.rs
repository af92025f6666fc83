//! A package's builds, version by version.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::super::super::advice::{Advice, Sample};
use super::super::super::table::{
    Column,
    Importance::{High, Key, Low, Medium},
    Tone, Value,
};
use super::super::super::text;
use super::super::builds::Build;
use crate::portage::Phase;
use crate::sccache::hit_rate;
use crate::store::{Brief, PackageRow};

/// A package and its builds.
pub(in super::super) struct Package {
    pub(super) row: PackageRow,
    /// All builds, the newest last.
    pub(super) builds: Vec<Brief>,
    /// The builds with details: all, or the newest.
    pub(super) history: Vec<Build>,
    /// The phases of `history`.
    pub(super) phases: Vec<Phase>,
    /// In the order in which they were first built.
    pub(super) versions: Vec<Version>,
    pub(super) advice: Vec<Advice>,
    /// The builds that the advice is based on.
    pub(super) sample: Option<Sample>,
}

/// The sums of cold or of warm builds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) builds: u64,
    pub(super) hits: u64,
    pub(super) misses: u64,
}

impl Group {
    pub(super) fn hit_rate(&self) -> Option<f64> {
        hit_rate(self.hits, self.misses)
    }

    pub(super) fn add(&mut self, other: Group) {
        self.builds += other.builds;
        self.hits = self.hits.saturating_add(other.hits);
        self.misses = self.misses.saturating_add(other.misses);
    }
}

/// The builds of a version: the first on each host, which is cold, apart from the later ones.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Version {
    pub(super) version: String,
    pub(super) first_at: DateTime<Utc>,
    pub(super) last_at: DateTime<Utc>,
    pub(super) cold: Group,
    pub(super) warm: Group,
    /// Builds without numbers, neither cold nor warm.
    pub(super) unmeasured: u64,
    pub(super) time_saved: Option<TimeDelta>,
}

/// The numbers of those builds that are the first measured one of their version on their host.
/// `builds` has the newest last.
pub(super) fn cold_builds(builds: &[Brief]) -> HashSet<i64> {
    let mut seen = HashSet::new();
    builds
        .iter()
        .filter(|build| build.hits.is_some() && seen.insert((&build.host, &build.version)))
        .map(|build| build.number)
        .collect()
}

/// The versions of the builds, in the order in which they were first built.
pub(super) fn versions(builds: &[Brief], cold: &HashSet<i64>) -> Vec<Version> {
    let mut versions: BTreeMap<&str, Version> = BTreeMap::new();
    for build in builds {
        let version = versions.entry(&build.version).or_insert_with(|| Version {
            version: build.version.clone(),
            first_at: build.started_at,
            last_at: build.started_at,
            cold: Group::default(),
            warm: Group::default(),
            unmeasured: 0,
            time_saved: None,
        });
        version.last_at = version.last_at.max(build.started_at);
        if let Some(saved) = build.time_saved {
            let sum = version.time_saved.unwrap_or_default();
            version.time_saved = Some(sum.checked_add(&saved).unwrap_or(sum));
        }
        let Some((hits, misses)) = build.hits.zip(build.misses) else {
            version.unmeasured += 1;
            continue;
        };
        let group = Group {
            builds: 1,
            hits,
            misses,
        };
        if cold.contains(&build.number) {
            version.cold.add(group);
        } else {
            version.warm.add(group);
        }
    }
    let mut versions: Vec<Version> = versions.into_values().collect();
    versions.sort_by_key(|version| version.first_at);
    versions
}

/// Builds per version of sccache, without those that don't name one.
pub(super) fn sccache_versions(builds: &[Brief]) -> BTreeMap<&str, u64> {
    let mut versions = BTreeMap::new();
    for name in builds
        .iter()
        .filter_map(|build| build.sccache_version.as_deref())
    {
        *versions.entry(name).or_default() += 1;
    }
    versions
}

pub(super) fn columns() -> Vec<Column<Version>> {
    type Col = Column<Version>;
    vec![
        Col::shown("version", Key, |v| Value::text(&v.version)).truncate_to(10),
        Col::shown("first_at", Low, |v| Value::Time(v.first_at))
            .heading("first built")
            .display(|v| text::date(v.first_at)),
        Col::data("last_at", |v| Value::Time(v.last_at)),
        Col::data("cold_builds", |v| Value::Count(v.cold.builds)),
        Col::data("cold_hits", |v| Value::Count(v.cold.hits)),
        Col::data("cold_misses", |v| Value::Count(v.cold.misses)),
        Col::shown("cold_hit_rate", High, |v| v.cold.hit_rate().into()).heading("cold rate"),
        Col::shown("warm_builds", Low, |v| Value::Count(v.warm.builds)),
        Col::data("warm_hits", |v| Value::Count(v.warm.hits)),
        Col::data("warm_misses", |v| Value::Count(v.warm.misses)),
        Col::shown("warm_hit_rate", High, |v| v.warm.hit_rate().into())
            .heading("warm rate")
            .tone(|v| Tone::of_hit_rate(v.warm.hit_rate())),
        Col::data("unmeasured_builds", |v| Value::Count(v.unmeasured)),
        Col::shown("time_saved_seconds", Medium, |v| v.time_saved.into()),
        Col::terminal_only("note", Medium, |v| unmeasured_note(v.unmeasured))
            .tone(|_| Tone::Warning),
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
    use super::*;

    fn build(number: i64, version: &str, host: &str, counts: Option<(u64, u64)>) -> Brief {
        Brief {
            number,
            host: host.into(),
            version: version.into(),
            started_at: DateTime::UNIX_EPOCH + TimeDelta::hours(number),
            sccache_version: Some("0.16.0".into()),
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
        let group = |builds, hits, misses| Group {
            builds,
            hits,
            misses,
        };
        assert_eq!(versions[0].cold, group(2, 0, 18), "one on each host");
        assert_eq!(versions[0].warm, group(1, 9, 0));
        assert_eq!(versions[0].unmeasured, 1);
        assert_eq!(versions[0].time_saved, Some(TimeDelta::seconds(9)));
        assert_eq!(versions[1].cold, group(1, 1, 8));
        assert_eq!(versions[1].warm.hit_rate(), None);
    }

    #[test]
    fn a_filter_does_not_make_a_warm_build_cold() {
        let builds = [
            build(1, "1.0", "one", Some((0, 9))),
            build(2, "1.0", "one", Some((9, 0))),
        ];
        let later = versions(&builds[1..], &cold_builds(&builds));
        assert_eq!((later[0].cold.builds, later[0].warm.builds), (0, 1));
    }
}
