//! Which builds a query is about.

use chrono::{DateTime, Utc};
use regex::Regex;
use rusqlite::types::{ToSql, Value};

use super::columns::micros;
use super::{Result, Store, words};
use crate::portage::Outcome;

/// What a person wrote to name packages.
#[derive(Clone, Debug)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug)]
enum Pattern {
    /// Shell wildcards, against `CATEGORY/PN`, or against `PN` if without a slash.
    Glob {
        pattern: glob::Pattern,
        whole: bool,
    },
    Regex(Regex),
}

/// A pattern that isn't one: its text and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a valid pattern: {1}")]
pub struct PatternError(String, String);

impl Patterns {
    /// Shell patterns: `emlop`, `app-portage/emlop`, `dev-rust/*`.
    ///
    /// # Errors
    /// Where a bracket is not closed, or `**` stands where it can't.
    pub fn globs<S: AsRef<str>>(texts: &[S]) -> std::result::Result<Patterns, PatternError> {
        let parse = |text: &S| {
            let text = text.as_ref();
            let pattern = glob::Pattern::new(text)
                .map_err(|e| PatternError(text.to_string(), e.msg.to_string()))?;
            let whole = text.contains('/');
            Ok(Pattern::Glob { pattern, whole })
        };
        texts
            .iter()
            .map(parse)
            .collect::<std::result::Result<_, _>>()
            .map(Patterns)
    }

    /// Regular expressions, found anywhere in `CATEGORY/PN`.
    ///
    /// # Errors
    /// Where it isn't one.
    pub fn regexes<S: AsRef<str>>(texts: &[S]) -> std::result::Result<Patterns, PatternError> {
        let parse = |text: &S| {
            let text = text.as_ref();
            // The last line says what is wrong, those before draw where.
            let wrong =
                |e: regex::Error| e.to_string().lines().last().unwrap_or_default().to_string();
            let regex = Regex::new(text).map_err(|e| PatternError(text.to_string(), wrong(e)))?;
            Ok(Pattern::Regex(regex))
        };
        texts
            .iter()
            .map(parse)
            .collect::<std::result::Result<_, _>>()
            .map(Patterns)
    }

    /// Whether one of them matches the package, which is `CATEGORY/PN`.
    pub fn matches(&self, package: &str) -> bool {
        let name = package.split_once('/').map_or(package, |(_, name)| name);
        self.0.iter().any(|pattern| match pattern {
            Pattern::Glob {
                pattern,
                whole: true,
            } => pattern.matches(package),
            Pattern::Glob {
                pattern,
                whole: false,
            } => pattern.matches(name),
            Pattern::Regex(regex) => regex.is_match(package),
        })
    }
}

/// Which builds to look at. The default is all of them; each part narrows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Of these packages, by their exact `CATEGORY/PN`.
    pub packages: Option<Vec<String>>,
    /// This build alone.
    pub build: Option<uuid::Uuid>,
    /// Started then or later.
    pub since: Option<DateTime<Utc>>,
    /// Started before then.
    pub until: Option<DateTime<Utc>>,
    /// With one of these outcomes; all where empty.
    pub outcomes: Vec<Outcome>,
    /// From one of these repositories; all where empty.
    pub repositories: Vec<String>,
    /// In which sccache met one of these languages; all where empty. Either case will do,
    /// and of `C/C++` also a half.
    pub languages: Vec<String>,
    /// Of packages with at least so many builds among those that the rest leaves.
    pub min_builds: Option<u32>,
    /// Of those, the newest so many.
    pub last: Option<u32>,
}

/// A query's part that picks builds, with its parameters: text made of constants only.
pub(super) struct Picked {
    pub(super) text: String,
    values: Vec<(&'static str, Value)>,
}

impl Picked {
    pub(super) fn params(&self) -> Vec<(&str, &dyn ToSql)> {
        self.values
            .iter()
            .map(|(name, value)| (*name, value as &dyn ToSql))
            .collect()
    }
}

impl Filter {
    /// `SELECT columns FROM build WHERE ...`; `columns` are constants of the caller.
    pub(super) fn sql(&self, columns: &str) -> Picked {
        let (mut conditions, mut values) = self.of_the_build();
        self.of_its_parts(&mut conditions, &mut values);
        let mut all = all_of(&conditions);
        if let Some(least) = self.min_builds {
            conditions.push("package IN (SELECT package FROM enough)");
            values.push((":min_builds", Value::from(least)));
            let enough = format!(
                "WITH enough AS (SELECT package FROM build{all} \
                 GROUP BY package HAVING count(*) >= :min_builds) "
            );
            all = all_of(&conditions);
            return self.newest(format!("{enough}SELECT {columns} FROM build{all}"), values);
        }
        self.newest(format!("SELECT {columns} FROM build{all}"), values)
    }

