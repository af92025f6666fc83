//! Any bytes are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sccache_report::sccache::{parse_json, print_block};

fuzz_target!(|data: &[u8]| {
    if let Ok(stats) = parse_json(data) {
        let _ = print_block(&stats);
    }
});
