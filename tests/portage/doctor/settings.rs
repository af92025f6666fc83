//! Settings that work against caching, and compilations that fail because of them.

use super::Doctor;
use crate::support::portage::Root;

/// A change of make.conf, the red and yellow checks that it causes, and a part of the first one's message.
struct Case {
    line: &'static str,
    red: &'static [&'static str],
    yellow: &'static [&'static str],
    message: &'static str,
}

const fn case(
    line: &'static str,
    red: &'static [&'static str],
    yellow: &'static [&'static str],
    message: &'static str,
) -> Case {
    Case {
        line,
        red,
        yellow,
        message,
    }
}

const COMPILE: &[&str] = &["compile-c", "compile-rust"];

const CASES: &[Case] = &[
    case("SCCACHE_RECACHE=\"\"", &["settings"], &[], "line "),
    case("SCCACHE_NO_CACHE = \"0\"", &["settings"], &[], "line "),
    case("SCCACHE_START_SERVER=0", &[], &[], ""),
    case("SCCACHE_NO_DAEMON=0", &[], &[], ""),
    case(
        "SCCACHE_CACHE_SIZE=50GiB",
        &[],
        &["settings"],
        "sccache uses 10G",
    ),
    case(
        "SCCACHE_CONF=/tmp/none",
        &[],
        &["settings"],
        "the file doesn't exist",
    ),
    case(
        "SCCACHE_CONF=/tmp/bad.toml",
        COMPILE,
        &[],
        "unknown field `unknown`",
    ),
    case(
        "SCCACHE_LOCAL_RW_MODE=READ_ONLY",
        COMPILE,
        &["settings"],
        "wasn't a hit",
    ),
    case(
        "RUSTC_WRAPPER=true",
        &["compile-rust"],
        &[],
        "doesn't call sccache",
    ),
    case(
        "RUSTC_WRAPPER=scache",
        &["compile-rust"],
        &[],
        "scache isn't in the search path of builds",
    ),
    case(
        "SCCACHE_DIR=/tmp/unborn",
        &["cache"],
        &[],
        "any user can create it",
    ),
    case(
        "CC=\"scache gcc\"",
        &["compile-c"],
        &[],
        "scache isn't in the search path of builds",
    ),
    case("CC=\"sccache gcc\"", &[], &[], ""),
    case("FEATURES=\"${FEATURES} ccache\"", &[], &[], ""),
    case(
        "FEATURES=\"${FEATURES} -userpriv\"",
        &["cache"],
        &[],
        "root builds packages (no FEATURES=userpriv)",
    ),
    case(
        "SCCACHE_REDIS_ENDPOINT=redis://127.0.0.1:1",
        &["compile-c", "compile-rust", "remote-cache"],
        &["settings"],
        "Timed out waiting for server startup",
    ),
    case(
        "SCCACHE_DIR=\"\"",
        &["cache"],
        &[],
        "isn't an absolute path",
    ),
    case(
        "SCCACHE_DIR=cache",
        &["cache"],
        &[],
        "isn't an absolute path",
    ),
    case(
        "PORTAGE_TMPDIR=/mnt/gentoo/var/tmp/0000000000000000000000000",
        &["temp-dir"],
        &[],
        "sccache supports up to 88",
    ),
];

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn what_sccache_does_with_a_setting_is_what_doctor_says() {
    let root = Root::with_build();
    std::fs::write(
        root.file("tmp/bad.toml"),
        "[cache.disk]\ndir = \"/x\"\nunknown = 1\n",
    )
    .unwrap();
    let conf = root.read("etc/portage/make.conf");
    for case in CASES {
        std::fs::write(root.file("etc/portage/make.conf"), &conf).unwrap();
        root.append("etc/portage/make.conf", case.line);
        let doctor = Doctor::after(&root, "");
        assert_eq!(
            doctor.checks("red"),
            case.red,
            "{}: {:#?}",
            case.line,
            doctor.rows
        );
        assert_eq!(
            doctor.checks("yellow"),
            case.yellow,
            "{}: {:#?}",
            case.line,
            doctor.rows
        );
        if let Some(check) = case.red.iter().chain(case.yellow).next() {
            let row = doctor.row(check);
            let message = row["message"].as_str().unwrap();
            assert!(message.contains(case.message), "{}: {row}", case.line);
        }
    }
}

