//! What Portage keeps of an installed package in `/var/db/pkg`.

use std::fs;
use std::path::Path;

/// Eclasses of ebuilds that compile Rust.
const ECLASSES: &[&str] = &["cargo", "rust"];

/// Packages of which a build needs one to compile Rust.
const COMPILERS: &[&str] = &["dev-lang/rust", "dev-lang/rust-bin", "virtual/rust"];

/// Whether the build of an installed package compiled Rust, as far as its eclasses and build-time
/// dependencies tell; `None` where this version isn't installed any more.
pub fn compiles_rust(installed: &Path, package: &str, version: &str) -> Option<bool> {
    let folder = installed.join(format!("{package}-{version}"));
    if !folder.is_dir() {
        return None;
    }
    let words = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let inherits = words("INHERITED")
        .split_whitespace()
        .any(|eclass| ECLASSES.contains(&eclass));
    let needs = words("BDEPEND") + " " + &words("DEPEND");
    let needs = needs.split_whitespace().any(names_compiler);
    Some(inherits || needs)
}

/// `>=dev-lang/rust-1.80:*[clippy]`, `virtual/rust:0`.
fn names_compiler(atom: &str) -> bool {
    let name = atom.trim_start_matches(['<', '>', '=', '~', '!']);
    let name = name.split([':', '[']).next().unwrap_or_default();
    COMPILERS
        .iter()
        .any(|compiler| match name.strip_prefix(compiler) {
            Some(rest) => {
                rest.is_empty()
                    || rest
                        .strip_prefix('-')
                        .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
            }
            None => false,
        })
}

#[cfg(test)]
mod tests {
    use super::names_compiler;

    #[test]
    fn atoms_of_the_compiler() {
        for atom in [
            "virtual/rust",
            ">=dev-lang/rust-1.80.0:*[clippy]",
            "dev-lang/rust-bin:1.90",
        ] {
            assert!(names_compiler(atom), "{atom}");
        }
        for atom in ["dev-lang/rust-analyzer", "dev-util/rustup", "||", "("] {
            assert!(!names_compiler(atom), "{atom}");
        }
    }
}
