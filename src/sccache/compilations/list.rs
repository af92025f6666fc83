//! The stored form of a phase's compilations: in the build's `${T}` until it is recorded, then in the
//! database.
//!
//! One byte for the version of the format, then postcard in zlib. The values of a field are stored
//! side by side, sorted by unit, because that halves the size: 50,000 compilations take about 0.7 MB,
//! of which 0.4 MB are keys.

use std::fmt;
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    Compilation, CompilationResult, Compilations, Language, MAX_COMPILATIONS, MissReason, ObjectKey,
};

const VERSION: u8 = 1;
/// The longest decoded list in bytes: 200,000 compilations with units of 200 bytes are shorter.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The compilations of a phase in their stored form. JSON has it as Base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilationList(Vec<u8>);

impl CompilationList {
    /// Returns the list in bytes that [`as_bytes`](Self::as_bytes) returned. They are checked when they
    /// are [decoded](Self::decode).
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the stored form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Encodes compilations. Decoded, they are sorted by unit.
    pub fn encode(compilations: &Compilations) -> Self {
        let mut sorted: Vec<&Compilation> = compilations.list.iter().collect();
        sorted.sort_by(|a, b| a.unit.cmp(&b.unit));
        let mut columns = Columns {
            directory: compilations.directory,
            ..Columns::default()
        };
        for compilation in sorted {
            columns.push(compilation);
        }
        let mut encoder = ZlibEncoder::new(vec![VERSION], Compression::default());
        let written = postcard::to_stdvec(&columns)
            .map_err(io::Error::other)
            .and_then(|bytes| encoder.write_all(&bytes))
            .and_then(|()| encoder.finish());
        Self(written.expect("writing to memory succeeds"))
    }

    /// Decodes the compilations; `None` if the bytes are damaged, or of a newer version.
    pub fn decode(&self) -> Option<Compilations> {
        let (version, zlib) = self.0.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut inflated = Vec::new();
        let mut decoder = ZlibDecoder::new(zlib).take(MAX_BYTES);
        decoder.read_to_end(&mut inflated).ok()?;
        let columns: Columns = postcard::from_bytes(&inflated).ok()?;
        columns.compilations()
    }
}

impl Serialize for CompilationList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for CompilationList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(de::Error::custom)?;
        Ok(Self(bytes))
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Columns {
    directory: u64,
    units: Column<Box<str>>,
    metadata: Column<Option<u64>>,
    /// Random, so of fixed size.
    keys: Column<Option<[u8; 8]>>,
    languages: Column<Option<Language>>,
    results: Column<CompilationResult>,
    is_stored: Column<bool>,
    lookups: Column<Option<u32>>,
    cache_reads: Column<Option<u32>>,
    compiles: Column<Option<u32>>,
    flags: Column<Option<u64>>,
    names_directory: Column<bool>,
    is_ambiguous: Column<bool>,
    miss_reasons: Column<Option<MissReason>>,
}

/// The values of one field, at most [`MAX_COMPILATIONS`]: 64 MB of zeros are that many empty units.
#[derive(Serialize)]
#[serde(transparent)]
struct Column<T>(Vec<T>);

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Column<T> {
    fn push(&mut self, value: T) {
        self.0.push(value);
    }
}

impl<T: Copy> Column<T> {
    fn get(&self, row: usize) -> Option<T> {
        self.0.get(row).copied()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Column<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ColumnVisitor(PhantomData))
    }
}

struct ColumnVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ColumnVisitor<T> {
    type Value = Column<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {MAX_COMPILATIONS} values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        let expected = values.size_hint().unwrap_or_default();
        if expected > MAX_COMPILATIONS {
            return Err(de::Error::invalid_length(expected, &self));
        }
        let mut column = Vec::with_capacity(expected);
        while let Some(value) = values.next_element()? {
            column.push(value);
        }
        Ok(Column(column))
    }
}

/// In units of 0.1 ms, at most 5 days.
fn to_ticks(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros() / 100).unwrap_or(u32::MAX)
}

fn from_ticks(ticks: u32) -> Duration {
    Duration::from_micros(u64::from(ticks) * 100)
}

impl Columns {
    fn push(&mut self, compilation: &Compilation) {
        self.units.push(compilation.unit.clone());
        self.metadata.push(compilation.metadata);
        self.keys
            .push(compilation.key.map(|key| key.0.to_be_bytes()));
        self.languages.push(compilation.language);
        self.results.push(compilation.result);
        self.is_stored.push(compilation.is_stored);
        self.lookups.push(compilation.lookup.map(to_ticks));
        self.cache_reads.push(compilation.cache_read.map(to_ticks));
        self.compiles.push(compilation.compile.map(to_ticks));
        self.flags.push(compilation.flags);
        self.names_directory.push(compilation.names_directory);
        self.is_ambiguous.push(compilation.is_ambiguous);
        self.miss_reasons.push(compilation.miss_reason);
    }

