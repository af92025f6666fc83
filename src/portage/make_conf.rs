//! The assignments in make.conf. Only Portage can evaluate them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// One `NAME=VALUE` in make.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Its value; `None` if it contains `$` or `\`, which only Portage can expand.
    pub value: Option<String>,
    /// The file of the assignment.
    pub file: PathBuf,
    /// The line where it begins, counting from 1.
    pub line: usize,
}

/// A comment, or an assignment as `getconfig` reads it (Portage 3.0.83, tested): tokens of Python's
/// shlex, with any white space around `=`, perhaps after `export`, several in a line. Assignments
/// inside another's value are skipped with it.
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"#[^\n]*|\b([A-Za-z_][A-Za-z0-9_]*)\s*=\s*((?:"(?:[^"\\]|\\(?s:.))*"|'[^']*'|[^\s#'"=]+)+)?"#,
    )
    .expect("a valid pattern")
});

/// Returns all assignments in make.conf, or in the files of that folder, in the order in which they
/// take effect.
pub fn assignments(make_conf: &Path) -> Vec<Assignment> {
    let mut found = Vec::new();
    for file in files(make_conf) {
        let text = fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        for captures in ASSIGNMENT.captures_iter(&text) {
            // A comment has no name.
            let Some(name) = captures.get(1) else {
                continue;
            };
            found.push(Assignment {
                name: name.as_str().to_owned(),
                value: unquote(captures.get(2).map_or("", |value| value.as_str())),
                file: file.clone(),
                line: text[..name.start()].matches('\n').count() + 1,
            });
        }
    }
    found
}

/// Returns the value without its quotes; `None` if only Portage can expand it.
fn unquote(value: &str) -> Option<String> {
    let (mut plain, mut quote) = (String::new(), None);
    for character in value.chars() {
        match (quote, character) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None | Some('"'), '$' | '\\') => return None,
            (_, c) => plain.push(c),
        }
    }
    Some(plain)
}

/// Returns the files that make up make.conf (`_recursive_file_list` in Portage 3.0.83): itself, or
/// all files in the folder and below, by name, without hidden ones and `*~`. Each folder is read once.
pub fn files(make_conf: &Path) -> Vec<PathBuf> {
    let (mut found, mut remaining) = (Vec::new(), vec![make_conf.to_path_buf()]);
    // Links to folders can form a circle.
    let mut read_folders = HashSet::new();
    while let Some(path) = remaining.pop() {
        if path.is_file() {
            found.push(path);
        } else if read_folders.insert(path.canonicalize().ok()) {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            paths.retain(|path| !is_ignored(path));
            paths.sort();
            remaining.extend(paths.into_iter().rev());
        }
    }
    found
}

fn is_ignored(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name.ends_with('~') || ["CVS", "RCS", "SCCS"].contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("1-file"), "").unwrap();
        fs::create_dir(folder.path().join("2-folder")).unwrap();
        for (name, target) in [("a", "."), ("b", "."), ("2-folder/a", "../2-folder")] {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        }
        assert_eq!(files(folder.path()), [folder.path().join("1-file")]);
    }

    #[test]
    fn a_folder_is_read_as_portage_does() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "20-b",
            "A='x'\n  export B = \"${A} y\"\nC=\"1\nD=not this\n\"\n#E=1\nH= a'b'\"c\" I=2\n",
        );
        write("10-a", "A=1 # one\nF=\"\"\n");
        write(".hidden", "G=1\n");
        write("old~", "G=1\n");
        let found = assignments(folder.path());
        let shown: Vec<_> = found
            .iter()
            .map(|a| (a.name.as_str(), a.value.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("A", Some("1")),
                ("F", Some("")),
                ("A", Some("x")),
                ("B", None),
                ("C", Some("1\nD=not this\n")),
                ("H", Some("abc")),
                ("I", Some("2"))
            ]
        );
        let lines: Vec<_> = found.iter().map(|a| a.line).collect();
        assert_eq!(lines, [1, 2, 1, 2, 3, 7, 7]);
    }
}
