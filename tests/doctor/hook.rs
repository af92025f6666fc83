//! The hook and the programs.

use super::{CASE, Case, break_and_heal, on};
use crate::support::Root;

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_hook_is_sourced_once_by_the_bashrc_that_portage_uses() {
    let case = |state, break_| Case {
        check: "hook",
        state,
        break_,
        ..CASE
    };
    break_and_heal(&[
        case("red", "rm $bashrc"),
        case("red", "sed -i s:/usr/:/usr/local/: $bashrc"),
        // With a variable in it, and what sed would take for a pattern.
        case(
            "red",
            "printf 'if true; then\n  . \"${EPREFIX}/o[l]d&.*/sccache-report.sh\"\nfi\n' > $bashrc",
        ),
        // The second is all that its `if` has.
        case(
            "yellow",
            "printf 'if true; then\n  source %s\nfi\n[[ -e / ]] && . %s; : more\n' $hook $hook >> $bashrc",
        ),
        case("red", "rm $bashrc; mkdir $bashrc"),
    ]);
}

/// bashrc as portage-bashrc-mv has it, which reads bashrc.d/*.sh.
#[test]
#[ignore = "needs root and the registries: make test"]
fn the_hook_may_lie_in_bashrc_d() {
    let moved = "echo 'for f in /mnt/gentoo/etc/portage/bashrc.d/*.sh; do . \"$f\"; done' > $bashrc\n\
        mkdir ${bashrc}.d; ln -s $hook ${bashrc}.d/90-sccache-report.sh";
    let case = |state, break_| Case {
        check: "hook",
        state,
        break_,
        ..CASE
    };
    let root = Root::new();
    let gone = "rm ${bashrc}.d/90-*";
    on(
        &root,
        &Case {
            before: moved,
            ..case("red", gone)
        },
    );
    // A copy that is kept, hidden, or called otherwise is not read, and so not the hook.
    on(
        &root,
        &case(
            "red",
            "for name in 90-x.sh.bak .90-x.sh 90-x; do cp $hook ${bashrc}.d/$name; done; rm ${bashrc}.d/90-*.sh",
        ),
    );
    on(&root, &case("yellow", "cp $hook ${bashrc}.d/95-again.sh"));
    on(
        &root,
        &case("yellow", "echo \"source $hook\" > ${bashrc}.d/95-again.sh"),
    );
    on(
        &root,
        &Case {
            after: "rm ${bashrc}.d/*",
            ..case("red", "echo 'source /etc/other' > $bashrc")
        },
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_hook_is_this_versions() {
    let old = "sed 's/^# Put it/# Put this/' $hook > /mnt/gentoo/etc/portage/old.sh\n\
        sed -i 's:[^ ]*$:/mnt/gentoo/etc/portage/old.sh:' $bashrc";
    break_and_heal(&[Case {
        check: "hook-version",
        break_: old,
        ..CASE
    }]);
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn user_portage_can_run_the_programs() {
    let case = |check, break_| Case {
        check,
        break_,
        ..CASE
    };
    break_and_heal(&[
        case("collector", "chmod 700 /mnt/gentoo/usr/bin/sccache-collect"),
        case("sccache", "chmod 750 /mnt/gentoo/usr/bin/sccache"),
        // Two folders on the way.
        case(
            "sccache",
            "mkdir -p /mnt/gentoo/opt/a/b; mv /mnt/gentoo/usr/bin/sccache /mnt/gentoo/opt/a/b/\n\
             ln -s /mnt/gentoo/opt/a/b/sccache /mnt/gentoo/usr/bin/; chmod 700 /mnt/gentoo/opt/a /mnt/gentoo/opt/a/b",
        ),
        case(
            "sccache",
            "echo 'RUSTC_WRAPPER=\"/opt/gone/sccache\"' >> $conf",
        ),
        case("sccache", "echo 'CC=\"/opt/gone/sccache gcc\"' >> $conf"),
        // As rustup's and `cargo install`'s: below root's home.
        case(
            "sccache",
            "mkdir -pm700 /mnt/gentoo/root/bin; mv /mnt/gentoo/usr/bin/sccache /mnt/gentoo/root/bin/\n\
             ln -s /mnt/gentoo/root/bin/sccache /mnt/gentoo/usr/bin/",
        ),
    ]);
}

/// What is missing is emerged: ebuilds that install what was moved away.
#[test]
#[ignore = "needs root and the registries: make test"]
fn missing_programs_are_emerged() {
    let root = Root::new();
    root.append(
        "var/db/repos/test/profiles/categories",
        "app-portage\ndev-util",
    );
    let head = "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\nRESTRICT=strip\n";
    root.ebuild(
        "app-portage/sccache-report-1",
        &format!(
            "{head}src_install() {{ insinto /usr/share/sccache-report; doins /mnt/gentoo/root/sccache-report.sh; }}"
        ),
    );
    root.ebuild(
        "dev-util/sccache-1",
        &format!("{head}src_install() {{ exeinto /usr/bin; doexe /mnt/gentoo/root/sccache; }}"),
    );
    for (check, break_) in [
        ("hook", "mv $hook /mnt/gentoo/root/"),
        (
            "sccache",
            "mv /mnt/gentoo/usr/bin/sccache /mnt/gentoo/root/",
        ),
    ] {
        on(
            &root,
            &Case {
                check,
                break_,
                ..CASE
            },
        );
    }
}
