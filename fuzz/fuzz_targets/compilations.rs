//! Any log of a server gives a valid list of compilations, and any bytes are a list or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sccache_report::sccache::ServerLog;
use sccache_report::sccache::compilations::{BuildDirectories, CompilationList, CompilationLog, Compilations};

fuzz_target!(|data: &[u8]| {
    let _ = ServerLog::parse(data, BuildDirectories::default()).expect("nothing to fail");
    let directories = BuildDirectories::new(["/work/x-1.0".into()]);
    let mut log = CompilationLog::new(directories.with_stable_paths("/work/sccache-report/x", true));
    log.read(data).expect("nothing to fail");
    let (directory, list) = (1, log.finish());
    assert!(CompilationList::encode(&Compilations { directory, list }).is_valid());
    let _ = CompilationList::from_bytes(data.to_vec()).decode();
});
