//! Which builds a report is about: the options that pick them.

use chrono::Local;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Trouble;
use crate::portage::Outcome;
use crate::store::{Filter, Patterns};
use crate::when;

/// Options that pick builds.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which builds")]
pub(super) struct Filters {
    /// Started at WHEN or later: 2026-11-01, 2026-W47, 2026-11, yesterday, "last month",
    /// "2 weeks ago", 3d
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true, global = true)]
    since: Option<String>,

    /// Started before WHEN; a day, week, month or year is included whole
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true, global = true)]
    until: Option<String>,

    /// Only the N newest of those that all else leaves
    #[arg(long, value_name = "N", global = true)]
    #[arg(value_parser = number_of, allow_negative_numbers = true)]
    last: Option<u32>,

    /// With this outcome; several with commas
    #[arg(long, value_delimiter = ',', value_parser = outcome(), global = true)]
    outcome: Vec<Outcome>,

    /// From this repository; several with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', global = true)]
    repository: Vec<String>,

    /// In which sccache met this language (rust, c++); several with commas. The numbers are
    /// those of the whole builds
    #[arg(long, value_name = "NAME", value_delimiter = ',', global = true)]
    language: Vec<String>,

    /// Only packages with N such builds or more
    #[arg(long, value_name = "N", global = true)]
    #[arg(value_parser = number_of, allow_negative_numbers = true)]
    min_builds: Option<u32>,

    /// Patterns are regular expressions, found anywhere in CATEGORY/PN
    #[arg(short = 'e', long, global = true)]
    regex: bool,
}

fn outcome() -> impl TypedValueParser<Value = Outcome> {
    PossibleValuesParser::new(Outcome::ALL.map(Outcome::word)).try_map(|word| word.parse())
}

/// A number of things, of which none would leave nothing to show.
pub(super) fn number_of(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        format!(
            "a whole number from 1 to {} is wanted, such as 20",
            u32::MAX
        )
    })
}

impl Filters {
    /// The names of those that were given.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("since", self.since.is_some()),
            ("until", self.until.is_some()),
            ("last", self.last.is_some()),
            ("outcome", !self.outcome.is_empty()),
            ("repository", !self.repository.is_empty()),
            ("language", !self.language.is_empty()),
            ("min-builds", self.min_builds.is_some()),
            ("regex", self.regex),
        ];
        all.into_iter()
            .filter_map(|(name, given)| given.then_some(name))
    }

    /// The filter that the options make, without the patterns.
    pub(super) fn filter(&self) -> Result<Filter, Trouble> {
        let now = Local::now();
        let time = |option, text: &Option<String>, edge| match text {
            None => Ok(None),
            Some(text) => when::parse(text, edge, now).map(Some).map_err(|cause| {
                Trouble::Request(
                    format!("{option}: {cause}"),
                    "write it like 2026-11-01, 2026-11, 2026-W47, \"last month\", \"2 weeks ago\" \
                     or 3d"
                        .into(),
                )
            }),
        };
        let since = time("--since", &self.since, when::Edge::Since)?;
        let until = time("--until", &self.until, when::Edge::Until)?;
        if let (Some(first), Some(end)) = (since, until)
            && first >= end
        {
            return Err(Trouble::Request(
                "--since is not before --until: nothing can lie between".into(),
                "--since names the older end, as in --since 2026-10-01 --until 2026-10-31".into(),
            ));
        }
        Ok(Filter {
            since,
            until,
            outcomes: self.outcome.clone(),
            repositories: self.repository.clone(),
            languages: self.language.clone(),
            min_builds: self.min_builds,
            last: self.last,
            ..Filter::default()
        })
    }

    /// The patterns, read as the options say.
    pub(super) fn patterns(&self, texts: &[String]) -> Result<Patterns, Trouble> {
        if self.regex && texts.is_empty() {
            return Err(Trouble::Request(
                "--regex says how to read a PATTERN, and there is none".into(),
                "name packages, or leave it out".into(),
            ));
        }
        if texts.iter().any(|text| text.trim().is_empty()) {
            return Err(Trouble::Request(
                "an empty PATTERN matches no package".into(),
                "write it like emlop, app-portage/emlop or 'dev-rust/*', or leave it out for all"
                    .into(),
            ));
        }
        let parsed = match self.regex {
            true => Patterns::regexes(texts),
            false => Patterns::globs(texts),
        };
        parsed.map_err(|error| {
            Trouble::Request(
                error.to_string(),
                "shell wildcards are * ? [...]; for regular expressions there is -e".into(),
            )
        })
    }

    /// Whether the options leave the period open.
    pub(super) fn any_time(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.last.is_none()
    }
}
