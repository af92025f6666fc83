//! What is still to be done on this machine.

use std::io;
use std::path::{Path, PathBuf};

use super::super::doctor;
use super::super::{Machine, shell};
use super::{Owner, Step};
use crate::portage::make_conf;
use crate::portage::user::{EXECUTE, READ, User, WRITE};
use crate::sccache::DEFAULT_CACHE_SIZE;

/// Stands above our lines in files that others write too.
const MARK: &str = "# Added by sccache-report setup; `sccache-report setup --undo` takes it away.";

/// Bytes that a client's request may have; one that is longer than the 8 MiB of the default breaks
/// the connection, and the compile with it (`bind` in sccache's `src/server.rs`, 0.18.0).
const MAX_FRAME_LENGTH: u32 = 104_857_600;

/// Steps, and what is left as it is.
#[derive(Debug, Default)]
pub struct Plan {
    /// What is to be done, in this order.
    pub steps: Vec<Step>,
    /// What was found done or set otherwise, a line each.
    pub kept: Vec<String>,
}

/// Looks at what is there; changes nothing.
///
/// # Errors
/// Where a file that would be edited can't be read, the hook isn't installed, or there is no user
/// to build.
pub fn plan(machine: &Machine) -> io::Result<Plan> {
    let builder = builder(machine)?;
    let mut plan = Plan::default();
    plan.database(&machine.settings.below("var/lib/sccache-report"))?;
    if let Some(folder) = machine.database.parent() {
        plan.folders(folder);
    }
    plan.hook(machine)?;
    let cache = machine.cache().map(Path::to_path_buf);
    let cache = cache.unwrap_or_else(|| machine.settings.below("var/cache/sccache"));
    plan.cache(machine, &cache, &builder)?;
    plan.sandbox(machine, &cache)?;
    plan.make_conf(machine, &cache)?;
    Ok(plan)
}

/// Not root, which compiles under FEATURES=-userpriv and may write everywhere: user portage.
fn builder(machine: &Machine) -> io::Result<User> {
    let name = machine.settings.builder().0;
    User::named(name).ok_or_else(|| io::Error::other(format!("there is no user {name}")))
}

fn root() -> Owner {
    Owner {
        name: "root:root".to_owned(),
        uid: 0,
        gid: 0,
        mode: 0o755,
    }
}

