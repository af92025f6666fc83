//! Portage's build logs: names, times, and lines.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use regex::{Regex, bytes};

use super::BUILD_LINE;
use super::check::check_name;
use crate::error::{Error, Result};
use crate::sccache::clean_log_line;

/// A package name, a version, and a revision (PMS 8, 3.1.2 and 3.2).
static PF: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"^(?<pn>[A-Za-z0-9_][A-Za-z0-9+_-]*)-(?<pvr>[0-9]+(?:\.[0-9]+)*[a-z]?(?:_(?:alpha|beta|pre|rc|p)[0-9]*)*(?:-r[0-9]+)?)$";
    Regex::new(pattern).expect("a valid pattern")
});

/// `CATEGORY:PF:YYYYMMDD-HHMMSS.log`, or with FEATURES=split-log `PF:YYYYMMDD-HHMMSS.log` in a
/// folder for the category (Portage 3.0.83, `prepare_build_dirs.py`).
static FILE_NAME: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"^(?:(?<category>[^:]*):)??(?<pf>[^:]*?)(?::(?<date>\d{8}-\d{6}))?(?<log>\.log)?(?:\.(?:gz|bz2|xz|zstd?|lz4|lz|lzo|lzma|zip))?$";
    Regex::new(pattern).expect("a valid pattern")
});

/// Splits `PF` into `PN` and `PVR`: `foo-1-bar-2_p3-r4` into `foo-1-bar` and `2_p3-r4`. Returns
/// `None` for anything else. A `PN` can't end in what looks like a version.
pub fn split_pf(pf: &str) -> Option<(&str, &str)> {
    let parts = PF.captures(pf).filter(|_| pf.len() <= 255)?;
    let (pn, pvr) = (parts.name("pn")?.as_str(), parts.name("pvr")?.as_str());
    (!PF.is_match(pn)).then_some((pn, pvr))
}

/// Returns `CATEGORY/PN` and the version, if the category and `PF` are valid.
pub fn parse_package(category: &str, pf: &str) -> Option<(String, String)> {
    let (pn, version) = split_pf(pf)?;
    let is_valid = check_name(category).is_ok();
    is_valid.then(|| (format!("{category}/{pn}"), version.to_owned()))
}

/// The information in the path of a log. Missing parts are `None` or `false`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogName {
    /// `CATEGORY/PN` and the version.
    pub package: Option<(String, String)>,
    /// When the build directory was created. UTC in every Portage since 2006 (`time.gmtime` in
    /// `prepare_build_dirs.py`).
    pub date: Option<NaiveDateTime>,
    /// The name is one that Portage gives to logs, or ends in `.log`.
    pub is_log: bool,
    /// The file is in Portage's `elog` folder. Messages of a build are saved there when the build
    /// ends, under a later date than its log's.
    pub is_elog: bool,
}

impl LogName {
    /// Parses the path of a log.
    pub fn parse(path: &Path) -> Self {
        let mut folders = path.ancestors().skip(1).take(2);
        let mut parsed = Self {
            is_elog: folders.any(|folder| folder.ends_with("elog")),
            ..Self::default()
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(parts) = FILE_NAME.captures(&name) {
            let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
            let category = parts.name("category").map(|category| category.as_str());
            let category = category.map_or(folder.to_string_lossy(), Cow::Borrowed);
            let date = parts.name("date").map(|date| date.as_str());
            let parse = |date| NaiveDateTime::parse_from_str(date, "%Y%m%d-%H%M%S").ok();
            parsed.package = parse_package(&category, &parts["pf"]);
            parsed.date = date.and_then(parse);
            parsed.is_log = date.is_some() || parts.name("log").is_some();
        }
        parsed
    }
}

/// The longest time from a build's start to the last change of its log. A file with a later change
/// was copied.
const MAX_BUILD_TIME: TimeDelta = TimeDelta::days(2);

/// The largest difference between the clocks of a file system and of a process.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::seconds(2);

/// The largest time by which a clock may be ahead.
const MAX_AHEAD: TimeDelta = TimeDelta::days(1);

/// When the build of a log ran, as far as the log's name and modification time show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogTimes {
    /// When the build started.
    pub started_at: DateTime<Utc>,
    /// When the log was written, unless the file was copied later. Then it is the start.
    pub finished_at: DateTime<Utc>,
    /// The first and the last time at which the hook can have seen the build start.
    pub start_range: (DateTime<Utc>, DateTime<Utc>),
}

