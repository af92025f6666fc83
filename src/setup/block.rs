//! The block of lines that setup owns in a file, between its begin and end marks.

use std::path::Path;

use uuid::Uuid;

use super::Error;

const BEGIN: &str = "# BEGIN sccache-report setup";
const END: &str = "# END sccache-report setup";

/// A file's text, taken apart.
#[derive(Debug)]
pub(super) struct Text {
    /// The text without the block.
    pub(super) outside: Vec<u8>,
    /// Where the block is in it, or will be.
    at: usize,
    /// The block's lines, without the marks.
    pub(super) lines: Vec<String>,
    /// Whether the block was changed since setup wrote it.
    pub(super) is_edited: bool,
}

impl Text {
    /// Finds the block in the text of a file. `path` is for the error if the block has no end.
    pub(super) fn parse(text: &[u8], path: &Path) -> Result<Self, Error> {
        let (mut outside, mut lines) = (Vec::with_capacity(text.len()), Vec::new());
        let (mut begin, mut at, mut is_inside) = (String::new(), None, false);
        for bytes in text.split_inclusive(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(bytes).trim_end().to_owned();
            if is_inside && line == END {
                is_inside = false;
            } else if is_inside {
                lines.push(line);
            } else if at.is_none() && line.starts_with(BEGIN) {
                (begin, at, is_inside) = (line, Some(outside.len()), true);
            } else {
                outside.extend_from_slice(bytes);
            }
        }
        if is_inside {
            let problem = format!("has `{begin}` without `{END}`");
            return Err(Error::new(
                path,
                &problem,
                "add that where setup's lines end",
            ));
        }
        Ok(Self {
            at: at.unwrap_or(outside.len()),
            is_edited: at.is_some() && begin != begin_mark(&lines),
            lines,
            outside,
        })
    }

    /// Returns the text with this block, at the old one's place or else at the end.
    pub(super) fn with(&self, lines: &[String]) -> Vec<u8> {
        let (before, after) = self.outside.split_at(self.at);
        let mut block = Vec::new();
        if !lines.is_empty() {
            let is_open = before.last().is_some_and(|&last| last != b'\n');
            let line_break = if is_open { "\n" } else { "" };
            let (begin, lines) = (begin_mark(lines), lines.join("\n"));
            block = format!("{line_break}{begin}\n{lines}\n{END}\n").into_bytes();
        }
        [before, &block, after].concat()
    }
}

/// The mark has a checksum of the lines, so that edits are noticed.
fn begin_mark(lines: &[String]) -> String {
    let checksum = Uuid::new_v5(&Uuid::NAMESPACE_OID, lines.join("\n").as_bytes());
    format!("{BEGIN} {}", &checksum.simple().to_string()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Text, Error> {
        Text::parse(text, Path::new("f"))
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
            assert!(plain.lines.is_empty() && !plain.is_edited);
            let with = [&plain.with(&lines("B=1"))[..], b"later\n"].concat();
            let again = parse(&with).unwrap();
            assert_eq!((&again.lines, again.is_edited), (&lines("B=1"), false));
            assert_eq!(again.outside, [outside, b"later\n"].concat());
            let replaced = parse(&again.with(&lines("C=2"))).unwrap();
            assert_eq!(replaced.lines, lines("C=2"));
            assert_eq!(replaced.with(&[]), again.outside);
        }
    }

    #[test]
    fn an_edit_inside_the_block_is_noticed() {
        let text = parse(b"a\n").unwrap().with(&lines("SIZE=10G"));
        let text = String::from_utf8(text).unwrap().replace("10G", "20G");
        let edited = parse(text.as_bytes()).unwrap();
        assert_eq!((edited.lines, edited.is_edited), (lines("SIZE=20G"), true));
        assert!(parse(text.replace(END, "").as_bytes()).is_err(), "no end");
    }
}
