//! One at a time.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::FlockOperation;

use super::Refusal;
use crate::portage::eprefix;

/// Holds others off until it is dropped, and is taken before anything is looked at. It is a lock on the folder
/// `etc`, which is there whatever else is not, so that nothing is left behind.
///
/// # Errors
/// Where another holds it.
pub fn lock() -> Result<Option<File>, Refusal> {
    let Ok(folder) = File::open(Path::new("/").join(eprefix()).join("etc")) else {
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