impl LogTimes {
    /// Computes the times from a log's name and its modification time in seconds since 1970.
    ///
    /// # Errors
    /// No build can have run then.
    pub fn new(name: &LogName, modified: i64, now: DateTime<Utc>) -> Result<Self> {
        let is_past = |time: &DateTime<Utc>| *time <= now + MAX_AHEAD;
        let modified = DateTime::from_timestamp(modified, 0)
            .filter(|time| time.timestamp() > 0 && is_past(time));
        let named = name.date.map(|date| date.and_utc());
        if !named.iter().all(is_past) {
            return Err(Error::invalid("its date is in the future"));
        }
        let start = named.or(modified);
        let problem = "its name has no date, and its modification time is invalid";
        let start = start.ok_or_else(|| Error::invalid(problem))?;
        let possible = start..start + MAX_BUILD_TIME;
        let end = modified.filter(|end| possible.contains(end));
        let (first, last) = if name.is_elog || named.is_none() {
            (start - MAX_BUILD_TIME, start)
        } else {
            (start, end.unwrap_or(start + TimeDelta::days(1)))
        };
        Ok(Self {
            started_at: start,
            finished_at: end.unwrap_or(start),
            start_range: (first - MAX_CLOCK_DIFFERENCE, last + MAX_CLOCK_DIFFERENCE),
        })
    }
}

/// The longest line that is read. Longer ones are truncated.
pub const MAX_LINE: usize = 4096;

/// The longest line that contains a whole build. Ordinary ones have 2 to 20 KB.
const MAX_BUILD_LINE: usize = 64 * 1024;

/// Matches lines that may be of interest. Megabytes of compiler calls don't match.
static NEEDLE: LazyLock<bytes::Regex> = LazyLock::new(|| {
    let pattern = r"(?-u)Compile requests|Stopping sccache|sccache-report-build: |sccache: |>>> |(?:LOG|INFO|WARN|ERROR|QA): |Package: |Repository: ";
    bytes::Regex::new(pattern).expect("a valid pattern")
});

/// Calls `handle` with each line that may be of interest, without its line feed, and whether it
/// had one: the last line may be incomplete. While `handle` returns `true`, it gets every line.
/// Invalid UTF-8 is replaced. Memory use is bounded.
///
/// # Errors
/// The log can't be read.
pub fn read_lines(log: impl Read, mut handle: impl FnMut(&str, bool) -> bool) -> io::Result<()> {
    let mut log = BufReader::with_capacity(256 * 1024, log);
    let (mut line, mut wants_every_line) = (Vec::new(), false);
    loop {
        line.clear();
        let mut start = (&mut log).take(MAX_BUILD_LINE as u64);
        if start.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let is_complete =
            line.pop_if(|last| *last == b'\n').is_some() || line.len() == MAX_BUILD_LINE;
        if line.len() == MAX_BUILD_LINE {
            log.skip_until(b'\n')?;
        }
        if wants_every_line || NEEDLE.is_match(&line) {
            if !String::from_utf8_lossy(&line).contains(BUILD_LINE) {
                line.truncate(MAX_LINE);
            }
            wants_every_line = handle(&String::from_utf8_lossy(&line), is_complete);
        }
    }
}

/// The prefix that loggers and CI systems add to each line (`12:01:02 | `, `[dev-lang/rust] `,
/// `17: `), and a line that shows whether the log's lines have a prefix.
static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?x)^(?<prefix>(?:\[[^\]]{1,80}\]:?\ |\d[\d:.,TZ+-]*\ (?:\|\ )?)*)(?:\ ?\*\ +)?
        (?<known>Compile\ requests\s+\d+$|Stopping\ sccache\ server\.\.\.$|>>>\ |Package:\ )?";
    Regex::new(pattern).expect("a valid pattern")
});

