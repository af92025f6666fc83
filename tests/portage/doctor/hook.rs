//! Whether the hook runs, according to its records.

use super::Doctor;
use crate::support::portage::Root;

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_run_of_the_hook_is_the_proof() {
    let root = Root::with_build();
    let doctor = Doctor::after(&root, "");
    doctor.assert_check("hook", "green", "for dev-test/many-files-1.0");
    // Only bash can evaluate this.
    let odd =
        "eval \"$(printf '%s' \"source /mnt/gentoo/usr/share/sccache-report/sccache-re\")port.sh\"";
    std::fs::write(root.file("etc/portage/bashrc"), odd).unwrap();
    root.run(&["touch", "-d", "yesterday", "/mnt/gentoo/etc/portage/bashrc"])
        .ok();
    let doctor = Doctor::after(&root, "");
    let fix = doctor.assert_check("hook", "red", "no file in");
    assert_eq!(fix, "sccache-report setup");
    root.emerge(&["dev-test/many-files"]);
    let doctor = Doctor::after(&root, "");
    doctor.assert_check("hook", "green", "ran just now");
    // A record is void after the file is removed.
    let doctor = Doctor::after(&root, "sleep 1.1; rm $bashrc");
    doctor.assert_check("hook", "red", "no file in");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_hook_that_no_build_ran_is_seen() {
    let root = Root::with_build();
    let doctor = Doctor::after(&root, "mkdir -p $folder/hook; sleep 1.1; echo >> $bashrc");
    doctor.assert_only(&[], &["hook"]);
    doctor.assert_check("hook", "yellow", "Emerge any package to verify");
    // bashrc names the hook, but returns before.
    let bashrc = root.read("etc/portage/bashrc");
    std::fs::write(
        root.file("etc/portage/bashrc"),
        format!("return 0\n{bashrc}"),
    )
    .unwrap();
    root.run(&["sleep", "3"]).ok();
    root.emerge(&["dev-test/plain"]);
    let doctor = Doctor::after(&root, "");
    let fix = doctor.assert_check(
        "hook",
        "red",
        "it didn't run when dev-test/plain-1.0 was merged",
    );
    assert_eq!(fix, "", "setup's line is there already");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn files_that_lead_nowhere_are_red() {
    let root = Root::with_build();
    let doctor = Doctor::after(&root, "chmod 600 $bashrc");
    doctor.assert_check(
        "hook",
        "red",
        "user portage can't read /mnt/gentoo/etc/portage/bashrc",
    );
    let script = "rm $bashrc; mkdir -p ${conf%/*}/bashrc.d\n\
        ln -s /mnt/gentoo/none/sccache-report.sh ${conf%/*}/bashrc.d/90-sccache-report.sh";
    let doctor = Doctor::after(&root, script);
    doctor.assert_check(
        "hook",
        "red",
        "90-sccache-report.sh is missing, so nothing is recorded",
    );
    let doctor = Doctor::after(
        &root,
        "echo '# sccache-report.sh' > $bashrc; rm -r ${conf%/*}/bashrc.d",
    );
    doctor.assert_check(
        "hook",
        "red",
        "no file in /mnt/gentoo/etc/portage sources the hook",
    );
}
