//! Portage's bashrc: what in it sources the hook, by itself, through a file that it sources, or through
//! portage-bashrc-mv's bashrc.d.
//!
//! Only bash knows for certain what a script does, but to ask it is to run what somebody wrote, as
//! root and with no build around it: that may do anything, and still says nothing of a build. So the text
//! is read: where a command stands by itself it is met, behind `return` or in `if false` it is not,
//! and what hangs on anything else is told as such, and left to what was recorded since.

mod known;
mod script;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use known::{holds, plain};
pub use script::{Obstacle, Reach};
use script::{Simple, commands};

/// A function that only the hook has.
const MARK: &str = "___sccache_report_main()";

/// The hook's file, wherever it lies.
const NAME: &str = "sccache-report.sh";

/// Bytes of the longest file that is looked into.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// So deep files are followed that source each other.
const MAX_DEPTH: usize = 5;

/// One place that sources the hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourcing {
    /// The file that Portage reads, or that such a file sources.
    pub by: PathBuf,
    /// The hook's file, with the prefix's variables resolved; other variables are left in it.
    pub hook: PathBuf,
    /// The command that does it; `None` where `by` is the hook itself.
    pub command: Option<Command>,
    /// Whether bash gets there, and what is in the way.
    pub way: Way,
}

/// A `source` command as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The number of its line, from 1.
    pub line: usize,
    /// How it is written: `. "${EPREFIX}/usr/share/sccache-report/sccache-report.sh"`.
    pub text: String,
    /// The how manieth of this text it is in its line, from 1.
    pub nth: usize,
}

/// How bash gets to a command, through all files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Whether it does.
    pub reach: Reach,
    /// What is in the way first, and the file that it stands in.
    pub obstacle: Option<(PathBuf, Obstacle)>,
}

impl Way {
    const FREE: Self = Self {
        reach: Reach::Always,
        obstacle: None,
    };

    fn to(&self, reach: Reach, obstacle: Option<&Obstacle>, file: &Path) -> Self {
        let here = obstacle.map(|obstacle| (file.to_path_buf(), obstacle.clone()));
        Self {
            reach: self.reach.min(reach),
            obstacle: self.obstacle.clone().or(here),
        }
    }
}

/// What Portage's bashrc does with the hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bashrc {
    /// Who sources it, or perhaps. With more than one the second finds that the first was there.
    pub sourcings: Vec<Sourcing>,
    /// Those that bash never gets to.
    pub unreached: Vec<Sourcing>,
    /// Whether bashrc reads the files of bashrc.d.
    pub reads_folder: bool,
    /// Hooks that lie in bashrc.d though nobody reads that, or not files of this name.
    pub unread: Vec<PathBuf>,
    /// What else is sourced that could not be looked into, such as `. "$file"`.
    pub unseen: Option<(PathBuf, Command)>,
    /// How bash gets to a line that is added to the end of `bashrc`.
    pub end: Way,
}

impl Bashrc {
    /// Reads `bashrc` and `bashrc.d` in `/etc/portage`, and what they source.
    ///
    /// # Errors
    /// Where one of the first two is there and can't be read.
    pub fn read(config: &Path) -> io::Result<Self> {
        let bashrc = config.join("bashrc");
        let mut trace = Trace::new(config);
        let text = read(&bashrc)?.unwrap_or_default();
        let end = trace.end(&bashrc, &text);
        trace.follow(&bashrc, &text, &Way::FREE, 0);
        let mut unread = Trace::new(config);
        let mut files: Vec<PathBuf> = match fs::read_dir(config.join("bashrc.d")) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        files.sort();
        let folder = trace.folder.clone();
        for file in files {
            let text = read(&file)?.unwrap_or_default();
            let (trace, way) = match &folder {
                Some(way) if is_read(&file) => (&mut trace, way),
                _ => (&mut unread, &Way::FREE),
            };
            match text.contains(MARK) {
                true => trace.found.push(Sourcing {
                    by: file.clone(),
                    hook: file,
                    command: None,
                    way: way.clone(),
                }),
                false => trace.follow(&file, &text, way, 0),
            }
        }
        let met = |one: &Sourcing| one.way.reach > Reach::Never;
        let (sourcings, unreached) = trace.found.into_iter().partition(met);
        Ok(Self {
            sourcings,
            unreached,
            reads_folder: folder.is_some(),
            unread: unread.found.into_iter().map(|one| one.by).collect(),
            // The loop over bashrc.d is such a one.
            unseen: trace.unseen.filter(|_| folder.is_none()),
            end,
        })
    }
}

/// What portage-bashrc-mv reads: `bashrc.d/*.sh`, of which bash leaves hidden ones out, but not its own
/// program again (`BashrcdMain` in its `bashrc.d/bashrcd.sh`). A loop that somebody wrote by hand is
/// taken to be the same.
fn is_read(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".sh") && !name.starts_with('.') && name != LOADER
}

