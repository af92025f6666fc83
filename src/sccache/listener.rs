//! Who listens at an address: the process behind it, when it started, and its end.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal};

use super::address::{Address, listening_inodes};
use crate::process::{Process, ticks_per_second};

/// The server that listens at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    pid: Pid,
    /// When its process started; off by as much as the clock was set since.
    pub started_at: SystemTime,
}

impl Listener {
    /// Looks for them in `/proc`: none where nobody listens, or not in this process's namespaces, or
    /// where another user's processes can't be looked into. Several have raced for one path.
    pub fn find_all(address: &Address) -> Vec<Self> {
        let links: Vec<String> = listening_inodes(address)
            .iter()
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        if links.is_empty() {
            return Vec::new();
        }
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter_map(|process| {
                let pid: i32 = process.file_name().to_str()?.parse().ok()?;
                let mut descriptors = fs::read_dir(process.path().join("fd")).ok()?.flatten();
                let listens = descriptors.any(|fd| {
                    let to = fs::read_link(fd.path()).unwrap_or_default();
                    links.iter().any(|link| to.as_os_str() == link.as_str())
                });
                Some(Self {
                    pid: listens.then(|| Pid::from_raw(pid))??,
                    started_at: started_at(pid.unsigned_abs())?,
                })
            })
            .collect()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether it is an sccache that was started with `variable=value` in its environment: any port
    /// may be somebody else's, and only what is certainly ours is stopped or killed.
    pub fn was_started_with(&self, variable: &str, value: &OsStr) -> bool {
        let folder = Path::new("/proc").join(self.pid.to_string());
        let setting = [variable.as_bytes(), b"=", value.as_bytes()].concat();
        let environment = fs::read(folder.join("environ")).unwrap_or_default();
        fs::read_to_string(folder.join("comm")).is_ok_and(|name| name.starts_with("sccache"))
            && environment
                .split(|&byte| byte == 0)
                .any(|entry| entry == setting)
    }

    /// Kills them, and waits up to a second until nobody listens there.
    pub fn kill_all(listeners: &[Self], address: &Address) {
        for listener in listeners {
            let _ = rustix::process::kill_process(listener.pid, Signal::KILL);
        }
        let deadline = Instant::now() + Duration::from_secs(1);
        while super::is_listening(address) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// `/proc/uptime` has the present on the same clock: their difference is how long ago it was.
pub(super) fn started_at(pid: u32) -> Option<SystemTime> {
    let process = Process::read(Path::new("/proc"), pid)?;
    let uptime: f64 = fs::read_to_string("/proc/uptime")
        .ok()?
        .split(' ')
        .next()?
        .parse()
        .ok()?;
    let age = (uptime - process.start_ticks as f64 / ticks_per_second() as f64).max(0.0);
    SystemTime::now().checked_sub(Duration::try_from_secs_f64(age).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};

    #[test]
    fn the_process_behind_a_socket_is_found() {
        let name = format!("sccache-report-test-{}", std::process::id());
        let address = Address::Abstract(name.clone().into_bytes());
        assert_eq!(Listener::find_all(&address), []);
        let socket =
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let found = Listener::find_all(&address)[0];
        assert_eq!(
            found.pid.as_raw_nonzero().get().cast_unsigned(),
            std::process::id()
        );
        let age = SystemTime::now()
            .duration_since(found.started_at)
            .unwrap_or_default();
        assert!(age < Duration::from_secs(3600), "{age:?}");
        drop(socket);
        assert_eq!(Listener::find_all(&address), []);
    }
}
