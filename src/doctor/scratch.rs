//! A scratch folder for compilations as the build user, which leaves nothing behind.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::build_user::BuildUser;
use crate::process;
use crate::sccache::Listener;

/// `ROOT/work` is the build user's. `ROOT` and the sources in it are this process's own, so that
/// nobody else can replace a name that this process uses.
pub(super) struct Scratch {
    root: PathBuf,
    pub(super) work: PathBuf,
    sources: Vec<PathBuf>,
    user: BuildUser,
}

impl Scratch {
    pub(super) fn new(user: &BuildUser) -> io::Result<Self> {
        let tmp = Path::new("/tmp");
        let metadata = tmp.metadata()?;
        let is_open = metadata.mode() & 0o022 != 0 && metadata.mode() & 0o1000 == 0;
        if metadata.uid() != 0 || is_open {
            return Err(io::Error::other("/tmp isn't root's, or isn't sticky"));
        }
        let folder = tempfile::Builder::new()
            .prefix("sccache-report-")
            .tempdir_in(tmp)?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let work = folder.path().join("work");
        fs::create_dir(&work)?;
        fs::set_permissions(&work, Permissions::from_mode(0o700))?;
        chown(&work, Some(user.uid), Some(user.gid))?;
        Ok(Self {
            root: folder.keep(),
            work,
            sources: Vec::new(),
            user: user.clone(),
        })
    }

    /// Writes a file that the build user can read.
    pub(super) fn source(&mut self, name: &str, text: &str) -> io::Result<String> {
        let path = self.root.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o644))?;
        self.sources.push(path.clone());
        Ok(path.to_string_lossy().into_owned())
    }

    /// Returns a path for the build user's files.
    pub(super) fn file(&self, name: &str) -> String {
        self.work.join(name).to_string_lossy().into_owned()
    }

    /// Returns the socket of the private server.
    pub(super) fn socket(&self) -> String {
        self.file("socket")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Stopped already, unless something went wrong.
        Listener::kill_all_started_with("SCCACHE_SERVER_UDS", self.socket().as_ref());
        let words = ["find", &self.file(""), "-mindepth", "1", "-delete"].map(str::to_owned);
        let mut command = self.user.command(&[], &words, "/usr/bin:/bin");
        // A folder that isn't empty afterwards stays, and nothing else could be done about it.
        let _ = process::run(&mut command, Duration::from_secs(5));
        for source in &self.sources {
            let _ = fs::remove_file(source);
        }
        let _ = fs::remove_dir(&self.work);
        let _ = fs::remove_dir(&self.root);
    }
}
