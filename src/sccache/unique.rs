//! Maps in which a key that is there twice is an error, and not the last one's victory:
//! two readers of one file must never see different numbers.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// For `#[serde(deserialize_with)]`.
pub(super) fn unique_keys<'de, D>(deserializer: D) -> Result<BTreeMap<String, u64>, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(UniqueKeys)
}

struct UniqueKeys;

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = BTreeMap<String, u64>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of counts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, count)) = access.next_entry()? {
            if map.insert(key, count).is_some() {
                return Err(A::Error::custom("a key that is there twice"));
            }
        }
        Ok(map)
    }
}
