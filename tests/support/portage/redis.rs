//! A real Redis at a Unix socket, which roots share.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Root;

/// Where builds see the folder of the socket.
pub const FOLDER: &str = "/mnt/gentoo/run/sccache";

/// The line of make.conf that names the socket.
pub const ENDPOINT: &str =
    "SCCACHE_REDIS_ENDPOINT=\"unix://localhost/mnt/gentoo/run/sccache/redis.sock\"";

/// A Redis that ends with its test.
pub struct Redis {
    folder: tempfile::TempDir,
    child: Child,
    /// The group portage of the roots.
    group: Option<u32>,
}

impl Redis {
    /// Starts a Redis whose socket the group portage of the roots can use, with more settings.
    pub fn start(settings: &[&str]) -> Self {
        let folder = folder_for_socket();
        let child = Self::spawn(folder.path().join("redis.sock"), settings);
        Self {
            folder,
            child,
            group: None,
        }
    }

    /// Starts a Redis with a configuration file whose socket is `/run/sccache/redis.sock`.
    pub fn with_configuration(text: &str) -> Self {
        let folder = folder_for_socket();
        let (file, socket) = (
            folder.path().join("redis.conf"),
            folder.path().join("redis.sock"),
        );
        let own = text.replace("/run/sccache/redis.sock", socket.to_str().unwrap());
        fs::write(&file, own).unwrap();
        let child = Self::spawn_with(&socket, |redis| redis.arg(&file));
        Self {
            folder,
            child,
            group: None,
        }
    }

    fn spawn(socket: PathBuf, settings: &[&str]) -> Child {
        Self::spawn_with(&socket, |redis| {
            redis
                .args(["--port", "0", "--save", "", "--appendonly", "no"])
                .args(["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"])
                .args(["--unixsocketperm", "770", "--unixsocket"])
                .arg(&socket)
                .args(settings)
        })
    }

    fn spawn_with(socket: &Path, add_settings: impl Fn(&mut Command) -> &mut Command) -> Child {
        // The same program as redis-server, which in Debian comes with a service.
        let mut redis = Command::new("redis-check-rdb");
        let child = add_settings(redis.arg0("redis-server"))
            .current_dir(socket.parent().unwrap())
            .stdout(Stdio::null())
            .spawn()
            .expect("Redis is installed");
        let limit = Instant::now() + Duration::from_secs(60);
        while UnixStream::connect(socket).is_err() {
            assert!(Instant::now() < limit, "redis-server doesn't listen");
            sleep(Duration::from_millis(10));
        }
        child
    }

    /// Starts it again, empty.
    pub fn restart(&mut self, settings: &[&str]) {
        self.kill();
        self.child = Self::spawn(self.socket(), settings);
        chown(self.socket(), None, self.group).unwrap();
    }

    /// Ends it at once. Its socket stays.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops or continues the process.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(status.unwrap().success());
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Returns what `redis-cli` prints.
    pub fn cli(&self, words: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        let output = command.arg("-s").arg(self.socket()).args(words).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    /// Returns the number of objects that it has.
    pub fn objects(&self) -> u64 {
        let keys = self.cli(&["keys", "*"]);
        // sccache writes that one to see whether it can.
        let objects = keys.lines().filter(|key| !key.contains(".sccache_check"));
        objects.filter(|key| !key.is_empty()).count() as u64
    }

    /// Shows the socket to the builds of a root.
    pub fn show_to(&mut self, root: &mut Root) {
        self.group = Some(group_of(root));
        chown(self.socket(), None, self.group).unwrap();
        root.bind(self.folder.path(), FOLDER);
    }

    /// Shows the socket to the builds of a root, and sets sccache up for it.
    pub fn share_with(&mut self, root: &mut Root) {
        self.show_to(root);
        root.append("etc/portage/make.conf", ENDPOINT);
        let chain = "SCCACHE_MULTILEVEL_CHAIN=\"disk,redis\"";
        root.append("etc/portage/make.conf", chain);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns a folder that every user can read.
pub fn folder_for_socket() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Returns the number of the group portage.
pub fn group_of(root: &Root) -> u32 {
    let ids = root.read(".harness/ids");
    let (_, group) = ids.trim().split_once(':').unwrap();
    group.parse().unwrap()
}
