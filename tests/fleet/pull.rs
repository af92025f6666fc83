//! `packaging/fleet/sccache-fleet-pull` over a real sshd, which stands for several hosts.

use std::fs::{self, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::postgres::wait_until;
use crate::support::merging::*;
use crate::support::*;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/packaging/fleet/sccache-fleet-pull"
);

/// An sshd of this user. Every name of a host leads to it.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Server {
    fn start() -> Self {
        let mut folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_path_buf();
        let path = |name: &str| root.join(name);
        for key in ["host", "user"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
            assert!(keygen.arg(path(key)).status().unwrap().success());
        }
        fs::copy(path("user.pub"), path("authorized")).unwrap();
        fs::create_dir(path("home")).unwrap();
        // As the user's home.
        let command = format!(
            "HOME={} exec sh -c \"$SSH_ORIGINAL_COMMAND\"",
            path("home").display()
        );
        fs::write(
            path("command"),
            format!("#!/bin/sh\ncd {0}; {command}\n", path("home").display()),
        )
        .unwrap();
        fs::set_permissions(path("command"), Permissions::from_mode(0o755)).unwrap();
        if rustix::process::geteuid().is_root() {
            // Where sshd as root separates its privileges.
            let _ = fs::create_dir("/run/sshd");
        }
        let mut log = String::new();
        // The port may be taken before sshd listens: then another one is tried.
        for _ in 0..20 {
            let port = free_port();
            let process = start_sshd(folder.path(), port);
            let mut server = Server {
                folder,
                port,
                process,
            };
            if server.listens() {
                return server;
            }
            folder = std::mem::replace(&mut server.folder, tempfile::tempdir().unwrap());
            log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        }
        panic!("sshd doesn't listen: {log}");
    }

    fn listens(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            sleep(Duration::from_millis(20));
        }
        false
    }

    /// The folder of the ssh user on the host.
    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn ssh(&self) -> String {
        format!(
            "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR \
             -o UserKnownHostsFile={0}/known -o IdentitiesOnly=yes -o HostName=127.0.0.1 -i {0}/user -p {1}",
            self.folder.path().display(),
            self.port
        )
    }

    fn pull(&self, db: &Path, args: &[&str]) -> Command {
        let folder = self.folder.path();
        let ssh = self.ssh();
        let collector = Path::new(env!("CARGO_BIN_EXE_sccache-collect"));
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", collector.parent().unwrap().display());
        let mut command = Command::new(SCRIPT);
        command
            .env_clear()
            .env("PATH", path)
            .env("SCCACHE_FLEET_SSH", ssh);
        command.env("HOME", folder).arg("--db").arg(db);
        command.arg("--dir").arg(folder.join("copies")).args(args);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn start_sshd(folder: &Path, port: u16) -> Child {
    let sshd = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter();
    let sshd = sshd.map(Path::new).find(|path| path.exists()).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new(sshd);
    command.args(["-D", "-f", "none", "-p", &port.to_string()]);
    command.args(["-E", &path("log"), "-h", &path("host")]);
    for option in [
        "ListenAddress=127.0.0.1",
        "PidFile=none",
        "StrictModes=no",
        "UsePAM=no",
        "PasswordAuthentication=no",
        "PermitRootLogin=yes",
        &format!("AuthorizedKeysFile={}", path("authorized")),
        &format!("ForceCommand={}", path("command")),
    ] {
        command.args(["-o", option]);
    }
    command.stdin(Stdio::null()).spawn().unwrap()
}

/// Asserts that the reports are those of a database into which the source was merged.
#[track_caller]
fn assert_merged(db: &Path, source: &Path) {
    let (_folder, expected) = folder();
    merge(&expected, &[source]);
    assert_same_reports(db, &expected);
}

fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
#[ignore = "needs sshd, rsync, and sqlite3"]
fn hosts_are_pulled_and_merged_again_and_again() {
    let server = Server::start();
    let (folder, db) = folder();
    let source = record_on(folder.path(), "alpha", &sample());
    let remote = source.to_str().unwrap();
    let pull =
        |hosts: &[&str]| output(server.pull(&db, &[&["--remote-db", remote], hosts].concat()));
    let first = pull(&["alpha", "root@beta"]);
    assert!(first.status.success(), "{first:?}");
    let text = out(&first);
    assert!(
        text.contains("alpha.db: 6 builds added, 0 already there\n"),
        "{text}"
    );
    assert!(
        text.contains("beta.db: 0 builds added, 6 already there\n"),
        "{text}"
    );
    let copy = server.folder.path().join("copies/alpha.db");
    let mode = fs::metadata(&copy).unwrap().mode() & 0o777;
    assert_eq!(mode & 0o022, 0, "{mode:o}");
    let more = build(90, "a/b", "1", "2026-11-22T10:00:00Z", c_stats(1, 2));
    record(&source, &[of_host("alpha", &more)]);
    let again = pull(&["alpha"]);
    assert!(
        out(&again).ends_with("alpha.db: 1 build added, 6 already there\n"),
        "{again:?}"
    );
    assert_merged(&db, &source);
}

#[test]
#[ignore = "needs sshd, rsync, and sqlite3"]
fn what_was_interrupted_is_continued() {
    let server = Server::start();
    let (folder, db) = folder();
    let source = record_on(folder.path(), "alpha", &sample());
    let remote = source.to_str().unwrap();
    // A snapshot, and a transfer, that were killed.
    let cache = server.home().join(".cache/sccache-report");
    let partial = server.folder.path().join("copies/.partial");
    fs::create_dir_all(&cache).unwrap();
    fs::create_dir_all(&partial).unwrap();
    fs::write(cache.join("new.db"), "half").unwrap();
    let half = fs::read(&source).unwrap();
    fs::write(partial.join("alpha.db"), &half[..half.len() / 2]).unwrap();
    let done = output(server.pull(&db, &["--remote-db", remote, "alpha"]));
    assert!(
        out(&done).ends_with("6 builds added, 0 already there\n"),
        "{done:?}"
    );
    assert!(!cache.join("new.db").exists() && cache.join("snapshot.db").exists());
    assert!(!partial.join("alpha.db").exists());
    // Killed at any moment, and run again.
    let begun = Instant::now();
    assert!(
        output(server.pull(&db, &["--remote-db", remote, "alpha"]))
            .status
            .success()
    );
    let duration = begun.elapsed();
    for part in 1..10 {
        fs::remove_file(&db).unwrap();
        let mut command = server.pull(&db, &["--remote-db", remote, "alpha"]);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(duration * part / 10);
        let _ = child.kill();
        child.wait().unwrap();
        let again = output(server.pull(&db, &["--remote-db", remote, "alpha"]));
        assert!(again.status.success(), "{again:?}");
        assert_eq!(json(&db, &["builds"]), json(&source, &["builds"]));
    }
}

#[test]
#[ignore = "needs sshd, rsync, and sqlite3"]
fn a_host_that_fails_does_not_keep_the_others_away() {
    let server = Server::start();
    let (folder, db) = folder();
    let source = record_on(folder.path(), "alpha", &sample());
    let link = server.home().join("db");
    std::os::unix::fs::symlink(&source, &link).unwrap();
    let link = link.to_str().unwrap().to_string();
    // The first host's cache can't be written.
    fs::create_dir_all(server.home().join(".cache")).unwrap();
    fs::write(server.home().join(".cache/sccache-report"), "").unwrap();
    let failed = output(server.pull(&db, &["--remote-db", &link, "alpha"]));
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(
        err(&failed).contains("the database of alpha can't be copied"),
        "{failed:?}"
    );
    fs::remove_file(server.home().join(".cache/sccache-report")).unwrap();
    for bad in [
        &["-x", "y"][..],
        &["--db"],
        &["--no-merge", "a"],
        &["--remote-db", "db", "a"],
        &["a b"],
        &["-"],
        &["--remote-db", "$(id)", "a"],
    ] {
        assert_eq!(
            output(server.pull(&db, bad)).status.code(),
            Some(2),
            "{bad:?}"
        );
    }
    let done = output(server.pull(&db, &["--remote-db", &link, "alpha"]));
    assert!(done.status.success(), "{done:?}");
    let help = output(server.pull(&db, &["--help"]));
    assert!(help.status.success(), "{help:?}");
    assert!(
        out(&help).ends_with("if another one is running.\n"),
        "{help:?}"
    );
}

/// Only the merge needs root. What the copies are then is up to that user.
#[test]
#[ignore = "needs sshd, rsync, and sqlite3"]
fn an_ordinary_user_copies_and_root_merges() {
    let server = Server::start();
    let (folder, db) = folder();
    let source = record_on(folder.path(), "alpha", &sample());
    let home = tempfile::tempdir().unwrap();
    let own = |name: &str| home.path().join(name);
    fs::copy(server.folder.path().join("user"), own("key")).unwrap();
    fs::set_permissions(own("key"), Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        for path in [home.path(), &own("key")] {
            std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
        }
    }
    command.arg(SCRIPT).args(["--no-merge", "--dir"]);
    command.arg(own("copies")).arg("--remote-db").arg(&source);
    command.args(["alpha", "beta"]).current_dir("/");
    let server_folder = server.folder.path().display().to_string();
    let ssh = server.ssh().replace(
        &format!("{server_folder}/user"),
        own("key").to_str().unwrap(),
    );
    let mut ssh = ssh.replace(&format!("{server_folder}/known"), "/dev/null");
    if rustix::process::geteuid().is_root() {
        // Whose key it is.
        ssh += " -l root";
    }
    command.env("SCCACHE_FLEET_SSH", ssh);
    let done = output(command);
    assert!(done.status.success(), "{done:?}");
    assert_eq!((out(&done), err(&done)), (String::new(), String::new()));
    // Nothing else in the folder disturbs the merge.
    fs::remove_file(own("copies/beta.db")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", own("copies/beta.db")).unwrap();
    let copies = [own("copies/beta.db"), own("copies/alpha.db")];
    let mut merge = Command::new(env!("CARGO_BIN_EXE_sccache-collect"));
    merge.env_clear().arg("merge").arg("--db").arg(&db);
    merge.args(copies);
    let merged = output(merge);
    assert_eq!(merged.status.code(), Some(2), "{merged:?}");
    assert!(err(&merged).contains("beta.db is not a file"), "{merged:?}");
    assert_merged(&db, &source);
}

/// A host that accepts a connection and then is silent, as behind a firewall that drops packets.
#[test]
#[ignore = "needs sshd, rsync, and sqlite3"]
fn a_silent_host_does_not_stop_the_others() {
    let server = Server::start();
    let (folder, db) = folder();
    let source = record_on(folder.path(), "alpha", &sample());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let config = server.folder.path().join("config");
    let remote = source.to_str().unwrap();
    let mut command = server.pull(&db, &["--remote-db", remote, "silent", "alpha"]);
    let ssh = server
        .ssh()
        .replace("-F none", &format!("-F {}", config.display()));
    // The port of the command line would count for both hosts.
    let ssh = ssh.replace(&format!(" -p {}", server.port), "");
    fs::write(
        &config,
        format!(
            "Host silent\n  Port {port}\nHost *\n  Port {}\n",
            server.port
        ),
    )
    .unwrap();
    command.env("SCCACHE_FLEET_SSH", ssh);
    let done = output(command);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    assert!(
        err(&done).contains("the database of silent can't be copied"),
        "{done:?}"
    );
    assert!(
        out(&done).ends_with("alpha.db: 6 builds added, 0 already there\n"),
        "{done:?}"
    );
}

#[test]
#[ignore = "needs sshd, rsync, and sqlite3"]
fn a_second_pull_into_a_folder_ends_at_once() {
    let server = Server::start();
    let (_folder, db) = folder();
    let copies = server.folder.path().join("copies");
    fs::create_dir(&copies).unwrap();
    let lock = fs::File::create(copies.join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let done = output(server.pull(&db, &["alpha"]));
    assert_eq!(done.status.code(), Some(2), "{done:?}");
    assert!(err(&done).contains("another one is running"), "{done:?}");
}

/// The merge that it had begun goes on.
#[test]
#[ignore = "needs sshd, rsync, and sqlite3"]
fn a_killed_pull_does_not_keep_the_next_one_away() {
    let server = Server::start();
    let (folder, db) = folder();
    let source = record_on(folder.path(), "alpha", &sample());
    let args = ["--remote-db", source.to_str().unwrap(), "alpha"];
    let fifo = |name: &str| {
        let path = folder.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        path
    };
    let (begun, end) = (fifo("begun"), fifo("end"));
    let collector = folder.path().join("sccache-collect");
    let (shown_begun, shown_end) = (begun.display(), end.display());
    let script = format!("#!/bin/sh\n: >{shown_begun}\nread -r line <{shown_end}\n");
    fs::write(&collector, script).unwrap();
    fs::set_permissions(&collector, Permissions::from_mode(0o755)).unwrap();
    let mut command = server.pull(&db, &args);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.path().display()));
    let mut child = command.spawn().unwrap();
    assert_eq!(fs::read_to_string(begun).unwrap(), "");
    child.kill().unwrap();
    child.wait().unwrap();
    let next = output(server.pull(&db, &args));
    fs::write(end, "\n").unwrap();
    assert!(next.status.success(), "{next:?}");
}

/// As a recorder or a merge does while it commits.
#[test]
#[ignore = "needs sshd, rsync, and sqlite3"]
fn a_pull_waits_for_a_lock_on_the_database() {
    let server = Server::start();
    let (folder, db) = folder();
    let source = record_on(folder.path(), "alpha", &sample());
    let lock = rusqlite::Connection::open(&source).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let args = ["--remote-db", source.to_str().unwrap(), "alpha"];
    let mut command = server.pull(&db, &args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // It has the database open when it tries to lock it.
    let path = source.canonicalize().unwrap();
    let own = std::process::id().to_string();
    let is_open = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter(|it| it.file_name() != *own)
            .any(|process| {
                let files = fs::read_dir(process.path().join("fd"))
                    .into_iter()
                    .flatten();
                files
                    .flatten()
                    .any(|file| fs::read_link(file.path()).is_ok_and(|it| it == path))
            })
    };
    wait_until("open", is_open);
    drop(lock);
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
}
