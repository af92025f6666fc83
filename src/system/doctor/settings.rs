//! What Portage's settings say.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::super::{Machine, shell};
use super::Finding;
use crate::portage::make_conf::{self, Assignment};
use crate::portage::user::READ;
use crate::sccache::{self, Contradiction};

/// Whether they are known at all.
pub(super) fn portage(machine: &Machine) -> Finding {
    const CHECK: &str = "portage";
    let settings = &machine.settings;
    let make_conf = settings.make_conf();
    if let Some(said) = &settings.complaint {
        let message = format!(
            "Portage can't read all of its configuration: {}, line {}: {}. What stands after it there is not read",
            said.file.display(),
            said.line,
            said.why
        );
        let is_its_line = said.why.starts_with("Invalid token");
        let finding = Finding::red(CHECK, message);
        // Where a quote is open the line is the file's last, and says nothing.
        return match is_its_line && said.file.starts_with(settings.config()) {
            // No copy is kept: the line is, and another cure's copy is not written over.
            true => finding.cure(format!(
                "sed --follow-symlinks -i '{}s/^/# /' {}",
                said.line,
                shell::path(&said.file)
            )),
            false => {
                finding.note("Mend it by hand: `emerge --info` says the same until it is right")
            }
        };
    }
    let (user, _) = settings.builder();
    if machine.builder.is_none() && settings.without_portageq.is_none() {
        let message = format!("there is no user {user}, by whom builds are to be run");
        return Finding::red(CHECK, message)
            .note("Name the one that builds in make.conf: PORTAGE_USERNAME and PORTAGE_GRPNAME");
    }
    let Some(why) = &settings.without_portageq else {
        let config = settings.config();
        let message = format!(
            "settings from portageq, {} and the profile",
            config.display()
        );
        return Finding::green(CHECK, message);
    };
    let finding = Finding::unknown(
        CHECK,
        format!(
            "{why}. Only plain lines of {} are known, not the profile and Portage's defaults",
            make_conf.display()
        ),
    );
    // In the PATH of root, and not of everybody.
    let places = ["usr/bin", "bin", "usr/local/bin"].map(|folder| settings.below(folder));
    match places
        .iter()
        .find(|folder| folder.join("portageq").is_file())
    {
        Some(folder) => finding.cure(format!(
            "PATH=\"$PATH:\"{} sccache-report doctor",
            shell::path(folder)
        )),
        None if make_conf.exists() => {
            finding.note("`emerge --info` says what is wrong with Portage")
        }
        None => finding.note("Portage doesn't seem to be installed here"),
    }
}

