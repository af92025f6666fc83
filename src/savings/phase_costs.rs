//! What the compilations of a phase cost, and what its hits saved.

use std::time::Duration;

use crate::sccache::Stats;
use crate::sccache::compilations::{Compilation, Compilations};

/// What a hit saved: the cost of compiling its object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worth {
    /// Seconds of processor time.
    pub seconds: f64,
    /// Whether this is the cost of exactly this object.
    pub is_exact: bool,
}

impl Worth {
    /// Returns the best known cost: of the object, else of the unit in an earlier build, else of the
    /// package's average compilation. All are in seconds.
    pub fn new(object: Option<f64>, unit: Option<f64>, average: Option<f64>) -> Option<Self> {
        Some(Self {
            seconds: object.or(unit).or(average)?,
            is_exact: object.is_some(),
        })
    }
}

/// Returns the ratio of the processor time of a server's children to the wall-clock time that the server
/// logged, at most 1. `processor_seconds` is the processor time; if it is unknown, the result is 1.
///
/// Lookups and compilations run the same kind of processes, so one ratio applies to both.
pub fn processor_ratio(compilations: &[Compilation], processor_seconds: Option<f64>) -> f64 {
    let times = compilations.iter().map(|compilation| {
        let times = [compilation.lookup, compilation.compile];
        times.into_iter().flatten().sum::<Duration>()
    });
    let measured = times.sum::<Duration>().as_secs_f64();
    match processor_seconds {
        Some(seconds) if seconds < measured => seconds / measured,
        _ => 1.0,
    }
}

/// Replaces the logged wall-clock times by processor times. Removes the times of reading the cache, because
/// the server's own processor time is only known for the whole phase.
pub fn to_processor_time(compilations: &mut Compilations, ratio: f64) {
    for compilation in &mut compilations.list {
        for time in [&mut compilation.lookup, &mut compilation.compile] {
            *time = time.map(|time| time.mul_f64(ratio));
        }
        compilation.cache_read = None;
    }
}

/// What the compilations of a phase cost, in seconds of processor time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PhaseCosts {
    /// What compiling the hits would have cost.
    pub hits: f64,
    /// The part of `hits` that is known from compiling exactly these objects.
    pub exact_hits: f64,
    /// The number of hits with an unknown cost, which `hits` doesn't include.
    pub unknown_hits: usize,
    /// What compiling the misses cost.
    pub misses: f64,
    /// What lookups cost.
    pub lookups: f64,
}

impl PhaseCosts {
    /// Adds compilations that have processor times. `worth` returns the worth of a hit.
    pub fn add(
        &mut self,
        compilations: &[Compilation],
        worth: impl Fn(&Compilation) -> Option<Worth>,
    ) {
        let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64();
        for compilation in compilations {
            self.lookups += seconds(compilation.lookup);
            if compilation.result.is_miss() {
                self.misses += seconds(compilation.compile);
            } else if compilation.result.is_hit() {
                match worth(compilation) {
                    Some(worth) => {
                        self.hits += worth.seconds;
                        self.exact_hits += if worth.is_exact { worth.seconds } else { 0.0 };
                    }
                    None => self.unknown_hits += 1,
                }
            }
        }
    }

    /// Returns the seconds that the cache saved the phase with these statistics; `None` if they are
    /// unknown.
    pub fn time_saved(&self, stats: &Stats) -> Option<f64> {
        let cache = self.lookups + stats.server_seconds? + stats.client_seconds?;
        (self.unknown_hits == 0).then_some(self.hits - cache)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sccache::compilations::{CompilationResult, DirectoryInKey};

    fn compilation(result: CompilationResult, lookup: f64, compile: Option<f64>) -> Compilation {
        Compilation {
            unit: "a.o".into(),
            metadata: None,
            key: None,
            language: None,
            result,
            is_stored: false,
            lookup: Some(Duration::from_secs_f64(lookup)),
            cache_read: Some(Duration::from_secs(1)),
            compile: compile.map(Duration::from_secs_f64),
            flags: None,
            directory_in_key: DirectoryInKey::Never,
            is_ambiguous: false,
            miss_reason: None,
        }
    }

    fn stats(server: f64, clients: f64) -> Stats {
        Stats {
            server_seconds: Some(server),
            client_seconds: Some(clients),
            ..Stats::default()
        }
    }

    #[test]
    fn on_busy_cores_processor_time_counts() {
        let list = [
            compilation(CompilationResult::Miss, 1.0, Some(7.0)),
            compilation(CompilationResult::Hit, 2.0, None),
        ];
        assert_eq!(processor_ratio(&list, Some(5.0)), 0.5);
        assert_eq!(processor_ratio(&list, Some(0.0)), 0.0);
        // Failed compilations are in the processor time and not in the list.
        assert_eq!(processor_ratio(&list, Some(20.0)), 1.0);
        assert_eq!(processor_ratio(&list, None), 1.0);
        assert_eq!(processor_ratio(&[], Some(0.0)), 1.0);
        let mut list = Compilations {
            directory: 0,
            list: list.to_vec(),
        };
        to_processor_time(&mut list, 0.5);
        assert_eq!(list.list[0].lookup, Some(Duration::from_millis(500)));
        assert_eq!(list.list[0].compile, Some(Duration::from_millis(3500)));
        assert_eq!(list.list[0].cache_read, None);
        assert_eq!(list.list[1].compile, None);
    }

    #[test]
    fn the_best_known_cost_counts() {
        let worth = |object, unit, average| Worth::new(object, unit, average);
        let (seconds, is_exact) = (1.0, true);
        let exact = Worth { seconds, is_exact };
        assert_eq!(worth(Some(1.0), Some(2.0), Some(3.0)), Some(exact));
        let estimated = |seconds| {
            Some(Worth {
                seconds,
                is_exact: false,
            })
        };
        assert_eq!(worth(None, Some(2.0), Some(3.0)), estimated(2.0));
        assert_eq!(worth(None, None, Some(3.0)), estimated(3.0));
        assert_eq!(worth(None, None, None), None);
    }

    #[test]
    fn hits_save_what_their_objects_cost() {
        use CompilationResult::*;
        let list = [
            compilation(Hit, 0.5, None),
            compilation(Hit, 0.5, None),
            compilation(Miss, 0.5, Some(4.0)),
            compilation(Forced, 0.5, Some(2.0)),
            // Neither a hit nor a miss.
            compilation(NotCached, 0.5, Some(9.0)),
            compilation(CompileFailed, 0.5, None),
        ];
        let mut costs = PhaseCosts::default();
        costs.add(&list[..1], |_| Worth::new(Some(30.0), None, None));
        costs.add(&list[1..], |_| Worth::new(None, Some(10.0), None));
        let expected = PhaseCosts {
            hits: 40.0,
            exact_hits: 30.0,
            unknown_hits: 0,
            misses: 6.0,
            lookups: 3.0,
        };
        assert_eq!(costs, expected);
        assert_eq!(costs.time_saved(&stats(1.0, 0.25)), Some(35.75));
        assert_eq!(costs.time_saved(&Stats::default()), None);
        costs.add(&list[..1], |_| None);
        assert_eq!(costs.time_saved(&stats(1.0, 0.25)), None);
    }
}
