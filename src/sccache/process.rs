//! The processes of servers: finds them by address or build, and kills them.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::address::{Address, listening_inodes};
use crate::process::{Process, ticks_per_second};

/// A server process, held by a pidfd so that its PID can't be reused.
#[derive(Debug)]
pub struct Listener {
    pid: Pid,
    process: OwnedFd,
}

/// Seconds of processor time, user and system, of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessorTime {
    /// Of the server's process (utime and stime of proc_pid_stat(5)).
    pub own: f64,
    /// Of its ended children (cutime and cstime, at most two ticks of 10 ms too low). The server is the
    /// parent of every compiler and preprocessor that it runs; a call that can't be cached runs below
    /// the client. 0 where every object was found in preprocessor cache mode, which runs no compiler.
    pub children: f64,
}

impl Listener {
    /// Returns the servers at an address that were started with `variable=value` in their
    /// environment. Another program may use the port, and only the build's own servers may be killed.
    pub fn find_started_with(address: &Address, variable: &str, value: &OsStr) -> Vec<Self> {
        let inodes = listening_inodes(address).into_iter();
        let links: Vec<String> = inodes.map(|inode| format!("socket:[{inode}]")).collect();
        if links.is_empty() {
            return Vec::new();
        }
        let listens = |listener: &Self| {
            let fds = fs::read_dir(folder(listener.pid).join("fd"));
            fds.into_iter().flatten().flatten().any(|fd| {
                let target = fs::read_link(fd.path()).unwrap_or_default();
                links.iter().any(|link| target.as_os_str() == link.as_str())
            })
        };
        let setting = [variable.as_bytes(), b"=", value.as_bytes()].concat();
        let is_wanted = |pid| settings(pid).contains(&setting);
        let servers = pids().filter_map(|pid| Self::open(pid, is_wanted));
        servers.filter(listens).collect()
    }

    /// Opens a process and checks it. Its environment is checked again after opening, because its
    /// PID may have been reused in between.
    fn open(pid: Pid, is_wanted: impl Fn(Pid) -> bool) -> Option<Self> {
        if !is_wanted(pid) {
            return None;
        }
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        is_wanted(pid).then_some(Self { pid, process })
    }

    /// Returns its processor time; `None` if it has ended.
    pub fn processor_time(&self) -> Option<ProcessorTime> {
        let process = Process::read(Path::new("/proc"), number(self.pid))?;
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second() as f64;
        Some(ProcessorTime {
            own: seconds(process.own_ticks),
            children: seconds(process.children_ticks),
        })
    }

    /// Kills all servers of a build that was killed: those that have its `T` in their environment, or, as in
    /// EAPI 9, which doesn't export that, the hook's log or socket in it. They must see the same root
    /// directory as this process, because another container may build the same package.
    pub fn kill_all_of_build(t: &Path) {
        let root = |path: &Path| fs::metadata(path).ok().map(|it| (it.dev(), it.ino()));
        let own_root = root(Path::new("/"));
        let is_left = |pid| {
            let settings = settings(pid);
            let get = |name: &str| {
                let mut values = settings.iter();
                values.find_map(|setting| {
                    setting.strip_prefix([name.as_bytes(), b"="].concat().as_slice())
                })
            };
            let is_below = |name| {
                get(name).is_some_and(|path| Path::new(OsStr::from_bytes(path)).starts_with(t))
            };
            get("SCCACHE_START_SERVER") == Some(b"1")
                && ["T", "SCCACHE_ERROR_LOG", "SCCACHE_SERVER_UDS"]
                    .into_iter()
                    .any(is_below)
                && root(&folder(pid).join("root")) == own_root
        };
        pids()
            .filter_map(|pid| Self::open(pid, is_left))
            .for_each(|server| server.kill());
    }

    fn kill(&self) {
        // An error means that the process has ended already.
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }

