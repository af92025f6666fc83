//! This machine's Portage settings, build user, and database, for `doctor` and `setup`.

use std::path::PathBuf;

use crate::config::installed_file;
use crate::portage::{Settings, User};
use crate::sccache::{ConfigFile, local_folder};

/// The name of the hook's file.
pub(crate) const HOOK: &str = "sccache-report.sh";

/// The variable that names the database.
pub(crate) const DATABASE: &str = "SCCACHE_REPORT_DB";

/// The command that reinstalls these programs.
pub(crate) const REINSTALL: &str = "emerge -1 app-portage/sccache-report # or `make install`";

/// The facts about this machine that `doctor` and `setup` start from.
pub(crate) struct Machine {
    pub(crate) settings: Settings,
    /// The user that compiles, if it exists.
    pub(crate) builder: Option<User>,
    pub(crate) database: PathBuf,
}

impl Machine {
    /// Reads Portage's settings. `database` comes from the command line or the environment.
    pub(crate) fn detect(database: Option<PathBuf>) -> Self {
        let settings = Settings::read();
        let database = database.or_else(|| settings.get(DATABASE).map(PathBuf::from));
        let builder = if settings.has_feature("userpriv") == Some(false) {
            "root"
        } else {
            settings.builder().0
        };
        Self {
            builder: User::find(builder),
            database: database.unwrap_or_else(|| default_database(&settings)),
            settings,
        }
    }

    /// Returns the folder of the local cache in Portage's settings, if it is absolute.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        let get = |name: &str| self.settings.get(name);
        let file = get("SCCACHE_CONF").and_then(|file| ConfigFile::read(file.as_ref()).ok());
        local_folder(get, file.as_ref()).filter(|folder| folder.is_absolute())
    }

    /// Returns the file for setup's block of settings: a separate one if make.conf is a folder.
    pub(crate) fn make_conf(&self) -> PathBuf {
        let make_conf = self.settings.make_conf();
        if make_conf.is_dir() {
            make_conf.join("sccache-report")
        } else {
            make_conf
        }
    }

    /// Returns the installed hook that belongs to this program.
    pub(crate) fn hook(&self) -> PathBuf {
        installed_file(HOOK)
    }

    /// Returns the user and group that own the system: root, or the owner of a Gentoo Prefix.
    pub(crate) fn system_owner(&self) -> (u32, u32) {
        crate::config::system_owner(&self.settings.eprefix())
    }

    /// Whether this process may change the system.
    pub(crate) fn can_change_system(&self) -> bool {
        let user = rustix::process::geteuid();
        user.is_root() || user.as_raw() == self.system_owner().0
    }

    /// Describes who may change the system: `root`, or `root or the owner of /PREFIX`.
    pub(crate) fn system_owner_name(&self) -> String {
        match self.system_owner().0 {
            0 => "root".to_owned(),
            _ => format!("root or the owner of {}", self.settings.eprefix().display()),
        }
    }
}

/// Returns the database's path if no setting names one.
pub(crate) fn default_database(settings: &Settings) -> PathBuf {
    settings.below(crate::config::DEFAULT_DATABASE.trim_start_matches('/'))
}
