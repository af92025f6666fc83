//! Collects compilations from the lines of a log.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::time::Duration;

use super::BuildDirectories;
use super::arguments::{Arguments, MAX_UNIT};
use super::line::{Answer, Ending, Event, Line, Time};
use super::{Compilation, CompilationResult, ObjectKey};
use crate::text::printable;

/// The most compilations of one log, which take up to 32 MB. Chromium has about 50,000.
pub const MAX_COMPILATIONS: usize = 100_000;
/// The longest line in bytes. The arguments of a longer one are unknown.
const MAX_LINE: u64 = 256 * 1024;
/// The most compilations of one name that are considered for a line.
const MAX_RECENT: usize = 256;

/// Collects the compilations of a phase from its servers' log.
#[derive(Debug, Default)]
pub struct CompilationLog {
    directories: BuildDirectories,
    requests: Vec<Request>,
    /// The indices of the most recent requests, by name.
    recent: HashMap<Box<str>, Vec<u32>>,
    has_keys: bool,
    request_count: u64,
}

#[derive(Debug)]
struct Request {
    compilation: Compilation,
    state: State,
    /// The result if the compilation is stored.
    expected: CompilationResult,
    /// The time of the line that led to the state.
    since: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Requested,
    LookedUp,
    Keyed,
    Hit,
    Compiling,
    Compiled,
    Stored,
}

impl CompilationLog {
    /// Returns an empty log of a build with these directories.
    pub fn new(directories: BuildDirectories) -> Self {
        Self {
            directories,
            ..Self::default()
        }
    }

    /// Reads a whole log.
    ///
    /// # Errors
    /// The log can't be read.
    pub fn read(&mut self, log: impl BufRead) -> io::Result<()> {
        read_lines(log, |line| self.add_line(line))
    }

    /// Adds one line. Lines about other things are ignored.
    pub fn add_line(&mut self, line: &str) {
        let Some(Line { time, name, event }) = Line::parse(line) else {
            return;
        };
        match event {
            Event::Requested(arguments) => self.request(time, name, arguments),
            Event::LookedUp(took) => {
                if let Some(request) = self.find(name, &[State::Requested], time, took) {
                    request.compilation.lookup = Some(took);
                    request.enter(State::LookedUp, time);
                }
            }
            Event::Key(key) => {
                self.has_keys = true;
                if let Some(request) = self.find(name, &[State::LookedUp], time, Duration::ZERO) {
                    request.compilation.key = Some(ObjectKey(key));
                    request.enter(State::Keyed, time);
                }
            }
            Event::Answer(answer, took) => {
                let state = if self.has_keys {
                    State::Keyed
                } else {
                    State::LookedUp
                };
                if let Some(request) = self.find(name, &[state], time, took.unwrap_or_default()) {
                    request.answer(answer, took, time);
                }
            }
            Event::DecompressionFailed => {
                if let Some(request) = self.find(name, &[State::Hit], time, Duration::ZERO) {
                    request.answer(Answer::ReadError, None, time);
                }
            }
            Event::Compiled(ending, took) => {
                let expected = took.unwrap_or_default();
                if let Some(request) = self.find(name, &[State::Compiling], time, expected) {
                    request.end(ending, took, time);
                }
            }
            Event::Stored => {
                if let Some(request) = self.find(name, &[State::Compiled], time, Duration::ZERO) {
                    request.compilation.is_stored = true;
                    request.enter(State::Stored, time);
                }
            }
        }
    }

    fn request(&mut self, time: Time, name: &str, arguments: Option<&str>) {
        self.request_count += 1;
        if self.is_truncated() {
            return;
        }
        let arguments = arguments
            .map(|text| Arguments::parse(text, &self.directories))
            .unwrap_or_default();
        let compilation = Compilation {
            unit: printable(arguments.output.as_deref().unwrap_or(name), MAX_UNIT).into(),
            metadata: arguments.metadata,
            key: None,
            language: arguments.language,
            result: CompilationResult::LookupFailed,
            is_stored: false,
            lookup: None,
            cache_read: None,
            compile: None,
            flags: arguments.flags,
            directory_in_key: arguments.directory_in_key,
            is_ambiguous: false,
            miss_reason: None,
        };
        let index = self.requests.len() as u32;
        self.requests.push(Request {
            compilation,
            state: State::Requested,
            expected: CompilationResult::Miss,
            since: time,
        });
        match self.recent.get_mut(name) {
            Some(recent) => {
                if recent.len() == MAX_RECENT {
                    let is_over = |index: &u32| self.requests[*index as usize].is_over();
                    recent.remove(recent.iter().position(is_over).unwrap_or(0));
                }
                recent.push(index);
            }
            None => {
                self.recent.insert(name.into(), vec![index]);
            }
        }
    }

