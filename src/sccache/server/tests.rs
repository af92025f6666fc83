//! With a shell script in place of sccache that does one thing wrong at a time.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use tempfile::TempDir;

use super::*;

const JSON: &str = include_str!("../../../tests/fixtures/sccache/0.16.0.json");
const TEXT: &str = include_str!("../../../tests/fixtures/sccache/0.16.0.stop.txt");

/// A listener, a script in place of sccache, and the script's folder, in which `json` and `text` are
/// what sccache would print.
struct Stage {
    sccache: Sccache,
    listener: Option<UnixListener>,
    folder: TempDir,
}

fn stage(script: &str) -> Stage {
    let folder = TempDir::new().unwrap();
    let name = folder.path().display().to_string().into_bytes();
    let socket = SocketAddr::from_abstract_name(&name).unwrap();
    let program = folder.path().join("sccache");
    let script = format!("#!/bin/sh\ncd '{}'\n{script}\n", folder.path().display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.path().join("json"), JSON).unwrap();
    fs::write(folder.path().join("text"), TEXT).unwrap();
    Stage {
        sccache: Sccache::new(program, Address::Abstract(name)),
        listener: Some(UnixListener::bind_addr(&socket).unwrap()),
        folder,
    }
}

impl Stage {
    /// [`Sccache::read_and_stop`], while the listener ends once the script makes the file `stopped`.
    /// The time of the clients, which is of chance, is left out.
    fn read_and_stop(&mut self) -> Result<Stats, StopError> {
        let (listener, stopped) = (self.listener.take(), self.folder.path().join("stopped"));
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let server = thread::spawn(move || {
            let again = Duration::from_millis(5);
            while !stopped.exists()
                && ended.recv_timeout(again) == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
            }
            drop(listener);
        });
        let taken = self.sccache.read_and_stop();
        drop(done);
        server.join().unwrap();
        taken.map(|stats| Stats {
            client_seconds: None,
            ..stats
        })
    }
}

const GOOD: &str = r#"case $1 in --show-stats) cat json;; *) touch stopped; cat text;; esac"#;

#[test]
fn the_numbers_are_those_of_the_json() {
    let stats = stage(GOOD).read_and_stop().unwrap();
    assert_eq!(stats, parse_json(JSON.as_bytes()).unwrap());
    assert_eq!(stats.hits.compilers["c [gcc]"], 2);
}

#[test]
fn a_request_in_between_is_in_the_text() {
    let mut stage = stage(GOOD);
    let more = TEXT.replace(
        "Non-compilation calls                 2",
        "Non-compilation calls  3",
    );
    fs::write(stage.folder.path().join("text"), more).unwrap();
    assert_eq!(stage.read_and_stop().unwrap().non_compilation, Some(3));
}

#[test]
fn the_text_replaces_unusable_json() {
    for script in [
        "case $1 in --show-stats) echo '{';; *) touch stopped; cat text;; esac",
        "case $1 in --show-stats) exit 2;; *) touch stopped; cat text;; esac",
    ] {
        assert_eq!(
            stage(script).read_and_stop().unwrap(),
            parse_text(TEXT).unwrap()
        );
    }
}

#[test]
fn the_json_replaces_an_unusable_text() {
    let script = "case $1 in --show-stats) cat json;; *) touch stopped;; esac";
    assert_eq!(stage(script).read_and_stop().unwrap().requests, Some(14));
}

#[test]
fn a_failed_stop_keeps_the_numbers_and_reports_the_server() {
    let script =
        "case $1 in --show-stats) cat json;; *) echo \"sccache: error: no\" >&2; exit 2;; esac";
    let error = stage(script).read_and_stop().unwrap_err();
    assert!(error.still_listening);
    assert_eq!(error.stats.as_ref().unwrap().requests, Some(14));
    let expected = "sccache --stop-server failed (exit status: 2): sccache: error: no; the server is still running";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_server_that_goes_on_listening_is_reported() {
    let error = stage("case $1 in --show-stats) cat json;; *) cat text;; esac")
        .read_and_stop()
        .unwrap_err();
    assert_eq!(error.error, ServerError::StillListening);
    assert!(error.still_listening && error.stats.is_some());
    assert_eq!(error.to_string(), "the sccache server did not stop");
}

#[test]
fn a_hanging_server_costs_two_deadlines() {
    let mut stage = stage("sleep 60");
    stage.sccache.deadline = Duration::from_millis(100);
    let start = Instant::now();
    let error = stage.read_and_stop().unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10));
    let expected = "sccache --show-stats took longer than 0.1 s; the server is still running";
    assert_eq!((error.to_string().as_str(), error.stats), (expected, None));
}

#[test]
fn without_a_server_nothing_is_run() {
    let mut stage = stage("touch ran");
    stage.listener = None;
    let error = stage.read_and_stop().unwrap_err();
    assert_eq!(error.to_string(), "no sccache server is running");
    assert!(!stage.folder.path().join("ran").exists());
}

#[test]
fn a_missing_program_is_an_error() {
    let mut stage = stage("");
    stage.sccache.program = "sccache-that-is-not-there".into();
    let error = stage.read_and_stop().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("could not run sccache-that-is-not-there: ")
    );
}

#[test]
fn the_environment_has_the_address_and_starts_nothing() {
    let sccache = |address| Sccache::new("sccache", address).command();
    let value = |command: &Command, name: &str| {
        let found = command.get_envs().find(|(key, _)| *key == name);
        found.unwrap().1.map(|v| v.to_str().unwrap().to_owned())
    };
    let port = sccache(Address::Port(5));
    assert_eq!(value(&port, "SCCACHE_SERVER_PORT").as_deref(), Some("5"));
    assert_eq!(value(&port, "SCCACHE_SERVER_UDS"), None);
    assert_eq!(value(&port, "SCCACHE_START_SERVER"), None);
    let uds = sccache(Address::Abstract(b"a".to_vec()));
    assert_eq!(value(&uds, "SCCACHE_SERVER_UDS").as_deref(), Some(r"\x00a"));
    assert_eq!(value(&uds, "SCCACHE_SERVER_PORT").as_deref(), Some("1"));
}
