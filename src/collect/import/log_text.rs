//! The text of a log, decompressed.
//!
//! Portage compresses logs with gzip only (FEATURES=compress-build-logs). Users compress them with
//! other programs. All are decompressed by the program that belongs to the format.

use std::fs::File;
use std::io::{Read, Take};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::summary::Problem;
use crate::error::{Error, Result};
use crate::files::open_regular;

/// The most bytes that are read from a log.
const MAX_BYTES: u64 = 2 << 30;

/// A compression format: the first bytes of a file, the suffix of its name, and the command that
/// decompresses standard input to standard output.
type Format = (&'static [u8], &'static str, &'static [&'static str]);

const FORMATS: [Format; 8] = [
    (b"\x1f\x8b", "gz", &["gzip", "-dcq"]),
    (b"BZh", "bz2", &["bzip2", "-dcq"]),
    // A dictionary can have 1.5 GiB; that of `xz -9` has 64 MiB.
    (b"\xfd7zXZ\0", "xz", &["xz", "-dcq", "-T1", "-M100MiB"]),
    // `zstd --long` and `--ultra -22` use 128 MiB, everything else at most 8 MiB.
    (b"\x28\xb5\x2f\xfd", "zst", &["zstd", "-dcq", "-M64MiB"]),
    (b"\x04\x22\x4d\x18", "lz4", &["lz4", "-dcq"]),
    (b"LZIP", "lz", &["lzip", "-dcq"]),
    (b"\x89LZO\0", "lzo", &["lzop", "-dcq"]),
    // Without a password, unzip could prompt for one on the terminal.
    (b"PK\x03\x04", "zip", &["unzip", "-pqP-", "/proc/self/fd/0"]),
];

/// A log that is being read.
pub struct LogText {
    /// The text, which ends after [`MAX_BYTES`].
    pub text: Take<Box<dyn Read>>,
    /// When the file was modified, in seconds since 1970.
    pub modified: i64,
    decompressor: Option<Decompressor>,
}

/// A program that decompresses a log, killed and reaped when this is dropped.
struct Decompressor(&'static str, Child);

impl Drop for Decompressor {
    fn drop(&mut self) {
        let _ = self.1.kill();
        let _ = self.1.wait();
    }
}

impl LogText {
    /// Opens a log.
    ///
    /// # Errors
    /// It isn't a regular file, can't be read, or can't be decompressed.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let file = open_regular(path)?;
        let modified = file.metadata()?.mtime();
        let mut magic = [0; 6];
        file.read_at(&mut magic, 0)?;
        let suffix = path.extension().unwrap_or_default();
        let by_content = FORMATS.iter().find(|format| magic.starts_with(format.0));
        let format = by_content.or_else(|| FORMATS.iter().find(|format| suffix == format.1));
        let (text, decompressor): (Box<dyn Read>, _) = match format {
            None => (Box::new(file), None),
            Some((_, _, command)) => {
                let mut child = start(command, file)?;
                let output = child
                    .stdout
                    .take()
                    .ok_or_else(|| Error::invalid("no output"))?;
                (Box::new(output), Some(Decompressor(command[0], child)))
            }
        };
        Ok(Self {
            text: text.take(MAX_BYTES + 1),
            modified,
            decompressor,
        })
    }

    /// Finishes reading. Returns a problem if the end could not be decompressed, as with a log that
    /// Portage was writing when the machine crashed.
    ///
    /// # Errors
    /// The text is too long.
    pub fn finish(mut self) -> Result<Option<Problem>, Problem> {
        if self.text.limit() == 0 {
            return Err(Error::invalid("longer than 2 GiB").into());
        }
        if let Some(Decompressor(program, child)) = &mut self.decompressor
            && !child.wait()?.success()
        {
            let problem = format!("{program} can't decompress all of it");
            return Ok(Some(Error::Invalid(problem).into()));
        }
        Ok(None)
    }
}

fn start(command: &[&str], input: File) -> Result<Child> {
    let (program, output) = (command[0], Stdio::piped());
    let mut start = Command::new(program);
    start.args(&command[1..]).stdin(input).stdout(output);
    let child = start.stderr(Stdio::null()).spawn();
    child.map_err(|error| {
        Error::Invalid(format!(
            "compressed with {program}, which can't be run: {error}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_beyond_the_limit_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [b'x'; 100]).unwrap();
        for (limit, is_allowed) in [(102, true), (101, true), (100, false), (10, false)] {
            let mut log = LogText::open(file.path()).unwrap();
            log.text.set_limit(limit);
            log.text.read_to_end(&mut Vec::new()).unwrap();
            assert_eq!(log.finish().is_ok(), is_allowed, "{limit}");
        }
    }
}
