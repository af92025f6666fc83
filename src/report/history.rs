//! A package's builds, and what they say version by version.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::advise::{Advice, Looked};
use super::builds::Detailed;
use super::format::json_rows;
use super::sheet::{Column, Sheet, Tone, Value};
use super::text;
use crate::portage::Phase;
use crate::sccache::hit_rate;
use crate::store::{Brief, PackageRow};

type Col = Column<Version>;

/// A package and its builds.
pub(super) struct Package {
    pub(super) row: PackageRow,
    /// All builds, the newest last.
    pub(super) builds: Vec<Brief>,
    /// Those looked at in detail: all of them, or the newest.
    pub(super) history: Vec<Detailed>,
    /// The phases of those.
    pub(super) phases: Vec<Phase>,
    /// In the order in which they were first built.
    pub(super) versions: Vec<Version>,
    pub(super) advice: Vec<Advice>,
    /// What the advice was made from.
    pub(super) looked: Option<Looked>,
}

/// Builds that are cold, or warm, as one.
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

/// A version's builds: the first on each host, which is cold, apart from those after it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Version {
    pub(super) version: String,
    pub(super) first_at: DateTime<Utc>,
    pub(super) last_at: DateTime<Utc>,
    pub(super) cold: Group,
    pub(super) warm: Group,
    /// Builds without numbers; they are neither cold nor warm.
    pub(super) unmeasured: u64,
    pub(super) time_saved: Option<TimeDelta>,
}

/// Which of a package's builds, the newest last, are the first of their version on their
/// host that was measured.
pub(super) fn cold(all: &[Brief]) -> HashSet<i64> {
    let mut seen = HashSet::new();
    all.iter()
        .filter(|build| build.hits.is_some())
        .filter(|build| seen.insert((&build.host, &build.version)))
        .map(|build| build.number)
        .collect()
}

/// The versions among the builds, in the order in which they were first built.
pub(super) fn versions<'a>(
    builds: impl Iterator<Item = &'a Brief>,
    cold: &HashSet<i64>,
) -> Vec<Version> {
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
        let (Some(hits), Some(misses)) = (build.hits, build.misses) else {
            version.unmeasured += 1;
            continue;
        };
        let group = match cold.contains(&build.number) {
            true => &mut version.cold,
            false => &mut version.warm,
        };
        group.add(Group {
            builds: 1,
            hits,
            misses,
        });
    }
    let mut versions: Vec<Version> = versions.into_values().collect();
    versions.sort_by_key(|version| version.first_at);
    versions
}

/// How many builds each version of sccache served; those that name none are left out.
pub(super) fn sccache_versions<'a>(
    builds: impl Iterator<Item = &'a Brief>,
) -> BTreeMap<&'a str, u64> {
    let mut versions = BTreeMap::new();
    for name in builds.filter_map(|build| build.sccache_version.as_deref()) {
        *versions.entry(name).or_default() += 1;
    }
    versions
}

/// A row per version.
pub(super) fn sheet(rows: Vec<Version>) -> Sheet<Version> {
    let columns = vec![
        Col::new("version", |v| Value::text(&v.version))
            .heading("version", 100)
            .cut_to(10),
        Col::new("first_at", |v| Value::Time(v.first_at))
            .heading("first built", 50)
            .show(|v| text::day(v.first_at)),
        Col::new("last_at", |v| Value::Time(v.last_at)),
        Col::new("cold_builds", |v| Value::Count(v.cold.builds)),
        Col::new("cold_hits", |v| Value::Count(v.cold.hits)),
        Col::new("cold_misses", |v| Value::Count(v.cold.misses)),
        Col::new("cold_hit_rate", |v| v.cold.hit_rate().into()).heading("cold rate", 90),
        Col::new("warm_builds", |v| Value::Count(v.warm.builds)).heading("warm builds", 60),
        Col::new("warm_hits", |v| Value::Count(v.warm.hits)),
        Col::new("warm_misses", |v| Value::Count(v.warm.misses)),
        Col::new("warm_hit_rate", |v| v.warm.hit_rate().into())
            .heading("warm rate", 91)
            .tone(|v| Tone::of_rate(v.warm.hit_rate())),
        Col::new("unmeasured_builds", |v| Value::Count(v.unmeasured)),
        Col::new("time_saved_seconds", |v| v.time_saved.into()).heading("time saved", 70),
        Col::shown("note", 80, |v| match v.unmeasured {
            0 => String::new(),
            n => format!("{n} unmeasured"),
        })
        .tone(|_| Tone::Warning),
    ];
    Sheet { columns, rows }
}

/// The versions within JSON.
pub(super) fn nested(versions: &[Version]) -> Json {
    json_rows(&sheet(vec![]).columns, versions)
}

/// `{VERSION: builds}` of sccache.
pub(super) fn nested_sccache(package: &Package) -> Json {
    json!(sccache_versions(package.builds.iter()))
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
        let cold = cold(&builds);
        let versions = versions(builds.iter(), &cold);
        let names: Vec<&str> = versions.iter().map(|v| v.version.as_str()).collect();
        assert_eq!(names, ["1.0", "0.9"], "by when they came");
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
        let cold = cold(&builds);
        let later = versions(builds[1..].iter(), &cold);
        assert_eq!((later[0].cold.builds, later[0].warm.builds), (0, 1));
    }
}
