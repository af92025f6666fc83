//! Man pages and shell completions, generated from the definition of a command line.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use clap::Command;
use clap_complete::{Generator, Shell};

/// Runs `PROGRAM --generate DIR`, which packaging uses: writes a man page for the program and each
/// subcommand, and completion scripts, which `extend` may change. Returns `None` for other command
/// lines.
pub fn run(
    args: &[OsString],
    command: fn() -> Command,
    completion: fn() -> Command,
    extend: fn(Shell, String) -> String,
) -> Option<ExitCode> {
    let [_, option, folder] = args else {
        return None;
    };
    if option != "--generate" {
        return None;
    }
    let folder = Path::new(folder);
    let scripts = write_scripts(&completion(), extend, folder);
    match scripts.and_then(|()| clap_mangen::generate_to(command(), folder)) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("can't write to {}: {error}", folder.display());
            Some(ExitCode::from(2))
        }
    }
}

fn write_scripts(
    command: &Command,
    extend: fn(Shell, String) -> String,
    folder: &Path,
) -> io::Result<()> {
    let name = command.get_name();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command.clone(), name, &mut script);
        // clap_complete 4.6.11 spells a program name with a hyphen in two ways in bash's script,
        // which then completes no subcommand's options.
        let script = String::from_utf8_lossy(&script)
            .replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
        fs::write(folder.join(shell.file_name(name)), extend(shell, script))?;
    }
    Ok(())
}