impl Plan {
    /// The folder and those above it, as far as they are missing.
    fn folders(&mut self, folder: &Path) {
        let planned = |path: &Path, steps: &[Step]| {
            steps
                .iter()
                .any(|step| matches!(step, Step::Folder { path: one, .. } if one == path))
        };
        let mut missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|path| !path.exists() && !planned(path, &self.steps))
            .collect();
        missing.reverse();
        for path in missing {
            self.steps.push(Step::Folder {
                path: path.to_path_buf(),
                owner: root(),
            });
        }
    }

    /// Its own folder is root's, and open to all who read.
    fn database(&mut self, folder: &Path) -> io::Result<()> {
        if !folder.exists() {
            self.folders(folder);
            return Ok(());
        }
        let was = Owner::of(folder)?;
        let is_right = was.uid == 0 && was.mode & 0o755 == 0o755 && was.mode & 0o022 == 0;
        if !is_right {
            let path = folder.to_path_buf();
            let owner = root();
            self.steps.push(Step::Give { path, owner, was });
        }
        Ok(())
    }

    fn hook(&mut self, machine: &Machine) -> io::Result<()> {
        let bashrc = match &machine.bashrc {
            Ok(bashrc) => bashrc,
            Err(error) => return Err(io::Error::new(error.kind(), format!("bashrc: {error}"))),
        };
        if let Some(one) = bashrc.sourcings.first() {
            self.kept
                .push(format!("{} sources the hook", one.by.display()));
            return Ok(());
        }
        let hook = machine.hook();
        if !hook.is_file() {
            return Err(io::Error::other(format!(
                "the hook is not installed: no {}",
                hook.display()
            )));
        }
        let config = machine.settings.config();
        if bashrc.reads_folder {
            self.folders(&config.join("bashrc.d"));
            let path = config.join("bashrc.d/90-sccache-report.sh");
            self.steps.push(Step::Link { path, to: hook });
            return Ok(());
        }
        self.folders(&config);
        let line = format!("source {}", shell::path(&hook));
        self.steps.push(Step::lines(
            config.join("bashrc"),
            vec![MARK.to_owned(), line],
        )?);
        Ok(())
    }

    fn cache(&mut self, machine: &Machine, cache: &Path, builder: &User) -> io::Result<()> {
        let owner = |mode| Owner {
            name: machine.owner(),
            uid: builder.uid,
            gid: builder.gid,
            mode,
        };
        if !cache.exists() {
            if let Some(parent) = cache.parent() {
                self.folders(parent);
            }
            self.steps.push(Step::Folder {
                path: cache.to_path_buf(),
                owner: owner(0o755),
            });
            return Ok(());
        }
        match builder.kept_from(READ | WRITE | EXECUTE, cache).first() {
            None => self.kept.push(format!(
                "{} can be written by {}",
                cache.display(),
                builder.name
            )),
            Some(at) if cache.canonicalize().is_ok_and(|real| *at == real) => {
                let was = Owner::of(cache)?;
                let owner = owner(was.mode | 0o700);
                self.steps.push(Step::Give {
                    path: cache.to_path_buf(),
                    owner,
                    was,
                });
            }
            Some(at) => self.kept.push(format!(
                "{} keeps user {} from {}: a private folder is not opened for it",
                at.display(),
                builder.name,
                cache.display()
            )),
        }
        Ok(())
    }

    fn sandbox(&mut self, machine: &Machine, cache: &Path) -> io::Result<()> {
        if let Some(rule) = doctor::sandbox_rule(machine, cache) {
            self.kept.push(format!(
                "{} lets builds write {}",
                rule.display(),
                cache.display()
            ));
            return Ok(());
        }
        let folder = machine.settings.below("etc/sandbox.d");
        self.folders(&folder);
        let names = ["20sccache", "21sccache-report"].map(|name| folder.join(name));
        let path = names
            .iter()
            .find(|path| !path.exists())
            .unwrap_or(&names[1])
            .clone();
        let line = format!(
            "SANDBOX_WRITE=\"{}/\"",
            cache.display().to_string().trim_end_matches('/')
        );
        self.steps.push(Step::lines(path, vec![line])?);
        Ok(())
    }

    fn make_conf(&mut self, machine: &Machine, cache: &Path) -> io::Result<()> {
        let assigned = make_conf::assignments(&machine.settings.make_conf());
        let mut lines = vec![MARK.to_owned()];
        for (name, value) in [
            ("RUSTC_WRAPPER", "sccache".to_owned()),
            ("SCCACHE_DIR", cache.display().to_string()),
            ("SCCACHE_MAX_FRAME_LENGTH", MAX_FRAME_LENGTH.to_string()),
            ("SCCACHE_CACHE_SIZE", fitting_size(cache)),
        ] {
            let there = assigned.iter().find(|one| one.name == name);
            match (machine.settings.get(name), there) {
                (Some(value), _) => self.kept.push(format!("{name}=\"{value}\" is set already")),
                (None, Some(one)) => {
                    self.kept
                        .push(format!("{name} is in {} already", one.file.display()));
                }
                (None, None) => lines.push(format!("{name}=\"{value}\"")),
            }
        }
        if lines.len() > 1 {
            self.folders(&machine.settings.config());
            let path: PathBuf = machine.make_conf();
            self.steps.push(Step::lines(path, lines)?);
        }
        Ok(())
    }
}

/// sccache's own default, or what four fifths of the file system's room allow.
fn fitting_size(cache: &Path) -> String {
    let there = cache
        .ancestors()
        .find(|path| path.exists())
        .unwrap_or(cache);
    let room = rustix::fs::statvfs(there).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    let size = room.map_or(DEFAULT_CACHE_SIZE, |room| {
        DEFAULT_CACHE_SIZE.min(room / 5 * 4)
    });
    match size >> 30 {
        0 => format!("{}M", (size >> 20).max(1)),
        gigabytes => format!("{gigabytes}G"),
    }
}
