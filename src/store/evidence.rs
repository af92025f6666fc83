//! What advice rests on: of each build what it shows of the cache and its settings.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::Row;
use uuid::Uuid;

use super::columns::{known, time};
use super::filter::{Filter, Picked};
use super::rows::id;
use super::{Result, Store, words};
use crate::portage::{Attribution, Outcome};

/// One build as evidence. Counts are sums over its measured phases, and `None` where no
/// phase knows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Globally unique.
    pub id: Uuid,
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`.
    pub version: String,
    /// The version of the build before it, of the same package and slot on the same host,
    /// that was measured; `None` where there is none.
    pub previous_version: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// `None` where sccache ran in no phase.
    pub attribution: Option<Attribution>,
    /// The latest version that any of its phases named.
    pub sccache_version: Option<String>,
    /// Answered from the cache; `None` where nothing was measured.
    pub hits: Option<u64>,
    /// Not found in the cache.
    pub misses: Option<u64>,
    /// Errors while handling a request.
    pub errors: Option<u64>,
    /// executed + non-cacheable calls.
    pub calls: Option<u64>,
    /// Errors reading the cache.
    pub read_errors: Option<u64>,
    /// Errors writing to the cache.
    pub write_errors: Option<u64>,
    /// Objects written to the cache.
    pub writes: Option<u64>,
    /// Compilations that succeeded and couldn't be cached.
    pub non_cacheable_compilations: Option<u64>,
    /// The cache as its last phase that knows left it.
    pub cache: Option<CacheState>,
    /// The directories that sccache left out of paths in any of its phases (`SCCACHE_BASEDIRS`).
    pub base_directories: Vec<String>,
    /// Hits and misses by language.
    pub languages: BTreeMap<String, (u64, u64)>,
    /// Why calls were not cacheable, in sccache's words.
    pub not_cached: BTreeMap<String, u64>,
    /// The phases that were not measured, and why.
    pub not_measured: Vec<(String, String)>,
}

/// How full a cache was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheState {
    /// Where, as sccache prints it.
    pub location: Option<String>,
    /// Bytes in it.
    pub size: u64,
    /// Bytes it may grow to.
    pub max_size: u64,
}

impl CacheState {
    /// How much of it is used, from 0 to 1 and a little more.
    pub fn fill(&self) -> Option<f64> {
        (self.max_size > 0).then(|| self.size as f64 / self.max_size as f64)
    }
}

type Builds = BTreeMap<i64, Evidence>;

impl Store {
    /// The builds that the filter picks, as evidence, the newest last. It looks at every
    /// phase of them: bound it with [`Filter::last`].
    ///
    /// # Errors
    /// Those of reading: [`super::Error::Damaged`], [`super::Error::Busy`].
    pub fn evidence(&self, filter: &Filter) -> Result<Vec<Evidence>> {
        let picked = filter.sql("id");
        let mut builds = Builds::new();
        let mut any_directory = false;
        // One index look-up a build: the step back ends at the first that fits.
        self.each(
            "build.id, package, version, \
             (SELECT before.version FROM build AS before \
              WHERE before.package = build.package AND before.started_at < build.started_at \
                AND before.host = build.host AND before.slot IS build.slot \
                AND before.measured_phases > 0 \
              ORDER BY before.started_at DESC LIMIT 1), \
             outcome, started_at, attribution, sccache_version, hits, misses, errors, \
             executed + non_cacheable, uid",
            "build ON build.id = picked.id",
            &picked,
            |row| {
                builds.insert(row.get(0)?, build(row)?);
                Ok(())
            },
        )?;
        self.each(
            "phase.build, name, not_measured, read_errors, write_errors, writes, \
             non_cacheable_compilations, cache_location, cache_size, max_cache_size, base_directories",
            "phase ON phase.build = picked.id ORDER BY phase.build, position",
            &picked,
            |row| {
                any_directory |= known(row, 10)? > Some(0);
                builds
                    .get_mut(&row.get(0)?)
                    .map_or(Ok(()), |b| phase(b, row))
            },
        )?;
        if any_directory {
            self.directories(&picked, &mut builds)?;
        }
        self.each(
            "phase.build, language, part.hits, part.misses",
            "phase ON phase.build = picked.id CROSS JOIN phase_language AS part ON part.phase = phase.id",
            &picked,
            |row| {
                if let Some(build) = builds.get_mut(&row.get(0)?) {
                    let sum = build.languages.entry(row.get(1)?).or_default();
                    sum.0 = sum.0.saturating_add(known(row, 2)?.unwrap_or(0));
                    sum.1 = sum.1.saturating_add(known(row, 3)?.unwrap_or(0));
                }
                Ok(())
            },
        )?;
        self.each(
            "phase.build, reason, count",
            "phase ON phase.build = picked.id CROSS JOIN not_cached ON not_cached.phase = phase.id",
            &picked,
            |row| {
                if let Some(build) = builds.get_mut(&row.get(0)?) {
                    let sum = build.not_cached.entry(row.get(1)?).or_default();
                    *sum = sum.saturating_add(known(row, 2)?.unwrap_or(0));
                }
                Ok(())
            },
        )?;
        let mut builds: Vec<Evidence> = builds.into_values().collect();
        builds.sort_by_key(|build| build.started_at);
        Ok(builds)
    }

    fn directories(&self, picked: &Picked, builds: &mut Builds) -> Result<()> {
        self.each(
            "DISTINCT phase.build, directory",
            "phase ON phase.build = picked.id \
             CROSS JOIN base_directory ON base_directory.phase = phase.id ORDER BY directory",
            picked,
            |row| {
                if let Some(build) = builds.get_mut(&row.get(0)?) {
                    build.base_directories.push(row.get(1)?);
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
        hits: known(row, 8)?,
        misses: known(row, 9)?,
        errors: known(row, 10)?,
        calls: known(row, 11)?,
        read_errors: None,
        write_errors: None,
        writes: None,
        non_cacheable_compilations: None,
        cache: None,
        base_directories: Vec::new(),
        languages: BTreeMap::new(),
        not_cached: BTreeMap::new(),
        not_measured: Vec::new(),
    })
}

fn phase(build: &mut Evidence, row: &Row<'_>) -> rusqlite::Result<()> {
    if let Some(reason) = row.get(2)? {
        build.not_measured.push((row.get(1)?, reason));
        return Ok(());
    }
    let sums = [
        &mut build.read_errors,
        &mut build.write_errors,
        &mut build.writes,
        &mut build.non_cacheable_compilations,
    ];
    for (index, sum) in sums.into_iter().enumerate() {
        if let Some(more) = known(row, 3 + index)? {
            *sum = Some(sum.unwrap_or(0).saturating_add(more));
        }
    }
    build.cache = cache(row, 7)?.or(build.cache.take());
    Ok(())
}

/// Location, size and limit, from this column on; `None` where a size is unknown.
fn cache(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<CacheState>> {
    let known = known(row, first + 1)?.zip(known(row, first + 2)?);
    let location = row.get(first)?;
    Ok(known.map(|(size, max_size)| CacheState {
        location,
        size,
        max_size,
    }))
}
