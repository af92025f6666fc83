//! What the builds of each package consist of.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rusqlite::Row;

use super::columns::{entry_at, str_at};
use super::{Filter, Result, Store};

/// The hits and misses of a part of a package's builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartCounts {
    /// A language or a phase.
    pub name: String,
    /// Hits and misses; `None` if it was never measured.
    pub counts: Option<(u64, u64)>,
}

/// The sums over all builds of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageParts {
    /// By language, the one with most compilations first.
    pub languages: Vec<PartCounts>,
    /// By phase, in the order of the phases.
    pub phases: Vec<PartCounts>,
    /// The calls that sccache could not cache, by the reason it gives, the most frequent first.
    pub not_cached: Vec<(String, u64)>,
}

/// The sums of a package while its rows are read.
#[derive(Default)]
struct PartSums {
    languages: BTreeMap<String, PartSum>,
    phases: BTreeMap<String, PartSum>,
    not_cached: BTreeMap<String, u64>,
}

/// Hits and misses, and the lowest position.
#[derive(Default)]
struct PartSum {
    counts: Option<(u64, u64)>,
    position: Option<u32>,
}

impl Store {
    /// Returns the parts of the matching builds of each package.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn package_parts(&self, filter: &Filter) -> Result<BTreeMap<String, PackageParts>> {
        let mut packages = BTreeMap::new();
        // CROSS JOIN keeps this order of tables, from the builds to their phases. Adding the rows here takes half as
        // long as groups: SQLite sorts all rows for them.
        let languages = "SELECT matching.package, part.language, part.hits, part.misses, 0
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             CROSS JOIN phase_language AS part ON part.phase_id = phase.id";
        self.add_parts(filter, languages, &mut packages, |sums, row| {
            add_counts(&mut sums.languages, row)
        })?;
        let phases = "SELECT matching.package, phase.name, phase.hits, phase.misses, phase.position
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id";
        self.add_parts(filter, phases, &mut packages, |sums, row| {
            add_counts(&mut sums.phases, row)
        })?;
        let not_cached = "SELECT matching.package, part.reason, part.calls
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             CROSS JOIN not_cached AS part ON part.phase_id = phase.id";
        self.add_parts(filter, not_cached, &mut packages, |sums, row| {
            let calls = entry_at(&mut sums.not_cached, row, 1)?;
            *calls = calls.saturating_add(row.get(2)?);
            Ok(())
        })?;
        let packages = packages.into_iter();
        Ok(packages
            .map(|(package, sums)| (package, sums.sorted()))
            .collect())
    }

    fn add_parts(
        &self,
        filter: &Filter,
        statement: &str,
        packages: &mut BTreeMap<String, PartSums>,
        add: fn(&mut PartSums, &Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let query = filter.query(statement);
        // The rows of a build follow each other: most have the package of the row before.
        let mut current: Option<(String, PartSums)> = None;
        self.each_row(&query.sql, &*query.params(), |row| {
            let package = str_at(row, 0)?.unwrap_or_default();
            if current.as_ref().is_none_or(|(known, _)| known != package) {
                packages.extend(current.take());
                current = packages.remove_entry(package);
            }
            let new = || (package.to_string(), PartSums::default());
            add(&mut current.get_or_insert_with(new).1, row)
        })?;
        packages.extend(current);
        Ok(())
    }
}

impl PartSums {
    fn sorted(self) -> PackageParts {
        let compilations =
            |sum: &PartSum| sum.counts.map(|(hits, misses)| hits.saturating_add(misses));
        let mut not_cached: Vec<(String, u64)> = self.not_cached.into_iter().collect();
        not_cached.sort_by_key(|(_, calls)| Reverse(*calls));
        PackageParts {
            languages: sorted(self.languages, |sum| Reverse(compilations(sum))),
            phases: sorted(self.phases, |sum| sum.position),
            not_cached,
        }
    }
}

/// Returns the parts in the order of a key, then of their names.
fn sorted<K: Ord>(sums: BTreeMap<String, PartSum>, key: impl Fn(&PartSum) -> K) -> Vec<PartCounts> {
    let mut sums: Vec<(String, PartSum)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sum)| key(sum));
    let parts = sums.into_iter();
    parts
        .map(|(name, PartSum { counts, .. })| PartCounts { name, counts })
        .collect()
}

/// Adds hits and misses of a part in columns 1 to 4: its name, the counts, and its position.
fn add_counts(sums: &mut BTreeMap<String, PartSum>, row: &Row<'_>) -> rusqlite::Result<()> {
    let (hits, misses): (Option<u64>, Option<u64>) = (row.get(2)?, row.get(3)?);
    let position: u32 = row.get(4)?;
    let sum = entry_at(sums, row, 1)?;
    sum.position = Some(sum.position.map_or(position, |known| known.min(position)));
    if let Some((hits, misses)) = hits.zip(misses) {
        let (known_hits, known_misses) = sum.counts.unwrap_or_default();
        sum.counts = Some((
            known_hits.saturating_add(hits),
            known_misses.saturating_add(misses),
        ));
    }
    Ok(())
}
