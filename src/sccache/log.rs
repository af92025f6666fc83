//! The log of a phase's servers, which shows whether the statistics are complete, and the compilations.
//!
//! A server's statistics include neither those of an earlier server nor those before a reset. The hook
//! therefore makes all servers of a phase log their start, their end, and each compilation to one file
//! (`SCCACHE_LOG=sccache::server=info,sccache::compiler::compiler=debug`, `SCCACHE_ERROR_LOG`). The
//! messages of starts and ends are those of sccache's `src/server.rs`, the same from 0.2.15 to 0.19.0. If
//! first clients race for an abstract socket or a port, only the server of the winner logs its start.

use std::io::{self, BufReader, Read};
use std::path::Path;

use rustix::fs::CWD;

use super::compilations::{
    BuildDirectories, Compilation, CompilationLog, CompilationResult, read_lines,
};
use super::{NotMeasuredReason, Stats};
use crate::files::open_regular_at;

/// 300,000 compilations with the arguments of a large C++ project (3 kB each). A crate has 1.6 kB, a
/// small C file 0.8 kB.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// What the log of a phase's servers shows.
#[derive(Debug, Default)]
pub struct ServerLog {
    has_started: bool,
    /// Whether the last server that started was not stopped.
    is_running: bool,
    /// The compilations that were requested before the last server started.
    requests_at_start: u64,
    /// Whether the last server listens on a TCP port, as every server before 0.9 does.
    is_at_port: bool,
    /// Why statistics were lost, if they were.
    loss: Option<NotMeasuredReason>,
    compilations: CompilationLog,
}

