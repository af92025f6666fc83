//! Processes that are killed at random moments, and the database afterwards.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use sccache_report::store::{Error, Store};

use super::Workspace;

/// A reproducible sequence of numbers (splitmix64).
pub struct Random(u64);

impl Random {
    /// Takes the seed from `SCCACHE_REPORT_SEED`, else a new one, and prints it.
    pub fn new() -> Random {
        let given = std::env::var("SCCACHE_REPORT_SEED").ok();
        let seed = given.map_or_else(
            || u64::from(std::process::id()),
            |seed| seed.parse().unwrap(),
        );
        eprintln!("SCCACHE_REPORT_SEED={seed}");
        Random(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

pub fn start(workspace: &Workspace, t: &Path) -> Child {
    let mut command = workspace.command(t);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Returns the median of nine durations, since a busy machine may delay some.
pub fn median_duration(mut once: impl FnMut() -> Duration) -> Duration {
    let mut durations: Vec<Duration> = (0..9).map(|_| once()).collect();
    durations.sort_unstable();
    durations[4]
}

/// Returns a random duration of up to 1.5 times `whole`: some processes have to reach their end on a slower machine.
pub fn random_part(whole: Duration, random: &mut Random) -> Duration {
    Duration::from_micros(random.below(whole.as_micros() as u64 * 3 / 2))
}

#[track_caller]
pub fn assert_consistent(db: &Path) {
    let connection = Connection::open(db).unwrap();
    let check = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, String>(0));
    assert_eq!(check("PRAGMA integrity_check").unwrap(), "ok");
    assert!(
        check("PRAGMA foreign_key_check").is_err(),
        "rows that refer to nothing"
    );
    // This version can't read other versions of the schema.
    let store = match Store::open_for_reading(db) {
        Err(Error::EmptyDatabase(_) | Error::OlderSchema(..) | Error::NewerSchema(..)) => return,
        store => store.unwrap(),
    };
    crate::support::assert_sums_match(&store);
}
