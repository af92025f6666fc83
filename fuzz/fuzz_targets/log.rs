//! Any log is read in bounded memory, and what it says is bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sccache_report::collect::import::Content;

fuzz_target!(|data: &[u8]| {
    let content = Content::read(data).expect("nothing to fail");
    assert!(content.entries.len() <= 256);
    let _ = content.outcome();
});
