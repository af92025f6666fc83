//! The lines after the counters: where the cache is, how large, and how it is used.

use std::sync::LazyLock;

use regex::Regex;

use super::super::error::keep_unrecognized;
use super::super::stats::version;
use super::super::units;
use super::{Block, COUNTER, Section};

/// Lines of the end of a block, whose values are texts.
static TRAILER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?<name>Cache location|Base directories|Use direct/preprocessor mode\?|Version \(client\)|Effective cache mode)(?:\s+(?<value>\S.*))?$")
        .expect("a valid pattern")
});

impl Block {
    /// A line after the counters.
    pub(super) fn trailer_line(&mut self, line: &str) -> bool {
        if let Some(c) = TRAILER.captures(line) {
            self.trailer = true;
            self.section = Section::Counters;
            let value = c.name("value").map(|v| v.as_str());
            let stats = &mut self.stats;
            match (&c["name"], value) {
                (_, None) => {}
                // 0.19.0, --show-adv-stats: the counts show what came of it.
                ("Effective cache mode", _) => {}
                ("Cache location", Some(value)) => stats.cache_location = Some(value.to_owned()),
                ("Version (client)", Some(value)) => stats.version = version(value),
                ("Base directories", Some("(none)")) => stats.base_directories = Some(Vec::new()),
                ("Base directories", Some(value)) => {
                    let directories = value.split(", ").map(str::to_owned);
                    stats.base_directories = Some(directories.collect());
                }
                (_, Some("yes")) => stats.preprocessor_cache_mode = Some(true),
                (_, Some("no")) => stats.preprocessor_cache_mode = Some(false),
                _ => keep_unrecognized(&mut stats.unrecognized, line),
            }
            return true;
        }
        let size = match line {
            _ if line.starts_with("Cache size ") => &mut self.stats.cache_size,
            _ if line.starts_with("Max cache size ") => &mut self.stats.max_cache_size,
            _ => return false,
        };
        let Some(c) = COUNTER.captures(line) else {
            return false;
        };
        let unit = c.name("unit").map_or("", |u| u.as_str());
        *size = units::bytes(&c["value"], unit);
        if size.is_none() {
            keep_unrecognized(&mut self.stats.unrecognized, line);
        }
        self.trailer = true;
        self.section = Section::Counters;
        true
    }
}
