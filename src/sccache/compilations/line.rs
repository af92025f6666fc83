//! Parses one line of the log.

use std::time::Duration;

/// A line of `sccache::compiler::compiler` about the compilation `name`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub time: Time,
    pub name: &'a str,
    pub event: Event<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// The arguments as Rust's `Debug` prints a list of strings, without the brackets. `None` if the
    /// line is cut off.
    Requested(Option<&'a str>),
    LookedUp(Duration),
    Key(u64),
    Answer(Answer, Option<Duration>),
    DecompressionFailed,
    Compiled(Ending, Option<Duration>),
    Stored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Hit,
    Miss,
    Recache,
    NoCache,
    ReadError,
    TimedOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Storing,
    Failed,
    NotCaching,
    NotCacheable,
}

/// A time of day. sccache logs whole seconds, and milliseconds with `SCCACHE_LOG_MILLIS` (0.12 and
/// later).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    millis: i64,
    /// How far it may be from the time that another line and its duration suggest.
    pub tolerance_millis: i64,
}

/// The longest name in bytes. A file name has at most 255.
const MAX_NAME: usize = 1024;

const DAY: i64 = 24 * 60 * 60 * 1000;

impl Time {
    /// Parses `2026-11-28T19:16:45.663Z` or `2026-11-28T19:16:45Z`.
    fn parse(text: &str) -> Option<Self> {
        let clock = text.strip_suffix('Z')?.split_once('T')?.1;
        let number = |range: std::ops::Range<usize>| clock.get(range)?.parse::<i64>().ok();
        let seconds = (number(0..2)? * 60 + number(3..5)?) * 60 + number(6..8)?;
        let (fraction, tolerance_millis) = match number(9..12) {
            // On a busy machine, some time passes between reading the clock and writing the line.
            Some(millis) => (millis, 20),
            None => (0, 1100),
        };
        Some(Self {
            millis: seconds * 1000 + fraction,
            tolerance_millis,
        })
    }

    /// Returns the milliseconds between `self` and the time `duration` before `end`, also across midnight.
    pub fn distance(self, end: Self, duration: Duration) -> i64 {
        let expected = end.millis - i64::try_from(duration.as_millis()).unwrap_or(DAY);
        let apart = (self.millis - expected).rem_euclid(DAY);
        apart.min(DAY - apart)
    }
}

impl<'a> Line<'a> {
    /// Parses a line. `None` if it is of another module or program, or another message.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (head, message) = line.split_once(" sccache::compiler::compiler] [")?;
        let time = Time::parse(head.strip_prefix('[')?.split_once(' ')?.0)?;
        // A file name can contain anything, even something that looks like a message.
        let requested = "]: get_cached_or_compile: [";
        let (name, event) = if let Some((name, arguments)) = message.split_once(requested) {
            let whole = arguments.trim_end().strip_suffix(']');
            (name, Event::Requested(whole))
        } else {
            let (name, text) = message.trim_end().rsplit_once("]: ")?;
            (name, Event::parse(text)?)
        };
        (name.len() <= MAX_NAME).then_some(Self { time, name, event })
    }
}

