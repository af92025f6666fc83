//! Builds that are made to miss, and the reasons that are reported.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use serde_json::Value;

use crate::support::portage::{Root, Run};

/// Of the units that are made to miss, this many percent have their reason. The others are `unknown`.
const CERTAIN_PERCENT: usize = 95;

const UNITS: &str = "dev-test/units";
const RUSTY: &str = "dev-test/rusty";
const CACHE: &str = "var/cache/sccache";

/// A Portage, and what its builds were made to miss.
struct Causes {
    root: Root,
    planted: usize,
    /// The units whose reason is unknown.
    unknown: Vec<String>,
}

impl Causes {
    fn new(sccache: &str) -> Self {
        let root = Root::new();
        root.sccache(sccache);
        Self {
            root,
            planted: 0,
            unknown: Vec::new(),
        }
    }

    /// Emerges a package, and asserts that just these units miss, each for its reason or an unknown one.
    #[track_caller]
    fn emerge(&mut self, cause: &str, package: &str, planted: &[(&str, &[&str])]) -> Value {
        self.emerge_with(cause, &[], package, planted)
    }

    #[track_caller]
    fn emerge_with(
        &mut self,
        cause: &str,
        environment: &[(&str, &str)],
        package: &str,
        planted: &[(&str, &[&str])],
    ) -> Value {
        let run = self.root.emerge_with(environment, &[package]).ok();
        self.check(cause, &run, planted)
    }

    /// Compares the newest build with what was planted, and returns its row.
    #[track_caller]
    fn check(&mut self, cause: &str, run: &Run, planted: &[(&str, &[&str])]) -> Value {
        let build = self.root.builds(&[]).pop().unwrap();
        let explained = self.explain(&build);
        let mut expected: BTreeMap<String, &str> = BTreeMap::new();
        for (reason, units) in planted {
            expected.extend(units.iter().map(|unit| ((*unit).to_owned(), *reason)));
        }
        let missed: Vec<&String> = explained.keys().collect();
        let made_to_miss: Vec<&String> = expected.keys().collect();
        assert_eq!(missed, made_to_miss, "{cause}: {build}\n{}", run.log);
        self.planted += expected.len();
        for (unit, reason) in expected {
            match explained[&unit].as_str() {
                "unknown" => self.unknown.push(format!("{cause}: {unit}")),
                found => assert_eq!(found, reason, "{cause}: {unit} {build}\n{}", run.log),
            }
        }
        build
    }

    /// Returns the reason of each unit of a build that missed.
    #[track_caller]
    fn explain(&self, build: &Value) -> BTreeMap<String, String> {
        let rows = self
            .root
            .report(&["explain", build["id"].as_str().unwrap()]);
        let mut reasons = BTreeMap::new();
        let mut count = 0;
        for row in &rows {
            let reason = row["reason"].as_str().unwrap();
            assert_eq!(build["miss_reasons"][reason], row["count"], "{build} {row}");
            count += row["count"].as_u64().unwrap();
            for unit in row["units"].as_array().unwrap() {
                let name = unit["unit"].as_str().unwrap().to_owned();
                let former = reasons.insert(name, reason.to_owned());
                assert_eq!(former, None, "{row}");
            }
        }
        assert_eq!(build["misses"], count, "{build} {rows:?}");
        reasons
    }