    /// Returns `None` if a field has fewer values than there are units.
    fn compilations(self) -> Option<Compilations> {
        let units = self.units.0.into_iter().enumerate();
        let list = units.map(|(row, unit)| {
            Some(Compilation {
                unit,
                metadata: self.metadata.get(row)?,
                key: self
                    .keys
                    .get(row)?
                    .map(|key| ObjectKey(u64::from_be_bytes(key))),
                language: self.languages.get(row)?,
                result: self.results.get(row)?,
                is_stored: self.is_stored.get(row)?,
                lookup: self.lookups.get(row)?.map(from_ticks),
                cache_read: self.cache_reads.get(row)?.map(from_ticks),
                compile: self.compiles.get(row)?.map(from_ticks),
                flags: self.flags.get(row)?,
                names_directory: self.names_directory.get(row)?,
                is_ambiguous: self.is_ambiguous.get(row)?,
                miss_reason: self.miss_reasons.get(row)?,
            })
        });
        let list = list.collect::<Option<Vec<Compilation>>>()?;
        let directory = self.directory;
        Some(Compilations { directory, list })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compilation(number: u64) -> Compilation {
        Compilation {
            unit: format!("source/module_{}/file_{number}.cpp.o", number / 50).into(),
            metadata: (number.is_multiple_of(3)).then_some(number),
            key: Some(ObjectKey(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            language: Some(Language::CFamily),
            result: CompilationResult::Miss,
            is_stored: true,
            lookup: Some(Duration::from_micros(100 * (number % 977))),
            cache_read: Some(Duration::ZERO),
            compile: Some(Duration::from_millis(number * 7919 % 9973)),
            flags: Some(0xcbf2_9ce4_8422_2325 ^ (number % 7)),
            names_directory: number.is_multiple_of(2),
            is_ambiguous: false,
            miss_reason: number.is_multiple_of(5).then_some(MissReason::Evicted),
        }
    }

    fn encode(list: &[Compilation]) -> Vec<u8> {
        let (directory, list) = (7, list.to_vec());
        CompilationList::encode(&Compilations { directory, list }).0
    }

    fn decode(bytes: &[u8]) -> Option<Compilations> {
        CompilationList::from_bytes(bytes.to_vec()).decode()
    }

    #[test]
    fn fifty_thousand_compilations_are_small_and_come_back() {
        let mut compilations: Vec<_> = (0..50_000).map(compilation).collect();
        let bytes = encode(&compilations);
        compilations.sort_by(|a, b| a.unit.cmp(&b.unit));
        assert!(bytes.len() < 1_500_000, "{}", bytes.len());
        let decoded = decode(&bytes).unwrap();
        assert_eq!(decoded.directory, 7);
        assert!(decoded.list == compilations);
    }

    #[test]
    fn json_has_a_list_as_text() {
        let list = CompilationList(encode(&[compilation(1)]));
        let json = serde_json::to_string(&list).unwrap();
        assert_eq!(
            serde_json::from_str::<CompilationList>(&json).unwrap(),
            list
        );
        assert!(serde_json::from_str::<CompilationList>("\"*\"").is_err());
    }

    #[test]
    fn damaged_lists_are_none() {
        let bytes = encode(&[compilation(1), compilation(2)]);
        assert_eq!(decode(&bytes).map(|decoded| decoded.list.len()), Some(2));
        assert_eq!(decode(&[]), None);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None, "{end}");
        }
        let mut newer = bytes;
        newer[0] = 2;
        assert_eq!(decode(&newer), None);
        let mut short = Columns::default();
        short.units.push("a.o".into());
        assert_eq!(short.compilations(), None);
    }

    #[test]
    fn a_list_of_too_many_compilations_is_none() {
        let is_accepted = |units: usize| {
            let mut columns = Columns::default();
            columns.units.0.resize(units, "".into());
            let bytes = postcard::to_stdvec(&columns).unwrap();
            postcard::from_bytes::<Columns>(&bytes).is_ok()
        };
        assert!(is_accepted(MAX_COMPILATIONS));
        assert!(!is_accepted(MAX_COMPILATIONS + 1));
    }

    #[test]
    fn a_list_that_inflates_without_end_is_none() {
        let mut encoder = ZlibEncoder::new(vec![VERSION], Compression::fast());
        let zeros = vec![0xff; 1 << 20];
        for _ in 0..80 {
            encoder.write_all(&zeros).unwrap();
        }
        assert_eq!(decode(&encoder.finish().unwrap()), None);
    }
}
