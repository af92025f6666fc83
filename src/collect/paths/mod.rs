//! `sccache-collect paths`: the same paths for a Rust package's crates in all of its versions.
//!
//! sccache's key for a crate contains the paths of the crate and of cargo's target directory, and below
//! `${PORTAGE_BUILDDIR}` both contain the package's version. During the phases that compile, cargo
//! therefore sees them at a [place](place) without a version:
//!
//! ```text
//! ${PORTAGE_TMPDIR}/portage/sccache-report/CATEGORY/PN/SLOT/
//!     vendor/CRATE/*   a directory for each vendored crate, with links to what is in it
//!     crates           link to the directory of vendored crates
//!     home             link to ${CARGO_HOME}
//!     target           link to the workspace's target directory
//!     config-PF/       cargo's configuration with these paths
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

use std::ffi::CStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use self::build::Build;
use self::cargo_home::{CargoHome, has_target_variable_in};
use self::crates::Time;
use self::directory::{open_or_create_directory, read_link};
use self::place::{Place, lock_for_phase};
use self::workspace::find_workspace;
use super::Messages;
use crate::error::{Error, Result, ensure};
use crate::files::{open_directory, open_directory_below};
use crate::portage::StablePaths;

/// The link in `${WORKDIR}` that makes the configuration effective.
const CONFIG: &str = ".cargo";

// Names in the place.
const VENDOR: &CStr = c"vendor";
const CRATES: &str = "crates";
const TARGET: &str = "target";

/// Show a Rust package's crates at the same paths in all of its versions
///
/// With SCCACHE_REPORT_STABLE_PATHS=yes, the hook runs this at the start and at the end of a phase that
/// may compile. Standard input of `enter` is WORKDIR, opened by the hook.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to do
    step: Step,
    /// The ebuild's SLOT, which Portage doesn't export
    #[arg(long)]
    slot: String,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Step {
    /// Create the links. Prints a code, and if the build keeps its own paths, why
    Enter,
    /// Stop using the links
    Leave,
    /// Remove the links
    Drop,
}

/// Runs one step.
///
/// # Errors
/// This is not a phase, or something can't be removed.
pub(super) fn run(args: &Args) -> Result<Messages> {
    let build = Build::read(&args.slot)?;
    let mut messages = Messages::default();
    match args.step {
        Step::Enter => messages.info = enter(&build)?,
        Step::Leave => leave(&build)?,
        Step::Drop => {
            leave(&build)?;
            remove_place(&build)?;
        }
    }
    Ok(messages)
}

/// Why a build keeps its own paths: the state, and a sentence.
type OwnPaths = (StablePaths, Error);

/// Returns the lines for the hook: the code of the state, and if the build keeps its own paths, why.
fn enter(build: &Build) -> Result<Vec<String>> {
    let (state, reason) = match show(build) {
        Ok(true) => (StablePaths::InUse, None),
        Ok(false) => (StablePaths::CratesOnly, None),
        Err((state, error)) => {
            leave(build)?;
            remove_place(build)?;
            (state, Some(error))
        }
    };
    build.save_state(state)?;
    let package = build.name().display();
    let line = |error| format!("sccache-report: {package} keeps its own paths: {error}");
    let code = state.code().to_owned();
    Ok([code].into_iter().chain(reason.map(line)).collect())
}

/// Shows the build's crates in the place, and returns whether its target directory is there, too.
/// Everything before the last step can be interrupted.
fn show(build: &Build) -> Result<bool, OwnPaths> {
    let unavailable = |error| (StablePaths::Unavailable, error);
    let workdir = build.open_workdir(build.name());
    let workdir = workdir.map_err(|error| unavailable(error.into()))?;
    remove_config_link(build, &workdir).map_err(|error| (StablePaths::OwnConfig, error))?;
    if has_target_variable_in(&build.workdir) {
        let error = Error::invalid("CARGO_TARGET_DIR is in WORKDIR, and sccache's keys contain it");
        return Err((StablePaths::OwnTarget, error));
    }
    let home =
        CargoHome::read(&build.workdir).map_err(|error| (StablePaths::UnknownCrates, error))?;
    let place = Place::open(build, true).map_err(unavailable)?;
    let place = place.ok_or_else(|| unavailable(Error::invalid("the place is gone")))?;
    if let Some(owner) = place.other_owner(build) {
        let error = Error::invalid(format!("{} is being built", owner.display()));
        return Err((StablePaths::OtherBuild, error));
    }
    fill(build, &workdir, &home, &place).map_err(unavailable)
}

