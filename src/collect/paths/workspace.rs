//! The workspace whose target directory gets a path in the place.
//!
//! cargo's setting applies to everything that a phase builds, and an ebuild expects the results of each
//! workspace in that workspace's own directory. So there has to be exactly one.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

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

/// The longest manifest in bytes.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// A directory with a `Cargo.toml`.
struct Manifest {
    directory: PathBuf,
    has_lockfile: bool,
    is_workspace: bool,
    /// Whether its program runs cargo in other directories of the workspace, by the convention of cargo-xtask.
    is_xtask: bool,
    /// The directories below that are not part of the workspace.
    excluded: Vec<PathBuf>,
}

/// Returns the only workspace in `workdir`; `None` if there may be others, or none with a lockfile, or if
/// its own programs run cargo.
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
    let runs_cargo = manifests.iter().any(|manifest| manifest.is_xtask);
    (is_only && !runs_cargo).then(|| root.directory.clone())
}

/// Returns all manifests; `None` if there are too many directories, or something can't be read.
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

fn read_manifest(directory: PathBuf, has_lockfile: bool) -> Option<Manifest> {
    let file = open_regular(directory.join("Cargo.toml")).ok()?;
    let mut text = String::new();
    file.take(MAX_MANIFEST_BYTES)
        .read_to_string(&mut text)
        .ok()?;
    let manifest: Table = text.parse().ok()?;
    let workspace = manifest.get("workspace");
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name")?.as_str());
    let excluded = workspace.and_then(|workspace| workspace.get("exclude")?.as_array());
    let excluded = excluded.into_iter().flatten().filter_map(Value::as_str);
    Some(Manifest {
        directory,
        has_lockfile,
        is_workspace: workspace.is_some(),
        is_xtask: name == Some("xtask"),
        excluded: excluded.map(PathBuf::from).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path and its content.
    type File = (&'static str, &'static str);

    const XTASK: &str = "[package]\nname = \"xtask\"\nversion = \"1.0.0\"\n";
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
        let cases: [(&[File], Option<&str>); 14] = [
            (
                &[("p/Cargo.toml", workspace), ("p/member/Cargo.toml", XTASK)],
                None,
            ),
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
}
