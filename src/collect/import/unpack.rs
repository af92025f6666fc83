//! The text of a log, unpacked and bounded.
//!
//! Portage compresses logs with gzip alone. What people compress themselves is unpacked by the
//! program that they did it with.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flate2::read::MultiGzDecoder;
use rustix::fs::{FileType, Mode, OFlags};

/// The longest text that is read of a log: 2 GiB.
const MAX_TEXT: u64 = 2 << 30;

/// A kind of compressed file.
struct Packing {
    magic: &'static [u8],
    suffix: &'static str,
    /// Unpacks standard input to standard output. Empty for gzip, which needs no program.
    command: &'static [&'static str],
}

const PACKINGS: [Packing; 8] = [
    packing(b"\x1f\x8b", "gz", &[]),
    packing(b"BZh", "bz2", &["bzip2", "-dc"]),
    // A dictionary may have 1.5 GiB; that of `xz -9` has 64 MiB.
    packing(b"\xfd7zXZ\0", "xz", &["xz", "-dcq", "-T1", "-M100MiB"]),
    packing(b"\x28\xb5\x2f\xfd", "zst", &["zstd", "-dcq"]),
    packing(b"\x04\x22\x4d\x18", "lz4", &["lz4", "-dcq"]),
    packing(b"LZIP", "lz", &["lzip", "-dcq"]),
    packing(b"\x89LZO\0", "lzo", &["lzop", "-dcq"]),
    // With a password, because it would ask the terminal for one.
    packing(b"PK\x03\x04", "zip", &["unzip", "-pqP-", "/proc/self/fd/0"]),
];

const fn packing(
    magic: &'static [u8],
    suffix: &'static str,
    command: &'static [&'static str],
) -> Packing {
    Packing {
        magic,
        suffix,
        command,
    }
}

enum Source {
    Plain(File),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
    Program(&'static str, Child),
    Nothing,
}

/// Reads the text as far as it can be unpacked: the end of a log is missing where the machine
/// crashed while Portage wrote it.
pub struct Text {
    source: Source,
    left: u64,
    problem: Option<String>,
}

impl Text {
    /// Opens a log, whatever its name.
    ///
    /// # Errors
    /// The file can't be read, or isn't a regular file.
    pub fn open(path: &Path) -> io::Result<(Self, std::fs::Metadata)> {
        let mut file = open_regular(path)?;
        let metadata = file.metadata()?;
        let mut magic = Vec::new();
        file.by_ref().take(6).read_to_end(&mut magic)?;
        file.rewind()?;
        let mut by_magic = PACKINGS.iter().filter(|p| magic.starts_with(p.magic));
        let extension = path.extension().unwrap_or_default();
        let mut by_name = PACKINGS
            .iter()
            .filter(|p| extension == OsStr::new(p.suffix));
        let mut problem = None;
        let source = match by_magic.next().or(by_name.next()).map(|p| p.command) {
            None => Source::Plain(file),
            Some([]) => Source::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(file)))),
            Some([program, options @ ..]) => match start(program, options, file) {
                Ok(child) => Source::Program(program, child),
                Err(error) => {
                    problem = Some(format!("compressed with {program}: can't run it: {error}"));
                    Source::Nothing
                }
            },
        };
        let left = MAX_TEXT;
        Ok((
            Self {
                source,
                left,
                problem,
            },
            metadata,
        ))
    }

    /// Why the text ended before the log did.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Whether there is more text than is read.
    pub fn is_too_long(&self) -> bool {
        self.left == 0
    }

    fn end(&mut self) -> io::Result<()> {
        if let Source::Program(program, child) = &mut self.source
            && !child.wait()?.success()
        {
            self.problem = Some(format!(
                "compressed with {program}, which can't unpack all of it"
            ));
        }
        Ok(())
    }
}

/// Opens nothing but regular files: to open a device or a FIFO can already have an effect.
fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = rustix::fs::open(path, flags, Mode::empty())?;
    if FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("not a regular file"));
    }
    use std::os::fd::AsRawFd;
    File::open(format!("/proc/self/fd/{}", found.as_raw_fd()))
}

fn start(program: &str, options: &[&str], file: File) -> io::Result<Child> {
    Command::new(program)
        .args(options)
        .stdin(file)
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
        let result = match &mut self.source {
            Source::Plain(file) => file.read(into),
            Source::Gzip(decoder) => decoder.read(into),
            Source::Program(_, child) => child.stdout.as_mut().map_or(Ok(0), |out| out.read(into)),
            Source::Nothing => Ok(0),
        };
        let why = match result {
            Ok(0) => {
                self.end()?;
                return Ok(0);
            }
            Ok(count) => {
                self.left -= count as u64;
                if self.is_too_long() {
                    self.problem = Some("longer than 2 GiB".into());
                }
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => "cut off".to_owned(),
            // The decoder's kind of error; an error of the disk has another.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => error.to_string(),
            Err(error) => return Err(error),
        };
        self.problem = Some(format!("broken gzip: {why}"));
        Ok(0)
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
