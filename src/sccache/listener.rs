//! The processes of servers: who listens at an address, who belongs to a build, and their end.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::address::{Address, listening_inodes};
use crate::process::{Process, ticks_per_second};

/// The server that listens at an address.
#[derive(Debug)]
pub struct Listener {
    pid: Pid,
    /// The process that was looked at, should another get its number.
    process: OwnedFd,
}

impl Listener {
    /// Looks for them in `/proc`: none where nobody listens, or not in this process's namespaces, or
    /// where another user's processes can't be looked into. Several have raced for one path.
    pub fn find_all(address: &Address) -> Vec<Self> {
        Self::find(address, processes(|_| true), |_| true)
    }

    /// Those of them that are an sccache which was started with `variable=value` in its environment:
    /// any port may be somebody else's, and only what is certainly ours is stopped or killed.
    pub fn find_started_with(address: &Address, variable: &str, value: &OsStr) -> Vec<Self> {
        let wanted = |pid| is_sccache_with(pid, &[(variable, value)]);
        Self::find(address, processes(is_sccache), wanted)
    }

    /// Looks at the open files, of which there are many, last.
    fn find(
        address: &Address,
        processes: impl Iterator<Item = Self>,
        wanted: impl Fn(Pid) -> bool,
    ) -> Vec<Self> {
        let links: Vec<String> = listening_inodes(address)
            .iter()
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        if links.is_empty() {
            return Vec::new();
        }
        let listens = |listener: &Self| {
            let fds = fs::read_dir(folder(listener.pid).join("fd"));
            fds.into_iter().flatten().flatten().any(|fd| {
                let to = fs::read_link(fd.path()).unwrap_or_default();
                links.iter().any(|link| to.as_os_str() == link.as_str())
            })
        };
        { processes.filter(|it| wanted(it.pid)) }
            .filter(listens)
            .collect()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Seconds of processor time of all that it ran and that ended (cutime and cstime of
    /// proc_pid_stat(5), two ticks of 10 ms too low at most). The server is the parent of every
    /// compiler and preprocessor that it has run; what can't be cached at all runs below the client.
    /// `None` where the kernel says 0: that may be less than a tick, or a kernel that doesn't count.
    pub fn children_seconds(&self) -> Option<f64> {
        let ticks = Process::read(Path::new("/proc"), self.pid())?.children_ticks;
        (ticks > 0).then(|| ticks as f64 / ticks_per_second() as f64)
    }

    /// Kills all servers that were started with `variable=value` in their environment and see the
    /// same file system as this process (another container may build the same): what a build leaves
    /// that was killed.
    pub fn kill_all_started_with(variable: &str, value: &OsStr) {
        let root = |path: &Path| fs::metadata(path).ok().map(|it| (it.dev(), it.ino()));
        let here = root(Path::new("/"));
        let settings = [(variable, value), ("SCCACHE_START_SERVER", OsStr::new("1"))];
        let is_one = |listener: &Self| {
            root(&folder(listener.pid).join("root")) == here
                && is_sccache_with(listener.pid, &settings)
        };
        processes(is_sccache)
            .filter(is_one)
            .for_each(|it| it.kill());
    }

    /// A process that is gone already is what was wanted.
    fn kill(&self) {
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }

    /// Kills them, and waits up to half a second until nobody listens there.
    pub fn kill_all(listeners: &[Self], address: &Address) {
        for listener in listeners {
            listener.kill();
        }
        let deadline = Instant::now() + Duration::from_millis(500);
        while super::is_listening(address) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The processes that pass a first look, held before anybody looks at them again: of the many
/// others, nothing but that look has to be paid for.
fn processes(first_look: impl Fn(Pid) -> bool) -> impl Iterator<Item = Listener> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        if !first_look(pid) {
            return None;
        }
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        Some(Listener { pid, process })
    })
}

fn folder(pid: Pid) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

fn is_sccache(pid: Pid) -> bool {
    let mut name = [0; 7];
    let comm = fs::File::open(folder(pid).join("comm"));
    comm.is_ok_and(|mut comm| comm.read_exact(&mut name).is_ok()) && name == *b"sccache"
}

fn is_sccache_with(pid: Pid, settings: &[(&str, &OsStr)]) -> bool {
    if !is_sccache(pid) {
        return false;
    }
    let environment = fs::read(folder(pid).join("environ")).unwrap_or_default();
    let has = |(name, value): &(&str, &OsStr)| {
        let setting = [name.as_bytes(), b"=", value.as_bytes()].concat();
        environment.split(|&byte| byte == 0).any(|it| it == setting)
    };
    settings.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ticks_are_unknown() {
        let mut idle = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&idle);
        let process = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let listener = Listener { pid, process };
        assert_eq!(listener.children_seconds(), None);
        listener.kill();
        idle.wait().unwrap();
    }
}
