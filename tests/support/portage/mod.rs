//! A real Portage, made by `tests/portage-root/harness`. Tests that use it are marked
//! `#[ignore = "needs the real Portage: root and package registries"]`.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

pub mod builds;
pub mod crates;
pub mod redis;
pub mod running;
pub mod setup;
pub use running::Running;

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// Returns an ebuild with these phases. In them, `one NAME` compiles a file that differs from those of other phases.
pub fn ebuild(phases: &str) -> String {
    format!(
        "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${{WORKDIR}}\n\
         one() {{ echo \"int ${{EBUILD_PHASE}}_$1;\" > $1.c; sccache gcc -c $1.c || die; }}\n{phases}"
    )
}

/// A Portage of one test, with the hook and the new programs. It is removed at the end, unless SCCACHE_REPORT_KEEP_ROOTS is set.
pub struct Root {
    pub dir: PathBuf,
    runs: AtomicU32,
    binds: Vec<(PathBuf, String)>,
}

/// A command that ended, with its output and the processes that outlived it.
#[derive(Debug)]
pub struct Run {
    pub status: ExitStatus,
    pub log: String,
    pub leftovers: Vec<String>,
}

impl Run {
    /// Asserts success, and that no process is left.
    #[track_caller]
    pub fn ok(self) -> Run {
        assert!(self.status.success(), "{}\n{}", self.status, self.log);
        assert!(
            self.leftovers.is_empty(),
            "left over: {:#?}\n{}",
            self.leftovers,
            self.log
        );
        self
    }

    #[track_caller]
    pub fn failed(self) -> Run {
        assert!(!self.status.success(), "succeeded\n{}", self.log);
        self
    }
}

/// The statistics that sccache printed at the end of a phase, because of TEST_PRINT_STATS.
#[derive(Debug)]
pub struct PrintedStats {
    pub phase: String,
    pub json: serde_json::Value,
}

impl PrintedStats {
    /// Returns a number of `stats`, or the sum of a map by languages such as `cache_hits`.
    pub fn count(&self, name: &str) -> u64 {
        let value = &self.json["stats"][name];
        match value["counts"].as_object() {
            Some(counts) => counts.values().filter_map(serde_json::Value::as_u64).sum(),
            None => value
                .as_u64()
                .unwrap_or_else(|| panic!("no {name} in {}", self.json)),
        }
    }
}

impl Root {
    pub fn new() -> Root {
        let programs = Path::new(env!("CARGO_BIN_EXE_sccache-collect"))
            .parent()
            .unwrap();
        Root::made_with(&["--bins", programs.to_str().unwrap()])
    }

    /// Returns a Portage without sccache-report.
    pub fn without_hook() -> Root {
        Root::made_with(&["--no-hook"])
    }

    /// Returns a Portage that just merged `dev-test/many-files`: cached and recorded. It is a copy, so that the tests
    /// together pay for one build.
    #[track_caller]
    pub fn with_build() -> Root {
        static TEMPLATE: OnceLock<Root> = OnceLock::new();
        extern "C" fn remove_template() {
            let template = TEMPLATE.get().expect("set before this was registered");
            let _ = fs::remove_dir_all(&template.dir);
        }
        let template = TEMPLATE.get_or_init(|| {
            let root = Root::new();
            root.emerge(&["dev-test/many-files"]);
            // Statics aren't dropped. SAFETY: the function takes and returns nothing, as C expects.
            unsafe { libc::atexit(remove_template) };
            root
        });
        let root = Root::unmade();
        let copied = Command::new("cp")
            .arg("-a")
            .args([&template.dir, &root.dir])
            .status();
        assert!(copied.unwrap().success());
        // The copied configuration is newer than the merge, so doctor would not trust the hook's records. Both have whole
        // seconds: the records have to be newer than the copy, and not newer than what the test changes.
        let now = "sed -i \"s/^time=.*/time=$((EPOCHSECONDS + 1))/\" /mnt/gentoo/var/lib/sccache-report/hook/last-*; sleep 1";
        root.run(&["bash", "-c", now]).ok();
        root
    }

