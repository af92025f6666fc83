//! Lines that setup added to a file, and how they are taken away again.

use std::path::Path;

use super::{Refusal, file};

/// What taking them back does, for people.
pub(super) fn describe_undo(path: &Path, lines: &[String]) -> String {
    let now = std::fs::read(path).unwrap_or_default();
    let now = String::from_utf8_lossy(&now);
    let is_there = |line: &String| now.lines().any(|one| one == line);
    let (ours, gone): (Vec<_>, Vec<_>) = lines.iter().partition(|line| is_there(line));
    let ours = ours.iter().map(|line| format!("\n  - {line}"));
    let gone = gone
        .iter()
        .map(|line| format!("\n  gone or changed since: {line}"));
    format!("{}{}", path.display(), ours.chain(gone).collect::<String>())
}

/// Takes lines back; says what stays. Done twice, or after what was half done, it comes to the same.
pub(super) fn undo(
    path: &Path,
    lines: &[String],
    added: &str,
    backup: Option<&Path>,
) -> Result<Option<String>, Refusal> {
    file::sweep(path)?;
    let kept = match backup {
        Some(backup) => {
            file::sweep(backup)?;
            backup
                .is_file()
                .then(|| file::content(backup))
                .transpose()?
        }
        None => None,
    };
    let now = file::content(path)?;
    // With what was kept there is nothing to take away, though it may have such a line itself.
    let without = match kept.as_ref() == Some(&now) {
        true => now.clone(),
        false => take_away(&now, lines, added),
    };
    let remove = |path: &Path| file::remove(path).map_err(|error| Refusal::of(path, error));
    if without != now {
        match backup {
            None if without.is_empty() => remove(path)?,
            _ => file::replace(path, &without)?,
        }
    }
    match (backup, kept) {
        (Some(backup), Some(kept)) if kept == without => remove(backup).map(|()| None),
        (Some(backup), Some(_)) => Ok(Some(format!(
            "{} was changed since; as it was before: {}",
            path.display(),
            backup.display()
        ))),
        (Some(_), None) => Ok(None),
        (None, _) if without.is_empty() => Ok(None),
        (None, _) => Ok(Some(format!(
            "{} stays, with what others added",
            path.display()
        ))),
    }
}

/// What was added comes off the end byte for byte; elsewhere as a whole; and where it was taken
/// apart, each line once.
fn take_away(now: &[u8], lines: &[String], added: &str) -> Vec<u8> {
    if let Some(before) = now.strip_suffix(added.as_bytes()) {
        return before.to_vec();
    }
    let text = added.strip_prefix('\n').unwrap_or(added).as_bytes();
    if let Some(at) = now
        .windows(text.len().max(1))
        .enumerate()
        .position(|(at, window)| window == text && (at == 0 || now[at - 1] == b'\n'))
    {
        return [&now[..at], &now[at + text.len()..]].concat();
    }
    let mut ours: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    let mut left = Vec::new();
    for line in now.split_inclusive(|&byte| byte == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        match ours.iter().position(|&one| one == bare) {
            Some(at) => drop(ours.remove(at)),
            None => left.extend_from_slice(line),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::take_away;

    #[test]
    fn lines_that_were_taken_apart_go_one_by_one() {
        let lines = ["# ours".to_owned(), "B=1".to_owned()];
        let left = take_away(b"B=1\nx\n# ours\nB=1\n", &lines, "# ours\nB=1\n");
        assert_eq!(left, b"B=1\nx\n");
        let left = take_away(b"# ours\nx\nB=1\nB=2\n", &lines, "# ours\nB=1\n");
        assert_eq!(left, b"x\nB=2\n");
        // What somebody took out of use isn't ours any more.
        let lines = ["B=1".to_owned()];
        assert_eq!(take_away(b"# B=1\nx\n", &lines, "B=1\n"), b"# B=1\nx\n");
        assert_eq!(
            take_away(b"# B=1\nB=1\nx\n", &lines, "B=1\n"),
            b"# B=1\nx\n"
        );
    }
}
