//! One at a time.

use std::fs::File;
use std::io::ErrorKind;

use rustix::fs::FlockOperation;

use super::super::Machine;
use super::Refusal;

/// Holds others off until it is dropped: a lock on the folder of Portage's configuration, which is there
/// whatever else is not, so that nothing is left behind.
///
/// # Errors
/// Where another holds it.
pub fn lock(machine: &Machine) -> Result<Option<File>, Refusal> {
    let config = machine.settings.config();
    let there = config.ancestors().find(|path| path.is_dir());
    let Some(folder) = there.and_then(|path| File::open(path).ok()) else {
        return Ok(None);
    };
    match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(Refusal::new(
            "another `sccache-report setup` is at work, or waits for its answer",
            "let it end first",
        )),
        // A file system that knows no locks (NFS without its daemon).
        _ => Ok(Some(folder)),
    }
}
