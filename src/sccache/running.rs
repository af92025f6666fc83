//! The servers that run on this machine, whatever namespace they are in.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::listener::started_at;

/// A server of sccache that runs.
#[derive(Clone, Debug)]
pub struct RunningServer {
    /// Its process.
    pub pid: u32,
    /// Whose it is.
    pub uid: u32,
    /// Since when.
    pub started_at: Option<SystemTime>,
    /// Its program was replaced or removed since.
    pub outdated: bool,
    /// What its environment says; `None` where it can't be seen, being another user's.
    pub environment: Option<ServerEnvironment>,
}

/// A part of a server's environment, which is that of the client that started it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerEnvironment {
    /// `SCCACHE_DIR`.
    pub folder: Option<PathBuf>,
    /// `PORTAGE_BUILDDIR`: a build started it.
    pub build: Option<PathBuf>,
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
        let program = fs::read_link(process.join("exe")).unwrap_or_default();
        Some(Self {
            pid,
            uid: fs::metadata(process).ok()?.uid(),
            started_at: started_at(pid),
            outdated: program.to_string_lossy().ends_with(" (deleted)"),
            environment: fs::read(process.join("environ"))
                .ok()
                .map(|bytes| environment(&bytes)),
        })
    }
}

fn environment(bytes: &[u8]) -> ServerEnvironment {
    let get = |name: &str| {
        let mut entries = bytes.split(|&byte| byte == 0);
        let value =
            entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        Some(PathBuf::from(OsString::from_vec(value.to_vec())))
    };
    ServerEnvironment {
        folder: get("SCCACHE_DIR"),
        build: get("PORTAGE_BUILDDIR"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_a_server_tells_whose_it_is() {
        let found =
            environment(b"A=1\0SCCACHE_DIR=/c\0XPORTAGE_BUILDDIR=/x\0PORTAGE_BUILDDIR=/b\0");
        let folder = Some("/c".into());
        let build = Some("/b".into());
        assert_eq!(found, ServerEnvironment { folder, build });
        assert_eq!(environment(b""), ServerEnvironment::default());
    }
}
