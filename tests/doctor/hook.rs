//! The hook and the programs.

use super::{CASE, Case, ailing, break_and_heal, on, row, rows};
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
        // Nobody sources it, and the file's end is no place for it.
        case("red", "printf 'mine=1\nreturn 0\n' > $bashrc"),
    ]);
}

/// Where `return`, `if` and so on keep bash from it, or may; what a sourced file does; and what Portage itself
/// does with bashrc then: it records or not.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_hook_that_bash_does_not_get_to_is_none() {
    let case = |state, break_| Case {
        check: "hook",
        state,
        break_,
        ..CASE
    };
    // Fails where nothing is recorded after the cure.
    let recorded =
        "emerge -1 dev-test/many-files &>/tmp/emerge.log; sccache-report builds --last 1 || exit";
    break_and_heal(&[
        case("red", "sed -i '1i foo=1; return 0' $bashrc"),
        case("red", "sed -i '1i f() { exit; }; f' $bashrc"),
        case(
            "yellow",
            "sed -i '1i f() { [[ -n ${NOT_SET} ]] && exit; }; f' $bashrc",
        ),
        Case {
            after: recorded,
            ..case(
                "red",
                "printf 'if false; then\n  source %s\nfi\n' $hook > $bashrc",
            )
        },
        case(
            "yellow",
            "printf '[[ -n ${NOT_SET} ]] && source %s\n' $hook > $bashrc",
        ),
        case(
            "yellow",
            "printf '[[ -z ${NOT_SET} ]] || return 0\nsource %s\n' $hook > $bashrc",
        ),
        // In a file that bashrc sources, two ways.
        case(
            "red",
            "printf 'f() { :; }\nexit 0\nsource %s\n' $hook > ${bashrc}.mine\n\
             echo '. \"${PORTAGE_CONFIGROOT%/}/etc/portage/bashrc.mine\"' > $bashrc",
        ),
        case("yellow", "echo \"source $hook\" >> $bashrc"),
        case(
            "yellow",
            "echo 'for f in /none/*; do . \"$f\"; done' > $bashrc",
        ),
        // What user portage can't read.
        case("red", "chmod 600 $bashrc"),
        case("red", "chmod 600 $hook"),
    ]);
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn what_bash_can_not_read_is_told_as_it_says_it() {
    let root = Root::new();
    root.append("etc/portage/bashrc", "if [[ -n x ]]; then :");
    let script = "sccache-report doctor --format json > /tmp/bad.json; echo $? > /tmp/bad.status";
    root.run(&["bash", "-c", script]).ok();
    let (bad, status) = rows(&root, "bad");
    assert_eq!(
        (ailing(&bad), &*status),
        (vec!["yellow hook".to_owned()], "0")
    );
    let message = row(&bad, "hook")["message"].as_str().unwrap();
    assert!(
        message.contains("/bashrc: line ") && message.contains("syntax error"),
        "{message}"
    );
}

/// However many there are in a line, the copy that is kept is the file as it was.
#[test]
#[ignore = "needs root and the registries: make test"]
fn of_many_commands_one_is_left_and_the_original_kept() {
    let break_ = "printf 'source %s; . %s && source %s\n: more\n. %s\n' $hook $hook $hook $hook > $bashrc\n\
        cp $bashrc /tmp/original; echo kept before > $bashrc~";
    break_and_heal(&[Case {
        check: "hook",
        state: "yellow",
        break_,
        after: "cmp /tmp/original $bashrc~ && grep -q before $bashrc~.~1~ && [[ $(grep -c sccache-report.sh $bashrc) == 1 ]] || exit",
        ..CASE
    }]);
}

/// What was recorded since says more than the text.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_recorded_build_shows_that_the_hook_is_met() {
    let root = Root::new();
    let doctor = "doctor() { sccache-report doctor --format json > /tmp/$1.json; echo $? > /tmp/$1.status; }\n\
        hook=/mnt/gentoo/usr/share/sccache-report/sccache-report.sh bashrc=/mnt/gentoo/etc/portage/bashrc\n\
        echo \"[[ -n \\${CATEGORY} ]] && source $hook\" > $bashrc; begin=$EPOCHSECONDS; doctor before\n\
        while [[ $EPOCHSECONDS == \"$begin\" ]]; do :; done # builds have whole seconds\n\
        emerge -1 dev-test/many-files || exit; doctor after; touch $bashrc; doctor touched";
    root.run(&["bash", "-c", doctor]).ok();
    let state = |name| row(&rows(&root, name).0, "hook")["state"].clone();
    let states = ["before", "after", "touched"].map(state);
    assert_eq!(states, ["yellow", "green", "yellow"]);
    // One package that was recorded doesn't speak for all.
    let after = row(&rows(&root, "after").0, "hook")["message"].to_string();
    assert!(
        after.contains("for some, `&&, || or |` in line 1"),
        "{after}"
    );
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

/// Under FEATURES=-userpriv root builds, who runs no file that nobody may run.
#[test]
#[ignore = "needs root and the registries: make test"]
fn root_runs_what_is_a_program_only() {
    break_and_heal(&[Case {
        check: "sccache",
        before: "echo 'FEATURES=\"${FEATURES} -userpriv\"' >> $conf",
        break_: "chmod 644 /mnt/gentoo/usr/bin/sccache",
        ..CASE
    }]);
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
        (
            "hook",
            "cp $hook /mnt/gentoo/root/; emerge -1 app-portage/sccache-report &>/dev/null; rm $hook",
        ),
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
    // Installed without Portage it is no package.
    let script = "emerge -C app-portage/sccache-report &>/dev/null; sccache-report doctor";
    let doctor = root.run(&["bash", "-c", script]).failed();
    let cure = "make install PREFIX=/mnt/gentoo/usr # in the folder of its sources";
    assert!(doctor.log.contains(cure), "{}", doctor.log);
}
