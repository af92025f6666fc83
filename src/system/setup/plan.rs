//! What is still to be done on this machine.

mod make_conf;

use std::io;
use std::path::{Path, PathBuf};

pub use make_conf::forgotten;

use super::super::doctor;
use super::super::machine::DATABASE;
use super::super::{Machine, shell};
use super::obstacle::{insist_on_end, insist_on_folder, replaceable};
use super::{Owner, Refusal, Step};
use crate::portage::user::{EXECUTE, READ, User, WRITE};

/// Stands above our lines in files that others write too.
const MARK: &str = "# Added by sccache-report setup, and taken away by its --undo.";

/// Steps, and what is left as it is.
#[derive(Debug)]
pub struct Plan {
    keeper: Owner,
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
pub fn plan(machine: &Machine) -> Result<Plan, Refusal> {
    insist_on_settings(machine)?;
    let builder = builder(machine)?;
    let keeper = keeper(machine, &builder);
    let mut plan = Plan {
        keeper,
        steps: Vec::new(),
        kept: Vec::new(),
    };
    insist_on_database(machine)?;
    insist_on_plain(&machine.database)?;
    plan.database(&machine.settings.below("var/lib/sccache-report"))?;
    if let Some(folder) = machine.database.parent() {
        plan.folders(folder)?;
    }
    plan.hook(machine)?;
    // Without a `/` at its end, which would hide a link.
    let cache = machine.cache().map(|cache| cache.components().collect());
    let cache: PathBuf = cache.unwrap_or_else(|| machine.settings.below("var/cache/sccache"));
    insist_on_plain(&cache)?;
    plan.cache(machine, &cache, &builder)?;
    plan.sandbox(machine, &cache)?;
    plan.make_conf(machine, &cache)?;
    Ok(plan)
}

/// A line that is added to what Portage can't read may not be read either.
fn insist_on_settings(machine: &Machine) -> Result<(), Refusal> {
    let settings = &machine.settings;
    let is_ours = |file: &Path| file.starts_with(settings.make_conf());
    let Some(said) = { settings.complaint.as_ref() }.filter(|said| is_ours(&said.file)) else {
        return Ok(());
    };
    Err(Refusal::new(
        format!(
            "Portage can't read all of {} (line {}: {})",
            said.file.display(),
            said.line,
            said.why
        ),
        "mend that first; `sccache-report doctor` says more",
    ))
}

/// One that is named for this command alone is where nothing is recorded.
fn insist_on_database(machine: &Machine) -> Result<(), Refusal> {
    let database = &machine.database;
    let shown = database.display();
    if !database.is_absolute() {
        let cause = format!("{shown} is not an absolute path: nothing can be recorded there");
        return Err(Refusal::new(cause, "give the whole path"));
    }
    match machine.settings.get(DATABASE).map(Path::new) {
        Some(set) if set != database => Err(Refusal::new(
            format!(
                "{DATABASE} is set to {}, where builds are recorded, not in {shown}",
                set.display()
            ),
            format!(
                "change it in {}, or leave --db and the shell's {DATABASE} out",
                machine.make_conf().display()
            ),
        )),
        _ => Ok(()),
    }
}

/// A path that stands between quotes in make.conf, and in a list of the sandbox's, as it is.
fn insist_on_plain(path: &Path) -> Result<(), Refusal> {
    let is_special = |c: char| c.is_control() || r#""$`\:"#.contains(c);
    match path.to_str() {
        Some(text) if !text.contains(is_special) => Ok(()),
        _ => Err(Refusal::new(
            format!(
                "{} can't be written into make.conf as it is",
                path.display()
            ),
            r#"choose one without ", $, `, \ and :, in UTF-8"#,
        )),
    }
}

/// Not root, which compiles under FEATURES=-userpriv and may write everywhere: user portage.
fn builder(machine: &Machine) -> Result<User, Refusal> {
    let name = machine.settings.builder().0;
    User::named(name).ok_or_else(|| {
        Refusal::new(
            format!("there is no user {name}"),
            "name the user that builds in make.conf: PORTAGE_USERNAME",
        )
    })
}

/// Whose the system's files are: root's, or the prefix's owner's, as Portage has it (`PORTAGE_INST_UID`
/// where it runs unprivileged; `config.py` in 3.0.83).
fn keeper(machine: &Machine, builder: &User) -> Owner {
    let (uid, gid) = machine.keeper();
    let name = match (uid, gid) {
        (0, 0) => "root:root".to_owned(),
        ids if ids == (builder.uid, builder.gid) => machine.owner(),
        _ => format!("{uid}:{gid}"),
    };
    Owner {
        name,
        uid,
        gid,
        mode: 0o755,
    }
}

impl Plan {
    /// The folder and those above it, as far as they are missing.
    fn folders(&mut self, folder: &Path) -> Result<(), Refusal> {
        let planned = |path: &Path, steps: &[Step]| {
            steps
                .iter()
                .any(|step| matches!(step, Step::Folder { path: one, .. } if one == path))
        };
        let mut missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|path| !path.exists() && !planned(path, &self.steps))
            .collect();
        let there = folder.ancestors().nth(missing.len());
        for path in missing.iter().copied().chain(there) {
            if !planned(path, &self.steps) {
                insist_on_folder(path)?;
            }
        }
        missing.reverse();
        for path in missing {
            self.steps.push(Step::Folder {
                path: path.to_path_buf(),
                owner: self.keeper.clone(),
            });
        }
        Ok(())
    }

