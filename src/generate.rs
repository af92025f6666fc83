//! Man pages and shell completions, generated from the definition of a command line.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use clap::Command;
use clap_complete::{Generator, Shell};

/// Prints CATEGORY/PN and PN of every recorded package, except names that a shell could expand.
const PACKAGES: &str = "sccache-report packages --columns package --format tsv 2>/dev/null | \
    grep -E '^[A-Za-z0-9+_.-]+/[A-Za-z0-9+_.-]+$' | sed 'p;s|.*/||'";

/// Runs `PROGRAM --generate DIR`, which packaging uses: writes a man page for the program and each
/// subcommand, and completion scripts. Returns `None` for other command lines.
pub fn run(
    args: &[OsString],
    command: fn() -> Command,
    completion: fn() -> Command,
) -> Option<ExitCode> {
    let [_, option, folder] = args else {
        return None;
    };
    if option != "--generate" {
        return None;
    }
    let folder = Path::new(folder);
    let scripts = write_scripts(&completion(), folder);
    match scripts.and_then(|()| clap_mangen::generate_to(command(), folder)) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("can't write to {}: {error}", folder.display());
            Some(ExitCode::from(2))
        }
    }
}

fn write_scripts(command: &Command, folder: &Path) -> io::Result<()> {
    let name = command.get_name();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command.clone(), name, &mut script);
        // clap_complete 4.6.11 spells a program name with a hyphen in two ways in bash's script,
        // which then completes no subcommand's options.
        let script = String::from_utf8_lossy(&script)
            .replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
        let script = match name {
            "sccache-report" => with_packages(shell, script),
            _ => script,
        };
        fs::write(folder.join(shell.file_name(name)), script)?;
    }
    Ok(())
}

/// Extends a completion script so that it completes the names of recorded packages.
fn with_packages(shell: Shell, script: String) -> String {
    let function = "_sccache-report_packages";
    match shell {
        Shell::Bash => format!(
            "{script}
{function}() {{
    _sccache__report \"$@\"
    [[ $2 == -* || $3 == --* ]] || COMPREPLY+=($(compgen -W \"$({PACKAGES})\" -- \"$2\"))
}}
complete -F {function} -o bashdefault -o default sccache-report
"
        ),
        Shell::Fish => format!(
            "{script}
function {function}
    {PACKAGES}
end
complete -c sccache-report -f -n 'not __fish_seen_subcommand_from overview metrics doctor setup' -a '({function})'
"
        ),
        Shell::Zsh => {
            let definition =
                format!("\n{function}() {{ compadd -- ${{(f)\"$({PACKAGES})\"}} }}\n");
            let script = script.replacen('\n', &definition, 1);
            let complete_packages = |line: &str| {
                if line.contains("patterns -- ") || line.contains("target -- ") {
                    line.replace(":_default'", &format!(":{function}'"))
                } else {
                    line.to_string()
                }
            };
            script.split_inclusive('\n').map(complete_packages).collect()
        }
        _ => script,
    }
}
