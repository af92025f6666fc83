//! Whether sccache's server could use a Redis, and how that uses its memory.
//!
//! When sccache's server starts, it connects, logs in, selects the database, and reads and writes a
//! key. If one of these fails, each compiler call fails, mostly after 10 s, also with a chain of caches.
//! If only the last one fails, sccache 0.16.0 writes to no cache of the chain, and 0.19.0 only reads Redis
//! (tested with both).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::RedisSettings;
use crate::text::printable;

/// How long Redis may take for all commands. Otherwise it needs less than a millisecond.
const DEADLINE: Duration = Duration::from_secs(1);

/// The longest reply in bytes. `INFO memory` has 2 KB.
const MAX_REPLY: usize = 64 * 1024;

/// The key that sccache reads and writes when its server starts, and the value (`check` in its
/// `src/cache/cache.rs`, 0.19.0).
const CHECK: (&str, &str) = (".sccache_check", "Hello, World!");

impl RedisSettings {
    /// Does what sccache's server does when it starts.
    ///
    /// # Errors
    /// Why sccache can't use this Redis.
    pub fn check(&self) -> Result<(), RedisError> {
        self.with_deadline(|settings| settings.connect().map(drop))
    }

    /// As [`Self::check`]. Returns the reply to `INFO memory`, or nothing if that isn't allowed.
    ///
    /// # Errors
    /// Why sccache can't use this Redis.
    pub fn query_memory(&self) -> Result<String, RedisError> {
        self.with_deadline(
            |settings| match settings.connect()?.send(&["INFO", "memory"]) {
                Err(RedisError::Refused { .. }) => Ok(String::new()),
                reply => reply,
            },
        )
    }

    fn with_deadline<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Self) -> Result<T, RedisError> + Send + 'static,
    ) -> Result<T, RedisError> {
        let (settings, (sender, receiver)) = (self.clone(), channel());
        // connect(2) has no time limit of its own: it waits while a hanging server's queue is full.
        thread::spawn(move || sender.send(run(&settings)));
        let result = receiver.recv_timeout(DEADLINE);
        result.unwrap_or(Err(RedisError::NoAnswer))
    }

    /// Connects, and sends the commands that sccache's server sends when it starts.
    fn connect(&self) -> Result<Connection, RedisError> {
        let mut connection = Connection(BufReader::new(UnixStream::connect(self.socket()?)?));
        if let Some(password) = self.password.as_deref() {
            let words = ["AUTH"].into_iter().chain(self.username.as_deref());
            connection.send(&words.chain([password]).collect::<Vec<_>>())?;
        }
        if let Some(database) = self.database.as_deref().filter(|it| *it != "0") {
            connection.send(&["SELECT", database])?;
        }
        connection.send(&["PING"])?;
        let (name, value) = CHECK;
        let prefix = self.key_prefix.as_deref().unwrap_or_default();
        let folders = prefix.split('/').filter(|folder| !folder.is_empty());
        let key = folders.chain([name]).collect::<Vec<_>>().join("/");
        connection.send(&["GET", &key])?;
        match self
            .time_to_live
            .as_deref()
            .filter(|_| self.has_expiration())
        {
            _ if self.is_read_only => {}
            Some(seconds) => drop(connection.send(&["SETEX", &key, seconds, value])?),
            None => drop(connection.send(&["SET", &key, value])?),
        }
        Ok(connection)
    }
}

/// A connection with Redis's protocol (RESP 2).
struct Connection(BufReader<UnixStream>);

impl Connection {
    /// Sends a command, and returns the text of its reply.
    fn send(&mut self, words: &[&str]) -> Result<String, RedisError> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            let _ = write!(request, "${}\r\n{word}\r\n", word.len());
        }
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut line = Vec::new();
        self.0
            .by_ref()
            .take(MAX_REPLY as u64)
            .read_until(b'\n', &mut line)?;
        // As `socat` does when the server behind it is down.
        let closed = || io::Error::new(ErrorKind::UnexpectedEof, "it closed the connection");
        let line = line.strip_suffix(b"\r\n").ok_or_else(closed)?;
        let line = String::from_utf8_lossy(line);
        match line.split_at_checked(1) {
            Some(("+", text)) => Ok(text.to_owned()),
            Some(("$", "-1")) => Ok(String::new()),
            Some(("$", length)) => {
                let length: Option<usize> = length.parse().ok().filter(|it| *it <= MAX_REPLY);
                let mut bytes = vec![0; length.ok_or(RedisError::OtherProtocol)? + 2];
                self.0.read_exact(&mut bytes)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            Some(("-", error)) => Err(RedisError::refused(words[0], error)),
            _ => Err(RedisError::OtherProtocol),
        }
    }
}

