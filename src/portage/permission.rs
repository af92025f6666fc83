//! What user portage needs to write into a cache.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::eprefix;

/// The two commands (chown's H is for a folder that is a link), for root to paste: one gives the folder to user portage, one has the
/// sandbox allow it. `None` where the folder's name, which comes from where user portage
/// writes, holds anything that a shell might take for more than a name.
pub fn make_writable(folder: &Path) -> Option<[String; 2]> {
    let eprefix = eprefix();
    let (folder, prefix) = (plain(folder)?, plain(&eprefix)?);
    let prefix = prefix.trim_end_matches('/');
    Some([
        format!("chown -RH {} {folder}", owner(Path::new(prefix))),
        format!("echo 'SANDBOX_WRITE=\"{folder}/\"' >> {prefix}/etc/sandbox.d/20sccache"),
    ])
}

/// A path that no shell and no make.conf takes for more than a name; `None` of others.
pub fn plain(path: &Path) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    path.to_str().filter(|path| path.bytes().all(plain))
}

/// User portage; in a prefix that isn't root's it is who owns that that builds (`_unprivileged_mode` in
/// Portage 3.0.83's `data.py`).
fn owner(prefix: &Path) -> String {
    match prefix.metadata() {
        Ok(what) if what.uid() != 0 => format!("{}:{}", what.uid(), what.gid()),
        _ => "portage:portage".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_prefix_its_owner_builds() {
        assert_eq!(owner(Path::new("")), "portage:portage");
        assert_eq!(owner(Path::new("/")), "portage:portage");
        let prefix = tempfile::tempdir().unwrap();
        // Only root can, and has to: else it is another's already.
        let _ = std::os::unix::fs::chown(prefix.path(), Some(1234), Some(5678));
        let what = prefix.path().metadata().unwrap();
        assert_eq!(
            owner(prefix.path()),
            format!("{}:{}", what.uid(), what.gid())
        );
    }
}
