//! One man page for a program and all its subcommands.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// The page of a program: name, usage, every subcommand with the options that only it has, the
/// common options, what `--help` tells at its end, and `more`.
pub fn page(command: &Command, more: &Roff) -> String {
    let mut text = Vec::new();
    let man = Man::new(command.clone());
    // Into memory, which takes all.
    append(&mut text, &title(command));
    let _ = man.render_name_section(&mut text);
    append(&mut text, &synopsis(command));
    let _ = man.render_description_section(&mut text);
    let mut commands = command.get_subcommands().filter(shown).peekable();
    if commands.peek().is_some() {
        append(&mut text, Roff::new().control("SH", ["COMMANDS"]));
    }
    commands.for_each(|sub| subcommand(command, sub, &mut text));
    let _ = man.render_options_section(&mut text);
    let mut end = Roff::new();
    help_end(command, &mut end, |roff, title| {
        roff.control("SH", [title.to_uppercase().as_str()]);
    });
    append(&mut text, &end);
    append(&mut text, more);
    tidy(&String::from_utf8_lossy(&text))
}

/// A list of terms, each with its meaning.
pub fn terms<'a>(roff: &mut Roff, list: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (term, meaning) in list {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(meaning)]);
    }
}

fn shown(command: &&Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn append(text: &mut Vec<u8>, roff: &Roff) {
    text.extend(roff.render().into_bytes());
}

/// Without a date: the same source makes the same page.
fn title(command: &Command) -> Roff {
    let name = command.get_name();
    let source = format!("{name} {}", command.get_version().unwrap_or_default());
    let mut roff = Roff::new();
    roff.control(
        "TH",
        [&name.to_uppercase(), "1", "\"\"", &source, "User Commands"],
    );
    // Names of columns, programs and paths stay whole, and examples as they are to be typed.
    roff.control("nh", []);
    roff.control("ad", ["l"]);
    roff
}

/// A line for the program alone and one for each subcommand.
fn synopsis(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let name = command.get_name();
    let subs: Vec<&Command> = command.get_subcommands().filter(shown).collect();
    let mut lines = Vec::new();
    if !command.is_subcommand_required_set() {
        lines.push(usage(command.clone(), name));
    }
    lines.extend(
        subs.iter()
            .map(|sub| usage((*sub).clone(), &format!("{name} {}", sub.get_name()))),
    );
    for (index, (name, arguments)) in lines.into_iter().enumerate() {
        if index > 0 {
            roff.control("br", []);
        }
        roff.text([bold(name), roman(format!(" {arguments}"))]);
    }
    roff
}

/// The command's name, and what may follow it. Its own subcommands have lines of their own.
fn usage(command: Command, name: &str) -> (String, String) {
    let positional: Vec<String> = command
        .get_positionals()
        .filter(|arg| !arg.is_hide_set())
        .map(|arg| match arg.is_required_set() {
            true => arg.to_string(),
            false => arg.to_string().replace('<', "[").replace('>', "]"),
        })
        .collect();
    let required: Vec<String> = command
        .get_opts()
        .filter(|arg| arg.is_required_set())
        .map(ToString::to_string)
        .collect();
    let parts = [vec!["[OPTIONS]".to_string()], required, positional];
    (name.to_string(), parts.concat().join(" "))
}

fn subcommand(program: &Command, sub: &Command, text: &mut Vec<u8>) {
    // As it was defined, without the options that the program hands down to all.
    let sub = sub
        .clone()
        .disable_help_flag(true)
        .disable_version_flag(true);
    let mut roff = Roff::new();
    let (name, arguments) = usage(
        sub.clone(),
        &format!("{} {}", program.get_name(), sub.get_name()),
    );
    roff.control("SS", [format!("{name} {arguments}").as_str()]);
    let about = sub.get_long_about().or_else(|| sub.get_about());
    for line in about.map(ToString::to_string).unwrap_or_default().lines() {
        match line.trim() {
            "" => roff.control("PP", []),
            line => roff.text([roman(line)]),
        };
    }
    append(text, &roff);
    let mut options = Vec::new();
    let _ = Man::new(sub.clone()).render_options_section(&mut options);
    let options = String::from_utf8_lossy(&options).into_owned();
    let own = options.lines().filter(|line| !line.starts_with(".SH "));
    text.extend(
        own.flat_map(|line| [line, "\n"])
            .collect::<String>()
            .bytes(),
    );
    let mut end = Roff::new();
    help_end(&sub, &mut end, |roff, title| {
        roff.control("PP", []);
        roff.text([bold(format!("{title}:"))]);
    });
    append(text, &end);
}

/// What `--help` tells at its end, in blocks `Title: text` or `Title:` with indented lines, those
/// in two columns.
fn help_end(command: &Command, roff: &mut Roff, heading: impl Fn(&mut Roff, &str)) {
    let end = command
        .get_after_long_help()
        .or_else(|| command.get_after_help());
    let end = end.map(ToString::to_string).unwrap_or_default();
    for block in end.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let (first, rest) = block.split_once('\n').unwrap_or((block, ""));
        match first.split_once(':') {
            Some((title, "")) => {
                heading(roff, title);
                columns(rest, roff);
            }
            Some((title, text)) if title.len() < 30 => {
                heading(roff, title);
                roff.text([roman(format!("{}\n{rest}", text.trim()).trim())]);
            }
            _ => {
                roff.control("PP", []);
                roff.text([roman(block)]);
            }
        }
    }
}