/// How a Redis uses memory. `None` if it doesn't print that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisMemory {
    /// Bytes in use.
    pub used: Option<u64>,
    /// The limit in bytes; 0 if there is none.
    pub limit: Option<u64>,
    /// What it removes at the limit: `allkeys-lru`, `noeviction` ...
    pub policy: Option<String>,
}

impl RedisMemory {
    /// Parses the reply to `INFO memory`.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let values: BTreeMap<&str, &str> = lines.collect();
        let number = |name| values.get(name)?.parse().ok();
        Self {
            used: number("used_memory"),
            limit: number("maxmemory"),
            policy: values.get("maxmemory_policy").map(|it| printable(it, 40)),
        }
    }

    /// Whether it removes no objects at its limit. The `volatile-` policies remove those that expire.
    pub fn keeps_everything(&self, has_expiration: bool) -> bool {
        let is_evicting = |policy: &String| {
            policy.starts_with("allkeys-") || has_expiration && policy.starts_with("volatile-")
        };
        self.policy.as_ref().is_some_and(|it| !is_evicting(it))
    }
}

/// Why sccache can't use a Redis.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// sccache can't parse the URL.
    #[error("its URL isn't unix://HOST/PATH, so sccache can't start")]
    Url,
    /// The socket can't be used.
    #[error("{0}")]
    Socket(#[from] io::Error),
    /// It took too long.
    #[error("it didn't answer within {} s", DEADLINE.as_secs())]
    NoAnswer,
    /// It answered with an error.
    #[error("it answers {command} with: {error}")]
    Refused {
        /// The command's name.
        command: String,
        /// The error, or its first word.
        error: String,
    },
    /// Another server is at this socket.
    #[error("its answer isn't Redis's")]
    OtherProtocol,
}

impl RedisError {
    fn refused(command: &str, error: &str) -> Self {
        // The error can contain the arguments (Redis 7.0 without AUTH: `rename-command`).
        let first_word = || error.split(' ').next().unwrap_or_default();
        let error = if command == "AUTH" {
            first_word()
        } else {
            error
        };
        Self::Refused {
            command: command.to_owned(),
            error: printable(error, 200),
        }
    }

