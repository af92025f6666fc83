//! Completion in bash, zsh, and fish, with the installed scripts.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{folder, record, sample};

/// The installed programs and scripts, and a database.
struct Shells {
    root: tempfile::TempDir,
    database: PathBuf,
    _folder: tempfile::TempDir,
}

impl Shells {
    fn new() -> Shells {
        let root = tempfile::tempdir().unwrap();
        let programs = Path::new(env!("CARGO_BIN_EXE_sccache-report"));
        let made = Command::new("make")
            .args(["-s", "install"])
            .arg(format!("BINARIES={}", programs.parent().unwrap().display()))
            .arg(format!("DESTDIR={}", root.path().display()))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(made.success());
        let (folder, database) = folder();
        record(&database, &sample());
        Shells {
            root,
            database,
            _folder: folder,
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().join("usr").join(below)
    }

    /// Runs `script` with `arguments` in a shell, and returns the lines that it prints.
    fn run(&self, shell: &[&str], script: &str, arguments: &[&str]) -> Vec<String> {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .arg(script)
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.root.path())
            .env("TERM", "dumb")
            .env("USR", self.path(""))
            .env("SCCACHE_REPORT_DB", &self.database)
            .current_dir(self.root.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.trim().to_string()).collect()
    }

    /// Completes the last word as readline does: `=` and `:` are words of their own, and the completion replaces what
    /// follows them.
    fn bash(&self, words: &[&str]) -> Vec<String> {
        const SCRIPT: &str = r#"
            . "$USR/share/bash-completion/completions/$1"
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9 COMP_KEY=9
            COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
            function=$(complete -p "$1" | sed 's/.* -F \([^ ]*\) .*/\1/')
            typed=${COMP_WORDS[COMP_CWORD]}
            [[ $typed != [=:] ]] || typed=
            "$function" "$1" "$typed" "${COMP_WORDS[COMP_CWORD-1]}" 2>/dev/null
            printf '%s\n' "${COMPREPLY[@]}"
        "#;
        let breaks = |c| c == '=' || c == ':';
        let mut split: Vec<&str> = vec!["bash"];
        for word in words {
            split.extend(word.split_inclusive(breaks).flat_map(|part| {
                let name = part.trim_end_matches(breaks);
                let (name, sign) = part.split_at(name.len());
                [name, sign].into_iter().filter(|part| !part.is_empty())
            }));
            if word.is_empty() {
                split.push("");
            }
        }
        let there = words.last().unwrap().rfind(breaks).map_or(0, |at| at + 1);
        let there = &words.last().unwrap()[..there];
        let found = self.run(&["bash", "--norc", "-c"], SCRIPT, &split);
        let found = found.into_iter().filter(|word| !word.is_empty());
        found.map(|word| format!("{there}{word}")).collect()
    }

    fn fish(&self, line: &str) -> Vec<String> {
        const SCRIPT: &str = r#"
            set -p fish_complete_path $USR/share/fish/vendor_completions.d
            complete --do-complete $argv[1]
        "#;
        // fish adds a description after a tab.
        let found = self.run(&["fish", "--no-config", "-c"], SCRIPT, &[line]);
        let value = |line: &String| line.split('\t').next().unwrap().to_string();
        found.iter().map(value).collect()
    }

    /// Types the line and a tab in a new zsh, and returns the screen.
    fn zsh(&self, line: &str) -> String {
        const SCRIPT: &str = r#"
            zmodload zsh/zpty
            zpty shell zsh -f -i
            say() { zpty -w shell "$1" }
            until_seen() { local some; seen=; while [[ $seen != *$1* ]]; do zpty -r shell some || exit 1; seen+=$some; done }
            say 'PS1= PS2= RPS1=; stty -echo; unsetopt zle_bracketed_paste 2>/dev/null'
            say 'fpath=($USR/share/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D'
            say 'zstyle ":completion:*" list-colors ""; LISTMAX=1000; COLUMNS=200; setopt no_list_beep list_rows_first'
            say 'show() { zle -I; print -r -- "[$BUFFER]" }; zle -N show; bindkey "^X" show'
            say 'print -r rea""dy'; until_seen ready
            zpty -w -n shell "$1"$'\t\x18'
            until_seen ']'
            print -r -- "$seen"
        "#;
        self.run(&["zsh", "-f", "-c"], SCRIPT, &["zsh", line])
            .join("\n")
    }
}

/// Returns command lines, each with the completions of its last word.
fn cases() -> Vec<(&'static [&'static str], &'static [&'static str])> {
    vec![
        // CATEGORY/PN, or PN alone.
        (&["sccache-report", "show", "em"], &["emlop"]),
        (&["sccache-report", "explain", "em"], &["emlop"]),
        (
            &["sccache-report", "show", "app-portage/e"],
            &["app-portage/emlop"],
        ),
        (
            &["sccache-report", "packages", "app-p"],
            &["app-portage/emlop"],
        ),
        // Only options that the subcommand supports.
        (&["sccache-report", "doctor", "--si"], &[]),
        (&["sccache-report", "setup", "--form"], &[]),
        (&["sccache-report", "doctor", "--form"], &["--format"]),
        (&["sccache-report", "trend", "--by", "mo"], &["month"]),
        (&["sccache-report", "pac"], &["packages"]),
        (
            &["sccache-report", "builds", "--outcome", "fa"],
            &["failed"],
        ),
        (&["sccache-collect", "imp"], &["import"]),
    ]
}

#[test]
fn bash_completes() {
    let shells = Shells::new();
    for (words, expected) in cases() {
        assert_eq!(shells.bash(words), expected, "{words:?}");
    }
}

#[test]
#[ignore = "needs zsh and fish"]
fn fish_completes() {
    let shells = Shells::new();
    for (words, expected) in cases() {
        assert_eq!(shells.fish(&words.join(" ")), expected, "{words:?}");
    }
}

#[test]
#[ignore = "needs zsh and fish"]
fn zsh_completes() {
    let shells = Shells::new();
    for (words, expected) in cases() {
        let [one] = expected else {
            continue; // a list, or a beep
        };
        let (_, start) = words.split_last().unwrap();
        let line = format!("[{} {one}", start.join(" "));
        let screen = shells.zsh(&words.join(" "));
        assert!(screen.contains(&line), "{words:?}: no {line} in {screen}");
    }
}
