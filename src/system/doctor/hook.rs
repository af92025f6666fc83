//! The hook: sourced once, and of this version.

use std::fs;
use std::path::Path;

use super::super::{Machine, shell};
use super::Finding;
use crate::portage::bashrc::{Bashrc, Sourcing};

/// The hook that this program was made with.
const HOOK: &str = include_str!("../../../hooks/sccache-report.sh");

pub(super) fn findings(machine: &Machine) -> [Finding; 2] {
    const VERSION: &str = "hook-version";
    let bashrc = match &machine.bashrc {
        Ok(bashrc) => bashrc,
        Err(error) => {
            let config = machine.settings.config();
            let why = format!("{} can't be read: {error}", config.join("bashrc").display());
            return [
                Finding::unknown("hook", why.clone()),
                Finding::unknown(VERSION, why),
            ];
        }
    };
    let version = match bashrc.sourcings.first() {
        None => Finding::unknown(VERSION, "no hook is sourced"),
        Some(first) if !first.hook.is_file() => Finding::unknown(VERSION, "there is no such file"),
        Some(first) => version(machine, &first.hook),
    };
    [sourced(machine, bashrc), version]
}

fn sourced(machine: &Machine, bashrc: &Bashrc) -> Finding {
    const CHECK: &str = "hook";
    let config = machine.settings.config();
    let (file, hook) = (config.join("bashrc"), machine.hook());
    if !hook.is_file() && !bashrc.sourcings.iter().any(|one| one.hook.is_file()) {
        let message = format!("it is not installed: there is no {}", hook.display());
        return Finding::red(CHECK, message).cure("emerge -1 app-portage/sccache-report");
    }
    if file.is_dir() {
        // `__try_source` in Portage 3.0.83's ebuild.sh takes regular files alone.
        let message = format!("{} is a folder: Portage reads none of it", file.display());
        let aside = file.with_extension("folder");
        let line = format!("source {}", shell::path(&hook));
        return Finding::red(CHECK, message)
            .cure(format!("mv {} {}", shell::path(&file), shell::path(&aside)))
            .cure(shell::append(&line, &file));
    }
    let Some(first) = bashrc.sourcings.first() else {
        return missing(&config, &hook, bashrc);
    };
    let there = bashrc.sourcings.iter().any(|one| one.hook.is_file());
    if let Some(gone) = bashrc.sourcings.iter().find(|one| !one.hook.is_file()) {
        let (by, from) = (gone.by.display(), gone.hook.display());
        let message = format!("{by} sources {from}, which is not there");
        let finding = Finding::red(CHECK, message);
        return match (there, &gone.command) {
            (false, Some(command)) => {
                let to = hook.to_string_lossy();
                let script = shell::replace_in_line(command.line, &command.path, &to);
                finding.cure(shell::edit(&script, &gone.by))
            }
            _ => finding.cure(drop_one(gone)),
        };
    }
    match &bashrc.sourcings[1..] {
        [] => Finding::green(CHECK, format!("{} sources it, once", first.by.display())),
        others => several(first, others),
    }
}

/// Nobody sources it.
fn missing(config: &Path, hook: &Path, bashrc: &Bashrc) -> Finding {
    let file = config.join("bashrc");
    let shown = file.display();
    let message = match bashrc.unread.first() {
        None => format!("{shown} doesn't source the hook: nothing is recorded"),
        Some(one) if bashrc.reads_folder => {
            let one = one.display();
            format!("{one} is there, but in bashrc.d only what ends in .sh is read")
        }
        Some(one) => format!(
            "{} is there, but {shown} doesn't read bashrc.d",
            one.display()
        ),
    };
    Finding::red("hook", message).cure(match bashrc.reads_folder {
        true => link_command(config, hook),
        false => shell::append(&format!("source {}", shell::path(hook)), &file),
    })
}

fn link_command(config: &Path, hook: &Path) -> String {
    let link = config.join("bashrc.d/90-sccache-report.sh");
    shell::link(hook, &link)
}

/// Yellow: no harm is done, for the hook runs once in a shell.
fn several(first: &Sourcing, others: &[Sourcing]) -> Finding {
    let (by, second) = (first.by.display(), &others[0]);
    let message = match others.iter().all(|one| one.by == first.by) {
        true => format!("{by} sources it {} times", others.len() + 1),
        false => format!("{by} and {} source it", second.by.display()),
    };
    let finding = Finding::yellow("hook", message);
    others.iter().map(drop_one).fold(finding, Finding::cure)
}

/// The command alone goes, and leaves one that does nothing: it may be all that an `if` has.
fn drop_one(one: &Sourcing) -> String {
    match &one.command {
        None => format!("rm {}", shell::path(&one.by)),
        Some(command) => shell::edit(
            &shell::replace_in_line(command.line, &command.text, ":"),
            &one.by,
        ),
    }
}

fn version(machine: &Machine, hook: &Path) -> Finding {
    const CHECK: &str = "hook-version";
    let installed = machine.hook();
    match fs::read_to_string(hook) {
        Err(error) => Finding::unknown(CHECK, format!("{} can't be read: {error}", hook.display())),
        Ok(text) if text == HOOK => {
            let version = env!("CARGO_PKG_VERSION");
            Finding::green(
                CHECK,
                format!("{} is of {version}, as this program", hook.display()),
            )
        }
        Ok(_) => {
            let message = format!("{} is of another version than this program", hook.display());
            let same = fs::read_to_string(&installed).is_ok_and(|text| text == HOOK);
            // Red: a hook and a collector of two versions may not understand each other.
            Finding::red(CHECK, message).cure(match same {
                true => format!("cp {} {}", shell::path(&installed), shell::path(hook)),
                false => "emerge -1 app-portage/sccache-report".to_owned(),
            })
        }
    }
}
