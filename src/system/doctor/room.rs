//! How full the cache is, and how much room its file system has.

use std::fs;
use std::path::Path;

use super::super::{Machine, shell};
use super::Finding;
use crate::sccache::{DEFAULT_CACHE_SIZE, Survey, cache_size, format_bytes};

const SIZE: &str = "cache-size";
const ROOM: &str = "cache-room";

/// Less room than this, in bytes, and builds fail before the cache is full.
const LEAST_ROOM: u64 = 64 << 20;

pub(super) fn findings(machine: &Machine, folder: &Path, survey: Option<&Survey>) -> [Finding; 2] {
    let Some(survey) = survey else {
        return [SIZE, ROOM]
            .map(|check| Finding::unknown(check, "the folder can't be looked into"));
    };
    let limit = machine
        .settings
        .get("SCCACHE_CACHE_SIZE")
        .and_then(cache_size);
    let limit = limit.unwrap_or(DEFAULT_CACHE_SIZE);
    [
        size(machine, survey, limit),
        room(machine, folder, survey, limit),
    ]
}

fn size(machine: &Machine, survey: &Survey, limit: u64) -> Finding {
    let percent = survey.bytes.saturating_mul(100) / limit.max(1);
    let least = if survey.stopped.is_some() || survey.unseen > 0 {
        "at least "
    } else {
        ""
    };
    let message = format!(
        "{least}{} of {} ({percent} %)",
        bytes(survey.bytes),
        bytes(limit)
    );
    match percent {
        0..95 if survey.unseen > 0 => Finding::unknown(SIZE, message),
        0..95 => Finding::green(SIZE, message),
        _ => {
            let message = format!("{message}: what is old is thrown out for what is new");
            // Yellow: a full cache is an ordinary one.
            Finding::yellow(SIZE, message).cure(limit_command(machine, limit.saturating_mul(2)))
        }
    }
}

fn room(machine: &Machine, folder: &Path, survey: &Survey, limit: u64) -> Finding {
    let Ok(stat) = rustix::fs::statvfs(folder) else {
        return Finding::unknown(ROOM, "the file system doesn't tell its room");
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let wanted = limit.saturating_sub(survey.bytes);
    let kind = file_system(folder).unwrap_or_else(|| "file system".to_owned());
    let message = format!("{} free on {kind}", bytes(free));
    if free >= wanted {
        return Finding::green(ROOM, message);
    }
    let wanted = bytes(wanted);
    // Room for others to grow, too.
    let fits = limit_command(machine, survey.bytes + free / 5 * 4);
    match free < LEAST_ROOM {
        true => Finding::red(
            ROOM,
            format!("{message}: what is to be stored finds no room"),
        )
        .cure(fits),
        false => Finding::yellow(
            ROOM,
            format!("{message}, and the cache may grow by {wanted}"),
        )
        .cure(fits),
    }
}

fn limit_command(machine: &Machine, limit: u64) -> String {
    let limit = match limit {
        0..0x100000 => format!("{}K", (limit >> 10).max(1)),
        0x100000..0x280000000 => format!("{}M", limit >> 20),
        _ => format!("{}G", limit >> 30),
    };
    shell::append(
        &format!("SCCACHE_CACHE_SIZE=\"{limit}\""),
        &machine.make_conf(),
    )
}

fn bytes(count: u64) -> String {
    let (number, unit) = format_bytes(count);
    format!("{number} {unit}")
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
