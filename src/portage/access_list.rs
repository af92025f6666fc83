//! POSIX access lists (acl(5)), as Linux hands them out with a file's attributes: a version of four
//! bytes, then eight for each entry: tag, rights, and the user or group that it names, all in little
//! endian (`include/uapi/linux/posix_acl_xattr.h`, Linux 6.1).

use std::path::Path;

const ATTRIBUTE: &str = "system.posix_acl_access";
const VERSION: u32 = 2;

/// The kernel's limit for an attribute's value (xattr(7)).
const MAX_BYTES: usize = 1 << 16;

/// Whom an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    User(u32),
    OwnGroup,
    Group(u32),
    /// What users and groups other than the owner have at most.
    Mask,
    Others,
}

/// What one of these may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) who: Who,
    pub(super) rights: u32,
}

/// The entries of a file's list, without the owner's, which its mode has as well; `None` where there
/// is no list, the mode then says all.
pub(super) fn of(path: &Path) -> Option<Vec<Entry>> {
    let mut bytes = vec![0; MAX_BYTES];
    let length = rustix::fs::getxattr(path, ATTRIBUTE, &mut bytes[..]).ok()?;
    parse(&bytes[..length])
}

fn parse(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (version, entries) = bytes.split_first_chunk()?;
    (u32::from_le_bytes(*version) == VERSION).then(|| {
        let (entries, _) = entries.as_chunks::<8>();
        entries.iter().filter_map(entry).collect()
    })
}

fn entry(&[t0, t1, r0, r1, id @ ..]: &[u8; 8]) -> Option<Entry> {
    let who = match u16::from_le_bytes([t0, t1]) {
        0x02 => Who::User(u32::from_le_bytes(id)),
        0x04 => Who::OwnGroup,
        0x08 => Who::Group(u32::from_le_bytes(id)),
        0x10 => Who::Mask,
        0x20 => Who::Others,
        _ => return None,
    };
    let rights = u16::from_le_bytes([r0, r1]).into();
    Some(Entry { who, rights })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_another_version_says_nothing() {
        let list = [
            2, 0, 0, 0, 2, 0, 7, 0, 250, 0, 0, 0, 0x10, 0, 5, 0, 255, 255, 255, 255,
        ];
        let entries = parse(&list).unwrap();
        assert_eq!((entries[0].who, entries[0].rights), (Who::User(250), 7));
        assert_eq!((entries[1].who, entries[1].rights), (Who::Mask, 5));
        assert_eq!(parse(&[3, 0, 0, 0]), None);
        assert_eq!(parse(&[]), None);
    }
}
