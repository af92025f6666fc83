//! `sccache-report doctor` on a real Portage: each check is broken, seen, and cured by what was printed.

mod support;

use serde_json::Value;
use support::Root;

/// What is done to a healthy system, and what doctor is to see of it.
struct Case {
    check: &'static str,
    state: &'static str,
    /// Commands that change nothing of what doctor sees, but that `break_` needs.
    before: &'static str,
    break_: &'static str,
    /// What the cure does not end at once: waited for before the last look.
    after: &'static str,
}

const CASE: Case = Case {
    check: "",
    state: "red",
    before: "",
    break_: "",
    after: "",
};

/// Runs doctor before, broken and cured, with the cure taken from the text as a person would paste it.
const SCRIPT: &str = r#"
conf=/mnt/gentoo/etc/portage/make.conf bashrc=/mnt/gentoo/etc/portage/bashrc
cache=/mnt/gentoo/var/cache/sccache db=/mnt/gentoo/var/lib/sccache-report/stats.db
hook=/mnt/gentoo/usr/share/sccache-report/sccache-report.sh
doctor() { sccache-report doctor --format json > /tmp/$1.json; echo $? > /tmp/$1.status; }
before; doctor before
break_; doctor broken
sccache-report doctor > /tmp/broken.txt
awk -v check="$check" '/^[^ ]/ { on = ($2 == check); next } on && (/^    [^ ]/ || /^      [^ ]/)' /tmp/broken.txt > /tmp/cure.sh
cat /tmp/cure.sh
bash -e /tmp/cure.sh || exit
after; doctor cured
"#;

/// The checks that are neither green nor unknown: `red hook`.
fn ailing(rows: &[Value]) -> Vec<String> {
    let ailing = rows
        .iter()
        .filter(|row| row["state"] == "red" || row["state"] == "yellow");
    ailing
        .map(|row| {
            format!(
                "{} {}",
                row["state"].as_str().unwrap(),
                row["check"].as_str().unwrap()
            )
        })
        .collect()
}

fn rows(root: &Root, name: &str) -> (Vec<Value>, String) {
    let json: Value = serde_json::from_str(&root.read(&format!("tmp/{name}.json"))).unwrap();
    assert_eq!(json["schema"], 1);
    let rows = json["rows"].as_array().unwrap().clone();
    (
        rows,
        root.read(&format!("tmp/{name}.status")).trim().to_owned(),
    )
}

fn row<'a>(rows: &'a [Value], check: &str) -> &'a Value {
    rows.iter().find(|row| row["check"] == check).unwrap()
}

#[track_caller]
fn breaks_and_heals(case: &Case) {
    on(&Root::new(), case);
}