impl ServerLog {
    /// Reads a log; `None` if it doesn't exist or is empty, because no server was started.
    ///
    /// # Errors
    /// Returns an error if the log can't be read, is not a regular file, or is longer than 1 GiB.
    pub fn read(path: &Path, directories: BuildDirectories) -> io::Result<Option<Self>> {
        let file = match open_regular_at(CWD, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        match file.metadata()?.len() {
            0 => Ok(None),
            length if length > MAX_BYTES => Err(io::ErrorKind::FileTooLarge.into()),
            _ => Self::parse(file.take(MAX_BYTES), directories).map(Some),
        }
    }

    /// Reads the text of a log, as [`read`](Self::read).
    ///
    /// # Errors
    /// Returns an error if it can't be read.
    pub fn parse(log: impl Read, directories: BuildDirectories) -> io::Result<Self> {
        let mut this = Self {
            compilations: CompilationLog::new(directories),
            ..Self::default()
        };
        read_lines(BufReader::with_capacity(1 << 16, log), |line| {
            // `[TIME LEVEL MODULE] MESSAGE`. The arguments of a compilation may have any text.
            match line.split_once("] ") {
                Some((head, message)) if head.ends_with(" sccache::server") => {
                    this.add_message(message);
                }
                _ => this.compilations.add_line(line),
            }
        })?;
        Ok(this)
    }

    fn add_message(&mut self, message: &str) {
        if let Some(address) = message.strip_prefix("server started") {
            if self.is_running {
                self.loss = Some(NotMeasuredReason::SecondServer);
            } else if self.requests() > 0 {
                self.loss = Some(NotMeasuredReason::ServerRestarted);
            }
            self.has_started = true;
            self.is_running = true;
            self.requests_at_start = self.compilations.request_count();
            self.is_at_port = address.starts_with(", listening on port ");
        } else if message.starts_with("shutting down due to") {
            self.is_running = false;
        }
    }

    /// Whether the last server listens on a TCP port because it is older than 0.9.
    pub fn is_at_port(&self) -> bool {
        self.is_at_port
    }

    /// Returns the number of compilations that were requested from the last server.
    fn requests(&self) -> u64 {
        self.compilations.request_count() - self.requests_at_start
    }

    /// Returns why the statistics of the last server are incomplete; `None` if they are complete.
    /// `stats`: what it counted, `None` if it ended before the end of the phase.
    pub fn loss(&self, stats: Option<&Stats>) -> Option<NotMeasuredReason> {
        if self.loss.is_some() {
            return self.loss;
        }
        let Some(stats) = stats else {
            return if !self.has_started {
                Some(NotMeasuredReason::ServerNotStarted)
            } else if self.is_running {
                Some(NotMeasuredReason::ServerKilled)
            } else if self.requests() > 0 {
                Some(NotMeasuredReason::ServerStopped)
            } else {
                None
            };
        };
        // A compilation that failed on another machine is logged twice.
        let is_distributed = !stats.dist_compiles.is_empty() || stats.dist_errors > Some(0);
        let executed = stats.executed.filter(|_| !is_distributed)?;
        (self.requests() > executed).then_some(NotMeasuredReason::StatisticsZeroed)
    }

    /// Returns the compilations; `None` if they aren't those that the statistics count.
    pub fn compilations(self, stats: &Stats) -> Option<Vec<Compilation>> {
        if self.compilations.is_truncated() || stats.executed != Some(self.requests()) {
            return None;
        }
        let compilations = self.compilations.finish();
        let count = |accepts: fn(CompilationResult) -> bool| {
            let results = compilations.iter().map(|compilation| compilation.result);
            results.filter(|result| accepts(*result)).count() as u64
        };
        let is_same = count(|result| result == CompilationResult::Hit) == stats.hits.total
            && count(CompilationResult::is_miss) == stats.misses.total;
        is_same.then_some(compilations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sccache::Counts;

    const COMPILER: &str = "DEBUG sccache::compiler::compiler]";

    /// S: a server starts, C: it is asked for a compilation that hits, D: it is stopped, or exits when
    /// idle.
    fn log(events: &str) -> ServerLog {
        let lines = |event| match event {
            'S' => vec!["INFO  sccache::server] server started, listening on port 4226".to_owned()],
            'C' => [
                // Arguments may look like a message.
                r#"get_cached_or_compile: ["-DA= sccache::server] server started", "-o", "a.o"]"#,
                "generate_hash_key took 0.010 s",
                "Hash key: a7b5fc0bbaf12f53",
                "Cache hit in 0.001 s",
            ]
            .map(|text| format!("{COMPILER} [a.o]: {text}"))
            .to_vec(),
            'D' => vec!["INFO  sccache::server] shutting down due to being idle or request".into()],
            // With SCCACHE_LOG=debug.
            'd' => vec!["DEBUG sccache::server] handle_client: shutdown".into()],
            _ => vec!["sccache: error: Address already in use (os error 98)".into()],
        };
        let lines = events.chars().flat_map(lines);
        let lines = lines.map(|line| format!("[2026-11-22T15:38:09Z {line}\n"));
        ServerLog::parse(
            lines.collect::<String>().as_bytes(),
            BuildDirectories::default(),
        )
        .unwrap()
    }

    fn stats(executed: u64, hits: u64) -> Stats {
        let hits = Counts {
            total: hits,
            ..Counts::default()
        };
        Stats {
            executed: Some(executed),
            hits,
            ..Stats::default()
        }
    }

    #[test]
    fn numbers_are_complete_or_have_a_reason() {
        use NotMeasuredReason::*;
        for (events, executed, why) in [
            ("SCxC", Some(2), None),
            ("xxSC", Some(1), None),
            ("SdDSC", Some(1), None),
            ("SCdd", Some(1), None),
            // The statistics can be of a moment later.
            ("SC", Some(2), None),
            ("SD", None, None),
            ("SC", Some(0), Some(StatisticsZeroed)),
            ("SCC", Some(1), Some(StatisticsZeroed)),
            ("SCD", None, Some(ServerStopped)),
            ("SCDSC", Some(1), Some(ServerRestarted)),
            ("SCSC", Some(1), Some(SecondServer)),
            ("SCSC", None, Some(SecondServer)),
            ("SC", None, Some(ServerKilled)),
            ("x", None, Some(ServerNotStarted)),
        ] {
            let stats = executed.map(|executed| stats(executed, executed));
            assert_eq!(log(events).loss(stats.as_ref()), why, "{events}");
        }
    }

    #[test]
    fn compilations_are_those_that_the_statistics_count() {
        let count = |events, stats| log(events).compilations(&stats).map(|list| list.len());
        assert_eq!(count("SDSCC", stats(2, 2)), Some(2));
        assert_eq!(count("SCC", stats(2, 1)), None);
        assert_eq!(count("SCC", stats(3, 2)), None);
        let unknown = Stats {
            executed: None,
            ..stats(2, 2)
        };
        assert_eq!(count("SCC", unknown), None);
    }

    /// It failed on another machine.
    #[test]
    fn a_compilation_that_is_logged_twice_was_not_zeroed() {
        let distributed = Stats {
            dist_errors: Some(1),
            ..stats(1, 1)
        };
        assert_eq!(log("SCC").loss(Some(&distributed)), None);
        assert!(log("SCC").compilations(&distributed).is_none());
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let none = ServerLog::read(&folder.path().join("none"), BuildDirectories::default());
        assert!(none.unwrap().is_none());
        assert!(ServerLog::read(folder.path(), BuildDirectories::default()).is_err());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(ServerLog::read(&link, BuildDirectories::default()).is_err());
    }
}
