//! The stored form of a phase's compilations: in `${T}` until the build is recorded, then in the database.
//!
//! A byte with the version of the format is followed by postcard, compressed with zlib. Compilations are
//! sorted by unit, and the values of a field are adjacent, which halves the size: 50,000 compilations
//! take about 0.7 MB, 0.4 MB of it for their keys.

use std::io::{self, Read, Write};
use std::iter;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::arguments::MAX_UNIT;
use super::{
    Compilation, CompilationResult, Compilations, DirectoryInKey, Language, MAX_COMPILATIONS,
    MissReason, ObjectKey,
};
use crate::text::printable;

const VERSION: u8 = 1;
/// The longest inflated list in bytes: enough for [`MAX_COMPILATIONS`] with units of 60 bytes.
const MAX_BYTES: u64 = 12 * 1024 * 1024;
/// The longest list of a phase in bytes.
pub const MAX_LIST_BYTES: usize = 2 * 1024 * 1024;

/// The compilations of a phase in their stored form, which is Base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilationList(Vec<u8>);

impl CompilationList {
    /// Returns a list from its stored form, which isn't checked before it is [decoded](Self::decode).
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the stored form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Encodes compilations, and sorts them by unit.
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
        Self::pack(&columns)
    }

    fn pack(columns: &Columns) -> Self {
        let mut encoder = ZlibEncoder::new(vec![VERSION], Compression::default());
        let written = postcard::to_stdvec(columns)
            .map_err(io::Error::other)
            .and_then(|bytes| encoder.write_all(&bytes))
            .and_then(|()| encoder.finish());
        Self(written.expect("writing to memory succeeds"))
    }

    /// Decodes the compilations. `None` if the bytes are damaged, or of a newer version.
    pub fn decode(&self) -> Option<Compilations> {
        let inflated = self.inflate()?;
        let (directory, compilations) = read(&inflated)?;
        let list = compilations.collect();
        Some(Compilations { directory, list })
    }

    /// Whether [`checked_len`](Self::checked_len) accepts the list.
    pub fn is_valid(&self) -> bool {
        self.checked_len().is_some()
    }

    /// Returns the number of compilations; `None` if no collector can have written this list: it is too
    /// long or can't be decoded, or a unit is too long or not safe to print to a terminal. This takes
    /// less memory than decoding.
    pub fn checked_len(&self) -> Option<usize> {
        if self.0.len() > MAX_LIST_BYTES {
            return None;
        }
        let inflated = self.inflate()?;
        let (_, list) = read(&inflated)?;
        let mut count = 0;
        for compilation in list {
            if printable(&compilation.unit, MAX_UNIT) != *compilation.unit {
                return None;
            }
            count += 1;
        }
        Some(count)
    }

    fn inflate(&self) -> Option<Vec<u8>> {
        let (version, zlib) = self.0.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut inflated = Vec::new();
        let mut decoder = ZlibDecoder::new(zlib).take(MAX_BYTES);
        let length = decoder.read_to_end(&mut inflated).ok()?;
        (length < MAX_BYTES as usize).then_some(inflated)
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

#[derive(Default, Serialize)]
struct Columns {
    directory: u64,
    units: Vec<Box<str>>,
    metadata: Vec<Option<u64>>,
    /// Of fixed size, because their bytes are random.
    keys: Vec<Option<[u8; 8]>>,
    languages: Vec<Option<Language>>,
    results: Vec<CompilationResult>,
    is_stored: Vec<bool>,
    lookups: Vec<Option<u32>>,
    cache_reads: Vec<Option<u32>>,
    compiles: Vec<Option<u32>>,
    flags: Vec<Option<u64>>,
    directory_in_key: Vec<DirectoryInKey>,
    is_ambiguous: Vec<bool>,
    miss_reasons: Vec<Option<MissReason>>,
}

/// Returns a duration in units of 0.1 ms, at most 5 days.
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
        self.directory_in_key.push(compilation.directory_in_key);
        self.is_ambiguous.push(compilation.is_ambiguous);
        self.miss_reasons.push(compilation.miss_reason);
    }
}