/// portage-bashrc-mv's program that reads bashrc.d.
const LOADER: &str = "bashrcd.sh";

/// Goes from file to file.
struct Trace {
    /// The prefix, without a slash at its end.
    root: String,
    /// Files that are sourced again change nothing any more.
    seen: BTreeSet<PathBuf>,
    found: Vec<Sourcing>,
    /// How bash gets to where bashrc.d is read.
    folder: Option<Way>,
    unseen: Option<(PathBuf, Command)>,
}

impl Trace {
    fn new(config: &Path) -> Self {
        let root = config.ancestors().nth(2).unwrap_or(Path::new("/"));
        Self {
            root: root.to_string_lossy().trim_end_matches('/').to_owned(),
            seen: BTreeSet::new(),
            found: Vec::new(),
            folder: None,
            unseen: None,
        }
    }

    fn commands<'a>(&self, file: &Path, text: &'a str) -> Vec<Simple<'a>> {
        commands(text, &|words| {
            holds(words, &|word| plain(word, &self.root, file))
        })
    }

    fn end(&self, file: &Path, text: &str) -> Way {
        let text = format!("{text}\n:\n");
        match self.commands(file, &text).last() {
            Some(last) => Way::FREE.to(last.reach, last.obstacle.as_ref(), file),
            None => Way::FREE,
        }
    }

    fn follow(&mut self, file: &Path, text: &str, outer: &Way, depth: usize) {
        if !self.seen.insert(file.to_path_buf()) {
            return;
        }
        for one in self.commands(file, text) {
            let source = match one.words[..] {
                [(at, "source" | "."), (_, "--"), (path, word), ..]
                | [(at, "source" | "."), (path, word), ..] => Some((at, path, word)),
                _ => None,
            };
            let name = source.map(|(_, _, word)| plain(word, &self.root, file));
            self.look_for_folder(file, &one, name.as_ref().and_then(Option::as_deref), outer);
            let (Some((at, path, word)), Some(name)) = (source, name) else {
                continue;
            };
            let command = command(text, at, path + word.len());
            let way = outer.to(one.reach, one.obstacle.as_ref(), file);
            self.source(file, command, word, name, way, depth);
        }
    }

    /// A command that names bashrc.d reads it. What leads to it in portage-bashrc-mv's bashrc, `[ ... ] ||`,
    /// asks whether it was read before.
    fn look_for_folder(&mut self, file: &Path, one: &Simple<'_>, name: Option<&Path>, outer: &Way) {
        let is_single = name.is_some_and(|name| !name.ends_with(LOADER));
        let names = one.words.iter().any(|(_, word)| word.contains("bashrc.d"));
        let is_asked = ["[", "[[", "test"]
            .iter()
            .any(|ask| one.words[0].1.starts_with(ask));
        if is_single || is_asked || !names || one.reach == Reach::Never {
            return;
        }
        let obstacle = one.obstacle.as_ref().filter(|_| one.around < Reach::Always);
        let way = outer.to(one.around, obstacle, file);
        if way.reach > self.folder.as_ref().map_or(Reach::Never, |way| way.reach) {
            self.folder = Some(way);
        }
    }

    fn source(
        &mut self,
        by: &Path,
        command: Command,
        word: &str,
        name: Option<PathBuf>,
        way: Way,
        depth: usize,
    ) {
        let text = name.as_ref().and_then(|name| read(name).ok().flatten());
        let is_called_so = word.trim_end_matches(['"', '\'']).ends_with(NAME);
        if is_called_so || text.as_ref().is_some_and(|text| text.contains(MARK)) {
            // Where a variable leads isn't known.
            let reach = match name {
                Some(_) => way.reach,
                None => way.reach.min(Reach::Perhaps),
            };
            self.found.push(Sourcing {
                by: by.to_path_buf(),
                hook: name.unwrap_or_else(|| word.trim_matches(['"', '\'']).into()),
                command: Some(command),
                way: Way { reach, ..way },
            });
            return;
        }
        match (name, text) {
            (Some(name), Some(text)) if depth < MAX_DEPTH => {
                self.follow(&name, &text, &way, depth + 1);
            }
            // There is none: nothing is sourced.
            (Some(name), None) if !name.exists() => {}
            _ if way.reach == Reach::Never => {}
            _ => {
                self.unseen.get_or_insert((by.to_path_buf(), command));
            }
        }
    }
}

fn command(text: &str, from: usize, to: usize) -> Command {
    let begin = text[..from].rfind('\n').map_or(0, |end| end + 1);
    let written = &text[from..to];
    Command {
        line: text[..from].matches('\n').count() + 1,
        text: written.to_owned(),
        nth: text[begin..to].matches(written).count().max(1),
    }
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
