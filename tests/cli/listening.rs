//! Whether a process listens at an address.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sccache_report::sccache::{Address, is_listening};

/// Waits for a condition. Other tests run programs, and between fork and exec a child holds every socket of its parent:
/// a socket outlives its last owner here for a moment.
fn is_soon(condition: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while !condition() {
        if begin.elapsed() > Duration::from_secs(10) {
            return false;
        }
        sleep(Duration::from_millis(1));
    }
    true
}

#[test]
fn listening_is_seen_and_its_end() {
    let name = format!("sccache-report test {}", std::process::id()).into_bytes();
    let path = std::env::temp_dir().join(format!("sccache-report-{}", std::process::id()));
    let socket = SocketAddr::from_abstract_name(&name).unwrap();
    let listeners = (
        UnixListener::bind_addr(&socket).unwrap(),
        UnixListener::bind(&path).unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let port = listeners.2.local_addr().unwrap().port();
    let all = [
        Address::Abstract(name),
        Address::Path(path.clone()),
        Address::Port(port),
    ];
    assert!(all.iter().all(is_listening));
    drop(listeners);
    assert!(path.exists(), "a stale socket file is no server");
    assert!(is_soon(|| !all.iter().any(is_listening)));
    fs::remove_file(path).unwrap();
}
