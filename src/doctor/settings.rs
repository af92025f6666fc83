//! Portage's settings, and the settings that the next build will have.

use std::path::PathBuf;

use chrono::TimeDelta;

use super::in_effect::InEffect;
use super::{Context, Finding, SETUP, State, ago, quoted};
use crate::portage::make_conf;
use crate::sccache::{Severity, conflicts};

const CHECK: &str = "settings";

/// How long a cached build proves that builds call sccache.
const PROOF_DAYS: i64 = 30;

/// Whether Portage's settings are known.
pub(super) fn portage(context: &Context) -> Finding {
    const CHECK: &str = "portage";
    let settings = &context.machine.settings;
    if let Some(complaint) = &settings.complaint {
        let message = format!(
            "Portage can't read all of its configuration: {}, line {}: {}",
            complaint.file.display(),
            complaint.line,
            quoted(&complaint.why)
        );
        return Finding::new(CHECK, State::Red, message);
    }
    if let Some(reason) = &settings.without_portageq {
        let message =
            format!("{reason}. Only make.conf is known, not the profile and Portage's defaults");
        return Finding::new(CHECK, State::Unknown, message);
    }
    if context.machine.builder.is_none() {
        let message = format!(
            "user {}, who builds packages, doesn't exist",
            settings.builder().0
        );
        return Finding::new(CHECK, State::Red, message);
    }
    let message = format!(
        "settings from {} and the profile",
        settings.config().display()
    );
    Finding::new(CHECK, State::Green, message)
}

/// Returns the variable that has cargo call a wrapper, and its value.
pub(super) fn rust_wrapper(in_effect: &InEffect) -> Option<(&'static str, &str)> {
    let names = ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"];
    let (name, value) = names
        .into_iter()
        .find_map(|name| Some((name, in_effect.get(name)?)))?;
    (!value.is_empty()).then_some((name, value))
}

/// Why the settings of builds aren't known, if so.
pub(super) fn unknown(context: &Context) -> Option<String> {
    let settings = &context.machine.settings;
    if let Some(file) = &settings.unread {
        return Some(format!(
            "{} can't be read: run doctor as root",
            file.display()
        ));
    }
    let is_broken = settings.without_portageq.is_some() && settings.complaint.is_some();
    is_broken.then(|| "not known until Portage can read its configuration".to_owned())
}

/// Whether builds call sccache, with settings that don't work against the cache.
pub(super) fn check(context: &Context) -> Finding {
    let mut parts = vec![callers(context)];
    parts.extend(conflicting(context));
    parts.extend(configuration_file(context));
    Finding::merge(parts)
}

fn callers(context: &Context) -> Finding {
    let in_effect = &context.in_effect;
    let mut named: Vec<String> = rust_wrapper(in_effect)
        .into_iter()
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    let launchers = ["CC", "CXX", "BUILD_CC", "CMAKE_", "PATH"];
    let launchers = launchers
        .iter()
        .flat_map(|name| in_effect.starting_with(name));
    for (name, value) in launchers.filter(|(_, value)| value.contains("sccache")) {
        named.push(format!("{name}={}", quoted(value)));
    }
    let source = match &in_effect.record {
        Some(record) => {
            let age = ago(context.now - record.time);
            format!("as the build of {} had it {age}", quoted(&record.package))
        }
        None => format!("from {}", context.machine.settings.make_conf().display()),
    };
    if !named.is_empty() {
        let message = format!("{}, {source}", named.join(", "));
        return Finding::new(CHECK, State::Green, message);
    }
    let since = context.now - TimeDelta::days(PROOF_DAYS);
    let seen = context.last_cached.as_ref();
    if let Some(record) = seen.filter(|record| record.time >= since) {
        let age = ago(context.now - record.time);
        let message = format!("{} called sccache {age}", quoted(&record.package));
        return Finding::new(CHECK, State::Green, message);
    }
    let texts = ["RUSTC_WRAPPER", "SCCACHE_DIR", "sccache gcc", "bin/sccache"];
    let mut mentions = texts
        .iter()
        .filter_map(|text| Some((text, context.files.naming(text)?)));
    if let Some((text, file)) = mentions.next() {
        let message = format!(
            "no build called sccache yet; {} mentions {text}: emerge a package that uses it \
             to verify",
            file.display()
        );
        return Finding::new(CHECK, State::Yellow, message);
    }
    let message = "nothing makes builds call sccache: RUSTC_WRAPPER isn't set";
    Finding::new(CHECK, State::Red, message).fix(SETUP)
}

/// Variables that work against caching, or against each other.
fn conflicting(context: &Context) -> Vec<Finding> {
    let in_effect = &context.in_effect;
    let assigned = make_conf::assignments(&context.machine.settings.make_conf());
    let found = conflicts(|name| in_effect.get(name));
    let findings = found.into_iter().map(|conflict| {
        let name = conflict.variable;
        let place: Option<PathBuf> = assigned
            .iter()
            .rfind(|one| one.name == name)
            .map(|one| format!("{}, line {}", one.file.display(), one.line).into())
            .or_else(|| context.files.naming(name));
        let is_lasting = place.is_some() || !in_effect.is_only_recorded(name);
        let place = place.map_or_else(
            || "not set below etc/portage, but a build had it".to_owned(),
            |place| place.display().to_string(),
        );
        let state = match conflict.severity {
            Severity::Fatal if is_lasting => State::Red,
            _ => State::Yellow,
        };
        let message = format!("{name} {} ({place})", conflict.reason);
        Finding::new(CHECK, state, message)
    });
    findings.collect()
}

/// sccache ignores a file that it can't open; a bad one shows when something is compiled.
fn configuration_file(context: &Context) -> Option<Finding> {
    let file = PathBuf::from(context.in_effect.value("SCCACHE_CONF")?);
    let shown = file.display();
    let message = if !file.exists() {
        format!("SCCACHE_CONF names {shown}, which sccache ignores: there is no such file")
    } else {
        let user = context.user.as_ref().ok()?;
        user.unreadable(std::slice::from_ref(&file))?;
        format!(
            "SCCACHE_CONF names {shown}, which sccache ignores: user {} can't read it",
            user.name
        )
    };
    Some(Finding::new(CHECK, State::Yellow, message))
}