/// Returns a line of a log without prefix, terminal escapes, the star of `einfo`, and surrounding
/// white space, and whether it had a prefix or a star. `has_prefix` is the state that is kept from
/// line to line, at first `false`: a bashrc recipe can add a prefix to its statistics only.
pub fn clean_line(raw: &str, has_prefix: &mut bool) -> (String, bool) {
    let (line, is_marked) = clean_log_line(raw);
    let parts = PREFIX.captures(&line);
    let length = parts.as_ref().map_or(0, |parts| parts["prefix"].len());
    if parts.is_some_and(|parts| parts.name("known").is_some()) {
        *has_prefix = length > 0;
    }
    if !*has_prefix || length == 0 {
        return (line, is_marked);
    }
    (clean_log_line(&line[length..]).0, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_version_are_split_as_pms_says() {
        for (pf, pn, pvr) in [
            ("gtk+-2.24.33-r1", "gtk+", "2.24.33-r1"),
            ("foo-1-bar-2_p3-r4", "foo-1-bar", "2_p3-r4"),
            ("librsvg-2.50.4", "librsvg", "2.50.4"),
            ("font-adobe-100dpi-1.0.4", "font-adobe-100dpi", "1.0.4"),
            ("foo-1a", "foo", "1a"),
            ("7zip-24.08", "7zip", "24.08"),
            ("foo-9999", "foo", "9999"),
            (
                "x-1_alpha1_beta_pre2_rc3_p4-r0",
                "x",
                "1_alpha1_beta_pre2_rc3_p4-r0",
            ),
            ("foo-bar-r1-2", "foo-bar-r1", "2"),
            ("libfoo-2-3d-1.0b", "libfoo-2-3d", "1.0b"),
        ] {
            // `libfoo-2-3d` ends in a version (3d), which PMS doesn't allow.
            let expected = (pn != "libfoo-2-3d").then_some((pn, pvr));
            assert_eq!(split_pf(pf), expected, "{pf}");
        }
        for bad in [
            "",
            "foo",
            "foo-",
            "-1",
            "foo-bar",
            "foo-1-2",
            "foo-1-r1-2",
            "foo-1.",
            "foo-1_x",
            "foo-1-r",
            "+foo-1",
            "fo o-1",
            "foo-1\n",
            "foo/bar-1",
            "foo-1AB",
        ] {
            assert_eq!(split_pf(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn logs_are_flat_or_in_folders() {
        let of = |path: &str| LogName::parse(Path::new(path));
        let dated = of("/l/gnome-base:librsvg-2.50.4:20210405-101500.log");
        assert_eq!(
            dated.package,
            Some(("gnome-base/librsvg".into(), "2.50.4".into()))
        );
        assert_eq!(dated.date.unwrap().to_string(), "2021-04-05 10:15:00");
        assert_eq!(
            of("/l/build/gnome-base/librsvg-2.50.4:20210405-101500.log.gz"),
            dated
        );
        assert_eq!(of("gnome-base:librsvg-2.50.4.log").date, None);
        assert!(of("gnome-base:librsvg-2.50.4.log").package.is_some());
        let unknown = LogName {
            is_log: true,
            ..LogName::default()
        };
        assert_eq!(of("/x/build.log"), unknown);
        assert!(!of("/x/README").is_log && !of("/x/elog/summary.txt").is_log);
        assert!(of("/x/elog/a-b/c-1:20210405-101500.log").is_elog);
        let undated = of("a:b-1:20211345-101500.log");
        assert_eq!((undated.package.is_some(), undated.date), (true, None));
        assert_eq!(of("-a:b-1.log").package, None);
    }

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn log_times(date: &str, modified: i64) -> Result<LogTimes> {
        let name = LogName::parse(Path::new(&format!("a:b-1{date}.log")));
        LogTimes::new(&name, modified, at("2026-11-28T00:00:00Z"))
    }

    #[test]
    fn dates_in_names_are_utc() {
        let date = ":20210405-101500";
        let copied = log_times(date, at("2026-01-01T00:00:00Z").timestamp()).unwrap();
        assert_eq!(copied.started_at, at("2021-04-05T10:15:00Z"));
        assert_eq!(copied.finished_at, copied.started_at);
        let in_place = log_times(date, at("2021-04-05T10:20:00Z").timestamp()).unwrap();
        assert_eq!(in_place.started_at, copied.started_at);
        assert_eq!(in_place.finished_at, at("2021-04-05T10:20:00Z"));
    }

    #[test]
    fn impossible_times_are_refused_and_never_panic() {
        for modified in [i64::MIN, -1, 0, 9_000_000_000_000, i64::MAX] {
            assert!(log_times("", modified).is_err(), "{modified}");
            let named = log_times(":20210405-101500", modified).unwrap();
            assert_eq!(named.finished_at, at("2021-04-05T10:15:00Z"), "{modified}");
        }
        assert!(log_times(":99991231-235959", 1).is_err());
        let modified = at("2021-04-05T08:20:00Z");
        let undated = log_times("", modified.timestamp()).unwrap();
        assert_eq!(undated.started_at, modified);
    }

    /// A reader that gives few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len()).min(self.0.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn lines(text: &[u8], step: usize) -> Vec<(String, bool)> {
        let mut all = Vec::new();
        read_lines(Slow(text, step), |line, whole| {
            all.push((line.to_owned(), whole));
            line.contains("Compile requests")
        })
        .unwrap();
        all
    }

    #[test]
    fn only_lines_of_interest_are_returned() {
        let text = b"gcc -c a.c\n>>> Source compiled.\nx\n * Compile requests  3\nthe next\nnot this\nERROR: \xff";
        for step in [1, 7, 1000] {
            let found = lines(text, step);
            let texts: Vec<&str> = found.iter().map(|(line, _)| line.as_str()).collect();
            assert_eq!(
                texts,
                [
                    ">>> Source compiled.",
                    " * Compile requests  3",
                    "the next",
                    "ERROR: \u{fffd}"
                ]
            );
            assert!(found[2].1 && !found[3].1);
        }
    }

    #[test]
    fn long_lines_are_skipped_in_bounded_memory() {
        let mut text = b"a".repeat(3 * MAX_BUILD_LINE + 17);
        text.extend_from_slice(b">>> not a line\n>>> one\n");
        assert_eq!(lines(&text, MAX_BUILD_LINE), [(">>> one".to_owned(), true)]);
        assert_eq!(lines(&b"b".repeat(2 * MAX_BUILD_LINE), 999), []);
    }

    fn cleaned(lines: &[&str]) -> Vec<(String, bool)> {
        let mut has_prefix = false;
        let clean = |line: &&str| clean_line(line, &mut has_prefix);
        lines.iter().map(clean).collect()
    }

    #[test]
    fn a_prefix_is_recognized_and_removed() {
        let lines = [
            "12:01:02 | make: nothing",
            "12:01:03 | >>> Compiling source in /x ...",
            "12:01:04 | \u{1b}[32m * \u{1b}[0mERROR: failed",
            "no prefix",
        ];
        let texts = cleaned(&lines).into_iter().map(|(text, _)| text);
        let expected = [
            "12:01:02 | make: nothing",
            ">>> Compiling source in /x ...",
            "ERROR: failed",
            "no prefix",
        ];
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn statistics_may_have_a_prefix_of_their_own() {
        let lines = [
            ">>> Compiling source in /x ...",
            "echo \">>> Install \"",
            " * [sccache] Compile requests   12",
            " * [sccache] Cache hits   3",
            " * other",
        ];
        let expected = [
            (">>> Compiling source in /x ...".to_owned(), false),
            ("echo \">>> Install \"".to_owned(), false),
            ("Compile requests   12".to_owned(), true),
            ("Cache hits   3".to_owned(), true),
            ("other".to_owned(), true),
        ];
        assert_eq!(cleaned(&lines), expected);
    }
}
