//! A Redis (or Valkey) server at a Unix socket, which sccache can use as a cache: where it is, and
//! whether it answers. Path sockets work in phases with a private network, TCP doesn't.
//!
//! If the server doesn't answer when sccache's server starts, each compiler call fails after 10 s,
//! also with a chain of caches; so it does with a password that Redis doesn't want (sccache 0.16.0
//! and 0.19.0, tested).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::settings::ConfigFile;
use crate::text::printable;

/// How long Redis may take for all commands. Otherwise it needs less than a millisecond.
const DEADLINE: Duration = Duration::from_secs(1);

/// The longest reply in bytes. `INFO memory` has 2 KB.
const MAX_REPLY: u64 = 64 * 1024;

/// The variables whose values can be the URL of a Redis. The second one is sccache's older name; its
/// URL can contain a user and a password.
const URLS: [&str; 2] = ["SCCACHE_REDIS_ENDPOINT", "SCCACHE_REDIS"];

/// What the settings say about a Redis at a Unix socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisSettings {
    /// The URL, such as `unix://localhost/run/sccache/redis.sock`.
    pub url: String,
    /// The user name, if one is set.
    pub username: Option<String>,
    /// The password, if one is set.
    pub password: Option<String>,
    /// Whether the URL can contain a user and a password: `SCCACHE_REDIS` and `url` in a file.
    pub has_credentials_in_url: bool,
}

impl RedisSettings {
    /// The variables that [`Self::find`] reads.
    pub const VARIABLES: [&str; 4] = [
        URLS[0],
        URLS[1],
        "SCCACHE_REDIS_USERNAME",
        "SCCACHE_REDIS_PASSWORD",
    ];

    /// Returns the settings that sccache uses, if they name a Unix socket. A variable replaces
    /// everything that the configuration file says about Redis (`merge` in sccache's
    /// `src/config.rs`, 0.19.0).
    pub fn find<'a>(
        get: impl Fn(&str) -> Option<&'a str>,
        file: Option<&ConfigFile>,
    ) -> Option<Self> {
        let value = |name: &str| get(name).filter(|value| !value.is_empty());
        let variable = URLS.iter().find_map(|name| Some((*name, value(name)?)));
        let Some((name, url)) = variable else {
            return file?.redis.clone().filter(Self::is_socket);
        };
        let settings = Self {
            url: url.to_owned(),
            username: value("SCCACHE_REDIS_USERNAME").map(str::to_owned),
            password: value("SCCACHE_REDIS_PASSWORD").map(str::to_owned),
            has_credentials_in_url: name == "SCCACHE_REDIS",
        };
        Some(settings).filter(Self::is_socket)
    }

    fn is_socket(&self) -> bool {
        self.url.starts_with("unix:") || self.url.starts_with("redis+unix:")
    }

    /// Returns the path of the socket.
    ///
    /// # Errors
    /// The URL has no host: then sccache's server doesn't start.
    pub fn socket(&self) -> Result<PathBuf, RedisError> {
        let path = self
            .parts()
            .and_then(|(_, path)| path.split(['?', '#']).next());
        path.map(PathBuf::from).ok_or(RedisError::Url)
    }

    /// Returns the host of the URL, with a user and password before it, and the rest.
    fn parts(&self) -> Option<(&str, &str)> {
        let (_, rest) = self.url.split_once("://")?;
        let (host, path) = rest.split_at_checked(rest.find('/')?)?;
        (!host.is_empty() && path.len() > 1).then_some((host, path))
    }

    /// Returns the URL without a user and password. A password that isn't encoded can contain `/` and `@`.
    pub fn url_without_password(&self) -> String {
        let parts = self.url.split_once("://");
        match parts.and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
            Some((scheme, rest)) => format!("{scheme}://{rest}"),
            None => self.url.clone(),
        }
    }

    /// Whether a password is set.
    pub fn has_password(&self) -> bool {
        self.login().is_some()
    }

    /// Returns the words of the command that logs in, if there is a password.
    fn login(&self) -> Option<Vec<&str>> {
        let (mut username, mut password) = (self.username.as_deref(), self.password.as_deref());
        if self.has_credentials_in_url {
            let credentials = self.parts()?.0.rsplit_once('@')?.0;
            let (user, secret) = credentials.split_once(':')?;
            (username, password) = (Some(user).filter(|it| !it.is_empty()), Some(secret));
        }
        let words = ["AUTH"].into_iter().chain(username).chain(password);
        password.map(|_| words.collect())
    }

    /// Connects, logs in, and asks for an answer and for the use of memory.
    ///
    /// # Errors
    /// Why sccache can't use this Redis.
    pub fn inspect(&self) -> Result<RedisMemory, RedisError> {
        let (settings, (sender, receiver)) = (self.clone(), channel());
        // connect(2) has no time limit of its own: it waits while a hanging server's queue is full.
        thread::spawn(move || sender.send(settings.converse()));
        let result = receiver.recv_timeout(DEADLINE);
        result.unwrap_or(Err(RedisError::NoAnswer))
    }

    fn converse(&self) -> Result<RedisMemory, RedisError> {
        let stream = UnixStream::connect(self.socket()?)?;
        let mut replies = BufReader::new(&stream);
        let mut send = |words: &[&str]| command(&stream, &mut replies, words);
        if let Some(words) = self.login() {
            send(&words)?;
        }
        send(&["PING"])?;
        // A user of Redis may not be allowed to do this.
        let text = send(&["INFO", "memory"]).unwrap_or_default();
        let memory = RedisMemory::parse(&text);
        if memory.is_full() {
            Err(RedisError::Full)
        } else {
            Ok(memory)
        }
    }
}

