//! Checks that Portage's settings are known, and make builds use sccache.

use std::path::Path;

use super::{Context, Finding, SETUP, State, green, quoted, red, unknown, yellow};
use crate::portage::make_conf;
use crate::sccache::{Conflict, Severity, conflicts};

/// The longest `${T}`, in bytes. sccache's server creates `${T}/sccacheXXXXXX/sock`, and the path of
/// a socket has at most 107 bytes.
const MAX_TEMP_DIR: usize = 88;

/// The assumed length of `CATEGORY/PF`. Most are shorter.
const NAME_LENGTH: usize = 40;

/// Whether Portage can read its configuration.
pub(super) fn check_portage(context: &Context) -> Finding {
    let settings = &context.machine.settings;
    if let Some(error) = &settings.syntax_error {
        let (file, line) = (error.file.display(), error.line);
        let reason = quoted(&error.message);
        return red(format!(
            "Portage can't read line {line} of {file}: {reason}"
        ));
    }
    if let Some(reason) = &settings.portageq_error {
        let message = "Only make.conf is known, not the profile and Portage's defaults";
        return unknown(format!("{reason}. {message}"));
    }
    green(format!("settings from {}", settings.config().display()))
}

/// Returns the reason why the settings of builds aren't known, if so.
pub(super) fn reason_unknown(context: &Context) -> Option<String> {
    let settings = &context.machine.settings;
    if let Some(file) = &settings.unreadable_file {
        let message = format!("not checked: {} can't be read", file.display());
        return Some(message + ". Run doctor as root");
    }
    let is_broken = settings.portageq_error.is_some() && settings.syntax_error.is_some();
    is_broken.then(|| "not checked: Portage can't read its configuration".to_owned())
}

/// Whether builds call sccache, with settings that work together.
pub(super) fn check(context: &Context) -> Finding {
    let mut parts = vec![check_callers(context)];
    let conflicts = conflicts(|name| context.settings.get(name));
    parts.extend(conflicts.iter().map(|it| describe_conflict(context, it)));
    parts.extend(check_configuration_file(context));
    Finding::merge(parts)
}

/// Whether a setting makes builds call sccache.
fn check_callers(context: &Context) -> Finding {
    let settings = &context.settings;
    let prefixes = ["CC", "CXX", "CMAKE_", "PATH"].into_iter();
    let variables = prefixes.flat_map(|prefix| settings.starting_with(prefix));
    let variables = variables.filter(|(_, value)| value.contains("sccache"));
    let variables = settings.rust_wrapper().into_iter().chain(variables);
    let shown = variables.map(|(name, value)| format!("{name}={}", quoted(value)));
    let shown = shown.collect::<Vec<String>>().join(", ");
    if let Some(record) = &settings.record {
        let (age, package) = (context.age(record.time), quoted(&record.package));
        let shown = if shown.is_empty() { "sccache" } else { &shown };
        return green(format!("{package} used {shown} {age}"));
    }
    if !shown.is_empty() {
        let make_conf = context.machine.settings.make_conf();
        return green(format!("{shown}, from {}", make_conf.display()));
    }
    let mut texts = ["RUSTC_WRAPPER", "SCCACHE_DIR", "sccache"].into_iter();
    if let Some(file) = texts.find_map(|text| context.files.find_text(text)) {
        let message =
            "configures sccache, but no build has used it since. Emerge a package to verify";
        return yellow(format!("{} {message}", file.display()));
    }
    red("no setting makes builds call sccache, so nothing is cached").fix(SETUP)
}

/// Describes a variable that prevents caching, or contradicts another variable.
fn describe_conflict(context: &Context, conflict: &Conflict) -> Finding {
    let name = conflict.variable;
    let assigned = make_conf::assignments(&context.machine.settings.make_conf());
    let assignment = assigned.iter().rfind(|one| one.name == name);
    let place = assignment.map(|one| format!("{}, line {}", one.file.display(), one.line));
    let script = || context.files.find_text(name).map(Path::display);
    let place = place.or_else(|| script().map(|file| file.to_string()));
    let state = match conflict.severity {
        Severity::Fatal if place.is_some() => State::Red,
        _ => State::Yellow,
    };
    let place = place.unwrap_or_else(|| "set for the last build only".to_owned());
    Finding::new(state, format!("{name} {} ({place})", conflict.reason))
}

/// Whether sccache can open its configuration file. The trial finds errors in the file.
fn check_configuration_file(context: &Context) -> Option<Finding> {
    let user = context.user.as_ref().ok()?;
    let file = user.first_unreadable(&[context.settings.value("SCCACHE_CONF")?.into()])?;
    let reason = match file.try_exists() {
        Ok(false) => "the file doesn't exist".to_owned(),
        _ => format!("user {} can't read it", user.name),
    };
    let message = format!("sccache ignores SCCACHE_CONF={}: {reason}", file.display());
    Some(yellow(message))
}

/// Whether `${T}` is short enough for sccache to start its server there.
pub(super) fn check_temp_dir(context: &Context) -> Finding {
    let settings = &context.machine.settings;
    let default = settings.below("var/tmp").to_string_lossy().into_owned();
    let folder = settings.get("PORTAGE_TMPDIR").unwrap_or(&default);
    let folder = folder.trim_end_matches('/');
    let usual = folder.len() + "/portage/".len() + NAME_LENGTH + "/temp".len();
    let record = context.last_merge.as_ref();
    let record = record.filter(|record| record.time > context.files.settings_changed_at);
    let seen = record.and_then(|record| record.t_length).unwrap_or(0);
    let length = usual.max(seen);
    let message = format!(
        "the path ${{T}} has about {length} bytes with PORTAGE_TMPDIR={}; sccache supports up to {MAX_TEMP_DIR}",
        quoted(folder)
    );
    if length <= MAX_TEMP_DIR {
        return green(message);
    }
    red(message + ". Choose a shorter PORTAGE_TMPDIR")
}
