//! The settings for a Redis (or Valkey) server at a Unix socket, which sccache can use as a cache. Path
//! sockets work in phases with a private network, TCP doesn't.

mod connection;

use std::path::PathBuf;

use crate::text::printable;
pub use connection::{RedisError, RedisMemory};

/// What the settings say about a Redis at a Unix socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisSettings {
    /// The URL, such as `unix://localhost/run/sccache/redis.sock`. It can contain a password.
    url: String,
    username: Option<String>,
    password: Option<String>,
    /// The number of the database.
    database: Option<String>,
    /// Comes before each key.
    key_prefix: Option<String>,
    /// After how many seconds objects expire.
    time_to_live: Option<String>,
    /// Whether sccache doesn't write to it (sccache 0.19.0).
    is_read_only: bool,
}

impl RedisSettings {
    /// Returns the settings that sccache uses, if they name a Unix socket. `get` returns the value of a
    /// variable, `in_file` is what the configuration file says about Redis. A variable replaces all of that
    /// (`merge` in sccache's `src/config.rs`, 0.19.0).
    pub fn find(get: impl Fn(&str) -> Option<String>, in_file: Option<Self>) -> Option<Self> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let (endpoint, url) = (get("SCCACHE_REDIS_ENDPOINT"), get("SCCACHE_REDIS"));
        let is_set = endpoint.is_some() || url.is_some();
        let settings = if is_set {
            let get = |name: &str| get(&format!("SCCACHE_REDIS_{}", name.to_uppercase()));
            Self::new(endpoint, url, get)
        } else {
            in_file
        };
        let is_socket =
            |it: &Self| it.url.starts_with("unix:") || it.url.starts_with("redis+unix:");
        settings.filter(is_socket)
    }

    /// Creates the settings from sccache's `endpoint` or its older name, `url`, and from others whose
    /// values `get` returns.
    pub(super) fn new(
        endpoint: Option<String>,
        url: Option<String>,
        get: impl Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let is_endpoint = endpoint.is_some();
        let mut settings = Self {
            url: endpoint.or(url)?,
            username: get("username"),
            password: get("password"),
            database: get("db"),
            key_prefix: get("key_prefix"),
            time_to_live: get("ttl").or_else(|| get("expiration")),
            is_read_only: get("rw_mode").is_some_and(|it| it.eq_ignore_ascii_case("READ_ONLY")),
        };
        if !is_endpoint {
            settings.read_url();
        }
        Some(settings)
    }

    /// Takes user, password, and database from the URL (`build_from_url` in sccache's
    /// `src/cache/redis.rs`, 0.19.0). It ignores them in an endpoint.
    fn read_url(&mut self) {
        let (authority, path) = self.parts().unwrap_or_default();
        let credentials = authority.rsplit_once('@').map_or("", |(it, _)| it);
        let (username, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let mut options = query.split('&').filter_map(|option| option.split_once('='));
        let database = options
            .find(|(name, _)| *name == "db")
            .map(|(_, value)| value);
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (username, password) = (text(username), text(password));
        let database = database.and_then(text);
        (self.username, self.password, self.database) = (username, password, database);
    }

    /// Returns the host of the URL, with a user and password before it, and the rest.
    fn parts(&self) -> Option<(&str, &str)> {
        let (_, rest) = self.url.split_once("://")?;
        rest.split_at_checked(rest.find('/')?)
    }

    /// Returns the path of the socket.
    ///
    /// # Errors
    /// The URL isn't `unix://HOST/PATH`. Without a host, sccache's server doesn't start (0.8.2 to 0.19.0,
    /// tested, also with its older name).
    pub fn socket(&self) -> Result<PathBuf, RedisError> {
        let (authority, path) = self.parts().ok_or(RedisError::Url)?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        // A colon is a password that contains `/`.
        if host.is_empty() || host.contains(':') || path.len() < 2 {
            return Err(RedisError::Url);
        }
        Ok(PathBuf::from(path))
    }

    /// Returns the socket for a message. A path after `@` can be the rest of a password.
    pub fn shown_socket(&self) -> Option<String> {
        let socket = self.socket().ok()?.to_string_lossy().into_owned();
        (!socket.contains('@')).then(|| printable(&socket, 120))
    }

    /// Whether a password is set.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether objects expire, so that the `volatile-` policies remove them.
    pub fn has_expiration(&self) -> bool {
        self.time_to_live.as_deref().is_some_and(|it| it != "0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Option<RedisSettings> {
        let get = |name: &str| {
            let mut found = variables.iter().filter(|(one, _)| *one == name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        RedisSettings::find(get, None)
    }

    #[test]
    fn sockets_are_found_as_sccache_does() {
        for name in ["SCCACHE_REDIS_ENDPOINT", "SCCACHE_REDIS"] {
            let socket = |url| Some(with(&[(name, url)])?.socket().ok());
            let path = Some(Some("/run/r.sock".into()));
            assert_eq!(socket("unix://localhost/run/r.sock"), path);
            assert_eq!(socket("unix://u:p@h/run/r.sock"), path);
            assert_eq!(socket("redis+unix://h/run/r.sock?db=1"), path);
            for url in [
                "unix:///run/r.sock",
                "unix:/run/r.sock",
                "unix://localhost",
                "unix://h/",
                "unix://u@/run/r.sock",
            ] {
                assert_eq!(socket(url), Some(None), "{url}");
            }
            for url in ["redis://localhost/run/r.sock", "127.0.0.1:6379", ""] {
                assert_eq!(socket(url), None, "{url}");
            }
        }
    }

    #[test]
    fn only_the_older_url_has_a_user_a_password_and_a_database() {
        let url = "unix://a:b@h/r?x=1&db=3";
        let settings = with(&[("SCCACHE_REDIS", url)]).unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            (settings.username, settings.password, settings.database),
            (text("a"), text("b"), text("3"))
        );
        let endpoint = ("SCCACHE_REDIS_ENDPOINT", url);
        assert!(!with(&[endpoint]).unwrap().has_password());
        let settings = with(&[
            endpoint,
            ("SCCACHE_REDIS_PASSWORD", "p"),
            ("SCCACHE_REDIS_DB", "4"),
            ("SCCACHE_REDIS_EXPIRATION", "5"),
            ("SCCACHE_REDIS_KEY_PREFIX", "k"),
            ("SCCACHE_REDIS_RW_MODE", "read_only"),
        ]);
        let expected = RedisSettings {
            url: url.to_owned(),
            username: None,
            password: text("p"),
            database: text("4"),
            key_prefix: text("k"),
            time_to_live: text("5"),
            is_read_only: true,
        };
        assert_eq!(settings.unwrap(), expected);
    }

    /// What is left of a password after its first `/` or `@` is a part of the path.
    #[test]
    fn no_part_of_a_password_is_shown() {
        for url in [
            "unix://:secret@localhost",
            "unix://:secret/run/r.sock",
            "unix:user:secret@localhost/run/r.sock",
            "unix://:s/secret@localhost/run/r.sock",
            "unix://user/secret@localhost/run/r.sock",
            "unix://user:p@h/secret@localhost/run/r.sock",
        ] {
            let settings = with(&[("SCCACHE_REDIS", url)]).unwrap();
            assert_eq!(settings.shown_socket(), None, "{url}");
        }
        let settings = with(&[("SCCACHE_REDIS", "unix://:p@h/run/r.sock")]).unwrap();
        assert_eq!(settings.shown_socket().unwrap(), "/run/r.sock");
    }

    #[test]
    fn a_variable_replaces_the_file() {
        let in_file = with(&[("SCCACHE_REDIS_ENDPOINT", "unix://file/r")]);
        let found = |value: &str| {
            let get = |name: &str| (name == "SCCACHE_REDIS_ENDPOINT").then(|| value.to_owned());
            RedisSettings::find(get, in_file.clone())
        };
        assert_eq!(found("").unwrap().url, "unix://file/r");
        assert_eq!(found("unix://variable/r").unwrap().url, "unix://variable/r");
        assert_eq!(found("redis://variable"), None);
    }
}
