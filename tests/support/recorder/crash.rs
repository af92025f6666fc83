//! Processes that are killed at random moments, and what has to be whole afterwards.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use sccache_report::store::{Error, Store};

use super::World;

/// A sequence of numbers that is the same for the same seed (splitmix64).
pub struct Random(u64);

impl Random {
    /// Another seed in each run, said so that a failure can be repeated with SCCACHE_REPORT_SEED.
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

pub fn start(world: &World, t: &Path) -> Child {
    let mut command = world.command(t);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// How long something takes here and now: of nine times the one in the middle, for one of them may have been
/// held up by whatever else the machine does.
pub fn usual_duration(mut once: impl FnMut() -> Duration) -> Duration {
    let mut durations: Vec<Duration> = (0..9).map(|_| once()).collect();
    durations.sort_unstable();
    durations[4]
}

/// A random part of it, or up to half as much again: the machine may get slower, and some are to get to the end.
pub fn random_part(whole: Duration, random: &mut Random) -> Duration {
    Duration::from_micros(random.below(whole.as_micros() as u64 * 3 / 2))
}

#[track_caller]
pub fn assert_whole(db: &Path) {
    let connection = Connection::open(db).unwrap();
    let check = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, String>(0));
    assert_eq!(check("PRAGMA integrity_check").unwrap(), "ok");
    assert!(
        check("PRAGMA foreign_key_check").is_err(),
        "rows that refer to nothing"
    );
    // An older or a newer version's is not for this one to read.
    let store = match Store::open_for_reading(db) {
        Err(Error::EmptyDatabase(_) | Error::OlderSchema(..) | Error::NewerSchema(..)) => return,
        store => store.unwrap(),
    };
    crate::support::assert_kept_sums(&store);
}
