//! What stable paths gained or would gain, and how to turn them on.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use super::text;
use crate::config;
use crate::portage::{StablePaths, is_package, plain_path};
use crate::store::StablePathEffect;

/// The file in `/etc/portage/env` that turns stable paths on.
const ENV_FILE: &str = "sccache-stable-paths.conf";

/// Returns `48 of 53 misses of 1.2-r1 would have been hits with stable paths (31 s of compiling, an estimate)`.
/// `build` names what missed: a version, or a package and a version.
pub(super) fn would_gain(effect: &StablePathEffect, misses: Option<u64>, build: &str) -> String {
    let avoidable = text::number(effect.avoidable_misses);
    let misses = misses.unwrap_or(0).max(effect.avoidable_misses);
    let time = effect.avoidable_time.map_or_else(String::new, |time| {
        format!("{} of compiling, ", text::duration(time.as_seconds_f64()))
    });
    format!(
        "{avoidable} of {} of {build} would have been hits with stable paths ({time}an estimate)",
        text::misses(misses)
    )
}

/// Returns `48 hits on crates that only other versions had compiled (31 s of compiling saved)`.
pub(super) fn gained(effect: &StablePathEffect) -> String {
    let hits = text::count(effect.gained_hits, "hit");
    let time = effect.gained_time.map_or_else(String::new, |time| {
        format!(
            " ({} of compiling saved)",
            text::duration(time.as_seconds_f64())
        )
    });
    format!("{hits} on crates that only other versions had compiled{time}")
}

/// Returns the line for one build; `None` if stable paths change nothing.
pub(super) fn summary(
    effect: &StablePathEffect,
    misses: Option<u64>,
    version: &str,
) -> Option<String> {
    let text = match effect.state {
        Some(state) if !state.is_in_use() => format!("not used: {state}"),
        _ if effect.gained_hits > 0 => gained(effect),
        Some(_) => "in use".into(),
        None if effect.avoidable_misses > 0 => {
            return Some(would_gain(effect, misses, version));
        }
        None => return None,
    };
    Some(format!("stable paths: {text}"))
}

/// Returns the commands that turn stable paths on for these packages. Names that aren't those of packages
/// are left out, because databases may come from others.
pub(super) fn commands<'a>(packages: impl Iterator<Item = &'a str>) -> Vec<String> {
    let etc = std::path::Path::new("/")
        .join(config::eprefix())
        .join("etc/portage");
    let package_env = etc.join("package.env");
    let package_env = if package_env.is_dir() {
        package_env.join("sccache-report")
    } else {
        package_env
    };
    let (Some(etc), Some(package_env)) = (plain_path(&etc), plain_path(&package_env)) else {
        return Vec::new();
    };
    let mut commands = vec![
        format!("mkdir -p {etc}/env"),
        format!("echo 'SCCACHE_REPORT_STABLE_PATHS=\"yes\"' > {etc}/env/{ENV_FILE}"),
        // Its last line may lack the newline.
        format!("test ! -s {package_env} || sed -i '$a\\' {package_env}"),
    ];
    let packages = packages.filter(|name| is_package(name));
    commands.extend(packages.map(|name| {
        let line = format!("'{name} {ENV_FILE}'");
        // The commands may be run again before the package is built.
        format!("grep -sqxF {line} {package_env} || echo {line} >> {package_env}")
    }));
    commands
}

/// Returns the value in JSON.
pub(super) fn to_json(effect: &StablePathEffect) -> Json {
    json!({
        "state": effect.state.map(StablePaths::code),
        "avoidable_misses": effect.avoidable_misses,
        "avoidable_seconds": effect.avoidable_time.map(TimeDelta::as_seconds_f64),
        "gained_hits": effect.gained_hits,
        "gained_seconds": effect.gained_time.map(TimeDelta::as_seconds_f64),
    })
}
