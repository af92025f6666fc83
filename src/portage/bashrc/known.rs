//! What a script's words come to without running it.

use std::path::{Path, PathBuf};

/// The absolute path that a word of `file` stands for; `None` where only bash knows.
pub(super) fn plain(word: &str, root: &str, file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?.to_string_lossy();
    let mut word = word.to_owned();
    for (written, value) in [
        ("${PORTAGE_CONFIGROOT}", root),
        ("${PORTAGE_CONFIGROOT%/}", root),
        ("$PORTAGE_CONFIGROOT", root),
        ("${EPREFIX}", root),
        ("${EPREFIX%/}", root),
        ("$EPREFIX", root),
        ("${BASH_SOURCE%/*}", &folder),
        ("${BASH_SOURCE[0]%/*}", &folder),
    ] {
        word = word.replace(written, value);
    }
    let (mut path, mut quote, mut characters) = (String::new(), None, word.chars());
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None | Some('"'), '$' | '`') => return None,
            (None | Some('"'), '\\') => path.extend(characters.next()),
            (_, c) => path.push(c),
        }
    }
    path.starts_with('/').then(|| path.into())
}

/// Whether a command succeeds, where that is plain: `true`, a file that is there or not, and the
/// phase, which for the hook is never `depend` (then it does nothing).
pub(super) fn holds(words: &[&str], plain: &dyn Fn(&str) -> Option<PathBuf>) -> Option<bool> {
    let first = *words.first()?;
    let mut asked: Vec<&str> = match (first, words) {
        ("true" | ":", _) => return Some(true),
        ("false", _) => return Some(false),
        ("test", _) => words[1..].to_vec(),
        ("[", [_, asked @ .., "]"]) => asked.to_vec(),
        (one, [_]) => {
            let inner = one.strip_prefix("[[")?.strip_suffix("]]")?;
            inner.split_whitespace().collect()
        }
        _ => return None,
    };
    let is_negated = asked.first() == Some(&"!");
    if is_negated {
        asked.remove(0);
    }
    let answer = match asked[..] {
        [kind, path] if kind.len() == 2 && kind.starts_with('-') => {
            let path = plain(path)?;
            match kind {
                "-e" => path.exists(),
                "-f" | "-r" | "-s" => path.is_file(),
                "-d" => path.is_dir(),
                _ => return None,
            }
        }
        [phase, sign, depend]
            if phase.contains("EBUILD_PHASE") && depend.trim_matches(['"', '\'']) == "depend" =>
        {
            match sign {
                "!=" => true,
                "=" | "==" => false,
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(answer != is_negated)
}
