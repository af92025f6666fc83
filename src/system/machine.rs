//! What is known of this machine before anything is looked at or changed.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::shell;
use crate::portage::Settings;
use crate::portage::bashrc::Bashrc;
use crate::portage::make_conf;
use crate::portage::user::User;
use crate::sccache::{self, Configuration};

/// The variable that names the database.
pub(crate) const DATABASE: &str = "SCCACHE_REPORT_DB";

fn default_database(settings: &Settings) -> PathBuf {
    settings.below("var/lib/sccache-report/stats.db")
}

/// This machine's Portage, its builder, its cache.
pub struct Machine {
    /// Portage's settings.
    pub settings: Settings,
    /// What its bashrc does with the hook, or why that can't be read.
    pub bashrc: io::Result<Bashrc>,
    /// The user that builds; `None` where there is no such user.
    pub builder: Option<User>,
    /// sccache's configuration file that `SCCACHE_CONF` names.
    pub configuration: Option<ConfigurationFile>,
    /// The database.
    pub database: PathBuf,
    /// Whether this process is root's.
    pub is_root: bool,
}

/// sccache's configuration file.
pub struct ConfigurationFile {
    /// As `SCCACHE_CONF` names it.
    pub path: PathBuf,
    /// What is in it, or why it can't be read.
    pub content: io::Result<Configuration>,
}

impl ConfigurationFile {
    fn read(path: PathBuf) -> Self {
        Self {
            content: Configuration::read(&path),
            path,
        }
    }
}

impl Machine {
    /// Asks Portage. `database` is what the command line or the environment name.
    pub fn look(database: Option<PathBuf>) -> Self {
        let settings = Settings::read();
        let named = |path: &PathBuf| !path.as_os_str().is_empty();
        let database = database.filter(named);
        let configured = || settings.get(DATABASE).map(PathBuf::from);
        let default = || default_database(&settings);
        Self {
            bashrc: Bashrc::read(&settings.config()),
            builder: match settings.has_feature("userpriv") {
                Some(false) => User::named("root"),
                _ => User::named(settings.builder().0),
            },
            configuration: { settings.get("SCCACHE_CONF") }
                .map(|path| ConfigurationFile::read(path.into())),
            database: database.or_else(configured).unwrap_or_else(default),
            is_root: rustix::process::geteuid().is_root(),
            settings,
        }
    }

    /// Where the database is if nothing says otherwise.
    pub(crate) fn default_database(&self) -> PathBuf {
        default_database(&self.settings)
    }

    /// The folder of the local cache, where one is set.
    pub fn cache(&self) -> Option<&Path> {
        let folder = match self.configuration_in_use() {
            Some((_, file)) => file.folder.as_deref(),
            None => self.settings.get("SCCACHE_DIR").map(Path::new),
        };
        folder.filter(|folder| folder.is_absolute())
    }

    /// What sccache's configuration file says, where there is one.
    pub(super) fn configured(&self) -> Option<&Configuration> {
        self.configuration.as_ref()?.content.as_ref().ok()
    }

    /// The variable that has sccache pass over what that file says of the local cache.
    pub(super) fn overrides_local(&self) -> Option<&'static str> {
        sccache::overrides_local(|name| self.settings.get(name))
    }

    /// That file, where no variable has sccache pass over what it says of the local cache.
    pub(super) fn configuration_in_use(&self) -> Option<(&Path, &Configuration)> {
        let file = self.configuration.as_ref()?;
        let content = file.content.as_ref().ok()?;
        { self.overrides_local().is_none() }.then_some((&*file.path, content))
    }

    /// The remote caches that are asked for: by which variable or file, and the kind.
    pub(super) fn remotes(&self) -> Vec<(String, &'static str)> {
        let asked = sccache::remotes(|name| self.settings.get(name));
        let of_file = self.configuration.iter().flat_map(|file| {
            let kinds = file.content.iter().flat_map(|content| &content.remotes);
            kinds.map(|kind| (file.path.display().to_string(), *kind))
        });
        { asked.into_iter() }
            .map(|(variable, kind)| (variable.to_owned(), kind))
            .chain(of_file)
            .collect()
    }

    /// Whether several caches are used, one behind the other.
    pub(super) fn has_chain(&self) -> bool {
        self.settings.get("SCCACHE_MULTILEVEL_CHAIN").is_some()
            || self.configured().is_some_and(|file| file.has_chain)
    }

    /// Where setup and cures put lines for make.conf: a file of their own where that is a folder.
    pub fn make_conf(&self) -> PathBuf {
        let make_conf = self.settings.make_conf();
        match make_conf.is_dir() {
            true => make_conf.join("sccache-report"),
            false => make_conf,
        }
    }

    /// Where such a line for this variable has to go to count: what comes after it would win.
    pub fn make_conf_for(&self, name: &str) -> PathBuf {
        let assigned = make_conf::assignments(&self.settings.make_conf());
        let last = assigned.into_iter().rfind(|one| one.name == name);
        last.map_or_else(|| self.make_conf(), |one| one.file)
    }

    /// The hook that was installed along with this program.
    pub fn hook(&self) -> PathBuf {
        const BELOW: &str = "share/sccache-report/sccache-report.sh";
        std::env::current_exe()
            .ok()
            .and_then(|program| Some(program.parent()?.parent()?.join(BELOW)))
            .filter(|hook| hook.is_file())
            .unwrap_or_else(|| self.settings.below("usr").join(BELOW))
    }

    /// The command that installs these programs again, in the way in which they were.
    pub(crate) fn install_again(&self) -> String {
        let folder = self.settings.installed().join("app-portage");
        let entries = folder.read_dir().into_iter().flatten().flatten();
        let mut names = entries.map(|entry| entry.file_name());
        if names.any(|name| name.to_string_lossy().starts_with("sccache-report-")) {
            return "emerge -1 app-portage/sccache-report".to_owned();
        }
        let hook = self.hook();
        let prefix = hook.ancestors().nth(3).unwrap_or(Path::new("/usr"));
        format!(
            "make install PREFIX={} # in the folder of its sources",
            shell::path(prefix)
        )
    }

    /// Who owns the cache: `portage:portage`.
    pub fn owner(&self) -> String {
        let (user, group) = self.settings.builder();
        format!("{user}:{group}")
    }

    /// Whose the system is, by number, user and group: root's, or a prefix's owner's.
    pub fn keeper(&self) -> (u32, u32) {
        let prefix = self.settings.eprefix();
        match prefix.metadata() {
            Ok(what) if !prefix.as_os_str().is_empty() => (what.uid(), what.gid()),
            _ => (0, 0),
        }
    }

    /// Whether this process may change the system.
    pub fn may_change(&self) -> bool {
        self.is_root || rustix::process::geteuid().as_raw() == self.keeper().0
    }

    /// Who may: `root`, or `root or the owner of /PREFIX`.
    pub fn who_may_change(&self) -> String {
        match self.keeper().0 {
            0 => "root".to_owned(),
            _ => format!("root or the owner of {}", self.settings.eprefix().display()),
        }
    }

    /// Whether it is a person's home, or in one: not to be opened for a compiler. A prefix is no home,
    /// wherever it lies.
    pub(super) fn is_private(&self, path: &Path) -> bool {
        let prefix = self.settings.eprefix();
        let in_prefix = !prefix.as_os_str().is_empty() && path.starts_with(prefix);
        !in_prefix && ["/root", "/home"].iter().any(|home| path.starts_with(home))
    }
}
