//! Common ways to enable sccache outside make.conf.

use super::Doctor;
use crate::support::portage::Root;

/// RUSTC_WRAPPER and other variables in /etc/portage/env, for one package.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn package_env_only() {
    let root = Root::new();
    let move_settings = "sed -i '/SCCACHE_DIR/d; /RUSTC_WRAPPER/d' $conf; mkdir ${conf%/*}/env\n\
        printf '%s\\n' RUSTC_WRAPPER=sccache \"SCCACHE_DIR=$cache\" SCCACHE_CACHE_SIZE=2G > ${conf%/*}/env/sccache.conf\n\
        echo 'dev-test/rusty sccache.conf' > ${conf%/*}/package.env";
    let doctor = Doctor::after(&root, move_settings);
    doctor.assert_check("settings", "yellow", "env/sccache.conf configures sccache");
    root.emerge(&["dev-test/rusty"]);
    let doctor = Doctor::after(&root, "");
    doctor.assert_only(&[], &[]);
    doctor.assert_check("settings", "green", "RUSTC_WRAPPER=sccache");
    doctor.assert_check("cache", "green", "of 2 GiB");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_wrapper_script() {
    let root = Root::new();
    let script = "printf '#!/bin/sh\\nexec sccache \"$@\"\\n' > /mnt/gentoo/usr/bin/my-wrapper\n\
        chmod +x /mnt/gentoo/usr/bin/my-wrapper; echo 'RUSTC_WRAPPER=my-wrapper' >> $conf";
    let doctor = Doctor::after(&root, script);
    doctor.assert_check("compile-rust", "green", "my-wrapper: a miss, then a hit");
    root.emerge(&["dev-test/rusty"]);
    Doctor::after(&root, "").assert_only(&[], &[]);
}

/// bashrc prepends a folder to PATH, with links named like compilers.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn masquerade() {
    let root = Root::new();
    let script = "sed -i /RUSTC_WRAPPER/d $conf; mkdir /mnt/gentoo/usr/lib/sccache -p; cd /mnt/gentoo/usr/lib/sccache\n\
        for name in cc gcc c++ g++; do ln -s ../../bin/sccache $name; done\n\
        sed -i '1i export PATH=/mnt/gentoo/usr/lib/sccache:$PATH' $bashrc";
    Doctor::after(&root, script);
    let phases = "src_compile() { echo 'int x;' > x.c; gcc -c x.c || die; }";
    root.ebuild(
        "dev-test/linked-1.0",
        &crate::support::portage::ebuild(phases),
    );
    root.emerge(&["dev-test/linked"]);
    let doctor = Doctor::after(&root, "");
    doctor.assert_only(&[], &[]);
    doctor.assert_check("compile-c", "green", "cc: a miss, then a hit");
}

/// Packages were merged before the hook was installed.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn before_the_hook() {
    let root = Root::without_hook();
    root.emerge(&["dev-test/rusty"]);
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_sccache-collect"));
    let bins = programs.parent().unwrap().to_str().unwrap().to_owned();
    let harness = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/portage-root/harness");
    let hook = std::process::Command::new(harness)
        .args(["hook", "--bins", &bins, root.dir.to_str().unwrap()])
        .status();
    assert!(hook.unwrap().success());
    let link = "rm $bashrc; mkdir ${conf%/*}/bashrc.d $folder/hook -p\n\
        ln -s /mnt/gentoo/usr/share/sccache-report/sccache-report.sh ${conf%/*}/bashrc.d/90-sccache-report.sh\n\
        echo 'for f in \"${EPREFIX}\"/etc/portage/bashrc.d/*.sh; do . \"$f\"; done' > $bashrc";
    let doctor = Doctor::after(&root, link);
    doctor.assert_only(&[], &["hook"]);
    root.emerge(&["dev-test/rusty"]);
    Doctor::after(&root, "").assert_only(&[], &[]);
}

/// `${T}` of the build is too long.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_long_t_is_red_before_and_after_the_build_failed() {
    let root = Root::with_build();
    let tmp = format!("/mnt/gentoo/var/tmp/{}", "x".repeat(50));
    root.append(
        "etc/portage/make.conf",
        &format!("PORTAGE_TMPDIR=\"{tmp}\""),
    );
    let doctor = Doctor::after(&root, &format!("install -d -m 1777 {tmp}"));
    doctor.assert_only(&["temp-dir"], &[]);
    doctor.assert_check("temp-dir", "red", "sccache supports up to 88");
    root.emerge_with(&[], &["dev-test/rusty"]);
    let doctor = Doctor::after(&root, "");
    doctor.assert_check("temp-dir", "red", "sccache supports up to 88");
}
