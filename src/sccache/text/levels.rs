//! The lines of a multi-level cache (0.15.0+, `format_stats` in sccache's
//! `src/cache/multilevel.rs`).

use std::sync::LazyLock;

use regex::Regex;

use super::labeled;
use crate::sccache::error::ParseError;
use crate::sccache::stats::{Level, Statistics};
use crate::sccache::units;

/// `L0 (disk) avg cache write    0.001 s`.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?<level>\S.*\)) (?<name>[a-z ]*[a-z])\s+(?<value>-|[-+]?\d\S*)(?: (?<unit>\S+))?$",
    )
    .expect("a valid pattern")
});

/// Reads a line of a level's numbers. Its time is an average.
pub(super) fn counter(levels: &mut Vec<Level>, line: &str) -> Result<bool, ParseError> {
    let Some(c) = LINE.captures(line) else {
        return Ok(false);
    };
    let (label, value) = (&c["name"], &c["value"]);
    let counter = labeled(Level::COUNTERS, label);
    let time = labeled(Level::SECONDS, label);
    if counter.is_none() && time.is_none() {
        // The rate follows from hits and misses.
        return Ok(label == "hit rate");
    }
    let bad = || ParseError::bad_value(line, value);
    let level = named(levels, &c["level"]);
    if let Some(field) = counter {
        *(field.get_mut)(level) = Some(units::count(value).ok_or_else(bad)?);
    }
    if let Some(field) = time {
        let unit = c.name("unit").map_or("", |unit| unit.as_str());
        *(field.get_mut)(level) = Some(units::seconds(value, unit).ok_or_else(bad)?);
    }
    Ok(true)
}

/// Reads a level's place, which stands after the counters: `L0 (disk)      Local disk: ...`.
pub(super) fn location(levels: &mut [Level], line: &str) -> bool {
    for level in levels {
        if let Some(location) = line.strip_prefix(level.name.as_str())
            && location.starts_with(char::is_whitespace)
        {
            level.location = Some(location.trim().to_owned());
            return true;
        }
    }
    false
}

fn named<'a>(levels: &'a mut Vec<Level>, name: &str) -> &'a mut Level {
    let position = levels.iter().position(|level| level.name == name);
    let position = position.unwrap_or_else(|| {
        levels.push(Level {
            name: name.to_owned(),
            ..Level::default()
        });
        levels.len() - 1
    });
    &mut levels[position]
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
