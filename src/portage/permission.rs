//! Names that are safe to print inside a command.

use std::path::Path;

/// Returns a path that no shell and no make.conf takes for more than a name; `None` for others.
pub fn plain(path: &Path) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    path.to_str().filter(|path| path.bytes().all(plain))
}
