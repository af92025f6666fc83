//! What Portage's settings say.

use super::super::{Machine, shell};
use super::Finding;
use crate::portage::make_conf::{self, Assignment};
use crate::sccache;

/// Whether they are known at all.
pub(super) fn portage(machine: &Machine) -> Finding {
    const CHECK: &str = "portage";
    let config = machine.settings.config();
    match &machine.settings.without_portageq {
        None => Finding::green(
            CHECK,
            format!(
                "settings from portageq, {} and the profile",
                config.display()
            ),
        ),
        Some(why) => Finding::unknown(
            CHECK,
            format!(
                "{why}. Only plain lines of {} are known, not the profile and Portage's defaults",
                machine.settings.make_conf().display()
            ),
        ),
    }
}

/// What works against caching, or against each other. What another check's cure sets already, `set`, is
/// left to it.
pub(super) fn variables(machine: &Machine, set: &[&str]) -> Finding {
    const CHECK: &str = "variables";
    let found = sccache::contradictions(|name| machine.settings.get(name));
    if found.is_empty() {
        return Finding::green(CHECK, "no SCCACHE_* variable works against another");
    }
    let mut told: Vec<String> = { found.iter() }
        .map(|one| format!("{} {}", one.variable, one.why))
        .collect();
    let is_bad = |name: &str| !set.contains(&name) && found.iter().any(|one| one.variable == name);
    let mut assigned = make_conf::assignments(&machine.settings.make_conf());
    assigned.retain(|one| is_bad(&one.name));
    told.extend(assigned.iter().filter(|one| !one.is_line).map(|one| {
        let file = one.file.display();
        format!(
            "take {} out of {file} by hand: it is no line of its own",
            one.name
        )
    }));
    // Yellow: it is cached, with less room or elsewhere than was meant; some mean it.
    let finding = match found.iter().any(|one| one.is_fatal) {
        true => Finding::red(CHECK, told.join("; ")),
        false => Finding::yellow(CHECK, told.join("; ")),
    };
    let lines: Vec<&Assignment> = assigned.iter().filter(|one| one.is_line).collect();
    lines
        .chunk_by(|a, b| a.file == b.file)
        .map(|lines| {
            let drop = |one: &&Assignment| format!("{}{{/{}=/d}}", one.line, one.name);
            let script: Vec<String> = lines.iter().map(drop).collect();
            shell::edit(&script.join(";"), &lines[0].file)
        })
        .fold(finding, Finding::cure)
}

/// FEATURES that matter to the cache.
pub(super) fn features(machine: &Machine) -> Finding {
    const CHECK: &str = "features";
    let has = |name| machine.settings.has_feature(name);
    let mut wrong = Vec::new();
    if has("ccache") == Some(true) {
        wrong.push((
            "ccache stores C and C++ a second time where sccache calls the compiler",
            "-ccache",
        ));
    }
    let left = machine.settings.get("SCCACHE_REPORT_CHOWN") == Some("no");
    if has("userpriv") == Some(false) && left {
        wrong.push((
            "without userpriv root compiles, and SCCACHE_REPORT_CHOWN=no leaves what it writes to root",
            "userpriv",
        ));
    }
    let told = |name| match has(name) {
        Some(true) => name.to_owned(),
        Some(false) => format!("no {name}"),
        None => format!("perhaps {name}"),
    };
    if wrong.is_empty() {
        let names = ["userpriv", "network-sandbox", "pid-sandbox", "sandbox"];
        return Finding::green(CHECK, names.map(told).join(", "));
    }
    let messages: Vec<&str> = wrong.iter().map(|(message, _)| *message).collect();
    let flags: Vec<&str> = wrong.iter().map(|(_, flag)| *flag).collect();
    let value = format!("${{FEATURES}} {}", flags.join(" "));
    // Yellow: builds are cached and recorded; with userpriv again they would miss what root left.
    Finding::yellow(CHECK, messages.join("; ")).set(machine, "FEATURES", &value)
}
