//! The lines of a log that may say something, in bounded memory.

use std::io::{self, Read};
use std::sync::LazyLock;

use regex::bytes::Regex;

/// A line is cut to this many bytes, unless it holds a whole build.
pub const MAX_LINE: usize = 4096;

/// A line with a whole build is cut to this many bytes. Ordinary ones have 2 to 20 KB.
const MAX_BUILD_LINE: usize = 64 * 1024;

const CHUNK: usize = 256 * 1024;

/// What a line holds that may matter; a megabyte of compiler calls is passed over quickly.
static NEEDLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)Compile requests|Stopping sccache|sccache-report-build: |sccache: |>>> |(?:LOG|INFO|WARN|ERROR|QA): |Package: |Repository: ",
    )
    .expect("a valid pattern")
});

/// Reads to the end, and hands each line that may matter to `line`, without its line feed, and
/// with whether it had one (the last may be cut short). As long as `line` returns `true` it gets
/// every line. A line is cut to [`MAX_LINE`] bytes; what isn't UTF-8 is replaced.
///
/// # Errors
/// Those of reading.
pub fn scan(mut from: impl Read, mut line: impl FnMut(&str, bool) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    // buffer[start..end] is what is not looked at yet; it begins where a line begins, unless
    // the begin of that line was thrown away because there is no end to it.
    let (mut start, mut end, mut headless, mut every) = (0, 0, false, false);
    loop {
        if start > 0 {
            buffer.copy_within(start..end, 0);
            (start, end) = (0, end - start);
        }
        let read = match from.read(&mut buffer[end..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        end += read;
        let whole = match buffer[..end].iter().rposition(|&b| b == b'\n') {
            Some(at) => at + 1,
            None => 0,
        };
        if headless && let Some(at) = buffer[..whole].iter().position(|&b| b == b'\n') {
            (start, headless) = (at + 1, false);
        }
        if !headless {
            while let Some((from, to)) = next(&buffer[..whole], start, every) {
                every = line(&text(&buffer[from..to]), true);
                start = to + 1;
            }
            start = start.max(whole);
        }
        if read == 0 {
            if start < end && !headless {
                line(&text(&buffer[start..end]), false);
            }
            return Ok(());
        }
        if end - start == CHUNK {
            if !headless && (every || NEEDLE.is_match(&buffer[..MAX_LINE])) {
                every = line(&text(&buffer[..CHUNK]), true);
            }
            (start, headless) = (end, true);
        }
    }
}

/// The next line to look at: where it begins, and where its line feed is.
fn next(lines: &[u8], start: usize, every: bool) -> Option<(usize, usize)> {
    let rest = lines.get(start..).filter(|rest| !rest.is_empty())?;
    let (from, at) = match every {
        true => (start, start),
        false => {
            let at = start + NEEDLE.find(rest)?.start();
            let before = lines[start..at].iter().rposition(|&b| b == b'\n');
            (before.map_or(start, |feed| start + feed + 1), at)
        }
    };
    let feed = lines[at..].iter().position(|&b| b == b'\n')?;
    Some((from, at + feed))
}

fn text(line: &[u8]) -> std::borrow::Cow<'_, str> {
    static WHOLE_BUILD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?-u)sccache-report-build: ").expect("a valid pattern"));
    let head = &line[..line.len().min(MAX_LINE)];
    let max = if WHOLE_BUILD.is_match(head) {
        MAX_BUILD_LINE
    } else {
        MAX_LINE
    };
    String::from_utf8_lossy(&line[..line.len().min(max)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len()).min(self.0.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn lines(text: &[u8], step: usize) -> Vec<(String, bool)> {
        let mut all = Vec::new();
        scan(Slow(text, step), |line, whole| {
            all.push((line.to_owned(), whole));
            line.contains("Compile requests")
        })
        .unwrap();
        all
    }

    #[test]
    fn only_what_may_matter_is_handed_over() {
        let text = b"gcc -c a.c\n>>> Source compiled.\nx\n * Compile requests  3\nthe next\nnot this\nERROR: \xff";
        for step in [1, 7, 1000] {
            let found = lines(text, step);
            let texts: Vec<&str> = found.iter().map(|(line, _)| line.as_str()).collect();
            assert_eq!(
                texts,
                [
                    ">>> Source compiled.",
                    " * Compile requests  3",
                    "the next",
                    "ERROR: \u{fffd}"
                ]
            );
            assert!(found[2].1 && !found[3].1);
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut text = b"a".repeat(3 * CHUNK + 17);
        text.extend_from_slice(b">>> not a line\n>>> one\n");
        assert_eq!(lines(&text, CHUNK), [(">>> one".to_owned(), true)]);
        assert_eq!(lines(&b"b".repeat(2 * CHUNK), 999), []);
    }
}
