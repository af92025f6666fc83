//! Turns to write.
//!
//! SQLite's lock belongs to the process that tries first after it is free, and a process that waits tries every 100 ms
//! (`sqliteDefaultBusyCallback` in its `main.c`, 3.50). So one that runs many transactions, one after the other, would
//! keep others away. While they wait, they hold a shared lock of flock(2) on the folder of the database, and it lets
//! them go first. On NFS, only processes of the same machine see these locks.

use std::fs::File;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Transaction, TransactionBehavior};
use rustix::fs::{FlockOperation, flock};

use super::Store;

/// The longest time to wait for other processes at once: two of their attempts. Any user can hold the lock.
const LIMIT: Duration = Duration::from_millis(250);

/// The time between two attempts to lock, and between two requests.
const STEP: Duration = Duration::from_millis(1);

/// How often a turn is requested. A request fails while another process looks at the lock, for microseconds.
const REQUESTS: usize = 5;

/// Shows others that this process waits for the lock of the database, until it is dropped.
struct TurnRequest {
    _folder: Option<File>,
}

/// The turns of other processes.
pub(super) struct Turns {
    folder: Option<File>,
    /// When [`LIMIT`] was reached last.
    limited_at: Option<Instant>,
}

impl Store {
    /// Begins a transaction that writes. While it waits for the lock, it requests a turn.
    pub(super) fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        let _request = self.request_turn();
        let behavior = TransactionBehavior::Immediate;
        self.connection.transaction_with_behavior(behavior)
    }

    fn request_turn(&self) -> TurnRequest {
        let folder = open_folder(&self.path).filter(|folder| {
            (0..REQUESTS).any(|attempt| {
                if attempt > 0 {
                    sleep(STEP);
                }
                flock(folder, FlockOperation::NonBlockingLockShared).is_ok()
            })
        });
        TurnRequest { _folder: folder }
    }

    /// Returns the turns of others, for a process that runs many transactions.
    pub(super) fn turns(&self) -> Turns {
        Turns {
            folder: open_folder(&self.path),
            limited_at: None,
        }
    }
}

impl Turns {
    /// Returns when no other process requests a turn, or at [`LIMIT`]. After that, as much time passes until the next wait.
    pub fn let_others_go_first(&mut self) {
        if self.limited_at.is_some_and(|at| at.elapsed() < LIMIT) {
            return;
        }
        let end = Instant::now() + LIMIT;
        while self.is_requested() {
            if Instant::now() >= end {
                self.limited_at = Some(Instant::now());
                return;
            }
            sleep(STEP);
        }
    }

    /// Whether another process requests a turn.
    pub fn is_requested(&self) -> bool {
        let Some(folder) = &self.folder else {
            return false;
        };
        let is_locked = flock(folder, FlockOperation::NonBlockingLockExclusive).is_err();
        if !is_locked {
            // Unlocking an open file doesn't fail.
            let _ = flock(folder, FlockOperation::Unlock);
        }
        is_locked
    }
}

/// Opens the folder in which the database lies, also if `path` is a link to it.
fn open_folder(path: &Path) -> Option<File> {
    File::open(path.canonicalize().ok()?.parent()?).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use rusqlite::Connection;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_request_is_waited_for_but_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stats.db");
        let store = Store::open_for_recording(&path).unwrap();
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let linked = Store::open_for_recording(&link).unwrap();
        let mut turns = store.turns();
        assert!(!turns.is_requested());
        let requests = [store.request_turn(), linked.request_turn()];
        let begun = Instant::now();
        turns.let_others_go_first();
        assert!(begun.elapsed() >= LIMIT && turns.limited_at.is_some());
        assert!(turns.is_requested());
        drop(requests);
        assert!(!turns.is_requested());
    }

    /// Without turns, the other process would find the lock free for microseconds only.
    #[test]
    fn a_process_with_many_transactions_keeps_nobody_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stats.db");
        let mut store = Store::open_for_recording(&path).unwrap();
        let mut turns = Store::open_for_recording(&path).unwrap().turns();
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let writer = Connection::open(&path).unwrap();
                while !is_done.load(Ordering::Relaxed) {
                    turns.let_others_go_first();
                    // SQLite waits for nobody here.
                    let _ = writer.execute_batch("BEGIN IMMEDIATE");
                    sleep(Duration::from_millis(150));
                    let _ = writer.execute_batch("COMMIT");
                }
            });
            let removed = (0..5).map(|_| store.forget(&[Uuid::nil()]));
            let removed: Vec<_> = removed.collect();
            is_done.store(true, Ordering::Relaxed);
            assert!(removed.iter().all(Result::is_ok), "{removed:?}");
        });
    }
}
