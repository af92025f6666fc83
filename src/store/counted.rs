//! What new builds add to the counters of the database: see `counter` and `package_counter` in the schema.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::CounterName::{self, *};
use super::compilations::BuildCosts;
use crate::portage::{Build, Phase};
use crate::sccache::Stats;
use crate::sccache::compilations::MissReason;

/// Counts of the new builds of a transaction.
#[derive(Default)]
pub(super) struct Counted {
    counters: BTreeMap<(CounterName, String), u64>,
    packages: BTreeMap<String, PackageCounts>,
}

#[derive(Default)]
struct PackageCounts {
    builds: u64,
    lookups: u64,
    hits: u64,
}

impl Counted {
    /// Adds a new build. `misses` are those with a known reason.
    pub fn add(
        &mut self,
        build: &Build,
        costs: &BuildCosts,
        misses: impl IntoIterator<Item = (MissReason, u64)>,
    ) {
        let sum = build.total().unwrap_or_default();
        let (hits, lookups) = (sum.hits.total, sum.hits.total + sum.misses.total);
        self.count(Builds, build.outcome.word(), 1);
        let calls = sum.executed.zip(sum.non_cacheable);
        let calls = calls.map(|(executed, other)| executed + other);
        self.count(CompilerCalls, "", calls.unwrap_or_default());
        self.count(CompilerCallsCacheable, "", calls.map_or(0, |_| lookups));
        let cost = |us: Option<i64>| us.map_or(0, i64::unsigned_abs);
        self.count(LookupCost, "hit", cost(costs.hit_cost_us));
        self.count(LookupCost, "miss", cost(costs.miss_cost_us));
        for phase in &build.phases {
            self.add_phase(phase);
        }
        for (reason, misses) in misses {
            self.count(Misses, reason.word(), misses);
        }
        let package = self.packages.entry(build.package.clone()).or_default();
        package.builds += 1;
        package.lookups += lookups;
        package.hits += hits;
    }

    fn add_phase(&mut self, phase: &Phase) {
        let Ok(stats) = &phase.stats else {
            self.count(Phases, "not measured", 1);
            return;
        };
        self.count(Phases, "measured", 1);
        let lookups = stats.hits.total + stats.misses.total;
        self.count(Lookups, "", lookups);
        self.count(Hits, "", stats.hits.total);
        let errors = Stats::errors_total(stats);
        self.count(LookupErrors, "", errors.unwrap_or_default());
        for part in stats.by_language() {
            self.count(Lookups, &part.name, part.hits + part.misses);
            self.count(Hits, &part.name, part.hits);
            self.count(LookupErrors, &part.name, part.errors.unwrap_or_default());
        }
        self.count(CacheErrors, "read", stats.read_errors.unwrap_or_default());
        // A phase with a read-only cache has a write error per miss, which is no problem.
        let write_errors = stats.write_errors.filter(|_| !phase.read_only);
        self.count(CacheErrors, "write", write_errors.unwrap_or_default());
    }

    fn count(&mut self, name: CounterName, label: &str, count: u64) {
        let total = self.counters.entry((name, label.to_owned())).or_default();
        *total = total.saturating_add(count);
    }

    /// Adds the counts to the database, whose totals stop at the largest integer.
    pub fn write(self, database: &Connection) -> rusqlite::Result<()> {
        let mut add = database.prepare_cached(
            "INSERT INTO counter (name, label, total) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET total = min(total + ?3, 9223372036854775807)",
        )?;
        for ((name, label), total) in self.counters {
            add.execute(params![name.word(), label, total])?;
        }
        let mut add = database.prepare_cached(
            "INSERT INTO package_counter (package, builds, lookups, hits) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET builds = builds + ?2,
                lookups = min(lookups + ?3, 9223372036854775807),
                hits = min(hits + ?4, 9223372036854775807)",
        )?;
        for (package, counts) in self.packages {
            add.execute(params![package, counts.builds, counts.lookups, counts.hits])?;
        }
        Ok(())
    }
}
