//! `statements ARGUMENTS...` prints the report of `sccache-report ARGUMENTS...` and, on standard error,
//! every SQL statement that it ran, with its values, as input for the sqlite3 shell.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::process::ExitCode;
use std::ptr::null_mut;

use rusqlite::ffi;

fn main() -> ExitCode {
    // SAFETY: the function has the type that SQLite expects.
    let status = unsafe { ffi::sqlite3_auto_extension(Some(trace)) };
    assert_eq!(status, ffi::SQLITE_OK);
    sccache_report::report::main(std::env::args_os())
}

/// Makes a new connection print its statements.
unsafe extern "C" fn trace(
    connection: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _functions: *const ffi::sqlite3_api_routines,
) -> c_int {
    let events = ffi::SQLITE_TRACE_STMT as c_uint;
    // SAFETY: SQLite passes an open connection, and the callback needs no context.
    unsafe { ffi::sqlite3_trace_v2(connection, events, Some(print_statement), null_mut()) }
}

unsafe extern "C" fn print_statement(
    _event: c_uint,
    _context: *mut c_void,
    statement: *mut c_void,
    _text: *mut c_void,
) -> c_int {
    // SAFETY: for this event, SQLite passes a statement, whose text is freed here.
    unsafe {
        let text = ffi::sqlite3_expanded_sql(statement.cast());
        eprintln!("{};", CStr::from_ptr(text).to_string_lossy());
        ffi::sqlite3_free(text.cast());
    }
    0
}
