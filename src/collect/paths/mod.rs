//! `sccache-collect paths`: the same paths for a Rust package's crates in all of its versions.
//!
//! sccache's key for a crate contains the paths of the crate and of cargo's target directory, and below
//! `${PORTAGE_BUILDDIR}` both contain the package's version. During the phases that compile, cargo
//! therefore finds them at a [place](place) without a version:
//!
//! ```text
//! ${PORTAGE_TMPDIR}/portage/sccache-report/CATEGORY/PN/SLOT/
//!     vendor/CRATE/*   a directory for each vendored crate, with links to what is in it
//!     crates           link to the directory of vendored crates
//!     home             link to ${CARGO_HOME}
//!     workspace        link to the workspace, whose target directory is in it
//!     config-PF/       cargo's configuration with these paths
//!     lock             the file in ${T} that the processes of a phase hold locked
//!     owner            link to ${PORTAGE_BUILDDIR}
//! ```
//!
//! `${WORKDIR}/.cargo` is a link to `config-PF` while a phase runs: cargo prefers the configuration in a
//! parent of its working directory to that in `CARGO_HOME`. The workspace itself stays where it is, so
//! that its crates keep the version in their keys.

mod build;
mod cargo_home;
mod crates;
mod directory;
mod place;
mod workspace;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use self::build::{Build, slots};
use self::cargo_home::{CargoHome, has_target_variable_in};
use self::crates::{Unchanged, modified};
use self::directory::{entries, open_or_create_directory, read_link};
use self::place::Place;
use self::workspace::find_workspace;
use super::Messages;
use crate::error::{Error, Result, ensure};
use crate::files::{open_directory, open_directory_below};
use crate::portage::StablePaths;

/// How long `drop` takes at most, apart from the removal.
const MAX_DROP_TIME: Duration = Duration::from_secs(5);

/// The link in `${WORKDIR}` that makes the configuration effective.
const ACTIVE: &str = ".cargo";

// Names in the place.
const CRATES: &str = "crates";
const HOME: &str = "home";
const LOCK: &str = "lock";
const OWNER: &str = "owner";
const VENDOR: &str = "vendor";
const WORKSPACE: &str = "workspace";

/// cargo's target directory in a workspace. A link to it would be what `cargo clean` removes.
const TARGET: &str = "target";

/// Make a Rust package's crates available at the same paths in all of its versions
///
/// The hook runs this for SCCACHE_REPORT_STABLE_PATHS=yes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to do
    step: Step,
    /// The ebuild's SLOT, which Portage doesn't export
    #[arg(long, required_if_eq_any([("step", "enter"), ("step", "leave")]))]
    slot: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Step {
    /// Start using the place in a phase. Standard input is a file in T, which is locked. Prints the state,
    /// and in a second line the value for CARGO_HOME, or why the build keeps its own paths
    Enter,
    /// Stop using the place at the end of a phase. In src_install, remove it
    Leave,
    /// Remove the places of the package's build, outside its phases
    Drop,
}

/// Runs one step.
///
/// # Errors
/// This is not a phase, or something can't be removed.
pub(super) fn run(args: &Args) -> Result<Messages> {
    let mut messages = Messages::default();
    let build = || Build::read(args.slot.as_deref().unwrap_or_default());
    match args.step {
        Step::Enter => messages.info = enter(&build()?)?,
        Step::Leave => {
            let build = build()?;
            let place = leave(&build)?;
            // src_install is the last phase that builds something. The hook has released its lock.
            if build.phase() == "install" {
                drop_unused(&build, place)?;
            }
        }
        Step::Drop => {
            let begun = Instant::now();
            for slot in slots()? {
                let build = Build::read(&slot)?;
                if let Err(error) = leave(&build).and_then(|place| drop_unused(&build, place)) {
                    messages.warn(error.to_string());
                }
                // The directories are the build user's. The next build takes over what is left.
                if begun.elapsed() > MAX_DROP_TIME {
                    break;
                }
            }
        }
    }
    Ok(messages)
}

/// Why a build keeps its own paths.
struct Fallback {
    state: StablePaths,
    reason: Error,
}

/// Returns the function that makes an error the reason for keeping the build's own paths.
fn fall_back<E: Into<Error>>(state: StablePaths) -> impl FnOnce(E) -> Fallback {
    move |error| Fallback {
        state,
        reason: error.into(),
    }
}