    /// Its own folder is the keeper's, and open to all who read.
    fn database(&mut self, folder: &Path) -> Result<(), Refusal> {
        if !folder.exists() {
            return self.folders(folder);
        }
        insist_on_folder(folder)?;
        let was = Owner::of(folder).map_err(|error| Refusal::of(folder, error))?;
        let is_right =
            was.uid == self.keeper.uid && was.mode & 0o755 == 0o755 && was.mode & 0o022 == 0;
        if !is_right {
            let path = folder.to_path_buf();
            let owner = self.keeper.clone();
            self.steps.push(Step::Give { path, owner, was });
        }
        Ok(())
    }

    fn hook(&mut self, machine: &Machine) -> Result<(), Refusal> {
        let config = machine.settings.config();
        let bashrc = match &machine.bashrc {
            Ok(bashrc) => bashrc,
            Err(error) => {
                let error = io::Error::new(error.kind(), error.to_string());
                return Err(Refusal::of(&config.join("bashrc"), error));
            }
        };
        if let Some(one) = bashrc.sourcings.first() {
            let there = bashrc.sourcings.iter().any(|one| one.hook.is_file());
            let (by, hook) = (one.by.display(), one.hook.display());
            self.kept.push(match there || hook.to_string().contains('$') {
                true => format!("{by} sources the hook"),
                false => format!(
                    "{by} sources {hook}, which is not there: `sccache-report doctor` has the cure"
                ),
            });
            return Ok(());
        }
        let hook = machine.hook();
        if !hook.is_file() {
            return Err(Refusal::new(
                format!("the hook is not installed: no {}", hook.display()),
                machine.install_again(),
            ));
        }
        if bashrc.reads_folder {
            self.folders(&config.join("bashrc.d"))?;
            let path = config.join("bashrc.d/90-sccache-report.sh");
            let was = replaceable(&path, &hook)?;
            let to = hook;
            self.steps.push(Step::Link { path, to, was });
            return Ok(());
        }
        self.folders(&config)?;
        let line = format!("source {}", shell::path(&hook));
        let file = config.join("bashrc");
        insist_on_end(bashrc, &file, &line)?;
        let lines = vec![MARK.to_owned(), line];
        self.steps.push(Step::lines(file, lines)?);
        Ok(())
    }

    fn cache(&mut self, machine: &Machine, cache: &Path, builder: &User) -> Result<(), Refusal> {
        insist_on_folder(cache)?;
        let owner = |mode| Owner {
            name: machine.owner(),
            uid: builder.uid,
            gid: builder.gid,
            mode,
        };
        if !cache.exists() {
            if let Some(parent) = cache.parent() {
                self.folders(parent)?;
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
                let was = Owner::of(cache).map_err(|error| Refusal::of(cache, error))?;
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

    fn sandbox(&mut self, machine: &Machine, cache: &Path) -> Result<(), Refusal> {
        if let Some(rule) = doctor::sandbox_rule(machine, cache) {
            self.kept.push(format!(
                "{} lets builds write {}",
                rule.display(),
                cache.display()
            ));
            return Ok(());
        }
        if machine.settings.get("SANDBOX_WRITE").is_some() {
            self.kept.push(
                "SANDBOX_WRITE is set, and sandbox then reads none of sandbox.d: \
                 `sccache-report doctor` has the cure"
                    .to_owned(),
            );
            return Ok(());
        }
        let folder = machine.settings.below("etc/sandbox.d");
        self.folders(&folder)?;
        let names = ["20sccache", "21sccache-report"].map(|name| folder.join(name));
        let path = names
            .iter()
            .find(|path| path.symlink_metadata().is_err())
            .unwrap_or(&names[1])
            .clone();
        let line = format!("SANDBOX_WRITE=\"{}\"", doctor::rule_for(cache));
        self.steps.push(Step::lines(path, vec![line])?);
        Ok(())
    }
}
