//! What the builds of each package consist of.

use std::collections::BTreeMap;

use rusqlite::Row;

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

type Packages = BTreeMap<String, PackageParts>;

impl Store {
    /// Returns the parts of the matching builds of each package.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn package_parts(&self, filter: &Filter) -> Result<BTreeMap<String, PackageParts>> {
        let mut packages = Packages::new();
        // CROSS JOIN keeps this order of tables, from the builds to their phases.
        let languages = "SELECT matching.package, part.language, sum(part.hits), sum(part.misses)
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             CROSS JOIN phase_language AS part ON part.phase_id = phase.id
             GROUP BY 1, 2 ORDER BY 1, sum(part.hits) + sum(part.misses) DESC, 2";
        self.add_parts(filter, languages, &mut packages, |parts, row| {
            parts.languages.push(read_counts(row)?);
            Ok(())
        })?;
        let phases = "SELECT matching.package, phase.name, sum(phase.hits), sum(phase.misses)
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             GROUP BY 1, 2 ORDER BY 1, min(phase.position), 2";
        self.add_parts(filter, phases, &mut packages, |parts, row| {
            parts.phases.push(read_counts(row)?);
            Ok(())
        })?;
        let not_cached = "SELECT matching.package, part.reason, sum(part.calls)
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             CROSS JOIN not_cached AS part ON part.phase_id = phase.id
             GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2";
        self.add_parts(filter, not_cached, &mut packages, |parts, row| {
            parts.not_cached.push((row.get(1)?, row.get(2)?));
            Ok(())
        })?;
        Ok(packages)
    }

    fn add_parts(
        &self,
        filter: &Filter,
        statement: &str,
        packages: &mut Packages,
        add: fn(&mut PackageParts, &Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let query = filter.query(statement);
        self.each_row(&query.sql, &*query.params(), |row| {
            let package: String = row.get(0)?;
            add(packages.entry(package).or_default(), row)
        })
    }
}

fn read_counts(row: &Row<'_>) -> rusqlite::Result<PartCounts> {
    let (hits, misses): (Option<u64>, Option<u64>) = (row.get(2)?, row.get(3)?);
    Ok(PartCounts {
        name: row.get(1)?,
        counts: hits.zip(misses),
    })
}
