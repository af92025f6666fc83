//! A package with its version is put together again from its parts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sccache_report::portage::log::{LogName, split_pf};

fuzz_target!(|pf: &str| {
    if let Some((pn, pvr)) = split_pf(pf) {
        assert_eq!(format!("{pn}-{pvr}"), pf);
        assert!(split_pf(pn).is_none());
    }
    let _ = LogName::parse(std::path::Path::new(pf));
});
