//! The databases of `benches/generate.rs` resemble recorded ones, so that measurements on them are valid.

#[path = "../../benches/generate.rs"]
#[allow(dead_code, reason = "it is a program of its own")]
pub mod generate;

use crate::support::*;
use generate::Machine;
use sccache_report::portage::Attribution;
use sccache_report::store::{Filter, Store};

#[test]
fn a_generated_database_is_as_a_recorded_one() {
    let (_folder, db) = folder();
    let mut log = Vec::new();
    generate::database(Machine::LARGE, 600, &db, &mut log).unwrap();
    let store = Store::open_for_reading(&db).unwrap();
    assert_eq!(store.check_integrity().unwrap(), Vec::<String>::new());
    assert_sums_match(&store);
    let (builds, mut phases) = (
        store.builds(&Filter::default()).unwrap(),
        store.phases(&Filter::default()).unwrap(),
    );
    let emerges = store.emerges(&Filter::default()).unwrap();
    assert_eq!(builds.len(), 600);
    let merges = String::from_utf8(log).unwrap();
    assert_eq!(merges.matches("::: completed").count(), 600);
    let mut before = None;
    for build in &builds {
        let emerge = emerges
            .iter()
            .find(|emerge| Some(emerge.id) == build.emerge);
        let emerge = emerge.unwrap();
        assert!(emerge.started_at <= build.started_at);
        let since = build.started_at - emerge.started_at;
        assert!(since.num_hours() < 6, "{since}");
        assert!(before <= Some(build.started_at), "one after the other");
        before = Some(build.finished_at);
        let mut end = build.started_at;
        for phase in phases.remove(&build.id).unwrap() {
            phase.check().unwrap();
            assert!(end <= phase.started_at && phase.finished_at <= build.finished_at);
            end = phase.finished_at;
            let Ok(stats) = phase.stats else { continue };
            assert_eq!(stats.errors.map(|errors| errors.total), Some(0));
            assert_eq!(stats.base_directories, Some(vec![]));
            let exact = phase.attribution == Attribution::Exact;
            assert_eq!(stats.processor_seconds.is_some(), exact);
        }
    }
}

#[test]
fn the_generator_says_how_it_is_called() {
    let usage = "Usage: generate BUILDS DATABASE";
    assert!(generate::run(&["--help"]).unwrap().starts_with(usage));
    for (args, said) in [
        (&[][..], usage),
        (&["1000"], usage),
        (&["db", "1000"], "BUILDS has to be a number, not `db`: "),
        (&["1", "/nowhere/db", "/nowhere/log"], "/nowhere/log: "),
    ] {
        let error = format!("{:#}", generate::run(args).unwrap_err());
        assert!(error.starts_with(said), "{args:?}: {error}");
    }
}
