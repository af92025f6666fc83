//! The lines of a multi-level cache (0.15.0+, `format_stats` in sccache's
//! `src/cache/multilevel.rs`).

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::sccache::error::ParseError;
use crate::sccache::stats::Level;
use crate::sccache::units;

/// `L0 (disk) avg cache write    0.001 s`.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?<level>\S.*) (?<name>hits|misses|hit rate|writes|write failures|backfills from|backfills to|avg cache write|avg cache read hit)\s+(?<value>-|[-+]?\d\S*)(?: (?<unit>\S+))?$")
        .expect("a valid pattern")
});

/// The levels read so far.
#[derive(Default)]
pub(super) struct Levels {
    /// Whether the line `Multi-level cache levels` was there: without it there are none.
    announced: bool,
    levels: Vec<Level>,
}

impl Levels {
    pub(super) fn announce(&mut self) {
        self.announced = true;
    }

    pub(super) fn end(self) -> Vec<Level> {
        self.levels
    }

    /// Reads a line, if it is about a level. After the counters come the levels' places:
    /// `L0 (disk)      Local disk: ...`.
    pub(super) fn line(&mut self, line: &str, after_counters: bool) -> Result<bool, ParseError> {
        if !self.announced {
            return Ok(false);
        }
        match LINE.captures(line) {
            Some(c) if !after_counters => {
                self.counter(line, &c)?;
                Ok(true)
            }
            _ => Ok(self.place(line)),
        }
    }

    fn place(&mut self, line: &str) -> bool {
        let place = |level: &Level| {
            let place = line.strip_prefix(level.name.as_str())?;
            let apart = place.starts_with(char::is_whitespace);
            apart.then(|| place.trim().to_owned())
        };
        for level in &mut self.levels {
            if let Some(place) = place(level) {
                level.location = Some(place);
                return true;
            }
        }
        false
    }

    fn counter(&mut self, line: &str, c: &Captures) -> Result<(), ParseError> {
        let level = self.named(&c["level"]);
        let bad = || ParseError::bad_value(line, &c["value"]);
        let average = |of: Option<u64>| {
            let unit = c.name("unit").map_or("", |unit| unit.as_str());
            let seconds = units::seconds(&c["value"], unit).ok_or_else(bad)?;
            Ok(of.map(|n| n as f64 * seconds))
        };
        let counter = match &c["name"] {
            "hits" => &mut level.hits,
            "misses" => &mut level.misses,
            "writes" => &mut level.writes,
            "write failures" => &mut level.write_failures,
            "backfills from" => &mut level.backfills_from,
            "backfills to" => &mut level.backfills_to,
            "avg cache write" => {
                level.write_seconds = average(level.writes)?;
                return Ok(());
            }
            "avg cache read hit" => {
                level.hit_seconds = average(level.hits)?;
                return Ok(());
            }
            // The rate is made from hits and misses.
            _ => return Ok(()),
        };
        *counter = Some(units::count(&c["value"]).ok_or_else(bad)?);
        Ok(())
    }

    fn named(&mut self, name: &str) -> &mut Level {
        let at = self.levels.iter().position(|level| level.name == name);
        let at = at.unwrap_or_else(|| {
            let name = name.to_owned();
            self.levels.push(Level {
                name,
                ..Level::default()
            });
            self.levels.len() - 1
        });
        &mut self.levels[at]
    }
}

#[cfg(test)]
mod tests {
    use crate::sccache::parse_text;

    #[test]
    fn levels_have_counters_times_and_places() {
        let text = "\
Cache hits                            4
Cache misses                          1
Cache errors                          0
Multi-level cache levels              2
  L0 (disk) hits                      3
  L0 (disk) misses                    2
  L0 (disk) hit rate              60.00 %
  L0 (disk) avg cache read hit    0.010 s
  L1 (redis) hits                     1
  L1 (redis) backfills from           1

Cache location                  Multi-level
  L0 (disk)                     Local disk: \"/var/cache/sccache\"
  L1 (redis)                    redis, name: cache, prefix: /
";
        let stats = parse_text(text).unwrap();
        assert_eq!(stats.unrecognized, [""; 0]);
        let [disk, redis] = &stats.levels[..] else {
            panic!("{:?}", stats.levels);
        };
        assert_eq!(
            (disk.hits, disk.misses, disk.writes),
            (Some(3), Some(2), None)
        );
        assert!((disk.hit_seconds.unwrap() - 0.03).abs() < 1e-9);
        assert_eq!(
            disk.location.as_deref(),
            Some("Local disk: \"/var/cache/sccache\"")
        );
        assert_eq!(
            (redis.name.as_str(), redis.backfills_from),
            ("L1 (redis)", Some(1))
        );
        assert_eq!(
            redis.location.as_deref(),
            Some("redis, name: cache, prefix: /")
        );
        assert!(parse_text(&text.replace("hits                     1", "hits  -1")).is_err());
    }
}
