//! User `portage` writes snapshots, and root reads them. Content that no collector writes causes one warning that doesn't
//! quote it, and costs at most 32 MiB of memory.

use std::fs;

use crate::support;
use crate::support::recorder::refused::*;
use crate::support::recorder::*;
use sccache_report::portage::write_snapshot;
use uuid::Uuid;

#[test]
fn content_that_no_collector_writes_is_refused() {
    let id = support::id(1).to_string();
    let good = valid_snapshot(1);
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} in {good}");
        good.replacen(from, to, 1).into_bytes()
    };
    let brackets = "[".repeat(100_000);
    let objects = "{\"a\":".repeat(10_000);
    let many = |of: &str| format!("[{}]", vec![of; 30_000 / of.len()].join(","));
    let contents: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "incomplete JSON"),
        (
            good.as_bytes()[..good.len() / 2].to_vec(),
            "incomplete JSON",
        ),
        (SECRET.into(), "not JSON"),
        (vec![0xff; 100], "not JSON"),
        (vec![0; 1000], "not JSON"),
        (
            format!("\"{SECRET}\"").into(),
            "JSON with unexpected content",
        ),
        (
            with("\"schema\":1", "\"schema\":\"secret\""),
            "JSON with unexpected content",
        ),
        (with("\"schema\":1", "\"schema\":2"), "unsupported schema 2"),
        (with("{", &format!("{{\"x\":{brackets},")), "longer than"),
        (
            with("{", &format!("{{\"x\":{},", &brackets[..50_000])),
            "not JSON",
        ),
        (with("{", &format!("{{\"x\":{objects}")), "not JSON"),
        (brackets[..60_000].into(), "JSON with unexpected content"),
        (with("\"requests\":36", "\"requests\":NaN"), "not JSON"),
        (
            with("\"requests\":36", "\"requests\":-1"),
            "JSON with unexpected content",
        ),
        (
            with("\"requests\":36", "\"requests\":3.4"),
            "JSON with unexpected content",
        ),
        (
            with("\"requests\":36", "\"requests\":1e99"),
            "JSON with unexpected content",
        ),
        (
            with("\"requests\":36", "\"requests\":18446744073709551615"),
            "a count is too large",
        ),
        (
            with("\"requests\":36", "\"requests\":18446744073709551616"),
            "JSON with unexpected content",
        ),
        (
            with("\"compiler_seconds\":1.5", "\"compiler_seconds\":Infinity"),
            "not JSON",
        ),
        (
            with("\"compiler_seconds\":1.5", "\"compiler_seconds\":1e999"),
            "not JSON",
        ),
        (
            with("\"compiler_seconds\":1.5", "\"compiler_seconds\":-0.5"),
            "a duration is out of range",
        ),
        (
            with(
                "\"cache_size\":1073741824",
                "\"cache_size\":9223372036854775808",
            ),
            "a size is too large",
        ),
        (
            with("\"total\":9", "\"total\":8"),
            "the parts of a count sum up to 9",
        ),
        (
            with("\"total\":9", "\"total\":9,\"total\":9"),
            "JSON with unexpected content",
        ),
        (
            with("2026-11-01T10:00:00Z", "1970-01-01T00:00:00Z"),
            "a time is out of range",
        ),
        (
            with("2026-11-01T10:00:00Z", "9999-12-31T23:59:59Z"),
            "a time is out of range",
        ),
        (
            with("2026-11-01T10:00:00Z", "+262142-12-31T23:59:59Z"),
            "a time is out of range",
        ),
        (with("\"compile\"", "\"../../etc\""), "unknown phase"),
        (
            with(&id, &support::id(2).to_string()),
            "its name doesn't match its id",
        ),
        (
            with(
                "\"unrecognized\":[]",
                &format!("\"unrecognized\":{}", many("\"\"")),
            ),
            "a list is too long",
        ),
        (
            with(
                "\"base_directories\":null",
                &format!("\"base_directories\":{}", many("\"\"")),
            ),
            "a list is too long",
        ),
    ];
    for (content, why) in contents {
        let workspace = Workspace::new();
        let (t, path) = hostile_path(&workspace, 1);
        fs::write(&path, content).unwrap();
        assert_refused(&workspace, &t, &path, why);
    }
}

