//! The workspace whose target directory gets a path in the place.
//!
//! cargo's setting applies to everything that a phase builds, and an ebuild expects the results of each
//! workspace in that workspace's own directory. So there has to be exactly one.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::bytes::Regex;
use toml::{Table, Value};

use crate::files::open_regular;

/// Directories with these names have no projects that an ebuild builds.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

/// Below directories with these names, only a project with a lockfile or a `[workspace]` counts: the others are
/// data of tests.
const TESTS: [&str; 7] = [
    "vendor", "tests", "test", "testdata", "fixtures", "fuzz", "benches",
];

/// The most directories that are searched. Larger source trees get stable paths for crates only.
const MAX_DIRECTORIES: usize = 2000;

/// The most that is read of a manifest or a source file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// How a Rust program names the cargo that it runs. What such a cargo builds is expected in the target directory of a
/// workspace that can't be known before, so this errs on the side of finding too much.
static CARGO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""cargo[" ]|"CARGO""#).expect("a valid expression"));

/// A directory with a `Cargo.toml`.
struct Manifest {
    directory: PathBuf,
    has_lockfile: bool,
    is_workspace: bool,
    /// The directories below that are not part of the workspace.
    excluded: Vec<PathBuf>,
}

/// Returns the only workspace in `workdir`; `None` if there may be others, or none with a lockfile, or if a program or
/// build script in it may run cargo.
/// `skipped` are directories with sources of other packages.
pub(super) fn find_workspace(workdir: &Path, skipped: &[PathBuf]) -> Option<PathBuf> {
    let manifests = find_manifests(workdir, skipped)?;
    // Without a `[workspace]`, each package below is a workspace of its own.
    let with_members: HashSet<&Path> = manifests
        .iter()
        .filter(|manifest| manifest.has_lockfile && manifest.is_workspace)
        .map(|manifest| &*manifest.directory)
        .collect();
    let is_member = |directory: &Path| {
        let mut parents = directory.ancestors().skip(1);
        parents.any(|parent| with_members.contains(parent))
    };
    let mut roots = manifests.iter().filter(|manifest| {
        manifest.has_lockfile || manifest.is_workspace || !is_member(&manifest.directory)
    });
    let root = roots.next().filter(|root| root.has_lockfile)?;
    let is_excluded = |manifest: &Manifest| {
        let mut excluded = root.excluded.iter();
        excluded.any(|excluded| {
            manifest
                .directory
                .starts_with(root.directory.join(excluded))
        })
    };
    let is_only = roots.next().is_none() && !manifests.iter().any(is_excluded);
    is_only.then(|| root.directory.clone())
}

/// Returns all manifests; `None` if there are too many directories, something can't be read, or a source file names
/// cargo.
fn find_manifests(workdir: &Path, skipped: &[PathBuf]) -> Option<Vec<Manifest>> {
    let mut manifests = Vec::new();
    let mut directories = vec![(workdir.to_owned(), false)];
    let mut count = 0;
    while let Some((directory, is_test)) = directories.pop() {
        count += 1;
        if count > MAX_DIRECTORIES {
            return None;
        }
        let (mut has_manifest, mut has_lockfile) = (false, false);
        for entry in fs::read_dir(&directory).ok()? {
            let entry = entry.ok()?;
            let name = entry.file_name();
            if entry.file_type().ok()?.is_dir() {
                let path = entry.path();
                let is_in = |names: &[&str]| names.iter().any(|other| name == *other);
                if !is_in(&SKIPPED) && !skipped.contains(&path) {
                    directories.push((path, is_test || is_in(&TESTS)));
                }
            }
            if !is_test && is_source(&entry) && CARGO.is_match(&read(&entry.path())?) {
                return None;
            }
            has_manifest |= name == "Cargo.toml";
            has_lockfile |= name == "Cargo.lock";
        }
        if has_manifest {
            match read_manifest(directory, has_lockfile) {
                Some(manifest) if !is_test || has_lockfile || manifest.is_workspace => {
                    manifests.push(manifest);
                }
                None if !is_test || has_lockfile => return None,
                _ => {}
            }
        }
    }
    Some(manifests)
}

fn is_source(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    Path::new(&name).extension() == Some("rs".as_ref())
        && entry.file_type().is_ok_and(|kind| kind.is_file())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let file = open_regular(path).ok()?;
    let mut content = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut content).ok()?;
    Some(content)
}

