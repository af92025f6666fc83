//! New versions that start cold. Object keys contain paths, and Portage's build directory
//! contains the version: what one version wrote, the next can't find. With Rust that is how
//! it is; C and C++ have a setting, which has a catch.

mod shown;

use serde_json::json;

use self::shown::{Shown, shown};
use super::super::text;
use super::{Advice, Severity};
use crate::sccache::hit_rate;
use crate::store::Evidence;

/// C and C++ change between versions too. The path is to blame where the same version,
/// built again, hits at least this often.
const WARM: f64 = 0.5;

/// The first sccache with `SCCACHE_BASEDIRS`.
const BASEDIRS_SINCE: [u64; 2] = [0, 14];

/// Whether this is mostly Rust, of another version than was built before.
pub(super) fn is_rust_bump(build: &Evidence) -> bool {
    let (hits, misses) = build.languages.get("Rust").copied().unwrap_or_default();
    let asked = build.hits.unwrap_or(0) + build.misses.unwrap_or(0);
    is_bump(build) && 2 * (hits + misses) > asked
}

/// Whether the build before it was of another version.
pub(super) fn is_bump(build: &Evidence) -> bool {
    { build.previous_version.as_ref() }.is_some_and(|before| *before != build.version)
}

impl Shown<'_> {
    fn advice(
        &self,
        language: &str,
        summary: String,
        recommendation: String,
        setting: Vec<String>,
    ) -> Advice {
        let severity = match setting.is_empty() {
            true => Severity::Note,
            false => Severity::Change,
        };
        let (hits, misses) = self.cold_sum;
        let rate = hit_rate(self.again.0, self.again.1);
        let again = match rate {
            Some(rate) => format!(
                "{} of the same version as before hit {}.",
                text::count(self.rebuilds as u64, "build"),
                text::percent(rate)
            ),
            None => "No version was built twice, which is when it would hit.".to_string(),
        };
        let mut packages: Vec<String> = self.cold.iter().map(|b| b.package.clone()).collect();
        packages.sort();
        packages.dedup();
        Advice {
            kind: "cold-versions",
            severity,
            summary,
            evidence: vec![
                format!(
                    "{} of {} of another version than before had {}.",
                    self.cold.len(),
                    text::count(self.bumps as u64, "build"),
                    text::hits_and_misses(hits, misses)
                ),
                again,
            ],
            recommendation,
            setting,
            packages,
            numbers: json!({
                "language": language,
                "new_versions": self.bumps,
                "cold": self.cold.len(),
                "hits": hits,
                "misses": misses,
                "rebuilds": self.rebuilds,
                "rebuild_hit_rate": rate,
            }),
        }
    }
}

/// New versions in Rust start cold, which nobody can change.
pub(super) fn rust(evidence: &[Evidence]) -> Option<Advice> {
    let shown = shown(evidence, "Rust");
    if !shown.is_cold() {
        return None;
    }
    let summary = "New versions in Rust start cold, as they have to: their keys contain the build \
                directory, whose path contains the version."
        .to_string();
    let recommendation = "Nothing is wrong and nothing can be set (SCCACHE_BASEDIRS serves C and C++ only). \
                 In Rust the cache pays where the same version is built again: after a change of USE \
                 flags, a failed build, a new library."
        .to_string();
    Some(shown.advice("Rust", summary, recommendation, Vec::new()))
}

/// New versions in C and C++ start cold, for which sccache has a setting that is not used, or
/// not as it would help.
pub(super) fn c(evidence: &[Evidence]) -> Option<Advice> {
    let language = "C/C++";
    let mut builds = { evidence.iter().rev() }.filter(|b| b.languages.contains_key(language));
    let newest = builds.next()?;
    // What was built before it was set, or is cold all the same, is no reason to set it.
    if strips_version(newest) {
        return None;
    }
    let without: Vec<&Evidence> = { evidence.iter() }.filter(|b| !strips_version(b)).collect();
    let shown = shown(without, language);
    let again = hit_rate(shown.again.0, shown.again.1)?;
    let knows = { evidence.iter().rev() }
        .find_map(|build| build.sccache_version.as_deref())
        .is_some_and(knows_base_directories);
    if !shown.is_cold() || again < WARM || !knows {
        return None;
    }
    let summary =
        "New versions in C and C++ start cold although rebuilds hit: the path of the build \
                directory, which contains the version, is part of what is compared."
            .to_string();
    let set = match newest.base_directories.join(":") {
        none if none.is_empty() => String::new(),
        set => format!(
            " SCCACHE_BASEDIRS is set to {set}, below which the path still has the version; take \
             the line instead, or add ${{WORKDIR}} to it."
        ),
    };
    let recommendation = format!(
        "sccache can leave that path out, in /etc/portage/bashrc, above the line of \
         sccache-report.{set} The catch: an object that hits is the other version's, and carries \
         that version's path in __FILE__ (assertions, log lines) and debug information. Leave \
         it as it is if you debug your system:"
    );
    let setting = vec!["[[ -n ${WORKDIR} ]] && export SCCACHE_BASEDIRS=\"${WORKDIR}\"".to_string()];
    Some(shown.advice(language, summary, recommendation, setting))
}

