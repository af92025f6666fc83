//! What is known of this machine before anything is checked or changed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::portage::user::User;
use crate::portage::{Settings, plain};
use crate::sccache::{Configuration, local_folder};

/// The variable that names the database.
pub(crate) const DATABASE: &str = "SCCACHE_REPORT_DB";

/// This machine's Portage, its builder, and the database.
pub struct Machine {
    /// Portage's settings.
    pub settings: Settings,
    /// The user that builds; `None` if there is no such user.
    pub builder: Option<User>,
    /// The database.
    pub database: PathBuf,
    /// Whether this process is root's.
    pub is_root: bool,
}

impl Machine {
    /// Reads Portage's settings. `database` is what the command line or the environment names.
    pub fn look(database: Option<PathBuf>) -> Self {
        let settings = Settings::read();
        let database = database.filter(|path| !path.as_os_str().is_empty());
        let configured = || settings.get(DATABASE).map(PathBuf::from);
        let builder = if settings.has_feature("userpriv") == Some(false) {
            "root"
        } else {
            settings.builder().0
        };
        Self {
            builder: User::named(builder),
            database: database
                .or_else(configured)
                .unwrap_or_else(|| default_database(&settings)),
            is_root: rustix::process::geteuid().is_root(),
            settings,
        }
    }

    /// Returns the database's path if nothing else is set.
    pub(crate) fn default_database(&self) -> PathBuf {
        default_database(&self.settings)
    }

    /// Returns the folder of the local cache that Portage's settings name, if it is absolute.
    pub fn cache(&self) -> Option<PathBuf> {
        let get = |name: &str| self.settings.get(name);
        let file = get("SCCACHE_CONF").and_then(|file| Configuration::read(file.as_ref()).ok());
        local_folder(get, file.as_ref()).filter(|folder| folder.is_absolute())
    }

    /// Returns the file for our lines of make.conf: one of its own if make.conf is a folder.
    pub fn make_conf(&self) -> PathBuf {
        let make_conf = self.settings.make_conf();
        if make_conf.is_dir() {
            make_conf.join("sccache-report")
        } else {
            make_conf
        }
    }

    /// Returns the hook that was installed along with this program.
    pub fn hook(&self) -> PathBuf {
        const BELOW: &str = "share/sccache-report/sccache-report.sh";
        std::env::current_exe()
            .ok()
            .and_then(|program| Some(program.parent()?.parent()?.join(BELOW)))
            .filter(|hook| hook.is_file())
            .unwrap_or_else(|| self.settings.below("usr").join(BELOW))
    }

    /// Returns the command that installs these programs again, the way they were installed.
    pub fn install_again(&self) -> String {
        let folder = self.settings.installed().join("app-portage");
        let entries = folder.read_dir().into_iter().flatten().flatten();
        let mut names = entries.map(|entry| entry.file_name());
        if names.any(|name| name.to_string_lossy().starts_with("sccache-report-")) {
            return "emerge -1 app-portage/sccache-report".to_owned();
        }
        let hook = self.hook();
        let prefix = hook.ancestors().nth(3).and_then(plain).unwrap_or("/usr");
        format!("make install PREFIX={prefix} # in the folder of its sources")
    }

    /// Returns the owner of the cache: `portage:portage`.
    pub fn owner(&self) -> String {
        let (user, group) = self.settings.builder();
        format!("{user}:{group}")
    }

    /// Returns the owner of the system, user and group: root, or the owner of a prefix.
    pub fn keeper(&self) -> (u32, u32) {
        let prefix = self.settings.eprefix();
        match prefix.metadata() {
            Ok(metadata) if prefix != Path::new("") => (metadata.uid(), metadata.gid()),
            _ => (0, 0),
        }
    }

    /// Whether this process may change the system.
    pub fn may_change(&self) -> bool {
        self.is_root || rustix::process::geteuid().as_raw() == self.keeper().0
    }

    /// Returns who may: `root`, or `root or the owner of /PREFIX`.
    pub fn who_may_change(&self) -> String {
        match self.keeper().0 {
            0 => "root".to_owned(),
            _ => format!("root or the owner of {}", self.settings.eprefix().display()),
        }
    }
}

fn default_database(settings: &Settings) -> PathBuf {
    settings.below("var/lib/sccache-report/stats.db")
}
