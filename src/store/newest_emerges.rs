//! The newest emerge commands with their builds.

use std::collections::HashMap;

use super::columns::{read_time, read_uuid};
use super::{EmergeRow, Filter, Result, Store, Sums};

/// An emerge command and its matching builds.
#[derive(Clone, Debug, PartialEq)]
pub struct EmergeBuilds {
    /// The command and the sums of these builds.
    pub emerge: EmergeRow,
    /// The builds, the oldest first.
    pub builds: Vec<EmergeBuild>,
}

/// A build of an emerge command.
#[derive(Clone, Debug, PartialEq)]
pub struct EmergeBuild {
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`.
    pub version: String,
    /// `None` if no phase was measured, or if nothing was compiled.
    pub hit_rate: Option<f64>,
}

impl Store {
    /// Returns at most `limit` of the newest rows of [`Store::emerges`] with their builds, the newest first. It reads
    /// the builds of no other command.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn newest_emerges(&self, filter: &Filter, limit: u32) -> Result<Vec<EmergeBuilds>> {
        let query = filter.query(
            "SELECT id, uuid, host, command, started_at_us FROM emerge
             WHERE id IN (SELECT emerge_id FROM matching WHERE emerge_id IS NOT NULL)
             ORDER BY started_at_us DESC, uuid DESC LIMIT :limit",
        );
        let mut params = query.params();
        params.push((":limit", &limit));
        let (mut ids, mut emerges) = (Vec::new(), Vec::new());
        self.each_row(&query.sql, &*params, |row| {
            ids.push(row.get::<_, i64>(0)?);
            emerges.push(EmergeBuilds {
                emerge: EmergeRow {
                    id: read_uuid(row, 1)?,
                    host: row.get(2)?,
                    command: row.get(3)?,
                    started_at: read_time(row, 4)?,
                    sums: Sums::default(),
                },
                builds: Vec::new(),
            });
            Ok(())
        })?;
        self.add_builds(filter, &ids, &mut emerges)?;
        Ok(emerges)
    }

    /// Adds the matching builds to the emerge commands with these row ids.
    fn add_builds(&self, filter: &Filter, ids: &[i64], emerges: &mut [EmergeBuilds]) -> Result<()> {
        let positions: HashMap<i64, usize> = ids.iter().copied().zip(0..).collect();
        let query = filter.query(&format!(
            "SELECT {}, emerge_id, package, version FROM matching
             WHERE emerge_id IN (SELECT value FROM json_each(:ids)) ORDER BY started_at_us, uuid",
            Sums::COLUMNS.join(", ")
        ));
        let ids = serde_json::Value::from(ids).to_string();
        let mut params = query.params();
        params.push((":ids", &ids));
        self.each_row(&query.sql, &*params, |row| {
            let (sums, next) = (Sums::read(row, 0)?, Sums::COLUMNS.len());
            let position = positions.get(&row.get(next)?);
            if let Some(known) = position.and_then(|position| emerges.get_mut(*position)) {
                known.emerge.sums.add(&sums);
                known.builds.push(EmergeBuild {
                    package: row.get(next + 1)?,
                    version: row.get(next + 2)?,
                    hit_rate: sums.hit_rate(),
                });
            }
            Ok(())
        })
    }
}
