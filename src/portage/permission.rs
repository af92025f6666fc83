//! What user portage needs to write into a cache.

use std::path::Path;

use super::eprefix;

/// The two commands (chown's H is for a folder that is a link), for root to paste: one gives the folder to user portage, one has the
/// sandbox allow it. `None` where the folder's name, which comes from where user portage
/// writes, holds anything that a shell might take for more than a name.
pub fn make_writable(folder: &Path) -> Option<[String; 2]> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    let word = |path: &str| path.bytes().all(plain).then(|| path.to_owned());
    let (folder, prefix) = (word(folder.to_str()?)?, word(eprefix().to_str()?)?);
    let prefix = prefix.trim_end_matches('/');
    Some([
        format!("chown -RH portage:portage {folder}"),
        format!("echo 'SANDBOX_WRITE=\"{folder}/\"' >> {prefix}/etc/sandbox.d/20sccache"),
    ])
}
