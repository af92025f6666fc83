//! The parsers of untrusted input read every seed of the fuzz corpus, and mutations of them, without a panic.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use sccache_report::collect::import::Log;
use sccache_report::portage::log::{LogName, split_pf};
use sccache_report::sccache::compilations::{
    BuildDirectories, CompilationList, CompilationLog, Compilations,
};
use sccache_report::sccache::{ServerLog, parse_json, parse_text, print_block};

const TARGETS: [&str; 5] = [
    "compilations",
    "log",
    "parse_json",
    "parse_text",
    "split_pf",
];

fn corpus() -> Vec<Vec<u8>> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut files = Vec::new();
    for target in TARGETS {
        let entries = fs::read_dir(fuzz.join(target)).unwrap();
        files.extend(entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()));
    }
    assert!(files.len() > 8, "the corpus is missing");
    files
}

/// Runs all fuzz targets on one input.
fn read_as_anything(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for stats in [parse_text(&text), parse_json(data)].into_iter().flatten() {
        let _ = parse_text(&print_block(&stats));
    }
    let content = Log::parse(data).unwrap();
    assert!(content.attempts.len() <= 256);
    let _ = content.outcome();
    if let Some((pn, pvr)) = split_pf(&text) {
        assert_eq!(format!("{pn}-{pvr}"), text);
        assert_eq!(split_pf(pn), None);
    }
    let _ = LogName::parse(Path::new(&*text));
    let _ = ServerLog::parse(data, BuildDirectories::default()).unwrap();
    let directories = BuildDirectories::new(["/work/x-1.0".into()]);
    let mut log =
        CompilationLog::new(directories.with_stable_paths("/work/sccache-report/x", true));
    log.read(data).unwrap();
    let (directory, list) = (1, log.finish());
    assert!(CompilationList::encode(&Compilations { directory, list }).is_valid());
    let _ = CompilationList::from_bytes(data.to_vec()).decode();
}

#[test]
fn nothing_in_the_corpus_panics() {
    corpus().iter().for_each(|data| read_as_anything(data));
}

#[test]
fn no_mutation_of_the_corpus_panics() {
    let files = corpus();
    let mutation = (
        0..files.len(),
        any::<[prop::sample::Index; 3]>(),
        any::<Vec<u8>>(),
    );
    let config = ProptestConfig::with_cases(600);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let run = runner.run(&mutation, |(file, at, bytes)| {
        let mut data = files[file].clone();
        let from = at[0].index(data.len() + 1);
        let to = (from + at[1].index(64)).min(data.len());
        data.splice(from..to, bytes);
        data.truncate(at[2].index(2 * data.len() + 1).max(1));
        read_as_anything(&data);
        Ok(())
    });
    run.unwrap();
}
