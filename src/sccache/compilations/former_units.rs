//! The units of builds whose compilations are no longer kept.

use super::arguments::hash_text;

/// The most units of a package, which take 1 MB. If there are more, every unit counts as built before.
const MAX_UNITS: usize = 250_000;

/// The units that earlier builds of a package had, as sorted hashes of 4 bytes.
///
/// With 50,000 units, a new one has the hash of another with a probability of 1 in 86,000, and then
/// counts as built before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormerUnits(Vec<u32>);

impl FormerUnits {
    /// The longest stored form.
    pub const MAX_BYTES: usize = 4 * MAX_UNITS;

    /// Returns the units from their stored form. Damaged bytes are other units.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let hashes = bytes.as_chunks().0.iter().copied();
        let mut units = Self(hashes.map(u32::from_be_bytes).collect());
        units.0.sort_unstable();
        units
    }

    /// Returns the stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.to_be_bytes()).collect()
    }

    /// Adds units, and returns whether one of them is new.
    pub fn add<'a>(&mut self, units: impl IntoIterator<Item = &'a str>) -> bool {
        self.add_hashes(units.into_iter().map(hash))
    }

    /// Adds the units of other builds, and returns whether one of them is new.
    pub fn merge(&mut self, other: Self) -> bool {
        self.add_hashes(other.0)
    }

    fn add_hashes(&mut self, hashes: impl IntoIterator<Item = u32>) -> bool {
        let count = self.0.len();
        self.0.extend(hashes);
        self.0.sort_unstable();
        self.0.dedup();
        self.0.truncate(MAX_UNITS);
        self.0.len() > count
    }

    /// Whether an earlier build may have had the unit.
    pub fn contains(&self, unit: &str) -> bool {
        self.0.len() >= MAX_UNITS || self.0.binary_search(&hash(unit)).is_ok()
    }
}

fn hash(unit: &str) -> u32 {
    let hash = hash_text(unit);
    (hash >> 32) as u32 ^ hash as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_remembered() {
        let mut units = FormerUnits::default();
        assert!(!units.contains("a.o"));
        assert!(units.add(["a.o", "b.o"]));
        assert!(!units.add(["b.o"]));
        let units = FormerUnits::from_bytes(&units.to_bytes());
        assert!(units.contains("a.o") && units.contains("b.o") && !units.contains("c.o"));
        assert_eq!(units.to_bytes().len(), 8);
    }

    #[test]
    fn beyond_the_limit_every_unit_counts_as_built() {
        let mut units = FormerUnits::default();
        let names: Vec<String> = (0..MAX_UNITS + 100).map(|n| format!("{n}.o")).collect();
        units.add(names.iter().map(String::as_str));
        assert!(units.contains("new.o"));
        assert!(units.to_bytes().len() <= 4 * MAX_UNITS);
    }
}
