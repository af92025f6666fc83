//! `sccache-collect import` of compressed logs, with any names.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support;
use crate::support::logs::{LIBRSVG, Logs, librsvg};

/// The programs, each with the suffix of its files.
const PACKERS: [(&str, &[&str], &str); 8] = [
    ("gzip", &["-c"], "gz"),
    ("bzip2", &["-c"], "bz2"),
    ("xz", &["-c"], "xz"),
    ("zstd", &["-cq"], "zst"),
    ("lz4", &["-cq"], "lz4"),
    ("lzip", &["-c"], "lz"),
    ("lzop", &["-c"], "lzo"),
    ("zip", &["-q", "-", "-"], "zip"),
];

/// Compresses the log with a program. `None` if the program isn't installed.
fn packed(program: &str, options: &[&str], log: &Path) -> Option<Vec<u8>> {
    let output = Command::new(program)
        .args(options)
        .stdin(fs::File::open(log).unwrap())
        .stderr(Stdio::null())
        .output();
    let output = output.ok()?;
    assert!(output.status.success(), "{program}");
    Some(output.stdout)
}

fn each_packed(mut with: impl FnMut(&str, &str, &[u8])) {
    let plain = Logs::with("x.log", &librsvg());
    let mut found = 0;
    for (program, options, suffix) in PACKERS {
        if let Some(bytes) = packed(program, options, &plain.path("x.log")) {
            found += 1;
            with(program, suffix, &bytes);
        }
    }
    assert!(found >= 2, "neither gzip nor bzip2 is here");
}

#[test]
fn packed_logs_are_the_same_builds() {
    each_packed(|program, suffix, bytes| {
        let names = [
            format!("{LIBRSVG}.{suffix}"),
            LIBRSVG.to_owned(),
            LIBRSVG.replace(".log", &format!(".{suffix}")),
        ];
        for name in &names {
            let logs = Logs::new();
            logs.add(name, bytes);
            logs.added(1, 0);
            assert_eq!(logs.builds()[0]["hits"], 144, "{name}");
            assert_eq!(logs.builds()[0]["started_at"], "2021-04-05T10:15:00Z");
            // An uncompressed copy beside it is the same build.
            logs.add(
                "copy/gnome-base:librsvg-2.50.4:20210405-101500.log",
                librsvg(),
            );
            logs.added(0, 2);
        }
        let logs = Logs::new();
        logs.add("odd-name", bytes);
        let path = logs.path("odd-name").display().to_string();
        let out = support::out(&logs.import("UTC0", &[&path]));
        assert!(out.contains("1 build added"), "{program}: {out}");
    });
}

#[test]
fn what_cannot_be_unpacked_is_named() {
    each_packed(|program, suffix, bytes| {
        for (name, bytes) in [
            (format!("{LIBRSVG}.{suffix}"), &bytes[..bytes.len() / 2]),
            (format!("{LIBRSVG}.{suffix}"), &b"not packed at all"[..]),
        ] {
            let logs = Logs::new();
            logs.add(&name, bytes);
            let (out, status) = logs.sums();
            assert!(
                status == 1 && out.contains("1 not understood"),
                "{program}: {out}"
            );
            assert!(out.contains("0 logs without"), "{program}: {out}");
        }
        let logs = Logs::new();
        logs.add(LIBRSVG, bytes);
        let output = logs.import_with_path("UTC0", "/nowhere", &[]);
        let out = support::out(&output);
        assert_eq!(output.status.code(), Some(1), "{program}: {out}");
        let problem = "not understood: ";
        let reason = " can't be run: No such file or directory";
        assert!(
            out.contains(problem) && out.contains(reason),
            "{program}: {out}"
        );
    });
}

/// Endless lines that compress well.
#[test]
fn bombs_take_little_memory() {
    let logs = Logs::new();
    logs.add("x", "");
    for packer in ["gzip -1", "bzip2 -1"] {
        let done = Command::new("sh")
            .args(["-c", &format!("head -c 200M /dev/zero | {packer} > \"$0\"")])
            .arg(logs.path(&format!("a-b:{}-1:20210405-101500.log", &packer[..4])))
            .status();
        assert!(done.unwrap().success());
    }
    let (out, status) = logs.import_in_64_mib();
    assert!(status == 0 && out.contains("2 logs without"), "{out}");
}

/// A log that has everything that import keeps, as often as possible.
#[test]
fn statistics_beyond_all_measure_take_little_memory() {
    let logs = Logs::new();
    let reasons: String = (0..900)
        .map(|n| format!("{n} {}  1\n", "x".repeat(3000)))
        .collect();
    let block = format!(
        "Compile requests  1\nCache hits  1\nCache misses  1\nCache errors  0\nNon-cacheable reasons:\n{reasons}\nCache size  1 bytes\nMax cache size  1 bytes\n"
    );
    for n in 0..3 {
        let blocks = format!("Stopping sccache server...\n{block}").repeat(9);
        logs.add(&format!("a-b:c-{n}:20210405-101500.log"), blocks);
    }
    let lines = "\"\",".repeat(300_000);
    let line = format!(
        "sccache-report-build: {{\"id\":\"\",\"phases\":[{{\"stats\":{{\"Ok\":{{\"unrecognized\":[{lines}\n"
    );
    logs.add("a-b:d-1:20210405-101500.log", line.repeat(20));
    let (out, status) = logs.import_in_64_mib();
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("too many statistics"), "{out}");
}
