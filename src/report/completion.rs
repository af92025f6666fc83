//! Package names for the completion scripts.

use clap_complete::Shell;

/// Prints CATEGORY/PN and PN of every recorded package, except names that a shell could expand.
const PACKAGES: &str = "sccache-report packages --columns package --format tsv 2>/dev/null | \
    grep -E '^[A-Za-z0-9+_.-]+/[A-Za-z0-9+_.-]+$' | sed 'p;s|.*/||'";

/// Extends a completion script so that it completes the names of recorded packages.
pub(super) fn with_packages(shell: Shell, script: String) -> String {
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
complete -c sccache-report -f -n 'not __fish_seen_subcommand_from overview doctor setup' -a '({function})'
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
