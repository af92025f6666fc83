//! Evidence out of the rows of builds and phases.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Row;
use uuid::Uuid;

use super::super::columns::time;
use super::super::filter::{Filter, Picked};
use super::super::rows::id;
use super::super::{Result, Store, words};
use super::Evidence;
use crate::portage::Phase;
use crate::sccache::NotMeasuredReason;

type Builds = BTreeMap<i64, Evidence>;

impl Store {
    /// The builds that the filter picks, as evidence, the newest last. It looks at every
    /// phase of them: bound it with [`Filter::last`].
    ///
    /// # Errors
    /// Those of reading: [`crate::Error::Damaged`], [`crate::Error::Locked`].
    pub fn evidence(&self, filter: &Filter) -> Result<Vec<Evidence>> {
        let picked = filter.sql("id");
        let mut builds = self.without_phases(&picked)?;
        self.add_phases(&picked, &mut builds)?;
        Ok(by_time(builds))
    }

    /// The same, of builds whose phases were read: `phases` has all of each, by the build's id.
    ///
    /// # Errors
    /// As [`Store::evidence`].
    pub fn evidence_with(
        &self,
        filter: &Filter,
        phases: &HashMap<Uuid, Vec<Phase>>,
    ) -> Result<Vec<Evidence>> {
        let mut builds = self.without_phases(&filter.sql("id"))?;
        for build in builds.values_mut() {
            for phase in phases.get(&build.id).into_iter().flatten() {
                build.add(phase);
            }
        }
        Ok(by_time(builds))
    }

    fn without_phases(&self, picked: &Picked) -> Result<Builds> {
        let mut builds = Builds::new();
        // The step back goes along the index build_by_package, over builds that weren't measured and
        // those of other hosts and slots; what one build steps over, no other of its host and slot
        // does, since each stops at the first that was measured, and who was not doesn't look.
        self.each(
            "build.id, package, version, \
             iif(hits IS NULL, NULL, \
              (SELECT before.version FROM build AS before \
               WHERE before.package = build.package AND before.started_at_us < build.started_at_us \
                 AND before.hits IS NOT NULL \
                 AND before.host = build.host AND before.slot IS build.slot \
               ORDER BY before.started_at_us DESC LIMIT 1)), \
             outcome, started_at_us, attribution, sccache_version, hits, misses, errors, \
             executed + non_cacheable, uuid",
            "build ON build.id = picked.id",
            picked,
            |row| {
                builds.insert(row.get(0)?, build(row)?);
                Ok(())
            },
        )?;
        Ok(builds)
    }

    fn add_phases(&self, picked: &Picked, builds: &mut Builds) -> Result<()> {
        self.each(
            "phase.build_id, name, not_measured_reason, read_errors, write_errors, writes, \
             non_cacheable_compilations, cache_location, cache_size_bytes, max_cache_size_bytes, \
             iif(coalesce(dist_errors, 0) = 0 AND dist_compiles IS NULL, forced_recaches, 0), \
             is_cache_read_only, misses",
            "phase ON phase.build_id = picked.id ORDER BY phase.build_id, position",
            picked,
            |row| match builds.get_mut(&row.get(0)?) {
                Some(build) => build.add_plain(row),
                None => Ok(()),
            },
        )?;
        self.each(
            "phase.build_id, language, part.hits, part.misses",
            "phase ON phase.build_id = picked.id CROSS JOIN phase_language AS part ON part.phase_id = phase.id",
            picked,
            |row| {
                if let Some(build) = builds.get_mut(&row.get(0)?) {
                    build.add_language(row.get(1)?, row.get(2)?, row.get(3)?);
                }
                Ok(())
            },
        )?;
        self.each(
            "phase.build_id, reason, calls",
            "phase ON phase.build_id = picked.id CROSS JOIN not_cached ON not_cached.phase_id = phase.id",
            picked,
            |row| {
                if let Some(build) = builds.get_mut(&row.get(0)?) {
                    build.add_reason(row.get(1)?, row.get(2)?);
                }
                Ok(())
            },
        )
    }

    /// Every row of `SELECT columns FROM (picked) CROSS JOIN tables`: in this order, so that
    /// SQLite goes from the few builds to their parts.
    fn each(
        &self,
        columns: &str,
        tables: &str,
        picked: &Picked,
        take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let sql = format!(
            "SELECT {columns} FROM ({}) AS picked CROSS JOIN {tables}",
            picked.text
        );
        self.each_row(&sql, picked, take)
    }
}

fn build(row: &Row<'_>) -> rusqlite::Result<Evidence> {
    let outcome: String = row.get(4)?;
    let attribution: Option<String> = row.get(6)?;
    Ok(Evidence {
        id: id(row, 12)?,
        package: row.get(1)?,
        version: row.get(2)?,
        previous_version: row.get(3)?,
        outcome: words::outcome(&outcome).ok_or(rusqlite::Error::InvalidQuery)?,
        started_at: time(row, 5)?,
        attribution: attribution.as_deref().and_then(words::attribution),
        sccache_version: row.get(7)?,
        hits: row.get(8)?,
        misses: row.get(9)?,
        errors: row.get(10)?,
        calls: row.get(11)?,
        read_errors: None,
        write_errors: None,
        writes: None,
        non_cacheable_compilations: None,
        read_only_misses: 0,
        cache: None,
        forced: 0,
        languages: BTreeMap::new(),
        not_cached: BTreeMap::new(),
        not_measured: Vec::new(),
    })
}

fn by_time(builds: Builds) -> Vec<Evidence> {
    let mut builds: Vec<Evidence> = builds.into_values().collect();
    builds.sort_by_key(|build| build.started_at);
    builds
}

impl Evidence {
    /// A phase's row, from its name on.
    fn add_plain(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        if let Some(code) = row.get_ref(2)?.as_str_or_null()? {
            let reason = NotMeasuredReason::from_code(code);
            self.not_measured.push((row.get(1)?, reason));
            return Ok(());
        }
        let mut counts = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
        if row.get(11)? {
            counts[1] = self.add_read_only(row.get::<_, Option<u64>>(12)?.unwrap_or(0));
        }
        self.add_counts(counts);
        self.add_cache(row.get(7)?, row.get(8)?, row.get(9)?);
        self.forced += row.get::<_, Option<u64>>(10)?.unwrap_or(0);
        Ok(())
    }
}