/// The trial leaves no process (the harness checks that) and no file.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn nothing_is_left_behind() {
    let root = Root::with_build();
    let count = "find $cache -type f | wc -l";
    let doctor = Doctor::after(&root, &format!("{count} > /tmp/before"));
    doctor.assert_only(&[], &[]);
    assert_eq!(doctor.status, "0");
    let script = format!(
        "{}\n{count} > /tmp/after; ls -A /tmp > /tmp/list",
        super::NAMES
    );
    root.run(&["bash", "-c", &script]).ok();
    let number = |name: &str| root.read(name).trim().parse::<u32>().unwrap();
    // An object per language, and an entry of the preprocessor cache.
    assert_eq!(number("tmp/after") - number("tmp/before"), 3);
    let list = root.read("tmp/list");
    assert!(!list.contains("sccache-report"), "{list}");
}

/// Ctrl-C, and the other signals that end a program, while something compiles.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn an_interrupted_doctor_leaves_nothing_behind() {
    let root = Root::with_build();
    root.replace_program(
        "sccache",
        "[[ $1 == -* ]] || { : > /tmp/compiling; sleep 60; }",
    );
    let script = "for signal in INT TERM HUP KILL; do\n\
        rm -f /tmp/compiling\n\
        python3 -c 'import signal, os, sys\n\
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP: signal.signal(number, signal.SIG_DFL)\n\
        os.execvp(\"sccache-report\", [\"sccache-report\", \"doctor\"])' > /dev/null & doctor=$!\n\
        until [[ -e /tmp/compiling ]]; do kill -0 $doctor || exit 1; sleep 0.05; done\n\
        kill -$signal $doctor; wait $doctor; echo $? >> /tmp/ended\n\
        ls -A /tmp /dev/shm | grep -e sccache -e test >> /tmp/left\n\
        done; true";
    // The harness fails if processes are left.
    root.run(&["bash", "-c", script]).ok();
    assert_eq!(root.read("tmp/ended"), "130\n143\n129\n137\n");
    assert_eq!(root.read("tmp/left"), "");
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn an_ordinary_user_hears_what_could_not_be_tried() {
    let root = Root::with_build();
    let as_nobody = "as_nobody sccache-report doctor --format json";
    let doctor = Doctor::run(&root, "", as_nobody);
    doctor.assert_only(&[], &[]);
    for check in ["compile-c", "compile-rust", "programs", "cache"] {
        doctor.assert_check(check, "unknown", "only root can act as user portage");
    }
    let doctor = Doctor::run(&root, "chmod 600 $conf", as_nobody);
    doctor.assert_only(&[], &[]);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn without_portageq_make_conf_is_what_counts() {
    let root = Root::with_build();
    let doctor = Doctor::after(&root, "PATH=${PATH//:\\/mnt\\/gentoo\\/bin:/:}");
    doctor.assert_only(&[], &[]);
    doctor.assert_check("portage", "unknown", "portageq can't be run");
    let doctor = Doctor::after(&root, "echo 'MY_FLAGS=(a b)' >> $conf");
    doctor.assert_only(&["portage"], &[]);
    doctor.assert_check("portage", "red", "Invalid token 'b'");
}

/// Before 0.9 the server listens on a TCP port, so doctor tries it only in a network namespace of its own.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn an_old_sccache_is_tried_in_a_private_network() {
    let root = Root::new();
    root.sccache("0.8.2");
    let doctor = Doctor::after(&root, "");
    doctor.assert_check(
        "programs",
        "yellow",
        "only recorded with FEATURES=network-sandbox",
    );
    doctor.assert_check("compile-c", "green", "a miss, then a hit");
    doctor.assert_check("compile-rust", "green", "a miss, then a hit");
    let without_namespaces = "mount --bind /bin/false /usr/bin/unshare";
    let doctor = Doctor::after(&root, without_namespaces);
    doctor.assert_check("compile-c", "unknown", "namespaces can't be created");
    root.sccache("none");
    let doctor = Doctor::after(&root, "");
    doctor.assert_check("programs", "red", "sccache isn't in the search path");
    doctor.assert_check("compile-c", "unknown", "see the check `programs`");
}