#[test]
fn what_a_terminal_would_obey_is_refused_in_every_string() {
    let texts = [
        "\u{1b}[2J",
        "\u{7}",
        "a\nwarning: b",
        "\r",
        "\u{0}",
        "\u{7f}",
        "\u{9b}31m",
        "\u{202e}",
        "\u{200b}",
        "\u{2066}",
        "\u{feff}",
    ];
    for (number, text) in texts.into_iter().enumerate() {
        let quoted = serde_json::to_string(text).unwrap();
        let places = [
            "\"Rust\"",
            "\"rust\"",
            "\"crate-type\"",
            "\"line\"",
            "\"dir\"",
            "\"server\"",
        ];
        let workspace = Workspace::new();
        let t = workspace.build_with(7);
        let mut phase = compile(9);
        let stats = phase.stats.as_mut().unwrap();
        stats.unrecognized = vec!["line".into()];
        stats.base_directories = Some(vec!["dir".into()]);
        stats.dist_compiles.insert("server".into(), 1);
        let other = workspace.empty_build();
        write_snapshot(Uuid::new_v4(), &other, &phase).unwrap();
        let file = fs::read_dir(snapshots(&other))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let good = fs::read_to_string(&file).unwrap();
        let old = file.file_stem().unwrap().to_str().unwrap();
        for (n, place) in places.into_iter().enumerate() {
            let id = support::id((number * 100 + n) as u128).to_string();
            assert!(good.contains(place), "{place} in {good}");
            let path = snapshots(&t).join(format!("{id}.json"));
            fs::write(path, good.replace(old, &id).replacen(place, &quoted, 1)).unwrap();
        }
        let path = snapshots(&t).join(format!("a{text}b\\").replace('\0', ""));
        fs::write(&path, "{}").unwrap();
        assert_refused(&workspace, &t, &path, "and 2 more");
        assert_eq!(
            workspace.report()[0]["languages"]
                .as_object()
                .unwrap()
                .len(),
            1
        );
    }
    // The detail of a phase that was not measured.
    for (detail, why) in [
        ("no server\u{1b}[2J", "control characters"),
        (&"x".repeat(81), "81 bytes"),
    ] {
        let workspace = Workspace::new();
        let (t, path) = hostile_path(&workspace, 1);
        let mut phase = serde_json::from_str::<serde_json::Value>(&valid_snapshot(1)).unwrap();
        let error = serde_json::json!({"reason": "other", "detail": detail});
        phase["phase"]["stats"] = serde_json::json!({"Err": error});
        fs::write(&path, phase.to_string()).unwrap();
        assert_refused(&workspace, &t, &path, why);
    }
}

/// A text that isn't a version, such as a spreadsheet formula, is an unknown version. The numbers stay.
#[test]
fn a_version_looks_like_one() {
    let workspace = Workspace::new();
    let (t, path) = hostile_path(&workspace, 1);
    let forged = valid_snapshot(1).replace("0.16.0", "=HYPERLINK(1)");
    assert!(forged.contains("=HYPER"), "{forged}");
    fs::write(&path, forged).unwrap();
    let done = workspace.record(&t);
    assert!(done.err.is_empty(), "{done:?}");
    let build = &workspace.report()[0];
    assert!(build["hits"].as_u64() > Some(7), "{build}");
    assert_eq!(build["phases"]["compile"]["sccache_version"], "0.16.0");
    let rows = support::out(&support::run(&workspace.db, &["builds", "--format", "csv"]));
    assert!(!rows.contains('='), "{rows}");
}

#[test]
fn the_largest_snapshots_that_are_taken_fit_into_32_mib() {
    let workspace = Workspace::new();
    let t = workspace.empty_build();
    let mut phase = compile(512);
    let stats = phase.stats.as_mut().unwrap();
    stats.unrecognized = vec![String::new(); 512];
    stats.base_directories = Some(stats.unrecognized.clone());
    let one: std::collections::BTreeMap<String, u64> =
        (0..512).map(|n| (n.to_string(), 1)).collect();
    stats.not_cached = one.clone();
    stats.dist_compiles = one.clone();
    stats.hits.languages = one.clone();
    stats.hits.compilers = one.clone();
    stats.misses.total = 512;
    stats.misses.languages = one.clone();
    stats.misses.compilers = one;
    for _ in 0..256 {
        write_snapshot(Uuid::new_v4(), &t, &phase).unwrap();
    }
    let done = workspace.record(&t);
    // The second warning is about the unknown lines.
    assert!(
        done.assert_warnings(2).contains("bytes in total"),
        "{done:?}"
    );
    assert_eq!(workspace.report().len(), 1);
    assert_little_memory(&done);
}

#[test]
fn names_that_pms_does_not_allow_are_refused() {
    let hostile = ["a/b", "../x", "a b", "\u{1b}[2J", "$(id)", "a\nb", ""];
    for (variable, text) in ["CATEGORY", "PN", "PVR"]
        .iter()
        .flat_map(|v| hostile.map(|text| (v, text)))
    {
        let workspace = Workspace::new();
        let t = workspace.build_with(1);
        let mut command = workspace.command(&t);
        command.env(variable, text);
        run_to_end(command).assert_warnings(1);
        assert!(!workspace.db.exists() && snapshots(&t).exists());
    }
}
