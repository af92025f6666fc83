//! Selects the builds of a query.

use chrono::{DateTime, Utc};
use regex::Regex;
use rusqlite::types::{ToSql, Value};
use uuid::Uuid;

use super::Result;
use super::columns::micros;
use crate::error::Error;
use crate::portage::Outcome;

/// Patterns of package names.
#[derive(Clone, Debug)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    /// Shell wildcards, for `CATEGORY/PN`, or for `PN` if the pattern has no slash.
    Glob(glob::Pattern),
    /// Found anywhere in `CATEGORY/PN`.
    Regex(Regex),
}

impl Patterns {
    /// Parses shell patterns (`emlop`, `app-portage/emlop`, `dev-rust/*`) or regular expressions.
    ///
    /// # Errors
    /// [`Error::Usage`] if a pattern is empty or invalid.
    pub fn parse<S: AsRef<str>>(texts: &[S], is_regex: bool) -> Result<Patterns> {
        let mut patterns = Vec::new();
        for text in texts {
            let text = text.as_ref();
            if text.trim().is_empty() {
                return Err(Error::usage("empty PATTERN", "name a package, or omit it"));
            }
            let matcher = if is_regex {
                // The last line is the cause, those before it point to the place.
                let cause =
                    |error: regex::Error| error.to_string().lines().last().map(String::from);
                Regex::new(text).map(Matcher::Regex).map_err(cause)
            } else {
                let cause = |error: glob::PatternError| Some(error.msg.to_string());
                glob::Pattern::new(text).map(Matcher::Glob).map_err(cause)
            };
            let matcher = matcher.map_err(|cause| {
                let cause = cause.unwrap_or_default();
                let hint = "shell wildcards are * ? [...]; -e reads regular expressions";
                Error::usage(format!("`{text}` is not a valid pattern: {cause}"), hint)
            })?;
            let text = text.to_string();
            patterns.push(Pattern { text, matcher });
        }
        Ok(Patterns(patterns))
    }

    /// Whether a pattern matches the package, which is `CATEGORY/PN`.
    pub fn matches(&self, package: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(package))
    }

    /// Returns the patterns that match none of the packages.
    pub fn unmatched(&self, packages: &[String]) -> Vec<&str> {
        let matches_none =
            |pattern: &&Pattern| !packages.iter().any(|package| pattern.matches(package));
        let unmatched = self.0.iter().filter(matches_none);
        unmatched.map(|pattern| pattern.text.as_str()).collect()
    }
}

impl Pattern {
    fn matches(&self, package: &str) -> bool {
        match &self.matcher {
            Matcher::Glob(glob) if self.text.contains('/') => glob.matches(package),
            Matcher::Glob(glob) => glob.matches(package.rsplit('/').next().unwrap_or_default()),
            Matcher::Regex(regex) => regex.is_match(package),
        }
    }
}

/// Which builds to read. The default is all of them; each field narrows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Only builds of these packages (exact `CATEGORY/PN`).
    pub packages: Option<Vec<String>>,
    /// Only this build.
    pub build: Option<Uuid>,
    /// Only the builds with these row ids.
    #[doc(hidden)]
    pub row_ids: Option<Vec<i64>>,
    /// Only builds that started at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only builds that started before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only builds with one of these outcomes; all if empty.
    pub outcomes: Vec<Outcome>,
    /// Only builds from one of these repositories; all if empty.
    pub repositories: Vec<String>,
    /// Only builds of one of these hosts; all if empty.
    pub hosts: Vec<String>,
    /// Only builds in which sccache compiled one of these languages; all if empty. Case is ignored, and
    /// `c` matches `C/C++`.
    pub languages: Vec<String>,
    /// Only packages with at least this many builds that match the fields above.
    pub min_builds: Option<u32>,
    /// Only this many of the newest builds that match all other fields.
    pub last: Option<u32>,
}

/// A statement on the matching builds, with its parameters. The text is made of constants only.
pub(super) struct BuildQuery {
    pub(super) sql: String,
    values: Vec<(&'static str, Value)>,
}

impl BuildQuery {
    pub(super) fn params(&self) -> Vec<(&str, &dyn ToSql)> {
        let values = self.values.iter();
        values
            .map(|(name, value)| (*name, value as &dyn ToSql))
            .collect()
    }

