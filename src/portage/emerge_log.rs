//! emerge.log: which packages were built from source and merged, and when.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chrono::{DateTime, Utc};
use rustix::fs::OFlags;

use super::environment::check_name;
use super::log::split_pf;

/// A merge of a package that was built from source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`.
    pub version: String,
    /// When its build began.
    pub started_at: DateTime<Utc>,
    /// When it was merged.
    pub finished_at: DateTime<Utc>,
}

/// The merges that ended at `since` or later, in their order (`SECONDS:  ::: completed emerge (1 of 2)
/// CATEGORY/PF to /`, and before it `=== (1 of 2) Compiling/Merging (CATEGORY/PF::EBUILD)`; Portage
/// 3.0.83, `EbuildMerge.py` and `EbuildBuild.py`). Binary packages are not among them.
///
/// Only the end of a long log is read.
///
/// # Errors
/// Where the file can't be read.
pub fn merges(log: &Path, since: DateTime<Utc>) -> io::Result<Vec<Merge>> {
    let mut reader = BufReader::new(tail(log)?);
    let (mut begun, mut found) = (HashMap::new(), Vec::new());
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        if let Some((at, what)) = event(&text) {
            match what {
                Event::Begin(cpv) => drop(begun.insert(cpv.to_owned(), at)),
                Event::End(cpv) => {
                    if let Some(started_at) = begun.remove(cpv)
                        && at >= since
                        && let Some((package, version)) = split(cpv)
                    {
                        let finished_at = at;
                        found.push(Merge {
                            package,
                            version,
                            started_at,
                            finished_at,
                        });
                    }
                }
            }
        }
        line.clear();
    }
    Ok(found)
}

/// How much of a log's end is read, in bytes: some 30,000 merges.
const TAIL: u64 = 4 << 20;

/// Opens the end of a regular file.
fn tail(log: &Path) -> io::Result<Take<File>> {
    let mut options = File::options();
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32);
    let mut file = options.open(log)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it isn't a regular file"));
    }
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(TAIL)))?;
    Ok(file.take(TAIL))
}

enum Event<'a> {
    Begin(&'a str),
    End(&'a str),
}

fn event(line: &str) -> Option<(DateTime<Utc>, Event<'_>)> {
    let (seconds, what) = line.split_once(':')?;
    let what = what.trim();
    let event = if let Some(rest) = what.strip_prefix("=== (") {
        let (_, rest) = rest.split_once(") Compiling/Merging (")?;
        Event::Begin(rest.split_once("::")?.0)
    } else {
        let rest = what.strip_prefix("::: completed emerge (")?;
        Event::End(rest.split_once(") ")?.1.split_once(" to ")?.0)
    };
    Some((DateTime::from_timestamp_secs(seconds.parse().ok()?)?, event))
}

/// `CATEGORY/PF` into `CATEGORY/PN` and `PVR`.
fn split(cpv: &str) -> Option<(String, String)> {
    let (category, pf) = cpv.split_once('/')?;
    check_name(category).ok()?;
    let (name, version) = split_pf(pf)?;
    Some((format!("{category}/{name}"), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_from_source_are_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = "1000: Started emerge on: x\n\
            1001:  >>> emerge (1 of 3) dev-test/a-b-1.0 to /\n\
            1002:  === (1 of 3) Compiling/Merging (dev-test/a-b-1.0::/x/a-b-1.0.ebuild)\n\
            1003:  === (2 of 3) Merging Binary (dev-test/bin-2::/x/bin-2.tbz2)\n\
            1004:  ::: completed emerge (2 of 3) dev-test/bin-2 to /\n\
            1009:  ::: completed emerge (1 of 3) dev-test/a-b-1.0 to /\n\
            1010:  === (3 of 3) Compiling/Merging (dev-test/failed-1-r2::/x)\n\
            \u{0}garbage: ::: completed emerge\n";
        std::fs::write(file.path(), log).unwrap();
        let at = |seconds| DateTime::from_timestamp_secs(seconds).unwrap();
        let found = merges(file.path(), at(0)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&*found[0].package, &*found[0].version),
            ("dev-test/a-b", "1.0")
        );
        assert_eq!(
            (found[0].started_at, found[0].finished_at),
            (at(1002), at(1009))
        );
        assert!(merges(file.path(), at(1010)).unwrap().is_empty());
    }
}