/// Sends a command in Redis's protocol (RESP 2), and returns the text of its reply.
fn command(
    mut stream: &UnixStream,
    replies: &mut impl BufRead,
    words: &[&str],
) -> Result<String, RedisError> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        let _ = write!(request, "${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(request.as_bytes())?;
    let mut line = String::new();
    replies.take(MAX_REPLY).read_line(&mut line)?;
    let line = line.trim_end();
    if line.is_empty() {
        // As `socat` does when the server behind it is down.
        let problem = "it closed the connection";
        return Err(io::Error::new(ErrorKind::UnexpectedEof, problem).into());
    }
    if let Some(error) = line.strip_prefix('-') {
        return Err(RedisError::Refused(printable(error, 200)));
    }
    if let Some(length) = line.strip_prefix('$') {
        let length: u64 = length.parse().map_err(|_| RedisError::OtherProtocol)?;
        let mut bytes = Vec::new();
        let mut reply = replies.take(length.min(MAX_REPLY).saturating_add(2));
        reply.read_to_end(&mut bytes)?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let text = line.strip_prefix('+').ok_or(RedisError::OtherProtocol)?;
    Ok(text.to_owned())
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
    /// Parses the reply to `INFO memory`, or what [`Self::to_lines`] returned.
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

    /// Returns lines as in the reply to `INFO memory`.
    pub fn to_lines(&self) -> Vec<String> {
        let number = |name: &str, value: Option<u64>| Some(format!("{name}:{}", value?));
        let policy = self.policy.as_ref();
        let lines = [
            number("used_memory", self.used),
            number("maxmemory", self.limit),
            policy.map(|policy| format!("maxmemory_policy:{policy}")),
        ];
        lines.into_iter().flatten().collect()
    }

    /// Whether it removes nothing at its limit. The `volatile-` policies remove only objects that
    /// expire, which those of sccache don't by default.
    pub fn keeps_everything(&self) -> bool {
        let policy = self.policy.as_ref();
        policy.is_some_and(|policy| !policy.starts_with("allkeys-"))
    }

    /// Whether it accepts no new objects. sccache 0.16.0 then writes none to the disk either.
    fn is_full(&self) -> bool {
        let is_over = |(used, limit)| limit > 0 && used >= limit;
        self.keeps_everything() && self.used.zip(self.limit).is_some_and(is_over)
    }
}

/// Why sccache can't use a Redis.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// sccache can't parse the URL.
    #[error("its URL has no host, so sccache can't start")]
    Url,
    /// The socket can't be used.
    #[error("{0}")]
    Socket(#[from] io::Error),
    /// It took too long.
    #[error("it didn't answer within {} s", DEADLINE.as_secs())]
    NoAnswer,
    /// It answered with an error.
    #[error("it answered: {0}")]
    Refused(String),
    /// Another server is at this socket.
    #[error("its answer isn't Redis's")]
    OtherProtocol,
    /// It has no memory for new objects, and removes none.
    #[error("it is full, and its maxmemory-policy removes nothing")]
    Full,
}

impl RedisError {
    /// Returns what to do about it.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Url => "Write unix://localhost/PATH",
            Self::Socket(error) if error.kind() == ErrorKind::NotFound => {
                "Start Redis with this `unixsocket` in its configuration"
            }
            Self::Socket(error) if error.kind() == ErrorKind::PermissionDenied => {
                "Let the group of the build user use the socket and its directory: \
                 `unixsocketperm 770`, and start Redis with that group"
            }
            Self::Socket(_) => "Start Redis again",
            Self::NoAnswer => "Restart Redis: its process is stopped or overloaded",
            Self::Refused(error) if error.starts_with("NOAUTH") => {
                "Write its password into the file that SCCACHE_CONF names"
            }
            Self::Refused(error) if error.contains("AUTH") || error.contains("WRONGPASS") => {
                "Correct its user name and password, or remove them if Redis wants none"
            }
            Self::Refused(_) => "See Redis's log",
            Self::OtherProtocol => "Set the socket of a Redis",
            Self::Full => "Set `maxmemory-policy allkeys-lru` in its configuration",
        };
        hint.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn with(variables: &[(&str, &'static str)]) -> Option<RedisSettings> {
        let get = |name: &str| {
            let mut found = variables.iter().filter(|(one, _)| *one == name);
            found.next().map(|(_, value)| *value)
        };
        RedisSettings::find(get, None)
    }

    #[test]
    fn sockets_are_found_as_sccache_does() {
        let socket = |url| Some(with(&[("SCCACHE_REDIS_ENDPOINT", url)])?.socket().ok());
        let path = Some(Some("/run/r.sock".into()));
        assert_eq!(socket("unix://localhost/run/r.sock"), path);
        assert_eq!(socket("redis+unix://h/run/r.sock?db=1"), path);
        for url in [
            "unix:///run/r.sock",
            "unix:/run/r.sock",
            "unix://localhost",
            "unix://h/",
        ] {
            assert_eq!(socket(url), Some(None), "{url}");
        }
        for url in ["redis://localhost/run/r.sock", "127.0.0.1:6379", ""] {
            assert_eq!(socket(url), None, "{url}");
        }
    }

    #[test]
    fn passwords_come_from_the_settings_or_the_url() {
        let endpoint = ("SCCACHE_REDIS_ENDPOINT", "unix://a:b@h/r");
        assert_eq!(with(&[endpoint]).unwrap().login(), None);
        let password = ("SCCACHE_REDIS_PASSWORD", "p");
        let settings = with(&[endpoint, password]).unwrap();
        assert_eq!(settings.login().unwrap(), ["AUTH", "p"]);
        assert_eq!(settings.url_without_password(), "unix://h/r");
        for url in ["unix://:s/e@c@h/r", "unix://:s@h"] {
            let settings = RedisSettings {
                url: url.to_owned(),
                ..settings.clone()
            };
            let shown = settings.url_without_password();
            assert!(!shown.contains(":s"), "{shown}");
        }
        let user = ("SCCACHE_REDIS_USERNAME", "u");
        let settings = with(&[endpoint, password, user]).unwrap();
        assert_eq!(settings.login().unwrap(), ["AUTH", "u", "p"]);
        let settings = with(&[("SCCACHE_REDIS", "unix://:b@h/r")]).unwrap();
        assert_eq!(settings.login().unwrap(), ["AUTH", "b"]);
    }

    #[test]
    fn a_variable_replaces_the_file() {
        let redis = with(&[("SCCACHE_REDIS_ENDPOINT", "unix://file/r")]);
        let file = ConfigFile {
            redis,
            ..ConfigFile::default()
        };
        let found =
            |value| RedisSettings::find(|name| (name == URLS[0]).then_some(value), Some(&file));
        assert_eq!(found("").unwrap().url, "unix://file/r");
        assert_eq!(found("unix://variable/r").unwrap().url, "unix://variable/r");
        assert_eq!(found("redis://variable"), None);
    }

    /// Nobody accepts the connections: the first ones get no answer, and later ones can't even connect.
    #[test]
    fn a_hanging_server_gives_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.sock");
        let listener = UnixListener::bind(&path).unwrap();
        // SAFETY: listen(2) on an open socket only changes the length of its queue.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let settings = RedisSettings {
            url: format!("unix://localhost{}", path.display()),
            ..RedisSettings::default()
        };
        for _ in 0..3 {
            let result = settings.inspect();
            assert!(matches!(result, Err(RedisError::NoAnswer)), "{result:?}");
        }
    }

    #[test]
    fn only_a_redis_that_evicts_accepts_objects_at_its_limit() {
        let is_full = |text: &str| RedisMemory::parse(text).is_full();
        assert!(is_full(
            "used_memory:7\r\nmaxmemory:7\r\nmaxmemory_policy:noeviction\r\n"
        ));
        assert!(!is_full(
            "used_memory:6\nmaxmemory:7\nmaxmemory_policy:noeviction"
        ));
        assert!(!is_full(
            "used_memory:8\nmaxmemory:7\nmaxmemory_policy:allkeys-lru"
        ));
        assert!(!is_full(
            "used_memory:8\nmaxmemory:0\nmaxmemory_policy:noeviction"
        ));
        assert!(!is_full(""));
        let memory = RedisMemory::parse("used_memory:6\nmaxmemory:7\nmaxmemory_policy:x\n");
        assert_eq!(RedisMemory::parse(&memory.to_lines().join("\n")), memory);
    }
}
