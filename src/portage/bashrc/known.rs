//! What a script's words come to without running it.

use std::io;
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
            // What a closed folder hides is not known: who builds may see it.
            let what = match path.metadata() {
                Ok(what) => Some(what),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(_) => return None,
            };
            match kind {
                "-e" => what.is_some(),
                "-f" | "-r" => what.is_some_and(|what| what.is_file()),
                "-s" => what.is_some_and(|what| what.len() > 0),
                "-d" => what.is_some_and(|what| what.is_dir()),
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_can_be_seen_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("empty"), "").unwrap();
        fs::write(root.join("full"), "x").unwrap();
        // As what lies in a closed folder: nobody can tell whether it is there.
        let long = "x".repeat(300);
        let resolved = |word: &str| Some(root.join(word));
        for (kind, path, answer) in [
            ("-e", "empty", Some(true)),
            ("-e", "none", Some(false)),
            ("-s", "empty", Some(false)),
            ("-s", "full", Some(true)),
            ("-f", ".", Some(false)),
            ("-d", ".", Some(true)),
            ("-e", &long, None),
        ] {
            let found = holds(&["[", kind, path, "]"], &resolved);
            assert_eq!(found, answer, "{kind} {path}");
        }
    }
}