fn read_manifest(directory: PathBuf, has_lockfile: bool) -> Option<Manifest> {
    let content = read(&directory.join("Cargo.toml"))?;
    let manifest: Table = std::str::from_utf8(&content).ok()?.parse().ok()?;
    let workspace = manifest.get("workspace");
    let excluded = workspace.and_then(|workspace| workspace.get("exclude")?.as_array());
    let excluded = excluded.into_iter().flatten().filter_map(Value::as_str);
    Some(Manifest {
        directory,
        has_lockfile,
        is_workspace: workspace.is_some(),
        excluded: excluded.map(PathBuf::from).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path and its content.
    type File = (&'static str, &'static str);

    const PACKAGE: &str = "[package]\nname = \"a\"\nversion = \"1.0.0\"\n";

    /// Returns the workspace, below the directory, of these files.
    fn found(files: &[File]) -> Option<String> {
        let workdir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let file = workdir.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        let skipped = [workdir.path().join("skipped")];
        let root = find_workspace(workdir.path(), &skipped)?;
        let below = root.strip_prefix(workdir.path()).unwrap();
        Some(below.to_str().unwrap().to_owned())
    }

    #[test]
    fn exactly_one_workspace_has_a_lockfile() {
        let only = [("p/Cargo.toml", PACKAGE), ("p/Cargo.lock", "")];
        let excluding = "[workspace]\nmembers = [\"a\"]\nexclude = [\"b\", \"none\"]\n";
        let workspace = "[workspace]\nmembers = [\"member\"]\n";
        let cases: [(&[File], Option<&str>); 13] = [
            (&[], Some("p")),
            (
                &[
                    ("p/Cargo.toml", workspace),
                    ("p/member/Cargo.toml", PACKAGE),
                ],
                Some("p"),
            ),
            (&[("p/other/Cargo.toml", PACKAGE)], None),
            (
                &[
                    ("p/tests/data/Cargo.toml", PACKAGE),
                    ("p/tests/data/Cargo.lock", ""),
                ],
                None,
            ),
            (
                &[("skipped/Cargo.toml", PACKAGE), ("skipped/Cargo.lock", "")],
                Some("p"),
            ),
            (
                &[
                    ("p/tests/data/Cargo.toml", PACKAGE),
                    ("p/tests/template/Cargo.toml", "@NAME@"),
                ],
                Some("p"),
            ),
            (
                &[("p/Cargo.toml", excluding), ("p/a/Cargo.toml", PACKAGE)],
                Some("p"),
            ),
            (
                &[("p/Cargo.toml", excluding), ("p/b/Cargo.toml", PACKAGE)],
                None,
            ),
            (&[("other/Cargo.toml", PACKAGE)], None),
            (
                &[
                    ("p/member/Cargo.toml", PACKAGE),
                    ("p/member/Cargo.lock", ""),
                ],
                None,
            ),
            (&[("p/member/Cargo.toml", "[workspace]")], None),
            (&[("p/fuzz/Cargo.toml", "[workspace]")], None),
            (&[("p/template/Cargo.toml", "@NAME@")], None),
        ];
        for (more, expected) in cases {
            let files = [&only[..], more].concat();
            assert_eq!(found(&files).as_deref(), expected, "{more:?}");
        }
        assert_eq!(found(&only[..1]), None, "no lockfile");
    }

    #[test]
    fn the_workspace_runs_no_cargo() {
        let sources = [
            ("p/build.rs", "Command::new(env!(\"CARGO\"))", false),
            ("p/src/main.rs", "Command::new(\"cargo\")", false),
            ("p/x/src/main.rs", "cmd!(sh, \"cargo build\")", false),
            ("p/build.rs", "env!(\"CARGO_PKG_VERSION\")", true),
            ("p/tests/cli.rs", "Command::new(\"cargo\")", true),
            ("p/README.md", "Run \"cargo build\".", true),
            ("skipped/build.rs", "env!(\"CARGO\")", true),
        ];
        for (file, source, expected) in sources {
            let files = [
                ("p/Cargo.toml", PACKAGE),
                ("p/Cargo.lock", ""),
                (file, source),
            ];
            assert_eq!(found(&files).is_some(), expected, "{file}: {source}");
        }
    }
}