    /// Returns what to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Url => "Write unix://localhost/PATH",
            Self::Socket(error) if error.kind() == ErrorKind::NotFound => {
                "Start Redis with this `unixsocket` in its configuration, or the tunnel that leads to it"
            }
            Self::Socket(error) if error.kind() == ErrorKind::PermissionDenied => {
                "Let the group of the build user use the socket and its directory: \
                 `unixsocketperm 770`, and start Redis with that group"
            }
            Self::Socket(_) => "Start Redis again, or the tunnel that leads to it",
            Self::NoAnswer => {
                "Restart Redis, whose process is stopped or overloaded, or the tunnel that leads to it"
            }
            Self::Refused { command, error } => Self::hint_for_refusal(command, error),
            Self::OtherProtocol => "Set the socket of a Redis",
        }
    }

    fn hint_for_refusal(command: &str, error: &str) -> &'static str {
        match (error.split(' ').next().unwrap_or_default(), command) {
            ("NOAUTH", _) => "Write its password into the file that SCCACHE_CONF names",
            (_, "AUTH") => "Correct its user name and password, or remove them if Redis wants none",
            ("NOPERM", _) => "Let its user run PING, GET, SET, and SETEX for all keys of sccache",
            ("OOM", _) => "Set `maxmemory-policy allkeys-lru` in its configuration",
            ("READONLY", _) => "Use the primary server: a replica can't be written",
            (_, "SELECT") => "Correct SCCACHE_REDIS_DB, or raise `databases` in its configuration",
            _ => "See Redis's log",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use super::*;

    fn settings(socket: &Path, name: &str, value: &str) -> RedisSettings {
        let endpoint = format!("unix://localhost{}", socket.display());
        let get = |it: &str| (it == name).then(|| value.to_owned());
        RedisSettings::new(Some(endpoint), None, get).unwrap()
    }

    /// Nobody accepts the connections: the first ones get no answer, and later ones can't even connect.
    #[test]
    fn a_hanging_server_gives_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.sock");
        let listener = UnixListener::bind(&path).unwrap();
        // SAFETY: listen(2) on an open socket only changes the length of its queue.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        for _ in 0..3 {
            let result = settings(&path, "", "").check();
            assert!(matches!(result, Err(RedisError::NoAnswer)), "{result:?}");
        }
    }

    /// Runs the check against a server that sends this, and returns the commands that it got.
    fn answer(replies: &'static str, name: &str, value: &str) -> (String, Result<(), RedisError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(replies.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut commands = String::new();
            let _ = stream.read_to_string(&mut commands);
            commands
        });
        let result = settings(&path, name, value).check();
        (server.join().unwrap(), result)
    }

    #[test]
    fn the_commands_are_those_of_sccache() {
        let commands = |replies, name, value: &str| {
            let (commands, result) = answer(replies, name, value);
            assert!(result.is_ok(), "{result:?}");
            let words = commands
                .lines()
                .filter(|line| !line.starts_with(['*', '$']));
            words.collect::<Vec<_>>().join(" ")
        };
        let new = "+PONG\r\n$-1\r\n+OK\r\n";
        let set = "PING GET .sccache_check SET .sccache_check Hello, World!";
        assert_eq!(commands(new, "", ""), set);
        assert_eq!(commands(new, "ttl", "0"), set);
        assert_eq!(commands(new, "db", "0"), set);
        let used = "+PONG\r\n$13\r\nHello, World!\r\n+OK\r\n";
        assert_eq!(commands(used, "key_prefix", "/"), set);
        assert_eq!(
            commands(used, "key_prefix", "/a//b/"),
            "PING GET a/b/.sccache_check SET a/b/.sccache_check Hello, World!"
        );
        assert_eq!(
            commands(new, "ttl", "9"),
            "PING GET .sccache_check SETEX .sccache_check 9 Hello, World!"
        );
        assert_eq!(
            commands(new, "rw_mode", "READ_ONLY"),
            "PING GET .sccache_check"
        );
        let login = "+OK\r\n+PONG\r\n$-1\r\n+OK\r\n";
        assert_eq!(commands(login, "password", "p"), format!("AUTH p {set}"));
        assert_eq!(commands(login, "db", "3"), format!("SELECT 3 {set}"));
    }

    #[test]
    fn incomplete_and_foreign_replies_are_errors() {
        let error = |replies| answer(replies, "", "").1.unwrap_err();
        for replies in ["", "+PON", "+PONG\r\n$13\r\nHello"] {
            let error = error(replies);
            assert!(matches!(error, RedisError::Socket(_)), "{replies}: {error}");
        }
        for replies in ["SSH-2.0-x\r\n", "\r\n", "$x\r\n", "+PONG\r\n$99999999\r\n"] {
            let error = error(replies);
            let is_foreign = matches!(error, RedisError::OtherProtocol);
            assert!(is_foreign, "{replies}: {error}");
        }
    }

    #[test]
    fn only_a_policy_that_removes_objects_is_used_at_the_limit() {
        let keeps = |policy: &str, has_expiration| {
            let memory = RedisMemory::parse(&format!("maxmemory_policy:{policy}\r\n"));
            memory.keeps_everything(has_expiration)
        };
        assert!(!keeps("allkeys-lru", false));
        assert!(keeps("volatile-lru", false));
        assert!(!keeps("volatile-lru", true));
        assert!(keeps("noeviction", true));
        assert!(!RedisMemory::default().keeps_everything(false));
    }
}
