//! Addresses of servers, and whether a server is listening there.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use regex::bytes::Regex;

/// The port of a server without a configured address (`DEFAULT_PORT` in sccache's
/// `src/commands.rs`).
const DEFAULT_PORT: u16 = 4226;

/// The address of an sccache server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket without a file, by its name without the zero byte before it
    /// (`SCCACHE_SERVER_UDS='\x00name'`, sccache 0.9.0+).
    Abstract(Vec<u8>),
    /// A Unix socket in the file system (`SCCACHE_SERVER_UDS=/path`, sccache 0.9.0+).
    Path(PathBuf),
    /// A TCP port of the loopback interface (`SCCACHE_SERVER_PORT`).
    Port(u16),
}

impl Address {
    /// Returns the address that sccache takes from the values of `SCCACHE_SERVER_UDS` and
    /// `SCCACHE_SERVER_PORT` (`get_addr` in its `src/commands.rs`, 0.9.0 to 0.17.0; older versions
    /// know only the port). Like sccache, ignores invalid values.
    pub fn from_variables(uds: Option<&OsStr>, port: Option<&OsStr>) -> Address {
        let parse_uds = |uds: &str| match uds.strip_prefix(r"\x00") {
            Some(escaped) => unescape(escaped.as_bytes()).map(Address::Abstract),
            None => Some(Address::Path(PathBuf::from(uds))),
        };
        let socket = uds.and_then(OsStr::to_str).and_then(parse_uds);
        let port = port.and_then(|port| port.to_str()?.parse().ok());
        socket.unwrap_or(Address::Port(port.unwrap_or(DEFAULT_PORT)))
    }

    /// Returns the variable that gives sccache this address, and its value.
    pub(super) fn variable(&self) -> (&'static str, String) {
        let uds = "SCCACHE_SERVER_UDS";
        match self {
            Address::Abstract(name) => (uds, format!(r"\x00{}", name.escape_ascii())),
            Address::Path(path) => (uds, path.display().to_string()),
            Address::Port(port) => ("SCCACHE_SERVER_PORT", port.to_string()),
        }
    }
}

/// Reverses `escape_ascii`. sccache accepts the escapes `\n \r \t \' \" \\ \xNN` and no others
/// (`ascii_unescape_default` in its `src/util.rs`).
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            &same @ (b'\'' | b'"' | b'\\') => same,
            b'x' => {
                let mut digit = || char::from(*bytes.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            _ => return None,
        });
    }
    Some(out)
}

/// Whether a server listens there. This makes no connection and starts no process, so it can't start
/// a server, wait for one, or count as a request.
///
/// Abstract sockets and ports are looked up in `/proc/net`, which shows this process's network
/// namespace; if it can't be read, the result is `false`. A path socket is tried, because the kernel's table
/// also has the sockets of other mount namespaces under the same path.
pub fn is_listening(address: &Address) -> bool {
    match address {
        Address::Path(path) => is_bound(path),
        _ => !listening_inodes(address).is_empty(),
    }
}

/// Connects a datagram socket: the kernel refuses that at a file whose socket is gone, and with
/// another error at a stream socket. It never waits, and the server doesn't notice.
fn is_bound(path: &Path) -> bool {
    let result = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    let nobody = [ErrorKind::NotFound, ErrorKind::ConnectionRefused];
    !result.is_err_and(|error| nobody.contains(&error.kind()))
}

/// Returns what distinguishes the server there from the next one at the same address; `None` if
/// no server is listening. This is the socket's inode, or the inode and time of a path socket's file, which
/// is visible from another network namespace too.
pub fn identity(address: &Address) -> Option<String> {
    if let Address::Path(path) = address {
        let file = fs::symlink_metadata(path).ok()?;
        let created = file.created().or_else(|_| file.modified()).ok()?;
        let created = created.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanoseconds = created.as_nanos();
        return Some(format!("{}:{}:{nanoseconds}", file.dev(), file.ino()));
    }
    let inodes = listening_inodes(address);
    (!inodes.is_empty()).then(|| format!("{inodes:?}"))
}

