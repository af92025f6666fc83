//! What is to be changed on this machine.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::files::{Owner, resolve};
use super::settings::{quotable, wanted};
use super::step::{BlockFile, Step};
use super::{Error, at};
use crate::machine::{Machine, REINSTALL};
use crate::portage::HookRecord;
use crate::portage::User;
use crate::portage::make_conf;
use crate::process;

/// The name of the hook's file.
const HOOK: &str = "sccache-report.sh";

/// The hook's link in portage-bashrc-mv's folder.
pub(super) const LINK: &str = "bashrc.d/90-sccache-report.sh";

/// The rule that lets builds write the cache.
const RULE: &str = "etc/sandbox.d/20sccache-report";

const AGAIN: &str = "correct that, and run setup again";

/// The steps, in this order, and what stays as it is.
pub(super) struct Plan<'a> {
    machine: &'a Machine,
    keeper: Owner,
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<String>,
}

impl<'a> Plan<'a> {
    fn new(machine: &'a Machine) -> Self {
        Self {
            machine,
            keeper: machine.system_owner(),
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Plans what is missing.
    pub(super) fn setup(machine: &'a Machine) -> Result<Self, Error> {
        let mut plan = Self::new(machine);
        plan.database()?;
        plan.hook()?;
        plan.settings()?;
        Ok(plan)
    }

    /// Plans to remove what setup adds.
    pub(super) fn undo(machine: &'a Machine) -> Result<Self, Error> {
        let mut plan = Self::new(machine);
        let settings = &machine.settings;
        let (link, rule) = (settings.config().join(LINK), settings.below(RULE));
        if link.read_link().is_ok_and(|target| target.ends_with(HOOK)) {
            plan.check_parent(&link)?;
            plan.steps.push(Step::remove_file(link, "the link"));
        }
        let mut files = make_conf::files(&settings.make_conf());
        files.push(settings.config().join("bashrc"));
        for path in files {
            let file = BlockFile::read(&path, plan.keeper)?;
            let mut lines = file.text.lines.iter();
            let cache = lines.find_map(|line| line.strip_prefix("SCCACHE_DIR="));
            let cache = cache.map(|value| PathBuf::from(value.trim_matches('"')));
            plan.edit(file, &[])?;
            if let Some(cache) = cache {
                plan.remove_folder(&cache, &[])?;
            }
        }
        let file = BlockFile::read(&rule, plan.keeper)?;
        if plan.edit(file, &[])? {
            plan.remove_folder(&settings.below("etc/sandbox.d"), &[rule])?;
        }
        let folder = machine.database.parent().unwrap_or(Path::new("/"));
        let record = HookRecord::folder(&machine.database);
        // What builds had in effect until now is no evidence for later ones.
        let files = HookRecord::files(&machine.database);
        for file in files.iter().filter(|file| file.is_file()) {
            plan.check_parent(file)?;
            plan.steps
                .push(Step::remove_file(file.clone(), "the hook's record"));
        }
        plan.remove_folder(&record, &files)?;
        plan.remove_folder(folder, &[record])?;
        Ok(plan)
    }

    fn edit(&mut self, file: BlockFile, lines: &[String]) -> Result<bool, Error> {
        let is_change = file.text.lines != lines;
        if is_change {
            self.steps.push(file.edit(lines)?);
        }
        Ok(is_change)
    }

    /// Removes a folder that has nothing but what is removed before it.
    fn remove_folder(&mut self, folder: &Path, removed: &[PathBuf]) -> Result<bool, Error> {
        let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let is_empty = folder.is_dir() && entries.all(|entry| removed.contains(&entry.path()));
        if !is_empty {
            return Ok(false);
        }
        // An empty folder that stays is no reason to leave everything else.
        if let Err(error) = self.check_parent(folder) {
            self.notes.push(error.to_string());
            return Ok(false);
        }
        self.steps.push(Step::remove_folder(folder.to_path_buf()));
        Ok(true)
    }

    fn check_parent(&self, path: &Path) -> Result<(), Error> {
        resolve(path.parent().unwrap_or(path), self.keeper).map(drop)
    }

    fn create_folder(&mut self, path: &Path, owner: Owner) -> Result<(), Error> {
        let path = resolve(path, self.keeper)?;
        if !path.exists() {
            let step = Step::create_folder(path, owner, self.keeper);
            self.steps.push(step);
        } else if !path.is_dir() {
            return Err(Error::new(&path, "is not a folder", "move it away"));
        }
        Ok(())
    }

    /// The folders of the database and of the hook's record.
    fn database(&mut self) -> Result<(), Error> {
        let database = &self.machine.database;
        if !database.is_absolute() {
            return Err(Error::new(database, "is not an absolute path", AGAIN));
        }
        let folder = database.parent().unwrap_or(database);
        for path in [folder.to_path_buf(), HookRecord::folder(database)] {
            self.create_folder(&path, self.keeper)?;
        }
        Ok(())
    }

    /// The block in bashrc, or the link in bashrc.d.
    fn hook(&mut self) -> Result<(), Error> {
        let config = self.machine.settings.config();
        let (bashrc, hook) = (config.join("bashrc"), self.machine.hook());
        if !hook.is_file() {
            let problem = "is missing: the hook is not installed";
            return Err(Error::new(&hook, problem, REINSTALL));
        }
        if bashrc.is_dir() {
            let problem = "is a folder, and Portage reads bashrc only as a file";
            return Err(Error::new(&bashrc, problem, "move it away"));
        }
        let file = BlockFile::read(&bashrc, self.keeper)?;
        let text = String::from_utf8_lossy(&file.text.outside).into_owned();
        let names_hook = |line: &str| !line.trim_start().starts_with('#') && line.contains(HOOK);
        if text.lines().any(names_hook) {
            let note = format!("{} (already sources the hook)", bashrc.display());
            self.notes.push(note);
            return Ok(());
        }
        // portage-bashrc-mv: its bashrc sources bashrcd.sh and calls BashrcdMain.
        let has_folder = config.join("bashrc.d/bashrcd.sh").exists();
        if has_folder && file.text.lines.is_empty() && text.to_lowercase().contains("bashrcd") {
            return self.link(config.join(LINK), hook);
        }
        let path = hook.to_string_lossy();
        let path = quotable(&path)?;
        let lines = [format!(
            "if [[ -r \"{path}\" ]]; then source \"{path}\"; fi"
        )];
        check_syntax(&file.text.with(&lines), &bashrc)?;
        self.edit(file, &lines)?;
        Ok(())
    }

    fn link(&mut self, link: PathBuf, hook: PathBuf) -> Result<(), Error> {
        self.check_parent(&link)?;
        if link.exists() && !link.is_symlink() {
            return Err(Error::new(
                &link,
                "is not a link to the hook",
                "move it away",
            ));
        }
        if link.read_link().ok().as_ref() != Some(&hook) {
            self.steps.push(Step::link(link, hook));
        }
        Ok(())
    }

    /// The block in make.conf, and what the cache that it names needs.
    fn settings(&mut self) -> Result<(), Error> {
        let machine = self.machine;
        let settings = &machine.settings;
        let is_own = |file: &Path| file.starts_with(settings.make_conf());
        if let Some(said) = settings.syntax_error.iter().find(|said| is_own(&said.file)) {
            // Portage may not read what is added below.
            let problem = format!("has an error in line {}: {}", said.line, said.message);
            return Err(Error::new(&said.file, &problem, AGAIN));
        }
        let file = BlockFile::read(&machine.make_conf(), self.keeper)?;
        let configured = machine.cache().map(|cache| cache.components().collect());
        let default = || settings.below("var/cache/sccache");
        let cache: PathBuf = configured.clone().unwrap_or_else(default);
        let (lines, notes) = wanted(machine, &file.text.lines, &cache)?;
        self.notes.extend(notes);
        if configured.is_some() || lines.iter().any(|line| line.starts_with("SCCACHE_DIR=")) {
            self.cache(&cache)?;
        }
        self.edit(file, &lines)?;
        Ok(())
    }

    /// The cache's folder, and the rule that lets builds write it.
    fn cache(&mut self, cache: &Path) -> Result<(), Error> {
        let (user, group) = self.machine.settings.builder();
        // The owner of a Prefix builds too (`_unprivileged_mode` in Portage 3.0.83's data.py).
        let builder = match User::find(user) {
            _ if self.keeper.0 != 0 => self.keeper,
            Some(user) => (user.uid, user.gid),
            None => {
                let (problem, hint) = (format!("there is no user {user}"), AGAIN.to_owned());
                return Err(Error::Refused { problem, hint });
            }
        };
        if cache.is_dir() {
            let uid = at(cache, cache.metadata())?.uid();
            if uid != builder.0 {
                // Nor a rule: it would let builds write all of a folder such as /var.
                let shown = cache.display();
                self.notes.push(format!(
                    "{shown}, which belongs to user {uid}: set SCCACHE_DIR to a folder of {user}:{group}"
                ));
                return Ok(());
            }
        } else {
            self.create_folder(cache, builder)?;
        }
        self.sandbox(cache)
    }

    fn sandbox(&mut self, cache: &Path) -> Result<(), Error> {
        let settings = &self.machine.settings;
        let is_above = |rule: &str| rule.starts_with('/') && cache.starts_with(rule);
        let allows = |value: &str| value.split([':', '"', '\'', '=']).any(is_above);
        let shown = cache.to_string_lossy();
        // Where the variable is set, sandbox reads none of sandbox.d (setup_access_var, 2.46).
        if let Some(value) = settings.get("SANDBOX_WRITE") {
            if !allows(value) {
                let note = format!("SANDBOX_WRITE (already set): add {shown}/ to it");
                self.notes.push(note);
            }
            return Ok(());
        }
        let rule = settings.below(RULE);
        let mut others = make_conf::files(&settings.below("etc/sandbox.d"));
        others.retain(|file| *file != rule);
        let allowing = others.iter().find(|file| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let mut lines = text
                .lines()
                .filter(|line| line.starts_with("SANDBOX_WRITE="));
            lines.any(allows)
        });
        if allowing.is_none() {
            let line = format!("SANDBOX_WRITE=\"{}/\"", quotable(&shown)?);
            let file = BlockFile::read(&rule, self.keeper)?;
            self.edit(file, &[line])?;
        }
        Ok(())
    }
}

/// Fails if bash doesn't read a script to its end. `-n` executes nothing. Of a here-document without end
/// bash only warns, but the lines below are part of it.
fn check_syntax(script: &[u8], path: &Path) -> Result<(), Error> {
    let mut command = Command::new("bash");
    for name in ["BASH_ENV", "SHELLOPTS", "BASHOPTS"] {
        command.env_remove(name);
    }
    let script = String::from_utf8_lossy(script);
    let options = ["-O", "extglob", "-n", "-c", "--", &*script];
    command.env("LC_ALL", "C").args(options);
    let said = match process::run(&mut command, Duration::from_secs(10)) {
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(_) => "bash can't be run".to_owned(),
    };
    match said.lines().next() {
        None => Ok(()),
        Some(said) => {
            let problem = format!("can't be parsed by bash: {said}");
            Err(Error::new(path, &problem, AGAIN))
        }
    }
}
