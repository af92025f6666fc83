//! The directories of a build, which arguments and keys contain.

/// The directories of a build, without a slash at the end.
#[derive(Clone, Debug, Default)]
pub struct BuildDirectories {
    /// `S`, `WORKDIR`, and `T`, the longest first. Arguments that differ only in them are equal.
    pub(super) own: Vec<String>,
    /// The directory above the stable paths of the package's slots.
    stable: Option<String>,
    /// Whether the crates of the build could have stable paths.
    pub(super) can_have_stable_paths: bool,
}

impl BuildDirectories {
    /// Returns the directories of a build. Relative ones are ignored.
    pub fn new(own: impl IntoIterator<Item = String>) -> Self {
        let mut own: Vec<String> = own.into_iter().filter(|path| is_directory(path)).collect();
        own.sort_by_key(|directory| std::cmp::Reverse(directory.len()));
        own.dedup();
        Self {
            own,
            ..Self::default()
        }
    }

    /// Adds the directory above the stable paths of the package's slots. `can_have_stable_paths`: whether the
    /// crates of the build could have stable paths.
    #[must_use]
    pub fn with_stable_paths(mut self, directory: &str, can_have_stable_paths: bool) -> Self {
        self.stable = Some(directory.to_owned()).filter(|path| is_directory(path));
        self.can_have_stable_paths = can_have_stable_paths && self.stable.is_some();
        self
    }

    /// Returns the index of the build's directory that a path begins with.
    pub(super) fn position(&self, path: &[u8]) -> Option<usize> {
        self.own.iter().position(|directory| {
            let next = path.strip_prefix(directory.as_bytes());
            next.is_some_and(|next| {
                !next.first().is_some_and(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
                })
            })
        })
    }

    /// Returns what follows the slot in a stable path.
    pub(super) fn below_stable<'a>(&self, path: &'a str) -> Option<&'a str> {
        let below = path.strip_prefix(self.stable.as_deref()?)?;
        Some(below.strip_prefix('/')?.split_once('/')?.1)
    }

    /// Returns what follows one of the build's directories, or the slot in a stable path.
    pub(super) fn below<'a>(&self, path: &'a str) -> Option<&'a str> {
        let below = |directory: &String| path.strip_prefix(directory.as_str())?.strip_prefix('/');
        let own = self.own.iter().find_map(below);
        own.or_else(|| self.below_stable(path))
    }
}

fn is_directory(path: &str) -> bool {
    path.len() > 1 && path.starts_with('/')
}
