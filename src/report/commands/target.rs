//! The target of a command: a package (PN, CATEGORY/PN) or a build (the start of its id).

use uuid::Uuid;

use super::super::suggest;
use crate::error::{Error, Result};
use crate::store::{Patterns, Store};

/// Candidates that the message about an ambiguous target names.
const CANDIDATES: usize = 8;

/// A package or a build.
pub(super) enum Target {
    /// The package with exactly this name.
    Package(String),
    Build(Uuid),
}

impl Target {
    /// Finds the package or the build.
    ///
    /// # Errors
    /// [`Error::NoMatch`] if there is none, [`Error::Usage`] if there are several.
    pub(super) fn find(store: &Store, text: &str) -> Result<Target> {
        let patterns = Patterns::parse(&[text], false)?;
        match store.matching_packages(&patterns)?.as_slice() {
            [name] => return Ok(Target::Package(name.clone())),
            [] => {}
            several => return Err(ambiguous(text, several)),
        }
        match *store.builds_with_id(text, CANDIDATES as u32 + 1)? {
            [] => {
                suggest::require_builds(store)?;
                Err(suggest::unknown_package(&store.package_names()?, &[text]))
            }
            [id] => Ok(Target::Build(id)),
            ref several => Err(ambiguous(text, several)),
        }
    }
}

fn ambiguous(target: &str, candidates: &[impl ToString]) -> Error {
    let named = candidates.iter().take(CANDIDATES).map(ToString::to_string);
    let mut hint = format!("choose one of: {}", named.collect::<Vec<_>>().join(" "));
    if candidates.len() > CANDIDATES {
        hint.push_str(" ...");
    }
    Error::usage(format!("`{target}` is ambiguous"), hint)
}
