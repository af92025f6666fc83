//! sccache's configuration file (docs/Configuration.md and `Config::load` in src/config.rs, 0.16.0): what
//! `SCCACHE_CONF` names. Without that it is `~/.config/sccache/config`, which no build meets: its
//! home is a new folder (`homedir` beside `${T}`, Portage 3.0.83; tried).

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Deserialize;

use super::variables;

/// What the file says of the cache. Variables count for more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// The folder of a local cache.
    pub folder: Option<PathBuf>,
    /// The limit of a local cache, in bytes.
    pub size: Option<u64>,
    /// The kinds of remote caches.
    pub remotes: Vec<&'static str>,
    /// Whether several levels are used together.
    pub has_chain: bool,
}

/// Sections of `[cache]` for caches on other machines, and their kinds; the first of them that is there
/// is used (`into_fallback`).
const REMOTES: [(&str, &str); 9] = [
    ("s3", "S3"),
    ("redis", "Redis"),
    ("memcached", "memcached"),
    ("gcs", "GCS"),
    ("gha", "GitHub Actions"),
    ("azure", "Azure"),
    ("webdav", "WebDAV"),
    ("oss", "OSS"),
    ("cos", "COS"),
];

#[derive(Deserialize)]
struct Sections {
    #[serde(default)]
    cache: toml::Table,
}

/// Bytes of the longest file that is read.
const MAX_BYTES: u64 = 1024 * 1024;

impl Configuration {
    /// Reads a file. Others may have put anything in its place: one that no end comes of, a FIFO that
    /// nobody writes into, must not keep a build, or root, waiting.
    ///
    /// # Errors
    /// Where it can't be read; of kind `InvalidData` where sccache couldn't, either.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32);
        let file = options.open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text)?;
        let wrong = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        Self::parse(path, &text).map_err(wrong)
    }

    /// Reads a file's text: JSON where it is called `*.json`, else TOML.
    ///
    /// # Errors
    /// Where it is neither, why. sccache refuses more: what it doesn't know.
    fn parse(file: &Path, text: &str) -> Result<Self, String> {
        let is_json = file.extension().is_some_and(|end| end == "json");
        let Sections { cache } = match is_json {
            true => serde_json::from_str(text).map_err(|error| error.to_string())?,
            false => toml::from_str(text).map_err(|error: toml::de::Error| {
                let line = error
                    .span()
                    .map(|span| text[..span.start].matches('\n').count() + 1);
                let line = line.map_or(String::new(), |line| format!("line {line}: "));
                format!("{line}{}", error.message())
            })?,
        };
        let disk = cache.get("disk");
        let of_disk = |name| disk.and_then(|disk| disk.get(name));
        let folder = of_disk("dir")
            .and_then(toml::Value::as_str)
            .map(PathBuf::from);
        let size = of_disk("size").and_then(|size| match size {
            toml::Value::Integer(bytes) => u64::try_from(*bytes).ok(),
            size => variables::cache_size(size.as_str()?),
        });
        let is_asked = |section: &&(&str, &str)| cache.get(section.0).is_some_and(is_remote);
        Ok(Self {
            folder: folder.filter(|folder| folder.is_absolute()),
            size,
            remotes: REMOTES
                .iter()
                .filter(is_asked)
                .map(|(_, kind)| *kind)
                .collect(),
            has_chain: cache.contains_key("multilevel"),
        })
    }
}

/// Not what is reached through the file system.
fn is_remote(section: &toml::Value) -> bool {
    let endpoint = ["endpoint", "url"]
        .iter()
        .find_map(|name| section.get(name)?.as_str());
    !endpoint.is_some_and(variables::is_in_file_system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
        for path in [&fifo, Path::new("/dev/zero"), folder.path()] {
            assert!(Configuration::read(path).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn as_sccache_reads_it() {
        let read = |name: &str, text: &str| Configuration::parse(Path::new(name), text);
        let text = "# [cache.s3]\n[cache.disk] # here\ndir = '/c' \nsize = \"7G\"\n[cache.redis]\nurl = \"unix:///r\"\n";
        let found = read("config", text).unwrap();
        assert_eq!(found.folder.as_deref(), Some(Path::new("/c")));
        assert_eq!((found.size, found.remotes.len()), (Some(7 << 30), 0));
        let text =
            "cache.webdav = { endpoint = \"http://h/\" }\ncache.disk.size = 5\n[cache.gha]\n";
        let found = read("config", text).unwrap();
        assert_eq!((found.folder, found.size), (None, Some(5)));
        assert_eq!(found.remotes, ["GitHub Actions", "WebDAV"]);
        let found = read("c.json", r#"{"cache": {"disk": {"dir": "/j"}}}"#).unwrap();
        assert_eq!(found.folder.as_deref(), Some(Path::new("/j")));
        let why = read("config", "[cache.disk]\ndir =\n").unwrap_err();
        assert!(why.starts_with("line 2: "), "{why}");
    }
}