    /// Returns the table of a report, in lines joined by spaces.
    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_sccache-report"))
            .args(arguments)
            .arg("--db")
            .arg(self.root.database())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        eprintln!("{arguments:?}\n{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Has each build of the package run a script after its sources are prepared.
    fn change(&self, package: &str, script: &str) {
        let file = self.root.file(&format!("etc/portage/env/{package}"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, format!("post_src_prepare() {{ {script}; }}\n")).unwrap();
    }

    /// Adds another version or package with the same ebuild.
    fn copy_ebuild(&self, from: &str, to: &str) {
        let (package, _) = from.rsplit_once('-').unwrap();
        let (_, name) = from.split_once('/').unwrap();
        let text = self
            .root
            .read(&format!("var/db/repos/test/{package}/{name}.ebuild"));
        self.root.ebuild(to, &text);
    }

    fn clear_cache(&self) {
        for entry in fs::read_dir(self.root.file(CACHE)).unwrap() {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
    }

    #[track_caller]
    fn finish(self) {
        let known = self.planted - self.unknown.len();
        eprintln!("{known} of {} have their reason", self.planted);
        assert!(
            known * 100 >= self.planted * CERTAIN_PERCENT,
            "{known} of {}, unknown: {:#?}",
            self.planted,
            self.unknown
        );
    }
}

/// The object files of `dev-test/units`.
const RELATIVE: [&str; 10] = [
    "relative/relative_1.o",
    "relative/relative_2.o",
    "relative/relative_3.o",
    "relative/relative_4.o",
    "relative/relative_5.o",
    "relative/relative_6.o",
    "relative/relative_7.o",
    "relative/relative_8.o",
    "relative/relative_9.o",
    "relative/relative_10.o",
];
const ABSOLUTE: [&str; 10] = [
    "absolute/absolute_1.o",
    "absolute/absolute_2.o",
    "absolute/absolute_3.o",
    "absolute/absolute_4.o",
    "absolute/absolute_5.o",
    "absolute/absolute_6.o",
    "absolute/absolute_7.o",
    "absolute/absolute_8.o",
    "absolute/absolute_9.o",
    "absolute/absolute_10.o",
];

fn c_units() -> Vec<&'static str> {
    [RELATIVE, ABSOLUTE].concat()
}

/// Edits two sources and a header that two more include, and adds a source, in both folders.
const EDIT: &str = "local kind; for kind in relative absolute; do \
    echo 'int edited;' | tee -a ${kind}/common.h ${kind}/${kind}_{3,4}.c; \
    echo 'int added;' > ${kind}/added_to_${kind}.c; done";
const EDITED: [&str; 8] = [
    "relative/relative_1.o",
    "relative/relative_2.o",
    "relative/relative_3.o",
    "relative/relative_4.o",
    "absolute/absolute_1.o",
    "absolute/absolute_2.o",
    "absolute/absolute_3.o",
    "absolute/absolute_4.o",
];
const ADDED: [&str; 2] = [
    "relative/added_to_relative.o",
    "absolute/added_to_absolute.o",
];

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn c_files_miss_for_the_reasons_that_were_planted() {
    let mut causes = Causes::new("0.16.0");
    let units = c_units();
    let forced = [("SCCACHE_RECACHE", "1")];

    causes.emerge("new package", UNITS, &[("first", &units)]);
    let build = causes.emerge("same version", UNITS, &[]);
    assert_eq!(build["hits"], 20);
    assert_eq!(build["exact_share"], 1.0);
    let text = causes.text(&["explain", UNITS]);
    assert!(text.contains("no compilation missed"), "{text}");

    causes.change(UNITS, EDIT);
    causes.emerge(
        "edited and added files",
        UNITS,
        &[("changed", &EDITED), ("first", &ADDED)],
    );
    causes.change(UNITS, ":");
    causes.emerge("edits taken back", UNITS, &[]);

    let flags = [("CFLAGS", "-O1")];
    causes.emerge_with("another CFLAGS", &flags, UNITS, &[("flags", &units)]);

    causes.copy_ebuild("dev-test/units-1.0", "dev-test/units-1.0-r1");
    let build = causes.emerge("another revision", UNITS, &[("path", &ABSOLUTE)]);
    assert_eq!(build["hits"], 10);

    // Another directory is enough to miss. The added source is that of the first edit.
    causes.change(UNITS, &EDIT.replace("edited", "edited_again"));
    causes.copy_ebuild("dev-test/units-1.0", "dev-test/units-1.1");
    let path = [&ABSOLUTE[..], &ADDED[1..]].concat();
    let planted: &[(&str, &[&str])] = &[("path", &path), ("changed", &EDITED[..4])];
    let build = causes.emerge("another version", UNITS, planted);
    assert_eq!(build["hits"], 7);
    causes.change(UNITS, ":");

    // sccache hashes the compiler's program.
    let compiler = causes.root.file("usr/bin/gcc");
    fs::copy("/usr/bin/gcc", &compiler).unwrap();
    let mut program = fs::read(&compiler).unwrap();
    program.push(0);
    fs::write(&compiler, program).unwrap();
    let old_version = "=dev-test/units-1.0";
    // gcc finds its other programs by its own path.
    let programs = [("GCC_EXEC_PREFIX", "/usr/lib/gcc/")];
    let changed: &[(&str, &[&str])] = &[("changed", &units)];
    causes.emerge_with("another compiler", &programs, old_version, changed);
    fs::remove_file(&compiler).unwrap();

    causes.clear_cache();
    causes.emerge("cleared cache", old_version, &[("evicted", &units)]);
    let text = causes.text(&["explain", UNITS]);
    assert!(
        text.contains("The cache had the object and lost it."),
        "{text}"
    );
    assert!(text.contains("was not full, so it was cleared"), "{text}");

    causes.emerge_with("RECACHE", &forced, old_version, &[("forced", &units)]);
    let text = causes.text(&["explain", UNITS]);
    assert!(text.contains("SCCACHE_RECACHE is set. Unset it"), "{text}");

    causes.copy_ebuild("dev-test/units-1.0", "dev-test/twin-1.0");
    let build = causes.emerge("the same files", "dev-test/twin", &[("first", &ABSOLUTE)]);
    assert_eq!(build["hits"], 10);
    assert_eq!(build["exact_share"], 1.0);
    causes.finish();
}

/// The crates of `dev-test/rusty`, and the object file of its build script.
const CRATES: [&str; 7] = [
    "anyhow", "bitflags", "fnv", "itoa", "memchr", "smallvec", "rusty",
];
const BUILD_SCRIPT: &str = "target/release/build/rusty/out/add.o";

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn crates_miss_for_the_reasons_that_were_planted() {
    let mut causes = Causes::new("0.16.0");
    let all = [&CRATES[..], &[BUILD_SCRIPT]].concat();
    let forced = [("SCCACHE_RECACHE", "1")];

    causes.emerge("new package", RUSTY, &[("first", &all)]);
    let build = causes.emerge("same version", RUSTY, &[]);
    assert_eq!(build["exact_share"], 1.0);

    let edit = "echo 'pub fn edited() {}' >> src/lib.rs; echo 'int edited;' >> src/add.c; \
        echo 'pub fn edited() {}' >> vendor/itoa/src/lib.rs; \
        sed -i 's/\"src.lib.rs\":\"[0-9a-f]*\"/\"src\\/lib.rs\":\"'\"$(sha256sum vendor/itoa/src/lib.rs | cut -d\" \" -f1)\"'\"/' vendor/itoa/.cargo-checksum.json";
    causes.change(RUSTY, edit);
    let edited = ["rusty", "itoa", BUILD_SCRIPT];
    causes.emerge("edited crates", RUSTY, &[("changed", &edited)]);
    causes.change(RUSTY, ":");
    causes.emerge("edits taken back", RUSTY, &[]);

    let flags = [("RUSTFLAGS", "-C debuginfo=1")];
    causes.emerge_with("another RUSTFLAGS", &flags, RUSTY, &[("flags", &CRATES)]);

    causes.copy_ebuild("dev-test/rusty-1.0", "dev-test/rusty-1.0-r1");
    causes.emerge("another revision", RUSTY, &[("path", &CRATES)]);

    // cargo hashes what rustc prints about itself.
    let compiler = causes.root.file("usr/bin/rustc");
    fs::remove_file(&compiler).unwrap();
    let script = "#!/bin/sh\n[ \"$*\" != -vV ] || { /mnt/rust/bin/rustc -vV | sed 's/^release: .*/&-dev/'; exit; }\n\
        exec /mnt/rust/bin/rustc \"$@\"\n";
    fs::write(&compiler, script).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    let old_version = "=dev-test/rusty-1.0";
    causes.emerge("another compiler", old_version, &[("changed", &CRATES)]);
    fs::remove_file(&compiler).unwrap();
    symlink("/mnt/rust/bin/rustc", &compiler).unwrap();

    causes.clear_cache();
    causes.emerge("cleared cache", old_version, &[("evicted", &all)]);
    causes.emerge_with("RECACHE", &forced, old_version, &[("forced", &all)]);
    causes.finish();
}

/// Compiles files of 400 kB, which don't get smaller in the cache. mawk prints nothing larger than 2147483647.
const LARGE: &str = r#"EAPI=8
SLOT=0
KEYWORDS=amd64
S=${WORKDIR}
src_compile() {
	local n
	for n in ${FILES}; do
		awk -v seed=${n} 'BEGIN {
			srand(seed)
			print "unsigned x[] = {"
			for (i = 0; i < 100000; i++) printf "%d,", rand() * 2147483647
			print "};"
		}' > ${n}.c || die
		sccache gcc -c ${n}.c || die
	done
}
"#;

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn objects_that_a_small_cache_lost_are_evicted() {
    let mut causes = Causes::new("0.16.0");
    causes
        .root
        .append("etc/portage/make.conf", "SCCACHE_CACHE_SIZE=\"2M\"");
    for package in ["large", "other"] {
        causes
            .root
            .ebuild(&format!("dev-test/{package}-1.0"), LARGE);
    }
    let mut emerge = |package: &str, files: &str, planted: &[(&str, &[&str])]| {
        let package = format!("dev-test/{package}");
        causes.emerge_with(files, &[("FILES", files)], &package, planted)
    };
    emerge(
        "large",
        "1 2 3 4",
        &[("first", &["1.o", "2.o", "3.o", "4.o"])],
    );
    // The cache has room for 5 objects: the least recently used ones have to go.
    emerge("other", "5 6 7", &[("first", &["5.o", "6.o", "7.o"])]);
    let build = emerge("large", "4 3 2 1", &[("evicted", &["1.o", "2.o"])]);
    assert_eq!((&build["hits"], &build["evicted"]), (&2.into(), &2.into()));
    emerge("other", "7 6 5", &[("evicted", &["5.o", "6.o"])]);

    let text = causes.text(&["explain", "dev-test/large"]);
    assert!(text.contains("The cache is too small"), "{text}");
    assert!(
        text.contains("increase SCCACHE_CACHE_SIZE, for example to 4M"),
        "{text}"
    );
    let text = causes.text(&["show", "dev-test/large"]);
    assert!(text.contains("2 evicted"), "{text}");
    let advice = causes.root.report(&["advise"]);
    assert_eq!(advice[0]["advice"], "cache-full", "{advice:?}");
    assert_eq!(advice[0]["setting"], "SCCACHE_CACHE_SIZE=\"4M\"");
    causes.finish();
}

/// The main reasons with the newest sccache.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn reasons_are_the_same_in_a_newer_sccache() {
    let mut causes = Causes::new("0.19.0");
    let units = c_units();
    causes.emerge("new package", UNITS, &[("first", &units)]);
    causes.change(UNITS, EDIT);
    causes.emerge(
        "edited and added files",
        UNITS,
        &[("changed", &EDITED), ("first", &ADDED)],
    );
    causes.change(UNITS, ":");
    let flags = [("CFLAGS", "-O1")];
    causes.emerge_with("another CFLAGS", &flags, UNITS, &[("flags", &units)]);
    causes.copy_ebuild("dev-test/units-1.0", "dev-test/units-1.0-r1");
    causes.emerge("another revision", UNITS, &[("path", &ABSOLUTE)]);
    causes.clear_cache();
    causes.emerge("cleared cache", UNITS, &[("evicted", &units)]);
    causes.finish();
}
