//! Processes that are killed at random moments, and what has to be whole afterwards.

use std::path::Path;
use std::process::{Child, Stdio};

use rusqlite::Connection;

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

#[track_caller]
pub fn assert_whole(db: &Path) {
    let connection = Connection::open(db).unwrap();
    let check = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, String>(0));
    assert_eq!(check("PRAGMA integrity_check").unwrap(), "ok");
    assert!(
        check("PRAGMA foreign_key_check").is_err(),
        "rows that refer to nothing"
    );
}