/// Returns the lines for the hook.
fn enter(build: &Build) -> Result<Vec<String>> {
    let (state, line) = match use_place(build) {
        Ok(state) => (state, build.place().join(HOME).display().to_string()),
        Err(Fallback { state, reason }) => {
            // What another process has locked isn't this build's.
            if let Ok(Some(place)) = leave(build)
                && place.owner(build).is_none_or(|owner| owner == build.name())
            {
                place.remove(build)?;
            }
            let package = build.name().display();
            let line = format!("sccache-report: {package} keeps its own paths: {reason}");
            (state, line)
        }
    };
    Ok(vec![state.code().to_owned(), line])
}

/// Makes cargo use the place. src_compile fills it, and later phases find it as that left it.
fn use_place(build: &Build) -> Result<StablePaths, Fallback> {
    let workdir = build.open_workdir(build.name());
    let workdir = workdir.map_err(fall_back(StablePaths::Unavailable))?;
    let deactivated = deactivate(build, &workdir);
    if !deactivated.map_err(fall_back(StablePaths::Unavailable))? {
        let reason = Error::invalid("WORKDIR has a .cargo of its own");
        return Err(fall_back(StablePaths::OwnConfig)(reason));
    }
    // If src_compile itself set the variable, its crates have been built in the place.
    if build.phase() == "compile" && has_target_variable_in(&build.directory) {
        let reason =
            Error::invalid("CARGO_TARGET_DIR contains the version, and so do sccache's keys");
        return Err(fall_back(StablePaths::OwnTarget)(reason));
    }
    let home = CargoHome::read(&build.workdir).map_err(fall_back(StablePaths::UnknownCrates))?;
    let place = Place::create(build).map_err(fall_back(StablePaths::Unavailable))?;
    if let Some(owner) = place.owner(build).filter(|owner| owner != build.name()) {
        let ended = place.end_build(build, &owner);
        ended.map_err(fall_back(StablePaths::OtherBuild))?;
    }
    let is_filled = build.phase() != "compile"
        && place.belongs_to(build)
        && is_complete(build, &workdir, &home, place.directory());
    let locked = place.take(build, is_filled);
    locked.map_err(fall_back(StablePaths::Unavailable))?;
    if !is_filled {
        let filled = fill(build, &workdir, &home, place.directory());
        filled.map_err(fall_back(StablePaths::Other))?;
    }
    // Tests may run a cargo of their own, which expects its target directory where it always is.
    let workspace = read_link(place.directory(), WORKSPACE).filter(|_| build.phase() != "test");
    let target = workspace.map(|_| build.place().join(WORKSPACE).join(TARGET));
    let activated = activate(build, &workdir, &home, &place, target.as_deref());
    activated.map_err(fall_back(StablePaths::Unavailable))?;
    Ok(match target {
        Some(_) => StablePaths::InUse,
        None => StablePaths::CratesOnly,
    })
}

/// Fills the place with links.
fn fill(build: &Build, workdir: &OwnedFd, home: &CargoHome, place: &OwnedFd) -> Result<()> {
    let vendor = open_in_workdir(build, workdir, &home.vendor)?;
    let unchanged = Unchanged {
        since: unpacked(build, home, &vendor)?,
        has_git: home.has_git,
    };
    let linked = open_or_create_directory(place, VENDOR)?;
    crates::link(&vendor, &home.vendor, &linked, unchanged)?;
    rustix::fs::symlinkat(&home.vendor, place, CRATES)?;
    rustix::fs::symlinkat(&home.path, place, HOME)?;
    if let Some(workspace) = find_only_workspace(build, home) {
        rustix::fs::symlinkat(workspace, place, WORKSPACE)?;
    }
    Ok(())
}

/// Whether the place has what [`fill`] made for this build, apart from what is in the crates. Somebody may
/// have removed or replaced a part of it.
fn is_complete(build: &Build, workdir: &OwnedFd, home: &CargoHome, place: &OwnedFd) -> bool {
    let names = |directory: Result<OwnedFd>| {
        let entries = entries(&directory.ok()?).ok()?.into_iter();
        Some(entries.map(|(name, _)| name).collect::<BTreeSet<_>>())
    };
    let crates = names(open_in_workdir(build, workdir, &home.vendor));
    let linked = names(open_directory(place, VENDOR).map_err(Error::from));
    let workspace = read_link(place, WORKSPACE);
    crates.is_some()
        && crates == linked
        && read_link(place, CRATES).as_ref() == Some(&home.vendor)
        && read_link(place, HOME).as_ref() == Some(&home.path)
        && workspace.is_none_or(|path| path.starts_with(&build.workdir))
}

