//! A terminal of any width, for programs that ask how wide theirs is.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};

/// Runs the command with its output on a terminal of so many columns; returns its exit status, what
/// the terminal got, and what went to standard error, which is a pipe.
pub fn run_on_terminal(command: &mut Command, columns: u16) -> (Option<i32>, String, String) {
    let (terminal, inside) = open(columns);
    let mut child = command
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .stdout(inside)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The command held the last copies of the inner end, bar the child's.
    command.stdout(Stdio::null());
    let mut output = Vec::new();
    let mut terminal = File::from(terminal);
    let mut part = [0; 4096];
    // Linux ends a terminal that nobody holds open any more with an error.
    while let Ok(length @ 1..) = terminal.read(&mut part) {
        output.extend_from_slice(&part[..length]);
    }
    let mut errors = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut errors).unwrap();
    let output = String::from_utf8(output).unwrap().replace("\r\n", "\n");
    (child.wait().unwrap().code(), output, errors)
}

fn open(columns: u16) -> (OwnedFd, OwnedFd) {
    let size = libc::winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let (mut terminal, mut inside) = (-1, -1);
    // SAFETY: both numbers are written to before they are read, and belong to nobody else.
    unsafe {
        let done = libc::openpty(
            &mut terminal,
            &mut inside,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &size,
        );
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
        (OwnedFd::from_raw_fd(terminal), OwnedFd::from_raw_fd(inside))
    }
}
