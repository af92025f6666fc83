//! The block of lines that setup owns in a file, between its begin and end marks.

use std::fs;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::files::{Owner, Step, path_error, read, resolve, with_path, write};
use crate::error::Result;

const BEGIN: &str = "# BEGIN sccache-report setup";
const END: &str = "# END sccache-report setup";

/// A file that contains setup's block, or will contain it.
#[derive(Debug)]
pub(super) struct BlockFile {
    /// The path without links.
    path: PathBuf,
    is_link: bool,
    /// The whole text; `None` if the file doesn't exist.
    text: Option<Vec<u8>>,
    /// The text without the block.
    pub(super) outside: Vec<u8>,
    /// Where the block is in it, or will be.
    position: usize,
    /// The block's lines, without the marks.
    pub(super) lines: Vec<String>,
    /// Whether the block was changed since setup wrote it.
    pub(super) is_edited: bool,
}

impl BlockFile {
    pub(super) fn read(path: &Path, system_owner: Owner) -> Result<Self> {
        let is_link = path.is_symlink();
        let path = resolve(path, system_owner)?;
        let text = read(&path)?;
        Self::parse(path, is_link, text)
    }

    /// Finds the block in the text of a file.
    fn parse(path: PathBuf, is_link: bool, text: Option<Vec<u8>>) -> Result<Self> {
        let (mut outside, mut lines) = (Vec::new(), Vec::new());
        let (mut begin, mut position, mut is_inside) = (String::new(), None, false);
        for bytes in text
            .iter()
            .flat_map(|text| text.split_inclusive(|&byte| byte == b'\n'))
        {
            let line = String::from_utf8_lossy(bytes).trim_end().to_owned();
            if is_inside && line == END {
                is_inside = false;
            } else if is_inside {
                lines.push(line);
            } else if position.is_none() && line.starts_with(BEGIN) {
                (begin, position, is_inside) = (line, Some(outside.len()), true);
            } else {
                outside.extend_from_slice(bytes);
            }
        }
        if is_inside {
            let problem = format!("has `{BEGIN}` without `{END}`");
            let hint = "add the missing line after setup's lines";
            return Err(path_error(&path, &problem, hint));
        }
        Ok(Self {
            path,
            is_link,
            text,
            is_edited: position.is_some() && begin != begin_mark(&lines),
            position: position.unwrap_or(outside.len()),
            outside,
            lines,
        })
    }

    /// Returns the text with this block, in the place of the old one or else at the end.
    pub(super) fn text_with(&self, lines: &[String]) -> Vec<u8> {
        let (before, after) = self.outside.split_at(self.position);
        let mut block = String::new();
        if !lines.is_empty() {
            let is_open = before.last().is_some_and(|&last| last != b'\n');
            let line_break = if is_open { "\n" } else { "" };
            let (begin, lines) = (begin_mark(lines), lines.join("\n"));
            block = format!("{line_break}{begin}\n{lines}\n{END}\n");
        }
        [before, block.as_bytes(), after].concat()
    }

    /// Changes the block to these lines, or removes it if there are none. A copy of the original
    /// file, and one of a file whose block was edited, are kept beside it.
    pub(super) fn edit(self, lines: &[String], system_owner: Owner) -> Result<Step> {
        // Portage ignores `.*` and `*~` in make.conf/ (`_recursive_basename_filter` in 3.0.83), and
        // sandbox ignores `.*` in sandbox.d/.
        let path = &self.path;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = |end| path.with_file_name(format!(".{name}.sccache-report{end}"));
        let (original, edited) = (beside("~"), beside("-edited~"));
        let has_no_block = self.text.as_ref() == Some(&self.outside);
        let backup = has_no_block.then(|| original.clone());
        let backup = backup.or(self.is_edited.then_some(edited));
        let (old, mut new) = (read(&original)?, self.text_with(lines));
        if old.is_some_and(|old| [&old, &b"\n"[..]].concat() == new) {
            new.pop(); // Setup had to add this line break.
        }
        let is_removed = new.is_empty() && !self.is_link && !original.exists();
        let verb = if is_removed { "remove" } else { "edit" };
        let action = match (&self.text, &backup) {
            (None, _) => "new file".to_owned(),
            (_, Some(backup)) => format!("{verb}, and keep a copy as {}", backup.display()),
            _ => verb.to_owned(),
        };
        let removed = self.lines.iter().filter(|line| !lines.contains(line));
        let mut changes: Vec<_> = removed.map(|line| format!("  - {line}")).collect();
        let added = lines.iter().filter(|line| !self.lines.contains(line));
        changes.extend(added.map(|line| format!("  + {line}")));
        let mut step = Step::new(&self.path.clone(), &action, move || {
            let path = &self.path;
            if read(path)? != self.text {
                let problem = "was changed by another process";
                return Err(path_error(path, problem, "run setup again"));
            }
            if let (Some(backup), Some(text)) = (&backup, &self.text) {
                write(backup, text, path, system_owner)?;
            }
            if is_removed {
                return with_path(path, fs::remove_file(path));
            }
            write(path, &new, path, system_owner)?;
            // After undo, the copy may be the same as the file.
            if read(&original)?.is_some_and(|old| old == new) {
                with_path(&original, fs::remove_file(&original))?;
            }
            Ok(())
        });
        step.lines.extend(changes);
        Ok(step)
    }
}

/// The mark has a checksum of the lines, which shows that somebody edited them.
fn begin_mark(lines: &[String]) -> String {
    let checksum = Uuid::new_v5(&Uuid::NAMESPACE_OID, lines.join("\n").as_bytes());
    format!("{BEGIN} {}", &checksum.simple().to_string()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<BlockFile> {
        BlockFile::parse("f".into(), false, Some(text.to_vec()))
    }

    fn lines(line: &str) -> Vec<String> {
        vec![line.to_owned()]
    }

    #[test]
    fn a_block_can_be_added_replaced_and_removed() {
        for (before, outside) in [
            (&b""[..], &b""[..]),
            (b"a\n", b"a\n"),
            (b"no line break", b"no line break\n"),
            (b"latin-1 \xe9\r\n", b"latin-1 \xe9\r\n"),
        ] {
            let plain = parse(before).unwrap();
            assert!(plain.lines.is_empty());
            let with = [&plain.text_with(&lines("B=1"))[..], b"later\n"].concat();
            let again = parse(&with).unwrap();
            assert_eq!(again.lines, lines("B=1"));
            assert_eq!(again.outside, [outside, b"later\n"].concat());
            let replaced = parse(&again.text_with(&lines("C=2"))).unwrap();
            assert_eq!(replaced.lines, lines("C=2"));
            assert_eq!(replaced.text_with(&[]), again.outside);
        }
    }

    #[test]
    fn edits_and_a_missing_end_are_found() {
        let text = parse(b"a\n").unwrap().text_with(&lines("SIZE=10G"));
        assert!(!parse(&text).unwrap().is_edited);
        let text = String::from_utf8(text).unwrap();
        let edited = text.replace("10G", "20G");
        assert!(parse(edited.as_bytes()).unwrap().is_edited);
        assert!(parse(text.replace(END, "").as_bytes()).is_err());
    }
}
