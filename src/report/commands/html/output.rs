//! Where the page is written.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use askama::Template;

use crate::error::{Error, Result};
use crate::files;
use crate::report::html::{Page, START};
use crate::report::text;

/// The file on a terminal without `-o`.
const DEFAULT_FILE: &str = "sccache-report.html";

/// Writes the page to a file, or to `out`.
pub(super) fn write(page: &Page, file: Option<&Path>, out: &mut dyn Write) -> Result<()> {
    let file = match file {
        Some(file) if file == "-" => None,
        None if io::stdout().is_terminal() => Some(Path::new(DEFAULT_FILE)),
        file => file,
    };
    let Some(file) = file else {
        return Ok(page.write_into(out)?);
    };
    check_replaceable(file)?;
    files::replace(file, None, |out| page.write_into(out))
        .map_err(|error| Error::OutputFile(file.to_path_buf(), error))?;
    // A timer mails whatever it prints.
    if io::stdout().is_terminal() {
        let shown = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
        writeln!(out, "{}", text::sanitize(&shown.to_string_lossy()))?;
    }
    Ok(())
}

/// Fails if the file exists, and is neither empty nor an earlier page: it may be a mistyped name.
fn check_replaceable(file: &Path) -> Result<()> {
    let refuse = |problem: &str, hint: &str| {
        let message = format!("{} {problem}", file.display());
        Err(Error::usage(message, hint))
    };
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::OutputFile(file.to_path_buf(), error)),
        Ok(found) if found.is_file() => {}
        Ok(found) if found.is_symlink() => {
            return refuse(
                "is a symbolic link",
                "name the file that it points to, because the page would replace the link; `-o -` writes to standard output",
            );
        }
        Ok(_) => {
            return refuse(
                "is not a file",
                "name a file; `-o -` writes to standard output",
            );
        }
    }
    let mut start = Vec::new();
    let opened = files::open_regular(file);
    let read = opened.and_then(|file| file.take(START.len() as u64).read_to_end(&mut start));
    read.map_err(|error| Error::NotReadable(file.to_path_buf(), error))?;
    if start.is_empty() || start == START.as_bytes() {
        return Ok(());
    }
    refuse(
        "exists and is not a page of sccache-report",
        "choose another name, or remove the file",
    )
}
