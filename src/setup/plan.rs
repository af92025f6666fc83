//! The changes that this machine needs.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::block::BlockFile;
use super::files::{Owner, Step, create_folder, path_error, resolve, with_path};
use super::settings::{LINK, missing_settings, quotable};
use crate::error::{Error, Result};
use crate::machine::{HOOK, Machine, REINSTALL};
use crate::portage::{HookRecord, User, make_conf};
use crate::process;
use crate::sccache::is_built_without_redis;

/// The rule that lets builds write the cache.
const RULE: &str = "etc/sandbox.d/20sccache-report";

/// The time limit of a program.
const DEADLINE: Duration = Duration::from_secs(10);

const RETRY: &str = "fix this, and run setup again";

/// The changes in order, and notes about what isn't changed.
pub(super) struct Plan<'a> {
    machine: &'a Machine,
    system_owner: Owner,
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<String>,
}

impl<'a> Plan<'a> {
    fn new(machine: &'a Machine) -> Self {
        Self {
            machine,
            system_owner: machine.system_owner(),
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Plans what is missing. `redis` is the socket of a Redis to use.
    pub(super) fn complete(machine: &'a Machine, redis: Option<&Path>) -> Result<Self> {
        if redis.is_some() {
            check_sccache()?;
        }
        let mut plan = Self::new(machine);
        plan.add_database()?;
        plan.add_hook()?;
        plan.add_settings(redis)?;
        Ok(plan)
    }

    /// Plans the removal of what setup adds.
    pub(super) fn undo(machine: &'a Machine) -> Result<Self> {
        let mut plan = Self::new(machine);
        plan.remove_additions()?;
        Ok(plan)
    }

    fn remove_additions(&mut self) -> Result<()> {
        let (machine, settings) = (self.machine, &self.machine.settings);
        let (link, rule) = (settings.config().join(LINK), settings.below(RULE));
        if link.read_link().is_ok_and(|target| target.ends_with(HOOK)) {
            self.remove_file(&link, "remove the link")?;
        }
        let mut files = make_conf::files(&settings.make_conf());
        files.push(settings.config().join("bashrc"));
        for path in files {
            let file = BlockFile::read(&path, self.system_owner)?;
            let mut lines = file.lines.iter();
            let cache = lines.find_map(|line| line.strip_prefix("SCCACHE_DIR="));
            let cache = cache.map(|value| PathBuf::from(value.trim_matches('"')));
            self.edit(file, &[])?;
            self.remove_folder(&cache.unwrap_or_default(), &[]);
        }
        let file = BlockFile::read(&rule, self.system_owner)?;
        let is_whole_file = !file.lines.is_empty() && file.outside.is_empty();
        let is_unchanged = is_whole_file && !file.is_edited;
        self.edit(file, &[])?;
        if is_unchanged {
            self.remove_folder(&settings.below("etc/sandbox.d"), &[rule]);
        }
        let folder = machine.database.parent().unwrap_or(Path::new("/"));
        let record = HookRecord::folder(&machine.database);
        // The settings of earlier builds say nothing about later ones.
        let files = HookRecord::files(&machine.database);
        for file in files.iter().filter(|file| file.is_file()) {
            self.remove_file(file, "remove the hook's record")?;
        }
        self.remove_folder(&record, &files);
        self.remove_folder(folder, &[record]);
        Ok(())
    }

    fn edit(&mut self, file: BlockFile, lines: &[String]) -> Result<()> {
        if file.lines != lines {
            self.steps.push(file.edit(lines, self.system_owner)?);
        }
        Ok(())
    }

    fn remove_file(&mut self, path: &Path, action: &str) -> Result<()> {
        self.check_parent(path)?;
        let removed = path.to_owned();
        let run = move || with_path(&removed, fs::remove_file(&removed));
        self.steps.push(Step::new(path, action, run));
        Ok(())
    }

    /// Removes a folder that contains only what is removed before it. Any other folder stays.
    fn remove_folder(&mut self, folder: &Path, removed: &[PathBuf]) {
        let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let is_empty = folder.is_dir() && entries.all(|entry| removed.contains(&entry.path()));
        if is_empty && self.check_parent(folder).is_ok() {
            let path = folder.to_owned();
            let run = move || with_path(&path, fs::remove_dir(&path));
            self.steps
                .push(Step::new(folder, "remove the directory", run));
        }
    }

    fn check_parent(&self, path: &Path) -> Result<()> {
        resolve(path.parent().unwrap_or(path), self.system_owner).map(drop)
    }

    fn create_folder(&mut self, path: &Path, owner: Owner) -> Result<()> {
        let (path, system_owner) = (resolve(path, self.system_owner)?, self.system_owner);
        if path.is_dir() {
            return Ok(());
        }
        if path.exists() {
            return Err(path_error(&path, "is not a directory", "move it away"));
        }
        let action = format!("new directory, owner {}:{}, mode 0755", owner.0, owner.1);
        self.steps.push(Step::new(&path.clone(), &action, move || {
            create_folder(&path, owner, system_owner)
        }));
        Ok(())
    }

    /// Adds the folders of the database and of the hook's record.
    fn add_database(&mut self) -> Result<()> {
        let database = &self.machine.database;
        if !database.is_absolute() {
            return Err(path_error(database, "is not an absolute path", RETRY));
        }
        let folder = database.parent().unwrap_or(database);
        self.create_folder(folder, self.system_owner)?;
        self.create_folder(&HookRecord::folder(database), self.system_owner)
    }

    /// Adds the block in bashrc, or the link in bashrc.d.
    fn add_hook(&mut self) -> Result<()> {
        let config = self.machine.settings.config();
        let (bashrc, hook) = (config.join("bashrc"), self.machine.hook());
        if !hook.is_file() {
            return Err(path_error(&hook, "is missing", REINSTALL));
        }
        let file = BlockFile::read(&bashrc, self.system_owner)?;
        let text = String::from_utf8_lossy(&file.outside).into_owned();
        let is_hook = |line: &str| !line.trim_start().starts_with('#') && line.contains(HOOK);
        if text.lines().any(is_hook) {
            self.notes
                .push(format!("{} (already sources the hook)", bashrc.display()));
            return Ok(());
        }
        // portage-bashrc-mv: its bashrc sources bashrcd.sh and calls BashrcdMain.
        let has_folder = config.join("bashrc.d/bashrcd.sh").exists();
        if has_folder && file.lines.is_empty() && text.to_lowercase().contains("bashrcd") {
            return self.add_link(config.join(LINK), hook);
        }
        let path = hook.to_string_lossy();
        let path = quotable(&path)?;
        let line = format!("if [[ -r \"{path}\" ]]; then source \"{path}\"; fi");
        let lines = [line];
        check_syntax(&file.text_with(&lines), &bashrc)?;
        self.edit(file, &lines)
    }

    fn add_link(&mut self, link: PathBuf, hook: PathBuf) -> Result<()> {
        self.check_parent(&link)?;
        if link.exists() && !link.is_symlink() {
            let problem = "is not a link to the hook";
            return Err(path_error(&link, problem, "move it away"));
        }
        if link.read_link().ok().as_ref() != Some(&hook) {
            let action = format!("link to {}", hook.display());
            self.steps.push(Step::new(&link.clone(), &action, move || {
                if link.is_symlink() {
                    with_path(&link, fs::remove_file(&link))?;
                }
                with_path(&link, symlink(&hook, &link))
            }));
        }
        Ok(())
    }

    /// Adds the block in make.conf, and what the configured cache needs.
    fn add_settings(&mut self, redis: Option<&Path>) -> Result<()> {
        let (machine, settings) = (self.machine, &self.machine.settings);
        let error = settings.syntax_error.as_ref();
        if let Some(error) = error.filter(|error| error.file.starts_with(settings.make_conf())) {
            // Portage may not read the lines below it.
            let problem = format!("has an error in line {}: {}", error.line, error.message);
            return Err(path_error(&error.file, &problem, RETRY));
        }
        let file = BlockFile::read(&machine.make_conf(), self.system_owner)?;
        let configured = machine.cache().map(|cache| cache.components().collect());
        let default = || settings.below("var/cache/sccache");
        let cache: PathBuf = configured.clone().unwrap_or_else(default);
        let (lines, notes) = missing_settings(machine, &file.lines, &cache, redis)?;
        self.notes.extend(notes);
        if configured.is_some() || lines.iter().any(|line| line.starts_with("SCCACHE_DIR=")) {
            self.add_cache(&cache)?;
        }
        self.edit(file, &lines)
    }

    /// Adds the cache's folder, and the sandbox rule that lets builds write it.
    fn add_cache(&mut self, cache: &Path) -> Result<()> {
        let settings = &self.machine.settings;
        let (user, group) = settings.builder();
        let builder = match User::find(user) {
            // The owner of a Prefix builds too (`_unprivileged_mode` in Portage 3.0.83's data.py).
            _ if self.system_owner.0 != 0 => self.system_owner,
            Some(user) => (user.uid, user.gid),
            None => return Err(Error::usage(format!("there is no user {user}"), RETRY)),
        };
        let shown = cache.to_string_lossy();
        if !cache.is_dir() {
            self.create_folder(cache, builder)?;
        } else if with_path(cache, cache.metadata())?.uid() != builder.0 {
            // A rule would let builds write to all of a folder such as /var.
            self.notes.push(format!(
                "{shown}, which doesn't belong to {user}: set SCCACHE_DIR to a directory of {user}:{group}"
            ));
            return Ok(());
        }
        let is_above = |path: &str| path.starts_with('/') && cache.starts_with(path);
        let allows = |value: &str| value.split(':').any(is_above);
        // If this is set, sandbox reads nothing from sandbox.d (setup_access_var, 2.46).
        if let Some(value) = settings.get("SANDBOX_WRITE") {
            if !allows(value) {
                self.notes
                    .push(format!("SANDBOX_WRITE (already set): add {shown}/ to it"));
            }
            return Ok(());
        }
        let rule = settings.below(RULE);
        let line = format!("SANDBOX_WRITE=\"{}/\"", quotable(&shown)?);
        self.edit(BlockFile::read(&rule, self.system_owner)?, &[line])
    }
}

/// Fails if bash can't parse the script. `-n` executes nothing. For a here-document without an end,
/// which would contain setup's lines, bash only prints a warning.
fn check_syntax(script: &[u8], path: &Path) -> Result<()> {
    let script = String::from_utf8_lossy(script);
    let mut bash = Command::new("bash");
    bash.env_clear()
        .args(["-O", "extglob", "-n", "-c", "--", &script]);
    let output = process::run(&mut bash, DEADLINE);
    let stderr = output.map_or(b"it can't be run".to_vec(), |output| output.stderr);
    if stderr.is_empty() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&stderr);
    let error = error.lines().next().unwrap_or_default();
    let problem = format!("can't be parsed by bash: {error}");
    Err(path_error(path, &problem, RETRY))
}

/// Checks that sccache can use Redis, if it is installed. Gentoo builds it without Redis by default.
fn check_sccache() -> Result<()> {
    let help = process::run(Command::new("sccache").arg("--help"), DEADLINE);
    let help = help.map_or_else(|_| Vec::new(), |output| output.stdout);
    if is_built_without_redis(&String::from_utf8_lossy(&help)) {
        let problem = "sccache was built without Redis, so each compiler call would fail";
        let hint = "set USE=redis for dev-util/sccache, and emerge it";
        return Err(Error::usage(problem, hint));
    }
    Ok(())
}