/// Whether a directory that sccache left out of the build's paths has the version in it: Portage
/// builds in `PORTAGE_TMPDIR/portage/CATEGORY/PN-PVR/work`.
fn strips_version(build: &Evidence) -> bool {
    let name = { build.package.split_once('/') }.map_or(&*build.package, |(_, name)| name);
    let folder = format!("{name}-{}", build.version);
    let has = |directory: &String| directory.split('/').any(|part| part == folder);
    build.base_directories.iter().any(has)
}

/// Whether this version, such as `0.16.0`, has `SCCACHE_BASEDIRS`.
fn knows_base_directories(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    let (Some(Some(major)), Some(Some(minor))) = (parts.next(), parts.next()) else {
        return false;
    };
    [major, minor] >= BASEDIRS_SINCE
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::shown::{BUMPS, ENOUGH};
    use super::*;

    fn cold(evidence: &[Evidence]) -> Vec<Advice> {
        { [rust(evidence), c(evidence)].into_iter() }
            .flatten()
            .collect()
    }

    fn rust_bumps(hits: u64, count: usize) -> Vec<Evidence> {
        vec![after(rust_build("a/b", "2", hits, 20 - hits), "1"); count]
    }

    #[test]
    fn cold_versions_in_rust_are_nobody_s_fault() {
        let advice = cold(&rust_bumps(2, BUMPS));
        assert_eq!(advice.len(), 1);
        assert_eq!(
            advice[0].evidence,
            [
                "3 of 3 builds of another version than before had 6 hits, 54 misses.",
                "No version was built twice, which is when it would hit."
            ]
        );
        assert!(advice[0].setting.is_empty());
        assert_eq!(advice[0].severity, Severity::Note);
        assert!(advice[0].recommendation.starts_with("Nothing is wrong"));
        assert_eq!(cold(&rust_bumps(3, BUMPS)), [], "15 % hits");
        assert_eq!(cold(&rust_bumps(2, BUMPS - 1)), [], "two versions");
        let mut mostly_warm = rust_bumps(0, BUMPS);
        mostly_warm.extend(rust_bumps(19, BUMPS));
        assert_eq!(cold(&mostly_warm), []);
    }

    #[test]
    fn first_builds_and_rebuilds_are_not_new_versions() {
        let first = vec![rust_build("a/b", "1", 0, 20); BUMPS];
        assert_eq!(cold(&first), []);
        let again = vec![after(rust_build("a/b", "1", 0, 20), "1"); BUMPS];
        assert_eq!(cold(&again), []);
        let small = vec![after(rust_build("a/b", "2", 0, ENOUGH - 1), "1"); BUMPS];
        assert_eq!(cold(&small), []);
    }

    #[test]
    fn base_directories_come_with_their_catch() {
        let mut builds = vec![after(c_build("a/c", "2", 0, 20), "1"); BUMPS];
        assert_eq!(cold(&builds), [], "nothing shows that it is the path");
        builds.push(after(c_build("a/c", "2", 9, 11), "2"));
        assert_eq!(cold(&builds), [], "rebuilds don't hit either");
        builds.push(after(c_build("a/c", "2", 11, 9), "2"));
        let advice = cold(&builds);
        assert!(advice[0].recommendation.contains("__FILE__"));
        assert!(advice[0].setting[0].contains("SCCACHE_BASEDIRS"));
        assert_eq!(advice[0].severity, Severity::Change);
        assert!(
            advice[0].evidence[1].contains("2 builds of the same version as before hit 50.0 %")
        );
        builds
            .iter_mut()
            .for_each(|b| b.sccache_version = Some("0.13.9".into()));
        assert_eq!(cold(&builds), [], "an sccache without it");
        assert!(knows_base_directories("1.0.0") && !knows_base_directories("x"));
    }

    #[test]
    fn base_directories_that_are_set_are_not_advised() {
        let set = |directory: &str, build: Evidence| Evidence {
            base_directories: vec![directory.into()],
            ..build
        };
        let mut builds = vec![after(c_build("a/c", "2", 0, 20), "1"); BUMPS];
        builds.push(after(c_build("a/c", "2", 20, 0), "2"));
        assert_eq!(cold(&builds).len(), 1);
        let of = |directory: &str| {
            let newest = set(directory, after(c_build("a/c", "3-r1", 0, 20), "2"));
            cold(&[&builds[..], &[newest]].concat())
        };
        assert_eq!(of("/var/tmp/portage/a/c-3-r1/work/"), [], "set since");
        let advice = of("/var/tmp/portage");
        assert!(
            advice[0]
                .recommendation
                .contains("is set to /var/tmp/portage, below which"),
            "{advice:?}"
        );
        // Builds that had it are no evidence for it, whatever came after them.
        for build in &mut builds {
            *build = set("/var/tmp/portage/a/c-2/work", build.clone());
        }
        builds.push(after(c_build("a/c", "4", 0, 20), "2"));
        assert_eq!(cold(&builds), []);
    }
}
