//! The database: its path, its content, and pending builds.

use super::Doctor;
use crate::support::portage::Root;

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_database_that_others_can_replace_is_red_and_no_command_touches_it() {
    let root = Root::with_build();
    let doctor = Doctor::after(&root, "chmod 777 $folder");
    assert_eq!(
        doctor.assert_check("database", "red", "other users can change"),
        ""
    );
    let doctor = Doctor::after(&root, "chmod 755 $folder; chown nobody $folder");
    assert_eq!(
        doctor.assert_check("database", "red", "other users can change"),
        ""
    );
    let doctor = Doctor::after(&root, "chown root $folder; chmod 600 $folder/stats.db");
    doctor.assert_check("database", "yellow", "isn't accessible for all users");
    let doctor = Doctor::after(&root, "chmod 666 $folder/stats.db");
    let fix = doctor.assert_check("database", "red", "stats.db, so nothing is recorded");
    assert_eq!(fix, "");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn damage_and_pending_builds_are_seen() {
    let root = Root::with_build();
    let doctor = Doctor::after(
        &root,
        "mkdir $folder/stats.db.pending; echo {} > $folder/stats.db.pending/00000000-0000-0000-0000-000000000000.json",
    );
    doctor.assert_only(&[], &["pending"]);
    let script = "rm -r $folder/stats.db.pending; cp $folder/stats.db /tmp/db\n\
        dd if=/dev/zero of=$folder/stats.db bs=4096 seek=1 count=1 conv=notrunc 2>/dev/null";
    let doctor = Doctor::after(&root, script);
    doctor.assert_check("database", "red", "");
    // A build in the future isn't recent.
    let script = "cp /tmp/db $folder/stats.db\n\
        python3 - $folder/stats.db <<'END'\n\
import sqlite3, sys\n\
c = sqlite3.connect(sys.argv[1])\n\
c.execute('UPDATE build SET started_at_us = started_at_us + 4000000000000000, finished_at_us = finished_at_us + 4000000000000000')\n\
c.commit()\n\
END";
    let doctor = Doctor::after(&root, script);
    assert_ne!(doctor.row("recorded")["state"], "green");
}
