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
        let missing = Finding::red(
            CHECK,
            match bashrc.unread.first() {
                None => format!(
                    "{} doesn't source the hook: nothing is recorded",
                    file.display()
                ),
                Some(link) => format!(
                    "{} is there, but {} doesn't read bashrc.d",
                    link.display(),
                    file.display()
                ),
            },
        );
        return match bashrc.reads_folder {
            true => missing.cure(link_command(&config, &hook)),
            false => missing.cure(shell::append(
                &format!("source {}", shell::path(&hook)),
                &file,
            )),
        };
    };
    if !first.hook.is_file() {
        let (from, to) = (first.hook.display(), hook.display());
        let message = format!("{} sources {from}, which is not there", first.by.display());
        return Finding::red(CHECK, message).cure(format!(
            "sed -i 's|{from}|{to}|' {}",
            shell::path(&first.by)
        ));
    }
    match bashrc.sourcings.get(1) {
        None => Finding::green(CHECK, format!("{} sources it, once", first.by.display())),
        Some(second) => twice(first, second, bashrc.sourcings.len()),
    }
}

fn link_command(config: &Path, hook: &Path) -> String {
    let link = config.join("bashrc.d/90-sccache-report.sh");
    format!("ln -s {} {}", shell::path(hook), shell::path(&link))
}

/// No harm is done: the hook runs once in a shell.
fn twice(first: &Sourcing, second: &Sourcing, count: usize) -> Finding {
    let same = first.by == second.by;
    let message = match same {
        true => format!("{} sources it {count} times", first.by.display()),
        false => format!(
            "{} and {} source it",
            first.by.display(),
            second.by.display()
        ),
    };
    let by = shell::path(&second.by);
    Finding::yellow("hook", message).cure(match same {
        true => format!("sed -i '0,/sccache-report[.]sh/!{{/sccache-report[.]sh/d}}' {by}"),
        false if second.by == second.hook => format!("rm {by}"),
        false => format!("sed -i '/sccache-report[.]sh/d' {by}"),
    })
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
            Finding::yellow(CHECK, message).cure(match same {
                true => format!("cp {} {}", shell::path(&installed), shell::path(hook)),
                false => "emerge -1 app-portage/sccache-report".to_owned(),
            })
        }
    }
}