/// Makes cargo read the configuration: until the link exists, it reads only the build's own.
fn activate(
    build: &Build,
    workdir: &OwnedFd,
    home: &CargoHome,
    place: &Place,
    target: Option<&Path>,
) -> Result<()> {
    let config = home.replacement(&build.place().join(VENDOR), target);
    let directory = open_or_create_directory(place.directory(), &*build.config_name())?;
    let _ = rustix::fs::unlinkat(&directory, "config.toml", AtFlags::empty());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, "config.toml", flags, Mode::from(0o644))?;
    File::from(file).write_all(config.as_bytes())?;
    rustix::fs::symlinkat(build.place().join(build.config_name()), workdir, ACTIVE)?;
    Ok(())
}

/// Makes cargo read only the build's own configuration: removes the link of this phase, or of a killed one.
/// Returns whether that is so; `false` if `${WORKDIR}` has another `.cargo`, which stays.
fn deactivate(build: &Build, workdir: &OwnedFd) -> rustix::io::Result<bool> {
    match rustix::fs::statat(workdir, ACTIVE, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(true),
        Err(error) => Err(error),
        Ok(_) => {
            let link = read_link(workdir, ACTIVE);
            let is_ours = link.is_some_and(|target| target.starts_with(build.place()));
            if is_ours {
                rustix::fs::unlinkat(workdir, ACTIVE, AtFlags::empty())?;
            }
            Ok(is_ours)
        }
    }
}

/// Makes the build use its own paths again. Returns the place, if there is one.
fn leave(build: &Build) -> Result<Option<Place>> {
    let workdir = match build.open_workdir(build.name()) {
        Err(Errno::NOENT) => return Place::find(build),
        workdir => workdir?,
    };
    deactivate(build, &workdir)?;
    let place = Place::find(build)?;
    if let Some(place) = place.as_ref().filter(|place| place.belongs_to(build)) {
        // The ebuild may have removed the crates.
        let _ = return_new_files(build, &workdir, place.directory());
    }
    Ok(place)
}

/// Moves new files in the place's crates to where they would be without the place.
fn return_new_files(build: &Build, workdir: &OwnedFd, place: &OwnedFd) -> Result<()> {
    if let Some(path) = read_link(place, CRATES) {
        let vendor = open_in_workdir(build, workdir, &path)?;
        let linked = open_directory(place, VENDOR)?;
        crates::return_new_files(&linked, &vendor, &path)?;
    }
    Ok(())
}

/// Removes the place after the last phase, unless another build uses it. In `clean`, this runs as root, and
/// can end the server of a killed src_install.
///
/// # Errors
/// A process that a phase left may still write there. The next build of the package takes the place over
/// after its end.
fn drop_unused(build: &Build, place: Option<Place>) -> Result<()> {
    let Some(place) = place else { return Ok(()) };
    if let Some(owner) = place.owner(build)
        && let Err(error) = place.end_build(build, &owner)
    {
        ensure!(
            owner != build.name(),
            "{} stays: {error}",
            build.place().display()
        );
        return Ok(());
    }
    Ok(place.remove(build)?)
}

/// Returns the only workspace, if there is one and the build didn't choose another target directory.
fn find_only_workspace(build: &Build, home: &CargoHome) -> Option<PathBuf> {
    if home.has_target_directory {
        return None;
    }
    let below_workdir = |path: &PathBuf| {
        let below = path.strip_prefix(&build.workdir).ok()?;
        Some(build.workdir.join(below.components().next()?))
    };
    // A git crate may be in a subdirectory of its repository.
    let mut skipped: Vec<PathBuf> = home.patches.iter().filter_map(below_workdir).collect();
    skipped.extend([home.path.clone(), home.vendor.clone()]);
    find_workspace(&build.workdir, &skipped)
}

/// Returns when the crates had been unpacked: when Portage noted that, or, for a src_unpack that edits
/// them afterwards, when both the configuration was written and the last crate had been created.
fn unpacked(build: &Build, home: &CargoHome, vendor: &OwnedFd) -> Result<crates::Time> {
    let created = home.written.max(modified(&rustix::fs::fstat(vendor)?));
    let marker = rustix::fs::stat(build.directory.join(".unpacked"));
    Ok(marker.map_or(created, |marker| created.min(modified(&marker))))
}

/// Opens a directory in `${WORKDIR}`. No part of the path may be a link.
fn open_in_workdir(build: &Build, workdir: &OwnedFd, path: &Path) -> Result<OwnedFd> {
    let below = path.strip_prefix(&build.workdir);
    let below = below.map_err(|_| Error::invalid("a path is not in WORKDIR"))?;
    open_directory_below(workdir.try_clone()?, below)
        .map_err(|error| Error::failed(format!("can't open {}", path.display()), error))
}