/// Fills the place, and returns whether the target directory is in it.
fn fill(build: &Build, workdir: &OwnedFd, home: &CargoHome, place: &Place) -> Result<bool> {
    let vendor = open_in_workdir(build, workdir, &home.vendor)?;
    lock_for_phase(workdir)?;
    return_new_files(build, workdir, place)?;
    let kept = place.belongs_to(build).then_some(VENDOR);
    place.clear(kept)?;

    let directory = place.directory();
    let shown = open_or_create_directory(directory, VENDOR)?;
    crates::show(&vendor, &home.vendor, &shown, unpacked(build, home))?;
    rustix::fs::symlinkat(&home.vendor, directory, CRATES)?;
    rustix::fs::symlinkat(&home.path, directory, "home")?;
    let has_target = show_target(build, workdir, home, directory)?;
    let target = has_target.then(|| build.place().join(TARGET));
    let config = home.replacement(&build.place().join("vendor"), target.as_deref());
    let config_directory = open_or_create_directory(directory, &*build.config_name())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = rustix::fs::openat(config_directory, "config.toml", flags, Mode::from(0o644))?;
    File::from(file).write_all(config.as_bytes())?;
    place.set_owner(build)?;
    rustix::fs::symlinkat(build.place().join(build.config_name()), workdir, CONFIG)?;
    Ok(has_target)
}

/// Makes the build use its own paths again.
fn leave(build: &Build) -> Result<()> {
    let workdir = match build.open_workdir(build.name()) {
        Err(Errno::NOENT) => return Ok(()),
        workdir => workdir?,
    };
    // An error means that the build has a configuration of its own.
    let _ = remove_config_link(build, &workdir);
    let Some(place) = Place::open(build, false)? else {
        return Ok(());
    };
    if !place.belongs_to(build) {
        return Ok(());
    }
    return_new_files(build, &workdir, &place)?;
    // Created by `show_target` for a phase that built nothing.
    let target = read_link(place.directory(), TARGET);
    let workspace = target.as_deref().and_then(Path::parent);
    if let Some(Ok(workspace)) = workspace.map(|path| open_in_workdir(build, &workdir, path)) {
        let _ = rustix::fs::unlinkat(workspace, TARGET, AtFlags::REMOVEDIR);
    }
    Ok(())
}

/// Removes the place, unless it belongs to another build that is under way.
fn remove_place(build: &Build) -> Result<()> {
    match Place::open(build, false)? {
        Some(place) if place.other_owner(build).is_none() => Ok(place.remove(build)?),
        _ => Ok(()),
    }
}

/// Removes the link in `${WORKDIR}` that this or a killed phase made.
fn remove_config_link(build: &Build, workdir: &OwnedFd) -> Result<()> {
    match rustix::fs::statat(workdir, CONFIG, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        stat => stat?,
    };
    let link = read_link(workdir, CONFIG);
    let is_ours = link.is_some_and(|target| target.starts_with(build.place()));
    ensure!(is_ours, "WORKDIR has a .cargo of its own");
    Ok(rustix::fs::unlinkat(workdir, CONFIG, AtFlags::empty())?)
}

/// Moves new files in the place's crates to where they would be without the place.
fn return_new_files(build: &Build, workdir: &OwnedFd, place: &Place) -> Result<()> {
    let crates = read_link(place.directory(), CRATES);
    let Some(vendor) = crates.filter(|_| place.belongs_to(build)) else {
        return Ok(());
    };
    let vendor = open_in_workdir(build, workdir, &vendor)?;
    let shown = open_directory(place.directory(), VENDOR)?;
    Ok(crates::return_new_files(&shown, &vendor)?)
}

/// Shows the target directory of the only workspace, if there is one and the build didn't choose another.
fn show_target(
    build: &Build,
    workdir: &OwnedFd,
    home: &CargoHome,
    directory: &OwnedFd,
) -> Result<bool> {
    if home.has_target_directory {
        return Ok(false);
    }
    let below_workdir = |path: &PathBuf| {
        let below = path.strip_prefix(&build.workdir).ok()?;
        Some(build.workdir.join(below.components().next()?))
    };
    // A git crate may be in a subdirectory of its repository.
    let mut skipped: Vec<PathBuf> = home.patches.iter().filter_map(below_workdir).collect();
    skipped.extend([home.path.clone(), home.vendor.clone()]);
    let with_test_data = build.phase() == "test";
    let Some(root) = find_workspace(&build.workdir, &skipped, with_test_data) else {
        return Ok(false);
    };
    let workspace = open_in_workdir(build, workdir, &root)?;
    if open_or_create_directory(&workspace, TARGET).is_err() {
        return Ok(false);
    }
    rustix::fs::symlinkat(root.join(TARGET), directory, TARGET)?;
    Ok(true)
}

/// Returns the first and the last moment at which all crates can have been unpacked.
fn unpacked(build: &Build, home: &CargoHome) -> (Time, Time) {
    let marker = rustix::fs::stat(build.directory.join(".unpacked"));
    let marker = marker.map_or(home.written, |stat| crates::modified(&stat));
    (home.written.min(marker), home.written.max(marker))
}

/// Opens a directory in `${WORKDIR}`. No part of the path may be a link.
fn open_in_workdir(build: &Build, workdir: &OwnedFd, path: &Path) -> Result<OwnedFd> {
    let below = path.strip_prefix(&build.workdir);
    let below = below.map_err(|_| Error::invalid("a path is not in WORKDIR"))?;
    open_directory_below(workdir.try_clone()?, below)
        .map_err(|error| Error::failed(format!("can't open {}", path.display()), error))
}
