//! `statements ARGUMENTS...`: the report that `sccache-report ARGUMENTS...` makes, and on standard
//! error every statement that it ran, with the values in it, as the sqlite3 shell takes them.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::process::ExitCode;
use std::ptr::null_mut;

use rusqlite::ffi;

fn main() -> ExitCode {
    // SAFETY: it is called with what its type says.
    let status = unsafe { ffi::sqlite3_auto_extension(Some(trace)) };
    assert_eq!(status, ffi::SQLITE_OK);
    sccache_report::report::main(std::env::args_os())
}

/// Has a connection that was just opened tell what it runs.
unsafe extern "C" fn trace(
    connection: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _functions: *const ffi::sqlite3_api_routines,
) -> c_int {
    let events = ffi::SQLITE_TRACE_STMT as c_uint;
    // SAFETY: SQLite hands over an open connection, and `tell` needs no context.
    unsafe { ffi::sqlite3_trace_v2(connection, events, Some(tell), null_mut()) }
}

unsafe extern "C" fn tell(
    _event: c_uint,
    _context: *mut c_void,
    statement: *mut c_void,
    _text: *mut c_void,
) -> c_int {
    // SAFETY: of this event, SQLite hands over a statement, whose text is freed here.
    unsafe {
        let text = ffi::sqlite3_expanded_sql(statement.cast());
        eprintln!("{};", CStr::from_ptr(text).to_string_lossy());
        ffi::sqlite3_free(text.cast());
    }
    0
}
