//! The block of lines that setup owns in a file, between its begin and end marks.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{Owner, read, resolve, write};
use super::plan::Step;
use super::{at, refuse};
use crate::error::Result;

const BEGIN: &str = "# BEGIN sccache-report setup";
const END: &str = "# END sccache-report setup";

/// A file that contains setup's block, or will contain it.
#[derive(Debug)]
pub(super) struct BlockFile {
    /// The path without links.
    path: PathBuf,
    /// The whole text; `None` if the file doesn't exist.
    text: Option<Vec<u8>>,
    /// The text without the block.
    pub(super) outside: Vec<u8>,
    /// Where the block is in it, or will be.
    position: usize,
    /// The block's lines, without the marks.
    pub(super) lines: Vec<String>,
}

impl BlockFile {
    pub(super) fn read(path: &Path, system_owner: Owner) -> Result<Self> {
        let path = resolve(path, system_owner)?;
        let text = read(&path)?;
        Self::parse(path, text)
    }

    /// Finds the block in the text of a file.
    fn parse(path: PathBuf, text: Option<Vec<u8>>) -> Result<Self> {
        let (mut outside, mut lines) = (Vec::new(), Vec::new());
        let (mut position, mut is_inside) = (None, false);
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
                (position, is_inside) = (Some(outside.len()), true);
            } else {
                outside.extend_from_slice(bytes);
            }
        }
        if is_inside {
            let problem = format!("has `{BEGIN}` without `{END}`");
            return Err(refuse(
                &path,
                &problem,
                "add the missing line after setup's lines",
            ));
        }
        let position = position.unwrap_or(outside.len());
        Ok(Self {
            path,
            text,
            outside,
            position,
            lines,
        })
    }

    /// Returns the text with this block, in the place of the old one or else at the end.
    fn text_with(&self, lines: &[String]) -> Vec<u8> {
        let (before, after) = self.outside.split_at(self.position);
        let mut block = String::new();
        if !lines.is_empty() {
            let is_open = before.last().is_some_and(|&last| last != b'\n');
            let line_break = if is_open { "\n" } else { "" };
            block = format!("{line_break}{BEGIN}\n{}\n{END}\n", lines.join("\n"));
        }
        [before, block.as_bytes(), after].concat()
    }

    /// Changes the block to these lines, or removes it if there are none. The old file is kept
    /// beside the new one. If the file becomes what it was before, the old file takes its place.
    pub(super) fn edit(self, lines: &[String], system_owner: Owner) -> Result<Step> {
        // Portage ignores `.*` and `*~` in make.conf/ (`_recursive_basename_filter` in 3.0.83), and
        // sandbox ignores `.*` in sandbox.d/.
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let backup = self.path.with_file_name(format!(".{name}.sccache-report~"));
        let new = self.text_with(lines);
        // Setup had to add a line break.
        let is_new = |old: &Vec<u8>| *old == new || [old, &b"\n"[..]].concat() == new;
        let is_restored = read(&backup)?.as_ref().is_some_and(is_new);
        let is_removed = lines.is_empty() && self.outside.is_empty();
        let needs_backup = !self.outside.is_empty() && !is_restored;
        let action = match &self.text {
            None => "new file".to_owned(),
            Some(_) if is_removed => "remove".to_owned(),
            Some(_) if needs_backup => format!("edit, and keep a copy as {}", backup.display()),
            Some(_) => "edit".to_owned(),
        };
        let removed = self.lines.iter().filter(|line| !lines.contains(line));
        let mut changes: Vec<_> = removed.map(|line| format!("  - {line}")).collect();
        let added = lines.iter().filter(|line| !self.lines.contains(line));
        changes.extend(added.map(|line| format!("  + {line}")));
        let mut step = Step::new(&self.path.clone(), &action, move || {
            let path = &self.path;
            if read(path)? != self.text {
                return Err(refuse(
                    path,
                    "was changed by another process",
                    "run setup again",
                ));
            }
            if is_removed {
                return at(path, fs::remove_file(path));
            }
            if is_restored {
                return at(path, fs::rename(&backup, path));
            }
            if needs_backup {
                let _ = fs::remove_file(&backup);
                at(path, fs::hard_link(path, &backup))?;
            }
            write(path, &new, system_owner)
        });
        step.lines.extend(changes);
        Ok(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<BlockFile> {
        BlockFile::parse("f".into(), Some(text.to_vec()))
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
    fn a_block_needs_its_end() {
        let text = parse(b"a\n").unwrap().text_with(&lines("SIZE=10G"));
        let text = String::from_utf8(text).unwrap();
        assert!(parse(text.replace(END, "").as_bytes()).is_err());
    }
}
