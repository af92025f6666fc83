//! What stable paths gained or would gain.

use std::path::Path;

use crate::support::listed::*;
use crate::support::*;
use sccache_report::portage::{Build, StablePaths};
use sccache_report::sccache::compilations::{Compilation, DirectoryInKey, Language};

const PACKAGE: &str = "app-misc/foo";

/// Five crates of a registry, and one of the package's own. Each took a second.
fn crates(first_key: u64, of_registry: DirectoryInKey) -> Vec<Compilation> {
    let list = (0..6).map(|n| Compilation {
        metadata: Some(n),
        language: Some(Language::Rust),
        directory_in_key: if n < 5 {
            of_registry
        } else {
            DirectoryInKey::Always
        },
        ..miss(&format!("crate_{n}"), first_key + n)
    });
    list.collect()
}

/// Returns the build of a revision on the day of its number.
fn revision(number: u32, list: &[Compilation], state: Option<StablePaths>) -> Build {
    let mut build = listed_in(number.into(), number, PACKAGE, list);
    build.version = format!("1.2-r{number}");
    build.phases[0].stable_paths = state;
    build
}

/// Two builds with the build's own paths, two with stable ones, and one that had to keep its own.
fn builds() -> [Build; 5] {
    let own = |key| crates(key, DirectoryInKey::AvoidedByStablePaths);
    let stable = |key| crates(key, DirectoryInKey::AtStablePaths);
    let mut hits = stable(300);
    for (compilation, key) in hits.iter_mut().zip(300..305) {
        *compilation = Compilation {
            directory_in_key: DirectoryInKey::AtStablePaths,
            language: Some(Language::Rust),
            metadata: compilation.metadata,
            ..hit(&compilation.unit, key)
        };
    }
    hits[5] = own(400).remove(5);
    [
        revision(1, &own(100), None),
        revision(2, &own(200), None),
        revision(3, &stable(300), Some(StablePaths::InUse)),
        revision(4, &hits, Some(StablePaths::InUse)),
        revision(5, &own(500), Some(StablePaths::OtherBuild)),
    ]
}

/// Returns the output without the name of package.env, which is a file or a directory.
fn shown(db: &Path, args: &[&str]) -> String {
    let output = run(db, args);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    out(&output).replace("package.env/sccache-report", "package.env")
}

#[test]
fn what_would_be_gained_comes_with_the_line_that_gains_it() {
    let (_folder, db) = folder();
    record(&db, &builds()[..2]);
    insta::assert_snapshot!("stable_paths_advise", shown(&db, &["advise"]));
    insta::assert_snapshot!("stable_paths_explain", shown(&db, &["explain", "foo"]));
    let text = shown(&db, &["show", "b00004b2"]);
    let part = "5 of 6 misses of 1.2-r2 would have been hits with stable paths (5.0 s of compiling, an estimate)";
    assert!(text.contains(part), "{text}");
    let row = &json(&db, &["advise"])[0];
    assert_eq!(row["advice"], "stable-paths");
    assert_eq!(row["about"], serde_json::json!([PACKAGE]));
    assert_eq!(row["numbers"]["avoidable_misses"], 5);
    let explained = json(&db, &["explain", "foo"]);
    assert_eq!(explained[0]["reason"], "path");
    assert_eq!(explained[0]["count"], 6);
    assert_eq!(explained[0]["avoidable_with_stable_paths"], 5);
}

#[test]
fn what_was_gained_is_reported() {
    let (_folder, db) = folder();
    record(&db, &builds());
    let effects: Vec<_> = json(&db, &["builds"])
        .into_iter()
        .map(|build| build["stable_paths"].clone())
        .collect();
    let effect = |state: Option<&str>, avoidable: u32, gained: u32| {
        serde_json::json!({
            "state": state,
            "avoidable_misses": avoidable,
            "avoidable_seconds": f64::from(avoidable),
            "gained_hits": gained,
            "gained_seconds": f64::from(gained),
        })
    };
    assert_eq!(
        effects,
        [
            serde_json::Value::Null,
            effect(None, 5, 0),
            effect(Some("in_use"), 0, 0),
            effect(Some("in_use"), 0, 5),
            effect(Some("other_build"), 0, 0),
        ]
    );
    let gained = "stable paths: 5 hits on crates that only other versions had compiled (5.0 s of compiling saved)";
    let kept = "stable paths: not used: another version is being built";
    for (args, part) in [
        (["show", "foo"], gained),
        (["explain", "foo"], kept),
        (["show", PACKAGE], gained),
    ] {
        let text = shown(&db, &args);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(part), "{args:?}: {text}");
    }
    let explained = json(&db, &["explain", "foo"]);
    assert_eq!(
        explained[0]["avoidable_with_stable_paths"],
        serde_json::Value::Null
    );
    // The newest build has them turned on, though this one would have gained.
    let old = shown(&db, &["explain", "b00004b2"]);
    assert!(
        old.contains("5 of 6 misses of 1.2-r2 would have been hits"),
        "{old}"
    );
    assert!(!old.contains("To turn on"), "{old}");
    let advice = json(&db, &["advise"]);
    let is_advised = advice.iter().any(|row| row["advice"] == "stable-paths");
    assert!(!is_advised, "they are turned on");
}

#[test]
fn an_unknown_time_is_not_0() {
    let (_folder, db) = folder();
    let mut builds = builds();
    for build in &mut builds {
        build.phases[0].stats.as_mut().unwrap().processor_seconds = None;
    }
    record(&db, &builds[..2]);
    let effect = &json(&db, &["builds"])[1]["stable_paths"];
    assert_eq!(effect["avoidable_misses"], 5);
    assert_eq!(effect["avoidable_seconds"], serde_json::Value::Null);
    let numbers = &json(&db, &["advise"])[0]["numbers"];
    assert_eq!(numbers["avoidable_seconds"], serde_json::Value::Null);
}

/// The advice stays until the package is built again.
#[test]
fn the_commands_can_be_run_again() {
    let (folder, db) = folder();
    record(&db, &builds()[..2]);
    let advice = &json(&db, &["advise"])[0];
    let etc = folder.path().join("etc");
    let commands = advice["setting"].as_str().unwrap();
    let commands = commands.replace("package.env/sccache-report", "package.env");
    let commands = commands.replace("/etc/portage", etc.to_str().unwrap());
    for _ in 0..2 {
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-ec", &commands]).output().unwrap();
        assert!(output.status.success(), "{}", err(&output));
        let lines = std::fs::read_to_string(etc.join("package.env")).unwrap();
        assert_eq!(lines, "app-misc/foo sccache-stable-paths.conf\n");
    }
}