    /// Conditions on the columns of the build's own row.
    fn of_the_build(&self) -> (Vec<&'static str>, Vec<(&'static str, Value)>) {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        let mut add = |condition, name, value| {
            conditions.push(condition);
            values.push((name, value));
        };
        if let Some([package]) = self.packages.as_deref() {
            // Not as one of a list: so SQLite sees that the index has its builds by time.
            let value = Value::from(package.clone());
            add("package = :packages", ":packages", value);
        } else if let Some(packages) = &self.packages {
            let one_of = "package IN (SELECT value FROM json_each(:packages))";
            add(one_of, ":packages", Value::from(json(packages)));
        }
        if let Some(build) = self.build {
            add("uuid = :build", ":build", Value::from(build.to_string()));
        }
        if let Some(since) = self.since {
            add(
                "started_at_us >= :since",
                ":since",
                Value::from(micros(since)),
            );
        }
        if let Some(until) = self.until {
            add(
                "started_at_us < :until",
                ":until",
                Value::from(micros(until)),
            );
        }
        if !self.outcomes.is_empty() {
            let words = self.outcomes.iter().map(|o| words::outcome_word(*o));
            let one_of = "outcome IN (SELECT value FROM json_each(:outcomes))";
            add(
                one_of,
                ":outcomes",
                Value::from(json(&words.collect::<Vec<_>>())),
            );
        }
        if !self.repositories.is_empty() {
            let one_of = "repository IN (SELECT value FROM json_each(:repositories))";
            add(
                one_of,
                ":repositories",
                Value::from(json(&self.repositories)),
            );
        }
        (conditions, values)
    }

    /// Conditions on what lies below the build.
    fn of_its_parts(
        &self,
        conditions: &mut Vec<&'static str>,
        values: &mut Vec<(&'static str, Value)>,
    ) {
        if !self.languages.is_empty() {
            conditions.push(
                "EXISTS (SELECT 1 FROM phase JOIN phase_language ON phase_language.phase_id = phase.id \
                 JOIN json_each(:languages) AS wanted \
                 ON instr('/' || lower(language) || '/', '/' || lower(wanted.value) || '/') > 0 \
                 OR lower(language) = lower(wanted.value) \
                 WHERE phase.build_id = build.id \
                 AND phase_language.hits + phase_language.misses + coalesce(phase_language.errors, 0) > 0)",
            );
            values.push((":languages", Value::from(json(&self.languages))));
        }
    }

    fn newest(&self, mut text: String, mut values: Vec<(&'static str, Value)>) -> Picked {
        if let Some(last) = self.last {
            text.push_str(" ORDER BY started_at_us DESC, id DESC LIMIT :last");
            values.push((":last", Value::from(last)));
        }
        Picked { text, values }
    }
}

fn all_of(conditions: &[&str]) -> String {
    match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    }
}

fn json<S: AsRef<str>>(texts: &[S]) -> String {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    serde_json::Value::from(texts).to_string()
}

impl Store {
    /// Whether nothing was ever recorded.
    ///
    /// # Errors
    /// As [`Store::package_names`].
    pub fn is_empty(&self) -> Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM build)";
        let answer = self.connection.query_row(sql, [], |row| row.get(0));
        answer.map_err(|error| self.error(error))
    }

    /// All packages that ever had a build, sorted by name.
    ///
    /// # Errors
    /// Those of reading: [`crate::Error::Damaged`], [`crate::Error::Locked`].
    pub fn package_names(&self) -> Result<Vec<String>> {
        // From one name to the next in the index: a look-up per package, not per build.
        let sql = "WITH RECURSIVE name (package) AS ( \
                     SELECT min(package) FROM build \
                     UNION ALL \
                     SELECT (SELECT min(package) FROM build WHERE package > name.package) \
                     FROM name WHERE name.package IS NOT NULL) \
                   SELECT package FROM name WHERE package IS NOT NULL";
        self.names(sql)
    }

    fn names(&self, sql: &str) -> Result<Vec<String>> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        read().map_err(|error| self.error(error))
    }

    /// The packages that match, sorted by name.
    ///
    /// # Errors
    /// As [`Store::package_names`].
    pub fn matching_packages(&self, patterns: &Patterns) -> Result<Vec<String>> {
        let mut names = self.package_names()?;
        names.retain(|name| patterns.matches(name));
        Ok(names)
    }
}
