//! Commands for a person to paste.

use std::borrow::Cow;
use std::path::Path;

/// A word that a shell takes as it is.
pub(super) fn quote(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-:@%,=".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")).into(),
    }
}

/// A path as such a word.
pub(super) fn path(path: &Path) -> String {
    quote(&path.to_string_lossy()).into_owned()
}

/// Who is in the way, for people: `/a keeps`, `/a and /a/b keep`.
pub(super) fn keep(obstacles: &[impl AsRef<Path>]) -> String {
    let shown: Vec<String> = { obstacles.iter() }
        .map(|at| at.as_ref().display().to_string())
        .collect();
    let keep = if shown.len() == 1 { "keeps" } else { "keep" };
    format!("{} {keep}", shown.join(" and "))
}

/// Adds a line to a file, whose last line need not be ended.
pub(super) fn append(line: &str, file: &Path) -> String {
    format!(r"printf '\n%s\n' {} >> {}", quote(line), path(file))
}

/// Edits a file with sed and keeps the one that was, and those that were kept before it (as `FILE~.~1~`), by
/// names that Portage passes over in its folders, too: of make.conf's it reads `*.bak`.
pub(super) fn edit(script: &str, file: &Path) -> String {
    let (script, file) = (quote(script), file.to_string_lossy());
    let (kept, file) = (format!("{file}~"), quote(&file));
    let kept = quote(&kept);
    format!("cp -p --backup=numbered {file} {kept} && sed --follow-symlinks -i {script} {file}")
}

/// Makes a link; what has its name is kept under another that doesn't end in `.sh`.
pub(super) fn link(to: &Path, link: &Path) -> String {
    format!("ln -sT --backup=numbered {} {}", path(to), path(link))
}

/// A sed command that replaces `from` by `to` in one line, both as they are written.
pub(super) fn replace_in_line(line: usize, from: &str, to: &str) -> String {
    let escape = |text: &str, special: &str| -> String {
        let each = text.chars().flat_map(|c| {
            let escape = special.contains(c).then_some('\\');
            escape.into_iter().chain([c])
        });
        each.collect()
    };
    let (from, to) = (escape(from, r"\.*[]^$|"), escape(to, r"\&|"));
    format!("{line}s|{from}|{to}|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(quote("/var/a-b"), "/var/a-b");
        assert_eq!(quote("it's; $(x)"), r"'it'\''s; $(x)'");
        assert_eq!(
            append("A=\"b\"", Path::new("/m c")),
            r#"printf '\n%s\n' 'A="b"' >> '/m c'"#
        );
    }

    #[test]
    fn sed_replaces_what_is_written() {
        let (from, to) = ("${E}/a.b[1]*^", r"/new&\x");
        let script = replace_in_line(2, from, to);
        let run = std::process::Command::new("sh")
            .arg("-c")
            .arg(format!(
                "printf '%s\n' \"$1\" \"$1;\" | sed -e {}",
                quote(&script)
            ))
            .args(["sh", from])
            .output()
            .unwrap();
        let expected = format!("{from}\n{to};\n");
        assert_eq!(String::from_utf8_lossy(&run.stdout), expected);
    }
}