impl Event<'_> {
    fn parse(text: &str) -> Option<Self> {
        if let Some(duration) = text.strip_prefix("generate_hash_key took ") {
            return Some(Self::LookedUp(seconds(duration)?));
        }
        if let Some(key) = text.strip_prefix("Hash key: ") {
            return u64::from_str_radix(key.get(..16)?, 16).ok().map(Self::Key);
        }
        if let Some(answer) = text.strip_prefix("Cache ") {
            return Self::parse_answer(answer);
        }
        if let Some(compiled) = text.strip_prefix("Compiled") {
            return Self::parse_compiled(compiled);
        }
        match text {
            "Failed to decompress object" => Some(Self::DecompressionFailed),
            "Stored in cache successfully!" => Some(Self::Stored),
            _ => None,
        }
    }

    fn parse_answer(text: &str) -> Option<Self> {
        for (start, answer) in [
            ("hit in ", Answer::Hit),
            ("miss in ", Answer::Miss),
            ("recache in ", Answer::Recache),
            ("none in ", Answer::NoCache),
            ("timed out ", Answer::TimedOut),
        ] {
            if let Some(duration) = text.strip_prefix(start) {
                return Some(Self::Answer(answer, Some(seconds(duration)?)));
            }
        }
        // The text of the error follows, often in several lines, and then the duration.
        text.starts_with("read error: ")
            .then_some(Self::Answer(Answer::ReadError, None))
    }

    /// Parses ` in 0.427 s, storing in cache`. sccache 0.3 logs no time unless it stores the object.
    fn parse_compiled(text: &str) -> Option<Self> {
        let (duration, ending) = match text.strip_prefix(" in ") {
            Some(rest) => {
                let (duration, ending) = rest.split_once(", ")?;
                (Some(seconds(duration)?), ending)
            }
            None => (None, text.trim_start()),
        };
        let ending = match ending {
            "storing in cache" => Ending::Storing,
            "but failed, not storing in cache" => Ending::Failed,
            "but not caching" => Ending::NotCaching,
            "but not cacheable" => Ending::NotCacheable,
            _ => return None,
        };
        Some(Self::Compiled(ending, duration))
    }
}

/// Parses `0.427 s`.
fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.strip_suffix(" s")?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_a_message() {
        let start = "[2026-11-28T19:16:48.288Z DEBUG sccache::compiler::compiler] [we\"i[rd]: Hash key: x.o]: ";
        let name = "we\"i[rd]: Hash key: x.o";
        let line = format!("{start}get_cached_or_compile: [\"-c\", \"]: Cache hit in 0.000 s\"]\n");
        let parsed = Line::parse(&line).unwrap();
        assert_eq!(parsed.name, name);
        assert_eq!(
            parsed.event,
            Event::Requested(Some("\"-c\", \"]: Cache hit in 0.000 s\""))
        );
        let line = format!("{start}Cache hit in 0.012 s\n");
        let parsed = Line::parse(&line).unwrap();
        assert_eq!(parsed.name, name);
        let duration = Some(Duration::from_millis(12));
        assert_eq!(parsed.event, Event::Answer(Answer::Hit, duration));
    }

    #[test]
    fn times_are_compared_across_midnight() {
        let time = |text| Time::parse(text).unwrap();
        let before = time("2026-11-28T23:59:59.900Z");
        let after = time("2026-11-29T00:00:00.100Z");
        assert_eq!(before.distance(after, Duration::from_millis(200)), 0);
        assert_eq!(before.distance(after, Duration::from_millis(150)), 50);
        assert_eq!(time("2026-11-28T23:59:59Z").tolerance_millis, 1100);
        assert_eq!(Time::parse("2026-11-28T2:59:59Z"), None);
        assert_eq!(Time::parse("2026-11-28T23:5é:59Z"), None);
    }

    #[test]
    fn other_lines_are_ignored() {
        for line in [
            "",
            "sccache: error: Address already in use (os error 98)",
            "[2026-11-28T19:16:48Z DEBUG sccache::server] handle_client: compile",
            "[2026-11-28T19:16:48Z DEBUG sccache::compiler::compiler] Using rustc at path: \"x\"",
            "[2026-11-28T19:16:48Z DEBUG sccache::compiler::compiler] [a.o]: Hash key: é",
            &format!(
                "[2026-11-28T19:16:48Z DEBUG sccache::compiler::compiler] [{}.o]: Cache hit in 0.1 s",
                "a".repeat(MAX_NAME)
            ),
            "[2026-11-28T19:16:48Z DEBUG sccache::compiler::compiler] [a.o]: Cache hit in -1 s",
            "[2026-11-28T19:16:48Z DEBUG sccache::compiler::compiler] [a.o]: Compiled in inf s, storing in cache",
        ] {
            assert_eq!(Line::parse(line), None, "{line}");
        }
    }
}
