//! The folder of the local cache: there, and writable for the builder.

use std::fs;
use std::io;
use std::path::Path;

use super::super::{Machine, shell};
use super::{Finding, room, sandbox};
use crate::portage::user::{EXECUTE, READ, User, WRITE};
use crate::sccache::{self, Bounds, Entry, Survey};

const FOLDER: &str = "cache-folder";
const FILES: &str = "cache-files";

pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    let Some(folder) = machine.cache() else {
        return without(machine);
    };
    let folder_finding = folder_is_usable(machine, folder);
    let survey = survey(machine, folder);
    let mut found = vec![folder_finding, files(machine, folder, &survey)];
    found.extend(room::findings(
        machine,
        folder,
        survey.as_ref().ok().and_then(Option::as_ref),
    ));
    found.push(sandbox::finding(machine, folder));
    found
}

/// No local cache is set: a remote one may do without.
fn without(machine: &Machine) -> Vec<Finding> {
    if let Some((place, kind)) = machine.remotes().first() {
        let message = format!("the cache is {kind} ({place}), there is no local one");
        return vec![Finding::green(FOLDER, message)];
    }
    if let Some(file) = &machine.configuration
        && matches!(&file.content, Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
        && !machine.is_root
    {
        let message = format!("{} can't be read: root can", file.path.display());
        return vec![Finding::unknown(FOLDER, message)];
    }
    let of_file = machine.configured().and_then(|file| file.folder.as_deref());
    if let (Some(variable), Some(folder)) = (machine.overrides_local(), of_file) {
        let message = format!(
            "{variable} has sccache forget the folder that SCCACHE_CONF's file names: each build \
             begins with an empty cache of its own"
        );
        let folder = folder.to_string_lossy();
        return vec![Finding::red(FOLDER, message).set(machine, "SCCACHE_DIR", &folder)];
    }
    // sccache takes it below the folder that it is started in, which the build removes at its end.
    let why = match machine.settings.get("SCCACHE_DIR") {
        None => {
            "SCCACHE_DIR is not set: each build begins with an empty cache of its own".to_owned()
        }
        Some(folder) => format!(
            "SCCACHE_DIR={folder} is no absolute path: each build begins with an empty cache of its own"
        ),
    };
    vec![elsewhere(machine, Finding::red(FOLDER, why))]
}

/// With the cure that the cache lies where caches do.
fn elsewhere(machine: &Machine, finding: Finding) -> Finding {
    let folder = machine.settings.below("var/cache/sccache");
    if machine.cache() == Some(&folder) {
        return finding;
    }
    finding
        .set(machine, "SCCACHE_DIR", &folder.to_string_lossy())
        .cure(make_command(machine, &folder))
}

fn make_command(machine: &Machine, folder: &Path) -> String {
    let (user, group) = machine.settings.builder();
    format!("install -d -o {user} -g {group} {}", shell::path(folder))
}

fn folder_is_usable(machine: &Machine, folder: &Path) -> Finding {
    let shown = folder.display();
    match fs::metadata(folder) {
        Ok(what) if what.is_dir() => {}
        Ok(_) => return Finding::red(FOLDER, format!("{shown} is not a folder")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Finding::unknown(FOLDER, format!("{shown} can't be seen: {error}"));
        }
        Err(_) => {
            return Finding::red(FOLDER, format!("{shown} is not there"))
                .cure(make_command(machine, folder));
        }
    }
    let Some(builder) = &machine.builder else {
        let message = format!("there is no user {}", machine.settings.builder().0);
        return Finding::unknown(FOLDER, message);
    };
    let user = &builder.name;
    let obstacles = builder.kept_from(READ | WRITE | EXECUTE, folder);
    let real = folder.canonicalize();
    let real = real.as_deref().unwrap_or(folder);
    let (itself, above): (Vec<_>, Vec<_>) = obstacles.iter().partition(|at| *at == real);
    let message = match (above.is_empty(), itself.is_empty()) {
        (true, true) => {
            return Finding::green(FOLDER, format!("{shown}, which user {user} can write"));
        }
        (true, false) => format!("user {user} can't write {shown}: nothing is stored"),
        (false, _) => format!(
            "user {user} can't get to {shown}: {} it out",
            shell::keep(&above)
        ),
    };
    let finding = Finding::red(FOLDER, message);
    if obstacles.iter().any(|at| machine.is_private(at)) {
        return elsewhere(machine, finding);
    }
    let open = above
        .iter()
        .map(|at| format!("chmod a+x {}", shell::path(at)));
    let give = itself.iter().flat_map(|at| {
        let at = shell::path(at);
        [
            format!("chown {} {at}", machine.owner()),
            format!("chmod u+rwx {at}"),
        ]
    });
    open.chain(give).fold(finding, Finding::cure)
}

/// `None` where it isn't known for whom to look.
fn survey(machine: &Machine, folder: &Path) -> io::Result<Option<Survey>> {
    let Some(builder) = &machine.builder else {
        return Ok(None);
    };
    sccache::survey(folder, Bounds::default(), &|entry| can_use(builder, entry)).map(Some)
}

/// What sccache needs: to make and remove files in a folder, and to read its own files. One that isn't
/// the builder's own is an error and a miss, whatever its mode: sccache sets the times of what it
/// reads, which only an owner may (0.16.0, tried).
fn can_use(builder: &User, entry: &Entry<'_>) -> bool {
    match entry.is_folder {
        true => builder
            .may_at(READ | WRITE | EXECUTE, entry.path)
            .unwrap_or(false),
        false => builder.owns(entry.uid) && builder.may(READ, entry.uid, entry.gid, entry.mode),
    }
}

fn files(machine: &Machine, folder: &Path, survey: &io::Result<Option<Survey>>) -> Finding {
    let survey = match survey {
        Ok(Some(survey)) => survey,
        Ok(None) => return Finding::unknown(FILES, "it is not known who builds"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Finding::unknown(FILES, "there is no folder");
        }
        Err(error) => {
            return Finding::unknown(
                FILES,
                format!("{} can't be read: {error}", folder.display()),
            );
        }
    };
    let user = machine
        .builder
        .as_ref()
        .map_or("portage", |User { name, .. }| name);
    let least = match &survey.stopped {
        Some(when) => format!(" (the look ended {when}: at least)"),
        None => String::new(),
    };
    if survey.out_of_reach > 0 {
        let named: Vec<String> = survey
            .named
            .iter()
            .map(|path| {
                path.strip_prefix(folder)
                    .unwrap_or(path)
                    .display()
                    .to_string()
            })
            .collect();
        let owners: Vec<String> = { survey.owners.iter() }
            .map(|uid| match uid {
                0 => "root".to_owned(),
                uid => uid.to_string(),
            })
            .collect();
        let more = survey.out_of_reach - named.len() as u64;
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let of_all = match survey.out_of_reach {
            1 => "1 file or folder".to_owned(),
            several => format!("{several} files and folders"),
        };
        let message = format!(
            "user {user} can't use {of_all} in {}, of user {}: {}{more}{least}",
            folder.display(),
            owners.join(", "),
            named.join(", ")
        );
        let (owner, folder) = (machine.owner(), shell::path(folder));
        // With H, for where the folder is a link chown changes that alone; chmod follows it by itself.
        return Finding::red(FILES, message)
            .cure(format!("chown -RH {owner} {folder}"))
            .cure(format!("chmod -R u+rwX {folder}"));
    }
    if survey.unseen > 0 {
        let message = format!(
            "folders that can't be looked into: {} (root can)",
            survey.unseen
        );
        return Finding::unknown(FILES, message);
    }
    Finding::green(
        FILES,
        match survey.files {
            0 => format!("the cache has no files yet{least}"),
            1 => format!("user {user} can use the one file{least}"),
            files => format!("user {user} can use all {files} files{least}"),
        },
    )
}