/// Reads the directory and the compilations from postcard. `None` if a field doesn't have one value for
/// each unit.
fn read(mut bytes: &[u8]) -> Option<(u64, impl Iterator<Item = Compilation>)> {
    let directory = take(&mut bytes)?;
    let rows = take::<usize>(&mut { bytes })?;
    if rows > MAX_COMPILATIONS {
        return None;
    }
    let bytes = &mut bytes;
    let mut units = column::<&str>(bytes, rows)?;
    let mut metadata = column(bytes, rows)?;
    let mut keys = column::<Option<[u8; 8]>>(bytes, rows)?;
    let mut languages = column(bytes, rows)?;
    let mut results = column(bytes, rows)?;
    let mut is_stored = column(bytes, rows)?;
    let mut lookups = column::<Option<u32>>(bytes, rows)?;
    let mut cache_reads = column::<Option<u32>>(bytes, rows)?;
    let mut compiles = column::<Option<u32>>(bytes, rows)?;
    let mut flags = column(bytes, rows)?;
    let mut directory_in_key = column(bytes, rows)?;
    let mut is_ambiguous = column(bytes, rows)?;
    let mut miss_reasons = column(bytes, rows)?;
    let next = move || {
        let key = |bytes| ObjectKey(u64::from_be_bytes(bytes));
        Some(Compilation {
            unit: units.next()?.into(),
            metadata: metadata.next()?,
            key: keys.next()?.map(key),
            language: languages.next()?,
            result: results.next()?,
            is_stored: is_stored.next()?,
            lookup: lookups.next()?.map(from_ticks),
            cache_read: cache_reads.next()?.map(from_ticks),
            compile: compiles.next()?.map(from_ticks),
            flags: flags.next()?,
            directory_in_key: directory_in_key.next()?,
            is_ambiguous: is_ambiguous.next()?,
            miss_reason: miss_reasons.next()?,
        })
    };
    Some((directory, iter::from_fn(next)))
}

/// Reads one value, and advances `bytes` past it.
fn take<'a, T: Deserialize<'a>>(bytes: &mut &'a [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    *bytes = rest;
    Some(value)
}

/// Advances `bytes` past a field, and returns its values. They are parsed again when they are needed,
/// because all fields would take more memory than the compilations.
fn column<'a, T: Deserialize<'a>>(
    bytes: &mut &'a [u8],
    rows: usize,
) -> Option<impl Iterator<Item = T> + use<'a, T>> {
    if take::<usize>(bytes)? != rows {
        return None;
    }
    let mut values = *bytes;
    for _ in 0..rows {
        take::<T>(bytes)?;
    }
    Some(iter::from_fn(move || take(&mut values)).take(rows))
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
            directory_in_key: if number.is_multiple_of(2) {
                DirectoryInKey::Maybe
            } else {
                DirectoryInKey::Never
            },
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
    fn fifty_thousand_compilations_are_small_when_encoded() {
        let mut compilations: Vec<_> = (0..50_000).map(compilation).collect();
        let bytes = encode(&compilations);
        compilations.sort_by(|a, b| a.unit.cmp(&b.unit));
        assert!(bytes.len() < 1_500_000, "{}", bytes.len());
        let decoded = decode(&bytes).unwrap();
        assert_eq!(decoded.directory, 7);
        assert!(decoded.list == compilations);
    }

    #[test]
    fn json_contains_a_list_as_base64() {
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
        assert_eq!(CompilationList::pack(&short).decode(), None);
    }

    #[test]
    fn a_list_of_too_many_compilations_is_none() {
        let mut many = vec![compilation(1); MAX_COMPILATIONS];
        assert!(decode(&encode(&many)).is_some());
        many.push(compilation(1));
        assert_eq!(decode(&encode(&many)), None);
    }

    #[test]
    fn a_list_that_is_too_long_inflated_is_none() {
        let mut encoder = ZlibEncoder::new(vec![VERSION], Compression::fast());
        let zeros = vec![0xff; 1 << 20];
        for _ in 0..80 {
            encoder.write_all(&zeros).unwrap();
        }
        assert_eq!(decode(&encoder.finish().unwrap()), None);
    }
}