#[track_caller]
fn on(root: &Root, case: &Case) {
    let functions = [
        ("before", case.before),
        ("break_", case.break_),
        ("after", case.after),
    ];
    let functions: String = functions
        .iter()
        .map(|(name, body)| format!("{name}() {{ :\n{body}\n}}\n"))
        .collect();
    let script = format!("check={}\n{functions}{SCRIPT}", case.check);
    let run = root.run(&["bash", "-c", &script]);
    assert!(run.status.success(), "{}", run.log);
    let (before, status) = rows(root, "before");
    assert_eq!((ailing(&before), &*status), (vec![], "0"), "{before:#?}");
    let (broken, status) = rows(root, "broken");
    let expected = format!("{} {}", case.state, case.check);
    assert_eq!(ailing(&broken), [expected], "{broken:#?}\n{}", run.log);
    assert_eq!(status, if case.state == "red" { "1" } else { "0" });
    assert!(row(&broken, case.check)["cure"].is_string());
    let (cured, status) = rows(root, "cured");
    assert_eq!(
        (ailing(&cured), &*status),
        (vec![], "0"),
        "{cured:#?}\n{}",
        run.log
    );
    assert_eq!(row(&cured, case.check)["state"], "green");
    assert!(
        root.read("tmp/broken.txt")
            .lines()
            .all(|line| line.chars().count() <= 80)
    );
}

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
fn the_wrapper_is_sccache() {
    for break_ in [
        "echo 'RUSTC_WRAPPER=\"ccache\"' >> $conf",
        "sed -i /RUSTC_WRAPPER/d $conf",
    ] {
        breaks_and_heals(&Case {
            check: "wrapper",
            break_,
            ..CASE
        });
    }
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_cache_is_there_and_portage_can_use_all_of_it() {
    for break_ in [
        "rmdir $cache",
        "chown root:root $cache",
        "sed -i /SCCACHE_DIR/d $conf; rmdir $cache",
    ] {
        breaks_and_heals(&Case {
            check: "cache-folder",
            break_,
            ..CASE
        });
    }
    let before = "install -d -o portage -g portage $cache/a $cache/a/b";
    let folder = "install -d -m 755 $cache/a/c";
    breaks_and_heals(&Case {
        check: "cache-files",
        before,
        break_: folder,
        ..CASE
    });
    let file = "install -m 600 /dev/null $cache/a/b/key";
    breaks_and_heals(&Case {
        check: "cache-files",
        before,
        break_: file,
        ..CASE
    });
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn what_a_root_build_left_is_named_and_counted() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "SCCACHE_REPORT_CHOWN=\"no\"");
    root.ebuild(
        "dev-test/as-root-1.0",
        "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
         src_install() { echo 'int f;' > f.c; sccache gcc -c f.c || die; }",
    );
    let case = Case {
        check: "cache-files",
        break_: "emerge -1 dev-test/as-root",
        ..CASE
    };
    on(&root, &case);
    let (broken, _) = rows(&root, "broken");
    let message = row(&broken, "cache-files")["message"].as_str().unwrap();
    // A file in a folder in a folder, and the same below preprocessor/.
    assert!(message.contains("user portage can't use "), "{message}");
    assert!(message.contains(" more"), "{message}");
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_cache_has_room() {
    let fill = "install -d -o portage -g portage $cache/a\n\
        head -c 1000 /dev/zero > $cache/a/key; chown portage $cache/a/key";
    let small = "echo 'SCCACHE_CACHE_SIZE=\"1K\"' >> $conf";
    breaks_and_heals(&Case {
        check: "cache-size",
        state: "yellow",
        before: fill,
        break_: small,
        ..CASE
    });
    for (state, size) in [("yellow", "200m"), ("red", "10m")] {
        let break_ =
            format!("mount -t tmpfs -o size={size},uid=$(id -u portage),mode=755 tmpfs $cache");
        let break_ = Box::leak(break_.into_boxed_str());
        breaks_and_heals(&Case {
            check: "cache-room",
            state,
            break_,
            ..CASE
        });
    }
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_hundred_thousand_files_are_looked_at_once() {
    let root = Root::new();
    let fill = "import os\nfor a in range(16):\n for b in range(16):\n  \
        d = f'/mnt/gentoo/var/cache/sccache/{a:x}/{b:x}'; os.makedirs(d)\n  \
        for n in range(400): open(f'{d}/{n}', 'w').close()";
    let script = format!(
        "python3 -c \"{fill}\"; chown -R portage:portage /mnt/gentoo/var/cache/sccache\n\
         time sccache-report doctor"
    );
    let run = root.run(&["bash", "-c", &script]).ok();
    assert!(
        run.log.contains("user portage can use all 102400 files\n"),
        "{}",
        run.log
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_sandbox_allows_the_cache() {
    let break_ = "echo 'FEATURES=\"${FEATURES} usersandbox\"' >> $conf";
    breaks_and_heals(&Case {
        check: "sandbox",
        break_,
        ..CASE
    });
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn variables_and_features_go_together() {
    for break_ in [
        "echo 'SCCACHE_RECACHE=\"1\"' >> $conf",
        "printf '%s\\n' 'export SCCACHE_NO_CACHE=1' 'SCCACHE_SERVER_UDS=/run/a SCCACHE_X=' 'SCCACHE_SERVER_PORT=5' >> $conf",
        "echo 'SCCACHE_CACHE_SIZE=\"5GiB\"' >> $conf",
    ] {
        breaks_and_heals(&Case {
            check: "variables",
            state: "yellow",
            break_,
            ..CASE
        });
    }
    let break_ = "echo 'FEATURES=\"${FEATURES} ccache\"' >> $conf";
    breaks_and_heals(&Case {
        check: "features",
        state: "yellow",
        break_,
        ..CASE
    });
    let break_ = "echo 'FEATURES=\"${FEATURES} -userpriv\"' >> $conf";
    let before = "echo 'SCCACHE_REPORT_CHOWN=no' >> $conf";
    breaks_and_heals(&Case {
        check: "features",
        state: "yellow",
        before,
        break_,
        ..CASE
    });
}

/// Until the servers that were told to end have ended.
const GONE: &str = "while [[ $(cat /proc/[0-9]*/comm) == *sccache* ]]; do :; done 2>/dev/null";

#[test]
#[ignore = "needs root and the registries: make test"]
fn one_server_at_a_time_and_none_left_behind() {
    let break_ = "for port in 5001 5002; do\n\
        setpriv --reuid portage --regid portage --clear-groups env SCCACHE_DIR=$cache SCCACHE_SERVER_PORT=$port sccache --start-server\n\
        done";
    breaks_and_heals(&Case {
        check: "servers",
        state: "yellow",
        break_,
        after: GONE,
        ..CASE
    });
    let break_ = "SCCACHE_DIR=/tmp/other sccache --start-server";
    breaks_and_heals(&Case {
        check: "default-port",
        state: "yellow",
        break_,
        after: GONE,
        ..CASE
    });
}

/// A WebDAV server stands in for S3 or Redis: the least that sccache needs to call it a cache.
const WEBDAV: &str = r#"
import http.server
class Dav(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    kept = {}
    def answer(self, status, body=b''):
        self.rfile.read(int(self.headers.get('Content-Length') or 0)) if self.command != 'PUT' else None
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_PUT(self):
        self.kept[self.path] = self.rfile.read(int(self.headers['Content-Length']))
        self.answer(201)
    def do_GET(self):
        found = self.kept.get(self.path)
        self.answer(200 if found is not None else 404, found or b'')
    def do_MKCOL(self): self.answer(201)
    def do_DELETE(self): self.answer(204)
    def do_PROPFIND(self):
        kind = '<D:resourcetype><D:collection/></D:resourcetype>' if self.path.endswith('/') else '<D:resourcetype/>'
        if not self.path.endswith('/') and self.path not in self.kept: return self.answer(404)
        self.answer(207, ('<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>' + self.path +
            '</D:href><D:propstat><D:prop>' + kind + '<D:getlastmodified>Sun, 22 Nov 2026 00:00:00 GMT</D:getlastmodified>'
            '</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>').encode())
server = http.server.ThreadingHTTPServer(('127.0.0.1', 8099), Dav)
open('/tmp/dav', 'w').close()
server.serve_forever()
"#;

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_remote_cache_is_reached_by_a_server_outside_the_sandbox() {
    let root = Root::new();
    std::fs::write(root.file("tmp/dav.py"), WEBDAV).unwrap();
    let before = "sed -i /SCCACHE_DIR/d $conf; rmdir $cache\n\
        echo 'SCCACHE_DIR=\"/mnt/gentoo/var/cache/sccache\"' >> $conf; install -d -o portage -g portage $cache\n\
        python3 /tmp/dav.py &>/tmp/dav.log & while [[ ! -e /tmp/dav ]]; do :; done\n\
        mount -t tmpfs tmpfs /run";
    let break_ = "sed -i /SCCACHE_DIR/d $conf\n\
        echo 'SCCACHE_WEBDAV_ENDPOINT=\"http://127.0.0.1:8099/\"' >> $conf";
    // And a build through it is a shared one. The servers end with the test.
    let after = "emerge -1 dev-test/many-files &>/tmp/emerge.log";
    on(
        &root,
        &Case {
            check: "remote-cache",
            before,
            break_,
            after,
            ..CASE
        },
    );
    assert_eq!(
        root.builds(&[])[0]["attribution"],
        "shared",
        "{}",
        root.read("tmp/emerge.log")
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_database_is_readable_writable_whole_and_of_this_version() {
    let before = "sccache-collect import >/dev/null";
    for (check, state, break_) in [
        ("database", "yellow", "chmod 600 $db"),
        ("database", "yellow", "chmod 700 ${db%/*}"),
        (
            "database",
            "red",
            "echo 'not a database, by any means' > $db",
        ),
        ("database-write", "yellow", "chown portage ${db%/*}"),
        (
            "database-write",
            "red",
            "mount --bind ${db%/*} ${db%/*}; mount -o remount,bind,ro ${db%/*}",
        ),
        (
            "database-whole",
            "red",
            "head -c 4096 /dev/zero | tr '\\0' x | dd of=$db bs=4096 seek=2 conv=notrunc status=none",
        ),
    ] {
        breaks_and_heals(&Case {
            check,
            state,
            before,
            break_,
            ..CASE
        });
    }
    let root = Root::new();
    let old = root.file("tmp/old.db");
    let connection = rusqlite::Connection::open(&old).unwrap();
    connection
        .execute_batch(include_str!("../migrations/0001_builds.sql"))
        .unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let break_ = "cp /tmp/old.db $db";
    on(
        &root,
        &Case {
            check: "database-schema",
            state: "yellow",
            before,
            break_,
            ..CASE
        },
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_newer_database_is_for_a_newer_program() {
    let root = Root::new();
    let script = "sccache-collect import >/dev/null; python3 -c \"import sqlite3\n\
        sqlite3.connect('/mnt/gentoo/var/lib/sccache-report/stats.db').execute('PRAGMA user_version = 99')\"\n\
        sccache-report doctor --format json > /tmp/newer.json; echo $? > /tmp/newer.status";
    root.run(&["bash", "-c", script]).ok();
    let (rows, status) = rows(&root, "newer");
    assert_eq!(
        (ailing(&rows), &*status),
        (vec!["red database-schema".to_owned()], "1")
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn builds_that_wait_are_taken_up() {
    // The database can't be written during one merge.
    let break_ = "mv $db /tmp/stats.db; mkdir $db; emerge -1 dev-test/many-files &>/dev/null\n\
        rmdir $db; mv /tmp/stats.db $db";
    let before = "sccache-collect import >/dev/null";
    breaks_and_heals(&Case {
        check: "pending",
        state: "yellow",
        before,
        break_,
        ..CASE
    });
}

/// Two packages that compile Rust as far as Portage can tell: a stand-in for cargo.eclass, which isn't here.
fn with_rust_packages() -> Root {
    let root = Root::new();
    root.append(
        "var/db/repos/test/eclass/cargo.eclass",
        "# A stand-in: its name is all that is looked at.",
    );
    for name in ["one", "two"] {
        root.ebuild(
            &format!("dev-test/{name}-1.0"),
            "EAPI=8\ninherit cargo\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
             src_compile() { echo 'int f;' > f.c; sccache gcc -c f.c || die; }",
        );
    }
    root
}

/// mv keeps bashrc's time, since which merges are to be recorded.
const UNRECORDED: &str =
    "unrecorded() { mv $bashrc $bashrc.off; emerge -1 $1 &>/dev/null; mv $bashrc.off $bashrc; }";

#[test]
#[ignore = "needs root and the registries: make test"]
fn rust_packages_that_were_not_recorded_are_named() {
    let before = format!("{UNRECORDED}\nemerge -1 dev-test/one &>/dev/null");
    let before: &str = Box::leak(before.into_boxed_str());
    let root = with_rust_packages();
    let break_ = "unrecorded dev-test/two";
    on(
        &root,
        &Case {
            check: "recorded",
            state: "yellow",
            before,
            break_,
            ..CASE
        },
    );
    let (broken, _) = rows(&root, "broken");
    let message = row(&broken, "recorded")["message"].as_str().unwrap();
    assert!(
        message.contains("1 build of Rust packages since was not recorded: dev-test/two-1.0"),
        "{message}"
    );
    let break_ = "unrecorded dev-test/two; emerge -1 dev-test/one &>/dev/null";
    on(
        &with_rust_packages(),
        &Case {
            check: "rust-packages",
            state: "yellow",
            before,
            break_,
            ..CASE
        },
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn it_works_without_portageq_and_as_any_user() {
    let root = Root::new();
    root.append("etc/portage/make.conf", "# later\nSCCACHE_CACHE_SIZE='3G'");
    let script = "sccache-collect import >/dev/null; PATH=${PATH//:\\/mnt\\/gentoo\\/bin:/:}\n\
        sccache-report doctor --format json > /tmp/without.json; echo $? > /tmp/without.status\n\
        PATH+=:/mnt/gentoo/bin; chmod 700 /mnt/gentoo/var/cache/sccache\n\
        setpriv --reuid 65534 --regid 65534 --clear-groups sccache-report doctor --format json > /tmp/nobody.json; echo $? > /tmp/nobody.status";
    root.run(&["bash", "-c", script]).ok();
    let (without, status) = rows(&root, "without");
    assert_eq!((ailing(&without), &*status), (vec![], "0"), "{without:#?}");
    let portage = row(&without, "portage");
    assert_eq!(portage["state"], "unknown");
    assert!(
        portage["message"]
            .as_str()
            .unwrap()
            .starts_with("portageq can't be run"),
        "{portage}"
    );
    let size = row(&without, "cache-size")["message"].as_str().unwrap();
    assert!(size.contains(" of 3 GiB"), "{size}");
    let (nobody, status) = rows(&root, "nobody");
    assert_eq!((ailing(&nobody), &*status), (vec![], "0"), "{nobody:#?}");
    for check in ["cache-files", "cache-size", "database-write"] {
        assert_eq!(row(&nobody, check)["state"], "unknown", "{nobody:#?}");
    }
}