/// Lines `  term   meaning`; what is indented further goes on with the meaning.
fn columns(block: &str, roff: &mut Roff) {
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        let line = line.strip_prefix("  ").unwrap_or(line);
        match (entries.last_mut(), line.split_once("  ")) {
            (Some((_, meaning)), _) if line.starts_with(' ') => {
                meaning.push(' ');
                meaning.push_str(line.trim());
            }
            (_, Some((term, meaning))) => entries.push((term.into(), meaning.trim().into())),
            (_, None) => entries.push((line.into(), String::new())),
        }
    }
    for (term, meaning) in entries {
        if meaning.is_empty() {
            roff.control("PP", []);
            roff.text([bold(term)]);
        } else {
            terms(roff, [(term.as_str(), meaning.as_str())]);
        }
    }
}

/// Without what the pieces bring along once each, and what clap_mangen leaves empty; lines of at
/// most 80 bytes, as mandoc's lint wants them.
fn tidy(page: &str) -> String {
    const PREAMBLE: [&str; 2] = [r".ie \n(.g .ds Aq \(aq", r".el .ds Aq '"];
    let mut lines: Vec<String> = PREAMBLE.map(String::from).into();
    let kept = page
        .lines()
        .map(str::trim_end)
        .filter(|line| !PREAMBLE.contains(line) && !line.is_empty());
    for line in kept {
        let before = lines.last().map_or("", String::as_str);
        if line == ".br" && before == ".br" {
            continue;
        }
        // A request is one line, and so is the term after .TP.
        match line.starts_with('.') || before == ".TP" {
            true => lines.push(line.to_string()),
            false => wrap(line, &mut lines),
        }
    }
    lines.join("\n") + "\n"
}

fn wrap(line: &str, lines: &mut Vec<String>) {
    let mut wrapped = String::new();
    for word in line.split(' ') {
        if !wrapped.is_empty() && wrapped.len() + 1 + word.len() > 80 {
            lines.push(std::mem::take(&mut wrapped));
        }
        match (wrapped.is_empty(), word.starts_with(['.', '\''])) {
            // What begins so would be a request.
            (true, true) => wrapped.push_str(r"\&"),
            (true, false) => {}
            (false, _) => wrapped.push(' '),
        }
        wrapped.push_str(word);
    }
    lines.push(wrapped);
}
