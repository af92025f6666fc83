//! What new builds add to the database beside their own rows: the parts of their phases, the costs of compilations, and
//! the sums and counters (`package_sum` and `counter` in the schema).

use std::collections::BTreeMap;

use rusqlite::{Connection, ToSql, params};

use super::CounterName::{self, *};
use super::compilations::BuildCosts;
use super::insert::insert_rows;
use super::savings::NewCosts;
use crate::portage::{Build, Phase};
use crate::sccache::compilations::MissReason;
use crate::sccache::{Part, Stats};

/// Parts are inserted once there are this many, to bound memory and the time at the end of a transaction.
const MANY_PARTS: usize = 4096;

/// The new builds of a transaction. Inserting the parts of all phases at once takes half the time, and adding all builds at
/// once to the sums a tenth.
#[derive(Default)]
pub(super) struct NewBuilds {
    /// The row ids of the first and the last build that isn't in the sums yet.
    unsummed: Option<(i64, i64)>,
    counters: BTreeMap<(CounterName, String), u64>,
    packages: BTreeMap<String, PackageCounts>,
    parts: NewParts,
    costs: NewCosts,
}

#[derive(Default)]
struct PackageCounts {
    builds: u64,
    lookups: u64,
    hits: u64,
}

impl NewBuilds {
    /// Notes a build that was inserted, and that is added to the sums when its phases are, too.
    pub fn add_to_sums(&mut self, build_id: i64) {
        let (first, last) = self.unsummed.unwrap_or((build_id, build_id));
        self.unsummed = Some((first.min(build_id), last.max(build_id)));
    }

    /// Adds the parts of a phase that was inserted. They are inserted when there are many, or by [`Self::flush`].
    pub fn add_parts(
        &mut self,
        database: &Connection,
        phase_id: i64,
        stats: &Stats,
    ) -> rusqlite::Result<()> {
        self.parts.add(phase_id, stats);
        if self.parts.len() >= MANY_PARTS {
            self.parts.insert(database)?;
        }
        Ok(())
    }

    /// Adds what the compilations of a build cost, in place of [`super::savings::add`].
    pub fn add_costs(&mut self, build: &Build) {
        self.costs.add(build);
    }

    /// Adds a build to the counters. `sum`: its total; `misses`: those with a known reason. Builds from logs are not
    /// counted: the recorded build may be merged later.
    pub fn count(
        &mut self,
        build: &Build,
        sum: Option<&Stats>,
        costs: &BuildCosts,
        misses: impl IntoIterator<Item = (MissReason, u64)>,
    ) {
        let package = self.packages.entry(build.package.clone()).or_default();
        if build.is_imported {
            return;
        }
        let empty = Stats::default();
        let sum = sum.unwrap_or(&empty);
        let (hits, lookups) = (sum.hits.total, sum.hits.total + sum.misses.total);
        package.builds += 1;
        package.lookups += lookups;
        package.hits += hits;
        self.add(Builds, build.outcome.word(), 1);
        let calls = sum.executed.zip(sum.non_cacheable);
        let calls = calls.map(|(executed, other)| executed + other);
        self.add(CompilerCalls, "", calls.unwrap_or_default());
        self.add(CompilerCallsCacheable, "", calls.map_or(0, |_| lookups));
        let cost = |us: Option<i64>| us.map_or(0, i64::unsigned_abs);
        self.add(LookupCost, "hit", cost(costs.hit_cost_us));
        self.add(LookupCost, "miss", cost(costs.miss_cost_us));
        for phase in &build.phases {
            self.add_phase(phase);
        }
        for (reason, misses) in misses {
            self.add(Misses, reason.word(), misses);
        }
    }

    fn add_phase(&mut self, phase: &Phase) {
        let Ok(stats) = &phase.stats else {
            self.add(Phases, "not measured", 1);
            return;
        };
        self.add(Phases, "measured", 1);
        let lookups = stats.hits.total + stats.misses.total;
        self.add(Lookups, "", lookups);
        self.add(Hits, "", stats.hits.total);
        let errors = Stats::errors_total(stats);
        self.add(LookupErrors, "", errors.unwrap_or_default());
        for part in stats.by_language() {
            self.add(Lookups, &part.name, part.hits + part.misses);
            self.add(Hits, &part.name, part.hits);
            self.add(LookupErrors, &part.name, part.errors.unwrap_or_default());
        }
        self.add(CacheErrors, "read", stats.read_errors.unwrap_or_default());
        // A phase with a read-only cache has a write error per miss, which is no problem.
        let write_errors = stats.write_errors.filter(|_| !phase.read_only);
        self.add(CacheErrors, "write", write_errors.unwrap_or_default());
    }

    fn add(&mut self, name: CounterName, label: &str, count: u64) {
        let total = self.counters.entry((name, label.to_owned())).or_default();
        *total = total.saturating_add(count);
    }

    /// Inserts the parts, the costs, and the sums of the builds so far. Before one of them is changed or removed, this is
    /// necessary.
    pub fn flush(&mut self, database: &Connection) -> rusqlite::Result<()> {
        self.parts.insert(database)?;
        self.costs.write(database)?;
        if let Some(ids) = self.unsummed.take() {
            let sql = "INSERT INTO added_share VALUES (?, ?, 1)";
            database.prepare_cached(sql)?.execute(ids)?;
            let sql = "INSERT INTO added_level VALUES (?, ?, NULL, 1)";
            database.prepare_cached(sql)?.execute(ids)?;
        }
        Ok(())
    }

    /// Adds all builds to the database, whose counters stop at the largest integer.
    pub fn write(mut self, database: &Connection) -> rusqlite::Result<()> {
        self.flush(database)?;
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

/// The counts of phases by language, compiler, and reason that aren't inserted yet, sorted by phase.
#[derive(Default)]
struct NewParts {
    languages: Vec<(i64, Part)>,
    compilers: Vec<(i64, Part)>,
    reasons: Vec<(i64, String, u64)>,
}

impl NewParts {
    fn add(&mut self, phase_id: i64, stats: &Stats) {
        let parts = |parts: Vec<Part>| parts.into_iter().map(move |part| (phase_id, part));
        self.languages.extend(parts(stats.by_language()));
        self.compilers.extend(parts(stats.by_compiler()));
        let reasons = stats.not_cached.iter();
        let reasons = reasons.map(|(reason, calls)| (phase_id, reason.clone(), *calls));
        self.reasons.extend(reasons);
    }

    fn len(&self) -> usize {
        self.languages.len() + self.compilers.len() + self.reasons.len()
    }

    fn insert(&mut self, database: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT INTO phase_language (phase_id, language, hits, misses, errors)
             VALUES {rows}";
        insert_rows(database, sql, &self.languages, part_values)?;
        let sql = "INSERT INTO phase_compiler (phase_id, compiler, hits, misses, errors)
             VALUES {rows}";
        insert_rows(database, sql, &self.compilers, part_values)?;
        let sql = "INSERT INTO not_cached (phase_id, reason, calls) VALUES {rows}";
        insert_rows(database, sql, &self.reasons, |(phase_id, reason, calls)| {
            [phase_id, reason, calls]
        })?;
        *self = Self::default();
        Ok(())
    }
}

fn part_values((phase_id, part): &(i64, Part)) -> [&dyn ToSql; 5] {
    [phase_id, &part.name, &part.hits, &part.misses, &part.errors]
}
