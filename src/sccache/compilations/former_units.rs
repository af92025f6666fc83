//! The units of builds whose compilations are no longer kept.

/// So many units are remembered, in 1 MB. Beyond them, every unit counts as one that was built.
const MAX_UNITS: usize = 250_000;

/// The units that a package's earlier builds had, as sorted hashes of 4 bytes.
///
/// Two of 50,000 units share a hash with a probability of 1 in 86,000 for a given unit: then a new unit
/// counts as one that was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormerUnits(Vec<u32>);

impl FormerUnits {
    /// Returns the units in bytes that [`to_bytes`](Self::to_bytes) returned. Other bytes contain other
    /// units.
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

    /// Adds units. Returns whether one of them is new.
    pub fn add<'a>(&mut self, units: impl IntoIterator<Item = &'a str>) -> bool {
        let count = self.0.len();
        self.0.extend(units.into_iter().map(hash));
        self.0.sort_unstable();
        self.0.dedup();
        self.0.truncate(MAX_UNITS);
        self.0.len() > count
    }

    /// Whether the unit may be one of them.
    pub fn contains(&self, unit: &str) -> bool {
        self.0.len() >= MAX_UNITS || self.0.binary_search(&hash(unit)).is_ok()
    }
}

/// FNV-1a (Fowler, Noll, Vo) with 64 bits, folded.
fn hash(unit: &str) -> u32 {
    let hash = unit.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
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
