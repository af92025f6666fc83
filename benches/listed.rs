//! The compilations of a phase of a generated build.

use std::time::Duration;

use sccache_report::sccache::Stats;
use sccache_report::sccache::compilations::{
    Compilation, CompilationList, CompilationResult, Compilations, DirectoryInKey, Language,
    ObjectKey,
};

use super::Random;

/// The keys of a package's units in one phase, as the last build had them.
#[derive(Default)]
pub struct Units {
    keys: Vec<u64>,
}

impl Units {
    /// Returns as many hits and misses as the statistics have, and adds the times that the server and
    /// its clients took. In a `cold` build, a miss has another key; otherwise the cache lost the object.
    pub fn compilations(
        &mut self,
        random: &mut Random,
        directory: u64,
        stats: &mut Stats,
        cold: bool,
    ) -> CompilationList {
        let (hits, misses) = (stats.hits.total, stats.misses.total);
        let calls = hits + misses;
        stats.server_seconds = Some(calls as f64 * 0.006);
        stats.client_seconds = Some(calls as f64 * 0.003);
        let languages = stats
            .hits
            .languages
            .keys()
            .chain(stats.misses.languages.keys());
        let language = match languages.last().map(String::as_str) {
            Some("Rust") => Language::Rust,
            Some("CUDA") => Language::Cuda,
            _ => Language::CFamily,
        };
        let compile = stats.compiler_seconds.unwrap_or_default() / misses.max(1) as f64;
        while self.keys.len() < calls as usize {
            self.keys.push(random.next());
        }
        // The missing units are side by side.
        let first = random.below(calls.max(1));
        let list = (0..calls).map(|unit| {
            let is_miss = (unit + calls - first) % calls < misses;
            let key = &mut self.keys[unit as usize];
            if is_miss && cold {
                *key = random.next();
            }
            let spread = (50 + random.below(100)) as f64 / 100.0;
            let compile = Duration::from_secs_f64(compile * spread);
            let is_rust = language == Language::Rust;
            Compilation {
                unit: name(unit, is_rust).into(),
                metadata: is_rust.then_some(unit.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                key: Some(ObjectKey(*key)),
                language: Some(language),
                result: if is_miss {
                    CompilationResult::Miss
                } else {
                    CompilationResult::Hit
                },
                is_stored: is_miss,
                lookup: Some(Duration::from_micros(15_000 + random.below(15_000))),
                cache_read: Some(Duration::from_micros(random.below(3000))),
                compile: is_miss.then_some(compile),
                flags: Some(0x1234_5678_9abc_def0 + unit % 3),
                directory_in_key: if is_rust {
                    DirectoryInKey::Always
                } else {
                    DirectoryInKey::Never
                },
                is_ambiguous: false,
                miss_reason: None,
            }
        });
        let list = list.collect();
        CompilationList::encode(&Compilations { directory, list })
    }
}

fn name(unit: u64, is_rust: bool) -> String {
    if is_rust {
        format!("some_crate_{unit}")
    } else {
        format!("src/module_{}/a_source_file_{unit}.o", unit / 40)
    }
}