    fn made_with(options: &[&str]) -> Root {
        let root = Root::unmade();
        harness(&[&["new"], options, &[root.path()]].concat());
        root
    }

    /// Returns a root with a name of its own, and without its folder.
    fn unmade() -> Root {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let work = env::var_os("SCCACHE_REPORT_WORK")
            .map_or(Path::new(PROJECT).join(".work"), PathBuf::from);
        let name = format!(
            "{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        Root {
            dir: work.join("roots").join(name),
            runs: AtomicU32::new(0),
            binds: Vec::new(),
        }
    }

    /// Mounts a folder of the host in later runs, for example one that several roots share.
    pub fn bind(&mut self, from: &Path, to: &str) -> &Root {
        self.binds.push((from.into(), to.into()));
        self
    }

    fn path(&self) -> &str {
        self.dir.to_str().unwrap()
    }

    pub fn file(&self, path: &str) -> PathBuf {
        self.dir.join(path.trim_start_matches('/'))
    }

    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Appends lines to a file such as /etc/portage/make.conf.
    pub fn append(&self, path: &str, text: &str) -> &Root {
        let file = self.file(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let old = fs::read_to_string(&file).unwrap_or_default();
        fs::write(&file, format!("{old}{text}\n")).unwrap();
        self
    }

    /// Adds an ebuild to the overlay: `root.ebuild("dev-test/other-1.0", "EAPI=8 ...")`.
    pub fn ebuild(&self, package_version: &str, text: &str) -> &Root {
        let (category, name_version) = package_version.split_once('/').unwrap();
        let at = name_version.char_indices().position(|(i, c)| {
            c == '-' && name_version[i + 1..].starts_with(|c: char| c.is_ascii_digit())
        });
        let name = &name_version[..at.expect("a version")];
        self.append(
            &format!("var/db/repos/test/{category}/{name}/{name_version}.ebuild"),
            text,
        )
    }

    /// Installs another version of sccache, or removes it (`none`).
    pub fn sccache(&self, version: &str) -> &Root {
        harness(&["sccache", self.path(), version]);
        self
    }

    /// Puts a script in place of a program in `/usr/bin`, which is `"$0.real"` and runs after these commands.
    pub fn replace_program(&self, name: &str, commands: &str) -> &Root {
        let program = self.file(&format!("usr/bin/{name}"));
        fs::rename(&program, program.with_extension("real")).unwrap();
        let script = format!("#!/bin/bash\n{commands}\nexec \"$0.real\" \"$@\"\n");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Runs `emerge -1`, and asserts success.
    #[track_caller]
    pub fn emerge(&self, packages: &[&str]) -> Run {
        self.emerge_with(&[], packages).ok()
    }

    /// Runs `emerge -1` with environment variables and options, and accepts any result.
    pub fn emerge_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Run {
        self.run_with(environment, &[&["emerge", "-1"], arguments].concat())
    }

    pub fn run(&self, command: &[&str]) -> Run {
        self.run_with(&[], command)
    }

    pub fn run_with(&self, environment: &[(&str, &str)], command: &[&str]) -> Run {
        self.start(environment, command).wait()
    }

    /// Starts a command and returns at once.
    pub fn start(&self, environment: &[(&str, &str)], command: &[&str]) -> Running {
        let (harness, log, leftovers) = self.prepare(environment, command);
        Running::start(harness, log, leftovers)
    }

    /// Starts a command in a terminal of its own, for [`Running::ctrl_c`].
    pub fn start_in_terminal(&self, environment: &[(&str, &str)], command: &[&str]) -> Running {
        let (harness, log, leftovers) = self.prepare(environment, command);
        Running::start_in_terminal(harness, log, leftovers)
    }

    fn prepare(
        &self,
        environment: &[(&str, &str)],
        command: &[&str],
    ) -> (Command, PathBuf, PathBuf) {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let (log, leftovers) = (
            self.file(&format!(".harness/log-{number}")),
            self.file(&format!(".harness/leftovers-{number}")),
        );
        let mut harness = Command::new(harness_path());
        harness.arg("run");
        for (from, to) in &self.binds {
            harness.arg("--bind").arg(from).arg(to);
        }
        harness.args([
            "--leftovers",
            leftovers.to_str().unwrap(),
            self.path(),
            "env",
            "TEST_PRINT_STATS=1",
        ]);
        harness
            .args(
                environment
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            )
            .args(command);
        (harness, log, leftovers)
    }

    /// Returns the default path of the database.
    pub fn database(&self) -> PathBuf {
        self.file("var/lib/sccache-report/stats.db")
    }

    /// Returns the rows of a report on the default database: `root.report(&["emerges"])`.
    #[track_caller]
    pub fn report(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        self.report_of(&self.database(), arguments)
    }

    /// Returns the rows of `sccache-report builds`, the newest last.
    #[track_caller]
    pub fn builds(&self, patterns: &[&str]) -> Vec<serde_json::Value> {
        self.report(&[&["builds"], patterns].concat())
    }

    #[track_caller]
    pub fn report_of(&self, database: &Path, arguments: &[&str]) -> Vec<serde_json::Value> {
        let output = Command::new(env!("CARGO_BIN_EXE_sccache-report"))
            .args(arguments)
            .args(["--format", "json", "--db"])
            .arg(database)
            .output()
            .unwrap();
        // 1: nothing matched.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["schema"], 1);
        document["rows"].as_array().unwrap().clone()
    }

    /// Returns the build logs of a package, with or without version, the oldest first.
    pub fn build_logs(&self, package: &str) -> Vec<String> {
        let start = package.replace('/', ":");
        let mut paths: Vec<_> = fs::read_dir(self.file("var/log/portage"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.retain(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let rest = name.strip_prefix(&start);
            rest.is_some_and(|rest| rest.starts_with(['-', ':']))
        });
        // The time in the name has only seconds.
        paths.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        paths
            .iter()
            .map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned())
            .collect()
    }

    #[track_caller]
    pub fn build_log(&self, package: &str) -> String {
        self.build_logs(package)
            .pop()
            .unwrap_or_else(|| panic!("no build log of {package}"))
    }

    /// Returns what sccache printed in the package's last build, for each phase in which it ran.
    #[track_caller]
    pub fn printed_stats(&self, package: &str) -> Vec<PrintedStats> {
        let log = self.build_log(package);
        let lines = log.lines().filter_map(|line| line.strip_prefix("@stats@ "));
        let said = lines.map(|line| line.split_once(' ').unwrap());
        said.map(|(phase, json)| PrintedStats {
            phase: phase.into(),
            json: serde_json::from_str(json).unwrap(),
        })
        .collect()
    }

    /// Returns the saved environment of an installed package such as `dev-test/rusty-1.0`.
    pub fn environment(&self, package_version: &str) -> String {
        let packed = self.file(&format!("var/db/pkg/{package_version}/environment.bz2"));
        let unpacked = Command::new("bzip2")
            .arg("-dc")
            .arg(&packed)
            .output()
            .unwrap();
        assert!(
            unpacked.status.success(),
            "{}: {}",
            packed.display(),
            String::from_utf8_lossy(&unpacked.stderr)
        );
        String::from_utf8_lossy(&unpacked.stdout).into_owned()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if env::var_os("SCCACHE_REPORT_KEEP_ROOTS").is_some() {
            eprintln!("kept: {}", self.dir.display());
        } else if let Err(error) = fs::remove_dir_all(&self.dir) {
            eprintln!("can't remove {}: {error}", self.dir.display());
        }
    }
}

fn harness_path() -> PathBuf {
    Path::new(PROJECT).join("tests/portage-root/harness")
}

fn harness(arguments: &[&str]) {
    let output = Command::new(harness_path())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "harness {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