    /// Adds a parameter of the statement.
    pub(super) fn with(mut self, name: &'static str, value: i64) -> Self {
        self.values.push((name, Value::from(value)));
        self
    }
}

const HAS_LANGUAGE: &str = "EXISTS (SELECT 1 FROM phase \
    JOIN phase_language ON phase_language.phase_id = phase.id \
    JOIN json_each(:languages) AS wanted \
      ON instr('/' || lower(language) || '/', '/' || lower(wanted.value) || '/') > 0 \
      OR lower(language) = lower(wanted.value) \
    WHERE phase.build_id = build.id \
      AND phase_language.hits + phase_language.misses + ifnull(phase_language.errors, 0) > 0)";

impl Filter {
    /// Returns the statement, in which the table `matching` has the matching rows of `build`.
    pub(super) fn query(&self, statement: &str) -> BuildQuery {
        let mut matching = "FROM build WHERE TRUE".to_string();
        let mut values = Vec::new();
        for (name, condition, value) in self.conditions() {
            if let Some(value) = value {
                matching.push_str(" AND ");
                matching.push_str(condition);
                values.push((name, value));
            }
        }
        if let Some(least) = self.min_builds {
            matching = format!(
                "{matching} AND package IN (SELECT package {matching} \
                 GROUP BY package HAVING count(*) >= :min_builds)"
            );
            values.push((":min_builds", Value::from(least)));
        }
        if let Some(last) = self.last {
            matching.push_str(" ORDER BY started_at_us DESC, uuid DESC LIMIT :last");
            values.push((":last", Value::from(last)));
        }
        let sql = format!("WITH matching AS (SELECT * {matching}) {statement}");
        BuildQuery { sql, values }
    }

    /// Parameters, conditions on them, and their values, if the filter has them.
    fn conditions(&self) -> [(&'static str, &'static str, Option<Value>); 11] {
        let (package, packages) = match self.packages.as_deref() {
            // An equality shows SQLite that an index has the package's or host's builds in order of time.
            Some([package]) => (Some(Value::from(package.clone())), None),
            Some(packages) => (None, Some(json(packages))),
            None => (None, None),
        };
        let (host, hosts) = match self.hosts.as_slice() {
            [] => (None, None),
            [host] => (Some(Value::from(host.clone())), None),
            hosts => (None, Some(json(hosts))),
        };
        let time = |time: Option<DateTime<Utc>>| time.map(|time| Value::from(micros(time)));
        let list = |texts: &[String]| (!texts.is_empty()).then(|| json(texts));
        let outcomes: Vec<String> = self.outcomes.iter().map(|o| o.word().to_string()).collect();
        [
            (":package", "package = :package", package),
            (
                ":packages",
                "package IN (SELECT value FROM json_each(:packages))",
                packages,
            ),
            (
                ":build",
                "uuid = :build",
                self.build.map(|uuid| Value::from(uuid.to_string())),
            ),
            (
                ":row_ids",
                "id IN (SELECT value FROM json_each(:row_ids))",
                self.row_ids
                    .as_deref()
                    .map(|ids| Value::from(serde_json::Value::from(ids).to_string())),
            ),
            (":since", "started_at_us >= :since", time(self.since)),
            (":until", "started_at_us < :until", time(self.until)),
            (
                ":outcomes",
                "outcome IN (SELECT value FROM json_each(:outcomes))",
                list(&outcomes),
            ),
            (
                ":repositories",
                "repository IN (SELECT value FROM json_each(:repositories))",
                list(&self.repositories),
            ),
            (":host", "host = :host", host),
            (
                ":hosts",
                "host IN (SELECT value FROM json_each(:hosts))",
                hosts,
            ),
            (":languages", HAS_LANGUAGE, list(&self.languages)),
        ]
    }
}

fn json(texts: &[String]) -> Value {
    Value::from(serde_json::Value::from(texts).to_string())
}
