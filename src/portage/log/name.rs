//! Names of logs (Portage 3.0.83, `prepare_build_dirs.py`): `CATEGORY:PF:YYYYMMDD-HHMMSS.log`
//! in PORTAGE_LOGDIR, or with FEATURES=split-log `build/CATEGORY/PF:YYYYMMDD-HHMMSS.log`; with
//! FEATURES=compress-build-logs `.gz` after that. Messages for people are below `elog`
//! (`elog/mod_save.py`), under the same kind of name with a later time.

use std::path::Path;
use std::sync::LazyLock;

use chrono::NaiveDateTime;
use regex::Regex;

use crate::portage::environment::check_name;

/// PMS 8, 3.2: a version with its revision, after a package name.
static PF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?<pn>[A-Za-z0-9_][A-Za-z0-9+_-]*)-(?<pvr>[0-9]+(?:\.[0-9]+)*[a-z]?(?:_(?:alpha|beta|pre|rc|p)[0-9]*)*(?:-r[0-9]+)?)$",
    )
    .expect("a valid pattern")
});

/// Splits `PF` into `PN` and `PVR` as PMS 8 says (3.1.2, 3.2): `foo-1-bar-2_p3-r4` is `foo-1-bar`
/// and `2_p3-r4`. `None` where it is no package with a version; a `PN` may not itself end in
/// what looks like a version.
pub fn split_pf(pf: &str) -> Option<(&str, &str)> {
    if pf.len() > 255 {
        return None;
    }
    let parts = PF.captures(pf)?;
    let (pn, pvr) = (parts.name("pn")?.as_str(), parts.name("pvr")?.as_str());
    (!PF.is_match(pn)).then_some((pn, pvr))
}

/// What a log's path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogName {
    /// `CATEGORY` and `PF`, where it names them.
    pub package: Option<(String, String)>,
    /// The date in it, UTC.
    pub date: Option<NaiveDateTime>,
    /// It holds messages of a build that may have a log of its own.
    pub is_elog: bool,
}

/// Suffixes of compressed files.
const PACKED: [&str; 10] = [
    ".gz", ".bz2", ".xz", ".zst", ".zstd", ".lz4", ".lz", ".lzo", ".lzma", ".zip",
];

/// Returns a file's name without the suffix of a compressed file.
pub fn without_packing(name: &str) -> &str {
    let mut names = PACKED.iter().filter_map(|suffix| name.strip_suffix(suffix));
    names.next().unwrap_or(name)
}

impl LogName {
    /// Reads a log's path; what isn't there is `None`.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = without_packing(&name);
        let name = name.strip_suffix(".log").unwrap_or(name);
        let folder = path.parent().and_then(Path::file_name);
        let folder = folder.unwrap_or_default().to_string_lossy();
        let mut parts: Vec<&str> = name.split(':').collect();
        let date = parts.last().and_then(|last| date(last));
        if date.is_some() {
            parts.pop();
        }
        let (category, pf) = match parts[..] {
            // What should be a date and isn't says nothing of the rest.
            [category, pf] | [category, pf, _] => (category, pf),
            [pf] => (&*folder, pf),
            _ => ("", ""),
        };
        let known = check_name(category).is_ok() && split_pf(pf).is_some();
        Self {
            package: known.then(|| (category.to_owned(), pf.to_owned())),
            date,
            is_elog: path
                .ancestors()
                .skip(1)
                .take(2)
                .any(|folder| folder.ends_with("elog")),
        }
    }
}

/// `20210405-101500`.
fn date(text: &str) -> Option<NaiveDateTime> {
    let plain = text.len() == 15 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    plain.then(|| NaiveDateTime::parse_from_str(text, "%Y%m%d-%H%M%S").ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_version_are_split_as_pms_says() {
        for (pf, pn, pvr) in [
            ("gtk+-2.24.33-r1", "gtk+", "2.24.33-r1"),
            ("foo-1-bar-2_p3-r4", "foo-1-bar", "2_p3-r4"),
            ("librsvg-2.50.4", "librsvg", "2.50.4"),
            ("font-adobe-100dpi-1.0.4", "font-adobe-100dpi", "1.0.4"),
            ("foo-1a", "foo", "1a"),
            ("7zip-24.08", "7zip", "24.08"),
            ("foo-9999", "foo", "9999"),
            (
                "x-1_alpha1_beta_pre2_rc3_p4-r0",
                "x",
                "1_alpha1_beta_pre2_rc3_p4-r0",
            ),
            ("foo-bar-r1-2", "foo-bar-r1", "2"),
            ("libfoo-2-3d-1.0b", "libfoo-2-3d", "1.0b"),
        ] {
            // `libfoo-2-3d` ends in a version (3d), which PMS doesn't allow.
            let expected = (pn != "libfoo-2-3d").then_some((pn, pvr));
            assert_eq!(split_pf(pf), expected, "{pf}");
        }
        for bad in [
            "",
            "foo",
            "foo-",
            "-1",
            "foo-bar",
            "foo-1-2",
            "foo-1-r1-2",
            "foo-1.",
            "foo-1_x",
            "foo-1-r",
            "+foo-1",
            "fo o-1",
            "foo-1\n",
            "foo/bar-1",
            "foo-1AB",
        ] {
            assert_eq!(split_pf(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn logs_are_flat_or_in_folders() {
        let of = |path: &str| LogName::of(Path::new(path));
        let dated = of("/l/gnome-base:librsvg-2.50.4:20210405-101500.log");
        assert_eq!(
            dated.package,
            Some(("gnome-base".into(), "librsvg-2.50.4".into()))
        );
        assert_eq!(dated.date.unwrap().to_string(), "2021-04-05 10:15:00");
        assert_eq!(
            of("/l/build/gnome-base/librsvg-2.50.4:20210405-101500.log.gz"),
            dated
        );
        assert_eq!(of("gnome-base:librsvg-2.50.4.log").date, None);
        assert!(of("gnome-base:librsvg-2.50.4.log").package.is_some());
        assert_eq!(of("/x/build.log"), LogName::default());
        let undated = of("a:b-1:20211345-101500.log");
        assert_eq!((undated.package.is_some(), undated.date), (true, None));
        assert_eq!(of("-a:b-1.log").package, None);
    }
}
