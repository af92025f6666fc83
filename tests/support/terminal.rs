//! A terminal of any width.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd};
use std::process::{Command, Stdio};

/// Runs the command with its output on a terminal of this width. Returns its exit status, the output, and standard error,
/// which is a pipe.
pub fn run_on_terminal(command: &mut Command, columns: u16) -> (Option<i32>, String, String) {
    let (mut terminal, inside) = open(columns);
    let mut child = command
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .stdout(inside)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Closes the parent's copies of the inner end.
    command.stdout(Stdio::null());
    let mut output = Vec::new();
    let mut part = [0; 4096];
    // Linux returns an error once the inner end is closed everywhere.
    while let Ok(length @ 1..) = terminal.read(&mut part) {
        output.extend_from_slice(&part[..length]);
    }
    let mut errors = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut errors).unwrap();
    let output = String::from_utf8(output).unwrap().replace("\r\n", "\n");
    (child.wait().unwrap().code(), output, errors)
}

/// Opens a pseudo-terminal, both ends closed on exec: a program that another test starts at the same time would keep the
/// inner end open.
fn open(columns: u16) -> (File, File) {
    let size = libc::winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the descriptors are checked, and belong to nobody else; TIOCSWINSZ only reads `size`.
    unsafe {
        let terminal = owned(libc::posix_openpt(flags));
        assert_eq!(libc::unlockpt(terminal.as_raw_fd()), 0);
        let inside = libc::ioctl(terminal.as_raw_fd(), libc::TIOCGPTPEER, flags);
        let inside = owned(inside);
        let done = libc::ioctl(inside.as_raw_fd(), libc::TIOCSWINSZ, &raw const size);
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
        (terminal, inside)
    }
}

/// # Safety
/// The descriptor has no other owner.
unsafe fn owned(descriptor: i32) -> File {
    assert!(descriptor >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: promised by the caller.
    unsafe { File::from_raw_fd(descriptor) }
}