/// What works against caching, or against each other. What another check's cure sets already, `set`, is
/// left to it.
pub(super) fn variables(machine: &Machine, set: &[&str]) -> Finding {
    const CHECK: &str = "variables";
    let mut found = sccache::contradictions(|name| machine.settings.get(name));
    let (of_file, cure) = configuration(machine);
    found.extend(of_file);
    if found.is_empty() {
        return Finding::green(CHECK, "no SCCACHE_* variable works against another");
    }
    let mut told: Vec<String> = { found.iter() }
        .map(|one| format!("{} {}", one.variable, one.why))
        .collect();
    let is_cured = |name: &str| set.contains(&name) || (name == CONF && cure.is_some());
    let is_bad = |name: &str| !is_cured(name) && found.iter().any(|one| one.variable == name);
    let make_conf = machine.settings.make_conf();
    let mut assigned = make_conf::assignments(&make_conf);
    for file in sourced(machine) {
        assigned.extend(make_conf::assignments(&file));
    }
    assigned.retain(|one| is_bad(&one.name));
    told.extend(assigned.iter().filter(|one| !one.is_line).map(|one| {
        let file = one.file.display();
        format!(
            "take {} out of {file} by hand: it is no line of its own",
            one.name
        )
    }));
    let is_elsewhere = |name: &&str| is_bad(name) && assigned.iter().all(|one| one.name != *name);
    let elsewhere = found.iter().map(|one| one.variable).filter(is_elsewhere);
    told.extend(elsewhere.map(|name| {
        let file = make_conf.display();
        format!(
            "{name} is not set in {file}, but in the profile or another file that Portage reads"
        )
    }));
    // Yellow: it is cached, with less room or elsewhere than was meant; some mean it.
    let finding = match found.iter().any(|one| one.is_fatal) {
        true => Finding::red(CHECK, told.join("; ")),
        false => Finding::yellow(CHECK, told.join("; ")),
    };
    let finding = cure.into_iter().flatten().fold(finding, Finding::cure);
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

const CONF: &str = "SCCACHE_CONF";

/// What is wrong with sccache's configuration file, and commands that mend it, where it is not the
/// variable that is to go.
fn configuration(machine: &Machine) -> (Vec<Contradiction>, Option<Vec<String>>) {
    let Some(file) = &machine.configuration else {
        return (Vec::new(), None);
    };
    let shown = file.path.display();
    let wrong = |variable, why: String, is_fatal| {
        vec![Contradiction {
            variable,
            why,
            is_fatal,
        }]
    };
    match &file.content {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let why =
                format!("names {shown}, which sccache can't read, and fails: {error}. Mend it");
            return (wrong(CONF, why, true), Some(Vec::new()));
        }
        // Whether who builds can is not for this user to see.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !machine.is_root => {
            return (Vec::new(), None);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let why = format!("names {shown}, which is not there, and sccache goes on without");
            return (wrong(CONF, why, false), None);
        }
        Err(error) => {
            let why = format!("names {shown}, which sccache passes over: {error}");
            return (wrong(CONF, why, false), None);
        }
        Ok(_) => {}
    }
    let builder = machine.builder.as_ref();
    let obstacles = builder.map_or_else(Vec::new, |user| user.kept_from(READ, &file.path));
    if let (Some(builder), false) = (builder, obstacles.is_empty()) {
        let why = format!(
            "names {shown}, which user {} can't read, and sccache passes over: {} it out",
            builder.name,
            shell::keep(&obstacles)
        );
        let open = obstacles
            .iter()
            .filter(|at| !machine.is_private(at))
            .map(|at| {
                let right = if at.is_dir() { "a+x" } else { "a+r" };
                format!("chmod {right} {}", shell::path(at))
            });
        return (wrong(CONF, why, false), Some(open.collect()));
    }
    let has = |name| machine.settings.get(name).is_some();
    let content = machine.configured();
    let of_variables = sccache::remotes(|name| machine.settings.get(name));
    match content.and_then(|file| file.remotes.first()) {
        Some(kind) if has("SCCACHE_DIR") && !machine.has_chain() && of_variables.is_empty() => {
            let why =
                format!("is not used beside {kind} in {shown} without SCCACHE_MULTILEVEL_CHAIN");
            (wrong("SCCACHE_DIR", why, false), None)
        }
        _ => (Vec::new(), None),
    }
}

/// The files that make.conf sources (`source FILE`; `getconfig` in Portage 3.0.83 knows no other word).
fn sourced(machine: &Machine) -> Vec<PathBuf> {
    let files = make_conf::files(&machine.settings.make_conf());
    let prefix = machine.settings.eprefix();
    let prefix = prefix.to_string_lossy();
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap_or_default();
        let named = text.lines().filter_map(|line| {
            let path = line.trim_start().strip_prefix("source")?;
            let path = path.strip_prefix([' ', '\t'])?.split(" #").next()?.trim();
            let path = path.trim_matches(['"', '\'']);
            let path = path
                .replace("${EPREFIX}", &prefix)
                .replace("$EPREFIX", &prefix);
            Some(PathBuf::from(path)).filter(|path| path.is_absolute())
        });
        found.extend(named);
    }
    found
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
