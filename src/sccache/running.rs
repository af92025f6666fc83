//! The servers that run on this machine, whatever namespace they are in.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Configuration, local_folder};

/// A server of sccache that runs.
#[derive(Clone, Debug)]
pub struct RunningServer {
    /// Its process.
    pub pid: u32,
    /// Whose it is.
    pub uid: u32,
    /// Its environment, which is that of the client that started it; empty if it belongs to another
    /// user.
    environment: Vec<u8>,
}

impl RunningServer {
    /// All that can be seen in `/proc`. A server is an sccache without arguments: what a client runs
    /// has the compiler's (`run_server_process` in sccache's `src/commands.rs`).
    pub fn all() -> Vec<Self> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut found: Vec<Self> = processes
            .filter_map(|process| Self::of(&process.path()))
            .collect();
        found.sort_by_key(|server| server.pid);
        found
    }

    fn of(process: &Path) -> Option<Self> {
        let pid = process.file_name()?.to_str()?.parse().ok()?;
        let name = fs::read_to_string(process.join("comm")).ok()?;
        let arguments = fs::read(process.join("cmdline")).ok()?;
        let arguments = arguments.iter().filter(|&&byte| byte == 0).count();
        if name.trim_end() != "sccache" || arguments != 1 {
            return None;
        }
        Some(Self {
            pid,
            uid: fs::metadata(process).ok()?.uid(),
            environment: fs::read(process.join("environ")).unwrap_or_default(),
        })
    }

    /// Returns the folder of its local cache as it is set, by a variable or a configuration file.
    pub fn folder(&self) -> Option<PathBuf> {
        let file = self.variable("SCCACHE_CONF");
        let file = file.and_then(|file| Configuration::read(file.as_ref()).ok());
        local_folder(|name| self.variable(name), file.as_ref())
    }

    /// Whether the build that started it still runs.
    pub fn is_in_build(&self) -> bool {
        let build = self.variable("PORTAGE_BUILDDIR");
        build.is_some_and(|build| Path::new(build).exists())
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let mut entries = self.environment.split(|&byte| byte == 0);
        let value =
            entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        std::str::from_utf8(value).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_a_server_names_its_cache() {
        let folder = |environment: &str| {
            let server = RunningServer {
                pid: 1,
                uid: 0,
                environment: environment.as_bytes().to_vec(),
            };
            server.folder()
        };
        assert_eq!(
            folder("A=1\0SCCACHE_DIR=/c\0XSCCACHE_DIR=/x\0"),
            Some("/c".into())
        );
        assert_eq!(folder("A=1\0"), None);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[cache.disk]\ndir = '/f'\n").unwrap();
        let environment = format!("SCCACHE_CONF={}\0", file.path().display());
        assert_eq!(folder(&environment), Some("/f".into()));
    }
}
