//! What is to be called in the compiler's place: by cargo, and as CC and CXX.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::Machine;
use super::programs::in_path;
use super::{Finding, State};
use crate::portage::make_conf;

const CHECK: &str = "wrapper";

/// What is wrong with a variable, and what it is to be.
struct Fault {
    state: State,
    message: String,
    cure: Option<(&'static str, String)>,
}

impl Fault {
    fn red(message: String, name: &'static str, value: impl Into<String>) -> Self {
        Self {
            state: State::Red,
            message,
            cure: Some((name, value.into())),
        }
    }

    fn yellow(message: String, name: &'static str, value: impl Into<String>) -> Self {
        Self {
            state: State::Yellow,
            ..Self::red(message, name, value)
        }
    }
}

/// Whether cargo calls sccache, and CC and CXX something that there is.
pub(super) fn wrapper(machine: &Machine) -> Finding {
    let mut faults: Vec<Fault> = rust(machine).into_iter().collect();
    let mut launchers = String::new();
    for (name, compiler) in [("CC", "gcc"), ("CXX", "g++"), ("BUILD_CC", "gcc")] {
        let Some(value) = machine.settings.get(name) else {
            continue;
        };
        if calls(value, "sccache") {
            launchers.push_str(&format!(", {name}=\"{value}\""));
        }
        faults.extend(launcher(machine, name, value, compiler));
    }
    if faults.is_empty() {
        let (name, value) = named(machine).unwrap_or_default();
        return Finding::green(CHECK, format!("{name}=\"{value}\"{launchers}"));
    }
    let messages: Vec<&str> = faults.iter().map(|fault| &*fault.message).collect();
    let message = messages.join("; ");
    let finding = match faults.iter().any(|fault| fault.state == State::Red) {
        true => Finding::red(CHECK, message),
        false => Finding::yellow(CHECK, message),
    };
    let cures = faults.into_iter().filter_map(|fault| fault.cure);
    cures.fold(finding, |finding, (name, value)| {
        finding.set(machine, name, &value)
    })
}

/// The variable that cargo minds, and its value: the first of these.
fn named(machine: &Machine) -> Option<(&'static str, &str)> {
    let names = ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"];
    names
        .into_iter()
        .find_map(|name| Some((name, machine.settings.get(name)?)))
}

fn rust(machine: &Machine) -> Option<Fault> {
    const SET: &str = "RUSTC_WRAPPER";
    let Some((name, value)) = named(machine) else {
        return Some(match elsewhere(&machine.settings.config()) {
            // Yellow: it may be for some packages on purpose.
            Some(file) => {
                let file = file.display();
                let message = format!("only {file} sets {SET}: in which builds, it decides");
                Fault::yellow(message, SET, "sccache")
            }
            None => {
                let message = format!("{SET} is not set: Rust is not cached");
                Fault::red(message, SET, "sccache")
            }
        });
    };
    if is_program(value, "sccache") {
        return None;
    }
    let message = match is_there(machine, value) {
        true => format!("{name}=\"{value}\" is not sccache: Rust is not cached"),
        false => format!("{name}=\"{value}\": there is no such program, and Rust builds fail"),
    };
    Some(Fault::red(message, SET, "sccache"))
}

/// What is wrong with a compiler's variable, as far as sccache is concerned. A launcher is what stands
/// before another program: `sccache gcc`.
fn launcher(machine: &Machine, name: &'static str, value: &str, compiler: &str) -> Option<Fault> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let programs = { words.iter().copied() }.take_while(|word| !word.starts_with('-'));
    let programs: Vec<&str> = programs.collect();
    let first = *programs.first()?;
    if calls(value, "sccache") && calls(value, "ccache") {
        let rest: Vec<&str> = { words.iter().copied() }
            .filter(|word| !is_program(word, "ccache"))
            .collect();
        // Yellow: it works, and takes the room and the time of two.
        let message =
            format!("{name}=\"{value}\": what both ccache and sccache keep is kept twice");
        return Some(Fault::yellow(message, name, rest.join(" ")));
    }
    if is_program(first, "sccache") {
        return match programs.get(1) {
            None => {
                let message = format!("{name}=\"{value}\" names no compiler, and builds fail");
                Some(Fault::red(message, name, format!("{value} {compiler}")))
            }
            Some(second) if !is_there(machine, second) => {
                let rest = words[2..].iter().copied();
                let whole: Vec<&str> = [first, compiler].into_iter().chain(rest).collect();
                let message = lacking(name, machine, second);
                Some(Fault::red(message, name, whole.join(" ")))
            }
            Some(_) => None,
        };
    }
    // A lone compiler that is not there is none of our affair.
    (programs.len() > 1 && !is_there(machine, first)).then(|| {
        let value = value.replacen(first, "sccache", 1);
        Fault::red(lacking(name, machine, first), name, value)
    })
}

fn lacking(name: &str, machine: &Machine, program: &str) -> String {
    let value = machine.settings.get(name).unwrap_or_default();
    format!("{name}=\"{value}\": there is no program {program}, and builds fail")
}

/// Whether one of the programs in a value has this name.
fn calls(value: &str, program: &str) -> bool {
    { value.split_whitespace() }.any(|word| is_program(word, program))
}

fn is_program(word: &str, name: &str) -> bool {
    Path::new(word).file_name().is_some_and(|file| file == name)
}

fn is_there(machine: &Machine, program: &str) -> bool {
    match program.contains('/') {
        true => Path::new(program).is_file(),
        false => in_path(machine, program).is_some(),
    }
}

/// bashrc, or a file for package.env, that sets the wrapper.
fn elsewhere(config: &Path) -> Option<PathBuf> {
    let mut files = make_conf::files(&config.join("env"));
    files.push(config.join("bashrc"));
    let sets = |file: &PathBuf| {
        let text = fs::read(file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines()
            .any(|line| !line.trim_start().starts_with('#') && line.contains("RUSTC_WRAPPER="))
    };
    files.into_iter().find(sets)
}
