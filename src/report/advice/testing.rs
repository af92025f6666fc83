//! Evidence for the tests of advice.

use chrono::DateTime;

use crate::portage::{Attribution, Outcome};
use crate::store::{CacheState, Evidence};

/// A build in C, whose misses were all written.
pub(super) fn c_build(package: &str, version: &str, hits: u64, misses: u64) -> Evidence {
    build("C/C++", package, version, hits, misses)
}

/// A build in Rust, whose misses were all written.
pub(super) fn rust_build(package: &str, version: &str, hits: u64, misses: u64) -> Evidence {
    build("Rust", package, version, hits, misses)
}

fn build(language: &str, package: &str, version: &str, hits: u64, misses: u64) -> Evidence {
    Evidence {
        id: uuid::Uuid::from_u128(0xb000_0001 << 96),
        package: package.into(),
        version: version.into(),
        previous_version: None,
        outcome: Outcome::Merged,
        started_at: DateTime::UNIX_EPOCH,
        attribution: Some(Attribution::Exact),
        sccache_version: Some("0.16.0".into()),
        hits: Some(hits),
        misses: Some(misses),
        errors: Some(0),
        calls: Some(hits + misses),
        read_errors: Some(0),
        write_errors: Some(0),
        writes: Some(misses),
        non_cacheable_compilations: Some(0),
        read_only_misses: 0,
        cache: None,
        forced: 0,
        languages: std::iter::once((language.to_string(), (hits, misses))).collect(),
        not_cached: Default::default(),
        not_measured: Vec::new(),
    }
}

/// This build after one of another version.
pub(super) fn after(build: Evidence, version: &str) -> Evidence {
    Evidence {
        previous_version: Some(version.into()),
        ..build
    }
}

pub(super) fn cache(size: u64, max_size: u64) -> Option<CacheState> {
    Some(CacheState {
        location: Some("Local disk: \"/var/cache/sccache\"".into()),
        size,
        max_size,
    })
}
