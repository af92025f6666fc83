//! Any log is read in bounded memory, and what it says is bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sccache_report::collect::import::Log;

fuzz_target!(|data: &[u8]| {
    let content = Log::parse(data).expect("nothing to fail");
    assert!(content.attempts.len() <= 256);
    let _ = content.outcome();
});