    /// Kills these servers, and waits up to half a second until no process listens at the address.
    pub fn kill_all(listeners: &[Self], address: &Address) {
        listeners.iter().for_each(Self::kill);
        let deadline = Instant::now() + Duration::from_millis(500);
        while super::is_listening(address) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A running sccache server at any address.
#[derive(Clone, Debug)]
pub struct RunningServer {
    /// Its PID.
    pub pid: u32,
    /// Its user ID.
    pub uid: u32,
    /// Its environment, which is that of the client that started it; empty if it is another user's.
    environment: Vec<u8>,
}

impl RunningServer {
    /// Returns all servers that are visible in `/proc`, sorted by PID.
    pub fn find_all() -> Vec<Self> {
        let mut servers: Vec<Self> = pids().filter_map(Self::read).collect();
        servers.sort_by_key(|server| server.pid);
        servers
    }

    /// A server is an sccache without arguments: a client has those of the compiler
    /// (`run_server_process` in sccache's `src/commands.rs`).
    fn read(pid: Pid) -> Option<Self> {
        let folder = folder(pid);
        let arguments = fs::read(folder.join("cmdline")).ok()?;
        let count = arguments.iter().filter(|&&byte| byte == 0).count();
        if program_name(pid).trim_end() != "sccache" || count != 1 {
            return None;
        }
        Some(Self {
            pid: number(pid),
            uid: fs::metadata(&folder).ok()?.uid(),
            environment: fs::read(folder.join("environ")).unwrap_or_default(),
        })
    }

    /// Returns the value of `SCCACHE_DIR`. The file that `SCCACHE_CONF` names isn't read, because the
    /// owner of the process chose its path.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        self.variable("SCCACHE_DIR").map(PathBuf::from)
    }

    /// Whether its environment has no address, so that it listens at the default port.
    pub fn is_at_default_address(&self) -> bool {
        let mut names = ["SCCACHE_SERVER_UDS", "SCCACHE_SERVER_PORT"].into_iter();
        !self.environment.is_empty() && names.all(|name| self.variable(name).is_none())
    }

    /// Whether the build that started it is still running.
    pub fn is_in_build(&self) -> bool {
        let folder = self.variable("PORTAGE_BUILDDIR");
        folder.is_some_and(|folder| Path::new(folder).exists())
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let mut entries = self.environment.split(|&byte| byte == 0);
        let value =
            entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        std::str::from_utf8(value).ok()
    }
}

fn pids() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

fn folder(pid: Pid) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

fn program_name(pid: Pid) -> String {
    fs::read_to_string(folder(pid).join("comm")).unwrap_or_default()
}

/// Returns the environment of an sccache, as `NAME=value`; nothing for another program.
fn settings(pid: Pid) -> Vec<Vec<u8>> {
    // First, because most processes are others.
    if !program_name(pid).starts_with("sccache") {
        return Vec::new();
    }
    let environment = fs::read(folder(pid).join("environ")).unwrap_or_default();
    environment
        .split(|&byte| byte == 0)
        .map(<[u8]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_children_has_no_time_of_theirs() {
        let mut idle = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&idle);
        let process = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let listener = Listener { pid, process };
        assert_eq!(listener.processor_time().unwrap().children, 0.0);
        listener.kill();
        idle.wait().unwrap();
        assert_eq!(listener.processor_time(), None);
    }

    #[test]
    fn the_environment_of_a_server_names_its_cache() {
        let folder = |environment: &str| {
            let server = RunningServer {
                pid: 1,
                uid: 0,
                environment: environment.as_bytes().to_vec(),
            };
            server.cache_folder()
        };
        assert_eq!(
            folder("A=1\0SCCACHE_DIR=/c\0XSCCACHE_DIR=/x\0"),
            Some("/c".into())
        );
        assert_eq!(folder("A=1\0"), None);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "[cache.disk]\ndir = '/f'\n").unwrap();
        let environment = format!("SCCACHE_CONF={}\0", file.path().display());
        assert_eq!(folder(&environment), None, "the file of another user");
    }
}