    /// Finds the request that a line belongs to: among those in one of `states`, the one that entered its
    /// state closest to `took` before `time`. It becomes ambiguous together with all others that fit,
    /// unless these are for the same unit with the same flags.
    fn find(
        &mut self,
        name: &str,
        states: &[State],
        time: Time,
        took: Duration,
    ) -> Option<&mut Request> {
        let recent = self.recent.get(name)?;
        // A failed lookup logs nothing more, so among equally close requests an older one may have failed.
        // The line after a lookup or a hit follows at once, and belongs to the newest.
        let prefers_last = states == [State::LookedUp] || states == [State::Hit];
        let mut best: Option<(i64, usize)> = None;
        let mut fitting = Vec::new();
        for index in recent.iter().map(|index| *index as usize) {
            let request = &self.requests[index];
            if !states.contains(&request.state) {
                continue;
            }
            let distance = request.since.distance(time, took);
            if distance <= time.tolerance_millis {
                fitting.push(index);
            }
            if best.is_none_or(|(least, _)| distance < least || prefers_last && distance == least) {
                best = Some((distance, index));
            }
        }
        let (_, best) = best?;
        // If an earlier line was given to the wrong request, the right one is still in an older state, and
        // this line may belong to it.
        let lagging = recent.iter().map(|index| *index as usize).filter(|index| {
            let request = &self.requests[*index];
            request.compilation.is_ambiguous && !request.is_over()
        });
        fitting.extend(lagging);
        fitting.retain(|index| !self.requests[*index].is_same(&self.requests[best]));
        if !fitting.is_empty() {
            fitting.push(best);
        }
        for index in fitting {
            self.requests[index].compilation.is_ambiguous = true;
        }
        self.requests.get_mut(best)
    }

    /// Whether there were more compilations than [`MAX_COMPILATIONS`].
    pub fn is_truncated(&self) -> bool {
        self.request_count > MAX_COMPILATIONS as u64
    }

    /// Returns the number of requested compilations.
    pub fn request_count(&self) -> u64 {
        self.request_count
    }

    /// Returns the compilations that ended, in the order in which they were requested.
    pub fn finish(self) -> Vec<Compilation> {
        let ended = self.requests.into_iter().filter(Request::is_ended);
        ended.map(|request| request.compilation).collect()
    }
}

impl Request {
    fn enter(&mut self, state: State, time: Time) {
        self.state = state;
        self.since = time;
    }

    fn answer(&mut self, answer: Answer, took: Option<Duration>, time: Time) {
        self.compilation.cache_read = took.or(self.compilation.cache_read);
        // Nothing more is logged if the compiler fails.
        self.compilation.result = match answer {
            Answer::Hit => CompilationResult::Hit,
            _ => CompilationResult::CompileFailed,
        };
        self.expected = match answer {
            Answer::Hit | Answer::Miss => CompilationResult::Miss,
            Answer::Recache => CompilationResult::Forced,
            Answer::NoCache => CompilationResult::NotCached,
            Answer::ReadError => CompilationResult::ReadError,
            Answer::TimedOut => CompilationResult::TimedOut,
        };
        let is_hit = answer == Answer::Hit;
        self.enter(if is_hit { State::Hit } else { State::Compiling }, time);
    }

    fn end(&mut self, ending: Ending, took: Option<Duration>, time: Time) {
        self.compilation.compile = took;
        self.compilation.result = match ending {
            Ending::Storing => self.expected,
            Ending::NotCaching => CompilationResult::NotCached,
            Ending::NotCacheable => CompilationResult::NotCacheable,
            Ending::Failed => CompilationResult::CompileFailed,
        };
        self.enter(State::Compiled, time);
    }

    /// Whether the compilation has ended. The last line of a failed lookup is its duration, and that of a
    /// failed compilation is the answer of the cache.
    fn is_ended(&self) -> bool {
        !matches!(self.state, State::Requested | State::Keyed)
    }

    /// Whether no more lines follow.
    fn is_over(&self) -> bool {
        matches!(self.state, State::Hit | State::Stored)
    }

    /// Whether both are for the same unit, with the same arguments.
    fn is_same(&self, other: &Self) -> bool {
        let (this, other) = (&self.compilation, &other.compilation);
        (this.metadata, this.flags, &this.unit) == (other.metadata, other.flags, &other.unit)
    }
}

/// Calls `handle` with each line of a log, without its line feed. Lines are cut off at 256 KiB.
///
/// # Errors
/// The log can't be read.
pub fn read_lines(mut log: impl BufRead, mut handle: impl FnMut(&str)) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if log.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        match line.pop() {
            Some(b'\n') | None => {}
            Some(last) => {
                line.push(last);
                log.skip_until(b'\n')?;
            }
        }
        handle(&String::from_utf8_lossy(&line));
    }
}
