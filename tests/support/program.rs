//! Runs sccache-report and reads what it printed.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A command line of every report, on [`sample`](super::sample).
pub const REPORTS: [&[&str]; 8] = [
    &[],
    &["emlop"],
    &["packages"],
    &["builds"],
    &["emerges"],
    &["trend"],
    &["show", "emlop"],
    &["advise"],
];

/// Returns a command of sccache-report with an empty environment.
pub fn program() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sccache-report"));
    command.env_clear().env("TZ", "UTC0");
    command
}

pub fn run(db: &Path, args: &[&str]) -> Output {
    program().arg("--db").arg(db).args(args).output().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs a report with `--format json`, and returns its rows.
pub fn json(db: &Path, args: &[&str]) -> Vec<Value> {
    let output = run(db, &[args, &["--format", "json"]].concat());
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|why| panic!("{why}: {args:?} printed: {}", err(&output)));
    assert_eq!(document["schema"], 1);
    document["rows"].as_array().unwrap().clone()
}

/// Returns the value of each series in a file of `sccache-report metrics`, named as in the file.
pub fn series(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parse = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let name = name.strip_prefix("sccache_report_").unwrap();
        (name.to_string(), value.parse().unwrap())
    };
    lines.map(parse).collect()
}

/// Runs `sccache-report metrics`, and returns its series.
pub fn metrics(db: &Path, args: &[&str]) -> BTreeMap<String, f64> {
    let output = run(db, &[&["metrics"], args].concat());
    assert!(output.status.success(), "{}", err(&output));
    series(&out(&output))
}

/// Returns the names in a JSON object, in its order.
pub fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// Limits the memory of the command and of each program that it runs: an allocation above the limit
/// fails. The peak in a child's resource usage would be that of the test itself, because Linux counts
/// the memory of a process from before its exec.
pub fn limit_memory(command: &mut Command, kibibytes: u64) {
    // SAFETY: setrlimit is async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            let bytes = kibibytes * 1024;
            let limit = libc::rlimit {
                rlim_cur: bytes,
                rlim_max: bytes,
            };
            if libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) == 0 {
                Ok(())
            } else {
                Err(std::io::Error::last_os_error())
            }
        });
    }
}
