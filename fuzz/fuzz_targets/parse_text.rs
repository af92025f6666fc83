//! Any text is read or refused; what is read survives being printed in our own block.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sccache_report::sccache::{parse_text, print_block};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(stats) = parse_text(&text) {
        assert!(stats.unrecognized.len() <= 101);
        let _ = parse_text(&print_block(&stats));
    }
});