/// Returns the inodes of the sockets that listen there. A path may have several: a new server
/// removes the file, and the previous socket lives on without it.
pub(super) fn listening_inodes(address: &Address) -> Vec<u64> {
    let read = |table: &str| fs::read(Path::new("/proc/net").join(table)).unwrap_or_default();
    match address {
        Address::Abstract(name) => {
            // The kernel prints zero bytes as `@`.
            let shown = name.iter().map(|&b| if b == 0 { b'@' } else { b });
            let shown: Vec<u8> = [b'@'].into_iter().chain(shown).collect();
            unix_inodes(&read("unix"), &shown)
        }
        Address::Path(path) => unix_inodes(&read("unix"), path.as_os_str().as_bytes()),
        Address::Port(port) => ["tcp", "tcp6"]
            .iter()
            .flat_map(|table| tcp_inodes(&read(table), *port))
            .collect(),
    }
}

/// `/proc/net/unix`: `Num RefCount Protocol Flags Type St Inode Path`. A listening socket has the
/// flag 0x10000 (`__SO_ACCEPTCON`). A name may contain spaces.
fn unix_inodes(table: &[u8], name: &[u8]) -> Vec<u64> {
    static LISTENING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m-u)^ *\S+ \S+ \S+ [0-9A-F]{3}[13579BDF][0-9A-F]{4} \S+ \S+ +(\d+) (.*)$")
            .expect("a valid pattern")
    });
    LISTENING
        .captures_iter(table)
        .filter(|line| &line[2] == name)
        .filter_map(|line| std::str::from_utf8(&line[1]).ok()?.parse().ok())
        .collect()
}

/// `/proc/net/tcp` and `tcp6`: `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout
/// inode ...`, with the port in hex after the address's last colon, and state `0A` for a listening
/// socket. sccache listens on 127.0.0.1; a listener on all interfaces answers there too.
fn tcp_inodes(table: &[u8], port: u16) -> Vec<u64> {
    let listening_inode = |line: &str| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let local = columns.get(1)?.rsplit_once(':')?.1;
        let is_match = *columns.get(3)? == "0A" && u16::from_str_radix(local, 16) == Ok(port);
        columns.get(9).filter(|_| is_match)?.parse().ok()
    };
    let table = String::from_utf8_lossy(table);
    table.lines().filter_map(listening_inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(uds: Option<&str>, port: Option<&str>) -> Address {
        Address::from_variables(uds.map(OsStr::new), port.map(OsStr::new))
    }

    #[test]
    fn the_environment_is_read_as_sccache_reads_it() {
        let abstract_named = |name: &[u8]| Address::Abstract(name.to_vec());
        assert_eq!(address(None, None), Address::Port(4226));
        assert_eq!(address(None, Some("5000")), Address::Port(5000));
        assert_eq!(address(None, Some("70000")), Address::Port(4226));
        assert_eq!(
            address(Some("/run/s"), Some("5000")),
            Address::Path("/run/s".into())
        );
        assert_eq!(address(Some(r"\x00s-1"), None), abstract_named(b"s-1"));
        assert_eq!(
            address(Some(r"\x00a\x00\\\xFf"), None),
            abstract_named(b"a\0\\\xff")
        );
        assert_eq!(address(Some(r"\x00a\q"), Some("7")), Address::Port(7));
        assert_eq!(address(Some(r"\x00a\x1"), None), Address::Port(4226));
    }

    #[test]
    fn variables_read_back() {
        for it in [
            Address::Abstract(b"a b\0\\\n\xff".to_vec()),
            Address::Path("/tmp/x".into()),
            Address::Port(9),
        ] {
            let (name, value) = it.variable();
            let [uds, port] = ["SCCACHE_SERVER_UDS", "SCCACHE_SERVER_PORT"]
                .map(|variable| (variable == name).then_some(value.as_str()));
            assert_eq!(address(uds, port), it);
        }
    }

    #[test]
    fn only_the_whole_name_matches() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0: 00000002 00000000 00010000 0001 01   123 @one two\n\
            0: 00000003 00000000 00000000 0001 03   124 @client\n\
            0: 00000003 00000000 00000000 0001 03   125\n";
        assert_eq!(unix_inodes(table, b"@one two"), [123]);
        assert_eq!(unix_inodes(table, b"@one"), [0; 0]);
        assert_eq!(unix_inodes(table, b"@client"), [0; 0]);
    }
}
