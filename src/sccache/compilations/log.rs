//! From lines to compilations.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::time::Duration;

use super::arguments::{Arguments, MAX_UNIT};
use super::line::{Answer, Ending, Event, Line, Time};
use super::{Compilation, CompilationResult, ObjectKey};
use crate::text::printable;

/// So many compilations of one log are kept, in at most 32 MB. Chromium has about 50,000.
pub const MAX_COMPILATIONS: usize = 100_000;
/// Arguments of a longer line count as unknown.
const MAX_LINE: u64 = 256 * 1024;
/// So many compilations of one name are looked at for whom a line belongs to.
const MAX_RECENT: usize = 256;

/// Collects the compilations of a phase from its servers' log.
#[derive(Debug, Default)]
pub struct CompilationLog {
    directories: Vec<String>,
    requests: Vec<Request>,
    /// The most recent requests by the name that lines have.
    recent: HashMap<Box<str>, Vec<u32>>,
    has_keys: bool,
    request_count: u64,
}

#[derive(Debug)]
struct Request {
    compilation: Compilation,
    state: State,
    /// What it is if it gets compiled and stored.
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
    /// `directories`: where the package is built, absolute and without a `/` at the end: `S`,
    /// `WORKDIR`, `T`. They make no difference between one build's arguments and another's.
    pub fn new(directories: impl IntoIterator<Item = String>) -> Self {
        let mut directories: Vec<String> = directories
            .into_iter()
            .filter(|directory| directory.len() > 1 && directory.starts_with('/'))
            .collect();
        directories.sort_by_key(|directory| std::cmp::Reverse(directory.len()));
        directories.dedup();
        Self {
            directories,
            ..Self::default()
        }
    }

    /// Reads a whole log.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn read(&mut self, log: impl BufRead) -> io::Result<()> {
        read_lines(log, |line| self.take_in(line))
    }

    /// Takes in one line; lines about anything else are ignored.
    pub fn take_in(&mut self, line: &str) {
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
            names_directory: arguments.names_directory,
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

    /// Finds the request that a line belongs to: of those in one of `states`, the one that entered it
    /// nearest to `took` before the line. Others that fit as well make it ambiguous, and are
    /// themselves, unless they asked for just the same.
    fn find(
        &mut self,
        name: &str,
        states: &[State],
        time: Time,
        took: Duration,
    ) -> Option<&mut Request> {
        let recent = self.recent.get(name)?;
        // A look-up that failed leaves no line of its own. What follows a look-up follows at once,
        // so among equals the last one is meant; else the first.
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
        // Where a line went to the wrong one before, the right one lags behind, and this line may be its.
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

    /// Whether there were more than [`MAX_COMPILATIONS`].
    pub fn is_truncated(&self) -> bool {
        self.request_count > MAX_COMPILATIONS as u64
    }

    /// Returns the number of compilations that were requested.
    pub fn request_count(&self) -> u64 {
        self.request_count
    }

    /// The compilations that came to an end, in the order of their requests.
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
        // What a compilation comes to that doesn't end as expected: the compiler failed.
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

    /// Whether no line of it is missing. (A failed look-up's last line is the one that says how long
    /// it took, a failed compilation's the cache's answer.)
    fn is_ended(&self) -> bool {
        !matches!(self.state, State::Requested | State::Keyed)
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Hit | State::Stored)
    }

    /// Whether the two asked for the same, as far as their arguments tell.
    fn is_same(&self, other: &Self) -> bool {
        let of = |request: &Self| {
            let Compilation {
                metadata, flags, ..
            } = request.compilation;
            (metadata, flags)
        };
        of(self) == of(other) && self.compilation.unit == other.compilation.unit
    }
}

/// Calls `each` with the lines of a log, without their ends. Of a line beyond [`MAX_LINE`] it gets the start.
///
/// # Errors
/// If the log can't be read.
pub fn read_lines(mut log: impl BufRead, mut each: impl FnMut(&str)) -> io::Result<()> {
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
        each(&String::from_utf8_lossy(&line));
    }
}
