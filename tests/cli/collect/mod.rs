//! `sccache-collect import`, `forget`, and `record` with hostile input.

/// `forget` leaves no trace of the builds that it removes.
mod forget;
/// Snapshots with hostile content.
mod hostile_content;
/// Hostile files in place of snapshots.
mod hostile_files;
/// Hostile files in place of lists of compilations.
mod hostile_lists;
/// Build logs as users have them.
mod import;
/// Compressed build logs.
mod import_packed;
/// A build is recorded once, by the hook or from its log.
mod import_twice;
/// Databases of several hosts become one.
mod merge;
mod merge_damage;
/// `merge` killed, beside recorders, and with hostile or damaged databases.
mod merge_faults;
/// Processes that wait for the database go before a merge.
mod turns;
