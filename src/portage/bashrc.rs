//! Portage's bashrc: what in it sources the hook, by itself or through portage-bashrc-mv's bashrc.d.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// A function that only the hook has.
const MARK: &str = "___sccache_report_main()";

/// Bytes of the longest file that is looked into.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

static SOURCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?m)^[^#\n]*?(?:^|[;&|]|\bthen|\bdo|\{)[ \t]*((?:source|\.)[ \t]+["']?([^\s"';&|]+)["']?)"#,
    )
    .expect("a valid pattern")
});

/// One place that sources the hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourcing {
    /// The file that Portage reads.
    pub by: PathBuf,
    /// The hook's file, with the prefix's variables resolved.
    pub hook: PathBuf,
    /// The command that does it; `None` where `by` is the hook itself.
    pub command: Option<Command>,
}

/// A `source` command as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The number of its line, from 1.
    pub line: usize,
    /// All of it: `. "${EPREFIX}/usr/share/sccache-report/sccache-report.sh"`.
    pub text: String,
    /// The path in it, as it is written.
    pub path: String,
}

/// What Portage's bashrc does with the hook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bashrc {
    /// Who sources it. With more than one the second finds that the first was there.
    pub sourcings: Vec<Sourcing>,
    /// Whether bashrc reads the files of bashrc.d.
    pub reads_folder: bool,
    /// Hooks that lie in bashrc.d though nobody reads that, or not files of this name.
    pub unread: Vec<PathBuf>,
}

impl Bashrc {
    /// Reads `bashrc` and `bashrc.d` in `/etc/portage`.
    ///
    /// # Errors
    /// Where one is there and can't be read.
    pub fn read(config: &Path) -> io::Result<Self> {
        let bashrc = config.join("bashrc");
        let text = read(&bashrc)?.unwrap_or_default();
        let mut found = Self {
            sourcings: sourcings(&bashrc, &text, config)?,
            reads_folder: { text.lines() }
                .any(|line| !line.trim_start().starts_with('#') && line.contains("bashrc.d")),
            unread: Vec::new(),
        };
        let mut files: Vec<PathBuf> = match fs::read_dir(config.join("bashrc.d")) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        files.sort();
        for file in files {
            let text = read(&file)?.unwrap_or_default();
            let mut here = sourcings(&file, &text, config)?;
            if text.contains(MARK) {
                here.push(Sourcing {
                    by: file.clone(),
                    hook: file.clone(),
                    command: None,
                });
            }
            match found.reads_folder && is_read(&file) {
                true => found.sourcings.extend(here),
                false => found.unread.extend(here.into_iter().map(|one| one.by)),
            }
        }
        Ok(found)
    }
}

/// What portage-bashrc-mv reads: `bashrc.d/*.sh`, of which bash leaves hidden ones out, but not its own
/// program again (`BashrcdMain` in its `bashrc.d/bashrcd.sh`). A loop that somebody wrote by hand is
/// taken to be the same.
fn is_read(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".sh") && !name.starts_with('.') && name != "bashrcd.sh"
}

fn sourcings(by: &Path, text: &str, config: &Path) -> io::Result<Vec<Sourcing>> {
    let root = config.ancestors().nth(2).unwrap_or(Path::new("/"));
    let root = root.to_string_lossy();
    let mut found = Vec::new();
    for source in SOURCE.captures_iter(text) {
        let mut name = source[2].to_owned();
        for variable in ["PORTAGE_CONFIGROOT", "EPREFIX"] {
            for written in [
                format!("${{{variable}}}"),
                format!("${variable}"),
                format!("${{{variable}%/}}"),
            ] {
                name = name.replace(&written, root.trim_end_matches('/'));
            }
        }
        let hook = PathBuf::from(name);
        let ours = hook
            .file_name()
            .is_some_and(|name| name == "sccache-report.sh");
        if ours
            || read(&hook)
                .ok()
                .flatten()
                .is_some_and(|text| text.contains(MARK))
        {
            let before = &text[..source.get(1).map_or(0, |command| command.start())];
            found.push(Sourcing {
                by: by.to_path_buf(),
                hook,
                command: Some(Command {
                    line: before.matches('\n').count() + 1,
                    text: source[1].to_owned(),
                    path: source[2].to_owned(),
                }),
            });
        }
    }
    Ok(found)
}

/// A regular file's text; `None` where there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(what) if what.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MAX_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_source_it_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let config = root.path().join("etc/portage");
        fs::create_dir_all(config.join("bashrc.d")).unwrap();
        let count = |text: &str| {
            fs::write(config.join("bashrc"), text).unwrap();
            Bashrc::read(&config).unwrap().sourcings.len()
        };
        assert_eq!(
            count("source /usr/share/sccache-report/sccache-report.sh\n"),
            1
        );
        assert_eq!(
            count("  . \"${EPREFIX}/usr/share/x/sccache-report.sh\"\n"),
            1
        );
        assert_eq!(
            count("# source /usr/share/sccache-report/sccache-report.sh\n"),
            0
        );
        assert_eq!(
            count("if true; then . /x/sccache-report.sh; fi\nsource /x/sccache-report.sh"),
            2
        );
        assert_eq!(count("source /etc/other.sh\n"), 0);
        fs::write(config.join("bashrc.d/90-x.sh"), format!("{MARK} {{ :; }}")).unwrap();
        assert_eq!(count(""), 0);
        assert_eq!(Bashrc::read(&config).unwrap().unread.len(), 1);
        assert_eq!(
            count("for f in /etc/portage/bashrc.d/*.sh; do . $f; done"),
            1
        );
    }

    #[test]
    fn of_bashrc_d_only_what_is_read_counts() {
        let root = tempfile::tempdir().unwrap();
        let config = root.path().join("etc/portage");
        let folder = config.join("bashrc.d");
        fs::create_dir_all(&folder).unwrap();
        fs::write(config.join("bashrc"), ". /etc/portage/bashrc.d/bashrcd.sh").unwrap();
        let unread = ["90-x.sh.bak", ".90-x.sh", "90-x", "bashrcd.sh", "90-x.sh~"];
        for name in unread {
            fs::write(folder.join(name), format!("{MARK} {{ :; }}")).unwrap();
        }
        let found = Bashrc::read(&config).unwrap();
        assert_eq!(
            (found.sourcings, found.unread.len()),
            (vec![], unread.len())
        );
        fs::write(folder.join("90-x.sh"), format!("{MARK} {{ :; }}")).unwrap();
        let found = Bashrc::read(&config).unwrap();
        assert_eq!(found.sourcings.len(), 1);
        assert_eq!(found.sourcings[0].by, folder.join("90-x.sh"));
    }

    #[test]
    fn a_command_is_kept_as_it_is_written() {
        let root = tempfile::tempdir().unwrap();
        let config = root.path().join("etc/portage");
        fs::create_dir_all(&config).unwrap();
        let text = "# one\nif [ -e x ]; then . \"${EPREFIX}/usr/sccache-report.sh\"; fi\n";
        fs::write(config.join("bashrc"), text).unwrap();
        let found = Bashrc::read(&config).unwrap().sourcings.remove(0);
        assert_eq!(found.hook, root.path().join("usr/sccache-report.sh"));
        let command = found.command.unwrap();
        assert_eq!(command.line, 2);
        assert_eq!(command.text, ". \"${EPREFIX}/usr/sccache-report.sh\"");
        assert_eq!(command.path, "${EPREFIX}/usr/sccache-report.sh");
    }
}
