//! Device files in place of snapshots.

use crate::support::recorder::Workspace;
use crate::support::recorder::refused::*;
use crate::support::recorder::system::run;

#[test]
#[ignore = "needs root"]
fn a_device_is_refused_unopened() {
    // /dev/zero, and a device without a driver, which would be an error if it was opened.
    for (number, minor) in [(1, ["1", "5"]), (2, ["240", "77"])] {
        let workspace = Workspace::new();
        let (t, path) = hostile_path(&workspace, number);
        run("mknod", &[path.to_str().unwrap(), "c", minor[0], minor[1]]);
        assert_refused(&workspace, &t, &path, "not a regular file");
    }
}
