//! How full the cache is, and how much room its file system has.

use std::fs;
use std::path::Path;

use super::super::Machine;
use super::Finding;
use crate::sccache::{DEFAULT_CACHE_SIZE, Survey, cache_size, cache_size_setting, format_bytes};

const SIZE: &str = "cache-size";
const ROOM: &str = "cache-room";
const LIMIT: &str = "SCCACHE_CACHE_SIZE";

/// Less room than this, in bytes, and builds fail before the cache is full.
const LEAST_ROOM: u64 = 64 << 20;

pub(super) fn findings(machine: &Machine, folder: &Path, survey: Option<&Survey>) -> [Finding; 2] {
    let Some(survey) = survey else {
        return [SIZE, ROOM]
            .map(|check| Finding::unknown(check, "the folder can't be looked into"));
    };
    let limit = match machine.overrides_local() {
        Some(_) => machine.settings.get(LIMIT).and_then(cache_size),
        None => machine.configured().and_then(|file| file.size),
    };
    let limit = limit.unwrap_or(DEFAULT_CACHE_SIZE);
    let free = rustix::fs::statvfs(folder)
        .ok()
        .map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    let kind = file_system(folder).unwrap_or_else(|| "file system".to_owned());
    [
        size(machine, survey, limit, free.unwrap_or(0)),
        free.map_or_else(
            || Finding::unknown(ROOM, "the file system doesn't tell its room"),
            |free| room(machine, survey, limit, free, &kind),
        ),
    ]
}

fn size(machine: &Machine, survey: &Survey, limit: u64, free: u64) -> Finding {
    let percent = survey.bytes.saturating_mul(100) / limit.max(1);
    let least = if is_whole(survey) { "" } else { "at least " };
    let message = format!(
        "{least}{} of {} ({percent} %)",
        format_bytes(survey.bytes),
        format_bytes(limit)
    );
    if percent < 95 {
        return match is_whole(survey) {
            true => Finding::green(SIZE, message),
            false => Finding::unknown(SIZE, message),
        };
    }
    let message = format!("{message}: what is old is thrown out for what is new");
    let (value, larger) = cache_size_setting(limit.saturating_mul(2).min(fitting(survey, free)));
    // Yellow: a full cache is an ordinary one.
    match survey.bytes.saturating_mul(100) / larger.max(1) < 95 {
        true => Finding::yellow(SIZE, message).set(machine, LIMIT, &value),
        false => Finding::yellow(
            SIZE,
            format!("{message}; for more of it the disk has no room"),
        ),
    }
}

fn room(machine: &Machine, survey: &Survey, limit: u64, free: u64, kind: &str) -> Finding {
    let message = format!("{} free on {kind}", format_bytes(free));
    if !is_whole(survey) {
        // By what was seen alone a limit might be less than the cache holds: sccache would throw it out.
        let message = format!("{message}; how much the cache may still grow isn't known");
        return Finding::unknown(ROOM, message);
    }
    let wanted = limit.saturating_sub(survey.bytes);
    if free < LEAST_ROOM {
        // No limit gives room.
        let message = format!("{message}: what is to be stored finds no room. Free some there");
        return Finding::red(ROOM, message);
    }
    if free >= wanted {
        return Finding::green(ROOM, message);
    }
    let message = format!(
        "{message}, and the cache may grow by {}",
        format_bytes(wanted)
    );
    let (value, _) = cache_size_setting(fitting(survey, free));
    Finding::yellow(ROOM, message).set(machine, LIMIT, &value)
}

/// Whether its sums are those of the whole cache.
fn is_whole(survey: &Survey) -> bool {
    survey.stopped.is_none() && survey.unseen == 0
}

/// As large as the cache may become, in bytes, with room for others to grow, too.
fn fitting(survey: &Survey, free: u64) -> u64 {
    survey.bytes.saturating_add(free / 5 * 4)
}

/// `ext4 (/var)`: the mount point that is the longest beginning of the path (proc_pid_mountinfo(5)).
fn file_system(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mounts = table.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let at = place.split(' ').nth(4)?.replace("\\040", " ");
        let kind = kind.split(' ').next()?;
        path.starts_with(&at).then_some((at, kind))
    });
    // Of several at one place the last is on top.
    let (at, kind) = mounts.max_by_key(|(at, _)| at.len())?;
    let gone = if kind == "tmpfs" {
        ", gone after a reboot"
    } else {
        ""
    };
    Some(format!("{kind} ({at}{gone})"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::State;
    use super::*;
    use crate::sccache::{Bounds, survey};

    #[test]
    fn a_cache_that_was_not_wholly_seen_gets_no_limit() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::write(folder.path().join(name), [0; 1000]).unwrap();
        }
        let machine = Machine::look(None);
        let seen = |entries| {
            let time = Duration::from_secs(60);
            survey(folder.path(), Bounds { entries, time }, &|_| true).unwrap()
        };
        let states = |survey: &Survey| {
            let (limit, free) = (10 << 30, LEAST_ROOM);
            let size = size(&machine, survey, limit, free);
            let room = room(&machine, survey, limit, free, "tmpfs");
            (size.state, room.state, room.cure.len())
        };
        let stopped = seen(1);
        assert!(stopped.stopped.is_some());
        assert_eq!(states(&stopped), (State::Unknown, State::Unknown, 0));
        let whole = seen(100);
        assert_eq!(states(&whole), (State::Green, State::Yellow, 1));
        let unseen = Survey { unseen: 1, ..whole };
        assert_eq!(states(&unseen), (State::Unknown, State::Unknown, 0));
    }

    #[test]
    fn a_limit_grows_no_further_than_the_disk() {
        let machine = Machine::look(None);
        let full = Survey {
            bytes: 10 << 30,
            ..Survey::default()
        };
        let cure = |free| size(&machine, &full, 10 << 30, free).cure.concat();
        assert!(cure(100 << 30).contains(r#"SCCACHE_CACHE_SIZE="20G""#));
        assert!(cure(5 << 30).contains(r#"SCCACHE_CACHE_SIZE="14G""#));
        assert_eq!(cure(1 << 20), "");
        // Little room is red, however little the cache may still grow.
        let room = room(&machine, &full, 10 << 30, LEAST_ROOM - 1, "tmpfs");
        assert_eq!((room.state, room.cure.len()), (State::Red, 0));
    }
}
