//! What user portage needs to write into a cache.

use std::path::Path;

/// The two commands, for root to paste: one gives the folder to user portage, one has the
/// sandbox allow it. `None` where the folder's name, which comes from where user portage
/// writes, holds anything that a shell might take for more than a name.
pub fn make_writable(folder: &Path) -> Option<[String; 2]> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    let folder = folder.to_str().filter(|folder| folder.bytes().all(plain))?;
    Some([
        format!("chown -R portage:portage {folder}"),
        format!("echo 'SANDBOX_WRITE=\"{folder}/\"' > /etc/sandbox.d/20sccache"),
    ])
}
