//! The hook and the programs.

use super::{CASE, Case, breaks_and_heals, on};
use crate::support::Root;

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_hook_is_sourced_once_by_the_bashrc_that_portage_uses() {
    const CHECK: &str = "hook";
    breaks_and_heals(&Case {
        check: CHECK,
        break_: "rm $bashrc",
        ..CASE
    });
    breaks_and_heals(&Case {
        check: CHECK,
        break_: "sed -i s:/usr/:/usr/local/: $bashrc",
        ..CASE
    });
    breaks_and_heals(&Case {
        check: CHECK,
        break_: "rm $bashrc; mkdir $bashrc",
        ..CASE
    });
    let twice = "echo \". $hook\" >> $bashrc";
    breaks_and_heals(&Case {
        check: CHECK,
        state: "yellow",
        break_: twice,
        ..CASE
    });
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_hook_may_lie_in_bashrc_d() {
    let moved = "echo 'for f in /mnt/gentoo/etc/portage/bashrc.d/*.sh; do . \"$f\"; done' > $bashrc\n\
        mkdir ${bashrc}.d; ln -s $hook ${bashrc}.d/90-sccache-report.sh";
    let gone = "rm ${bashrc}.d/90-*";
    breaks_and_heals(&Case {
        check: "hook",
        before: moved,
        break_: gone,
        ..CASE
    });
    let twice = "echo \"source $hook\" >> $bashrc";
    breaks_and_heals(&Case {
        check: "hook",
        state: "yellow",
        before: moved,
        break_: twice,
        ..CASE
    });
    let unread = "echo 'source /etc/other' > $bashrc";
    breaks_and_heals(&Case {
        check: "hook",
        before: moved,
        break_: unread,
        after: "rm ${bashrc}.d/*",
        ..CASE
    });
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_hook_is_this_versions() {
    let old = "sed 's/^# Put it/# Put this/' $hook > /mnt/gentoo/etc/portage/old.sh\n\
        sed -i 's:[^ ]*$:/mnt/gentoo/etc/portage/old.sh:' $bashrc";
    breaks_and_heals(&Case {
        check: "hook-version",
        state: "yellow",
        break_: old,
        ..CASE
    });
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn user_portage_can_run_the_programs() {
    let break_ = "chmod 700 /mnt/gentoo/usr/bin/sccache-collect";
    breaks_and_heals(&Case {
        check: "collector",
        break_,
        ..CASE
    });
    let break_ = "chmod 750 /mnt/gentoo/usr/bin/sccache";
    breaks_and_heals(&Case {
        check: "sccache",
        break_,
        ..CASE
    });
    // As rustup's and `cargo install`'s: below root's home.
    let break_ = "mkdir -pm700 /mnt/gentoo/root/bin; mv /mnt/gentoo/usr/bin/sccache /mnt/gentoo/root/bin/\n\
        ln -s /mnt/gentoo/root/bin/sccache /mnt/gentoo/usr/bin/";
    breaks_and_heals(&Case {
        check: "sccache",
        break_,
        ..CASE
    });
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_wrapper_and_the_launchers_lead_to_a_program() {
    for break_ in [
        "echo 'RUSTC_WRAPPER=\"/opt/gone/sccache\"' >> $conf",
        "echo 'CC=\"/opt/gone/sccache gcc\"' >> $conf",
    ] {
        breaks_and_heals(&Case {
            check: "sccache",
            break_,
            ..CASE
        });
    }
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_missing_sccache_is_emerged() {
    let root = Root::new();
    root.append("var/db/repos/test/profiles/categories", "dev-util");
    root.ebuild(
        "dev-util/sccache-1",
        "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\nRESTRICT=strip\n\
         src_install() { exeinto /usr/bin; doexe /mnt/gentoo/root/sccache; }",
    );
    let break_ = "mv /mnt/gentoo/usr/bin/sccache /mnt/gentoo/root/";
    on(
        &root,
        &Case {
            check: "sccache",
            break_,
            ..CASE
        },
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_missing_hook_is_emerged() {
    let root = Root::new();
    root.append("var/db/repos/test/profiles/categories", "app-portage");
    root.ebuild(
        "app-portage/sccache-report-1",
        "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
         src_install() { insinto /usr/share/sccache-report; doins /mnt/gentoo/root/sccache-report.sh; }",
    );
    let break_ = "mv $hook /mnt/gentoo/root/";
    on(
        &root,
        &Case {
            check: "hook",
            break_,
            ..CASE
        },
    );
}
