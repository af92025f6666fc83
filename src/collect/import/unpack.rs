//! The text of a log, unpacked and bounded.
//!
//! Portage compresses logs with gzip alone. What people compress themselves is unpacked by the
//! program that they did it with.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flate2::read::MultiGzDecoder;
use rustix::fs::{FileType, Mode, OFlags};

/// The longest text that is read of a log: 2 GiB.
const MAX_TEXT: u64 = 2 << 30;
const TOO_LONG: &str = "longer than 2 GiB";

/// The first bytes of compressed files, their suffix, and what unpacks standard input to standard
/// output; gzip needs no program.
type Packing = (&'static [u8], &'static str, &'static [&'static str]);

const PACKINGS: [Packing; 8] = [
    (b"\x1f\x8b", "gz", &[]),
    (b"BZh", "bz2", &["bzip2", "-dc"]),
    // A dictionary may have 1.5 GiB; that of `xz -9` has 64 MiB.
    (b"\xfd7zXZ\0", "xz", &["xz", "-dcq", "-T1", "-M100MiB"]),
    // `zstd --long` and `--ultra -22` have 128 MiB, all others at most 8 MiB.
    (b"\x28\xb5\x2f\xfd", "zst", &["zstd", "-dcq", "-M64MiB"]),
    (b"\x04\x22\x4d\x18", "lz4", &["lz4", "-dcq"]),
    (b"LZIP", "lz", &["lzip", "-dcq"]),
    (b"\x89LZO\0", "lzo", &["lzop", "-dcq"]),
    // With a password, because it would ask the terminal for one.
    (b"PK\x03\x04", "zip", &["unzip", "-pqP-", "/proc/self/fd/0"]),
];

enum Source {
    Plain(File),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
    Program(&'static str, Child),
}

/// Reads the text as far as it can be unpacked: the end of a log is missing where the machine
/// crashed while Portage wrote it.
pub struct Text {
    source: Source,
    left: u64,
    /// Why the text ended before the log did.
    pub problem: Option<String>,
}

impl Text {
    /// Opens a log, whatever its name, and returns also when it was written, in seconds since 1970.
    ///
    /// # Errors
    /// The file can't be read, or isn't a regular file.
    pub fn open(path: &Path) -> io::Result<(Self, i64)> {
        let mut file = open_regular(path)?;
        let modified = file.metadata()?.mtime();
        let mut magic = Vec::new();
        file.by_ref().take(6).read_to_end(&mut magic)?;
        file.rewind()?;
        let extension = path.extension().unwrap_or_default();
        let by_magic = PACKINGS.iter().find(|packing| magic.starts_with(packing.0));
        let by_name = || PACKINGS.iter().find(|packing| extension == packing.1);
        let (mut left, mut problem) = (MAX_TEXT, None);
        let source = match by_magic.or_else(by_name).map(|packing| packing.2) {
            None => {
                if file.metadata()?.len() > MAX_TEXT {
                    problem = Some(TOO_LONG.to_owned());
                    left = 0;
                }
                Source::Plain(file)
            }
            Some([program, options @ ..]) => match start(program, options, &file) {
                Ok(child) => Source::Program(program, child),
                Err(error) => {
                    problem = Some(format!("compressed with {program}: can't run it: {error}"));
                    left = 0;
                    Source::Plain(file)
                }
            },
            Some([]) => Source::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(file)))),
        };
        let text = Self {
            source,
            left,
            problem,
        };
        Ok((text, modified))
    }

    /// Whether there is text that is not read, so that what was read says little.
    pub fn is_refused(&self) -> bool {
        self.left == 0
    }

    /// Why the text ended before the log did.
    fn why_ended(&mut self, read: io::Result<usize>) -> io::Result<Option<String>> {
        Ok(match (read, &mut self.source) {
            (Ok(0), Source::Program(program, child)) => {
                let why = format!("compressed with {program}, which can't unpack all of it");
                (!child.wait()?.success()).then_some(why)
            }
            (Ok(count), _) => {
                self.left -= count as u64;
                self.is_refused().then(|| TOO_LONG.to_owned())
            }
            (Err(error), Source::Gzip(_)) => match error.kind() {
                io::ErrorKind::UnexpectedEof => Some("broken gzip: cut off".into()),
                // The decoder's kind of error; an error of the disk has another.
                io::ErrorKind::InvalidInput => Some(format!("broken gzip: {error}")),
                _ => return Err(error),
            },
            (Err(error), _) => return Err(error),
        })
    }
}

/// Opens nothing but regular files with something in them: to open a device or a FIFO can already
/// have an effect.
fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = rustix::fs::open(path, flags, Mode::empty())?;
    let what = rustix::fs::fstat(&found)?;
    if FileType::from_raw_mode(what.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("not a regular file"));
    }
    // The kernel's own files, such as /proc/kmsg, are regular and without a size: reading one may
    // never end, and take from others what is read.
    if what.st_size == 0 {
        return File::open("/dev/null");
    }
    File::open(format!("/proc/self/fd/{}", found.as_raw_fd()))
}

fn start(program: &str, options: &[&str], file: &File) -> io::Result<Child> {
    Command::new(program)
        .args(options)
        .stdin(file.try_clone()?)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

impl Read for Text {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.problem.is_some() {
            return Ok(0);
        }
        let max = into
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let into = &mut into[..max];
        let read = match &mut self.source {
            Source::Plain(file) => file.read(into),
            Source::Gzip(decoder) => decoder.read(into),
            Source::Program(_, child) => child.stdout.as_mut().map_or(Ok(0), |out| out.read(into)),
        };
        let count = *read.as_ref().unwrap_or(&0);
        self.problem = self.why_ended(read)?;
        Ok(count)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if let Source::Program(_, child) = &mut self.source {
            // It may have more to say than is read.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_too_long_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_TEXT + 1).unwrap();
        let (mut text, _) = Text::open(file.path()).unwrap();
        assert_eq!(text.read(&mut [0; 10]).unwrap(), 0);
        assert!(text.is_refused());
        assert_eq!(text.problem.as_deref(), Some(TOO_LONG));
    }

    #[test]
    fn no_more_is_read_than_the_limit() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[b'x'; 100]).unwrap();
        for (limit, is_refused) in [(101, false), (100, true), (10, true)] {
            let (mut text, _) = Text::open(file.path()).unwrap();
            text.left = limit;
            let mut read = Vec::new();
            text.read_to_end(&mut read).unwrap();
            assert_eq!(read.len() as u64, limit.min(100));
            assert_eq!(text.is_refused(), is_refused);
        }
    }
}
